"""Polls on disk, waiting for the database: the instance's `spool` folder.

A file is one batch (`outcome_codec`), written to a temporary name, synced, renamed, and the folder
synced: what has its name is whole and survives a loss of power. Names begin with the time of the
batch's first poll, so that sorting them is the order in which they are to be recorded.

When the folder is full the newest batch is dropped, not the oldest: counters go on counting, so a
poll that is missing takes no octet off a bill, whichever it is, as long as the hole isn't longer
than a delta may be (`counters`). But what was once acknowledged as kept stays kept, nothing needs
to be deleted on a disk in trouble, and there is one hole, with a beginning that is known, beside
the moment when the database answers again, instead of one that grows from the beginning.
"""

import fcntl
import itertools
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from dcim.snmp.polling.outcome_codec import Batch, DamagedSpoolError, decode, encode
from dcim.snmp.polling.recording import Outcome
from dcim.whole_files import UNFINISHED, write_whole

log = structlog.get_logger(__name__)

_SUFFIX = ".polls"
_DAMAGED = ".damaged"
# An unfinished file so old has no writer any more.
_ABANDONED_S = 600.0
# How many polls were dropped because the folder was full, as text.
_DROPPED = "dropped"
# So much of the folder's limit may be taken by refused polls: they must not crowd out an outage's.
_SHARE_SET_ASIDE = 0.1
# Files set aside that `summary` looks into, the newest.
_LOOKED_INTO = 20


class SpoolFullError(RuntimeError):
    """A batch can't be kept; the message says why."""


@dataclass(frozen=True, slots=True)
class SetAside:
    """A file that is looked at by people alone: how many polls it holds, and why it is there."""

    file: str
    polls: int
    why: str


@dataclass(frozen=True, slots=True)
class SpoolSummary:
    """What waits, and the newest of what was set aside.

    Times are UTC epoch ms of the first and last poll that waits, None of an empty spool.
    """

    files: int
    polls: int
    octets: int
    first_ms: int | None
    last_ms: int | None
    shards: tuple[int, ...]
    damaged: int
    dropped: int
    set_aside: tuple[SetAside, ...] = ()


