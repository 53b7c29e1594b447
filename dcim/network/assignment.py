"""Which port carries which bandwidth service, from when to when."""

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.errors import ConflictError, NotFoundError
from dcim.inventory.models import Device
from dcim.network.models import BandwidthService, Port, ServiceMembership


def assign_port(
    session: Session,
    scope: Scope,
    *,
    service_code: str,
    device_name: str,
    port_name: str,
    starts_at: dt.datetime | None = None,
) -> ServiceMembership:
    """Let this port carry this service from `starts_at` (now) on.

    Raises NotFoundError for what isn't there, ConflictError naming the service that has the port.
    """
    service = session.scalar(
        scope.apply(
            select(BandwidthService).where(BandwidthService.code == service_code),
            BandwidthService.customer_id,
        )
    )
    if service is None:
        raise NotFoundError("No bandwidth service has the code %(code)s.", code=service_code)
    port = session.scalar(
        select(Port)
        .join(Device, Device.id == Port.device_id)
        .where(Device.name == device_name, Port.name == port_name)
        .with_for_update(of=Port)
    )
    if port is None:
        raise NotFoundError("%(device)s has no port %(port)s.", device=device_name, port=port_name)
    holder = session.scalar(
        select(BandwidthService.code)
        .join(ServiceMembership, ServiceMembership.service_id == BandwidthService.id)
        .where(ServiceMembership.port_id == port.id, ServiceMembership.ends_at.is_(None))
    )
    if holder is not None:
        raise ConflictError(
            "%(device)s %(port)s carries %(service)s already; end that first.",
            device=device_name,
            port=port_name,
            service=holder,
        )
    membership = ServiceMembership(
        service_id=service.id,
        customer_id=service.customer_id,
        port_id=port.id,
        starts_at=starts_at or utc_now(),
    )
    session.add(membership)
    session.flush()
    record(
        session,
        scope,
        "service.assign_port",
        f"bandwidth-service/{service.id}",
        customer_id=service.customer_id,
        device=device_name,
        port=port_name,
    )
    return membership
