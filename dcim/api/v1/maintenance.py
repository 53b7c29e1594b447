"""Planned maintenance: planning, approving, announcing, carrying out; the customer's approval."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from marshmallow import Schema, fields
from marshmallow.validate import Length

from dcim.api.fields import Instant, PageQuery, Text, Whole, choice, take_paging
from dcim.api.shapes import answer_of, page_of
from dcim.api.spec import Resource
from dcim.http.database import current_scope, db_session
from dcim.operations.consents import decide_consent
from dcim.operations.maintenance import (
    Plan,
    Targets,
    approve_maintenance,
    begin_maintenance,
    cancel_maintenance,
    change_maintenance,
    find_work,
    finish_maintenance,
    plan_maintenance,
)
from dcim.operations.models import (
    CONSENTS,
    MAINTENANCE_KINDS,
    MAINTENANCE_STATES,
    NOTICE_CHANNELS,
    RISKS,
)
from dcim.operations.queries import MaintenanceRow, find_maintenance
from dcim.operations.queries import list_maintenance as list_windows
from dcim.sla.announcing import announce, read_due
from dcim.sla.notice_due import Due

maintenance = Resource("maintenance", "Planned maintenance")

TARGET_NAMES = ("power_nodes", "ports", "rooms", "devices")


class MaintenanceQuery(PageQuery):
    since = Instant()
    until = Instant()
    state = choice(MAINTENANCE_STATES)


class MaintenanceTargets(Schema):
    power_nodes = fields.List(Whole(), load_default=list, validate=Length(0, 200))
    ports = fields.List(Whole(), load_default=list, validate=Length(0, 200))
    rooms = fields.List(Whole(), load_default=list, validate=Length(0, 200))
    devices = fields.List(
        Whole(),
        load_default=list,
        validate=Length(0, 50),
        metadata={"description": "All the ports that a device has when it is named."},
    )


class MaintenancePlan(Schema):
    title = Text(high=255, required=True)
    title_en = Text(high=255, required=True)
    kind = choice(MAINTENANCE_KINDS, load_default="maintenance")
    risk = choice(RISKS, load_default="low")
    starts_at = Instant(required=True)
    ends_at = Instant(required=True)
    targets = fields.Nested(MaintenanceTargets, required=True)
    reason = Text(
        low=0, high=4000, load_default="", metadata={"description": "The customers read it."}
    )
    reason_en = Text(low=0, high=4000, load_default="")
    work_plan = Text(
        low=0, high=4000, load_default="", metadata={"description": "For staff alone."}
    )
    evidence = Text(
        low=0,
        high=4000,
        load_default="",
        metadata={"description": "What proves its class; statements carry it."},
    )


class MaintenanceChange(Schema):
    title = Text(high=255)
    title_en = Text(high=255)
    kind = choice(MAINTENANCE_KINDS)
    risk = choice(RISKS)
    starts_at = Instant()
    ends_at = Instant()
    targets = fields.Nested(MaintenanceTargets)
    reason = Text(low=0, high=4000)
    reason_en = Text(low=0, high=4000)
    work_plan = Text(low=0, high=4000)
    evidence = Text(low=0, high=4000)


class MaintenanceCancellation(Schema):
    reason = Text(high=4000, required=True, metadata={"description": "The customers read it."})


class MaintenanceAnnouncement(Schema):
    channel = choice(NOTICE_CHANNELS, required=True)
    customers = fields.List(
        Whole(),
        allow_none=True,
        load_default=None,
        validate=Length(1, 500),
        metadata={"description": "Ids; null: all whom it concerns."},
    )
    sent_at = Instant(
        allow_none=True,
        load_default=None,
        metadata={"description": "When it was sent or said; now if null. Not for the portal."},
    )


class MaintenanceDecision(Schema):
    decision = choice(CONSENTS, required=True)
    reason = Text(low=0, high=4000, load_default="", metadata={"description": "Needed to object."})
    starts_at = Instant(required=True, metadata={"description": "As the customer saw it."})
    ends_at = Instant(required=True, metadata={"description": "As the customer saw it."})


@dataclass(frozen=True, slots=True)
class LossAnswer:
    """`where` is a cabinet, port or room; `lost` and `kept` are feeds or ports; `machines` are the
    customer's own that stop."""

    item_code: str
    contract_number: str
    kind: str
    where: str
    lost: str
    kept: str
    machines: int


@dataclass(frozen=True, slots=True)
class StakeAnswer:
    currency: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class AffectedAnswer:
    """`standing` says how it stands with its notice, `send_by` until when a notice counts,
    `at_stake` the credits if nothing of the work is left out."""

    customer_id: int
    customer_code: str
    worst: str
    losses: list[LossAnswer]
    standing: str
    send_by: dt.datetime | None
    is_told: bool
    needs_approval: bool
    decision: str | None
    at_stake: list[StakeAnswer]


@dataclass(frozen=True, slots=True)
class AffectedCustomers:
    items: list[AffectedAnswer]


@dataclass(frozen=True, slots=True)
class Announced:
    """`unreached`: codes of customers without a contact to tell this way."""

    notices: list[int]
    unreached: list[str]


@maintenance.get("")
@maintenance.arguments(MaintenanceQuery, location="query")
@maintenance.response(200, page_of(MaintenanceRow))
def list_maintenance(query: dict[str, Any]) -> Any:
    """List maintenance; a customer's is what it was told of and what touches its things."""
    state = query.pop("state", None)
    states = () if state is None else (state,)
    paging = take_paging(query)
    return list_windows(db_session(), current_scope(), paging, states=states, **query)


