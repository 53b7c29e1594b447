"""Bandwidth into priced lines: one port or a pool, by the terms' mode, with commit and overage."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from dcim.errors import Message
from dcim.metering.bin_sets import (
    count_month,
    drop_days,
    fill_month,
    find_valid_days,
    gather_peaks,
    join_bins,
)
from dcim.metering.bins import Bins
from dcim.metering.charging import (
    MODES_BY_DAY,
    MODES_OF_MONTH,
    Charged,
    charge_bins,
    fill_missing,
    split_days,
)
from dcim.metering.percentile import Percentile, find_percentile
from dcim.sla.rules.quantities import grouped
from dcim.sla.rules.steps import Step, say_exact
from dcim.sla.rules.terms import PriceRows, Terms, Text, Usage
from dcim.sla.rules.usage.lines import PricedLine, line_step, make_step, price_line
from dcim.sla.rules.usage.modes import (
    Bounds,
    Quantity,
    count_ranked,
    find_quantity,
    make_rule,
    round_up,
    settle_rate,
)
from dcim.sla.rules.usage.prices import (
    Agreed,
    Order,
    agree,
    limit_amount,
    rate_limit,
    sum_parts,
)
from dcim.sla.rules.usage.steps import above_step, member_step, quantity_steps

WHOLE = Fraction(1)
COMMITTED: Text = {"zh": "保底费", "en": "Committed fee"}
OVERAGE: Text = {"zh": "超出费", "en": "Overage"}


@dataclass(frozen=True)
class Bandwidth:
    """`quantity` is None when nothing at all was measured; `billed` is the point that decided
    among those of the month, None where days decide or no point at all.

    `lines` add up to `amount`. What a minimum adds or a ceiling takes off is in `over_amount`
    (the rest of a ceiling below the committed fee in `committed_amount`), so that neither is
    negative. `price_over` of a price in rows is that of the last row reached.
    """

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
    lines: tuple[PricedLine, ...] = ()
    factor: Fraction = WHOLE  # of the overage, by valid days or days in service
    port_bps: int | None = None

    @property
    def amount(self) -> Decimal:
        return self.committed_amount + self.over_amount


@dataclass(frozen=True)
class Member:
    """An item with its bins; `group` is the aggregation group its order names."""

    item: str
    bins: Bins
    order: Order
    site: str = ""
    group: str = ""


@dataclass(frozen=True)
class _Total:
    """What all members agreed together; a price in common."""

    commit_bps: int | None
    port_bps: int | None
    price_over: Decimal | PriceRows
    bounds: Bounds
    free_gb: Fraction


def bill_bandwidth(terms: Terms, usage: Usage, bins: Bins, order: Order) -> Bandwidth:
    """The bins charged by the terms' mode, priced; money rounded once per line."""
    return bill_pool(terms, usage, [Member("", bins, order)])


