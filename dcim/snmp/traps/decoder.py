"""From datagrams to entries on disk: decodes, authenticates, counts repeats, answers informs."""

from __future__ import annotations

import socket
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

from dcim.intake.decoder import Decoder
from dcim.intake.frames import Datagram
from dcim.intake.repeats import Grown
from dcim.intake.spool import Spool
from dcim.snmp.traps.decoding import Notification, decode, find_version
from dcim.snmp.traps.entries import EngineNote, TrapEntry, encode_entries, key_of, make_entry
from dcim.snmp.traps.senders import TrapBook, TrapSender
from dcim.snmp.traps.v3 import Heard, Notifications, SenderEngine
from dcim.snmp.wire import ber
from dcim.snmp.wire.v3_message import Rejected

# An inform that wasn't acknowledged in time comes again with its number.
_INFORM_AGAIN_S = 60.0
_MOST_INFORMS = 50_000

Send = Callable[[bytes, tuple[str, int]], object]


class TrapDecoder(Decoder[TrapEntry, TrapSender]):
    """Takes what is believed; an inform is answered once it is on disk."""

    def __init__(
        self,
        spool: Spool,
        book: TrapBook,
        notifications: Notifications,
        send: Send,
        engines: Mapping[str, SenderEngine],
    ) -> None:
        super().__init__(spool, book)
        self._notifications = notifications
        self._send = send
        self._engines = dict(engines)
        self._owners = {engine.engine_id: source for source, engine in engines.items()}
        self._moved: dict[str, EngineNote] = {}
        self._informs: OrderedDict[tuple[str, int, int], float] = OrderedDict()
        self._answers: list[tuple[bytes, tuple[str, int]]] = []

    def _take(self, datagram: Datagram, sender: TrapSender, now_s: float) -> None:
        try:
            self._judge(datagram, sender, now_s)
        except Rejected as error:
            self.drop(sender.agent_id, error.reason)

    def _judge(self, datagram: Datagram, sender: TrapSender, now_s: float) -> None:
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

    def _judge_v3(self, datagram: Datagram, sender: TrapSender, now_s: float) -> Heard:
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

    def _keep(
        self, datagram: Datagram, sender: TrapSender, told: Notification, now_s: float
    ) -> None:
        at_ms = int(datagram.at_s * 1000)
        uid = self._name(key_of(datagram.source, told), at_ms, now_s)
        if uid:
            self.entries.append(
                make_entry(uid, at_ms, datagram.source, sender.agent_id, sender.device_id, told)
            )

    def flush(self) -> bool:
        """Put what was taken on disk, then answer informs. Whether there was anything."""
        put = super().flush()
        answers, self._answers = self._answers, []
        for answer, peer in answers:
            self._send(answer, peer)
        return put

    def _encode(self, entries: list[TrapEntry], grown: list[Grown]) -> bytes:
        if not entries and not grown and not self._moved:
            return b""
        return encode_entries(entries, grown, self._moved.values())

    def _kept(self) -> None:
        self._moved.clear()
        self._notifications.settle(kept=True)

    def _lost(self) -> None:
        self._answers.clear()
        self._informs.clear()
        self._notifications.settle(kept=False)

    def forget_engines(self, sources: Iterable[str]) -> None:
        """The next engine that signs rightly from these addresses is theirs."""
        for source in sources:
            if engine := self._engines.pop(source, None):
                self._owners.pop(engine.engine_id, None)
                self._moved.pop(source, None)


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
