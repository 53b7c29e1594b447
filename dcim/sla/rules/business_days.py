"""Deadlines in business days of the contract's zone: Monday to Friday but for the holidays."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from dcim.sla.rules.facts import Calendar
from dcim.sla.rules.periods import day_start, local_date, to_ms

SATURDAY = 5


def is_business_day(day: date, calendar: Calendar) -> bool:
    """China moves working days onto weekends around its holidays: `worked` says which."""
    if day in calendar.worked:
        return True
    return day.weekday() < SATURDAY and day not in calendar.holidays


def nth_business_day(day: date, count: int, calendar: Calendar) -> date:
    """The count-th business day after `day`; the day itself for 0."""
    while count > 0:
        day += timedelta(days=1)
        count -= is_business_day(day, calendar)
    return day


def add_business_days(ms: int, count: int, zone: str, calendar: Calendar) -> int:
    """The same local time so many business days later (UTC ms): how long a notice runs."""
    tz = ZoneInfo(zone)
    local = datetime.fromtimestamp(ms / 1000, tz)
    day = nth_business_day(local.date(), count, calendar)
    shifted = datetime.combine(day, local.time(), tz)
    return to_ms(shifted.astimezone(UTC))


def latest_before(ms: int, count: int, zone: str, calendar: Calendar) -> int:
    """The last moment (UTC ms) at which so many business days' notice of `ms` can be given."""
    tz = ZoneInfo(zone)
    local = datetime.fromtimestamp(ms / 1000, tz)
    day = local.date()
    while nth_business_day(day, count, calendar) > local.date():
        day -= timedelta(days=1)
    if nth_business_day(day, count, calendar) < local.date():
        return day_start(day + timedelta(days=1), zone) - 1
    return to_ms(datetime.combine(day, local.time(), tz).astimezone(UTC))


def end_of_business_day(ms: int, count: int, zone: str, calendar: Calendar) -> int:
    """Midnight after the count-th business day (UTC ms): until when something may be asked."""
    return day_start(
        nth_business_day(local_date(ms, zone), count, calendar) + timedelta(days=1), zone
    )