def bill_pool(terms: Terms, usage: Usage, members: Sequence[Member]) -> Bandwidth:
    """Members as one: bins added per interval, commits and port rates added, one overage.

    TypeError where an order lacks what the terms leave to it, or members differ in their price.
    """
    wanted = usage.peak_of_ms or usage.interval_ms
    for member in members:
        if member.bins.interval_ms != wanted:
            raise ValueError(
                f"bins of {member.bins.interval_ms} ms, the terms bill intervals of {wanted} ms"
            )
    agreed = [agree(usage, member.order) for member in members]
    total = _add_up(usage, agreed)
    bins = members[0].bins if len(members) == 1 else join_bins([one.bins for one in members])
    ready, factor, factor_steps = _make_ready(usage, bins, terms.timezone)
    charged = charge_bins(ready, make_rule(usage, total.commit_bps or 0), terms.timezone)
    apart = usage.pool_overage == "members" and len(members) > 1
    committed, steps = _commit(terms, usage, members, agreed)
    if apart:
        quantity, found = _measure_apart(terms, usage, members, total)
        steps += found
    else:
        quantity = find_quantity(usage, charged, total.commit_bps, total.bounds, total.free_gb)
        if quantity is not None:
            steps += quantity_steps(
                usage, charged, quantity, total.commit_bps, total.bounds, total.free_gb
            )
    over, price = _overage(terms, usage, quantity, total, factor)
    if quantity is not None:
        steps += factor_steps
        if usage.mode != "flat":
            steps += _over_steps(over, quantity, factor)
    fee, extra = _sum(committed), _sum(over)
    limits = limit_amount(terms, usage, fee + extra)
    steps += [line_step(line) for line in limits]
    extra += _sum(limits)
    if extra < 0:
        fee, extra = fee + extra, Decimal(0) * extra
    good = ready.present(usage.min_cover)
    rates_in, rates_out = ready.rates()
    _, ins, outs = fill_missing(ready, usage.missing, good)
    return Bandwidth(
        expected=len(ready),
        present=int(good.sum()),
        in_p=_percentile(ins, usage),
        out_p=_percentile(outs, usage),
        billed=charged.decision.point
        if charged.decision is not None and usage.mode in MODES_OF_MONTH and not apart
        else None,
        in_max=int(rates_in[good].max()) if good.any() else None,
        out_max=int(rates_out[good].max()) if good.any() else None,
        billed_bps=None if quantity is None else quantity.billed_bps,
        commit_bps=total.commit_bps,
        over_bps=None if quantity is None else quantity.over_bps,
        price_committed=agreed[0].price_committed,
        price_over=price,
        committed_amount=fee,
        over_amount=extra,
        steps=tuple(steps),
        charged=charged,
        quantity=quantity,
        lines=(*committed, *over, *limits),
        factor=factor,
        port_bps=total.port_bps,
    )


def _sum(lines: Sequence[PricedLine]) -> Decimal:
    return sum((line.amount for line in lines if line.amount is not None), Decimal(0))


def _add_up(usage: Usage, agreed: Sequence[Agreed]) -> _Total:
    if len({one.price_over for one in agreed}) > 1:
        raise TypeError(
            Message(
                "usage %(usage)s: the pool's items differ in their price above the commit",
                usage=usage.id,
            )
        )
    commits = [one.commit_bps for one in agreed if one.commit_bps is not None]
    ports = [one.port_bps for one in agreed if one.port_bps is not None]
    commit = sum(commits) if commits else None
    port = sum(ports) if len(ports) == len(agreed) else None
    return _Total(
        commit,
        port,
        agreed[0].price_over,
        Bounds(
            rate_limit(usage, usage.at_least, commit or 0, port),
            rate_limit(usage, usage.at_most, commit or 0, port),
        ),
        Fraction(usage.included) * sum((one.share for one in agreed), Fraction(0)),
    )


def _make_ready(usage: Usage, bins: Bins, zone: str) -> tuple[Bins, Fraction, list[Step]]:
    """Bins as the terms count them, and the share of the month that the overage is charged for."""
    if usage.peak_of_ms:
        bins = gather_peaks(bins, usage.interval_ms)
    days = count_month(bins, zone)
    if usage.partial_month == "by_days":
        served = len(split_days(bins, zone))
        return (
            bins,
            _share(served, days),
            [_factor_step(served, days, "服务天数", "Days in service")],
        )
    if usage.valid_days is None:
        return fill_month(bins, zone) if usage.partial_month == "zero" else bins, WHOLE, []
    rule = usage.valid_days
    valid = find_valid_days(bins, zone, rule.above, rule.unit, usage.min_cover)
    ready = drop_days(bins, valid) if rule.points == "valid_days" else bins
    if usage.partial_month == "zero":
        ready = fill_month(ready, zone)
    step = _factor_step(len(valid), days, "有效天数", "Valid days")
    return ready, _share(len(valid), days), [step]


def _share(part: int, days: int) -> Fraction:
    return Fraction(part, days) if days else Fraction(0)


