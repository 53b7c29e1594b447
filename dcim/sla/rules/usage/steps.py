"""Steps of bandwidth: from the points to what the price is multiplied by."""

from fractions import Fraction

from dcim.metering.charging import Charged
from dcim.metering.percentile import Percentile
from dcim.sla.rules.quantities import plain, say_duration
from dcim.sla.rules.steps import Step, both, say_exact
from dcim.sla.rules.terms import Text, Usage
from dcim.sla.rules.usage.lines import make_step
from dcim.sla.rules.usage.modes import (
    Bounds,
    Quantity,
    count_ranked,
    mode_steps,
    round_up,
)

DIRECTION_WORDS = {
    "higher_percentile": (
        "取入、出两个方向各自第 {} 百分位值中较高者",
        "the higher of the percentiles {} of both directions",
    ),
    "percentile_of_higher": (
        "每点取入、出中较高者，再取第 {} 百分位",
        "percentile {} of the higher direction of each point",
    ),
    "percentile_of_sum": (
        "每点入、出相加，再取第 {} 百分位",
        "percentile {} of the sum of both directions of each point",
    ),
    "in": ("入方向的第 {} 百分位", "percentile {} of the inbound direction"),
    "out": ("出方向的第 {} 百分位", "percentile {} of the outbound direction"),
}


def quantity_steps(
    usage: Usage,
    charged: Charged,
    quantity: Quantity,
    commit: int | None,
    bounds: Bounds,
    free_gb: Fraction = Fraction(0),
) -> list[Step]:
    """From the points to what the price is multiplied by."""
    mega = usage.thousand**2
    measured = None if charged.value is None else round_up(charged.value, usage.round_up_bps)
    if usage.mode == "month_95" and charged.decision is not None:
        steps = percentile_steps(usage, charged.decision.point, measured or 0, mega)
    elif charged.value is None and not charged.used:
        steps = [_nothing_measured()]
    else:
        before = quantity if measured is None else quantity_before(usage, quantity, measured)
        steps = mode_steps(usage, charged, before)
    steps += _bound_steps(usage, measured, quantity, bounds, mega)
    if free_gb:
        steps.append(_free_step(charged, usage, free_gb, quantity))
    if commit is None or usage.mode == "flat":
        return steps
    return [*steps, above_step(quantity, commit, mega)]


def quantity_before(usage: Usage, quantity: Quantity, measured: int) -> Quantity:
    """As it was before a least or a most changed it."""
    if usage.mode in ("flat", "traffic"):
        return quantity
    return Quantity(measured, quantity.over_bps, quantity.count, quantity.text)


def above_step(quantity: Quantity, commit: int, mega: int) -> Step:
    base = f"{say_exact(Fraction(commit, mega))}"
    if quantity.billed_bps is None:
        formula = {
            "zh": f"每天 − 保底 {base}，不足 0 按 0 计，各天相加",
            "en": f"each day − commit of {base}, not below 0, summed over the days",
        }
    else:
        billed = say_exact(Fraction(quantity.billed_bps, mega))
        formula = {
            "zh": f"{billed} − 保底 {base}，不足 0 按 0 计",
            "en": f"{billed} − commit of {base}, not below 0",
        }
    return make_step("above", "超出保底", "Above the commit", formula, quantity.text)


def member_step(item: str, measured: int | None, mega: int) -> Step:
    """Of a pool whose members are measured apart."""
    result: Text = (
        {"zh": "无计费点", "en": "no point"}
        if measured is None
        else both(f"{say_exact(Fraction(measured, mega))} Mbit/s")
    )
    return make_step(f"member-{item}", f"成员 {item}", f"Member {item}", item, result)


def _nothing_measured() -> Step:
    said: Text = {"zh": "无任何计费点", "en": "no point was measured"}
    return make_step("billed", "计费量", "Charged", said, both("0 Mbit/s"))


