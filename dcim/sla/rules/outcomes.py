"""What comes out of judging one metric of one item: outages, numbers, why each stretch counts."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from dcim.sla.rules.facts import Window
from dcim.sla.rules.intervals import Interval
from dcim.sla.rules.terms import Exclusion, Text

Treatment = Literal["left_out", "up", "down"]
TraceClass = Literal["down", "excluded", "unknown", "degraded", "ignored", "before_clock"]


@dataclass(frozen=True)
class Event:
    """One counted outage; `counted_ms` is what remains after exclusions, clipping and rounding."""

    start: int
    end: int
    parts: tuple[Interval, ...]
    counted_ms: int


@dataclass(frozen=True)
class TraceLine:
    start: int
    end: int
    kind: TraceClass
    reason: Text
    resource: str = ""  # the one that was down, of a degraded stretch


@dataclass(frozen=True)
class Outcome:
    """The metric's numbers when unknown time is treated in one of three ways (milliseconds)."""

    events: tuple[Event, ...]
    downtime_ms: int
    excluded_ms: int
    unknown_ms: int
    denominator_ms: int
    missed: bool | None  # None: nothing to judge by
    # Of a metric judged by a figure, in stored integers (percent for on_time); None: none known.
    figure: Fraction | None = None
    by_figure: bool = False
    out_of_both_ms: int = 0  # of what is excluded, that which the denominator leaves out too

    @property
    def availability(self) -> Fraction | None:
        """0..1, None when the denominator is empty or the metric is judged by a figure."""
        if self.by_figure or self.denominator_ms <= 0:
            return None
        return Fraction(max(self.denominator_ms - self.downtime_ms, 0), self.denominator_ms)


@dataclass(frozen=True)
class Excluded:
    """One window under one metric's terms."""

    window: Window
    rule: Exclusion
    valid: bool
    parts: tuple[Interval, ...]  # what of it is left out, clipped to the service period
    reason: Text
    whole: bool = True  # False: only a part of it was announced as agreed


@dataclass(frozen=True)
class Measurement:
    service: Interval
    outcomes: dict[Treatment, Outcome]
    coverage: Fraction  # known share of the service period outside exclusions, 0..1
    trace: tuple[TraceLine, ...]
    exclusions: tuple[Excluded, ...]
    doubts: tuple[Text, ...] = ()  # facts a clause needs that nobody established
