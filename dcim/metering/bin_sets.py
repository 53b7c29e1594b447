"""Billing bins made ready for charging: several ports as one, whole months, days that count."""

import calendar
import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from dcim.metering.bins import Bins
from dcim.metering.charging import split_days


def pool_bins(members: Sequence[Bins]) -> Bins:
    """Several ports as one: octets added bin by bin, covered as far as the least covered member.

    Never add percentiles: ports peak at different times. ValueError when the grids differ.
    """
    if not members:
        raise ValueError("a pool of no ports")
    first = members[0]
    if any(
        (one.first, one.interval_ms, len(one)) != (first.first, first.interval_ms, len(first))
        for one in members
    ):
        raise ValueError("a pool's ports need the same bins")
    return Bins(
        first.first,
        first.interval_ms,
        np.sum([one.in_octets for one in members], axis=0, dtype=np.int64),
        np.sum([one.out_octets for one in members], axis=0, dtype=np.int64),
        np.min([one.covered_ms for one in members], axis=0),
    )


def join_bins(members: Sequence[Bins]) -> Bins:
    """As `pool_bins`, of members that came or left at different times.

    Before it came and after it left a member adds nothing and is not missed; where no member is
    in service nothing is covered. ValueError for no members or another interval.
    """
    if not members:
        raise ValueError("a pool of no ports")
    there = [one for one in members if len(one)]
    if not there:
        return members[0]
    interval = there[0].interval_ms
    first = min(one.first for one in there)
    end = max(one.first + len(one) * interval for one in there)
    if any(one.interval_ms != interval or (one.first - first) % interval for one in there):
        raise ValueError("a pool's ports need the same interval")
    count = (end - first) // interval
    pool = pool_bins([_widen(one, first, count) for one in there])
    served = np.zeros(count, dtype=bool)
    for one in there:
        low = (one.first - first) // interval
        served[low : low + len(one)] = True
    covered = np.where(served, pool.covered_ms, 0)
    return Bins(first, interval, pool.in_octets, pool.out_octets, covered)


def gather_peaks(bins: Bins, interval_ms: int) -> Bins:
    """Larger bins whose rate is that of their highest part, each direction apart.

    Octets are what that rate would carry through the whole bin: they no longer count traffic.
    ValueError unless the parts fill whole bins.
    """
    parts = interval_ms // bins.interval_ms
    if interval_ms % bins.interval_ms or bins.first % interval_ms or len(bins) % parts:
        raise ValueError("parts must fill whole billing intervals")
    ins, outs, covered = (
        values.reshape(-1, parts) for values in (bins.in_octets, bins.out_octets, bins.covered_ms)
    )
    return Bins(
        bins.first,
        interval_ms,
        ins.max(axis=1) * parts,
        outs.max(axis=1) * parts,
        covered.sum(axis=1),
    )


def fill_month(bins: Bins, zone: str) -> Bins:
    """The local month in which the bins begin, with points of 0 wherever they don't reach."""
    if not len(bins):
        return bins
    place = ZoneInfo(zone)
    day = _first_day(bins, place).replace(day=1)
    after = (day + dt.timedelta(days=31)).replace(day=1)
    edges = [
        round(dt.datetime.combine(one, dt.time(0), place).timestamp()) * 1000
        for one in (day, after)
    ]
    low, high = (-(-edge // bins.interval_ms) * bins.interval_ms for edge in edges)
    first, end = min(low, bins.first), max(high, bins.first + len(bins) * bins.interval_ms)
    return _widen(bins, first, (end - first) // bins.interval_ms)


def count_month(bins: Bins, zone: str) -> int:
    """Days of the local month in which the bins begin; 0 where there are none."""
    if not len(bins):
        return 0
    day = _first_day(bins, ZoneInfo(zone))
    return calendar.monthrange(day.year, day.month)[1]


def find_valid_days(
    bins: Bins, zone: str, above: int, unit: str, min_cover: Decimal
) -> list[tuple[dt.date, int, int]]:
    """As `split_days`, the days that carried more than `above` octets, in and out together, or
    (unit bit/s) with a measured point above it in either direction."""
    ins, outs = bins.rates()
    highest = np.where(bins.present(min_cover), np.maximum(ins, outs), 0)
    octets = bins.in_octets + bins.out_octets
    return [
        (date, low, high)
        for date, low, high in split_days(bins, zone)
        if (octets[low:high].sum() if unit == "B" else highest[low:high].max()) > above
    ]


def drop_days(bins: Bins, kept: Sequence[tuple[dt.date, int, int]]) -> Bins:
    """Every bin outside the days kept is missing; octets stay where they were counted."""
    keep = np.zeros(len(bins), dtype=bool)
    for _, low, high in kept:
        keep[low:high] = True
    covered = np.where(keep, bins.covered_ms, 0)
    return Bins(bins.first, bins.interval_ms, bins.in_octets, bins.out_octets, covered)


def _first_day(bins: Bins, place: ZoneInfo) -> dt.date:
    return dt.datetime.fromtimestamp(bins.first / 1000, place).date()


def _widen(bins: Bins, first: int, count: int) -> Bins:
    """On a larger grid: wholly covered and without traffic outside its own."""
    low = (bins.first - first) // bins.interval_ms
    around = (low, count - low - len(bins))

    def pad(values: npt.NDArray[np.int64], with_value: int) -> npt.NDArray[np.int64]:
        return np.pad(values, around, constant_values=with_value)

    return Bins(
        first,
        bins.interval_ms,
        pad(bins.in_octets, 0),
        pad(bins.out_octets, 0),
        pad(bins.covered_ms, bins.interval_ms),
    )
