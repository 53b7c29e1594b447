"""From datagrams to entries on disk: decodes, authenticates, counts repeats, answers informs."""

from __future__ import annotations

import secrets
import socket
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

import structlog

from dcim.snmp.traps.decoding import Notification, decode, find_version
from dcim.snmp.traps.entries import EngineNote, TrapEntry, encode_entries, make_entry
from dcim.snmp.traps.frames import Datagram
from dcim.snmp.traps.repeats import Repeats, key_of
from dcim.snmp.traps.senders import Book, Sender
from dcim.snmp.traps.spool import TrapSpool, TrapSpoolFullError
from dcim.snmp.traps.v3 import Heard, Notifications, SenderEngine
from dcim.snmp.wire import ber
from dcim.snmp.wire.v3_message import Rejected

log = structlog.get_logger(__name__)

SPOOL_FULL = "spool_full"
_UNEXPECTED = "unexpected"
# An inform that wasn't acknowledged in time comes again with its number.
_INFORM_AGAIN_S = 60.0
_MOST_INFORMS = 50_000
# Entries that are written at once, at most: a sync of the disk costs as much for one as for many.
FULL_BATCH = 4_000

Send = Callable[[bytes, tuple[str, int]], object]


class Intake:
    """One receiver's decoder. `take` and `flush` are of one thread, `take_drops` of any."""

    def __init__(
        self,
        spool: TrapSpool,
        notifications: Notifications,
        send: Send,
        engines: Mapping[str, SenderEngine],
    ) -> None:
        self.spool = spool
        self.book = Book({}, Sender())
        self.entries: list[TrapEntry] = []
        self._notifications = notifications
        self._send = send
        self._engines = dict(engines)
        self._owners = {engine.engine_id: source for source, engine in engines.items()}
        self._moved: dict[str, EngineNote] = {}
        self._repeats = Repeats()
        self._informs: OrderedDict[tuple[str, int, int], float] = OrderedDict()
        self._answers: list[tuple[bytes, tuple[str, int]]] = []
        self._drops: Counter[tuple[int | None, str]] = Counter()
        self._turn = threading.Lock()
        self._run = secrets.token_hex(8)
        self._number = 0

    def take(self, datagram: Datagram, now_s: float) -> None:
        """Take one datagram; whatever it is, this raises nothing."""
        sender = self.book.find(datagram.source)
        try:
            self._take(datagram, sender, now_s)
        except Rejected as error:
            self.drop(sender.agent_id, error.reason)
        except Exception:
            # Nobody may end the receiver by what they send.
            log.exception("a datagram was not understood", source=datagram.source)
            self.drop(sender.agent_id, _UNEXPECTED)

    def _take(self, datagram: Datagram, sender: Sender, now_s: float) -> None:
        peer = (datagram.source, datagram.port)
        if find_version(datagram.octets) == 3:
            heard = self._judge_v3(datagram, sender, now_s)
            if heard.told is None:
                self._send(heard.answer, peer)
                return
            told, answer, again = heard.told, heard.answer, heard.is_again
        else:
            told = decode(datagram.octets)
            if not sender.knows(told.community):
                raise Rejected(
                    "wrong_community" if sender.communities or not sender.users else "wrong_version"
                )
            answer, again = self._answer(told), self._is_again(datagram, told, now_s)
        if not again:
            self._keep(datagram, sender, told, now_s)
        if answer:
            self._answers.append((answer, peer))

    def _judge_v3(self, datagram: Datagram, sender: Sender, now_s: float) -> Heard:
        source = datagram.source
        heard = self._notifications.judge(
            datagram.octets, source, sender.users.get, self._engines.get(source), now_s
        )
        if heard.moved is not None and heard.moved.clock is not None:
            engine_id, clock = heard.moved.engine_id, heard.moved.clock
            # What one device signed isn't believed of another, though they share their password.
            if self._owners.setdefault(engine_id, source) != source:
                raise Rejected("wrong_engine")
            self._engines[source] = heard.moved
            self._moved[source] = EngineNote(
                source, engine_id.hex(), clock.boots, clock.time, int(datagram.at_s * 1000)
            )
        return heard

    @staticmethod
    def _answer(told: Notification) -> bytes:
        """The response to an inform over v2c (RFC 3416, 4.2.7): the same varbinds."""
        asked = told.request
        if asked is None:
            return b""
        return ber.encode_message(
            ber.Message(
                ber.V2C, told.community, ber.RESPONSE, asked.request_id, 0, 0, asked.varbinds
            )
        )

    def _is_again(self, datagram: Datagram, told: Notification, now_s: float) -> bool:
        """Whether this very inform was taken already."""
        if told.request is None:
            return False
        key = (datagram.source, datagram.port, told.request.request_id)
        informs = self._informs
        while informs and next(iter(informs.values())) < now_s - _INFORM_AGAIN_S:
            informs.popitem(last=False)
        if key in informs:
            return True
        if len(informs) >= _MOST_INFORMS:
            informs.popitem(last=False)
        informs[key] = now_s
        return False

    def _keep(self, datagram: Datagram, sender: Sender, told: Notification, now_s: float) -> None:
        self._number += 1
        uid = f"{self._run}-{self._number}"
        at_ms = int(datagram.at_s * 1000)
        if self._repeats.note(key_of(datagram.source, told), uid, now_s, at_ms):
            self.entries.append(
                make_entry(uid, at_ms, datagram.source, sender.agent_id, sender.device_id, told)
            )

    def flush(self) -> bool:
        """Put what was taken on disk, then answer informs. Whether there was anything."""
        entries, self.entries = self.entries, []
        answers, self._answers = self._answers, []
        moved, self._moved = self._moved, {}
        grown = [(one.uid, one.count, one.last_ms) for one in self._repeats.take_grown()]
        if not entries and not grown and not moved:
            self._reply(answers)
            return False
        try:
            self.spool.put(encode_entries(entries, grown, moved.values()))
        except TrapSpoolFullError as error:
            log.warning("traps dropped: spool full", traps=len(entries), why=str(error))
            for entry in entries:
                self.drop(entry.agent_id, SPOOL_FULL)
            # What wasn't kept wasn't heard: it may come again, and is nobody's repeat.
            self._moved = moved
            self._repeats = Repeats()
            self._informs.clear()
            self._notifications.settle(kept=False)
            return False
        self._notifications.settle(kept=True)
        self._reply(answers)
        return True

    def _reply(self, answers: list[tuple[bytes, tuple[str, int]]]) -> None:
        for answer, peer in answers:
            self._send(answer, peer)

    def forget_engines(self, sources: Iterable[str]) -> None:
        """The next engine that signs rightly from these addresses is theirs."""
        for source in sources:
            if engine := self._engines.pop(source, None):
                self._owners.pop(engine.engine_id, None)
                self._moved.pop(source, None)

    # -- what wasn't taken

    def drop(self, agent_id: int | None, reason: str, count: int = 1) -> None:
        with self._turn:
            self._drops[agent_id, reason] += count

    def drop_of(self, source: str, reason: str, count: int) -> None:
        """Of an address; without one, of all that aren't allowed."""
        self.drop(self.book.find(source).agent_id if source else None, reason, count)

    def take_drops(self) -> Counter[tuple[int | None, str]]:
        with self._turn:
            taken, self._drops = self._drops, Counter()
        return taken

    def give_back(self, drops: Counter[tuple[int | None, str]]) -> None:
        """What couldn't be recorded is told the next time."""
        with self._turn:
            self._drops.update(drops)


def answer_by(udp: socket.socket) -> Send:
    """Send answers from the socket they were asked at, and wait for nobody."""
    mapped = udp.family == socket.AF_INET6

    def send(octets: bytes, peer: tuple[str, int]) -> None:
        address, port = peer
        if mapped and ":" not in address:
            address = f"::ffff:{address}"
        with suppress(OSError):
            udp.sendto(octets, socket.MSG_DONTWAIT, (address, port))

    return send
