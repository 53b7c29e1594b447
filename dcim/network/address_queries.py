"""Reading prefixes with how full they are, and what is given of them."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, aliased

from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.customers.models import Customer
from dcim.errors import NotFoundError
from dcim.inventory.models import Device, Site
from dcim.network.address_models import AddressAssignment, Prefix, Vlan
from dcim.network.addresses import write_net
from dcim.network.addressing import Cell, count_usable, draw_cells, measure_depths, parse_net
from dcim.network.models import Port
from dcim.paging import EVERYTHING, FIRST_PAGE, Page, Paging, fetch_page


@dataclass(frozen=True, slots=True)
class PrefixRow:
    """`size` and `used` count addresses, both exact integers also for IPv6: `used` is what is
    given now of it and of the prefixes in it. `depth` is how many prefixes it lies in."""

    id: int
    network: str
    role: str
    depth: int
    size: int
    used: int
    site_code: str | None
    vlan: str | None
    customer_id: int | None
    customer_name: str | None
    note: str

    @property
    def used_pct(self) -> float:
        return round(100 * self.used / self.size, 2) if self.size else 0.0


@dataclass(frozen=True, slots=True)
class GivenAddressRow:
    """Half-open; `ends_at` none while it lasts without an end."""

    id: int
    network: str
    customer_id: int | None
    customer_code: str | None
    customer_name: str | None
    customer_name_en: str | None
    device_name: str | None
    port_name: str | None
    hostname: str
    starts_at: dt.datetime
    ends_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class PrefixView:
    prefix: PrefixRow
    around: list[PrefixRow]
    inner: list[PrefixRow]
    assignments: list[GivenAddressRow]
    cells: tuple[Cell, ...]


def list_prefixes(session: Session, now: dt.datetime | None = None) -> list[PrefixRow]:
    """Every prefix in the order of the tree; two statements. For staff."""
    rows = session.execute(
        select(
            Prefix.id, Prefix.network, Prefix.role, Site.code, Vlan.vid, Vlan.name,
            Prefix.customer_id, Customer.name.label("customer_name"), Prefix.note,
        )
        .outerjoin(Site, Site.id == Prefix.site_id)
        .outerjoin(Vlan, Vlan.id == Prefix.vlan_id)
        .outerjoin(Customer, Customer.id == Prefix.customer_id)
        .order_by(Prefix.network)
    ).all()  # fmt: skip
    used = count_used(session, now or utc_now())
    depths = measure_depths([parse_net(row.network) for row in rows])
    return [
        PrefixRow(
            id=row.id,
            network=row.network,
            role=row.role,
            depth=depths[parse_net(row.network)],
            size=count_usable(parse_net(row.network)),
            used=used.get(row.id, 0),
            site_code=row.code,
            vlan=None if row.vid is None else f"{row.vid} {row.name}",
            customer_id=row.customer_id,
            customer_name=row.customer_name,
            note=row.note,
        )
        for row in rows
    ]


def count_used(session: Session, now: dt.datetime) -> dict[int, int]:
    """Addresses given away now by prefix id; the counting by size is SQL's, the sum Python's,
    whose integers don't overflow."""
    length = func.masklen(AddressAssignment.network)
    rows = session.execute(
        select(Prefix.id, func.family(Prefix.network), length, func.count())
        .join(
            AddressAssignment,
            AddressAssignment.network.op("<<=", is_comparison=True)(Prefix.network),
        )
        .where(AddressAssignment.period.op("@>", is_comparison=True)(now))
        .group_by(Prefix.id, func.family(Prefix.network), length)
    )
    used: dict[int, int] = {}
    for prefix_id, family, masklen, count in rows:
        bits = 32 if family == 4 else 128
        used[prefix_id] = used.get(prefix_id, 0) + count * (1 << (bits - masklen))
    return used


