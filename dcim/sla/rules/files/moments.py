"""Instants as people write them into a facts file: with an offset, or local to the terms' zone."""

import re
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from dcim.errors import Message
from dcim.sla.rules.periods import day_start, to_ms

_MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,3}))?)?\s?(Z|[+-]\d\d:\d\d)?"
)
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def say_moment(ms: int, zone: str) -> str:
    """As the zone's clocks show it, with the offset; milliseconds only when there are any."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    return moment.astimezone(ZoneInfo(zone)).isoformat(
        " ", "milliseconds" if ms % 1000 else "seconds"
    )


def read_day(text: str) -> date:
    """Not of the first and the last year there is: in another zone it may lie outside both."""
    if not _DAY.fullmatch(text):
        raise ValueError(Message("%(text)r is no day such as 2026-10-09", text=text))
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(Message("%(text)r is no day of the calendar", text=text)) from error
    if day.year in (MINYEAR, MAXYEAR):
        raise ValueError(Message("%(text)r is no day of the calendar", text=text))
    return day


def read_moment(text: str, zone: str) -> int:
    """UTC milliseconds; 24:00 is the next day's beginning.

    ValueError for what is no instant, and for a local time that a change of clocks skips or
    repeats: that one needs its offset.
    """
    found = _MOMENT.fullmatch(text)
    if not found:
        if _DAY.fullmatch(text):
            raise ValueError(
                Message(
                    "%(text)r lacks the time of day, write %(day)s 00:00 or 24:00",
                    text=text,
                    day=text,
                )
            )
        raise ValueError(_no_instant(text))
    hour, minute, second = (int(found[n] or 0) for n in (2, 3, 4))
    late = hour == 24 and minute == 0 and second == 0 and not int(found[5] or 0)
    try:
        local = datetime.combine(read_day(found[1]), datetime.min.time()) + (
            timedelta(days=1)
            if late
            else datetime(1970, 1, 1, hour, minute, second) - datetime(1970, 1, 1)  # noqa: DTZ001
        )
    except (ValueError, OverflowError) as error:
        raise ValueError(_no_instant(text)) from error
    local += timedelta(milliseconds=int((found[5] or "0").ljust(3, "0")))
    if found[6]:
        return to_ms(local.replace(tzinfo=_offset(found[6], text)))
    return _localise(local, zone, text)


def _no_instant(text: str) -> Message:
    return Message(
        "%(text)r is no instant such as 2026-10-09 02:10 (local to the terms) or "
        "2026-10-09T02:10:00Z",
        text=text,
    )


def read_start(text: str, zone: str) -> int:
    """As `read_moment`; a day alone is its first instant."""
    return day_start(read_day(text), zone) if _DAY.fullmatch(text) else read_moment(text, zone)


def _offset(text: str, whole: str) -> timezone:
    if text == "Z":
        return UTC
    hours, minutes = int(text[1:3]), int(text[4:])
    if hours > 14 or minutes > 59:
        raise ValueError(Message("%(text)r has an offset that no place on earth has", text=whole))
    span = timedelta(hours=hours, minutes=minutes)
    return timezone(-span if text[0] == "-" else span)


def _localise(local: datetime, zone: str, text: str) -> int:
    tz = ZoneInfo(zone)
    first, second = local.replace(tzinfo=tz, fold=0), local.replace(tzinfo=tz, fold=1)
    if first.utcoffset() == second.utcoffset():
        return to_ms(first)
    shown = first.astimezone(UTC).astimezone(tz)
    if shown.replace(tzinfo=None) != local:
        raise ValueError(
            Message(
                "%(text)r does not exist in %(zone)s: the clocks go forward over it; "
                "write it with an offset, for example %(example)s",
                text=text,
                zone=zone,
                example=shown.isoformat(" "),
            )
        )
    raise ValueError(
        Message(
            "%(text)r comes twice in %(zone)s: the clocks go back over it; "
            "write %(first)s or %(second)s",
            text=text,
            zone=zone,
            first=first.isoformat(" "),
            second=second.isoformat(" "),
        )
    )
