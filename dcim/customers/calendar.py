"""Days and months of a contract: they begin at midnight in its own zone; pure but for the clock."""

import calendar
import datetime as dt
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from dcim.columns import utc_now


def today_in(timezone: str, now: dt.datetime | None = None) -> dt.date:
    return (now or utc_now()).astimezone(ZoneInfo(timezone)).date()


def open_month(timezone: str, now: dt.datetime | None = None) -> dt.date:
    """The first day that can still be changed: every month before it is closed."""
    return today_in(timezone, now).replace(day=1)


def add_months(day: dt.date, months: int) -> dt.date:
    """The same day so many months on; the month's last where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return dt.date(year, month + 1, min(day.day, last))


def is_zone(name: str) -> bool:
    return name in _list_zones()


@cache
def _list_zones() -> frozenset[str]:
    """Looked up once a process: it is a walk through many hundred files."""
    return frozenset(available_timezones())
