"""Echo rounds: many targets at once over few sockets, what comes back matched, the rest counted.

An answer counts once, and only if source address, identifier, sequence number and the random
payload are those of an echo that is waited for. Times are of the monotonic clock, from right before
sending to when the kernel had the answer.
"""

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from dcim.probing.carriers import Carrier, Refusal, open_icmp
from dcim.probing.echo_message import TOKEN_OCTETS, payload_of, read_reply, write_request
from dcim.probing.rounds import EchoTarget, Pace, Round, plan_echoes
from dcim.probing.tcp_echo import TcpEchoes

# Datagrams taken in one go, so that a flood can't keep others from their turn.
_DRAIN = 256

OpenCarrier = Callable[..., Carrier | Refusal]


@dataclass(slots=True)
class Echoed:
    """`strays`: what came in and was not believed, by reason."""

    rounds: list[Round]
    strays: Counter[str] = field(default_factory=Counter)


async def run_rounds(
    targets: Sequence[EchoTarget], *, pace: Pace | None = None, carriers: OpenCarrier = open_icmp
) -> Echoed:
    """Echo all targets, side by side. Takes at most `pace.longest_s`, whoever is silent.

    What couldn't be sent stands in each round; nothing is raised for it.
    """
    return await _Run(pace or Pace(), carriers).run(targets)


class IcmpEchoes:
    """The echoes through one carrier, from their sending to their answers."""

    def __init__(self, carrier: Carrier, timeout_s: float, strays: Counter[str]) -> None:
        self.carrier = carrier
        self.waiting = 0
        self._timeout_ns = int(timeout_s * 1_000_000_000)
        self._strays = strays
        self._sent: dict[tuple[int, int], _Sent] = {}
        own = carrier.identifier
        self._identifier = secrets.randbelow(65_536) if own is None else own
        self._sequence = secrets.randbelow(65_536)

    def send(self, round_: Round) -> None:
        self._sequence = (self._sequence + 1) & 0xFFFF
        key = (self._identifier, self._sequence)
        token = secrets.token_bytes(TOKEN_OCTETS)
        message = write_request(*key, token, ipv6=self.carrier.ipv6)
        if (former := self._sent.get(key)) and former.open:
            self._forget(former)  # 65,536 echoes later: its answer would be late by far
        sent = _Sent(round_, round_.note_sent(), payload_of(token), time.monotonic_ns())
        try:
            self.carrier.send(message, round_.target.address)
        except OSError as error:
            round_.note_unsent(sent.place, error.strerror or "can't be sent")
            return
        self._sent[key] = sent
        self.waiting += 1

    def drain(self) -> None:
        for _ in range(_DRAIN):
            heard = self.carrier.receive()
            if heard is None:
                return
            message, source, waited_ns = heard
            self._receive(message, source, time.monotonic_ns() - waited_ns)

    def _receive(self, message: bytes, source: str, at_ns: int) -> None:
        reply = read_reply(message, ipv6=self.carrier.ipv6)
        if reply is None:
            self._strays["no_reply"] += 1
            return
        sent = self._sent.get((reply.identifier, reply.sequence))
        if sent is None:
            self._strays["not_asked"] += 1  # a raw socket hears the replies to other programs too
        elif source != sent.round.target.address:
            self._strays["wrong_source"] += 1
        elif not secrets.compare_digest(reply.payload, sent.payload):
            self._strays["wrong_payload"] += 1
        elif sent.answered:
            sent.round.duplicates += 1
        else:
            sent.answered = True
            took_ns = max(at_ns - sent.at_ns, 0)
            if took_ns <= self._timeout_ns:
                sent.round.rtts_us[sent.place] = took_ns // 1000
            else:
                sent.round.late += 1
            self._forget(sent)

    def _forget(self, sent: "_Sent") -> None:
        if sent.open:
            sent.open = False
            self.waiting -= 1


@dataclass(slots=True)
class _Sent:
    round: Round
    place: int
    payload: bytes
    at_ns: int
    answered: bool = False
    open: bool = True


class _Run:
    def __init__(self, pace: Pace, carriers: OpenCarrier) -> None:
        self._pace, self._carriers = pace, carriers
        self._strays: Counter[str] = Counter()
        self._icmp: dict[bool, IcmpEchoes | Refusal] = {}
        self._tcp = TcpEchoes(pace.timeout_s)

    async def run(self, targets: Sequence[EchoTarget]) -> Echoed:
        loop = asyncio.get_running_loop()
        rounds = [self._begin(target) for target in targets]
        opened = [each for each in self._icmp.values() if isinstance(each, IcmpEchoes)]
        for each in opened:
            loop.add_reader(each.carrier.fileno(), each.drain)
        try:
            await self._send([each for each in rounds if each.way])
            await self._await_answers(opened)
        finally:
            for each in opened:
                loop.remove_reader(each.carrier.fileno())
                each.carrier.close()
            await self._tcp.close()
        return Echoed(rounds, self._strays)

    def _begin(self, target: EchoTarget) -> Round:
        """Decide how the target is asked: as it wishes, or by TCP where ICMP isn't allowed."""
        round_ = Round(target, time.time_ns() // 1_000_000, target.method)
        if target.method == "icmp":
            found = self._open(ipv6=target.ipv6)
            if isinstance(found, IcmpEchoes):
                round_.way = found.carrier.way
                return round_
            if target.tcp_port is None:
                round_.refuse(target.count, found.why)
                return round_
            round_.method, round_.instead_of = "tcp", found.why
        round_.way = f"TCP connect to port {target.tcp_port}"
        return round_

    def _open(self, *, ipv6: bool) -> IcmpEchoes | Refusal:
        if ipv6 not in self._icmp:
            carrier = self._carriers(ipv6=ipv6)
            self._icmp[ipv6] = (
                carrier
                if isinstance(carrier, Refusal)
                else IcmpEchoes(carrier, self._pace.timeout_s, self._strays)
            )
        return self._icmp[ipv6]

    async def _send(self, rounds: Sequence[Round]) -> None:
        began = time.monotonic()
        for due_s, round_ in plan_echoes(rounds, self._pace):
            wait = began + due_s - time.monotonic()
            # Answers are read in between even when sending is behind.
            await asyncio.sleep(max(wait, 0))
            if not round_.rtts_us and not round_.unsent:
                round_.started_ms = time.time_ns() // 1_000_000
            echoes = self._icmp.get(round_.target.ipv6)
            if round_.method == "icmp" and isinstance(echoes, IcmpEchoes):
                echoes.send(round_)
            else:
                self._tcp.send(round_)

    async def _await_answers(self, opened: Sequence[IcmpEchoes]) -> None:
        until = time.monotonic() + self._pace.timeout_s
        while time.monotonic() < until:
            if not self._tcp.waiting and not any(each.waiting for each in opened):
                break
            await asyncio.sleep(min(0.02, self._pace.timeout_s))
        await asyncio.sleep(self._pace.linger_s)
