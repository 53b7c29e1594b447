"""Issuing one statement: gather what was measured, compose, freeze, book, render, sign; once."""

import calendar
import datetime as dt
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.config import Settings
from dcim.customers.models import Contract, Customer
from dcim.db import SessionFactory, transaction
from dcim.errors import ConflictError, InvalidError, NotFoundError
from dcim.sla.meters import Meters
from dcim.sla.observations import gather_inputs
from dcim.statements.attachments import read_inputs
from dcim.statements.composition import Statement as Composed
from dcim.statements.composition import compose
from dcim.statements.differences import hash_content, hash_json
from dcim.statements.files import pack_inputs, produce_file
from dcim.statements.held_months import Finding, HeldError, check_held, end_held, keep_held
from dcim.statements.history import add_history
from dcim.statements.issued_months import add_issued_months
from dcim.statements.models import LedgerEntry, Statement
from dcim.statements.sample_files import drop_samples, keep_samples
from dcim.statements.tallies import tally_causes, tally_results
from dcim.statements.tally_models import StatementCause, StatementResult
from reports.evidence import find_named

DISPUTE_DAYS = 30
# The kind of lines that take back those of the revision before.
CORRECTION = "correction"


@dataclass(frozen=True, slots=True)
class Issued:
    statement_id: int
    number: str
    customer: str
    total: Decimal
    credits: Decimal
    currency: str
    verdict: str
    # False when it had been issued before and was left as it is.
    new: bool


def month_bounds(period: str) -> tuple[dt.date, dt.date]:
    """First day of the month and first day after it. Raises InvalidError for no month."""
    try:
        first = dt.date.fromisoformat(f"{period}-01")
    except ValueError as error:
        raise InvalidError(
            "%(period)s is no month; write it like 2026-10.", period=period
        ) from error
    return first, first + dt.timedelta(days=calendar.monthrange(first.year, first.month)[1])


def issue_statement(
    sessions: SessionFactory,
    scope: Scope,
    settings: Settings,
    contract_id: int,
    period: str,
) -> Issued:
    """Freeze, book and sign one contract's month.

    Raises NotFoundError for a contract out of reach, InvalidError for a month still open, HeldError
    for one that waits for approval: that it does is kept.
    """
    try:
        with transaction(sessions, scope) as session:
            statement, new = freeze_statement(session, scope, settings, contract_id, period)
            statement_id = statement.id
    except HeldError as error:
        if hold_back(sessions, scope, error.finding):
            raise
        return issue_statement(sessions, scope, settings, contract_id, period)
    # A transaction of its own: the frozen statement outlives a crash while rendering.
    with transaction(sessions, scope) as session:
        statement = session.get_one(Statement, statement_id)
        produce_file(session, scope, settings, statement)
        return describe_issued(session, statement, new)


def hold_back(sessions: SessionFactory, scope: Scope, finding: Finding) -> bool:
    """Keep that a month waits; False where it was issued meanwhile."""
    with transaction(sessions, scope) as session:
        wait_for_turn(session, finding.contract_id)
        return keep_held(session, scope, finding) is not None


def describe_issued(session: Session, statement: Statement, new: bool) -> Issued:
    customer = session.get_one(Customer, statement.customer_id)
    return Issued(
        statement.id,
        statement.number,
        customer.name,
        statement.total,
        statement.credits,
        statement.currency,
        statement.verdict,
        new,
    )


@dataclass(frozen=True, slots=True)
class Approved:
    """A month that two people approved: the content that both saw, and what the statement tells of
    them (`approval` in docs/statement.md)."""

    sha256: str
    told: dict[str, str]

    def check(self, document: dict[str, Any]) -> None:
        if hash_content(document) != self.sha256:
            raise ConflictError(
                "What would be issued isn't what was proposed any more; refuse it, look at the "
                "month and propose it anew."
            )


