"""The forms of credit: rows, increments, outages, days, shares of time; all exact."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from dcim.sla.rules.budget import allowed
from dcim.sla.rules.intervals import Interval, clip
from dcim.sla.rules.language.credit_words import say_tier
from dcim.sla.rules.outcomes import Event, Outcome
from dcim.sla.rules.periods import day_start
from dcim.sla.rules.quantities import ROUNDING, VALUE_UNITS, fixed, plain, say_duration
from dcim.sla.rules.steps import Work, join_spans, plain_money, say_exact, span
from dcim.sla.rules.terms import Credit, FigureBound, Metric, Text, Tier


def apply_form(work: Work) -> None:
    """Adds the form's amount and steps; then what one outage and one day may give at most."""
    _FORMS[work.credit.form](work)
    if work.credit.cap_event is not None or work.credit.cap_day is not None:
        _cap_events(work)


def _flat(work: Work) -> None:
    work.add(work.credit.give)


def _tiers(work: Work) -> None:
    credit = work.credit
    value = tier_value(work.metric, credit, work.outcome)
    tier, review = find_tier(credit, value)
    work.review = review
    said = _say_availability(work, value)
    if credit.form == "tiers_duration":
        length = span(int(value))
        said = {"zh": f"中断 {length['zh']}", "en": f"downtime {length['en']}"}
    if credit.form == "tiers_events":
        said = {"zh": f"中断 {value} 次", "en": f"{value} outages"}
    if tier is None:
        nothing = {"zh": "条款无对应分档", "en": "no row of the terms holds it"}
        work.note("row", "适用档位", "Row", said, nothing)
        return
    work.row = say_tier(credit, tier)
    work.note("row", "适用档位", "Row", said, work.row)
    work.add(tier.credit)


def _say_availability(work: Work, value: Fraction) -> Text:
    """With what the rows are compared with, where that isn't the availability itself."""
    reached = work.outcome.availability
    exact = (reached if reached is not None else Fraction(1)) * 100
    if value == exact:
        return {"zh": f"可用率 {say_exact(exact)} %", "en": f"availability {say_exact(exact)} %"}
    return {
        "zh": f"可用率 {say_exact(exact)} %，按 {say_exact(value)} % 对照分档",
        "en": f"availability {say_exact(exact)} %, compared as {say_exact(value)} %",
    }


def tier_value(metric: Metric, credit: Credit, outcome: Outcome) -> Fraction:
    """Percent of availability on the grid the terms compare on, milliseconds, or outages."""
    if credit.form == "tiers_duration":
        return Fraction(outcome.downtime_ms)
    if credit.form == "tiers_events":
        return Fraction(len(outcome.events))
    exact = (outcome.availability if outcome.availability is not None else Fraction(1)) * 100
    if credit.compare is None:
        return exact
    how, decimals = credit.compare
    value = Fraction(fixed(exact, decimals, ROUNDING["down" if how == "cut" else "half_up"]))
    target = metric.target.availability
    if target is not None and value >= target > exact:  # rounding must not undo the miss
        value -= Fraction(1, 10**decimals)
    return value


def find_tier(credit: Credit, value: Fraction) -> tuple[Tier | None, bool]:
    """The row that holds the value, by the terms' word on overlaps and holes; (row, review)."""
    rows = [tier for tier in credit.tiers if tier.range.contains(value)]
    if rows:
        pick = max if credit.overlap == "upper" else min
        return pick(rows, key=lambda tier: tier.credit.value), False
    if credit.hole in (None, "none"):
        return None, False
    if credit.hole == "review":
        return None, True
    below = [t for t in credit.tiers if t.range.high is not None and t.range.high <= value]
    above = [t for t in credit.tiers if t.range.low is not None and t.range.low >= value]
    beside = []
    if below:
        beside.append(max(below, key=lambda tier: tier.range.high or Decimal(0)))
    if above:
        beside.append(min(above, key=lambda tier: tier.range.low or Decimal(0)))
    if not beside:
        return None, False
    pick = max if credit.hole == "upper" else min
    return pick(beside, key=lambda tier: tier.credit.value), False


def count_steps(value: Fraction, counted: str | None) -> int:
    return value.__ceil__() if counted == "started" else value.__floor__()


def free_time(work: Work) -> Fraction:
    """Milliseconds of downtime that cost nothing: `after`, or what the target allows."""
    credit = work.credit
    if not credit.beyond_target:
        share = Fraction(credit.after_share) / 100 * work.period.length
        return share if credit.after_share else Fraction(credit.after_ms)
    return allowed(work.metric.target, work.outcome.denominator_ms) or Fraction(0)


