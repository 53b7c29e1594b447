"""Putting devices into racks: install, remove, move, swap. Claims of others are respected here."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.errors import ConflictError, InvalidError, NotFoundError
from dcim.inventory.devices.transitions import note_transition
from dcim.inventory.models import (
    FACES,
    SIDES,
    Device,
    DeviceType,
    Installation,
    InstallationSlot,
    Rack,
)
from dcim.inventory.space.bearing import find_overloads, find_rack_mates
from dcim.inventory.space.occupancy import (
    Space,
    check_range,
    clear_expired_holds,
    find_allocations,
    find_barred,
    find_holds,
    find_installed,
    lock_rack,
    lock_racks,
    read_again,
    refuse_allocated,
    refuse_barred,
    refuse_closed,
    refuse_held,
    refuse_installed,
    require_staff,
    site_day,
    told_in_words,
    whole_rack,
)
from dcim.inventory.space.rails import find_rail_place


@dataclass(frozen=True, slots=True)
class Place:
    """Where a device is to stand.

    `u_low` is its lowest half unit; none means the side rail, `rail` and `rail_position` which
    (none: the first free). `face` and `side` none: as its type says.
    """

    rack_id: int
    u_low: int | None
    face: str | None = None
    side: str | None = None
    rail: str | None = None
    rail_position: int | None = None


@dataclass(frozen=True, slots=True)
class Move:
    device: Device
    place: Place


def install_device(
    session: Session,
    scope: Scope,
    device: Device,
    rack_id: int,
    *,
    u_low: int | None,
    face: str | None = None,
    side: str | None = None,
    rail: str | None = None,
    rail_position: int | None = None,
    at: dt.datetime | None = None,
    override: str = "",
) -> Installation:
    """Put a device with its lowest half unit at `u_low` (None: on the side rail); see `Place`.

    `override` is the reason for building into another's allocation or hold, or for loading a
    cabinet above its limit; whether the caller has the right to give one is decided before. What
    stands there already, or is barred, is never overridden. Raises ConflictError naming who has
    the place, InvalidError, ForbiddenError.
    """
    require_staff(scope)
    lock_device(session, device)
    # What the cabinet bears is decided for all its racks; they are locked in the order of ids.
    rack = lock_racks(session, [rack_id, *find_rack_mates(session, [rack_id])])[rack_id]
    place = Place(rack_id, u_low, face, side, rail, rail_position)
    overload = find_overloads(session, {device.id: rack_id}).get(device.id)
    return _install(session, scope, device, rack, place, at or utc_now(), override, overload)


def remove_device(session: Session, scope: Scope, device: Device) -> None:
    """Take a device out of its rack; its slots are free at once."""
    require_staff(scope)
    lock_device(session, device)
    if device.installation is None:
        raise ConflictError("%(device)s is not installed.", device=device.name)
    rack = lock_rack(session, device.installation.rack_id)
    u_low = _take_out(session, device)
    note_transition(session, scope, device, "removed")
    session.flush()
    record(
        session,
        scope,
        "device.remove",
        f"device/{device.id}",
        customer_id=device.customer_id,
        rack=rack.code,
        u_low=u_low,
    )


def move_device(
    session: Session,
    scope: Scope,
    device: Device,
    rack_id: int,
    *,
    u_low: int | None,
    face: str | None = None,
    side: str | None = None,
    rail: str | None = None,
    rail_position: int | None = None,
    override: str = "",
) -> Installation:
    """Move in one transaction; a refusal leaves the device where it was."""
    place = Place(rack_id, u_low, face, side, rail, rail_position)
    return move_devices(session, scope, [Move(device, place)], override=override)[0]


def move_devices(
    session: Session,
    scope: Scope,
    moves: Sequence[Move],
    *,
    at: dt.datetime | None = None,
    override: str = "",
) -> list[Installation]:
    """Move several devices at once: all come out, then all go in, so that two can change places.

    All or nothing: a refusal of one leaves every device where it was. Raises ConflictError,
    InvalidError, NotFoundError, ForbiddenError.
    """
    require_staff(scope)
    if not moves:
        raise InvalidError("Name at least one move.", {"moves": ["required"]})
    devices = {move.device.id: move.device for move in moves}
    if len(devices) < len(moves):
        raise InvalidError("A device can go to one place only.", {"moves": ["twice"]})
    for device_id in sorted(devices):
        lock_device(session, devices[device_id])
    before: dict[int, tuple[int, int | None]] = {}
    for device in devices.values():
        if device.installation is None:
            raise ConflictError("%(device)s is not installed.", device=device.name)
        before[device.id] = device.installation.rack_id, device.installation.u_low
    targets = {move.device.id: move.place.rack_id for move in moves}
    racks = lock_racks(
        session,
        [
            *(rack_id for rack_id, _ in before.values()),
            *targets.values(),
            *find_rack_mates(session, list(targets.values())),
        ],
    )
    overloads = find_overloads(session, targets)
    try:
        with session.begin_nested():
            for device in devices.values():
                _take_out(session, device)
            placed = []
            for move in moves:
                from_rack, from_u = before[move.device.id]
                moved_from: dict[str, object] = {"rack": racks[from_rack].code, "u_low": from_u}
                placed.append(
                    _install(
                        session,
                        scope,
                        move.device,
                        racks[move.place.rack_id],
                        move.place,
                        at or utc_now(),
                        override,
                        overloads.get(move.device.id),
                        moved_from=moved_from,
                    )
                )
            return placed
    except (ConflictError, InvalidError):
        for device in devices.values():
            session.refresh(device)
        raise


def find_device(session: Session, scope: Scope, device_id: int) -> Device:
    """Raises NotFoundError for an absent device and for another's alike."""
    found = session.scalar(
        select(Device).where(Device.id == device_id, scope.filter(Device.customer_id))
    )
    if found is None:
        raise NotFoundError("No such device.")
    return found