def freeze_statement(
    session: Session,
    scope: Scope,
    settings: Settings,
    contract_id: int,
    period: str,
    meters: Meters | None = None,
    approved: Approved | None = None,
) -> tuple[Statement, bool]:
    """The statement of this contract's month, composed and booked if it wasn't; (it, is new).

    Raises HeldError where two people must approve it first; with `approved` ConflictError where
    it says something else than what they saw.
    """
    contract = find_billed(session, scope, contract_id, period)
    wait_for_turn(session, contract_id)
    present = session.scalar(
        select(Statement)
        .where(Statement.contract_id == contract_id, Statement.period == period)
        .order_by(Statement.revision.desc())
        .limit(1)
    )
    if present is not None:
        return present, False
    number = f"SLA-{period.replace('-', '')}-{contract.number}-01"
    document = describe_document(settings, contract, period, number)
    if approved is not None:
        document |= {"approval": approved.told}
    if comes_late(contract, period):
        document |= give_time(document, contract)
    with keep_samples(settings, number) as samples:
        inputs = gather_inputs(
            session,
            scope,
            contract,
            period,
            document=document,
            operator=describe_operator(settings),
            meters=meters,
            samples=samples.archive,
        )
    inputs = add_history(session, scope, contract, inputs) | samples.described
    composed = compose(add_issued_months(session, scope, contract, inputs))
    try:
        if approved is None:
            check_held(session, contract, period, composed.data)
        else:
            approved.check(composed.data)
    except ConflictError:
        drop_samples(settings, number)
        raise
    statement = book_composed(session, scope, contract, period, number, composed)
    end_held(session, scope, contract_id, statement, "approved" if approved else "freed")
    return statement, True


def find_billed(
    session: Session,
    scope: Scope,
    contract_id: int,
    period: str,
    now: dt.datetime | None = None,
) -> Contract:
    """A contract whose month is over. Raises NotFoundError for one out of reach, ConflictError for
    a draft, InvalidError for a month still open."""
    contract = session.scalar(
        scope.apply(select(Contract).where(Contract.id == contract_id), Contract.customer_id)
    )
    if contract is None:
        raise NotFoundError("No such contract.")
    if contract.state == "draft":
        raise ConflictError(
            "Contract %(number)s is a draft; nothing is billed by it.", number=contract.number
        )
    _first, after = month_bounds(period)
    if (now or utc_now()) < dt.datetime.combine(after, dt.time(), ZoneInfo(contract.timezone)):
        raise InvalidError(
            "%(period)s is still open; it can be issued once it is over.", period=period
        )
    return contract


def wait_for_turn(session: Session, contract_id: int) -> None:
    """One at a time for each contract, until commit: a second run then finds the month issued, and
    of two months at once the second sees what the first took of earlier credits."""
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"),
        {"key": f"statement/{contract_id}"},
    )


def book_composed(
    session: Session,
    scope: Scope,
    contract: Contract,
    period: str,
    number: str,
    composed: Composed,
    previous: Statement | None = None,
) -> Statement:
    """Write the frozen document and its ledger lines; the lines' sum is the document's total.

    Of a revision the lines of what it replaces are taken back: all lines of a month, whatever the
    revision, then add up to what the newest one says.
    """
    document = composed.data
    # As attached: clipped to period and service, so that what is kept is what is shown.
    packed, inputs_sha256 = pack_inputs(read_inputs(composed.attachments))
    totals, samples = document["totals"], find_named(document)
    statement = Statement(
        customer_id=contract.customer_id,
        contract_id=contract.id,
        number=number,
        period=period,
        revision=document["revision"],
        reason=document["reason"]["zh"] if document["reason"] else "",
        currency=contract.currency,
        total=Decimal(totals["total"]),
        credits=Decimal(totals["credits"]),
        verdict=document["verdict"]["result"],
        document=document,
        document_sha256=hash_json(document),
        inputs=packed,
        inputs_sha256=inputs_sha256,
        samples_sha256=None if samples is None else samples["sha256"],
        samples_size=None if samples is None else samples["bytes"],
    )
    session.add(statement)
    session.flush()
    items = {item.code: item.id for item in contract.items}
    lines = [
        LedgerEntry(
            key=f"{contract.number}/{period}/{document['revision']}/{line['key']}",
            customer_id=contract.customer_id,
            contract_id=contract.id,
            contract_item_id=items.get(line["item"]) if line["item"] else None,
            statement_id=statement.id,
            kind=line["kind"],
            text=line["text"]["zh"][:255],
            text_en=line["text"]["en"][:255],
            amount=Decimal(line["amount"]),
            currency=contract.currency,
        )
        for line in document["ledger"]
    ]
    if sum((line.amount for line in lines), Decimal()) != statement.total:
        raise ConflictError("The lines of %(number)s don't add up to its total.", number=number)
    session.add_all(lines)
    _tally(session, statement)
    if previous is not None:
        session.add_all(_take_back(session, contract, previous, statement))
    session.flush()
    record(
        session,
        scope,
        "statement.issue",
        f"statement/{statement.id}",
        customer_id=contract.customer_id,
        number=number,
        total=str(statement.total),
        sha256=statement.document_sha256,
        **({} if previous is None else {"replaces": previous.number, "reason": statement.reason}),
    )
    return statement


