"""What happened to a port and who has used it."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.customers.models import Contract, ContractItem, Customer
from dcim.errors import ForbiddenError
from dcim.network.models import BandwidthService, ServiceMembership
from dcim.operations.models import Maintenance, MaintenanceTarget
from dcim.sla.models import Incident


@dataclass(frozen=True, slots=True)
class PortEvent:
    """`kind` is down or maintenance; none of `ended_at` while it lasts."""

    kind: str
    id: int
    started_at: dt.datetime
    ended_at: dt.datetime | None
    what: str
    what_en: str


@dataclass(frozen=True, slots=True)
class PortUse:
    customer_code: str
    customer_name: str
    customer_name_en: str
    service_code: str
    contract_number: str
    starts_at: dt.datetime
    ends_at: dt.datetime | None


def list_port_events(
    session: Session, scope: Scope, port_id: int, label: str, since: dt.datetime
) -> list[PortEvent]:
    """Outages of the port ("device name") and work on it that lasted past `since`, newest first."""
    if not scope.is_staff:
        raise ForbiddenError("Only staff see what happened to a port.")
    incidents = session.scalars(
        select(Incident).where(
            Incident.kind == "network",
            Incident.key.startswith(f"network:{label}"[:230] + ":", autoescape=True),
            or_(Incident.ended_at.is_(None), Incident.ended_at > since),
        )
    )
    found = [
        PortEvent("down", one.id, one.started_at, one.ended_at, one.what, one.what_en)
        for one in incidents
    ]
    works = session.scalars(
        select(Maintenance)
        .join(MaintenanceTarget, MaintenanceTarget.maintenance_id == Maintenance.id)
        .where(
            MaintenanceTarget.port_id == port_id,
            Maintenance.ends_at > since,
            Maintenance.state != "cancelled",
        )
    )
    found += [
        PortEvent("maintenance", one.id, one.starts_at, one.ends_at, one.title, one.title_en)
        for one in works
    ]
    return sorted(found, key=lambda one: one.started_at, reverse=True)


def list_port_uses(session: Session, scope: Scope, port_id: int) -> list[PortUse]:
    """Newest first, as far as the scope reaches."""
    rows = session.execute(
        select(
            Customer.code,
            Customer.name,
            Customer.name_en,
            BandwidthService.code,
            Contract.number,
            ServiceMembership.starts_at,
            ServiceMembership.ends_at,
        )
        .join(Customer, Customer.id == ServiceMembership.customer_id)
        .join(BandwidthService, BandwidthService.id == ServiceMembership.service_id)
        .join(ContractItem, ContractItem.id == BandwidthService.contract_item_id)
        .join(Contract, Contract.id == ContractItem.contract_id)
        .where(ServiceMembership.port_id == port_id, scope.filter(ServiceMembership.customer_id))
        .order_by(ServiceMembership.starts_at.desc())
    )
    return [PortUse(*row) for row in rows]
