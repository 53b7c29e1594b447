"""Reading traps, and those nobody knows. They are the operator's: for staff."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from dcim.errors import NotFoundError
from dcim.inventory.models import Device
from dcim.paging import FIRST_PAGE, Page, Paging, Query, contains, fetch_page, narrow
from dcim.snmp.traps.models import Trap

# Instead of a class: traps that nothing says the meaning of.
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class TrapFilter:
    """`oid` is one or the beginning of one, `who` a part of a device's name or of an address,
    `alarm_class` a class or UNKNOWN."""

    device_id: int | None = None
    who: str = ""
    oid: str = ""
    alarm_class: str = ""
    severity: str = ""
    since: dt.datetime | None = None
    until: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class TrapRow:
    """`count` is how often it came from `received_at` to `last_at`."""

    id: int
    received_at: dt.datetime
    last_at: dt.datetime
    count: int
    source: str
    device_id: int | None
    device_name: str | None
    version: str
    is_inform: bool
    oid: str
    alarm_class: str
    severity: str
    rule: str


@dataclass(frozen=True, slots=True)
class VarbindRow:
    """`tag` is the value's BER tag, octets are hexadecimal digits (`entries.read_varbind`)."""

    oid: str
    tag: int
    text: str


@dataclass(frozen=True, slots=True)
class TrapDetail:
    """A trap with all that it said."""

    trap: TrapRow
    enterprise: str
    generic: int | None
    specific: int | None
    agent_address: str
    uptime_ticks: int | None
    varbinds: list[VarbindRow]


@dataclass(frozen=True, slots=True)
class UnknownTrapRow:
    """An OID whose traps nothing says the meaning of; `example_id` is the newest of them."""

    oid: str
    traps: int
    received: int
    sources: int
    first_at: dt.datetime
    last_at: dt.datetime
    example_id: int


_COLUMNS = (
    Trap.id,
    Trap.received_at,
    Trap.last_at,
    Trap.count,
    Trap.source,
    Trap.device_id,
    Device.name.label("device_name"),
    Trap.version,
    Trap.is_inform,
    Trap.oid,
    Trap.alarm_class,
    Trap.severity,
    Trap.rule,
)


def list_traps(
    session: Session, wanted: TrapFilter | None = None, paging: Paging = FIRST_PAGE
) -> Page[TrapRow]:
    """The newest first. Two statements."""
    statement: Query = (
        select(*_COLUMNS)
        .outerjoin(Device, Device.id == Trap.device_id)
        .order_by(Trap.received_at.desc(), Trap.id.desc())
    )
    return fetch_page(session, TrapRow, _narrow(statement, wanted or TrapFilter()), paging)


def _narrow(statement: Query, wanted: TrapFilter) -> Query:
    unknown = wanted.alarm_class == UNKNOWN
    statement = narrow(
        statement,
        (Trap.device_id, wanted.device_id),
        (Trap.severity, wanted.severity or None),
        (Trap.alarm_class, "" if unknown else wanted.alarm_class or None),
    )
    if wanted.oid:
        statement = statement.where(
            or_(Trap.oid == wanted.oid, Trap.oid.startswith(f"{wanted.oid}.", autoescape=True))
        )
    if wanted.who:
        pattern = contains(wanted.who)
        statement = statement.where(
            or_(Device.name.ilike(pattern, escape="\\"), Trap.source.ilike(pattern, escape="\\"))
        )
    if wanted.since is not None:
        statement = statement.where(Trap.received_at >= wanted.since)
    if wanted.until is not None:
        statement = statement.where(Trap.received_at < wanted.until)
    return statement


def find_trap(session: Session, trap_id: int) -> TrapDetail:
    """Raises NotFoundError."""
    row = session.execute(
        select(
            *_COLUMNS,
            Trap.enterprise,
            Trap.generic,
            Trap.specific,
            Trap.agent_address,
            Trap.uptime_ticks,
            Trap.varbinds,
        )
        .outerjoin(Device, Device.id == Trap.device_id)
        .where(Trap.id == trap_id)
    ).one_or_none()
    if row is None:
        raise NotFoundError("No such trap.")
    told = dict(row._mapping)
    more = {
        name: told.pop(name)
        for name in (
            *("enterprise", "generic", "specific", "agent_address", "uptime_ticks", "varbinds"),
        )
    }
    binds = [VarbindRow(*bind) for bind in more.pop("varbinds")]
    return TrapDetail(TrapRow(**told), varbinds=binds, **more)


def list_unknown(session: Session, paging: Paging = FIRST_PAGE) -> Page[UnknownTrapRow]:
    """OIDs that nothing says the meaning of, what came most of first. Two statements."""
    received = func.sum(Trap.count)
    statement: Query = (
        select(
            Trap.oid,
            func.count().label("traps"),
            received.cast(Trap.count.type).label("received"),
            func.count(Trap.source.distinct()).label("sources"),
            func.min(Trap.received_at).label("first_at"),
            func.max(Trap.last_at).label("last_at"),
            func.max(Trap.id).label("example_id"),
        )
        .where(Trap.alarm_class == "")
        .group_by(Trap.oid)
        .order_by(received.desc(), Trap.oid)
    )
    return fetch_page(session, UnknownTrapRow, statement, paging)


def count_unknown(session: Session) -> int:
    """How many OIDs there are that nothing says the meaning of."""
    counted = select(func.count(Trap.oid.distinct())).where(Trap.alarm_class == "")
    return session.scalar(counted) or 0
