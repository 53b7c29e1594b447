"""Which port carries which bandwidth service, from when to when."""

import datetime as dt

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
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
    if not scope.is_staff:
        raise ForbiddenError("Only staff assign ports.")
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
    begins = starts_at or utc_now()
    holder = session.execute(
        select(BandwidthService.code, ServiceMembership.ends_at)
        .join(ServiceMembership, ServiceMembership.service_id == BandwidthService.id)
        .where(
            ServiceMembership.port_id == port.id,
            or_(ServiceMembership.ends_at.is_(None), ServiceMembership.ends_at > begins),
        )
        .limit(1)
    ).one_or_none()
    if holder is not None and holder.ends_at is not None:
        raise ConflictError(
            "%(device)s %(port)s carries %(service)s until %(until)s.",
            device=device_name,
            port=port_name,
            service=holder.code,
            until=f"{holder.ends_at:%Y-%m-%d %H:%M} UTC",
        )
    if holder is not None:
        raise ConflictError(
            "%(device)s %(port)s carries %(service)s already; end that first.",
            device=device_name,
            port=port_name,
            service=holder.code,
        )
    membership = ServiceMembership(
        service_id=service.id,
        customer_id=service.customer_id,
        port_id=port.id,
        starts_at=begins,
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


def release_port(
    session: Session, scope: Scope, membership_id: int, *, ends_at: dt.datetime | None = None
) -> ServiceMembership:
    """End a membership at `ends_at` (now). What was measured until then stays the customer's.

    Raises ConflictError for one that has ended, InvalidError for an end before its beginning.
    """
    if not scope.is_staff:
        raise ForbiddenError("Only staff assign ports.")
    membership = session.get(ServiceMembership, membership_id, with_for_update=True)
    if membership is None:
        raise NotFoundError("No such membership.")
    ends = ends_at or utc_now()
    if membership.ends_at is not None:
        raise ConflictError(
            "This membership ended on %(until)s already.",
            until=f"{membership.ends_at:%Y-%m-%d %H:%M} UTC",
        )
    if ends <= membership.starts_at:
        raise InvalidError("It must end after it begins.", {"ends_at": ["before start"]})
    membership.ends_at = ends
    session.flush()
    record(
        session,
        scope,
        "service.release_port",
        f"bandwidth-service/{membership.service_id}",
        customer_id=membership.customer_id,
        port_id=membership.port_id,
        ends_at=ends,
    )
    return membership
