"""Simulated SNMP v1/v2c agents over UDP: many in one process, each at its own address and port."""

from __future__ import annotations

import asyncio
import hmac
import socket
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol

from dcim.snmp.wire import ber
from dcim.snmp.wire.ber import BerError, Message, Oid, Value, VarBind

TOO_BIG = 1
NO_SUCH_NAME = 2
GEN_ERR = 5

# What fits an Ethernet frame beside IPv4 and UDP headers: real agents stay below it.
UNFRAGMENTED = 1_472
_DRAIN = 64


class Tree(Protocol):
    """What an agent serves: values by OID, in OID order."""

    def get(self, oid: Oid) -> Value | None: ...

    def next(self, oid: Oid) -> tuple[Oid, Value] | None:
        """Return the first object after `oid`, or None behind the last."""
        ...


class LiveTree:
    """A fixed set of OIDs whose values are read when asked for.

    A getter that returns None means that the object has no value just now: it is passed over.
    """

    def __init__(self, objects: Mapping[Oid, Value | Callable[[], Value | None]]) -> None:
        self._oids = sorted(objects)
        self._objects = dict(objects)

    def get(self, oid: Oid) -> Value | None:
        source = self._objects.get(oid)
        return source() if callable(source) else source

    def next(self, oid: Oid) -> tuple[Oid, Value] | None:
        for position in range(bisect_right(self._oids, oid), len(self._oids)):
            following = self._oids[position]
            value = self.get(following)
            if value is not None:
                return following, value
        return None

    def under(self, root: Oid) -> list[Oid]:
        """List the OIDs below `root`."""
        start = bisect_left(self._oids, root)
        stop = bisect_left(self._oids, (*root[:-1], root[-1] + 1))
        return self._oids[start:stop]


class StaticTree(LiveTree):
    """A tree of constant values, e.g. a recording."""

    def __init__(self, objects: Mapping[Oid, Value]) -> None:
        super().__init__(objects)


