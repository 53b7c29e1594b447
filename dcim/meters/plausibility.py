"""Whether a number read off a meter can be: what is impossible, what somebody must answer for.

Pure. Instants are UTC epoch ms, values steps of the register, energy mWh.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from dcim.metering.registers import Register, RegisterError, RegisterReading

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
# IEC 60898-1 (GB/T 10963.1), 9.10: a breaker carrying 1.45 times its rating trips within two
# hours at the latest. 7 % more for the voltage (GB/T 12325 allows that much at 220/380 V).
TRIPS_AT = Fraction(145 * 107, 10_000)
TRIPS_AFTER_MS = 2 * HOUR_MS
# Of the mean of the months before: twice as much, or less than half.
FAR_HIGH, FAR_LOW = Fraction(2), Fraction(1, 2)
MEAN_OVER_MS = 92 * DAY_MS
# A mean of fewer days says too little of the next one, and a few hours too little of a day.
MEAN_FROM_MS = 14 * DAY_MS
COMPARED_FROM_MS = DAY_MS
STANDING_MS = 28 * DAY_MS
# A phone's clock may run ahead of ours by so much.
AHEAD_MS = 120_000
# A button pressed twice, or a line saved again on a slow connection.
REPEATED_MS = 30_000


@dataclass(frozen=True, slots=True)
class Doubt:
    """`kind` names it; an `impossible` one is refused, another wants a reason.

    `numbers` are what the sentence about it needs, exact: mWh, mW, steps or ms by name.
    """

    kind: str
    impossible: bool
    numbers: dict[str, int]


@dataclass(frozen=True, slots=True)
class Judgement:
    doubts: tuple[Doubt, ...]

    @property
    def impossible(self) -> tuple[Doubt, ...]:
        return tuple(doubt for doubt in self.doubts if doubt.impossible)

    @property
    def warnings(self) -> tuple[Doubt, ...]:
        return tuple(doubt for doubt in self.doubts if not doubt.impossible)


@dataclass(frozen=True, slots=True)
class Around:
    """What is known when a number is entered: the other readings in order of time, [installed,
    removed) of the meter, what its breaker is rated at in mW (None: not known), and now."""

    readings: Sequence[RegisterReading]
    installed: int
    removed: int | None
    rated_mw: int | None
    now: int


def judge_reading(register: Register, new: RegisterReading, around: Around) -> Judgement:
    """Everything that speaks against a reading."""
    misplaced = _judge_time(new, around)
    if misplaced is not None:
        return Judgement((misplaced,))
    before = [one for one in around.readings if one.at < new.at]
    after = [one for one in around.readings if one.at > new.at]
    doubts = _judge_next(register, new, after, around.rated_mw)
    if not before or any(doubt.impossible for doubt in doubts):
        return Judgement(tuple(doubts))
    last = before[-1]
    try:
        steps = register.advance(last.value, new.value, rolled_over=new.rolled_over)
    except RegisterError:
        numbers = {
            "last": last.value, "last_at": last.at, "value": new.value,
            "if_rolled": (new.value + register.modulus - last.value) * register.mwh_of_step,
        }  # fmt: skip
        return Judgement((*doubts, Doubt("lower", True, numbers)))
    mwh, span = steps * register.mwh_of_step, new.at - last.at
    if new.value < last.value:
        doubts.append(Doubt("rolled_over", False, {"mwh": mwh}))
    doubts += _judge_power(mwh, span, register, around.rated_mw)
    doubts += _judge_habit(register, before, mwh, span)
    if steps == 0 and span >= STANDING_MS:
        doubts.append(Doubt("standing", False, {"span_ms": span}))
    return Judgement(tuple(doubts))


def _judge_time(new: RegisterReading, around: Around) -> Doubt | None:
    if new.at > around.now + AHEAD_MS:
        return Doubt("future", True, {})
    if new.at < around.installed:
        return Doubt("before_installed", True, {"installed": around.installed})
    if around.removed is not None and new.at > around.removed:
        return Doubt("after_removed", True, {"removed": around.removed})
    for one in around.readings:
        apart = abs(one.at - new.at)
        if apart == 0 or (apart < REPEATED_MS and one.value == new.value):
            return Doubt("same_time", True, {"at": one.at})
    return None


def _judge_next(
    register: Register,
    new: RegisterReading,
    after: Sequence[RegisterReading],
    rated_mw: int | None,
) -> list[Doubt]:
    """An older one must fit what was read later, and leave time for what was used until then."""
    if not after:
        return []
    doubts = [Doubt("not_newest", False, {"newest": after[-1].at})]
    following = after[0]
    seen = {"next": following.value, "next_at": following.at}
    try:
        steps = register.advance(new.value, following.value, rolled_over=following.rolled_over)
    except RegisterError:
        return [*doubts, Doubt("above_next", True, seen | {"value": new.value})]
    mwh, span = steps * register.mwh_of_step, following.at - new.at
    return doubts + [
        Doubt("next_above_breaker", doubt.impossible, doubt.numbers | seen)
        for doubt in _judge_power(mwh, span, register, rated_mw)
    ]


def _judge_power(mwh: int, span: int, register: Register, rated_mw: int | None) -> list[Doubt]:
    """Against what the breaker lets through: V x A x phases, as long as it took."""
    if rated_mw is None:
        return []
    # Each of both values is known to a step: what was used may be a step less than it seems.
    least = max(mwh - register.mwh_of_step, 0)
    most = Fraction(rated_mw * span, HOUR_MS)
    if least <= most:
        return []
    numbers = {"mwh": mwh, "most_mwh": int(most), "rated_mw": rated_mw, "span_ms": span}
    impossible = span >= TRIPS_AFTER_MS and least > most * TRIPS_AT
    return [Doubt("above_breaker", impossible, numbers)]


def _judge_habit(
    register: Register, before: Sequence[RegisterReading], mwh: int, span: int
) -> list[Doubt]:
    """Against the mean of the months before."""
    mean = _mean_mw(register, before)
    if mean is None or span < COMPARED_FROM_MS:
        return []
    now = Fraction(mwh * HOUR_MS, span)
    # A step more or less is no difference on a meter that hardly moves.
    if abs(now - mean) * span <= register.mwh_of_step * HOUR_MS:
        return []
    if mean * FAR_LOW <= now <= mean * FAR_HIGH:
        return []
    kind = "far_above" if now > mean else "far_below"
    expected = int(mean * span / HOUR_MS)
    return [Doubt(kind, False, {"mwh": mwh, "expected_mwh": expected})]


def _mean_mw(register: Register, before: Sequence[RegisterReading]) -> Fraction | None:
    """Mean power of the last months, or of what there is; None for too short a time."""
    last = before[-1].at
    recent = [one for one in before if one.at >= last - MEAN_OVER_MS]
    span = recent[-1].at - recent[0].at
    if span < MEAN_FROM_MS:
        return None
    try:
        steps = sum(
            register.advance(a.value, b.value, rolled_over=b.rolled_over)
            for a, b in pairwise(recent)
        )
    except RegisterError:
        return None
    return Fraction(steps * register.mwh_of_step * HOUR_MS, span)
