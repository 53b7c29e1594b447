"""What pages and API read of meters: rooms to walk, their sheet, readings with the one before."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import case, func, or_, select
from sqlalchemy.orm import Session, aliased

from dcim.accounts.scope import Scope
from dcim.customers.models import ContractItem, Customer
from dcim.errors import NotFoundError
from dcim.inventory.models import Cabinet, Rack, Room, Site
from dcim.metering.registers import Register, RegisterError
from dcim.meters.doubts import say_thousandths
from dcim.meters.models import Meter, MeterReading, is_corrected, stands
from dcim.paging import FIRST_PAGE, Page, Paging, Query, fetch_page, narrow
from dcim.power.models import PowerNode

# A meter that was read within so many hours counts as read in this walk.
FRESH = dt.timedelta(hours=72)


@dataclass(frozen=True, slots=True)
class MeterRoomRow:
    """A room with meters that hang there now; `read` within the last 72 hours."""

    room_id: int
    code: str
    name: str
    name_en: str
    site_code: str
    meters: int
    read: int
    waiting: int


@dataclass(frozen=True, slots=True)
class MeterRow:
    """A meter with its last standing reading; `place` is the code of what it measures."""

    id: int
    serial: str
    name: str
    customer_id: int
    customer_name: str
    customer_name_en: str
    item_code: str
    room_id: int
    room_code: str
    site_timezone: str
    place: str
    digits: int
    decimals: int
    multiplier: int
    installed_at: dt.datetime
    removed_at: dt.datetime | None
    last_value: int | None
    last_at: dt.datetime | None
    last_by: str | None
    last_state: str | None

    @property
    def register(self) -> Register:
        return Register(self.digits, self.decimals, self.multiplier)

    @property
    def last_shown(self) -> str:
        return "" if self.last_value is None else self.register.write(self.last_value)

    def is_fresh(self, now: dt.datetime) -> bool:
        return self.last_at is not None and self.last_at > now - FRESH


@dataclass(frozen=True, slots=True)
class MeterReadingRow:
    """A reading; `register` is what stood on the meter, `used_kwh` what passed since the standing
    reading before it (None: there is none, or it can't be told). `corrected` by a later one. The
    three notes of staff, and who refused it, are empty for customers."""

    id: int
    meter_id: int
    serial: str
    meter_name: str
    place: str
    multiplier: int
    customer_id: int
    customer_name: str
    customer_name_en: str
    item_code: str
    room_id: int
    site_timezone: str
    read_at: dt.datetime
    register: str
    previous_register: str | None
    previous_at: dt.datetime | None
    used_kwh: str | None
    rolled_over: bool
    estimated: bool
    estimate_reason: str
    doubts: list[str]
    doubt_reason: str
    note: str
    photo_id: int | None
    photo_sha256: str | None
    corrects_id: int | None
    corrected: bool
    entered_at: dt.datetime
    read_by: str
    state: str
    decided_by: str
    decided_at: dt.datetime | None
    decision_note: str


# What customers aren't told.
INTERNAL = ("doubt_reason", "note", "decision_note")


@dataclass(frozen=True, slots=True)
class ReadingFilter:
    reading_id: int | None = None
    meter_id: int | None = None
    customer_id: int | None = None
    room_id: int | None = None
    state: str | None = None
    oldest_first: bool = False


def list_meter_rooms(session: Session, scope: Scope, now: dt.datetime) -> list[MeterRoomRow]:
    """By site and room. One statement."""
    meters = _select_meters(scope).where(Meter.removed_at.is_(None)).subquery()
    waiting = (
        select(Meter.room_id, func.count().label("waiting"))
        .join(MeterReading, MeterReading.meter_id == Meter.id)
        .where(MeterReading.state == "entered", scope.filter(Meter.customer_id))
        .group_by(Meter.room_id)
        .subquery()
    )
    fresh = case((meters.c.last_at > now - FRESH, 1), else_=0)
    rows = session.execute(
        select(
            Room.id.label("room_id"),
            Room.code,
            Room.name,
            Room.name_en,
            Site.code.label("site_code"),
            func.count().label("meters"),
            func.sum(fresh).label("read"),
            func.coalesce(func.max(waiting.c.waiting), 0).label("waiting"),
        )
        .join(meters, meters.c.room_id == Room.id)
        .join(Site, Site.id == Room.site_id)
        .outerjoin(waiting, waiting.c.room_id == Room.id)
        .group_by(Room.id, Site.id)
        .order_by(Site.code, Room.code)
    )
    return [MeterRoomRow(**row._mapping) for row in rows]


def list_sheet(session: Session, scope: Scope, room_id: int) -> list[MeterRow]:
    """The meters that hang in a room, in the order one comes past them. One statement."""
    rows = session.execute(
        _select_meters(scope)
        .where(Meter.room_id == room_id, Meter.removed_at.is_(None))
        .order_by(Meter.position, Meter.serial)
    )
    return [MeterRow(**row._mapping) for row in rows]


def list_own_meters(session: Session, scope: Scope) -> list[MeterRow]:
    """Those that hang now, of the scope, by item. One statement."""
    rows = session.execute(
        _select_meters(scope)
        .where(Meter.removed_at.is_(None))
        .order_by(ContractItem.code, Meter.position, Meter.serial)
    )
    return [MeterRow(**row._mapping) for row in rows]


def find_meter(session: Session, scope: Scope, meter_id: int) -> MeterRow:
    """Raises NotFoundError for one that is absent or another customer's."""
    row = session.execute(_select_meters(scope).where(Meter.id == meter_id)).one_or_none()
    if row is None:
        raise NotFoundError("No such meter.")
    return MeterRow(**row._mapping)


def list_readings(
    session: Session,
    scope: Scope,
    wanted: ReadingFilter = ReadingFilter(),
    paging: Paging = FIRST_PAGE,
) -> Page[MeterReadingRow]:
    """Newest first unless asked otherwise; a customer's own alone. Two statements of SQL."""
    statement = _select_readings(scope)
    statement = narrow(
        statement,
        (MeterReading.id, wanted.reading_id),
        (MeterReading.meter_id, wanted.meter_id),
        (MeterReading.customer_id, wanted.customer_id),
        (Meter.room_id, wanted.room_id),
        (MeterReading.state, wanted.state),
    )
    order = (MeterReading.read_at, MeterReading.id)
    if not wanted.oldest_first:
        statement = statement.order_by(*(column.desc() for column in order))
    else:
        statement = statement.order_by(*order)
    found = fetch_page(session, _make_reading, statement, paging)
    return found if scope.is_staff else found.replace([_hide(one) for one in found.items])


def find_reading(session: Session, scope: Scope, reading_id: int) -> MeterReadingRow:
    """Raises NotFoundError for one that is absent or another customer's."""
    found = list_readings(session, scope, ReadingFilter(reading_id=reading_id)).items
    if not found:
        raise NotFoundError("No such reading.")
    return found[0]


def count_waiting(session: Session, scope: Scope) -> int:
    """Readings that wait for a second person."""
    return (
        session.scalar(
            select(func.count())
            .select_from(MeterReading)
            .where(MeterReading.state == "entered", scope.filter(MeterReading.customer_id))
        )
        or 0
    )


def _place() -> Any:
    return func.coalesce(PowerNode.code, Rack.code, Cabinet.code, ContractItem.code)


def _select_meters(scope: Scope) -> Query:
    one = aliased(MeterReading)
    last = (
        select(
            one.value.label("last_value"),
            one.read_at.label("last_at"),
            one.read_by.label("last_by"),
            one.state.label("last_state"),
        )
        .where(one.meter_id == Meter.id, stands(one))
        .order_by(one.read_at.desc(), one.id.desc())
        .limit(1)
        .correlate(Meter)
        .lateral("last")
    )
    return (
        select(
            Meter.id,
            Meter.serial,
            Meter.name,
            Meter.customer_id,
            Customer.name.label("customer_name"),
            Customer.name_en.label("customer_name_en"),
            ContractItem.code.label("item_code"),
            Meter.room_id,
            Room.code.label("room_code"),
            Site.timezone.label("site_timezone"),
            _place().label("place"),
            Meter.digits,
            Meter.decimals,
            Meter.multiplier,
            Meter.installed_at,
            Meter.removed_at,
            last.c.last_value,
            last.c.last_at,
            last.c.last_by,
            last.c.last_state,
        )
        .join(Customer, Customer.id == Meter.customer_id)
        .join(ContractItem, ContractItem.id == Meter.contract_item_id)
        .join(Room, Room.id == Meter.room_id)
        .join(Site, Site.id == Room.site_id)
        .outerjoin(PowerNode, PowerNode.id == Meter.power_node_id)
        .outerjoin(Rack, Rack.id == Meter.rack_id)
        .outerjoin(Cabinet, Cabinet.id == Meter.cabinet_id)
        .outerjoin(last, last.c.last_at.is_not(None))
        .where(scope.filter(Meter.customer_id))
    )


def _select_readings(scope: Scope) -> Query:
    one = aliased(MeterReading)
    before = (
        select(one.value.label("previous_value"), one.read_at.label("previous_at"))
        .where(
            one.meter_id == MeterReading.meter_id,
            one.read_at < MeterReading.read_at,
            or_(MeterReading.corrects_id.is_(None), one.id != MeterReading.corrects_id),
            stands(one),
        )
        .order_by(one.read_at.desc(), one.id.desc())
        .limit(1)
        .correlate(MeterReading)
        .lateral("before")
    )
    return (
        select(
            MeterReading.id,
            MeterReading.meter_id,
            Meter.serial,
            Meter.name.label("meter_name"),
            _place().label("place"),
            Meter.digits,
            Meter.decimals,
            Meter.multiplier,
            MeterReading.customer_id,
            Customer.name.label("customer_name"),
            Customer.name_en.label("customer_name_en"),
            ContractItem.code.label("item_code"),
            Meter.room_id,
            Site.timezone.label("site_timezone"),
            MeterReading.read_at,
            MeterReading.value,
            before.c.previous_value,
            before.c.previous_at,
            MeterReading.rolled_over,
            MeterReading.estimated,
            MeterReading.estimate_reason,
            MeterReading.doubts,
            MeterReading.doubt_reason,
            MeterReading.note,
            MeterReading.photo_id,
            MeterReading.photo_sha256,
            MeterReading.corrects_id,
            is_corrected(MeterReading).label("corrected"),
            MeterReading.entered_at,
            MeterReading.read_by,
            MeterReading.state,
            MeterReading.decided_by,
            MeterReading.decided_at,
            MeterReading.decision_note,
        )
        .join(Meter, Meter.id == MeterReading.meter_id)
        .join(Customer, Customer.id == MeterReading.customer_id)
        .join(ContractItem, ContractItem.id == Meter.contract_item_id)
        .join(Room, Room.id == Meter.room_id)
        .join(Site, Site.id == Room.site_id)
        .outerjoin(PowerNode, PowerNode.id == Meter.power_node_id)
        .outerjoin(Rack, Rack.id == Meter.rack_id)
        .outerjoin(Cabinet, Cabinet.id == Meter.cabinet_id)
        .outerjoin(before, before.c.previous_at.is_not(None))
        .where(scope.filter(MeterReading.customer_id))
    )


def _make_reading(**row: Any) -> MeterReadingRow:
    register = Register(row.pop("digits"), row.pop("decimals"), row["multiplier"])
    value, previous = row.pop("value"), row.pop("previous_value")
    return MeterReadingRow(
        **row,
        register=register.write(value),
        previous_register=None if previous is None else register.write(previous),
        used_kwh=_say_used(register, previous, value, row),
    )


def _hide(reading: MeterReadingRow) -> MeterReadingRow:
    """What the customer is told of it."""
    hidden: dict[str, Any] = dict.fromkeys(INTERNAL, "")
    if reading.state == "refused":
        hidden["decided_by"] = ""
    return replace(reading, **hidden)


def _say_used(
    register: Register, previous: int | None, value: int, row: Mapping[str, Any]
) -> str | None:
    if previous is None:
        return None
    try:
        steps = register.advance(previous, value, rolled_over=row["rolled_over"])
    except RegisterError:
        return None
    return say_thousandths(steps * register.mwh_of_step // 1000)
