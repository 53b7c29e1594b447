"""Which supply hangs on which outlet: plugging in, pulling out, moving over.

Who takes a device out of its rack or moves it goes through dcim.operations.relocation.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from dcim.inventory.devices.models import DeviceSupply
from dcim.inventory.models import Cabinet, Device, Installation, Rack
from dcim.power.models import Outlet, PowerNode

# What goes into what (IEC 60320); a form that isn't listed is taken at its word.
FITS = {"C14": "C13", "C20": "C19"}
FORMS = frozenset(FITS.values())


def connect_supply(
    session: Session,
    scope: Scope,
    outlet_id: int,
    *,
    device_id: int,
    supply_id: int | None = None,
    moving: bool = False,
) -> Outlet:
    """Plug a device's supply into an outlet; without `supply_id` its first free one, if it has any.

    `moving` pulls it out of where it is. Raises NotFoundError; ConflictError that names who is
    plugged in there, or where the supply hangs already; InvalidError for a plug that doesn't fit
    and for a device that doesn't stand within reach of the PDU (in its row).
    """
    _require_staff(scope)
    outlet = _lock(session, outlet_id)
    device = session.get(Device, device_id)
    if device is None:
        raise NotFoundError("No such device.")
    if outlet.device_id is not None and (
        outlet.device_id != device_id or outlet.supply_id != supply_id
    ):
        taken = session.get_one(Device, outlet.device_id)
        raise ConflictError(
            "Outlet %(number)s of %(pdu)s is used by %(device)s.",
            number=outlet.number,
            pdu=outlet.pdu.code,
            device=taken.name,
        )
    supply = _choose_supply(session, device, supply_id, moving)
    _check_reach(session, outlet.pdu, device)
    wanted = FITS.get(supply.connector) if supply is not None else None
    if supply is not None and wanted and outlet.connector in FORMS and outlet.connector != wanted:
        raise InvalidError(
            "A %(plug)s plug doesn't fit a %(outlet)s outlet.",
            {"supply_id": ["plug"]},
            plug=supply.connector,
            outlet=outlet.connector,
        )
    left = None
    if supply is not None:
        left = _find_outlet(session, supply)
        if left is not None and left.id != outlet.id:
            left.device_id = left.supply_id = None
            session.flush()
    outlet.device_id = device.id
    outlet.supply_id = supply.id if supply is not None else None
    session.flush()
    record(
        session, scope, "power.connect", f"device/{device.id}", customer_id=device.customer_id,
        pdu=outlet.pdu.code, outlet=outlet.number, supply=supply.name if supply else None,
        **({"left": f"{left.pdu.code} {left.number}"} if left and left.id != outlet.id else {}),
    )  # fmt: skip
    return outlet


def disconnect_outlet(session: Session, scope: Scope, outlet_id: int) -> Outlet:
    """Pull out what is plugged in. Raises NotFoundError, ConflictError for a free outlet."""
    _require_staff(scope)
    outlet = _lock(session, outlet_id)
    if outlet.device_id is None:
        raise ConflictError(
            "Outlet %(number)s of %(pdu)s is free already.",
            number=outlet.number,
            pdu=outlet.pdu.code,
        )
    device = session.get_one(Device, outlet.device_id)
    outlet.device_id = outlet.supply_id = None
    session.flush()
    record(
        session, scope, "power.disconnect", f"device/{device.id}",
        customer_id=device.customer_id, pdu=outlet.pdu.code, outlet=outlet.number,
    )  # fmt: skip
    return outlet


def unplug_device(
    session: Session, scope: Scope, device: Device, *, rack_id: int | None = None
) -> list[str]:
    """Pull all its cords, or those to the PDUs of one rack: "PDU-A-01-A 4" for each.

    What isn't plugged in is no error. One audit entry.
    """
    _require_staff(scope)
    statement = (
        select(Outlet)
        .join(PowerNode, PowerNode.id == Outlet.pdu_id)
        .where(Outlet.device_id == device.id)
        .order_by(PowerNode.code, Outlet.number)
        .with_for_update(of=Outlet)
        .execution_options(populate_existing=True)
    )
    if rack_id is not None:
        statement = statement.where(PowerNode.rack_id == rack_id)
    pulled = []
    for outlet in session.scalars(statement.options(joinedload(Outlet.pdu))):
        pulled.append(f"{outlet.pdu.code} {outlet.number}")
        outlet.device_id = outlet.supply_id = None
    if pulled:
        session.flush()
        record(
            session, scope, "power.unplug", f"device/{device.id}",
            customer_id=device.customer_id, outlets=pulled,
        )  # fmt: skip
    return pulled


def _require_staff(scope: Scope) -> None:
    if not scope.is_staff:
        raise ForbiddenError("Only staff plug devices in.")


def _lock(session: Session, outlet_id: int) -> Outlet:
    outlet = session.scalar(
        select(Outlet)
        .where(Outlet.id == outlet_id)
        .with_for_update(of=Outlet)
        .execution_options(populate_existing=True)
    )
    if outlet is None:
        raise NotFoundError("No such outlet.")
    return outlet


def _choose_supply(
    session: Session, device: Device, supply_id: int | None, moving: bool
) -> DeviceSupply | None:
    supplies = session.scalars(
        select(DeviceSupply)
        .where(DeviceSupply.device_id == device.id)
        .order_by(DeviceSupply.name)
        .with_for_update()
    ).all()
    if supply_id is not None:
        for supply in supplies:
            if supply.id == supply_id:
                used = _find_outlet(session, supply)
                if used is not None and not moving:
                    raise ConflictError(
                        "%(supply)s of %(device)s hangs on outlet %(number)s of %(pdu)s.",
                        supply=supply.name,
                        device=device.name,
                        number=used.number,
                        pdu=used.pdu.code,
                    )
                return supply
        raise InvalidError("This supply is another device's.", {"supply_id": ["other device"]})
    for supply in supplies:
        if _find_outlet(session, supply) is None:
            return supply
    if supplies:
        raise ConflictError("Every supply of %(device)s is plugged in.", device=device.name)
    return None


def _find_outlet(session: Session, supply: DeviceSupply) -> Outlet | None:
    return session.scalar(select(Outlet).where(Outlet.supply_id == supply.id))


def _check_reach(session: Session, pdu: PowerNode, device: Device) -> None:
    places = session.execute(
        select(Rack.id, Cabinet.row_id)
        .join(Cabinet, Cabinet.id == Rack.cabinet_id)
        .where(
            Rack.id.in_(
                select(Installation.rack_id)
                .where(Installation.device_id == device.id)
                .union(select(PowerNode.rack_id).where(PowerNode.id == pdu.id))
            )
        )
    )
    rows: dict[int, int] = {place.id: place.row_id for place in places}
    standing = session.scalar(
        select(Installation.rack_id).where(Installation.device_id == device.id)
    )
    if standing is None:
        raise InvalidError(
            "%(device)s stands nowhere; install it first.",
            {"device_id": ["not installed"]},
            device=device.name,
        )
    if pdu.rack_id is not None and rows.get(standing) != rows.get(pdu.rack_id):
        raise InvalidError(
            "%(device)s stands in another row than %(pdu)s.",
            {"device_id": ["out of reach"]},
            device=device.name,
            pdu=pdu.code,
        )
