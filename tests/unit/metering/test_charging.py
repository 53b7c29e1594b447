"""Every charging mode: by hand, against a slow oracle that shares no code, by its properties."""

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import get_args
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcim.metering.bin_sets import pool_bins
from dcim.metering.bins import Bins
from dcim.metering.charging import (
    Charged,
    Direction,
    Mode,
    Rule,
    charge_bins,
    split_days,
)
from dcim.metering.percentile import find_percentile

FIVE, HOUR, DAY = 300_000, 3_600_000, 86_400_000
CN = "Asia/Shanghai"
MODES: tuple[Mode, ...] = get_args(Mode)
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)
RANKS = ("nearest", "discard_ceil", "round", "interpolate")


def local(zone: str, *parts: int) -> int:
    return int(dt.datetime(*parts, tzinfo=ZoneInfo(zone)).timestamp()) * 1000  # type: ignore[arg-type,misc]


def make_bins(
    first: int,
    ins: Sequence[int],
    outs: Sequence[int] | None = None,
    covered: Sequence[int] | None = None,
    interval: int = HOUR,
) -> Bins:
    """The fewest octets that make these rates in bit/s; of whole hours the rates are exact."""
    return Bins(
        first,
        interval,
        -(-np.array(ins, dtype=np.int64) * interval // 8000),
        -(
            -np.array(outs if outs is not None else [0] * len(ins), dtype=np.int64)
            * interval
            // 8000
        ),
        np.array(covered if covered is not None else [interval] * len(ins), dtype=np.int64),
    )


# --- by hand ------------------------------------------------------------------------------------
# Six days of Shanghai, 24 points each: day d (1..6) has the points 100 d + 0 .. 100 d + 23.
SIX = make_bins(
    local(CN, 2026, 10, 1), [100 * day + hour for day in range(1, 7) for hour in range(24)]
)


def value_of(mode: Mode, bins: Bins = SIX, **words: object) -> int | None:
    return charge_bins(bins, Rule(mode=mode, direction="in", **words), CN).value  # type: ignore[arg-type]


def by_day(charged: Charged) -> list[tuple[str, int | None]]:
    return [(f"{day.date:%m-%d}", day.value) for day in charged.used]


def test_month_95_discards_the_seven_highest_of_144() -> None:
    charged = charge_bins(SIX, Rule(direction="in"), CN)
    assert charged.value == 616  # 144 x 5 % = 7.2: 623 .. 617 go
    assert charged.decision is not None
    assert charged.decision.at == local(CN, 2026, 10, 6, 16)
    assert charged.decision.point.rank == 137


@pytest.mark.parametrize(("mode", "hour"), [("day_95", 22), ("day_peak", 23)])
def test_modes_by_day_list_each_day_and_have_no_one_value(mode: Mode, hour: int) -> None:
    charged = charge_bins(SIX, Rule(mode=mode, direction="in"), CN)  # 24 x 5 % = 1.2: one goes
    assert charged.value is None
    assert by_day(charged) == [(f"10-0{day}", 100 * day + hour) for day in range(1, 7)]


def test_means_over_the_days_are_rounded_down() -> None:
    assert value_of("mean_day_95") == 372  # (122 + 222 + … + 622) / 6
    assert value_of("mean_day_peak") == 373
    uneven = make_bins(SIX.first, [1] * 24 + [2] * 24 + [2] * 24)
    charged = charge_bins(uneven, Rule(mode="mean_day_peak", direction="in"), CN)
    assert (charged.value, charged.exact) == (1, Fraction(5, 3))


def test_fourth_peak_is_that_of_the_fourth_highest_day_and_0_under_four_days() -> None:
    charged = charge_bins(SIX, Rule(mode="fourth_peak", direction="in"), CN)
    assert charged.value == 323
    assert by_day(charged) == [("10-06", 623), ("10-05", 523), ("10-04", 423), ("10-03", 323)]
    assert charged.decision is not None
    assert charged.decision.at == local(CN, 2026, 10, 3, 23)
    three = make_bins(SIX.first, [9] * 72)
    assert value_of("fourth_peak", three) == 0
    assert value_of("fourth_peak", make_bins(SIX.first, [9] * 73)) == 9


def test_top_5_is_the_mean_of_five_days_fifth_points() -> None:
    assert value_of("top_5") == 419  # (219 + 319 + 419 + 519 + 619) / 5
    few = make_bins(SIX.first, [50, 40, 30])  # fewer than five points: the lowest; one day
    assert value_of("top_5", few) == 30


def test_the_night_counts_half() -> None:
    # 20 points of one day, one goes: by day 10 each; in the night 19, which count 9.5.
    bins = make_bins(SIX.first, [19] * 8 + [10] * 12)
    assert value_of("night_half_95", bins) == 10
    assert value_of("month_95", bins) == 19
    early = charge_bins(
        bins, Rule(mode="night_half_95", direction="in", night=(23 * 60, 7 * 60)), CN
    )
    assert early.value == 10  # only 07:00 is whole: 19, the one that goes
    quiet = make_bins(SIX.first, [19] * 8 + [1] * 12)
    half = charge_bins(quiet, Rule(mode="night_half_95", direction="in"), CN)
    assert (half.value, half.exact) == (9, Fraction(19, 2))
    assert half.decision is not None
    assert half.decision.at == SIX.first


def test_the_night_follows_the_wall_clock_over_midnight_and_over_summer_time() -> None:
    # London, 25 October 2026: 25 hours, of which 00:00, 01:00 and 01:00 again lie before 02:00.
    first = local("Europe/London", 2026, 10, 25)
    bins = make_bins(first, [100] * 25)
    rule = Rule(
        mode="night_half_95", direction="in", night=(23 * 60, 2 * 60), percentile=Decimal(16)
    )
    # 16 % of 25 is the 4th from below; four points are halved (00, 01, 01, 23), the 5th isn't.
    assert charge_bins(bins, rule, "Europe/London").value == 50
    more = Rule(
        mode="night_half_95", direction="in", night=(23 * 60, 2 * 60), percentile=Decimal(17)
    )
    assert charge_bins(bins, more, "Europe/London").value == 100


def test_enhanced_95_averages_in_and_out_of_each_point() -> None:
    bins = make_bins(SIX.first, [20] * 20, [5] * 20)
    charged = charge_bins(bins, Rule(mode="enhanced_95"), CN)
    assert (charged.value, charged.exact) == (12, Fraction(25, 2))


def test_flat_is_what_was_ordered() -> None:
    charged = charge_bins(SIX, Rule(mode="flat", flat_bps=10**9), CN)
    assert (charged.value, charged.present, charged.unit) == (10**9, 144, "bit/s")


def test_traffic_counts_every_octet_also_of_missing_points() -> None:
    bins = Bins(
        SIX.first, FIVE, np.array([7, 100, 1]), np.array([50, 3, 1]), np.array([FIVE, 1, FIVE])
    )
    wanted = {
        "in": 108, "out": 54, "percentile_of_sum": 162, "percentile_of_higher": 151,
        "higher_percentile": 108,
    }  # fmt: skip
    for direction in DIRECTIONS:
        charged = charge_bins(bins, Rule(mode="traffic", direction=direction), CN)
        assert (charged.value, charged.unit) == (wanted[direction], "octets")
        assert (charged.expected, charged.present) == (3, 2)


def test_the_published_two_column_bill_by_each_direction() -> None:
    """Case B04 of the worked cases, in Mbit/s: 20 points, one goes."""
    ins = [20, 5, 6, *[5] * 17]
    outs = [4, 18, 7, *[4] * 17]
    bins = make_bins(SIX.first, ins, outs)
    wanted = {
        "higher_percentile": 7, "percentile_of_higher": 18, "percentile_of_sum": 23, "in": 6,
        "out": 7,
    }  # fmt: skip
    for direction in DIRECTIONS:
        assert charge_bins(bins, Rule(direction=direction), CN).value == wanted[direction]


def test_a_direction_is_settled_in_each_day_for_modes_of_days() -> None:
    bins = make_bins(SIX.first, [9] * 24 + [2] * 24, [1] * 24 + [7] * 24)
    charged = charge_bins(bins, Rule(mode="mean_day_95"), CN)
    assert by_day(charged) == [("10-01", 9), ("10-02", 7)]
    assert [day.decision.line for day in charged.used if day.decision] == ["in", "out"]
    assert charged.value == 8


# --- days ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "month", "days", "counts"),
    [
        (CN, (2026, 2), 28, {288}),
        (CN, (2028, 2), 29, {288}),
        (CN, (2026, 9), 30, {288}),
        (CN, (2026, 10), 31, {288}),
        ("Europe/London", (2026, 3), 31, {276, 288}),
        ("Europe/London", (2026, 10), 31, {300, 288}),
        ("Asia/Kolkata", (2026, 10), 31, {288}),
    ],
)
def test_a_months_days_follow_the_zone(
    zone: str, month: tuple[int, int], days: int, counts: set[int]
) -> None:
    year, number = month
    first = local(zone, year, number, 1)
    end = local(zone, year + number // 12, number % 12 + 1, 1)
    bins = make_bins(first, [1] * ((end - first) // FIVE), interval=FIVE)
    edges = split_days(bins, zone)
    assert [date.day for date, _, _ in edges] == list(range(1, days + 1))
    assert {high - low for _, low, high in edges} == counts
    charged = charge_bins(bins, Rule(mode="mean_day_peak", direction="in"), zone)
    assert (charged.expected, len(charged.used), charged.value) == (len(bins), days, 1)


@pytest.mark.parametrize("days", [28, 29, 30, 31])
def test_a_month_of_five_minutes_discards_the_floor(days: int) -> None:
    count = days * 288
    bins = make_bins(SIX.first, list(range(1, count + 1)), interval=FIVE)
    charged = charge_bins(bins, Rule(direction="in"), CN)
    assert charged.value == count - count * 5 // 100


def test_a_service_that_began_at_noon_has_a_short_first_day() -> None:
    bins = make_bins(local(CN, 2026, 10, 1, 12), [50] * 12 + [10] * 24)
    charged = charge_bins(bins, Rule(mode="mean_day_95", direction="in"), CN)
    assert [(day.date.day, day.expected) for day in charged.days] == [(1, 12), (2, 24)]
    assert charged.value == 30  # the half day counts once


def test_a_day_without_any_point_is_no_day_unless_missing_is_zero() -> None:
    covered = [HOUR] * 24 + [0] * 24 + [HOUR] * 24
    bins = make_bins(SIX.first, [30] * 72, covered=covered)
    dropped = charge_bins(bins, Rule(mode="mean_day_95", direction="in"), CN)
    zero = charge_bins(bins, Rule(mode="mean_day_95", direction="in", missing="zero"), CN)
    assert (dropped.value, len(dropped.used), dropped.present) == (30, 2, 48)
    assert dropped.days[1].value is None
    assert (zero.value, len(zero.used), zero.present) == (20, 3, 48)


@pytest.mark.parametrize("mode", MODES)
def test_nothing_measured_is_no_value(mode: Mode) -> None:
    bins = make_bins(SIX.first, [0] * 48, covered=[0] * 48)
    charged = charge_bins(bins, Rule(mode=mode), CN)
    assert charged.value == (0 if mode in ("flat", "traffic") else None)
    assert (charged.expected, charged.present, charged.used) == (48, 0, ())


def test_a_bin_over_midnight_belongs_to_the_day_in_which_it_begins() -> None:
    """India is half an hour off the grid of whole hours."""
    bins = make_bins(local("Asia/Kolkata", 2026, 10, 1, 22, 30), [1, 5, 2])
    charged = charge_bins(bins, Rule(mode="day_peak", direction="in"), "Asia/Kolkata")
    assert by_day(charged) == [("10-01", 5), ("10-02", 2)]


@pytest.mark.parametrize(
    "words",
    [
        {"night": (60, 60)},
        {"night": (-1, 60)},
        {"night": (0, 1441)},
        {"min_cover": Decimal(0)},
        {"flat_bps": -1},
        {"percentile": Decimal(101)},
    ],
)
def test_rules_without_sense_are_refused(words: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        charge_bins(SIX, Rule(**words), CN)  # type: ignore[arg-type]


def test_a_pool_is_summed_before_it_is_ranked() -> None:
    early = make_bins(SIX.first, [100] * 10 + [0] * 10, covered=[HOUR] * 19 + [0])
    late = make_bins(SIX.first, [0] * 10 + [100] * 10)
    pool = pool_bins([early, late])
    assert charge_bins(pool, Rule(direction="in"), CN).value == 100
    assert charge_bins(pool, Rule(direction="in"), CN).present == 19
    alone = [charge_bins(one, Rule(direction="in"), CN).value for one in (early, late)]
    assert alone == [100, 100]  # added they would be 200
    with pytest.raises(ValueError, match="same bins"):
        pool_bins([early, make_bins(SIX.first + HOUR, [0] * 20)])
    with pytest.raises(ValueError, match="no ports"):
        pool_bins([])


# --- a slow oracle ------------------------------------------------------------------------------

Point = tuple[dt.datetime, int, int]


def oracle_rank(values: list[Fraction], rule: Rule) -> Fraction:
    ordered = sorted(values)
    n = len(ordered)
    share = Fraction(rule.percentile) / 100
    if rule.rank == "nearest":
        return next(v for v in ordered if sum(w <= v for w in ordered) >= share * n)
    if rule.rank == "discard_ceil":
        gone = 0
        while gone < (1 - share) * n:
            gone += 1
        return ordered[max(n - gone, 1) - 1]
    if rule.rank == "round":
        return ordered[min(max(int(share * n + Fraction(1, 2)), 1), n) - 1]
    low = int(share * (n - 1))
    high = min(low + 1, n - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (share * (n - 1) - low)


def oracle_directed(points: list[Point], rule: Rule, take: object) -> Fraction:
    def ranked(values: list[Fraction]) -> Fraction:
        return take(values)  # type: ignore[operator,no-any-return]

    weights = [Fraction(1)] * len(points)
    if rule.mode == "night_half_95":
        start, end = rule.night
        for place, (when, _, _) in enumerate(points):
            minute = when.hour * 60 + when.minute
            night = start <= minute < end if start < end else not end <= minute < start
            if night:
                weights[place] = Fraction(1, 2)
    ins = [weight * point[1] for weight, point in zip(weights, points, strict=True)]
    outs = [weight * point[2] for weight, point in zip(weights, points, strict=True)]
    if rule.mode == "enhanced_95":
        return ranked([(a + b) / 2 for a, b in zip(ins, outs, strict=True)])
    if rule.direction == "higher_percentile":
        return max(ranked(ins), ranked(outs))
    if rule.direction == "percentile_of_higher":
        return ranked([max(a, b) for a, b in zip(ins, outs, strict=True)])
    if rule.direction == "percentile_of_sum":
        return ranked([a + b for a, b in zip(ins, outs, strict=True)])
    return ranked(ins if rule.direction == "in" else outs)


def oracle(bins: Bins, rule: Rule, zone: str) -> object:
    """Written out point by point: the value, or [(date, value)] for modes by day."""
    seconds = bins.interval_ms // 1000
    points: list[Point] = []
    for place in range(len(bins)):
        when = dt.datetime.fromtimestamp(bins.first // 1000 + place * seconds, ZoneInfo(zone))
        known = Fraction(int(bins.covered_ms[place]), bins.interval_ms) * 100 >= rule.min_cover
        rates = [int(o[place]) * 8 // seconds for o in (bins.in_octets, bins.out_octets)]
        if known:
            points.append((when, rates[0], rates[1]))
        elif rule.missing == "zero":
            points.append((when, 0, 0))
    if rule.mode == "flat":
        return rule.flat_bps
    if not points:
        return [] if rule.mode in ("day_95", "day_peak") else None
    if rule.mode in ("month_95", "night_half_95", "enhanced_95"):
        return int(oracle_directed(points, rule, lambda values: oracle_rank(values, rule)))
    days: dict[dt.date, list[Point]] = {}
    for point in points:
        days.setdefault(point[0].date(), []).append(point)
    take = {
        "day_95": lambda values: oracle_rank(values, rule),
        "mean_day_95": lambda values: oracle_rank(values, rule),
        "day_peak": max,
        "mean_day_peak": max,
        "fourth_peak": max,
        "top_5": lambda values: sorted(values, reverse=True)[:5][-1],
    }[rule.mode]
    found = [(day, int(oracle_directed(some, rule, take))) for day, some in sorted(days.items())]
    if rule.mode in ("day_95", "day_peak"):
        return found
    values = sorted((value for _, value in found), reverse=True)
    if rule.mode == "fourth_peak":
        return values[3] if len(values) >= 4 else 0
    if rule.mode == "top_5":
        values = values[:5]
    return sum(values) // len(values)


def outcome(charged: Charged) -> object:
    if charged.mode in ("day_95", "day_peak"):
        return [(day.date, day.value) for day in charged.used]
    return charged.value


# --- properties ---------------------------------------------------------------------------------
MEASURED = tuple(mode for mode in MODES if mode not in ("flat", "traffic"))
STARTS = [
    (CN, local(CN, 2026, 10, 1)),
    (CN, local(CN, 2026, 2, 26, 14)),
    ("Europe/London", local("Europe/London", 2026, 10, 24, 20)),
    ("Europe/London", local("Europe/London", 2026, 3, 27)),
    ("America/New_York", local("America/New_York", 2026, 10, 31, 6)),
    ("Asia/Kolkata", local("UTC", 2026, 10, 1)),
]
rules = st.builds(
    Rule,
    mode=st.sampled_from(MEASURED),
    direction=st.sampled_from(DIRECTIONS),
    percentile=st.sampled_from([Decimal(95), Decimal(90), Decimal("99.9"), Decimal(100)]),
    rank=st.sampled_from(RANKS),
    missing=st.sampled_from(["dropped", "zero"]),
    night=st.sampled_from([(0, 480), (23 * 60, 7 * 60), (60, 1440)]),
    flat_bps=st.just(7),
)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Bins, str]:
    """Up to seven days of 2 h bins whose rates are whole; some not measured or only in part."""
    zone, first = draw(st.sampled_from(STARTS))
    count = draw(st.integers(1, 84))
    one = st.lists(st.integers(0, 500), min_size=count, max_size=count)
    cover = st.sampled_from([0, HOUR - 1, HOUR, 2 * HOUR, 2 * HOUR])
    covered = draw(st.lists(cover, min_size=count, max_size=count))
    return make_bins(first, draw(one), draw(one), covered, 2 * HOUR), zone


@given(cases(), rules)
def test_every_mode_equals_the_oracle(case: tuple[Bins, str], rule: Rule) -> None:
    bins, zone = case
    assert outcome(charge_bins(bins, rule, zone)) == oracle(bins, rule, zone)


@given(cases(), rules, st.randoms(use_true_random=False))
def test_the_order_within_a_day_doesnt_matter(
    case: tuple[Bins, str], rule: Rule, random: object
) -> None:
    """But for the night, whose points are known by their time."""
    bins, zone = case
    if rule.mode == "night_half_95":
        rule = Rule(mode="month_95", direction=rule.direction, rank=rule.rank)
    order = list(range(len(bins)))
    for _, low, high in split_days(bins, zone):
        part = order[low:high]
        random.shuffle(part)  # type: ignore[attr-defined]
        order[low:high] = part
    mixed = Bins(
        bins.first, bins.interval_ms, bins.in_octets[order], bins.out_octets[order],
        bins.covered_ms[order],
    )  # fmt: skip
    assert outcome(charge_bins(mixed, rule, zone)) == outcome(charge_bins(bins, rule, zone))


def test_the_order_within_a_day_matters_to_the_night() -> None:
    """The control of the property above."""
    day = make_bins(SIX.first, [9] * 8 + [1] * 16)
    turned = make_bins(SIX.first, [1] * 16 + [9] * 8)
    rule = Rule(mode="night_half_95", direction="in")
    assert charge_bins(day, rule, CN).value != charge_bins(turned, rule, CN).value


@given(cases(), rules, st.data())
def test_more_traffic_never_costs_less(
    case: tuple[Bins, str], rule: Rule, data: st.DataObject
) -> None:
    bins, zone = case
    more = data.draw(st.lists(st.integers(0, 90), min_size=len(bins), max_size=len(bins)))
    added = np.array(more, dtype=np.int64)
    raised = Bins(
        bins.first, bins.interval_ms, bins.in_octets + added, bins.out_octets, bins.covered_ms
    )
    before, after = charge_bins(bins, rule, zone), charge_bins(raised, rule, zone)
    if before.value is None or after.value is None:
        pairs = zip(before.used, after.used, strict=True)
        assert all((one.value or 0) <= (two.value or 0) for one, two in pairs)
    else:
        assert before.value <= after.value


@given(cases(), rules)
def test_the_charge_lies_between_the_lowest_and_the_highest_point(
    case: tuple[Bins, str], rule: Rule
) -> None:
    bins, zone = case
    charged = charge_bins(bins, rule, zone)
    good = bins.present(rule.min_cover)
    ins, outs = (
        rates if rule.missing == "dropped" else np.where(good, rates, 0) for rates in bins.rates()
    )
    if rule.missing == "dropped":
        ins, outs = ins[good], outs[good]
    found = [day.value for day in charged.used] if charged.value is None else [charged.value]
    if not ins.size:
        assert found in ([], [None])
        return
    line = {
        "in": ins,
        "out": outs,
        "percentile_of_sum": ins + outs,
        "percentile_of_higher": np.maximum(ins, outs),
        "higher_percentile": np.concatenate([ins, outs]),
    }[rule.direction]
    if rule.mode == "enhanced_95":
        line = (ins + outs) // 2
    lowest = int(line.min()) // (2 if rule.mode == "night_half_95" else 1)
    if rule.mode == "fourth_peak" and len(charged.used) < 4:
        lowest = 0
    assert all(value is not None and lowest <= value <= int(line.max()) for value in found)


@given(cases(), rules, st.integers(1, 10**6))
def test_n_times_the_traffic_is_n_times_the_charge(
    case: tuple[Bins, str], rule: Rule, times: int
) -> None:
    """Exactly, before anything is rounded; days' values are whole but under interpolation."""
    bins, zone = case
    if rule.rank == "interpolate":
        rule = Rule(mode=rule.mode, direction=rule.direction, missing=rule.missing)
    bigger = Bins(
        bins.first, bins.interval_ms, bins.in_octets * times, bins.out_octets * times,
        bins.covered_ms,
    )  # fmt: skip
    small, large = charge_bins(bins, rule, zone), charge_bins(bigger, rule, zone)
    if small.exact is None:
        assert [(day.value or 0) * times for day in small.used] == [day.value for day in large.used]
    else:
        assert large.exact == small.exact * times


@given(cases(), st.sampled_from(RANKS), st.sampled_from(["in", "out"]))
def test_month_95_is_find_percentile(
    case: tuple[Bins, str], rank: object, direction: object
) -> None:
    bins, zone = case
    rule = Rule(rank=rank, direction=direction)  # type: ignore[arg-type]
    charged = charge_bins(bins, rule, zone)
    rates = bins.rates()[0 if direction == "in" else 1][bins.present(Decimal(50))]
    if not rates.size:
        assert charged.decision is None
        return
    assert charged.decision is not None
    assert charged.decision.point == find_percentile(rates, Decimal(95), rule.rank)


@given(cases(), rules)
def test_a_person_can_follow_what_decided(case: tuple[Bins, str], rule: Rule) -> None:
    """The named bin has the named value, the counts add up, the mean is that of the named days."""
    bins, zone = case
    charged = charge_bins(bins, rule, zone)
    assert charged.expected == len(bins) == sum(day.expected for day in charged.days)
    assert charged.present == int(bins.present(rule.min_cover).sum())
    assert set(charged.used) <= set(charged.days)
    if rule.mode in ("mean_day_95", "mean_day_peak", "top_5") and charged.used:
        values = [day.value or 0 for day in charged.used]
        assert charged.value == sum(values) // len(values)
    decisions = [day.decision for day in charged.used] + [charged.decision]
    if rule.rank == "interpolate" or rule.mode == "night_half_95":
        return
    ins, outs = bins.rates()
    for decision in decisions:
        if decision is None:
            continue
        place = (decision.at - bins.first) // bins.interval_ms
        a, b = int(ins[place]), int(outs[place])
        if rule.missing == "zero" and not bins.present(rule.min_cover)[place]:
            a = b = 0
        said = {"in": a, "out": b, "higher": max(a, b), "sum": a + b, "mean": (a + b) // 2}
        assert said[decision.line] == decision.point.value
        assert decision.point.rank + decision.point.discarded == decision.point.count
