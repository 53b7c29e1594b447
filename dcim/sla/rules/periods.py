"""Billing periods and local days as UTC milliseconds; months and days are the contract zone's."""

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from dcim.errors import Message
from dcim.sla.rules.facts import Period

DAY_MINUTES = 1440
# Instants are milliseconds since 1970, and the clock's own arithmetic ends with the year 9999.
FIRST_MONTH, LAST_MONTH = "1971-01", "9998-12"


def to_ms(moment: datetime) -> int:
    if moment.tzinfo is None:
        raise ValueError(Message("an instant without a zone"))
    span = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (span.days * 86_400 + span.seconds) * 1000 + span.microseconds // 1000


def parse_instant(text: str) -> int:
    """Milliseconds of ISO 8601 with an offset or Z."""
    try:
        return to_ms(datetime.fromisoformat(text))
    except ValueError as error:
        raise ValueError(
            Message("%(text)r is no instant such as 2026-10-01T00:00:00Z", text=text)
        ) from error


def format_instant(ms: int) -> str:
    """ISO 8601 with Z; milliseconds only when there are any."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    text = moment.strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{ms % 1000:03d}Z" if ms % 1000 else f"{text}Z"


def day_start(day: date, zone: str) -> int:
    """First instant of a local day."""
    return to_ms(datetime.combine(day, time(0), ZoneInfo(zone)))


def local_date(ms: int, zone: str) -> date:
    """The local day an instant falls on."""
    return datetime.fromtimestamp(ms / 1000, ZoneInfo(zone)).date()


def at_local(day: date, minutes: int, zone: str) -> int:
    """UTC ms of a local day's wall clock, minutes after midnight, 1440 being the next midnight."""
    if minutes == DAY_MINUTES:
        return day_start(day + timedelta(days=1), zone)
    wall = time(minutes // 60, minutes % 60)
    return to_ms(datetime.combine(day, wall, ZoneInfo(zone)).astimezone(UTC))


def month_days(label: str) -> list[date]:
    """The days of a month written 2026-10."""
    if not re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", label):
        raise ValueError(Message("%(text)r is no month such as 2026-10", text=label))
    if not FIRST_MONTH <= label <= LAST_MONTH:
        raise ValueError(
            Message(
                "%(text)r lies outside %(first)s to %(last)s",
                text=label,
                first=FIRST_MONTH,
                last=LAST_MONTH,
            )
        )
    day = date.fromisoformat(f"{label}-01")
    days = []
    while day.strftime("%Y-%m") == label:
        days.append(day)
        day += timedelta(days=1)
    return days


def months_before(ms: int, count: int, zone: str) -> int:
    """First instant of the local month so many months before the one that the instant is in."""
    day = local_date(ms, zone)
    month = day.year * 12 + day.month - 1 - count
    return day_start(date(month // 12, month % 12 + 1, 1), zone)


def month_period(label: str, zone: str) -> Period:
    days = month_days(label)
    return Period(day_start(days[0], zone), day_start(days[-1] + timedelta(days=1), zone))
