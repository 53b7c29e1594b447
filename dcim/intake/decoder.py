"""From datagrams to entries on disk; what isn't taken is counted. Each kind decodes its own way."""

from __future__ import annotations

import secrets
import threading
from abc import ABC, abstractmethod
from collections import Counter
from typing import Generic, Protocol, TypeAlias, TypeVar

import structlog

from dcim.intake.frames import Datagram
from dcim.intake.repeats import Grown, Repeats
from dcim.intake.senders import Book, SenderT
from dcim.intake.spool import Spool, SpoolFullError

log = structlog.get_logger(__name__)

SPOOL_FULL = "spool_full"
_UNEXPECTED = "unexpected"
# Entries that are written at once, at most: a sync of the disk costs as much for one as for many.
FULL_BATCH = 4_000

Drops: TypeAlias = "Counter[tuple[int | None, str]]"


class Entry(Protocol):
    """A message as it is kept; `agent_id`: whose address it came from, if anybody's."""

    agent_id: int | None


EntryT = TypeVar("EntryT", bound=Entry)


class Decoder(ABC, Generic[EntryT, SenderT]):
    """One receiver's decoder. `take` and `flush` are of one thread, `take_drops` of any."""

    def __init__(self, spool: Spool, book: Book[SenderT]) -> None:
        self.spool, self.book = spool, book
        self.entries: list[EntryT] = []
        self._repeats = Repeats()
        self._drops: Drops = Counter()
        self._turn = threading.Lock()
        self._run = secrets.token_hex(8)
        self._number = 0

    def take(self, datagram: Datagram, now_s: float) -> None:
        """Take one datagram; whatever it is, this raises nothing."""
        sender = self.book.find(datagram.source)
        try:
            self._take(datagram, sender, now_s)
        except Exception:
            # Nobody may end the receiver by what they send.
            log.exception("a datagram was not understood", source=datagram.source)
            self.drop(sender.agent_id, _UNEXPECTED)

    @abstractmethod
    def _take(self, datagram: Datagram, sender: SenderT, now_s: float) -> None:
        """Decode it, and keep or drop it."""

    def _name(self, key: bytes, at_ms: int, now_s: float) -> str:
        """The uid to keep it under; empty where the same (`key`) came within the minute."""
        self._number += 1
        uid = f"{self._run}-{self._number}"
        return uid if self._repeats.note(key, uid, now_s, at_ms) else ""

    def flush(self) -> bool:
        """Put what was taken on disk. Whether there was anything."""
        entries, self.entries = self.entries, []
        content = self._encode(entries, self._repeats.take_grown())
        if not content:
            return False
        try:
            self.spool.put(content)
        except SpoolFullError as error:
            log.warning("dropped: spool full", dropped=len(entries), why=str(error))
            for entry in entries:
                self.drop(entry.agent_id, SPOOL_FULL)
            # What wasn't kept wasn't heard: it may come again, and is nobody's repeat.
            self._repeats = Repeats()
            self._lost()
            return False
        self._kept()
        return True

    @abstractmethod
    def _encode(self, entries: list[EntryT], grown: list[Grown]) -> bytes:
        """A spool file's content; empty where there is nothing."""

    def _kept(self) -> None:
        """What was encoded is on disk."""

    def _lost(self) -> None:
        """It is not, and won't be."""

    # -- what wasn't taken

    def drop(self, agent_id: int | None, reason: str, count: int = 1) -> None:
        with self._turn:
            self._drops[agent_id, reason] += count

    def drop_of(self, source: str, reason: str, count: int) -> None:
        """Of an address; without one, of all that aren't allowed."""
        self.drop(self.book.find(source).agent_id if source else None, reason, count)

    def take_drops(self) -> Drops:
        with self._turn:
            taken, self._drops = self._drops, Counter()
        return taken

    def give_back(self, drops: Drops) -> None:
        """What couldn't be recorded is told the next time."""
        with self._turn:
            self._drops.update(drops)
