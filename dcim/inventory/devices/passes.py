"""Leave for equipment and media to come in or go out: asked for, decided, withdrawn (出入门单).

What the gate does with it is in `dcim.inventory.devices.gate`.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.customers.models import Customer
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from dcim.inventory.devices.lifecycle import GONE
from dcim.inventory.devices.models import (
    DIRECTIONS,
    LINE_KINDS,
    PASS_NUMBERS,
    EquipmentPass,
    EquipmentPassLine,
)
from dcim.inventory.models import Device, Installation, Site
from dcim.records.fields import FieldValueError, TextType, mark

MOST_LINES = 200
OPEN_STATES = ("requested", "approved")
_NAME, _CODE, _HINT = TextType(255), TextType(64), TextType(4)
FARTHEST = dt.timedelta(days=365)


@dataclass(frozen=True, slots=True)
class LineRequest:
    """One thing: a device of the inventory (`device_id`), or what `description` says."""

    kind: str
    description: str = ""
    device_id: int | None = None
    serial: str = ""
    quantity: int = 1


def request_pass(
    session: Session,
    scope: Scope,
    *,
    direction: str,
    site_id: int,
    bearer: str,
    planned_on: dt.date,
    lines: Sequence[LineRequest],
    customer_id: int | None = None,
    bearer_document_hint: str = "",
    note: str = "",
    now: dt.datetime | None = None,
) -> EquipmentPass:
    """Ask for a pass. A customer asks for its own things, staff for anybody's or the operator's.

    Raises InvalidError naming everything that can't be, ConflictError for a device that is on
    another open pass, ForbiddenError.
    """
    moment = now or utc_now()
    if not scope.is_staff:
        if customer_id not in {None, scope.customer_id}:
            raise InvalidError("There is no such customer.", {"customer_id": ["unknown"]})
        customer_id = scope.customer_id
    site = session.get(Site, site_id)
    problems: dict[str, list[str]] = {}
    if direction not in DIRECTIONS:
        problems["direction"] = [mark("Choose in or out.")]
    if site is None:
        problems["site_id"] = ["unknown"]
    if customer_id is not None and session.get(Customer, customer_id) is None:
        problems["customer_id"] = ["unknown"]
    texts = _judge_texts(problems, bearer, bearer_document_hint, note)
    if site is not None:
        today = moment.astimezone(ZoneInfo(site.timezone)).date()
        if not today <= planned_on <= today + FARTHEST:
            problems["planned_on"] = [mark("Choose a day from today on, within a year.")]
    if not 1 <= len(lines) <= MOST_LINES:
        problems["lines"] = [mark("List at least one thing, at most 200.")]
    made = _make_lines(session, scope, lines, customer_id, direction, problems)
    if problems:
        raise InvalidError("Please check what you entered.", problems)
    equipment_pass = EquipmentPass(
        number=_next_number(session, site, moment),
        direction=direction,
        site_id=site_id,
        customer_id=customer_id,
        bearer=texts["bearer"],
        bearer_document_hint=texts["bearer_document_hint"],
        planned_on=planned_on,
        note=texts["note"],
        requested_by=scope.actor,
        requested_at=moment,
        lines=made,
    )
    session.add(equipment_pass)
    session.flush()
    _record(session, scope, "request", equipment_pass, direction=direction, lines=len(made))
    return equipment_pass


def _judge_texts(
    problems: dict[str, list[str]], bearer: str, hint: str, note: str
) -> dict[str, str]:
    judged = {}
    for name, kind, value in (
        ("bearer", _NAME, bearer),
        ("bearer_document_hint", _HINT, hint),
        ("note", _NAME, note),
    ):
        try:
            judged[name] = kind.judge(value)
        except FieldValueError as error:
            problems[name] = [str(error)]
    if not judged.get("bearer", "?"):
        problems["bearer"] = [mark("Say who carries the things.")]
    return judged


def _make_lines(
    session: Session,
    scope: Scope,
    lines: Sequence[LineRequest],
    customer_id: int | None,
    direction: str,
    problems: dict[str, list[str]],
) -> list[EquipmentPassLine]:
    wanted = sorted({line.device_id for line in lines if line.device_id is not None})
    # Locked in one order, so that two passes for one device come one after the other.
    devices = {
        device.id: device
        for device in session.scalars(
            select(Device)
            .where(Device.id.in_(wanted), scope.filter(Device.customer_id))
            .order_by(Device.id)
            .with_for_update(of=Device)
        )
    }
    refuse_taken_devices(session, wanted)
    made: list[EquipmentPassLine] = []
    seen: set[int] = set()
    for number, line in enumerate(lines):
        place = f"lines.{number}"
        device = None
        description = line.description
        serial = line.serial
        if line.kind not in LINE_KINDS:
            problems[place] = [mark("Choose what kind of thing it is.")]
            continue
        if line.device_id is not None:
            device = devices.get(line.device_id)
            fault = _judge_device(line, device, customer_id, direction, scope, seen)
            if fault or device is None:
                problems[place] = [fault]
                continue
            seen.add(device.id)
            description = description.strip() or device.name
            serial = serial.strip() or device.serial or ""
        try:
            description, serial = _NAME.judge(description), _CODE.judge(serial)
        except FieldValueError as error:
            problems[place] = [str(error)]
            continue
        if not description:
            problems[place] = [mark("Say what it is.")]
        elif not 1 <= line.quantity <= 10_000 or (device is not None and line.quantity != 1):
            problems[place] = [mark("This quantity can't be.")]
        made.append(
            EquipmentPassLine(
                kind=line.kind,
                customer_id=customer_id,
                device_id=line.device_id,
                description=description,
                serial=serial,
                quantity=line.quantity,
            )
        )
    return made


def _judge_device(
    line: LineRequest,
    device: Device | None,
    customer_id: int | None,
    direction: str,
    scope: Scope,
    seen: set[int],
) -> str:
    """What forbids this device on the pass; empty for nothing."""
    if device is None or device.customer_id != customer_id:
        return mark("There is no such device of theirs.")
    if line.kind != "device":
        return mark("A device's line is of kind device.")
    if device.id in seen:
        return mark("It stands twice.")
    if not scope.is_staff and direction == "out" and device.provider_owned:
        return mark("It is rented from us and stays in the house.")
    if direction == "out" and device.state in GONE:
        return mark("It isn't in the house any more.")
    return ""


def refuse_taken_devices(
    session: Session, device_ids: Sequence[int], own_pass_id: int | None = None
) -> None:
    """Raises ConflictError where one of them is on another pass that is still open."""
    if not device_ids:
        return
    statement = (
        select(EquipmentPass.number, EquipmentPass.state, Device.name)
        .join(EquipmentPassLine, EquipmentPassLine.pass_id == EquipmentPass.id)
        .join(Device, Device.id == EquipmentPassLine.device_id)
        .where(Device.id.in_(device_ids), EquipmentPass.state.in_(OPEN_STATES))
        .order_by(Device.id)
        .limit(1)
    )
    if own_pass_id is not None:
        statement = statement.where(EquipmentPass.id != own_pass_id)
    taken = session.execute(statement).one_or_none()
    if taken is not None:
        raise ConflictError(
            "%(device)s is on pass %(number)s, which is still open.",
            device=taken.name,
            number=taken.number,
        )


def find_pass(session: Session, scope: Scope, pass_id: int, *, lock: bool = False) -> EquipmentPass:
    """Raises NotFoundError for one out of reach."""
    statement = select(EquipmentPass).where(
        EquipmentPass.id == pass_id, scope.filter(EquipmentPass.customer_id)
    )
    if lock:
        statement = statement.with_for_update(of=EquipmentPass).execution_options(
            populate_existing=True
        )
    found = session.scalar(statement)
    if found is None:
        raise NotFoundError("There is no such pass.")
    return found


def approve_pass(
    session: Session, scope: Scope, pass_id: int, *, now: dt.datetime | None = None
) -> EquipmentPass:
    """Let the things through. A device that goes out must have been removed from its rack.

    Raises ConflictError naming the devices that still stand, or for a pass that is decided;
    ForbiddenError, NotFoundError.
    """
    _require_staff(scope)
    equipment_pass = find_pass(session, scope, pass_id, lock=True)
    _require_state(equipment_pass, "requested")
    refuse_standing_devices(session, equipment_pass)
    equipment_pass.state = "approved"
    equipment_pass.decided_by = scope.actor
    equipment_pass.decided_at = now or utc_now()
    session.flush()
    _record(session, scope, "approve", equipment_pass)
    return equipment_pass


def refuse_standing_devices(session: Session, equipment_pass: EquipmentPass) -> None:
    if equipment_pass.direction != "out":
        return
    names = session.scalars(
        select(Device.name)
        .join(EquipmentPassLine, EquipmentPassLine.device_id == Device.id)
        .outerjoin(Installation, Installation.device_id == Device.id)
        .where(
            EquipmentPassLine.pass_id == equipment_pass.id,
            or_(Installation.id.is_not(None), Device.state.in_(("installed", "in_service"))),
        )
        .order_by(Device.name)
    ).all()
    if names:
        raise ConflictError(
            "Still in service or in the rack: %(devices)s. Remove them first.",
            devices=", ".join(names),
        )


def refuse_pass(
    session: Session, scope: Scope, pass_id: int, reason: str, *, now: dt.datetime | None = None
) -> EquipmentPass:
    """Say no, with the reason the asker reads."""
    _require_staff(scope)
    equipment_pass = find_pass(session, scope, pass_id, lock=True)
    _require_state(equipment_pass, "requested")
    equipment_pass.decision = _judge_reason(reason)
    equipment_pass.state = "refused"
    equipment_pass.decided_by = scope.actor
    equipment_pass.decided_at = now or utc_now()
    session.flush()
    _record(session, scope, "refuse", equipment_pass, reason=equipment_pass.decision)
    return equipment_pass


def cancel_pass(
    session: Session, scope: Scope, pass_id: int, reason: str = "", *,
    now: dt.datetime | None = None,
) -> EquipmentPass:  # fmt: skip
    """Withdraw a pass that hasn't been through the gate; its asker or staff may."""
    equipment_pass = find_pass(session, scope, pass_id, lock=True)
    _require_state(equipment_pass, *OPEN_STATES)
    if scope.is_staff:
        equipment_pass.decision = _judge_reason(reason)
    else:
        equipment_pass.decision = _NAME.judge(reason)
    equipment_pass.state = "cancelled"
    equipment_pass.decided_by = scope.actor
    equipment_pass.decided_at = now or utc_now()
    session.flush()
    _record(session, scope, "cancel", equipment_pass, reason=equipment_pass.decision)
    return equipment_pass


