"""Pure: what is to be echoed, at which pace, and what a round of echoes came to."""

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

Method = Literal["icmp", "tcp"]
METHODS: tuple[Method, ...] = ("icmp", "tcp")
MOST_ECHOES = 20  # of one round


@dataclass(frozen=True, slots=True)
class EchoTarget:
    """`address` is an IP address, brought into its canonical form. `tcp_port` is where TCP
    connects to, and what an ICMP target is asked by where ICMP isn't allowed.

    Raises ValueError for what can't be asked.
    """

    key: int
    address: str
    method: Method = "icmp"
    tcp_port: int | None = None
    count: int = 5

    def __post_init__(self) -> None:
        parsed = ipaddress.ip_address(self.address)
        if parsed.is_multicast or parsed.is_unspecified or "%" in self.address:
            raise ValueError(f"{self.address} is no address of one host")
        if self.address == "255.255.255.255":
            raise ValueError("a broadcast would be answered by many")
        object.__setattr__(self, "address", str(parsed))
        if self.method not in METHODS:
            raise ValueError(f"{self.method!r} is no method; there are {', '.join(METHODS)}")
        if self.method == "tcp" and self.tcp_port is None:
            raise ValueError("the TCP method needs a port")
        if self.tcp_port is not None and not 1 <= self.tcp_port <= 65_535:
            raise ValueError("a TCP port is from 1 to 65535")
        if not 1 <= self.count <= MOST_ECHOES:
            raise ValueError(f"a round has from 1 to {MOST_ECHOES} echoes")

    @property
    def ipv6(self) -> bool:
        return ":" in self.address


@dataclass(slots=True)
class Round:
    """The echoes to one target. `rtts_us`: one entry for each that was sent, in the order of
    sending, in microseconds; None where no answer came in time.

    `late` answers came after that, `duplicates` once more: neither is in `rtts_us`. `unsent`
    echoes never left this machine, and `problem` says why. `way` says how they went, and
    `method` which of both that was; `instead_of` why the asked one was not to be had.
    Not `witnessed`: no reference answered meanwhile either, so that silence tells nothing.
    """

    target: EchoTarget
    started_ms: int = 0  # UTC epoch
    method: Method = "icmp"
    way: str = ""
    instead_of: str = ""
    rtts_us: list[int | None] = field(default_factory=list)
    late: int = 0
    duplicates: int = 0
    unsent: int = 0
    problem: str = ""
    witnessed: bool = True

    def note_sent(self) -> int:
        """Returns the place of its answer in `rtts_us`."""
        self.rtts_us.append(None)
        return len(self.rtts_us) - 1

    def note_unsent(self, place: int, why: str) -> None:
        """Of an echo that counted as sent until the kernel refused it."""
        del self.rtts_us[place]
        self.refuse(1, why)

    @property
    def answered(self) -> bool:
        return any(rtt is not None for rtt in self.rtts_us)

    def refuse(self, echoes: int, why: str) -> None:
        self.unsent += echoes
        self.problem = self.problem or why


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between two echoes to one target; how long an answer may take; how long late and
    double ones are heard after the last. No more than `most_per_s` echoes leave in a second."""

    spacing_s: float = 0.2
    timeout_s: float = 2.0
    linger_s: float = 0.1
    most_per_s: int = 400

    def __post_init__(self) -> None:
        if self.spacing_s < 0.01 or self.timeout_s <= 0 or self.linger_s < 0 or self.most_per_s < 1:
            raise ValueError("pace out of range")

    def step_s(self, targets: int) -> float:
        """Between two echoes to one target, so that all together keep the limit."""
        return max(self.spacing_s, targets / self.most_per_s)

    def longest_s(self, targets: Sequence[EchoTarget]) -> float:
        """What a run takes though nobody answers."""
        most = max((target.count for target in targets), default=0)
        return self.step_s(len(targets)) * most + self.timeout_s + self.linger_s


def plan_echoes(rounds: Sequence[Round], pace: Pace) -> Iterator[tuple[float, Round]]:
    """(seconds from the start, round) of each echo in order: the targets in turn, evenly spread."""
    step = pace.step_s(len(rounds))
    for turn in range(max((each.target.count for each in rounds), default=0)):
        for place, each in enumerate(rounds):
            if turn < each.target.count:
                yield step * (turn + place / len(rounds)), each