@dataclass
class Agent:
    """One simulated agent; port 0 takes a free one, `address` tells which after the start.

    `silent` stops every answer (a dead or unreachable device), `bulk_works` False makes GETBULK
    time out as some old agents do.
    """

    tree: Tree
    port: int = 0
    host: str = "127.0.0.1"
    community: bytes = field(default=b"public", repr=False)
    max_size: int = UNFRAGMENTED
    max_varbinds: int = 1_000
    silent: bool = False
    bulk_works: bool = True
    requests: int = 0

    def answer(self, packet: bytes) -> bytes | None:
        """Return the reply to one datagram, or None where a real agent stays silent."""
        try:
            request = ber.decode_message(packet)
        except BerError:
            return None
        if self.silent or not self._listens_to(request):
            return None
        self.requests += 1
        if request.pdu == ber.GETBULK:
            return self._answer_bulk(request)
        return self._answer_plain(request)

    def _listens_to(self, request: Message) -> bool:
        if not hmac.compare_digest(request.community, self.community):
            return False
        if request.pdu == ber.GETBULK:
            return self.bulk_works and request.version != ber.V1
        return request.pdu in (ber.GET, ber.GETNEXT)

    def _answer_plain(self, request: Message) -> bytes:
        varbinds = []
        for index, (oid, _) in enumerate(request.varbinds, 1):
            found = self._lookup(request, oid)
            if found is None:
                return self._error(request, NO_SUCH_NAME, index)
            varbinds.append(found)
        reply = request._replace(pdu=ber.RESPONSE, error_status=0, error_index=0, varbinds=varbinds)
        try:
            packet = ber.encode_message(reply)
        except BerError:
            return self._error(request, GEN_ERR, 0)
        if len(packet) > self.max_size:
            return self._error(request, TOO_BIG, 0)
        return packet

    def _lookup(self, request: Message, oid: Oid) -> VarBind | None:
        """Find what GET or GETNEXT of `oid` answers; None is v1's noSuchName."""
        old = request.version == ber.V1
        if request.pdu == ber.GET:
            value = self.tree.get(oid)
            if value is None or (old and value.tag == ber.COUNTER64):
                return None if old else VarBind(oid, Value(ber.NO_SUCH_INSTANCE, None))
            return VarBind(oid, value)
        following = self.tree.next(oid)
        while old and following and following[1].tag == ber.COUNTER64:  # RFC 3584, 4.2.2.1
            following = self.tree.next(following[0])
        if following is None:
            return None if old else VarBind(oid, Value(ber.END_OF_MIB_VIEW, None))
        return VarBind(*following)

    def _answer_bulk(self, request: Message) -> bytes:
        """Answer GETBULK (RFC 3416, 4.2.3), cut where the reply would exceed `max_size`."""
        once = max(0, min(request.error_status, len(request.varbinds)))
        cursors = [oid for oid, _ in request.varbinds]
        encoded: list[bytes] = []
        room = self.max_size - len(
            ber.encode_frame(request._replace(pdu=ber.RESPONSE, error_status=0, error_index=0), b"")
        )
        room -= 9  # the lengths of three enclosing frames may each grow by up to 3 octets

        def add(position: int) -> bool:
            nonlocal room
            following = self.tree.next(cursors[position])
            end = Value(ber.END_OF_MIB_VIEW, None)
            varbind = VarBind(*(following or (cursors[position], end)))
            piece = ber.encode_varbind(varbind)
            if len(piece) > room or len(encoded) >= self.max_varbinds:
                return False
            room -= len(piece)
            encoded.append(piece)
            cursors[position] = varbind.oid
            return True

        whole = all(add(position) for position in range(once))
        for _ in range(max(0, request.error_index) if whole else 0):
            before = cursors[once:]
            if not all(add(position) for position in range(once, len(cursors))):
                break
            if cursors[once:] == before:  # every column is at its end
                break
        if not encoded and request.varbinds:
            return self._error(request, TOO_BIG, 0)
        frame = request._replace(pdu=ber.RESPONSE, error_status=0, error_index=0)
        return ber.encode_frame(frame, b"".join(encoded))

    def _error(self, request: Message, status: int, index: int) -> bytes:
        kept = [] if status == TOO_BIG and request.version != ber.V1 else request.varbinds
        return ber.encode_message(
            request._replace(
                pdu=ber.RESPONSE, error_status=status, error_index=index, varbinds=kept
            )
        )


class Responder:
    """Serves agents from the running event loop: `async with Responder(agents): ...`."""

    def __init__(self, agents: Iterable[Agent]) -> None:
        self.agents = list(agents)
        self._sockets: list[socket.socket] = []

    async def __aenter__(self) -> Responder:
        try:
            for agent in self.agents:
                self._open(agent)
        except OSError:
            self.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _open(self, agent: Agent) -> None:
        family = socket.AF_INET6 if ":" in agent.host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM)
        self._sockets.append(sock)
        sock.setblocking(False)
        sock.bind((agent.host, agent.port))
        agent.port = sock.getsockname()[1]
        asyncio.get_running_loop().add_reader(sock, self._drain, sock, agent)

    def _drain(self, sock: socket.socket, agent: Agent) -> None:
        for _ in range(_DRAIN):
            try:
                packet, peer = sock.recvfrom(65_535)
            except OSError:  # nothing more, or a client that has gone
                return
            reply = agent.answer(packet)
            if reply is not None:
                self._send(sock, reply, peer)

    @staticmethod
    def _send(sock: socket.socket, reply: bytes, peer: Any) -> None:
        try:
            sock.sendto(reply, peer)
        except OSError:  # a full buffer loses a datagram, as networks do
            return

    def close(self) -> None:
        loop = asyncio.get_running_loop()
        for sock in self._sockets:
            loop.remove_reader(sock)
            sock.close()
        self._sockets.clear()
