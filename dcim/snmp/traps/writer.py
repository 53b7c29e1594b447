"""From disk to the database, in batches; a trap of a polled device has it polled soon."""

import datetime as dt
import time
from collections.abc import Mapping, Sequence
from threading import Event

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.db import SessionFactory, is_refusal, transaction
from dcim.snmp.traps.entries import Spooled, decode_entries, join, take_apart
from dcim.snmp.traps.intake import Intake
from dcim.snmp.traps.mappings import read_mappings
from dcim.snmp.traps.meanings import Meanings
from dcim.snmp.traps.recording import DeferPolls, record, record_drops
from dcim.snmp.traps.senders import Book
from dcim.snmp.traps.spool import TrapSpool

log = structlog.get_logger(__name__)

SYSTEM = Scope.system("traps")
# A device that sends and sends is polled for it at most so often, seconds.
POLL_AGAIN_S = 15.0
_TICK_S = 0.5
# Pause after the database was away, seconds.
_AWAY_S = 2.0


class Writer:
    """Records what the spool holds; of one thread."""

    def __init__(
        self, sessions: SessionFactory, spool: TrapSpool, shipped: Meanings, defer: DeferPolls
    ) -> None:
        self.sessions, self.spool, self.shipped = sessions, spool, shipped
        self._defer = defer
        self._pending: dict[int, set[int]] = {}
        self._polled_s: dict[int, float] = {}

    def run(self, intake: Intake, wake: Event, stop: Event) -> None:
        """Until `stop`; then once more, so that what is on disk by then is recorded."""
        while True:
            stopping = stop.is_set()
            whole = self.record_waiting(intake.book) and self.record_drops(intake)
            if stopping:
                return
            if whole:
                wake.wait(_TICK_S)
            else:
                stop.wait(_AWAY_S)
            wake.clear()

    def record_waiting(self, book: Book | None = None) -> bool:
        """Record all files, oldest first. Whether the database took them."""
        for path in self.spool.waiting():
            try:
                spooled = decode_entries(path.read_bytes())
            except FileNotFoundError:
                continue
            except ValueError as error:
                self.spool.set_aside(path, str(error))
                continue
            try:
                refused = self._record(spooled)
            except SQLAlchemyError as error:
                log.warning("traps wait on disk", why=type(error).__name__)
                return False
            if refused:
                self.spool.put_aside(path, join(refused))
            else:
                self.spool.remove(path)
            if book is not None:
                self._note(spooled, book)
        return self._poll_soon()

    def _record(self, spooled: Spooled) -> list[Spooled]:
        """Record it whole; where that is refused one by one, and return those that are refused.

        Raises SQLAlchemyError for what isn't the traps' fault.
        """
        if self._is_taken(spooled):
            return []
        # By what one of them says, or as its device is deleted this moment: then it passes now.
        return [one for one in take_apart(spooled) if not self._is_taken(one)]

    def _is_taken(self, spooled: Spooled) -> bool:
        try:
            with transaction(self.sessions, SYSTEM) as session:
                record(session, spooled, (read_mappings(session), self.shipped))
        except (SQLAlchemyError, ValueError) as error:
            if isinstance(error, SQLAlchemyError) and not is_refusal(error):
                raise
            log.warning("traps refused", traps=len(spooled.entries), why=type(error).__name__)
            return False
        return True

    def _note(self, spooled: Spooled, book: Book) -> None:
        """Note who is to be polled for it."""
        for entry in spooled.entries:
            sender = book.find(entry.source)
            if sender.agent_id is not None and sender.shard is not None:
                self._pending.setdefault(sender.shard, set()).add(sender.agent_id)

    def _poll_soon(self) -> bool:
        now_s = time.monotonic()
        due = {
            shard: sorted(each for each in agents if self._is_due(each, now_s))
            for shard, agents in self._pending.items()
        }
        due = {shard: agents for shard, agents in due.items() if agents}
        if not due:
            return True
        try:
            with transaction(self.sessions, SYSTEM) as session:
                queued = self._defer(session, due)
        except SQLAlchemyError as error:
            log.warning("polls wait to be queued", why=type(error).__name__)
            return False
        for shard in queued:
            # Whoever was polled for a trap just now is polled for this one when it is due again.
            left = self._pending.pop(shard) - set(due[shard])
            if left:
                self._pending[shard] = left
            for agent_id in due[shard]:
                self._polled_s[agent_id] = now_s
        return True

    def _is_due(self, agent_id: int, now_s: float) -> bool:
        return now_s - self._polled_s.get(agent_id, float("-inf")) >= POLL_AGAIN_S

    def record_drops(self, intake: Intake) -> bool:
        drops = intake.take_drops()
        if not drops:
            return True
        try:
            with transaction(self.sessions, SYSTEM) as session:
                record_drops(session, drops, dt.datetime.now(dt.UTC))
        except SQLAlchemyError as error:
            log.warning("counts of drops wait", why=type(error).__name__)
            intake.give_back(drops)
            return False
        return True


def poll_nobody(session: Session, due: Mapping[int, Sequence[int]]) -> Sequence[int]:
    """For a receiver without a queue."""
    return list(due)