def _factor_step(part: int, days: int, zh: str, en: str) -> Step:
    formula: Text = {
        "zh": f"{part} 天 / 当月 {days} 天",
        "en": f"{part} of the month's {days} days",
    }
    return make_step("days", zh, en, formula, f"× {_share(part, days)}")


def _commit(
    terms: Terms, usage: Usage, members: Sequence[Member], agreed: Sequence[Agreed]
) -> tuple[list[PricedLine], list[Step]]:
    """One line a member that has a commit and a price for it."""
    lines, steps = [], []
    for member, one in zip(members, agreed, strict=True):
        if one.price_committed is None or one.commit_bps is None:
            continue
        alone = len(members) == 1
        key = "committed" if alone else f"committed:{member.item}"
        mbps = Fraction(one.commit_bps, usage.thousand**2)
        line = price_line(
            terms, key, COMMITTED, mbps, "Mbit/s", one.price_committed, one.share,
            "" if alone else member.item,
        )  # fmt: skip
        lines.append(line)
        name = "" if alone else f" {member.item}"
        steps.append(
            make_step(
                "commit" if alone else f"commit-{member.item}",
                f"保底费{name}",
                f"Committed fee{name}",
                f"{say_exact(mbps)} Mbit/s × {one.price_committed}"
                + ("" if one.share == 1 else f" × {one.share}"),
                grouped(line.amount or Decimal(0)),
            )
        )
    return lines, steps


def _measure_apart(
    terms: Terms, usage: Usage, members: Sequence[Member], total: _Total
) -> tuple[Quantity | None, list[Step]]:
    """Sum of what each member is measured at, less the sum of the commits."""
    mega = usage.thousand**2
    rule = make_rule(usage, 0)
    steps, rates = [], []
    for member in members:
        ready, _, _ = _make_ready(usage, member.bins, terms.timezone)
        value = charge_bins(ready, rule, terms.timezone).value
        rate = None if value is None else round_up(value, usage.round_up_bps)
        steps.append(member_step(member.item, rate, mega))
        rates.append(rate)
    if all(rate is None for rate in rates) and total.bounds.least is None:
        return None, steps
    summed = sum(rate or 0 for rate in rates)
    quantity = settle_rate(usage, summed, total.commit_bps or 0, total.bounds)
    if total.commit_bps is not None:
        steps.append(above_step(quantity, total.commit_bps, mega))
    return quantity, steps


def _overage(
    terms: Terms, usage: Usage, quantity: Quantity | None, total: _Total, factor: Fraction
) -> tuple[list[PricedLine], Decimal]:
    """(lines, price): one line, or one for each row of the price that was reached."""
    price = total.price_over
    if quantity is None or usage.mode == "flat":
        return [], price if isinstance(price, Decimal) else price.rows[0].price
    unit = (
        "GB" if usage.mode == "traffic"
        else "Mbit/s × d" if usage.mode in MODES_BY_DAY
        else "Mbit/s"
    )  # fmt: skip
    parts = sum_parts(quantity.each, price)
    lines = [
        price_line(
            terms,
            f"over:{part.row}" if part.row else "over",
            OVERAGE,
            part.quantity,
            unit,
            part.price,
            factor,
        )
        for part in parts
    ]
    return lines, parts[-1].price


def _over_steps(lines: Sequence[PricedLine], quantity: Quantity, factor: Fraction) -> list[Step]:
    if len(lines) == 1:
        times = "" if factor == 1 else f" × {factor}"
        [line] = lines
        formula = {key: f"{said} × {line.unit_price}{times}" for key, said in quantity.text.items()}
        amount = grouped(line.amount or Decimal(0))
        return [make_step("over", OVERAGE["zh"], OVERAGE["en"], formula, amount)]
    return [line_step(line) for line in lines]


def _percentile(values: npt.NDArray[np.int64], usage: Usage) -> Percentile | None:
    if values.size == 0:
        return None
    return find_percentile(values, usage.percentile, usage.rank, count_ranked(usage))
