"""The gate: what is carried is compared with its pass, line by line."""

import datetime as dt
from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.errors import ConflictError, ForbiddenError, InvalidError
from dcim.inventory.devices.models import EquipmentPass, EquipmentPassLine
from dcim.inventory.devices.passes import find_pass, refuse_standing_devices
from dcim.inventory.devices.transitions import note_transition
from dcim.inventory.models import Device
from dcim.records.fields import mark

# What coming in makes of a device that wasn't here.
ARRIVING = frozenset({"planned", "returned"})
# What a customer's own device becomes by going out; one in repair stays in repair.
LEAVING = frozenset({"in_stock", "removed", "planned"})


def check_pass(
    session: Session,
    scope: Scope,
    pass_id: int,
    counts: Mapping[int, int],
    *,
    now: dt.datetime | None = None,
) -> EquipmentPass:
    """Let through what is on the pass. `counts` says of each line, by its id, how many came.

    Fewer than on the pass may go, more never. A customer's own device that goes out is returned,
    one that comes in is in stock. Raises InvalidError naming the lines that weren't counted or
    don't fit, ConflictError for a pass that isn't approved or a device that stands again;
    ForbiddenError, NotFoundError.
    """
    if not scope.is_staff:
        raise ForbiddenError("Only staff check passes.")
    moment = now or utc_now()
    equipment_pass = find_pass(session, scope, pass_id, lock=True)
    if equipment_pass.state != "approved":
        raise ConflictError(
            "Pass %(number)s is not open for this any more.", number=equipment_pass.number
        )
    lines = equipment_pass.lines
    problems: dict[str, list[str]] = {
        f"count_{number}": [mark("This line is on another pass.")]
        for number in counts.keys() - {line.id for line in lines}
    }
    for line in lines:
        count = counts.get(line.id)
        if count is None:
            problems[f"count_{line.id}"] = [mark("Count this line.")]
        elif not 0 <= count <= line.quantity:
            problems[f"count_{line.id}"] = [mark("More than the pass says.")]
    if problems:
        raise InvalidError("The gate counts every line; more than the pass says stays.", problems)
    if not any(counts.values()):
        raise InvalidError(
            "Nothing came; cancel the pass instead.", {f"count_{lines[0].id}": ["nothing"]}
        )
    refuse_standing_devices(session, equipment_pass)
    for line in lines:
        line.counted = counts[line.id]
    equipment_pass.state = "passed"
    equipment_pass.checked_by = scope.actor
    equipment_pass.checked_at = moment
    session.flush()
    _move_devices(session, scope, equipment_pass, lines, moment)
    record(
        session,
        scope,
        "equipment_pass.check",
        f"equipment-pass/{equipment_pass.id}",
        customer_id=equipment_pass.customer_id,
        number=equipment_pass.number,
        counted={str(line.id): line.counted for line in lines},
    )
    return equipment_pass


def _move_devices(
    session: Session,
    scope: Scope,
    equipment_pass: EquipmentPass,
    lines: list[EquipmentPassLine],
    moment: dt.datetime,
) -> None:
    passed = [line.device_id for line in lines if line.device_id is not None and line.counted]
    detail = {"pass": equipment_pass.number, "bearer": equipment_pass.bearer}
    for device in session.scalars(
        select(Device)
        .where(Device.id.in_(passed))
        .order_by(Device.id)
        .with_for_update(of=Device)
        .execution_options(populate_existing=True)
    ):
        state = device.state
        if equipment_pass.direction == "in" and state in ARRIVING:
            state = "in_stock"
        elif equipment_pass.direction == "out" and state in LEAVING and not device.provider_owned:
            state = "returned"
        note_transition(session, scope, device, state, at=moment, detail=detail)