def lock_device(session: Session, device: Device) -> None:
    """Nobody else installs, moves or removes this device until the transaction ends."""
    read_again(session, device, lock=True)


def _install(
    session: Session,
    scope: Scope,
    device: Device,
    rack: Rack,
    place: Place,
    now: dt.datetime,
    override: str,
    overload: ConflictError | None = None,
    *,
    moved_from: dict[str, object] | None = None,
) -> Installation:
    """The decision and the rows; device and rack are locked already."""
    if device.installation is not None:
        raise ConflictError("%(device)s is installed already; move it instead.", device=device.name)
    refuse_closed(session, rack)
    kind = session.scalars(select(DeviceType).where(DeviceType.id == device.device_type_id)).one()
    installation = Installation(
        device_id=device.id,
        rack_id=rack.id,
        u_low=place.u_low,
        height=kind.height,
        face=_choose_face(device, kind, place.face),
        side=_choose_side(device, kind, place.side),
        installed_at=now,
    )
    if place.u_low is None:
        if kind.height:
            raise InvalidError(
                "%(device)s needs a U position.", {"u_low": ["required"]}, device=device.name
            )
        overridden = _decide_rail(session, rack, device, now, override)
        installation.rail, installation.rail_position = find_rail_place(
            session, rack, place.rail, place.rail_position
        )
    else:
        if place.rail is not None or place.rail_position is not None:
            raise InvalidError(
                "A device stands in a unit or hangs on a rail, not both.", {"rail": ["not both"]}
            )
        if not kind.height:
            raise InvalidError(
                "%(device)s takes no unit; it hangs on a side rail.",
                {"u_low": ["not for 0U"]},
                device=device.name,
            )
        space = Space(
            place.u_low,
            kind.height,
            FACES if installation.face == "full" else (installation.face,),
            SIDES if installation.side == "full" else (installation.side,),
        )
        check_range(rack, space)
        overridden = _decide_installation(session, rack, device, space, now, override)
        installation.slots = [
            InstallationSlot(u=u, face=one_face, side=one_side)
            for u in space.half_units
            for one_face in space.faces
            for one_side in space.sides
        ]
    if overload is not None:
        if not override.strip():
            raise overload
        overridden = [*overridden, str(overload)]
    with told_in_words(session, rack):
        session.add(installation)
        session.flush()
    if moved_from is None:
        note_transition(session, scope, device, "in_service", at=now)
    session.flush()
    session.refresh(device, ["installation"])
    record(
        session,
        scope,
        "device.install" if moved_from is None else "device.move",
        f"device/{device.id}",
        customer_id=device.customer_id,
        rack=rack.code,
        u_low=place.u_low,
        face=installation.face,
        side=installation.side,
        **({} if moved_from is None else {"from": moved_from}),
        **({} if place.u_low is not None else {"rail": name_rail(installation)}),
        **({"override": override, "overrode": overridden} if overridden else {}),
    )
    return installation


