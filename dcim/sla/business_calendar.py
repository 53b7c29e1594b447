"""Which days the terms count business days over, and what the calendar says of them."""

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.customers.models import CalendarDay
from dcim.sla.rules.facts import Period
from dcim.sla.rules.periods import local_date
from dcim.sla.rules.terms import Answers, Terms

# So many business days are over after twice as many days and these: weekends take two days of
# seven, and the longest holidays of a year less than three weeks.
HOLIDAYS_DAYS = 21
DAY_MINUTES = 1440
MINUTE_MS = 60_000


def find_reach(terms: Terms, period: Period) -> tuple[dt.date, dt.date] | None:
    """First and last local day that the terms may count business days over; None: they don't.

    A notice given earlier than the first of them is long enough whatever the holidays were.
    """
    before = [
        rule.notice.business_days
        for metric in terms.metrics
        for rule in metric.exclude
        if rule.notice is not None and rule.notice.business_days
    ]
    after = [
        metric.report.within.business_days
        for metric in terms.metrics
        if metric.report is not None and metric.report.within.business_days
    ]
    after += [
        _most_days(metric.answers)
        for metric in terms.metrics
        if metric.answers is not None and metric.answers.business_days
    ]
    if terms.settle is not None and terms.settle.business_days:
        after.append(terms.settle.business_days)
    if not before and not after:
        return None
    first = local_date(period.start, terms.timezone)
    last = local_date(period.end, terms.timezone)
    if before:
        first -= _span(max(before))
    if after:
        last += _span(max(after))
    return first, last


def _span(business_days: int) -> dt.timedelta:
    return dt.timedelta(days=2 * business_days + HOLIDAYS_DAYS)


def _most_days(answers: Answers) -> int:
    """Business days that the time to answer in stretches over at most."""
    low, high = answers.hours or (0, DAY_MINUTES)
    length = (high - low) % DAY_MINUTES or DAY_MINUTES
    return -(-answers.within_ms // (length * MINUTE_MS)) + 1


def read_calendar(session: Session, terms: Terms, period: Period) -> dict[str, list[str]] | None:
    """The days of the years that business days may be counted over, as inputs carry them.

    None where the terms count none, and where one of the years has no holiday yet: it isn't
    known then, and a person has to judge.
    """
    reach = find_reach(terms, period)
    if reach is None:
        return None
    return pick_calendar(load_days(session, reach[0].year, reach[1].year), terms, period)


def load_days(session: Session, first: int, last: int) -> Sequence[CalendarDay]:
    """What the calendar says of these years."""
    return session.scalars(
        select(CalendarDay)
        .where(CalendarDay.day.between(dt.date(first, 1, 1), dt.date(last, 12, 31)))
        .order_by(CalendarDay.day)
    ).all()


def pick_calendar(
    days: Sequence[CalendarDay], terms: Terms, period: Period
) -> dict[str, list[str]] | None:
    """As `read_calendar`, of days that are loaded already."""
    reach = find_reach(terms, period)
    if reach is None:
        return None
    years = set(range(reach[0].year, reach[1].year + 1))
    days = [one for one in days if one.day.year in years]
    if {one.day.year for one in days if one.kind == "holiday"} != years:
        return None
    return {
        "holidays": [one.day.isoformat() for one in days if one.kind == "holiday"],
        "worked": [one.day.isoformat() for one in days if one.kind == "worked"],
    }
