"""Usage into priced lines: percentile bandwidth with commit and overage, energy, demand."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from dcim.metering.bins import Bins
from dcim.metering.percentile import Percentile, find_percentile
from dcim.sla.rules.credits import Step, both, say_exact
from dcim.sla.rules.quantities import fixed, grouped, money, plain
from dcim.sla.rules.terms import Terms, Text, Usage

WATT_HOURS = 1000
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


@dataclass(frozen=True)
class Order:
    """What the customer ordered, where the terms say `item`; prices per Mbit/s and month."""

    commit_bps: int | None = None
    price_committed: Decimal | None = None
    price_over: Decimal | None = None
    share: Fraction = Fraction(1)  # of the period in service, for the committed fee


@dataclass(frozen=True)
class Bandwidth:
    """`billed` is None when nothing at all was measured."""

    expected: int
    present: int
    in_p: Percentile | None
    out_p: Percentile | None
    billed: Percentile | None
    in_max: int | None
    out_max: int | None
    billed_bps: int | None
    commit_bps: int | None
    over_bps: int | None
    price_committed: Decimal | None
    price_over: Decimal
    committed_amount: Decimal
    over_amount: Decimal
    steps: tuple[Step, ...]

    @property
    def amount(self) -> Decimal:
        return self.committed_amount + self.over_amount


@dataclass(frozen=True)
class Metered:
    """Energy or demand: quantity in kWh or kW, exact."""

    expected: int
    present: int
    quantity: Fraction
    amount: Decimal
    steps: tuple[Step, ...]


def bill_bandwidth(terms: Terms, usage: Usage, bins: Bins, order: Order) -> Bandwidth:
    """The percentile of the bins under the terms, priced; money rounded once per line."""
    if bins.interval_ms != usage.interval_ms:
        raise ValueError(
            f"bins of {bins.interval_ms} ms, the terms bill intervals of {usage.interval_ms} ms"
        )
    good = bins.present(usage.min_cover)
    present = int(good.sum())
    rates_in, rates_out = bins.rates()
    if usage.missing == "zero":
        ins, outs = np.where(good, rates_in, 0), np.where(good, rates_out, 0)
    else:
        ins, outs = rates_in[good], rates_out[good]
    in_p = _percentile(ins, usage)
    out_p = _percentile(outs, usage)
    billed = _direction(ins, outs, in_p, out_p, usage)
    commit = order.commit_bps if usage.commit == "item" else usage.commit
    commit = commit if isinstance(commit, int) else None
    committed_price = (
        order.price_committed
        if usage.price_committed == "item"
        else usage.price_committed
        if isinstance(usage.price_committed, Decimal)
        else None
    )
    over_price = order.price_over if usage.price_over == "item" else usage.price_over
    if not isinstance(over_price, Decimal):
        raise TypeError(f"usage {usage.id}: the terms leave the price to the order, it has none")
    steps: list[Step] = []
    mega = usage.thousand**2
    committed = Fraction(0)
    if committed_price is not None and commit is not None:
        committed = Fraction(commit, mega) * Fraction(committed_price) * order.share
        steps.append(
            _step(
                "commit",
                "保底费",
                "Committed fee",
                f"{say_exact(Fraction(commit, mega))} Mbit/s × {committed_price}"
                + ("" if order.share == 1 else f" × {order.share}"),
                grouped(money(committed, terms.decimals, terms.rounding)),
            )
        )
    billed_bps, over_bps, over = None, None, Fraction(0)
    if billed is not None:
        billed_bps = _round_up(billed.value, usage.round_up_bps)
        over_bps = max(billed_bps - (commit or 0), 0)
        over = Fraction(over_bps, mega) * Fraction(over_price)
        steps += _percentile_steps(usage, billed, billed_bps, commit, over_bps, mega)
        steps.append(
            _step(
                "over",
                "超出费",
                "Overage",
                f"{say_exact(Fraction(over_bps, mega))} Mbit/s × {over_price}",
                grouped(money(over, terms.decimals, terms.rounding)),
            )
        )
    return Bandwidth(
        expected=len(bins),
        present=present,
        in_p=in_p,
        out_p=out_p,
        billed=billed,
        in_max=int(rates_in[good].max()) if present else None,
        out_max=int(rates_out[good].max()) if present else None,
        billed_bps=billed_bps,
        commit_bps=commit,
        over_bps=over_bps,
        price_committed=committed_price,
        price_over=over_price,
        committed_amount=money(committed, terms.decimals, terms.rounding),
        over_amount=money(over, terms.decimals, terms.rounding),
        steps=tuple(steps),
    )


def _percentile(values: npt.NDArray[np.int64], usage: Usage) -> Percentile | None:
    if values.size == 0:
        return None
    return find_percentile(values, usage.percentile, usage.rank)


def _direction(
    ins: npt.NDArray[np.int64],
    outs: npt.NDArray[np.int64],
    in_p: Percentile | None,
    out_p: Percentile | None,
    usage: Usage,
) -> Percentile | None:
    if in_p is None or out_p is None:
        return None
    if usage.direction == "percentile_of_higher":
        return _percentile(np.maximum(ins, outs), usage)
    if usage.direction == "percentile_of_sum":
        return _percentile(ins + outs, usage)
    if usage.direction in ("in", "out"):
        return in_p if usage.direction == "in" else out_p
    return in_p if in_p.exact > out_p.exact else out_p


def _round_up(rate: int, unit: int) -> int:
    return -(-rate // unit) * unit if unit else rate


def _percentile_steps(
    usage: Usage, billed: Percentile, billed_bps: int, commit: int | None, over_bps: int, mega: int
) -> list[Step]:
    p, count = plain(usage.percentile), billed.count
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
    ceiling = ("", "")
    if usage.round_up_bps:
        unit = f"{say_exact(Fraction(usage.round_up_bps, mega))} Mbit/s"
        ceiling = (f"，向上取整到 {unit} 的倍数", f", rounded up to a multiple of {unit}")
    rule = DIRECTION_WORDS[usage.direction]
    steps = [
        _step(
            "rank",
            "计费点名次（从小到大）",
            "Rank from below",
            {"zh": rank[0], "en": rank[1]},
            {"zh": f"第 {billed.rank:,} 名", "en": f"rank {billed.rank:,}"},
        ),
        _step(
            "billed",
            "计费带宽",
            "Billed rate",
            {"zh": rule[0].format(p) + ceiling[0], "en": rule[1].format(p) + ceiling[1]},
            f"{say_exact(Fraction(billed_bps, mega))} Mbit/s",
        ),
    ]
    if commit is not None:
        steps.append(
            _step(
                "above",
                "超出保底",
                "Above the commit",
                {
                    "zh": f"{say_exact(Fraction(billed_bps, mega))} − 保底 "
                    f"{say_exact(Fraction(commit, mega))}，不足 0 按 0 计",
                    "en": f"{say_exact(Fraction(billed_bps, mega))} − commit of "
                    f"{say_exact(Fraction(commit, mega))}, not below 0",
                },
                f"{say_exact(Fraction(over_bps, mega))} Mbit/s",
            )
        )
    return steps


def _step(key: str, zh: str, en: str, formula: Text | str, result: Text | str) -> Step:
    return Step(key, {"zh": zh, "en": en}, both(formula), both(result))


def bill_energy(
    terms: Terms, usage: Usage, energy_mwh: list[int], present: int, expected: int
) -> Metered:
    """Milliwatt-hours of each interval, summed to kWh, times PUE and price."""
    if not isinstance(usage.price_over, Decimal):
        raise TypeError(f"usage {usage.id} has no price")
    kwh = Fraction(sum(energy_mwh), 1000 * WATT_HOURS) * Fraction(usage.pue)
    exact = kwh * Fraction(usage.price_over)
    amount = money(exact, terms.decimals, terms.rounding)
    steps = (
        _step(
            "energy",
            "电量",
            "Energy",
            {
                "zh": f"各路电表电量之和 × PUE {plain(usage.pue)}",
                "en": f"sum of the meters of all feeds × PUE {plain(usage.pue)}",
            },
            f"{grouped(fixed(kwh, 3))} kWh",
        ),
        _step(
            "amount",
            "金额",
            "Amount",
            f"{grouped(fixed(kwh, 3))} kWh × {usage.price_over}",
            grouped(amount),
        ),
    )
    return Metered(expected, present, kwh, amount, steps)


def bill_demand(
    terms: Terms, usage: Usage, energy_mwh: list[int], present: int, expected: int
) -> Metered:
    """Highest mean power of an interval in kW; energy is that of whole intervals (mWh)."""
    if not isinstance(usage.price_over, Decimal):
        raise TypeError(f"usage {usage.id} has no price")
    hours = Fraction(usage.interval_ms, 3_600_000)
    kw = Fraction(max(energy_mwh, default=0), 1000 * WATT_HOURS) / hours
    amount = money(kw * Fraction(usage.price_over), terms.decimals, terms.rounding)
    steps = (
        _step(
            "demand",
            "最高需量",
            "Highest demand",
            {
                "zh": "各计费间隔平均功率的最高值",
                "en": "the highest mean power of a billing interval",
            },
            f"{fixed(kw, 3)} kW",
        ),
        _step(
            "amount",
            "金额",
            "Amount",
            f"{fixed(kw, 3)} kW × {usage.price_over}",
            grouped(amount),
        ),
    )
    return Metered(expected, present, kw, amount, steps)
