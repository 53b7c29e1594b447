"""Tickets as statements judge them: reports that start clocks, requests to be answered in time."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import Session, selectinload

from dcim.accounts.scope import Scope
from dcim.customers.models import Contract, ContractItem
from dcim.operations.models import Ticket, TicketEvent, TicketSubject
from dcim.sla.circumstances import moment
from dcim.sla.rules.facts import Period
from dcim.sla.rules.periods import format_instant, to_ms
from dcim.sla.rules.terms import Terms
from dcim.sla.subjects import ItemSubjects, climate_name, feed_name

# Kinds of request that tickets record, by the ticket's kind; a visit is announced, not answered.
REQUEST_KINDS = ("fault", "remote_hands", "question")
# What terms call any of these that is urgent.
URGENT = "urgent_call"
# An open ticket in which nothing is noted for so long reports no later outage.
LIVELY = dt.timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Observed:
    """Names of the resources that a statement observes: by item's id, its racks and its ports.

    Of a rack that is what feeds it and the temperature around it; of a port its lane.
    """

    of_item: dict[int, set[str]] = field(default_factory=dict)
    of_rack: dict[tuple[int, int], set[str]] = field(default_factory=dict)
    of_port: dict[tuple[int, int], set[str]] = field(default_factory=dict)

    def find(self, subject: TicketSubject) -> set[str]:
        item = subject.contract_item_id
        if subject.rack_id is not None:
            return self.of_rack.get((item, subject.rack_id), set())
        if subject.port_id is not None:
            return self.of_port.get((item, subject.port_id), set())
        return self.of_item.get(item, set())


def name_observed(
    subjects: Sequence[ItemSubjects],
    resources: Iterable[Mapping[str, Any]],
    climate_meters: Mapping[int, Sequence[str]],
) -> Observed:
    """`resources` as the inputs carry them; `climate_meters`: meters' names by room id."""
    found = Observed()
    names_of: dict[str, set[str]] = {}
    for entry in resources:
        for code in entry["items"]:
            names_of.setdefault(code, set()).add(entry["name"])
    for each in subjects:
        item = each.item.id
        observed = names_of.get(each.item.code, set())
        found.of_item[item] = observed
        for rack in each.racks:
            around = {climate_name(name) for name in climate_meters.get(rack.room.id, ())}
            fed = {feed_name(pdu) for pdu in rack.pdus}
            found.of_rack[item, rack.rack_id] = (fed | around) & observed
        for lane in each.lanes:
            for port in lane.ports:
                found.of_port.setdefault((item, port.port_id), set()).update({lane.name} & observed)
    return found


def describe_reports(
    session: Session,
    scope: Scope,
    contract: Contract,
    terms: Terms,
    period: Period,
    observed: Observed,
) -> list[dict[str, Any]]:
    """Faults as tickets: they start clocks. A question or a visit starts none.

    A fault reports outages of what it concerns from its opening until it is closed; one that is
    still open only in months in which something was noted in it, or in the days before. Where
    terms ask for the customer's notice, the same call is that as well.
    """
    start, end = moment(period.start), moment(period.end)
    rows = session.scalars(
        scope.apply(
            select(Ticket)
            .where(
                Ticket.customer_id == contract.customer_id,
                Ticket.kind == "fault",
                Ticket.opened_at < end,
                or_(
                    Ticket.closed_at > start,
                    and_(Ticket.closed_at.is_(None), _is_lively(start - LIVELY, end)),
                ),
            )
            .options(selectinload(Ticket.subjects))
            .order_by(Ticket.number),
            Ticket.customer_id,
        )
    )
    found = []
    for ticket in rows:
        names = {name for subject in ticket.subjects for name in observed.find(subject)}
        if ticket.subjects and not names:
            # Without a name it would concern everything of this contract; it concerns nothing.
            continue
        entry = {
            "id": ticket.number,
            "resources": sorted(names),
            "opened_at": format_instant(to_ms(ticket.opened_at)),
            "closed_at": _format(ticket.closed_at),
        }
        found.append(entry)
        if any(metric.clock_start == "notice" for metric in terms.metrics):
            found.append(entry | {"kind": "notice"})
    return found


def describe_requests(
    session: Session, scope: Scope, contract: Contract, period: Period
) -> dict[str, Any]:
    """Tickets opened in the period with the time of the first answer, and the kinds recorded.

    An urgent one is a request of its own kind and an urgent call. Where of one of them it isn't
    known whether it was urgent, urgent calls aren't recorded. One that concerns items of other
    contracts alone is none of this one's.
    """
    rows = session.scalars(
        scope.apply(
            select(Ticket)
            .where(
                Ticket.customer_id == contract.customer_id,
                Ticket.kind.in_(REQUEST_KINDS),
                Ticket.opened_at >= moment(period.start),
                Ticket.opened_at < moment(period.end),
            )
            .options(selectinload(Ticket.subjects))
            .order_by(Ticket.number),
            Ticket.customer_id,
        )
    ).all()
    items_of_contract = select(ContractItem.id, ContractItem.code).where(
        ContractItem.contract_id == contract.id
    )
    named = session.execute(scope.apply(items_of_contract, ContractItem.customer_id))
    codes = {row.id: row.code for row in named}
    requests, told = [], True
    for ticket in rows:
        items = {codes.get(subject.contract_item_id, "") for subject in ticket.subjects} - {""}
        if ticket.subjects and not items:
            continue
        told = told and ticket.urgent is not None
        entry: dict[str, Any] = {
            "id": ticket.number,
            "opened_at": format_instant(to_ms(ticket.opened_at)),
            "answered_at": _format(ticket.responded_at),
        }
        if items:
            entry["items"] = sorted(items)
        requests += [
            entry | {"kind": kind} for kind in list_request_kinds(ticket.kind, ticket.urgent)
        ]
    return {
        "requests": requests,
        "request_kinds": [*REQUEST_KINDS, *([URGENT] if told else [])],
    }  # fmt: skip


def list_request_kinds(kind: str, urgent: bool | None) -> tuple[str, ...]:
    """What a ticket asks for, in the words of terms."""
    if kind not in REQUEST_KINDS:
        return ()
    return (kind, URGENT) if urgent else (kind,)


def _is_lively(start: dt.datetime, end: dt.datetime) -> ColumnElement[bool]:
    """Something was noted in it in [start, end) that both sides can read: its facts are the same
    whoever asks. Corrections only put right what was."""
    return or_(
        Ticket.opened_at >= start,
        and_(Ticket.responded_at >= start, Ticket.responded_at < end),
        exists().where(
            TicketEvent.ticket_id == Ticket.id,
            TicketEvent.customer_id == Ticket.customer_id,
            TicketEvent.kind != "correct",
            TicketEvent.internal.is_(False),
            TicketEvent.at >= start,
            TicketEvent.at < end,
        ),
    )


def _format(at: dt.datetime | None) -> str | None:
    return None if at is None else format_instant(to_ms(at))