def _judge_reason(reason: str) -> str:
    try:
        judged = _NAME.judge(reason)
    except FieldValueError as error:
        raise InvalidError(error.message, {"reason": [str(error)]}, **error.places) from error
    if not judged:
        raise InvalidError("Say why.", {"reason": ["required"]})
    return judged


def _require_staff(scope: Scope) -> None:
    if not scope.is_staff:
        raise ForbiddenError("Only staff decide about passes.")


def _require_state(equipment_pass: EquipmentPass, *wanted: str) -> None:
    if equipment_pass.state not in wanted:
        raise ConflictError(
            "Pass %(number)s is not open for this any more.", number=equipment_pass.number
        )


def _next_number(session: Session, site: Site | None, moment: dt.datetime) -> str:
    zone = ZoneInfo(site.timezone) if site is not None else dt.UTC
    number = session.scalar(PASS_NUMBERS.next_value().select())
    return f"P-{moment.astimezone(zone).year}-{number:06d}"


def _record(
    session: Session, scope: Scope, deed: str, equipment_pass: EquipmentPass, **detail: object
) -> None:
    record(
        session,
        scope,
        f"equipment_pass.{deed}",
        f"equipment-pass/{equipment_pass.id}",
        customer_id=equipment_pass.customer_id,
        number=equipment_pass.number,
        **detail,
    )
