"""Whoever was told of work is told that it is given up or done, if they chose to be."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.columns import utc_now
from dcim.notices.telling import tell_people
from dcim.operations.maintenance_mail import WorkEnd, write_end
from dcim.operations.models import Maintenance, MaintenanceNotice


def tell_end(session: Session, work: Maintenance) -> None:
    """For work that is `done` or `cancelled`: the people of customers with a notice of it."""
    is_done = work.state == "done"
    told = session.scalars(
        select(MaintenanceNotice.customer_id)
        .where(MaintenanceNotice.maintenance_id == work.id)
        .distinct()
    ).all()
    end = WorkEnd(
        work.id, work.code, work.title, work.title_en, work.starts_at, work.ends_at,
        work.over_at or utc_now(), None if is_done else work.cancel_reason,
    )  # fmt: skip
    tell_people(
        session,
        told,
        "maintenance.done" if is_done else "maintenance.cancelled",
        f"maintenance/{work.id}/{work.state}",
        lambda reader: write_end(end, reader.language, reader.timezone),
    )
