"""From disk to the database, in batches; what speaks of a polled device has it polled soon."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from threading import Event
from typing import Any, Generic, TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.db import SessionFactory, is_refusal, transaction
from dcim.intake.decoder import Decoder, Drops
from dcim.intake.senders import Book
from dcim.intake.spool import Spool

log = structlog.get_logger(__name__)

# Has agents polled soon, by their shard; returns the shards whose polls are queued now.
DeferPolls = Callable[[Session, Mapping[int, Sequence[int]]], Sequence[int]]
SpooledT = TypeVar("SpooledT")

# A device that sends and sends is polled for it at most so often, seconds.
POLL_AGAIN_S = 15.0
_TICK_S = 0.5
# Pause after the database was away, seconds.
_AWAY_S = 2.0


class Writer(ABC, Generic[SpooledT]):
    """Records what the spool holds; of one thread."""

    def __init__(
        self, sessions: SessionFactory, scope: Scope, spool: Spool, defer: DeferPolls
    ) -> None:
        self.sessions, self.scope, self.spool = sessions, scope, spool
        self._defer = defer
        self._pending: dict[int, set[int]] = {}
        self._polled_s: dict[int, float] = {}

    # -- what a kind of messages says

    @abstractmethod
    def _decode(self, content: bytes) -> SpooledT:
        """What a spool file holds. Raises ValueError for what isn't one."""

    @abstractmethod
    def _record(self, session: Session, spooled: SpooledT) -> Iterable[str]:
        """Record it, which again changes nothing; the addresses that are to be polled for it."""

    @abstractmethod
    def _take_apart(self, spooled: SpooledT) -> list[SpooledT]:
        """Each thing by itself, in the order they are to be recorded in."""

    @abstractmethod
    def _join(self, parts: list[SpooledT]) -> bytes:
        """A spool file's content of what `_take_apart` gave."""

    @abstractmethod
    def _count_drops(self, session: Session, drops: Drops) -> None:
        """Add to what is counted of the day."""

    # -- the same for all

    def run(self, decoder: Decoder[Any, Any], wake: Event, stop: Event) -> None:
        """Until `stop`; then once more, so that what is on disk by then is recorded."""
        while True:
            stopping = stop.is_set()
            whole = self.record_waiting(decoder.book) and self.record_drops(decoder)
            if stopping:
                return
            if whole:
                wake.wait(_TICK_S)
            else:
                stop.wait(_AWAY_S)
            wake.clear()

    def record_waiting(self, book: Book[Any] | None = None) -> bool:
        """Record all files, oldest first. Whether the database took them."""
        for path in self.spool.waiting():
            try:
                spooled = self._decode(path.read_bytes())
            except FileNotFoundError:
                continue
            except ValueError as error:
                self.spool.set_aside(path, str(error))
                continue
            heard: set[str] = set()
            try:
                refused = self._record_file(spooled, heard)
            except SQLAlchemyError as error:
                log.warning("what was received waits on disk", why=type(error).__name__)
                return False
            if refused:
                self.spool.put_aside(path, self._join(refused))
            else:
                self.spool.remove(path)
            if book is not None:
                self._note(heard, book)
        return self._poll_soon()

    def _record_file(self, spooled: SpooledT, heard: set[str]) -> list[SpooledT]:
        """Record it whole; where that is refused one by one, and return those that are refused.

        Raises SQLAlchemyError for what isn't the messages' fault.
        """
        if self._is_taken(spooled, heard):
            return []
        # By what one of them says, or as its device is deleted this moment: then it passes now.
        return [one for one in self._take_apart(spooled) if not self._is_taken(one, heard)]

    def _is_taken(self, spooled: SpooledT, heard: set[str]) -> bool:
        try:
            with transaction(self.sessions, self.scope) as session:
                sources = set(self._record(session, spooled))
        except (SQLAlchemyError, ValueError) as error:
            if isinstance(error, SQLAlchemyError) and not is_refusal(error):
                raise
            log.warning("what was received is refused", why=type(error).__name__)
            return False
        heard |= sources
        return True

    def _note(self, sources: Iterable[str], book: Book[Any]) -> None:
        """Note who is to be polled for it."""
        for source in sources:
            sender = book.find(source)
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
            with transaction(self.sessions, self.scope) as session:
                queued = self._defer(session, due)
        except SQLAlchemyError as error:
            log.warning("polls wait to be queued", why=type(error).__name__)
            return False
        for shard in queued:
            # Whoever was polled for one just now is polled for this one when it is due again.
            left = self._pending.pop(shard) - set(due[shard])
            if left:
                self._pending[shard] = left
            for agent_id in due[shard]:
                self._polled_s[agent_id] = now_s
        return True

    def _is_due(self, agent_id: int, now_s: float) -> bool:
        return now_s - self._polled_s.get(agent_id, float("-inf")) >= POLL_AGAIN_S

    def record_drops(self, decoder: Decoder[Any, Any]) -> bool:
        drops = decoder.take_drops()
        if not drops:
            return True
        try:
            with transaction(self.sessions, self.scope) as session:
                self._count_drops(session, drops)
        except SQLAlchemyError as error:
            log.warning("counts of drops wait", why=type(error).__name__)
            decoder.give_back(drops)
            return False
        return True
