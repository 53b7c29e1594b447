"""Outcomes go to the database, or on disk while it is away, and from there to it: each once.

What is kept on disk are outcomes as they were polled, no deltas. These are taken when an outcome is
recorded, from what the database holds then, so that recording one again changes nothing (a crash
between the commit and the removal of its file), and so that outcomes of a shard must be recorded in
the order of time: while any of it waits on disk, newer ones go there too, behind it.

Where the database refuses what a batch says, the batch is halved, each half a transaction, until
what is refused stands alone: that is set aside with the reason, all else is recorded. A batch of n
takes 2n - 1 transactions at most, about 2 log n for one that is refused.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from sqlalchemy.exc import SQLAlchemyError

from dcim.accounts.scope import Scope
from dcim.config import Settings
from dcim.db import SessionFactory, is_passing, is_refusal, transaction
from dcim.snmp.polling.outcome_codec import Batch
from dcim.snmp.polling.port_recording import PortRecorder
from dcim.snmp.polling.recording import Outcome, record_outcomes
from dcim.snmp.polling.spool import Spool, SpoolFullError

log = structlog.get_logger(__name__)

# Agents whose samples are committed together.
CHUNK = 100
# So long a poll helps to replay what waits, before it leaves the rest for later.
HELP_S = 5.0


@dataclass(slots=True)
class _Result:
    """What became of outcomes: all others are recorded.

    `left` are those that nobody has tried to the end, as `error` came between; it isn't theirs.
    """

    refused: list[tuple[Outcome, str]] = field(default_factory=list)
    left: list[Outcome] = field(default_factory=list)
    error: Exception | None = None

    def make_batch(self, shard: int) -> Batch:
        return Batch(
            shard,
            tuple(outcome for outcome, _ in self.refused),
            tuple(why for _, why in self.refused),
        )


@dataclass(slots=True)
class OutcomeKeeper:
    """What one worker records with."""

    settings: Settings
    sessions: SessionFactory
    recorder: PortRecorder = field(default_factory=PortRecorder)
    spool: Spool = field(init=False)

    def __post_init__(self) -> None:
        self.spool = Spool(self.settings.spool_folder, self.settings.spool_limit_bytes)

    def keep(self, shard: int, outcomes: Sequence[Outcome]) -> bool:
        """Record outcomes of one round, or spool them. Whether all are in the database now.

        Raises what the database says of statements that could never succeed, whatever they write.
        """
        chunks = range(0, len(outcomes), CHUNK)
        recorded = [self._keep(shard, outcomes[start : start + CHUNK]) for start in chunks]
        if self.spool.waiting(shard):
            self.replay(shard, within_s=HELP_S)
        return all(recorded)

    def _keep(self, shard: int, outcomes: Sequence[Outcome]) -> bool:
        waiting = bool(self.spool.waiting(shard))
        if waiting:
            full = self._spool(shard, outcomes)
            if not full:
                return False
            # Should the database be back, what waits makes room, and must be recorded before.
            self.replay(shard, within_s=HELP_S)
            if self.spool.waiting(shard):
                self.spool.note_dropped(shard, len(outcomes), full)
                return False
        result = self._record(outcomes)
        if result.refused:
            self.spool.put_aside(result.make_batch(shard))
        if (error := result.error) is not None:
            if not _passes(error):
                raise error
            log.warning("database away: polls spooled", shard=shard, error=_name(error))
            full = self._spool(shard, result.left)
            if full:
                self.spool.note_dropped(shard, len(result.left), full)
        return not result.refused and not result.left

    def _spool(self, shard: int, outcomes: Sequence[Outcome]) -> str:
        """Put outcomes on disk. Returns why not, empty if they are."""
        try:
            self.spool.put(shard, outcomes)
        except SpoolFullError as error:
            return str(error)
        return ""

    def _record(self, outcomes: Sequence[Outcome]) -> _Result:
        """Record all that the database takes; each part that is tried is a transaction."""
        result = _Result()
        parts = [list(outcomes)]
        while parts:
            part = parts.pop()
            try:
                self._record_whole(part)
            except (SQLAlchemyError, UnicodeEncodeError) as error:
                if not is_refusal(error):
                    result.error = error
                    result.left = [outcome for each in (part, *parts[::-1]) for outcome in each]
                    break
                if len(part) == 1:
                    result.refused.append((part[0], _name(error)))
                else:
                    middle = len(part) // 2
                    parts += [part[middle:], part[:middle]]
        return result

    def _record_whole(self, outcomes: Sequence[Outcome]) -> None:
        with transaction(self.sessions, Scope.system("poll")) as session:
            now_ms = time.time_ns() // 1_000_000
            record_outcomes(session, self.recorder, outcomes, now_ms)

    def replay_all(self) -> int:
        """Record all that waits. Returns how many polls; stops where the database stops."""
        self.spool.sweep_out()
        return sum(self.replay(shard) for shard in self.spool.shards())

    def replay(self, shard: int, *, within_s: float = float("inf")) -> int:
        """Record what waits of a shard, oldest first, unless another worker does it now.

        Returns how many polls. Each file is a transaction, and removed when that is committed.
        """
        until = time.monotonic() + within_s
        polls = 0
        try:
            with self.spool.replaying(shard) as ours:
                # Anew each time: a poll may have come behind what was there.
                while ours and (files := self.spool.waiting(shard)):
                    done, more = self._replay_files(files, until)
                    polls += done
                    if not more:
                        break
        except OSError:
            log.exception("spool can't be read", shard=shard)
        if polls:
            log.info("spooled polls recorded", shard=shard, polls=polls)
        return polls

    def _replay_files(self, files: Sequence[Path], until: float) -> tuple[int, bool]:
        """Record files. Returns how many polls, and whether to look for more."""
        polls = 0
        for path in files:
            if time.monotonic() >= until:
                return polls, False
            batch = self.spool.open(path)
            if batch is None:
                continue
            result = self._record(batch.outcomes)
            if (error := result.error) is not None:
                if _passes(error):
                    return polls, False  # and all of it once more: that changes nothing
                self.spool.set_aside(path, f"the database can't take it: {_name(error)}")
                continue
            if result.refused:
                self.spool.put_aside(result.make_batch(batch.shard), path)
            else:
                self.spool.remove(path)
            polls += len(batch.outcomes) - len(result.refused)
        return polls, True


def _passes(error: Exception) -> bool:
    return isinstance(error, SQLAlchemyError) and is_passing(error)


def _name(error: Exception) -> str:
    """The kind of an error, and whose rule it was: its text may show what was written."""
    cause = getattr(error, "orig", None) or error
    rule = getattr(getattr(cause, "diag", None), "constraint_name", None)
    return f"{type(cause).__name__} ({rule})" if rule else type(cause).__name__
