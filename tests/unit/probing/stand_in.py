"""A host that answers ICMP messages over UDP, and the carrier that takes them there.

So loss, delay, doubles and forgeries can be had on loopback addresses without any right.
"""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

from dcim.probing.echo_message import checksum

# What a host does with the nth request: the answers as (delay in s, sender, message).
Answers = list[tuple[float, str, bytes]]
Habit = Callable[[int, bytes], Answers]


class UdpCarrier:
    """Carries ICMP messages in UDP to `port` of every address."""

    way = "UDP stand-in"

    def __init__(self, port: int, *, ipv6: bool = False, identifier: int | None = None) -> None:
        self.ipv6, self.identifier, self._port = ipv6, identifier, port
        self._sock = socket.socket(socket.AF_INET6 if ipv6 else socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.setblocking(False)
        self._sock.bind(("::1" if ipv6 else "127.0.0.1", 0))
        self.sent: list[bytes] = []

    def fileno(self) -> int:
        return self._sock.fileno()

    def send(self, message: bytes, address: str) -> None:
        self.sent.append(message)
        self._sock.sendto(message, (address, self._port))

    def receive(self) -> tuple[bytes, str, int] | None:
        try:
            packet, source = self._sock.recvfrom(65_535)
        except (BlockingIOError, InterruptedError):
            return None
        return packet, source[0], 0

    def close(self) -> None:
        self._sock.close()


@dataclass
class StandIn:
    """Hosts 127.0.0.x by their habits; `port` is theirs all."""

    habits: dict[str, Habit]
    port: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    _senders: dict[str, asyncio.DatagramTransport] = field(default_factory=dict)

    async def start(self) -> None:
        for address in self.habits:
            await self.sender(address)

    async def sender(self, address: str) -> asyncio.DatagramTransport:
        if address not in self._senders:
            loop = asyncio.get_running_loop()
            transport, _ = await loop.create_datagram_endpoint(
                lambda: _Host(self, address), local_addr=(address, self.port)
            )
            self._senders[address] = transport
            self.port = transport.get_extra_info("sockname")[1]
        return self._senders[address]

    def answer(self, address: str, message: bytes, peer: tuple[str, int]) -> None:
        turn = self.counts[address] = self.counts.get(address, -1) + 1
        habit = self.habits.get(address)
        for delay, sender, reply in habit(turn, message) if habit else ():
            asyncio.get_running_loop().call_later(delay, self._senders[sender].sendto, reply, peer)

    def close(self) -> None:
        for transport in self._senders.values():
            transport.close()


class _Host(asyncio.DatagramProtocol):
    def __init__(self, stand_in: StandIn, address: str) -> None:
        self._stand_in, self._address = stand_in, address

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._stand_in.answer(self._address, data, addr[:2])


def write_reply(request: bytes, *, ipv6: bool) -> bytes:
    """What a host answers to a request: the same identifier, sequence number and payload."""
    message = bytes([129 if ipv6 else 0, 0, 0, 0]) + request[4:]
    if ipv6:
        return message
    return message[:2] + checksum(message).to_bytes(2, "big") + message[4:]


def reply_of(message: bytes) -> bytes:
    return write_reply(message, ipv6=False)


def steady(address: str, delay: float = 0.0) -> Habit:
    return lambda _turn, message: [(delay, address, reply_of(message))]