@dataclass(slots=True)
class Spool:
    """One folder; any number of workers of a machine may share it."""

    folder: Path
    limit_octets: int
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def put(self, shard: int, outcomes: Sequence[Outcome]) -> None:
        """Keep outcomes of one round, each agent at most once: they are on disk on return.

        Raises SpoolFullError; whatever the disk says is one, as it must not stop the polling.
        """
        octets = encode(Batch(shard, tuple(outcomes)))
        name = self._name(shard, outcomes)
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            taken = sum(size for _, size in self._entries())
            if taken + len(octets) > self.limit_octets:
                raise SpoolFullError(f"its limit of {self.limit_octets} bytes is reached")
            write_whole(self.folder, name, octets)
        except OSError as error:
            raise SpoolFullError(error.strerror or type(error).__name__) from error

    def _name(self, shard: int, outcomes: Sequence[Outcome]) -> str:
        at_ms = min(outcome.at_ms for outcome in outcomes)
        return f"{at_ms:015d}-{shard}-{os.getpid()}-{next(self._numbers)}{_SUFFIX}"

    def note_dropped(self, shard: int, polls: int, why: str) -> None:
        """Log polls that are lost, and count them for `summary`."""
        log.error("polls dropped: they can't be spooled", shard=shard, polls=polls, why=why)
        with suppress(OSError), self._locked(_DROPPED) as handle:
            before = os.pread(handle, 20, 0)
            count = polls + (int(before) if before.isdigit() else 0)
            os.pwrite(handle, str(count).encode(), 0)

    # -- what is there

    def _entries(self) -> Iterator[tuple[str, int]]:
        """Names and sizes of all that takes room here, damaged and unfinished files too."""
        with suppress(FileNotFoundError), os.scandir(self.folder) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):
                    yield entry.name, entry.stat(follow_symlinks=False).st_size

    def waiting(self, shard: int | None = None) -> list[Path]:
        """Files of a shard, or of all, oldest first."""
        try:
            files = [path for path in self.folder.iterdir() if _shard_of(path.name) is not None]
        except FileNotFoundError:
            return []
        return sorted(path for path in files if shard in (None, _shard_of(path.name)))

    def shards(self) -> list[int]:
        """Shards of which polls wait."""
        found = {_shard_of(path.name) for path in self.waiting()}
        return sorted(shard for shard in found if shard is not None)

    def open(self, path: Path) -> Batch | None:
        """What a file holds; None if nothing: it is gone, or damaged and set aside now."""
        try:
            batch = decode(path.read_bytes())
        except FileNotFoundError:
            return None
        except DamagedSpoolError as error:
            self.set_aside(path, str(error))
            return None
        if batch.shard != _shard_of(path.name):
            self.set_aside(path, "it is of another shard than its name says")
            return None
        return batch

    def set_aside(self, path: Path, why: str) -> None:
        """Keep a file for people to look at; it blocks nothing any more."""
        log.error("spooled polls set aside", file=path.name, why=why)
        with suppress(FileNotFoundError):
            path.rename(path.with_name(path.name + _DAMAGED))

    def put_aside(self, batch: Batch, path: Path | None = None) -> None:
        """Keep refused outcomes for people to look at; of a file, instead of the whole of it.

        Polls that there is no room for are dropped and counted. Again is the same as once.
        """
        why = "; ".join(sorted(set(batch.refusals)))
        log.error("polls refused", shard=batch.shard, polls=len(batch.outcomes), why=why)
        name = (path.name if path else self._name(batch.shard, batch.outcomes)) + _DAMAGED
        octets = encode(batch)
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            taken = sum(size for found, size in self._entries() if found.endswith(_DAMAGED))
            if taken + len(octets) > self.limit_octets * _SHARE_SET_ASIDE:
                self.note_dropped(batch.shard, len(batch.outcomes), "too many are set aside")
            else:
                # Of a process that died over it.
                (self.folder / (name + UNFINISHED)).unlink(missing_ok=True)
                write_whole(self.folder, name, octets)
        except OSError as error:
            if path is not None:
                self.set_aside(path, why)
                return
            self.note_dropped(batch.shard, len(batch.outcomes), error.strerror or "")
        if path is not None:
            self.remove(path)

    def remove(self, path: Path) -> None:
        """Forget a file whose polls are in the database."""
        with suppress(FileNotFoundError):
            path.unlink()

    def sweep_out(self) -> None:
        """Delete what writers that died left unfinished."""
        before = time.time() - _ABANDONED_S
        with suppress(FileNotFoundError):
            for path in self.folder.glob(f"*{_SUFFIX}*{UNFINISHED}"):
                with suppress(FileNotFoundError):
                    if path.stat().st_mtime < before:
                        path.unlink()

    def summary(self) -> SpoolSummary:
        """Look through all files, without setting any aside."""
        octets, kinds = 0, Counter[str]()
        aside: list[str] = []
        for name, size in self._entries():
            octets += size
            if name.endswith(_DAMAGED):
                kinds["damaged"] += 1
                aside.append(name)
        files = self.waiting()
        times: list[int] = []
        shards: set[int] = set()
        for path in files:
            try:
                batch = decode(path.read_bytes())
            except FileNotFoundError:
                continue
            except DamagedSpoolError:
                kinds["damaged"] += 1
                continue
            times += [outcome.at_ms for outcome in batch.outcomes]
            shards.add(batch.shard)
        return SpoolSummary(
            files=len(files),
            polls=len(times),
            octets=octets,
            first_ms=min(times, default=None),
            last_ms=max(times, default=None),
            shards=tuple(sorted(shards)),
            damaged=kinds["damaged"],
            dropped=self._dropped(),
            set_aside=tuple(map(self._look_into, sorted(aside)[-_LOOKED_INTO:])),
        )

    def _look_into(self, name: str) -> SetAside:
        try:
            batch = decode((self.folder / name).read_bytes())
        except OSError as error:
            return SetAside(name, 0, error.strerror or type(error).__name__)
        except DamagedSpoolError as error:
            return SetAside(name, 0, str(error))
        why = "; ".join(sorted(set(batch.refusals))) or "it is of another shard than its name says"
        return SetAside(name, len(batch.outcomes), why)

    def _dropped(self) -> int:
        with suppress(OSError, ValueError):
            return int((self.folder / _DROPPED).read_bytes())
        return 0

    # -- workers of one machine among themselves

    @contextmanager
    def _locked(self, name: str, *, wait: bool = True) -> Iterator[int]:
        """An open file that nobody else has locked; the kernel unlocks it when we die.

        Raises BlockingIOError when it is locked and we don't `wait`.
        """
        handle = os.open(self.folder / name, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            yield handle
        finally:
            os.close(handle)

    @contextmanager
    def replaying(self, shard: int) -> Iterator[bool]:
        """Whether it is ours now to replay this shard; False while another does."""
        try:
            with self._locked(f"replay-{shard}.lock", wait=False):
                yield True
        except BlockingIOError:
            yield False

    def claim_beat(self, shard: int, beat: int) -> bool:
        """Whether this poll of the shard is ours: of a machine's workers, one gets each beat."""
        try:
            with self._locked(f"beat-{shard}.lock") as handle:
                before = os.pread(handle, 20, 0)
                # Ours may be the next beat's already; one far ahead is a clock that was set back.
                if before.isdigit() and 0 <= int(before) - beat <= 1:
                    return False
                os.pwrite(handle, str(beat).encode(), 0)
        except OSError:
            # Polled twice is harmless, not at all isn't.
            return True
        return True


def _shard_of(name: str) -> int | None:
    """The shard in a batch's name, None if it isn't one."""
    parts = name.removesuffix(_SUFFIX).split("-")
    if not name.endswith(_SUFFIX) or len(parts) != 4 or not all(map(str.isdecimal, parts)):
        return None
    return int(parts[1])
