"""Taking a device from one state of its life to the next, and what was noted on the way."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from dcim.inventory.devices.lifecycle import GONE, STANDING, Step, find_step
from dcim.inventory.devices.models import DeviceTransition
from dcim.inventory.models import Device
from dcim.paging import FIRST_PAGE, Page, Paging, fetch_page
from dcim.records.fields import FieldValueError, TextType, mark

NOTE = TextType(255)


@dataclass(frozen=True, slots=True)
class TransitionRow:
    id: int
    from_state: str | None
    to_state: str
    at: dt.datetime
    actor: str
    note: str
    detail: dict[str, Any]


def lock_device(session: Session, scope: Scope, device_id: int) -> Device:
    """The device, locked until the transaction ends. Raises NotFoundError for none in reach."""
    device = session.scalar(
        select(Device)
        .where(Device.id == device_id, scope.filter(Device.customer_id))
        .with_for_update(of=Device)
        .execution_options(populate_existing=True)
    )
    if device is None:
        raise NotFoundError("There is no such device.")
    return device


def note_transition(
    session: Session,
    scope: Scope,
    device: Device,
    to_state: str,
    note: str = "",
    *,
    at: dt.datetime | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Set the state and keep the step. What allows it and who audits it is the caller's.

    A device that stays as it was leaves no row, unless there is something to note. Raises
    ConflictError where a device that is gone is to stand in a rack.
    """
    if to_state in STANDING and device.state in GONE:
        raise ConflictError(
            "%(device)s is not in the house any more; take it into stock first.",
            device=device.name,
        )
    if device.state == to_state and not note and not detail:
        return
    session.add(
        DeviceTransition(
            device_id=device.id,
            customer_id=device.customer_id,
            from_state=device.state,
            to_state=to_state,
            at=at or utc_now(),
            actor=scope.actor,
            note=note,
            detail=dict(detail or {}),
        )
    )
    device.state = to_state
    session.flush()


def note_entries(session: Session, scope: Scope, devices: Iterable[Device]) -> None:
    """The first line of each life: the device was entered."""
    now = utc_now()
    session.add_all(
        DeviceTransition(
            device_id=device.id,
            customer_id=device.customer_id,
            from_state=None,
            to_state=device.state,
            at=now,
            actor=scope.actor,
        )
        for device in devices
    )
    session.flush()


def change_state(
    session: Session,
    scope: Scope,
    device_id: int,
    to_state: str,
    answers: Mapping[str, Any] | None = None,
    *,
    note: str = "",
    expected: str | None = None,
) -> Device:
    """Take one step of the table with the answers its form asks for.

    `expected` is the state the caller saw. Raises ConflictError for a step that isn't one, or a
    device that has changed meanwhile; InvalidError naming each answer that is missing or wrong;
    ForbiddenError, NotFoundError.
    """
    if not scope.is_staff:
        raise ForbiddenError("Only staff change a device's state.")
    device = lock_device(session, scope, device_id)
    if expected is not None and device.state != expected:
        raise ConflictError(
            "%(device)s was changed meanwhile; look at it again.", device=device.name
        )
    step = find_step(device.state, to_state)
    if step is None:
        raise _refuse_step(device, to_state)
    if to_state in GONE and device.rental_item_id is not None:
        raise ConflictError("%(device)s is let; take the rental back first.", device=device.name)
    detail, judged_note = judge_answers(step, device, answers or {}, note)
    note_transition(session, scope, device, to_state, judged_note, detail=detail)
    record(
        session,
        scope,
        "device.state",
        f"device/{device.id}",
        customer_id=device.customer_id,
        before=step.source,
        after=step.target,
        **({"note": judged_note} if judged_note else {}),
        **({"detail": detail} if detail else {}),
    )
    return device


def _refuse_step(device: Device, to_state: str) -> ConflictError:
    if device.state in STANDING or to_state in STANDING:
        return ConflictError(
            "%(device)s goes into and out of its rack by being installed and removed.",
            device=device.name,
        )
    return ConflictError("%(device)s can't take this step now.", device=device.name)


def asks_of(step: Step, device: Device) -> list[str]:
    """The names of what this step asks about this device."""
    own = device.customer_id is not None and not device.provider_owned
    return [ask.name for ask in step.asks if own or not ask.of_customers]


def judge_answers(
    step: Step, device: Device, answers: Mapping[str, Any], note: str
) -> tuple[dict[str, Any], str]:
    """The answers ready to be kept; raises InvalidError naming all that can't be."""
    wanted = set(asks_of(step, device))
    problems: dict[str, list[str]] = {
        name: [mark("This isn't asked here.")] for name in answers.keys() - wanted
    }
    detail: dict[str, Any] = {}
    for ask in step.asks:
        if ask.name not in wanted:
            continue
        given = answers.get(ask.name)
        if given is None or (isinstance(given, str) and not given.strip()):
            if ask.required:
                problems[ask.name] = [mark("This is needed.")]
            continue
        try:
            value = ask.type.read(given.strip()) if isinstance(given, str) else given
            detail[ask.name] = ask.type.to_json(ask.type.judge(value))
        except FieldValueError as error:
            problems[ask.name] = [str(error)]
    try:
        judged = NOTE.judge(note)
    except FieldValueError as error:
        problems["note"], judged = [str(error)], ""
    if problems:
        raise InvalidError("Please check what you entered.", problems)
    return detail, judged


def list_transitions(
    session: Session, scope: Scope, device_id: int, paging: Paging = FIRST_PAGE
) -> Page[TransitionRow]:
    """A device's life, newest first; a customer sees the part in which it was theirs."""
    statement = (
        select(
            DeviceTransition.id,
            DeviceTransition.from_state,
            DeviceTransition.to_state,
            DeviceTransition.at,
            DeviceTransition.actor,
            DeviceTransition.note,
            DeviceTransition.detail,
        )
        .where(DeviceTransition.device_id == device_id, scope.filter(DeviceTransition.customer_id))
        .order_by(DeviceTransition.id.desc())
    )
    return fetch_page(session, TransitionRow, statement, paging)
