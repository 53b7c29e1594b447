"""Sums of ports chosen, put in order, and as flat rows for files and the API."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from dcim.sla.aggregates import Aggregate
from dcim.sla.run_out_rows import RunOutRow, describe_run_outs
from dcim.sla.traffic_months import Grouping

FAR = 10**9
LAG_GRAVITY = {"down": 0, "degraded": 1, "unknown": 2, "ok": 3}
TOPS = (10, 20, 50)


def weigh_run_out(one: Aggregate) -> int | None:
    """Days of the calendar; what has run out already is first, what doesn't is last."""
    found = one.runs_out
    if found is None or found.state == "too_little":
        return None
    if found.state == "reached":
        return 0
    if found.likely is not None:
        return found.likely.toordinal()
    return FAR if found.state == "beyond" else FAR - 1


Key = Callable[[Aggregate], Any]
SORTS: dict[str, Key] = {
    "name": lambda one: one.code,
    "bought": lambda one: one.bought or None,
    "sold": lambda one: one.sold or None,
    "contention": lambda one: one.contention,
    "now": lambda one: one.busier_now,
    "p95": lambda one: one.month.p95 if one.month else None,
    "share": lambda one: one.share,
    "forecast": lambda one: one.forecast.p95 if one.forecast else None,
    "space": lambda one: one.space.share if one.space else None,
    "power": lambda one: one.power.measured_share if one.power else None,
    "runout": weigh_run_out,
    "state": lambda one: LAG_GRAVITY[one.lag.state] if one.lag else None,
    "speed": lambda one: one.lag.speed_bps if one.lag else None,
    "load": lambda one: one.lag.share if one.lag else None,
    "imbalance": lambda one: one.lag.imbalance[1] if one.lag and one.lag.imbalance else None,
}


@dataclass(frozen=True, slots=True)
class AggregateWish:
    """What of a grouping is asked for; `top` 0: all of it."""

    text: str = ""
    sort: str = "name"
    descending: bool = False
    top: int = 0


def choose_aggregates(found: Sequence[Aggregate], wish: AggregateWish) -> list[Aggregate]:
    """Those that a wish finds, in its order. What isn't known stands last either way."""
    needle = wish.text.casefold()
    keyed = [
        (SORTS[wish.sort](one), one)
        for one in found
        if any(needle in text.casefold() for text in (one.code, one.name, one.name_en, one.place))
    ]
    known = [one for one in keyed if one[0] is not None]
    known.sort(key=lambda each: each[0], reverse=wish.descending)
    rows = [one for _, one in known] + [one for told, one in keyed if told is None]
    return rows[: wish.top] if wish.top else rows


@dataclass(frozen=True, slots=True)
class AggregateSpaceRow:
    """Units of racks: sold today, of all there are."""

    sold_u: float
    capacity_u: int
    at_80_percent: RunOutRow | None
    at_100_percent: RunOutRow | None


@dataclass(frozen=True, slots=True)
class AggregatePowerRow:
    """W: the newest day that counts, and what is sold, of what one feed may carry for long."""

    day: dt.date | None
    peak_w: int | None
    mean_w: int | None
    contracted_w: int | None
    derated_w: int | None
    at_80_percent: RunOutRow | None
    at_100_percent: RunOutRow | None


@dataclass(frozen=True, slots=True)
class AggregateLagRow:
    """A LAG now: `full_speed_bps` of all members, `speed_bps` of those that carry; `imbalance` is
    how many times its fair part the `busiest` of them does."""

    state: str
    members: int
    up: int
    unknown: int
    lacking: list[str]
    speed_bps: int
    full_speed_bps: int
    share: float | None
    busiest: str
    imbalance: float | None


@dataclass(frozen=True, slots=True)
class AggregateRow:
    """Rates in bit/s, none where not known. `in_bps` and `out_bps` are what flows now, the
    percentiles those of the running month so far; `measured_share` how much of it is measured.
    `at_80_percent` and `at_100_percent` say when so much of the capacity is reached."""

    grouping: str
    id: int
    code: str
    name: str
    name_en: str
    place: str
    kind: str
    port_id: int | None
    lines: int
    capacity_bps: int
    bought_bps: int
    services: int
    sold_bps: int
    sold_most_bps: int
    contention: float | None
    measured_at: dt.datetime | None
    members: int
    unmeasured: int
    in_bps: int | None
    out_bps: int | None
    in_p95_bps: int | None
    out_p95_bps: int | None
    p95_bps: int | None
    measured_share: float | None
    share_of_bought: float | None
    forecast_p95_bps: int | None
    at_80_percent: RunOutRow | None
    at_100_percent: RunOutRow | None
    lag: AggregateLagRow | None
    space: AggregateSpaceRow | None
    power: AggregatePowerRow | None


def describe_aggregate(one: Aggregate, grouping: Grouping) -> AggregateRow:
    month = one.month
    most, whole = describe_run_outs(one.run_outs)
    return AggregateRow(
        grouping=grouping,
        id=one.id,
        code=one.code,
        name=one.name,
        name_en=one.name_en,
        place=one.place,
        kind=one.kind,
        port_id=one.port_id,
        lines=one.lines,
        capacity_bps=one.capacity,
        bought_bps=one.bought,
        services=one.services,
        sold_bps=one.sold,
        sold_most_bps=one.sold_most,
        contention=one.contention,
        measured_at=one.measured_at,
        members=one.members,
        unmeasured=one.unmeasured,
        in_bps=one.in_now,
        out_bps=one.out_now,
        in_p95_bps=month.in_p95 if month else None,
        out_p95_bps=month.out_p95 if month else None,
        p95_bps=month.p95 if month else None,
        measured_share=month.present / month.expected if month and month.expected else None,
        share_of_bought=one.share,
        forecast_p95_bps=one.forecast.p95 if one.forecast else None,
        at_80_percent=most,
        at_100_percent=whole,
        lag=_describe_lag(one),
        space=_describe_space(one),
        power=_describe_power(one),
    )


def _describe_lag(one: Aggregate) -> AggregateLagRow | None:
    lag = one.lag
    if lag is None:
        return None
    unequal = lag.imbalance
    return AggregateLagRow(
        lag.state,
        len(lag.members),
        lag.up,
        lag.unknown,
        [each.name for each in lag.members if each.is_lacking],
        lag.speed_bps,
        lag.full_speed_bps,
        lag.share,
        unequal[0].name if unequal else "",
        unequal[1] if unequal else None,
    )


def _describe_space(one: Aggregate) -> AggregateSpaceRow | None:
    if one.space is None:
        return None
    return AggregateSpaceRow(
        one.space.sold, one.space.capacity, *describe_run_outs(one.space.run_outs)
    )


def _describe_power(one: Aggregate) -> AggregatePowerRow | None:
    use = one.power
    if use is None:
        return None
    return AggregatePowerRow(
        use.day, use.peak_w, use.mean_w, use.contracted_w, use.derated_w,
        *describe_run_outs(use.run_outs),
    )  # fmt: skip