def _tally(session: Session, statement: Statement) -> None:
    whose = {"statement_id": statement.id, "customer_id": statement.customer_id}
    session.add_all(
        StatementResult(**whose, **asdict(one)) for one in tally_results(statement.document)
    )
    session.add_all(
        StatementCause(**whose, **asdict(one)) for one in tally_causes(statement.document)
    )


def _take_back(
    session: Session, contract: Contract, previous: Statement, statement: Statement
) -> list[LedgerEntry]:
    """The lines of the previous revision with the sign turned, booked with this one."""
    lines = session.scalars(
        select(LedgerEntry)
        .where(LedgerEntry.statement_id == previous.id, LedgerEntry.kind != CORRECTION)
        .order_by(LedgerEntry.id)
    ).all()
    if sum((line.amount for line in lines), Decimal()) != previous.total:
        raise ConflictError(
            "The lines of %(number)s don't add up to its total.", number=previous.number
        )
    start = f"{contract.number}/{previous.period}"
    return [
        LedgerEntry(
            key=f"{start}/{statement.revision}/{CORRECTION}:"
            + line.key.removeprefix(f"{start}/{previous.revision}/"),
            customer_id=line.customer_id,
            contract_id=line.contract_id,
            contract_item_id=line.contract_item_id,
            statement_id=statement.id,
            kind=CORRECTION,
            text=f"冲销第 {previous.revision} 版：{line.text}"[:255],
            text_en=f"Reverses revision {previous.revision}: {line.text_en}"[:255],
            amount=-line.amount,
            currency=line.currency,
        )
        for line in lines
    ]


def describe_document(
    settings: Settings, contract: Contract, period: str, number: str
) -> dict[str, Any]:
    """What the statement says of itself."""
    _first, after = month_bounds(period)
    return {
        "number": number,
        "revision": 1,
        "reason": None,
        "supersedes": None,
        "language": contract.customer.language,
        "frozen_at": utc_now().isoformat(timespec="seconds").replace("+00:00", "Z"),
        "verify_url": f"{settings.base_url}/verify",
        "dispute": {
            "deadline": (after + dt.timedelta(days=DISPUTE_DAYS)).isoformat(),
            "contact": settings.operator_contact,
        },
    }


def comes_late(contract: Contract, period: str) -> bool:
    """Whether the day of the month's statement is over: it waited for approval, or for a run."""
    _first, after = month_bounds(period)
    today = utc_now().astimezone(ZoneInfo(contract.timezone)).date()
    return today > after.replace(day=contract.statement_day)


def give_time(document: dict[str, Any], contract: Contract) -> dict[str, Any]:
    """The `dispute` of one that comes later than on its day: whoever gets it has as long to object
    as others had."""
    today = utc_now().astimezone(ZoneInfo(contract.timezone)).date()
    deadline = (today + dt.timedelta(days=DISPUTE_DAYS)).isoformat()
    dispute = document["dispute"]
    return {"dispute": dispute | {"deadline": max(dispute["deadline"], deadline)}}


def describe_operator(settings: Settings) -> dict[str, Any]:
    return {
        "name": {"zh": settings.operator_name, "en": settings.operator_name_en},
        "contact": settings.operator_contact,
    }