def _bound_steps(
    usage: Usage, measured: int | None, quantity: Quantity, bounds: Bounds, mega: int
) -> list[Step]:
    """Only where a bound is agreed; of each day where days are charged."""
    if usage.mode in ("flat", "traffic") or bounds == Bounds():
        return []
    said_zh, said_en = [], []
    if bounds.least is not None:
        rate = f"{say_exact(Fraction(bounds.least, mega))} Mbit/s"
        said_zh.append(f"不低于 {rate}")
        said_en.append(f"at least {rate}")
    if bounds.most is not None:
        rate = f"{say_exact(Fraction(bounds.most, mega))} Mbit/s"
        said_zh.append(f"不高于 {rate}")
        said_en.append(f"at most {rate}")
    zh, en = "，".join(said_zh), ", ".join(said_en)
    if quantity.billed_bps is None:
        zh, en, result = f"每天{zh}", f"each day {en}", quantity.text
    else:
        first = say_exact(Fraction(measured or 0, mega))
        zh, en = f"{first} Mbit/s，{zh}", f"{first} Mbit/s, {en}"
        result = both(f"{say_exact(Fraction(quantity.billed_bps, mega))} Mbit/s")
    return [make_step("bounds", "最低与最高", "Least and most", {"zh": zh, "en": en}, result)]


def _free_step(charged: Charged, usage: Usage, free_gb: Fraction, quantity: Quantity) -> Step:
    carried = say_exact(Fraction(charged.value or 0, usage.thousand**3))
    free = say_exact(free_gb)
    formula = {
        "zh": f"{carried} GB − 包含 {free} GB，不足 0 按 0 计",
        "en": f"{carried} GB − {free} GB included, not below 0",
    }
    return make_step("above", "超出包含量", "Above what is included", formula, quantity.text)


def percentile_steps(usage: Usage, billed: Percentile, billed_bps: int, mega: int) -> list[Step]:
    p, count = plain(usage.percentile), count_ranked(usage) or billed.count
    top = plain(100 - usage.percentile)
    rank = {
        "nearest": (f"{count:,} 点 × {p} %，进整", f"{count:,} points × {p} %, rounded up"),
        "discard_ceil": (
            f"{count:,} 点，去掉最高的 {top} %（进整到整点）",
            f"{count:,} points, the highest {top} % discarded (rounded up)",
        ),
        "round": (f"{count:,} 点 × {p} %，四舍五入", f"{count:,} points × {p} %, rounded"),
        "interpolate": (
            f"（{count:,} 点 − 1）× {p} %，舍整加 1，与下一点线性插值",
            f"({count:,} points − 1) × {p} %, cut, plus 1, interpolated to the next point",
        ),
    }[usage.rank]
    if usage.rank_of_ms:
        zh, en = say_duration(usage.rank_of_ms)
        rank = (
            f"按 {zh} 计 {rank[0]}：去掉最高的 {billed.discarded:,} 点，实有 {billed.count:,} 点",
            (
                f"as if the month had {en}, {rank[1]}: the highest {billed.discarded:,} of "
                f"{billed.count:,} points are discarded"
            ),
        )
    ceiling = ("", "")
    if usage.round_up_bps:
        unit = f"{say_exact(Fraction(usage.round_up_bps, mega))} Mbit/s"
        ceiling = (f"，向上取整到 {unit} 的倍数", f", rounded up to a multiple of {unit}")
    rule = DIRECTION_WORDS[usage.direction]
    return [
        make_step(
            "rank",
            "计费点名次（从小到大）",
            "Rank from below",
            {"zh": rank[0], "en": rank[1]},
            {"zh": f"第 {billed.rank:,} 名", "en": f"rank {billed.rank:,}"},
        ),
        make_step(
            "billed",
            "计费带宽",
            "Billed rate",
            {"zh": rule[0].format(p) + ceiling[0], "en": rule[1].format(p) + ceiling[1]},
            f"{say_exact(Fraction(billed_bps, mega))} Mbit/s",
        ),
    ]