def _increments(work: Work, length: int, free: Fraction) -> int:
    over = max(Fraction(length) - free, Fraction(0))
    return count_steps(over / work.credit.increment_ms, work.credit.counted)


def _per_increment(work: Work) -> None:
    credit, outcome = work.credit, work.outcome
    lengths = (
        [event.counted_ms for event in outcome.events]
        if credit.per == "event"
        else [outcome.downtime_ms]
    )
    free = free_time(work)
    increments = sum(_increments(work, length, free) for length in lengths)
    if credit.initial is not None:
        work.add(credit.initial, Fraction(sum(1 for length in lengths if length > free)))
    started = credit.counted == "started"
    unit = say_duration(credit.increment_ms)
    parts, after = join_spans(lengths), span(int(free))
    apart = len(lengths) > 1
    less = (f"减 {after['zh']} 后", f", less {after['en']}") if free else ("", "")
    work.note(
        "increments",
        f"{unit[0]}的个数（{'不足一个按一个计' if started else '不足一个不计'}）",
        f"Periods of {unit[1]} ({'started ones count' if started else 'only full ones count'})",
        {
            "zh": f"各次（{parts['zh']}）分别{less[0]} ÷ {unit[0]}"
            if apart
            else f"{_less(parts['zh'], after['zh'], free)} ÷ {unit[0]}",
            "en": f"each of {parts['en']}{less[1]}, ÷ {unit[1]}"
            if apart
            else f"{_less(parts['en'], after['en'], free)} ÷ {unit[1]}",
        },
        str(increments),
    )
    work.add(credit.each, Fraction(increments))


def _less(length: str, off: str, free: Fraction) -> str:
    return f"({length} − {off})" if free else length


def _per_shortfall(work: Work) -> None:
    credit, outcome = work.credit, work.outcome
    bound = work.metric.target.figure
    if bound is not None and outcome.figure is not None:
        _per_shortfall_of_figure(work, bound, outcome.figure)
        return
    target = Fraction(work.metric.target.availability or Decimal(100))
    reached = (outcome.availability if outcome.availability is not None else Fraction(1)) * 100
    short = max(target - reached, Fraction(0))
    steps = count_steps(short / Fraction(credit.step), credit.counted)
    work.note(
        "shortfall",
        f"每 {plain(credit.step)} % 计一次",
        f"Steps of {plain(credit.step)} %",
        f"{plain(work.metric.target.availability or Decimal(100))} % − {say_exact(reached)} %",
        str(steps),
    )
    work.add(credit.each, Fraction(steps))


def _per_shortfall_of_figure(work: Work, bound: FigureBound, figure: Fraction) -> None:
    """How far the figure lies off its bound, in written units; percent of loss are points."""
    credit = work.credit
    scale = 1 if bound.measure == "on_time" else VALUE_UNITS[bound.unit]
    reached, limit = figure / scale, Fraction(bound.bound) / scale
    short = max(reached - limit if bound.at_most else limit - reached, Fraction(0))
    steps = count_steps(short / Fraction(credit.step), credit.counted)
    unit, step = bound.unit, plain(credit.step)
    first, second = (reached, limit) if bound.at_most else (limit, reached)
    work.note(
        "shortfall",
        f"每 {step} {unit} 计一次",
        f"Steps of {step} {unit}",
        f"{say_exact(first)} {unit} − {say_exact(second)} {unit}",
        str(steps),
    )
    work.add(credit.each, Fraction(steps))


def chosen_events(credit: Credit, outcome: Outcome) -> tuple[Event, ...]:
    """Those that give a credit: at most so many whose starts lie in any so long a window.

    Taking each that still fits, in order of time, finds as many as can be.
    """
    if credit.at_most is None:
        return outcome.events
    most, window = credit.at_most
    taken: list[Event] = []
    for event in sorted(outcome.events, key=lambda event: (event.start, event.end)):
        recent = [other for other in taken if event.start - other.start < window]
        if len(recent) < most:
            taken.append(event)
    return tuple(taken)


def _per_event(work: Work) -> None:
    chosen = chosen_events(work.credit, work.outcome)
    if work.credit.at_most is not None:
        most, window = work.credit.at_most
        length = say_duration(window)
        work.note(
            "at_most",
            f"任意 {length[0]}内至多计 {most} 次",
            f"At most {most} in any {length[1]}",
            {
                "zh": f"{len(work.outcome.events)} 次中断",
                "en": f"outages: {len(work.outcome.events)}",
            },
            str(len(chosen)),
        )
    work.add(work.credit.each, Fraction(len(chosen)))