@maintenance.get("/<int:maintenance_id>")
@maintenance.response(200, answer_of(MaintenanceRow))
def show_maintenance(maintenance_id: int) -> Any:
    """Show one planned maintenance with its notices in full."""
    return find_maintenance(db_session(), current_scope(), maintenance_id)


@maintenance.post("")
@maintenance.arguments(MaintenancePlan)
@maintenance.response(201, answer_of(MaintenanceRow))
def create_maintenance(body: dict[str, Any]) -> Any:
    """Plan maintenance; another person approves it."""
    session, scope = db_session(), current_scope()
    work = plan_maintenance(session, scope, Plan(**_with_targets(body)))
    return find_maintenance(session, scope, work.id)


@maintenance.patch("/<int:maintenance_id>")
@maintenance.arguments(MaintenanceChange)
@maintenance.response(200, answer_of(MaintenanceRow))
def edit_maintenance(body: dict[str, Any], maintenance_id: int) -> Any:
    """Change it; with other times, class or targets it is approved and announced anew."""
    session, scope = db_session(), current_scope()
    change_maintenance(session, scope, maintenance_id, _with_targets(body))
    return find_maintenance(session, scope, maintenance_id)


@maintenance.post("/<int:maintenance_id>/approval")
@maintenance.response(200, answer_of(MaintenanceRow))
def approve(maintenance_id: int) -> Any:
    """Approve what another person planned."""
    session, scope = db_session(), current_scope()
    approve_maintenance(session, scope, maintenance_id)
    return find_maintenance(session, scope, maintenance_id)


@maintenance.post("/<int:maintenance_id>/beginning")
@maintenance.response(200, answer_of(MaintenanceRow))
def begin(maintenance_id: int) -> Any:
    """The work begins."""
    session, scope = db_session(), current_scope()
    begin_maintenance(session, scope, maintenance_id)
    return find_maintenance(session, scope, maintenance_id)


@maintenance.post("/<int:maintenance_id>/end")
@maintenance.response(200, answer_of(MaintenanceRow))
def finish(maintenance_id: int) -> Any:
    """The work is done."""
    session, scope = db_session(), current_scope()
    finish_maintenance(session, scope, maintenance_id)
    return find_maintenance(session, scope, maintenance_id)


@maintenance.post("/<int:maintenance_id>/cancellation")
@maintenance.arguments(MaintenanceCancellation)
@maintenance.response(200, answer_of(MaintenanceRow))
def cancel(body: dict[str, Any], maintenance_id: int) -> Any:
    """Give it up before it begins."""
    session, scope = db_session(), current_scope()
    cancel_maintenance(session, scope, maintenance_id, body["reason"])
    return find_maintenance(session, scope, maintenance_id)


@maintenance.get("/<int:maintenance_id>/affected")
@maintenance.response(200, answer_of(AffectedCustomers))
def list_affected(maintenance_id: int) -> Any:
    """List whom it concerns, found by the power and network model, and by when to tell them."""
    session, scope = db_session(), current_scope()
    work = find_work(session, scope, maintenance_id, lock=False)
    return AffectedCustomers([_answer(one) for one in read_due(session, scope, work)])


@maintenance.post("/<int:maintenance_id>/notices")
@maintenance.arguments(MaintenanceAnnouncement)
@maintenance.response(201, answer_of(Announced))
def create_notices(body: dict[str, Any], maintenance_id: int) -> Any:
    """Tell the customers: in the portal at once; by e-mail, phone or letter a person did."""
    told = announce(
        db_session(), current_scope(), maintenance_id, body["channel"], body["customers"],
        body["sent_at"],
    )  # fmt: skip
    return Announced([one.id for one in told.notices], list(told.unreached))


@maintenance.put("/<int:maintenance_id>/decision")
@maintenance.arguments(MaintenanceDecision)
@maintenance.response(200, answer_of(MaintenanceRow))
def decide(body: dict[str, Any], maintenance_id: int) -> Any:
    """The customer approves it or objects."""
    session, scope = db_session(), current_scope()
    seen = (body["starts_at"], body["ends_at"])
    decide_consent(session, scope, maintenance_id, body["decision"], body["reason"], seen=seen)
    return find_maintenance(session, scope, maintenance_id)


def _with_targets(body: dict[str, Any]) -> dict[str, Any]:
    if "targets" not in body:
        return body
    given: dict[str, Sequence[int]] = body["targets"]
    return body | {"targets": Targets(**{name: frozenset(given[name]) for name in TARGET_NAMES})}


def _answer(due: Due) -> AffectedAnswer:
    return AffectedAnswer(
        customer_id=due.customer.id,
        customer_code=due.customer.code,
        worst=due.customer.worst,
        losses=[
            LossAnswer(
                item.code, item.contract_number, loss.kind, loss.where, loss.lost, loss.kept,
                loss.machines,
            )
            for item in due.customer.items
            for loss in item.losses
        ],
        standing=due.standing,
        send_by=due.send_by,
        is_told=due.is_told,
        needs_approval=due.needs_approval,
        decision=None if due.consent is None else due.consent.decision,
        at_stake=[StakeAnswer(currency, amount) for currency, amount in due.at_stake.items()],
    )  # fmt: skip