def name_rail(installation: Installation) -> str:
    """Where on the side rails: "left 1"."""
    return f"{installation.rail} {installation.rail_position}"


def _take_out(session: Session, device: Device) -> int | None:
    """Delete the installation, flushed; returns where it was."""
    installation = device.installation
    if installation is None:
        return None
    u_low = installation.u_low
    session.delete(installation)
    session.flush()
    session.refresh(device, ["installation"])
    return u_low


def _choose_face(device: Device, kind: DeviceType, face: str | None) -> str:
    """The type's depth is the default and the limit."""
    if not face:
        return "full" if kind.full_depth else "front"
    if face not in (*FACES, "full"):
        raise InvalidError("Front, rear or full.", {"face": ["unknown"]})
    if kind.full_depth and kind.height and face != "full":
        raise InvalidError(
            "%(device)s is as deep as the rack: it takes front and rear.",
            {"face": ["full depth"]},
            device=device.name,
        )
    return face


def _choose_side(device: Device, kind: DeviceType, side: str | None) -> str:
    """Half as wide must say which half; as wide as the rack takes both."""
    if side and side not in (*SIDES, "full"):
        raise InvalidError("Left, right or full.", {"side": ["unknown"]})
    if kind.half_width and kind.height:
        if side not in SIDES:
            raise InvalidError(
                "%(device)s is half as wide as the rack: choose its side.",
                {"side": ["required"]},
                device=device.name,
            )
        return side
    if side in SIDES and kind.height:
        raise InvalidError(
            "%(device)s is as wide as the rack: it takes both sides.",
            {"side": ["full width"]},
            device=device.name,
        )
    return "full"


def _decide_installation(
    session: Session, rack: Rack, device: Device, space: Space, now: dt.datetime, override: str
) -> list[str]:
    """Refuse, or return whose claims the override passes over."""
    for standing in find_installed(session, rack, space):
        raise refuse_installed(rack, standing)
    for barred in find_barred(session, rack, space):
        raise refuse_barred(rack, barred)
    return _decide_claims(session, rack, device, space, now, override)


def _decide_rail(
    session: Session, rack: Rack, device: Device, now: dt.datetime, override: str
) -> list[str]:
    """The rails go with the whole rack: another's whole rack refuses a customer's 0U device.

    The operator's own (its power strips) hang in everybody's racks.
    """
    if device.customer_id is None:
        return []
    return _decide_claims(session, rack, device, whole_rack(rack), now, override, whole=True)


def _decide_claims(
    session: Session,
    rack: Rack,
    device: Device,
    space: Space,
    now: dt.datetime,
    override: str,
    *,
    whole: bool = False,
) -> list[str]:
    """`whole`: only claims of the whole rack count."""
    today = site_day(session, rack, now)
    running = [
        allocation
        for allocation in find_allocations(session, rack, space)
        if allocation.starts_on <= today
        and (allocation.ends_on is None or allocation.ends_on > today)
        and (not whole or allocation.height >= space.height)
    ]
    refusals = [
        refuse_allocated(session, rack, allocation)
        for allocation in running
        if allocation.customer_id != device.customer_id
    ]
    own = {
        u
        for allocation in running
        if allocation.customer_id == device.customer_id
        for u in range(allocation.u_low, allocation.u_low + allocation.height)
    }
    for hold in clear_expired_holds(session, find_holds(session, rack, space), now):
        if whole and hold.height < space.height:
            continue
        # Until a hold begins, who has the space may go on using it.
        if hold.starts_at > now and own.issuperset(
            set(space.half_units) & set(range(hold.u_low, hold.u_low + hold.height))
        ):
            continue
        refusals.append(refuse_held(rack, hold, now))
    if refusals and not override.strip():
        raise refusals[0]
    return [str(refusal) for refusal in refusals]
