"""What customers say to planned work: that they have read of it, that they agree or object."""

import datetime as dt
from collections.abc import Iterable

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.errors import ConflictError, ForbiddenError, InvalidError
from dcim.operations.models import (
    CONSENTS,
    MaintenanceConsent,
    MaintenanceNotice,
)
from dcim.operations.queries import find_maintenance, hold_times

# In these a customer is asked; before, nothing is settled, and after, nothing can be changed.
ASKED_STATES = ("approved", "announced")


def decide_consent(
    session: Session,
    scope: Scope,
    maintenance_id: int,
    decision: str,
    reason: str = "",
    now: dt.datetime | None = None,
    *,
    seen: tuple[dt.datetime, dt.datetime],
) -> MaintenanceConsent:
    """The customer approves a window that concerns it, or objects with a reason; for the times
    it has now, which are those it has `seen`. It may say otherwise until the work begins.

    Raises NotFoundError for one out of reach, ForbiddenError for staff, ConflictError when there
    is nothing to decide, InvalidError.
    """
    now = now or utc_now()
    if scope.is_staff or scope.customer_id is None:
        raise ForbiddenError("The customer itself approves.")
    if decision not in CONSENTS:
        raise InvalidError("A window is approved or objected to.", {"decision": ["unknown"]})
    work = find_maintenance(session, scope, maintenance_id)
    if work.state not in ASKED_STATES or work.starts_at <= now:
        raise ConflictError("%(code)s has begun, is over or was given up.", code=work.code)
    if seen != (work.starts_at, work.ends_at):
        raise ConflictError("The times of %(code)s have changed: look again.", code=work.code)
    if decision == "objected" and not reason.strip():
        raise InvalidError("Say why you object.", {"reason": ["missing"]})
    consent = MaintenanceConsent(
        maintenance_id=work.id,
        customer_id=scope.customer_id,
        decision=decision,
        reason=reason.strip()[:4000],
        starts_at=work.starts_at,
        ends_at=work.ends_at,
        decided_by=scope.actor[:255],
        decided_at=now,
    )
    session.add(consent)
    session.flush()
    record(
        session,
        scope,
        "maintenance.consent",
        f"maintenance/{work.id}",
        customer_id=scope.customer_id,
        code=work.code,
        decision=decision,
        reason=consent.reason,
        starts_at=work.starts_at.isoformat(),
        ends_at=work.ends_at.isoformat(),
    )
    return consent


def note_reading(
    session: Session, scope: Scope, maintenance_id: int, now: dt.datetime | None = None
) -> None:
    """The customer opened the window's page: its notices are read, the first time counts."""
    if scope.is_staff or scope.customer_id is None:
        return
    read = session.scalars(
        update(MaintenanceNotice)
        .where(
            MaintenanceNotice.maintenance_id == maintenance_id,
            MaintenanceNotice.customer_id == scope.customer_id,
            MaintenanceNotice.channel == "portal",
            MaintenanceNotice.read_at.is_(None),
        )
        .values(read_at=now or utc_now(), read_by=scope.actor[:255])
        .returning(MaintenanceNotice.id)
    ).all()
    if read:
        record(
            session, scope, "maintenance.read", f"maintenance/{maintenance_id}",
            customer_id=scope.customer_id, notices=sorted(read),
        )  # fmt: skip


def find_standing(
    consents: Iterable[MaintenanceConsent], starts_at: dt.datetime, ends_at: dt.datetime
) -> MaintenanceConsent | None:
    """The last decision, where it was made for times that hold the window's: approval of other
    times is none."""
    last = max(consents, key=lambda one: (one.decided_at, one.id), default=None)
    return last if last is not None and hold_times(last, starts_at, ends_at) else None


def load_consents(
    session: Session, scope: Scope, maintenance_ids: Iterable[int]
) -> dict[tuple[int, int], list[MaintenanceConsent]]:
    """By window and customer. One statement."""
    rows = session.scalars(
        scope.apply(
            select(MaintenanceConsent)
            .where(MaintenanceConsent.maintenance_id.in_(list(maintenance_ids)))
            .order_by(MaintenanceConsent.id),
            MaintenanceConsent.customer_id,
        )
    )
    found: dict[tuple[int, int], list[MaintenanceConsent]] = {}
    for row in rows:
        found.setdefault((row.maintenance_id, row.customer_id), []).append(row)
    return found
