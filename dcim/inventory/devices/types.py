"""Device types: what may be changed about one, its ports and supplies, names that are free."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.errors import ConflictError, ForbiddenError, InvalidError
from dcim.inventory.devices.models import DeviceTypePort, DeviceTypeSupply
from dcim.inventory.devices.naming import LONGEST, make_slug
from dcim.inventory.devices.type_descriptions import (
    PortLine,
    SupplyLine,
    TypeDescription,
    find_problems,
)
from dcim.inventory.models import Device, DeviceType, Installation

Lines = tuple[tuple[PortLine, ...], tuple[SupplyLine, ...]]
NO_LINES: Lines = ((), ())


def require_staff(scope: Scope) -> None:
    if not scope.is_staff:
        raise ForbiddenError("Only staff keep device types.")


def free_slug(session: Session, manufacturer: str, model: str) -> str:
    """The slug of these names, with a number behind where another type has it."""
    wanted = make_slug(manufacturer, model)
    # Neither % nor _ of LIKE is in a slug.
    taken = set(
        session.scalars(select(DeviceType.slug).where(DeviceType.slug.like(f"{wanted[:57]}%")))
    )
    number, slug = 1, wanted
    while slug in taken:
        number += 1
        slug = f"{wanted[: LONGEST - 6]}-{number}"
    return slug


def find_lines(session: Session, type_ids: Collection[int]) -> dict[int, Lines]:
    """Ports and supplies of each type in the order they were entered; two statements."""
    ports: dict[int, list[PortLine]] = defaultdict(list)
    supplies: dict[int, list[SupplyLine]] = defaultdict(list)
    for port in session.scalars(
        select(DeviceTypePort)
        .where(DeviceTypePort.type_id.in_(type_ids))
        .order_by(DeviceTypePort.id)
    ):
        ports[port.type_id].append(PortLine(port.name, port.kind, port.speed_bps, port.mgmt))
    for supply in session.scalars(
        select(DeviceTypeSupply)
        .where(DeviceTypeSupply.type_id.in_(type_ids))
        .order_by(DeviceTypeSupply.id)
    ):
        supplies[supply.type_id].append(
            SupplyLine(supply.name, supply.connector, supply.maximum_w, supply.allocated_w)
        )
    return {number: (tuple(ports[number]), tuple(supplies[number])) for number in type_ids}


def write_lines(session: Session, lines: Mapping[int, Lines]) -> None:
    """Replace the ports and supplies of these types."""
    for model in (DeviceTypePort, DeviceTypeSupply):
        session.execute(delete(model).where(model.type_id.in_(lines.keys())))
    session.add_all(
        DeviceTypePort(
            type_id=number, name=port.name, kind=port.kind, speed_bps=port.speed_bps, mgmt=port.mgmt
        )
        for number, (ports, _supplies) in lines.items()
        for port in ports
    )
    session.add_all(
        DeviceTypeSupply(
            type_id=number,
            name=supply.name,
            connector=supply.connector,
            maximum_w=supply.maximum_w,
            allocated_w=supply.allocated_w,
        )
        for number, (_ports, supplies) in lines.items()
        for supply in supplies
    )
    session.flush()


def count_installed(session: Session, type_ids: Iterable[int]) -> dict[int, int]:
    """How many devices of each type stand in racks; a type without any is left out."""
    rows = session.execute(
        select(Device.device_type_id, func.count())
        .join(Installation, Installation.device_id == Device.id)
        .where(Device.device_type_id.in_(list(type_ids)))
        .group_by(Device.device_type_id)
    )
    return {row[0]: row[1] for row in rows}


def check_device_type(
    session: Session, scope: Scope, before: dict[str, Any] | None, after: dict[str, Any]
) -> None:
    """Raises InvalidError naming every figure no device can have, ConflictError for a height that
    installed devices don't have."""
    require_staff(scope)
    known = session.scalar(
        select(DeviceType).where(DeviceType.slug == before["slug"]) if before else
        select(DeviceType).where(DeviceType.id.is_(None))
    )  # fmt: skip
    ports, supplies = find_lines(session, [known.id])[known.id] if known else NO_LINES
    names = TypeDescription.__dataclass_fields__.keys() - {"ports", "supplies"}
    given = {name: after[name] for name in names if after.get(name) is not None}
    given.setdefault(
        "slug", make_slug(str(after.get("manufacturer", "")), str(after.get("model", "")))
    )
    problems = find_problems(TypeDescription(**given, ports=ports, supplies=supplies))
    if problems:
        fields: dict[str, list[str]] = defaultdict(list)
        for one in problems:
            place = {"power-ports": "rated_w", "interfaces": "model"}.get(one.place, one.place)
            fields[place].append(one.message % one.places if one.places else one.message)
        first = problems[0]
        raise InvalidError(first.message, fields, **first.places)
    if known and before and before.get("height") != after.get("height"):
        refuse_height_change(session, known)


def refuse_height_change(session: Session, kind: DeviceType) -> None:
    """A place in a rack was decided by the height: it stays while devices stand."""
    count = count_installed(session, [kind.id]).get(kind.id, 0)
    if count:
        raise ConflictError(
            "%(count)s devices of type %(model)s stand in racks; its height can't change.",
            count=count,
            model=kind.model,
        )


def create_device_type(session: Session, scope: Scope, values: dict[str, Any]) -> DeviceType:
    """A type as described; a slug is made where none is given."""
    require_staff(scope)
    given = {name: value for name, value in values.items() if value is not None}
    if not given.get("slug"):
        given["slug"] = free_slug(session, given["manufacturer"], given["model"])
    made = DeviceType(**given)
    session.add(made)
    session.flush()
    return made
