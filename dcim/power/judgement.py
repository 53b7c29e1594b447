"""Pure: what one feed of a rack must carry alone when the other is lost, against its breaker."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Circuit:
    """A rack's feed as its weakest part limits it: amps a phase, volts from phase to neutral."""

    feed: str
    rated_a: float
    derated_a: float
    volts: int
    phases: int


@dataclass(frozen=True, slots=True)
class Survival:
    """`carries` takes over everything when the other feed is lost. Amps; `peak_a` is the highest
    measured sum of both feeds, `contract_a` what the contracts allow to be drawn; none: unknown."""

    carries: str
    limit_a: float
    breaker_a: float
    peak_a: float | None
    contract_a: float | None

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
    equal. Empty for a rack without two feeds: nothing survives there."""
    if len({circuit.feed for circuit in circuits}) < 2:
        return []
    limits = {(c.rated_a, c.derated_a, c.volts, c.phases) for c in circuits}
    judged = []
    for circuit in circuits[:1] if len(limits) == 1 else circuits:
        watts_per_amp = circuit.volts * circuit.phases
        judged.append(
            Survival(
                carries="" if len(limits) == 1 else circuit.feed,
                limit_a=circuit.derated_a,
                breaker_a=circuit.rated_a,
                peak_a=peak_a,
                contract_a=contracted_w / watts_per_amp if contracted_w else None,
            )
        )
    return judged
