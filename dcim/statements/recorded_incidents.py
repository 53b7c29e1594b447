"""Correcting an incident that a person recorded, as long as no statement has told it."""

import datetime as dt
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.customers.models import Contract, ContractItem
from dcim.errors import ConflictError, NotFoundError
from dcim.sla.incident_subjects import OPEN_END
from dcim.sla.manual_incidents import ManualIncident, rewrite_incident
from dcim.sla.models import Incident
from dcim.sla.rules.intervals import clip
from dcim.sla.rules.periods import month_period, to_ms
from dcim.sla.ruling_models import IncidentOverrule
from dcim.statements.issuing import wait_for_turn
from dcim.statements.models import Statement


def edit_incident(
    session: Session,
    scope: Scope,
    incident_id: int,
    wanted: ManualIncident,
    now: dt.datetime | None = None,
) -> Incident:
    """Raises as `rewrite_incident`, NotFoundError, and ConflictError where a month that it
    touches, before or after, is issued, or where a proposal is about it as it was.

    Takes the turn of each contract that it hits, before and after: no month is frozen meanwhile.
    """
    row = session.scalar(select(Incident).where(Incident.id == incident_id).with_for_update())
    if row is None:
        raise NotFoundError("No such incident.")
    ruled = session.scalars(
        select(IncidentOverrule).where(
            IncidentOverrule.incident_id == row.id,
            IncidentOverrule.state.in_(("open", "accepted")),
        )
    ).first()
    if ruled is not None:
        raise ConflictError(
            "%(who)s proposed to overrule it as it is; it is no longer edited.",
            who=ruled.proposed_by,
        )
    if row.manual:
        _refuse_issued(session, row)
    with session.begin_nested():
        rewrite_incident(session, scope, row, wanted, partial(_refuse_issued, session), now)
    return row


def _refuse_issued(session: Session, row: Incident) -> None:
    items = [impact.contract_item_id for impact in row.impacts]
    hit = select(ContractItem.contract_id).where(ContractItem.id.in_(items)).distinct()
    for contract_id in session.scalars(hit.order_by(ContractItem.contract_id)).all():
        wait_for_turn(session, contract_id)
    issued = session.execute(
        select(Statement.number, Statement.period, Contract.timezone)
        .join(Contract, Contract.id == Statement.contract_id)
        .where(Statement.contract_id.in_(hit))
        .order_by(Statement.period, Statement.revision)
    )
    span = (to_ms(row.started_at), to_ms(row.ended_at or OPEN_END))
    for number, period, zone in issued:
        whole = month_period(period, zone)
        if clip([span], whole.start, whole.end):
            raise ConflictError(
                "%(number)s, which it touches, is issued; propose to overrule it instead: that "
                "counts in the next revision.",
                number=number,
            )
