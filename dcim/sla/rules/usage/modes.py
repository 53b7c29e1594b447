"""Charging modes in the terms' usage: the rule they make, the quantity they price, every step."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from dcim.metering.charging import MODES_BY_DAY, Charged, ChargedDay, Rule
from dcim.sla.rules.language.mode_words import say_mode
from dcim.sla.rules.quantities import grouped
from dcim.sla.rules.steps import Step, both, say_exact
from dcim.sla.rules.terms import Text, Usage

DAYS_A_STEP = 6
LINE_WORDS = {
    "in": ("入", "in"),
    "out": ("出", "out"),
    "higher": ("入出较高", "higher of in and out"),
    "sum": ("入出之和", "sum of in and out"),
    "mean": ("入出平均", "mean of in and out"),
}


@dataclass(frozen=True)
class Quantity:
    """What the price over the commit is multiplied by.

    `billed_bps` and `over_bps` are None for modes charged day by day and for octets; `count` is in
    Mbit/s, Mbit/s and days, or GB. `each` has the counts that rows of a price apply to: of each
    day where days are charged, else `count` alone.
    """

    billed_bps: int | None
    over_bps: int | None
    count: Fraction
    text: Text
    each: tuple[Fraction, ...] = ()


@dataclass(frozen=True)
class Bounds:
    """Bit/s that a billed rate, of the month or of each day, is lifted or lowered to."""

    least: int | None = None
    most: int | None = None

    def hold(self, rate: int) -> int:
        rate = rate if self.least is None else max(rate, self.least)
        return rate if self.most is None else min(rate, self.most)


UNBOUNDED = Bounds()


def make_rule(usage: Usage, flat_bps: int) -> Rule:
    return Rule(
        mode=usage.mode,
        direction=usage.direction,
        percentile=usage.percentile,
        rank=usage.rank,
        missing=usage.missing,
        min_cover=usage.min_cover,
        night=usage.night,
        flat_bps=flat_bps,
        rank_of=count_ranked(usage),
    )


def count_ranked(usage: Usage) -> int | None:
    """Points of the length that ranks are taken of, where the terms state one."""
    return usage.rank_of_ms // usage.interval_ms if usage.rank_of_ms else None


def find_quantity(
    usage: Usage,
    charged: Charged,
    commit_bps: int | None,
    bounds: Bounds = UNBOUNDED,
    free_gb: Fraction = Fraction(0),
) -> Quantity | None:
    """None when nothing at all was measured and no least rate is agreed."""
    commit = commit_bps or 0
    if usage.mode in MODES_BY_DAY:
        return _sum_days(usage, charged, commit, bounds) if charged.used else None
    if usage.mode == "traffic":
        carried = Fraction(charged.value or 0, usage.thousand**3)
        count = max(carried - free_gb, Fraction(0))
        return Quantity(None, None, count, both(f"{say_exact(count)} GB"), (count,))
    if charged.value is None:
        if bounds.least is None:
            return None
        return settle_rate(usage, 0, commit, bounds)
    if usage.mode == "flat":
        return Quantity(charged.value, 0, Fraction(0), both("0 Mbit/s"), (Fraction(0),))
    return settle_rate(usage, round_up(charged.value, usage.round_up_bps), commit, bounds)


def _sum_days(usage: Usage, charged: Charged, commit: int, bounds: Bounds) -> Quantity:
    days = tuple(bounds.hold(bill_day(usage, day)) for day in charged.used)
    each = tuple(Fraction(max(day - commit, 0), usage.thousand**2) for day in days)
    count = sum(each, Fraction(0))
    said = say_exact(count)
    return Quantity(
        None, None, count, {"zh": f"{said} Mbit/s·天", "en": f"{said} Mbit/s × days"}, each
    )


def settle_rate(usage: Usage, rounded_bps: int, commit_bps: int, bounds: Bounds) -> Quantity:
    """Of one rate of the month, rounded up as agreed."""
    billed = bounds.hold(rounded_bps)
    over = max(billed - commit_bps, 0)
    count = Fraction(over, usage.thousand**2)
    return Quantity(billed, over, count, both(f"{say_exact(count)} Mbit/s"), (count,))


def round_up(rate: int, unit: int) -> int:
    return -(-rate // unit) * unit if unit else rate


def bill_day(usage: Usage, day: ChargedDay) -> int:
    return round_up(day.value or 0, usage.round_up_bps)


def mode_steps(usage: Usage, charged: Charged, quantity: Quantity) -> list[Step]:
    """Everything a person needs to come to the same result; not for month_95."""
    mega = usage.thousand**2
    zh, en = say_mode(usage)
    steps = [_say_days(usage, charged.used[at : at + DAYS_A_STEP], at, mega)
             for at in range(0, len(charged.used), DAYS_A_STEP)]  # fmt: skip
    if charged.decision is not None:
        steps.append(_say_decision(charged, mega))
    if usage.mode == "traffic":
        result: Text = both(f"{grouped(Decimal(charged.value or 0))} B")
    elif usage.mode in MODES_BY_DAY:
        days = len(charged.used)
        result = {"zh": f"{days} 天", "en": f"{days} day{'' if days == 1 else 's'}"}
    else:
        result = both(f"{say_exact(Fraction(quantity.billed_bps or 0, mega))} Mbit/s")
    unit = f"{say_exact(Fraction(usage.round_up_bps, mega))} Mbit/s"
    if usage.round_up_bps:
        zh, en = f"{zh}，向上取整到 {unit} 的倍数", f"{en}, rounded up to a multiple of {unit}"
    steps.append(Step("billed", {"zh": "计费量", "en": "Charged"}, {"zh": zh, "en": en}, result))
    return steps


def _say_days(usage: Usage, days: tuple[ChargedDay, ...], at: int, mega: int) -> Step:
    """A few days with what each comes to, in Mbit/s, before any rounding up."""
    values = "  ".join(
        f"{day.date:%m-%d} {say_exact(Fraction(day.value or 0, mega))}" for day in days
    )
    highest = usage.mode in ("fourth_peak", "top_5")
    return Step(
        f"days-{at + 1}",
        {
            "zh": f"第 {at + 1} 至 {at + len(days)} {'高' if highest else ''}天（Mbit/s）",
            "en": f"{'Highest days' if highest else 'Days'} {at + 1} to {at + len(days)}, Mbit/s",
        },
        both(values),
        both(f"Σ {say_exact(Fraction(sum(day.value or 0 for day in days), mega))}"),
    )


def _say_decision(charged: Charged, mega: int) -> Step:
    """The deciding point; of a day for fourth_peak."""
    decision = charged.decision
    assert decision is not None  # noqa: S101 - asked for only where there is one
    point = decision.point
    line = LINE_WORDS[decision.line]
    value = f"{say_exact(Fraction(point.value, mega))} Mbit/s"
    return Step(
        "rank",
        {"zh": "决定的点", "en": "Deciding point"},
        {
            "zh": f"{line[0]}：{point.count:,} 点中从小到大第 {point.rank:,}，"
            f"高于它的 {point.discarded:,} 点不计",
            "en": f"{line[1]}: rank {point.rank:,} from below of {point.count:,} points, "
            f"{point.discarded:,} above it discarded",
        },
        both(value),
    )
