"""Usage into priced lines: percentile bandwidth with commit and overage, energy, demand."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from dcim.metering.bins import Bins
from dcim.metering.charging import MODES_OF_MONTH, Charged, charge_bins
from dcim.metering.percentile import Percentile, find_percentile
from dcim.sla.rules.credits import Step, both, say_exact
from dcim.sla.rules.quantities import fixed, grouped, money, plain
from dcim.sla.rules.terms import Terms, Text, Usage
from dcim.sla.rules.usage_modes import Quantity, find_quantity, make_rule, mode_steps

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
    """`quantity` is None when nothing at all was measured; `billed` is the point that decided
    among those of the month, None where days decide or no point at all."""

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
    charged: Charged
    quantity: Quantity | None

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
    """The bins charged by the terms' mode, priced; money rounded once per line."""
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
    if usage.mode == "flat" and (commit is None or committed_price is None):
        raise TypeError(f"usage {usage.id}: a flat port needs the order's commit and price")
    charged = charge_bins(bins, make_rule(usage, commit or 0), terms.timezone)
    quantity = find_quantity(usage, charged, commit)
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
    over = Fraction(0)
    if quantity is not None:
        over = quantity.count * Fraction(over_price)
        steps += _quantity_steps(usage, charged, quantity, commit)
        if usage.mode != "flat":
            steps.append(
                _step(
                    "over",
                    "超出费",
                    "Overage",
                    {key: f"{said} × {over_price}" for key, said in quantity.text.items()},
                    grouped(money(over, terms.decimals, terms.rounding)),
                )
            )
    return Bandwidth(
        expected=len(bins),
        present=present,
        in_p=_percentile(ins, usage),
        out_p=_percentile(outs, usage),
        billed=charged.decision.point
        if charged.decision is not None and usage.mode in MODES_OF_MONTH
        else None,
        in_max=int(rates_in[good].max()) if present else None,
        out_max=int(rates_out[good].max()) if present else None,
        billed_bps=None if quantity is None else quantity.billed_bps,
        commit_bps=commit,
        over_bps=None if quantity is None else quantity.over_bps,
        price_committed=committed_price,
        price_over=over_price,
        committed_amount=money(committed, terms.decimals, terms.rounding),
        over_amount=money(over, terms.decimals, terms.rounding),
        steps=tuple(steps),
        charged=charged,
        quantity=quantity,
    )


def _percentile(values: npt.NDArray[np.int64], usage: Usage) -> Percentile | None:
    if values.size == 0:
        return None
    return find_percentile(values, usage.percentile, usage.rank)


def _quantity_steps(
    usage: Usage, charged: Charged, quantity: Quantity, commit: int | None
) -> list[Step]:
    """From the points to what the price is multiplied by."""
    mega = usage.thousand**2
    if usage.mode == "month_95" and charged.decision is not None:
        steps = _percentile_steps(usage, charged.decision.point, quantity.billed_bps or 0, mega)
    else:
        steps = mode_steps(usage, charged, quantity)
    if commit is None or usage.mode == "flat":
        return steps
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
    return [*steps, _step("above", "超出保底", "Above the commit", formula, quantity.text)]


def _percentile_steps(usage: Usage, billed: Percentile, billed_bps: int, mega: int) -> list[Step]:
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
    return [
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
