"""Pure: what one feed of a rack must carry alone when the other is lost, against its breaker."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

from dcim.power.flow import PHASE_NAMES, split_phases


@dataclass(frozen=True, slots=True)
class Circuit:
    """One PDU of a rack's feed as its weakest part limits it: amps a phase, volts from phase to
    neutral.

    `shares`: which part of its load flows on each of L1, L2, L3; none where it isn't known, or
    the circuit has one phase: then all are taken to carry alike. `part`: what it carries of all
    that its feed does, 1 unless several PDUs bring that feed. W are VA by the power factor.
    """

    feed: str
    rated_a: float
    derated_a: float
    volts: int
    phases: int
    shares: tuple[float, float, float] | None = None
    part: float = 1.0
    power_factor_pct: int = 100

    def fullest(self) -> tuple[str, float]:
        """The phase that carries most ("" where all are taken to be alike), and what of the load
        it carries."""
        if self.phases == 1 or self.shares is None:
            return "", 1 / self.phases
        at = max(range(3), key=self.shares.__getitem__)
        return PHASE_NAMES[at], self.shares[at]


def share_phases(loads: Iterable[tuple[int, str]]) -> tuple[float, float, float] | None:
    """How a three-phase load divides, of (mVA, phase) of its parts; none without any load."""
    total, sums = 0, [0, 0, 0]
    for mva, phase in loads:
        total += mva
        for at, part in enumerate(split_phases(mva, phase)):
            sums[at] += part
    return None if not total else (sums[0] / total, sums[1] / total, sums[2] / total)


@dataclass(frozen=True, slots=True)
class Survival:
    """`carries` takes over everything when the other feed is lost. Amps of its fullest PDU, on its
    fullest phase (`phase`, "" where all are taken to be alike); `peak_a` of the highest measured
    sum of both feeds, `contract_a` of what the contracts allow to be drawn; none: unknown."""

    carries: str
    limit_a: float
    breaker_a: float
    peak_a: float | None
    contract_a: float | None
    phase: str = ""

    @property
    def share(self) -> float | None:
        return None if self.peak_a is None else self.peak_a / self.limit_a

    @property
    def contract_share(self) -> float | None:
        return None if self.contract_a is None else self.contract_a / self.limit_a

    @property
    def headroom_a(self) -> float | None:
        """Left below the derated breaker when the contracts are drawn in full."""
        worst = [amps for amps in (self.peak_a, self.contract_a) if amps is not None]
        return self.limit_a - max(worst) if worst else None


def judge_survival(
    circuits: list[Circuit], peak_a: float | None, contracted_w: int | None
) -> list[Survival]:
    """One judgement for each feed that would have to carry alone; one for both where they are
    equal. Empty for a rack without two feeds: nothing survives there.

    `peak_a` is the mean of the phases; what comes over is taken to divide as what the surviving
    feed carries now does, over its PDUs and over their phases.
    """
    feeds: dict[str, list[Circuit]] = {}
    for circuit in circuits:
        feeds.setdefault(circuit.feed, []).append(circuit)
    if len(feeds) < 2:
        return []
    kinds = {frozenset(Counter(map(_limits, several)).items()) for several in feeds.values()}
    alike = len(kinds) == 1
    return [
        max(
            (_judge(each, "" if alike else feed, peak_a, contracted_w) for each in several),
            key=_fill,
        )
        for feed, several in list(feeds.items())[: 1 if alike else None]
    ]


def _fill(one: Survival) -> float:
    most = max(one.peak_a or 0.0, one.contract_a or 0.0)
    return most / one.limit_a if one.limit_a else most and inf


def _limits(circuit: Circuit) -> tuple[object, ...]:
    """All but its feed."""
    return (
        circuit.rated_a, circuit.derated_a, circuit.volts, circuit.phases, circuit.shares,
        circuit.part, circuit.power_factor_pct,
    )  # fmt: skip


def _judge(
    circuit: Circuit, carries: str, peak_a: float | None, contracted_w: int | None
) -> Survival:
    phase, share = circuit.fullest()
    share *= circuit.part
    sold_va = (contracted_w or 0) * 100 / circuit.power_factor_pct
    return Survival(
        carries=carries,
        limit_a=circuit.derated_a,
        breaker_a=circuit.rated_a,
        peak_a=None if peak_a is None else peak_a * circuit.phases * share,
        contract_a=sold_va / circuit.volts * share if contracted_w else None,
        phase=phase,
    )
