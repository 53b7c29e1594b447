"""Reading messages and those nobody knows. They are the operator's: for staff."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from dcim.errors import NotFoundError
from dcim.inventory.models import Device
from dcim.paging import FIRST_PAGE, Page, Paging, Query, contains, fetch_page, narrow
from dcim.syslog.message import name_event
from dcim.syslog.models import SyslogMessage

# Instead of a class: messages that nothing says the meaning of.
UNKNOWN = "unknown"
# So many days back they are told of, and of so many messages, the newest.
UNKNOWN_DAYS = 7
MOST_UNKNOWN = 100_000
# So many are counted, paged through and exported at most: of millions nobody reads the last.
MOST = 10_000


@dataclass(frozen=True, slots=True)
class SyslogFilter:
    """`who` is a part of a device's name, of an address or of what the sender calls itself; `event`
    a part of what the message is called, or its program; `text` a part of its text. `level` takes
    that severity and what is worse; `alarm_class` is a class or UNKNOWN."""

    device_id: int | None = None
    who: str = ""
    event: str = ""
    text: str = ""
    level: int | None = None
    alarm_class: str = ""
    severity: str = ""
    since: dt.datetime | None = None
    until: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class SyslogRow:
    """`count` is how often it came from `received_at` to `last_at`. `device_time` is as the device
    writes it, `device_at` the instant where it says year and offset. `level` is the severity, 0
    emergency to 7 debug, `severity` how bad it is by what is known of it (`rule`)."""

    id: int
    received_at: dt.datetime
    last_at: dt.datetime
    count: int
    source: str
    device_id: int | None
    device_name: str | None
    host: str
    facility: int | None
    level: int
    device_time: str
    device_at: dt.datetime | None
    app: str
    event: str
    text: str
    alarm_class: str
    severity: str
    rule: str


@dataclass(frozen=True, slots=True)
class SyslogDatum:
    """One parameter of the structured data (RFC 5424, 6.3)."""

    element: str
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class SyslogDetail:
    """A message with all that it said. `form` is the RFC it was read by: "5424" or "3164"."""

    message: SyslogRow
    form: str
    procid: str
    msgid: str
    data: list[SyslogDatum]


@dataclass(frozen=True, slots=True)
class UnknownSyslogRow:
    """What messages are called that nothing says the meaning of; `example_id` is the newest of
    them, `text` what it said."""

    event: str
    messages: int
    received: int
    sources: int
    first_at: dt.datetime
    last_at: dt.datetime
    example_id: int
    text: str


_COLUMNS = (
    SyslogMessage.id,
    SyslogMessage.received_at,
    SyslogMessage.last_at,
    SyslogMessage.count,
    SyslogMessage.source,
    SyslogMessage.device_id,
    Device.name.label("device_name"),
    SyslogMessage.host,
    SyslogMessage.facility,
    SyslogMessage.level,
    SyslogMessage.device_time,
    SyslogMessage.device_at,
    SyslogMessage.app,
    SyslogMessage.event,
    SyslogMessage.text,
    SyslogMessage.alarm_class,
    SyslogMessage.severity,
    SyslogMessage.rule,
)


def list_messages(
    session: Session, wanted: SyslogFilter | None = None, paging: Paging = FIRST_PAGE
) -> Page[SyslogRow]:
    """The newest first, `MOST` of them at most: `total` is no more. Two statements."""
    found = _narrow(
        select(*_COLUMNS).outerjoin(Device, Device.id == SyslogMessage.device_id),
        wanted or SyslogFilter(),
    )
    total = session.scalar(select(func.count()).select_from(found.limit(MOST).subquery())) or 0
    size = max(0, min(paging.size, MOST - paging.offset))
    rows = session.execute(
        found.order_by(SyslogMessage.received_at.desc(), SyslogMessage.id.desc())
        .limit(size)
        .offset(min(paging.offset, MOST))
    )
    items = [SyslogRow(**row._mapping) for row in rows]
    return Page(items, total, paging.page, paging.size)


def _narrow(statement: Query, wanted: SyslogFilter) -> Query:
    kept = SyslogMessage
    unknown = wanted.alarm_class == UNKNOWN
    statement = narrow(
        statement,
        (kept.device_id, wanted.device_id),
        (kept.severity, wanted.severity or None),
        (kept.alarm_class, "" if unknown else wanted.alarm_class or None),
    )
    if wanted.who:
        statement = statement.where(_has(wanted.who, Device.name, kept.source, kept.host))
    if wanted.event:
        statement = statement.where(_has(name_event(wanted.event), kept.event, kept.app))
    if wanted.text:
        statement = statement.where(_has(wanted.text, kept.text))
    if wanted.level is not None:
        statement = statement.where(kept.level <= wanted.level)
    if wanted.since is not None:
        statement = statement.where(kept.received_at >= wanted.since)
    if wanted.until is not None:
        statement = statement.where(kept.received_at < wanted.until)
    return statement


def _has(words: str, *columns: Any) -> Any:
    pattern = contains(words)
    return or_(*(column.ilike(pattern, escape="\\") for column in columns))


def find_message(session: Session, message_id: int) -> SyslogDetail:
    """Raises NotFoundError."""
    row = session.execute(
        select(*_COLUMNS, SyslogMessage.form, SyslogMessage.procid, SyslogMessage.msgid,
               SyslogMessage.data)
        .outerjoin(Device, Device.id == SyslogMessage.device_id)
        .where(SyslogMessage.id == message_id)
    ).one_or_none()  # fmt: skip
    if row is None:
        raise NotFoundError("No such message.")
    told = dict(row._mapping)
    form, procid, msgid, data = (told.pop(name) for name in ("form", "procid", "msgid", "data"))
    return SyslogDetail(
        SyslogRow(**told), form, procid, msgid, [SyslogDatum(*each) for each in data]
    )


def list_unknown(
    session: Session, now: dt.datetime, paging: Paging = FIRST_PAGE
) -> Page[UnknownSyslogRow]:
    """Messages of the last days that nothing says the meaning of, `MOST_UNKNOWN` at most, by what
    they are called; what came most of first. Two statements."""
    kept, since = SyslogMessage, now - dt.timedelta(days=UNKNOWN_DAYS)
    newest = (
        select(kept.id, kept.event, kept.count, kept.source, kept.received_at, kept.last_at)
        .where(kept.alarm_class == "", kept.received_at >= since)
        .order_by(kept.received_at.desc())
        .limit(MOST_UNKNOWN)
        .subquery()
    ).c
    received = func.sum(newest["count"])
    grouped = (
        select(
            newest.event,
            func.count().label("messages"),
            received.cast(kept.count.type).label("received"),
            func.count(newest.source.distinct()).label("sources"),
            func.min(newest.received_at).label("first_at"),
            func.max(newest.last_at).label("last_at"),
            func.max(newest.id).label("example_id"),
        )
        .group_by(newest.event)
        .subquery()
    )
    example = select(kept.id, kept.text).subquery()
    statement: Query = (
        select(grouped, example.c.text)
        .join(example, example.c.id == grouped.c.example_id)
        .order_by(grouped.c.received.desc(), grouped.c.event)
    )
    return fetch_page(session, UnknownSyslogRow, statement, paging)