def days_down(outcome: Outcome, period: Interval, zone: str) -> list[Interval]:
    """The local days (UTC ms) in which anything counted."""
    parts = [part for event in outcome.events if event.counted_ms for part in event.parts]
    return [day for day in local_days(period, zone) if clip(parts, *day)]


def local_days(period: Interval, zone: str) -> list[Interval]:
    """Days of the zone that the period touches, as UTC ms."""
    day = datetime.fromtimestamp(period[0] / 1000, UTC).astimezone(ZoneInfo(zone)).date()
    days: list[Interval] = []
    start = day_start(day, zone)
    while start < period[1]:
        day += timedelta(days=1)
        end = day_start(day, zone)
        days.append((start, end))
        start = end
    return days


def _per_day(work: Work) -> None:
    span_of = (work.period.start, work.period.end)
    days = days_down(work.outcome, span_of, work.terms.timezone)
    zone = ZoneInfo(work.terms.timezone)
    names = [f"{datetime.fromtimestamp(day[0] / 1000, zone):%m-%d}" for day in days]
    said = " + ".join(names if len(names) <= 6 else [*names[:5], "…", names[-1]])
    work.note("days", "有中断的天数", "Days with an outage", said or "0", str(len(days)))
    work.add(work.credit.each, Fraction(len(days)))


def _prorata(work: Work) -> None:
    credit = work.credit
    free = free_time(work)
    over = max(Fraction(work.outcome.downtime_ms) - free, Fraction(0))
    share = over / work.period.length
    # Time that costs nothing costs no day either.
    least = work.day * credit.min_days if over else Fraction(0)
    work.amount = max(work.base * share * Fraction(credit.multiple), least)
    down, whole = span(work.outcome.downtime_ms), span(work.period.length)
    off = span(int(free))
    floor = {"zh": f"，至少 {say_exact(least)}", "en": f", at least {say_exact(least)}"}
    formula = {}
    for key in ("zh", "en"):
        time = f"({down[key]} − {off[key]})" if free else down[key]
        formula[key] = (
            f"{plain_money(work.base)} × {time} / {whole[key]} × {plain(credit.multiple)}"
            + (floor[key] if least else "")
        )
    work.note("prorata", "按时长比例", "Pro rata", formula, say_exact(work.amount))


def event_shares(work: Work) -> list[tuple[Event, Fraction]]:
    """What each outage gives by itself, of the forms that add up outage by outage."""
    credit, outcome = work.credit, work.outcome
    if credit.form == "prorata":
        whole = work.base * Fraction(credit.multiple) / work.period.length
        return [(event, whole * event.counted_ms) for event in outcome.events]
    each = work.worth(credit.each) if credit.each else Fraction(0)
    if credit.form == "per_event":
        return [(event, each) for event in chosen_events(credit, outcome)]
    initial = work.worth(credit.initial) if credit.initial else Fraction(0)
    free = free_time(work)
    return [
        (event, initial + each * _increments(work, event.counted_ms, free))
        for event in outcome.events
        if event.counted_ms > free
    ]


def _cap_events(work: Work) -> None:
    credit = work.credit
    shares = event_shares(work)
    if credit.cap_event is not None:
        most = work.worth(credit.cap_event)
        shares = [(event, min(share, most)) for event, share in shares]
        amount = sum((share for _, share in shares), Fraction(0))
        if amount < work.amount:
            _note_cap(work, "cap_event", "每次中断的上限", "Cap of each outage", most, amount)
        work.amount = min(work.amount, amount)
    if credit.cap_day is not None:
        most = work.worth(credit.cap_day)
        days: dict[int, Fraction] = {}
        zone = ZoneInfo(work.terms.timezone)
        for event, share in shares:
            begun = max(event.start, work.period.start)
            day = datetime.fromtimestamp(begun / 1000, UTC).astimezone(zone).toordinal()
            days[day] = days.get(day, Fraction(0)) + share
        amount = sum((min(share, most) for share in days.values()), Fraction(0))
        if amount < work.amount:
            _note_cap(work, "cap_day", "每日上限", "Cap of each day", most, amount)
        work.amount = min(work.amount, amount)


def _note_cap(work: Work, key: str, zh: str, en: str, most: Fraction, amount: Fraction) -> None:
    formula = {"zh": f"各至多 {say_exact(most)}", "en": f"{say_exact(most)} each at most"}
    work.note(key, zh, en, formula, say_exact(amount))


_FORMS: dict[str, Callable[[Work], None]] = {
    "flat": _flat,
    "tiers_duration": _tiers,
    "tiers_availability": _tiers,
    "tiers_events": _tiers,
    "per_increment": _per_increment,
    "per_shortfall": _per_shortfall,
    "per_event": _per_event,
    "per_day": _per_day,
    "prorata": _prorata,
}
