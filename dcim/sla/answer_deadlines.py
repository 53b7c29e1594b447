"""Until when a ticket must be answered by its customer's terms, and what is nearest to be late."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.customers.models import CalendarDay, Contract, ContractItem, ContractTerms
from dcim.operations.ticket_queries import TicketFilter, TicketRow, list_tickets
from dcim.paging import EVERYTHING, FIRST_PAGE, Page, Paging, slice_page
from dcim.sla.business_calendar import find_reach
from dcim.sla.rules.facts import Calendar, Facts, Period
from dcim.sla.rules.language.loading import load_terms
from dcim.sla.rules.language.tree import TermsRefusedError
from dcim.sla.rules.measures.answers import find_deadline
from dcim.sla.rules.periods import local_date, to_ms
from dcim.sla.rules.terms import Metric, Terms, Text
from dcim.sla.terms_in_force import choose_version
from dcim.sla.ticket_facts import list_request_kinds


@dataclass(frozen=True, slots=True)
class AnswerDeadline:
    """The earliest of all promises that a ticket falls under; later than `at` is late."""

    at: dt.datetime
    title: Text
    clause: str
    contract_number: str


@dataclass(frozen=True, slots=True)
class QueuedTicket:
    """`deadline`: None where no terms promise an answer, or the ticket has one."""

    ticket: TicketRow
    deadline: AnswerDeadline | None


def list_queue(
    session: Session, scope: Scope, wanted: TicketFilter, paging: Paging = FIRST_PAGE
) -> Page[QueuedTicket]:
    """What isn't closed: unanswered ones first, those nearest to be late before all others, then
    the oldest. A constant number of statements."""
    rows = list_tickets(session, scope, wanted, EVERYTHING, "opened_at").items
    waiting = [row for row in rows if row.responded_at is None]
    deadlines = find_answer_deadlines(session, scope, waiting)
    queued = [QueuedTicket(row, deadlines.get(row.id)) for row in rows]
    never = dt.datetime.max.replace(tzinfo=dt.UTC)
    queued.sort(
        key=lambda one: (
            one.ticket.responded_at is not None,
            one.deadline.at if one.deadline else never,
            one.ticket.opened_at,
            one.ticket.id,
        )
    )
    return slice_page(queued, paging)


def find_answer_deadlines(
    session: Session, scope: Scope, tickets: Sequence[TicketRow]
) -> dict[int, AnswerDeadline]:
    """By ticket's id, for those that some terms promise an answer. Three statements at most.

    Where the time runs in business days and no calendar of them is on record, nothing is said.
    """
    asked = [row for row in tickets if list_request_kinds(row.kind, row.urgent)]
    if not asked:
        return {}
    customers = {row.customer_id for row in asked}
    agreed: dict[int, list[tuple[Contract, ContractTerms]]] = {}
    for contract, version in session.execute(
        scope.apply(
            select(Contract, ContractTerms)
            .join(ContractTerms, ContractTerms.contract_id == Contract.id)
            .where(Contract.customer_id.in_(customers), Contract.state != "draft")
            .order_by(Contract.number, ContractTerms.effective_from),
            Contract.customer_id,
        )
    ):
        agreed.setdefault(contract.id, []).append((contract, version))
    items: dict[int, list[ContractItem]] = {}
    for item in session.scalars(
        scope.apply(
            select(ContractItem).where(ContractItem.contract_id.in_(agreed)),
            ContractItem.customer_id,
        )
    ):
        items.setdefault(item.contract_id, []).append(item)
    calendar = _Calendar(session)
    found: dict[int, AnswerDeadline] = {}
    for row in asked:
        promised = [
            deadline
            for contract_id, versions in agreed.items()
            if versions[0][0].customer_id == row.customer_id
            for deadline in _judge(row, versions, items.get(contract_id, []), calendar)
        ]
        if promised:
            found[row.id] = min(promised, key=lambda one: one.at)
    return found


def _judge(
    row: TicketRow,
    versions: Sequence[tuple[Contract, ContractTerms]],
    items: Sequence[ContractItem],
    calendar: "_Calendar",
) -> list[AnswerDeadline]:
    contract = versions[0][0]
    opened = to_ms(row.opened_at)
    day = local_date(opened, contract.timezone)
    chosen = choose_version([version for _, version in versions], day)
    terms = None if chosen is None else _read_terms(chosen.document)
    if terms is None:
        return []
    named = {subject.contract_item_id for subject in row.subjects}
    kinds = {
        item.kind
        for item in items
        if item.starts_on <= day
        and (item.ends_on is None or item.ends_on > day)
        and (not named or item.id in named)
    }
    return [
        AnswerDeadline(
            dt.datetime.fromtimestamp(last / 1000, dt.UTC),
            metric.title,
            metric.clause,
            contract.number,
        )
        for metric in terms.metrics
        if metric.answers is not None
        and metric.answers.kind in list_request_kinds(row.kind, row.urgent)
        and kinds & set(metric.applies_to)
        and (last := _find_last(metric, terms, opened, calendar)) is not None
    ]


def _find_last(metric: Metric, terms: Terms, opened: int, calendar: "_Calendar") -> int | None:
    answers = metric.answers
    if answers is None:
        return None
    known = calendar.covering(terms, opened) if answers.business_days else None
    return find_deadline(answers, opened, Facts((), (), calendar=known), terms.timezone)


@lru_cache(maxsize=64)
def _read_terms(document: str) -> Terms | None:
    try:
        return load_terms(document)
    except TermsRefusedError:
        return None


class _Calendar:
    """Read when it is first asked for."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.days: Mapping[str, frozenset[dt.date]] | None = None

    def covering(self, terms: Terms, opened: int) -> Calendar | None:
        """None where one of the years that may be counted over has no holiday yet."""
        reach = find_reach(terms, Period(opened, opened))
        if reach is None:
            return None
        if self.days is None:
            rows = self.session.execute(select(CalendarDay.kind, CalendarDay.day)).all()
            self.days = {
                kind: frozenset(row.day for row in rows if row.kind == kind)
                for kind in ("holiday", "worked")
            }
        years = {day.year for day in self.days["holiday"]}
        if not set(range(reach[0].year, reach[1].year + 1)) <= years:
            return None
        return Calendar(self.days["holiday"], self.days["worked"])