def view_prefix(
    session: Session, scope: Scope, prefix_id: int, now: dt.datetime | None = None
) -> PrefixView:
    """A prefix with its place in the tree, what is given of it now or later, and a map of it.

    Raises NotFoundError for an absent one, and to everyone who isn't staff.
    """
    at = now or utc_now()
    rows = list_prefixes(session, at) if scope.is_staff else []
    own = next((row for row in rows if row.id == prefix_id), None)
    if own is None:
        raise NotFoundError("No such prefix.")
    place = rows.index(own)
    around: list[PrefixRow] = []
    for row in reversed(rows[:place]):
        if row.depth < (around[-1].depth if around else own.depth):
            around.append(row)
    inner: list[PrefixRow] = []
    for row in rows[place + 1 :]:
        if row.depth <= own.depth:
            break
        inner.append(row)
    assignments = list_assignments(session, scope, EVERYTHING, within=own.network, now=at).items
    current = [row for row in assignments if row.starts_at <= at]
    cells = draw_cells(parse_net(own.network), [parse_net(row.network) for row in current])
    return PrefixView(own, list(reversed(around)), inner, assignments, cells)


def list_assignments(
    session: Session,
    scope: Scope,
    paging: Paging = FIRST_PAGE,
    *,
    within: str | None = None,
    customer_id: int | None = None,
    now: dt.datetime | None = None,
) -> Page[GivenAddressRow]:
    """What is given now or later, by address; a customer's own without our ports."""
    at = now or utc_now()
    device, port = aliased(Device), aliased(Port)
    statement = (
        select(
            AddressAssignment.id,
            AddressAssignment.network,
            AddressAssignment.customer_id,
            Customer.code.label("customer_code"),
            Customer.name.label("customer_name"),
            Customer.name_en.label("customer_name_en"),
            device.name.label("device_name"),
            port.name.label("port_name"),
            AddressAssignment.hostname,
            AddressAssignment.starts_at.label("starts_at"),
            AddressAssignment.ends_at.label("ends_at"),
        )
        .outerjoin(Customer, Customer.id == AddressAssignment.customer_id)
        .outerjoin(device, device.id == AddressAssignment.device_id)
        .outerjoin(port, port.id == AddressAssignment.port_id)
        .where(
            scope.filter(AddressAssignment.customer_id),
            or_(
                func.upper_inf(AddressAssignment.period),
                func.upper(AddressAssignment.period) > at,
            ),
        )
        .order_by(AddressAssignment.network, AddressAssignment.id)
    )
    if within is not None:
        statement = statement.where(AddressAssignment.network.op("<<=", is_comparison=True)(within))
    if customer_id is not None:
        statement = statement.where(AddressAssignment.customer_id == customer_id)

    def make(**fields: object) -> GivenAddressRow:
        fields["network"] = write_net(parse_net(str(fields["network"])))
        if not scope.is_staff:
            fields["port_name"] = None
        return GivenAddressRow(**fields)  # type: ignore[arg-type]

    return fetch_page(session, make, statement, paging)


def find_assignment(session: Session, scope: Scope, assignment_id: int) -> GivenAddressRow:
    """Raises NotFoundError for an absent or another's; ended ones are found as well."""
    found = session.scalar(
        scope.apply(
            select(AddressAssignment).where(AddressAssignment.id == assignment_id),
            AddressAssignment.customer_id,
        )
    )
    if found is None or found.period.lower is None:
        raise NotFoundError("No such assignment.")
    customer, device, port = found.customer, found.device, found.port
    return GivenAddressRow(
        id=found.id,
        network=write_net(parse_net(found.network)),
        customer_id=found.customer_id,
        customer_code=None if customer is None else customer.code,
        customer_name=None if customer is None else customer.name,
        customer_name_en=None if customer is None else customer.name_en,
        device_name=None if device is None else device.name,
        port_name=None if port is None else port.name,
        hostname=found.hostname,
        starts_at=found.period.lower,
        ends_at=found.period.upper,
    )
