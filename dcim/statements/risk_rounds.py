"""The rounds of working out credits at risk: every contract's month, one after the other, kept."""

import datetime as dt
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import delete, exists, or_, select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.customers.models import Contract, ContractTerms
from dcim.db import SessionFactory, transaction
from dcim.errors import InvalidError
from dcim.notices.letters import Told
from dcim.notices.readers import Reader
from dcim.notices.telling import tell_people
from dcim.sla.burned_stretches import keep_burned
from dcim.sla.circumstances import moment
from dcim.sla.meters import Expected, Meters, find_expected
from dcim.sla.observations import gather_inputs, open_meters
from dcim.sla.rules.burned import judge_burned
from dcim.sla.rules.facts import Period
from dcim.sla.rules.language.tree import TermsRefusedError
from dcim.sla.rules.periods import format_instant, month_period, to_ms
from dcim.sla.terms_in_force import find_agreed
from dcim.statements.budget_mail import BudgetNews, write_budget
from dcim.statements.credit_risk import JudgedMonth, judge_month
from dcim.statements.error_budgets import open_case
from dcim.statements.gap_reasons import tell_reasons
from dcim.statements.history import add_history
from dcim.statements.inputs import Case, InputsRefusedError, load_agreed, read_case
from dcim.statements.models import Statement
from dcim.statements.month_to_date import LAG_MS
from dcim.statements.review_decisions import was_decided_since
from dcim.statements.risk_models import CreditRisk

log = structlog.get_logger(__name__)

BEAT_S = 900
SHARD = 50
# A shard gives way after so long; what it left is the first of its next round.
SHARD_S = 600
# A month that is over changes only by what people decide.
CLOSED_AGAIN = dt.timedelta(hours=6)


@dataclass(slots=True)
class RoundReport:
    judged: int = 0
    failed: int = 0
    left: int = 0


def plan_round(session: Session, now: dt.datetime) -> list[list[int]]:
    """Contracts with terms whose month runs or isn't issued yet, in shards that stay the same.

    Rows of others are forgotten.
    """
    today = now.date()
    first = (today.replace(day=1) - dt.timedelta(days=1)).replace(day=1)
    wanted = list(
        session.scalars(
            select(Contract.id)
            .where(
                Contract.state != "draft",
                Contract.starts_on <= today + dt.timedelta(days=1),
                or_(Contract.ends_on.is_(None), Contract.ends_on > first),
                exists().where(ContractTerms.contract_id == Contract.id),
            )
            .order_by(Contract.id)
        )
    )
    session.execute(delete(CreditRisk).where(CreditRisk.contract_id.not_in(wanted)))
    shards: dict[int, list[int]] = {}
    for contract_id in wanted:
        shards.setdefault(shard_of([contract_id]), []).append(contract_id)
    return list(shards.values())


def shard_of(contract_ids: Sequence[int]) -> int:
    """The same for a contract for ever, whichever others come and go."""
    return contract_ids[0] // SHARD


def measure_risks(
    sessions: SessionFactory,
    contract_ids: Sequence[int],
    now: dt.datetime | None = None,
    *,
    interval_s: int = 60,
    budget_s: float = SHARD_S,
) -> RoundReport:
    """Judge each contract's months and keep what they come to; the longest untried first.

    A contract that can't be judged keeps its older figures, says why, and stops no other.
    """
    scope = Scope.system("credit-risks")
    began = time.monotonic()
    # One instant for all: what contracts share is read once, and nothing later is in it.
    now = now or utc_now()
    report = RoundReport()
    with transaction(sessions, scope) as session:
        readers = Readers(interval_s, find_expected(session, contract_ids))
        tried = dict(
            session.execute(
                select(CreditRisk.contract_id, CreditRisk.tried_at)
                .where(CreditRisk.contract_id.in_(contract_ids))
                .order_by(CreditRisk.tried_at.desc())
            ).all()
        )
    ordered = sorted(contract_ids, key=lambda key: (key in tried, tried.get(key), key))
    for number, contract_id in enumerate(ordered):
        if time.monotonic() - began > budget_s:
            report.left = len(ordered) - number
            log.warning("credits at risk: out of time", left=report.left)
            break
        measure_contract(sessions, scope, contract_id, now, report, readers)
    return report


def measure_contract(
    sessions: SessionFactory,
    scope: Scope,
    contract_id: int,
    now: dt.datetime,
    report: RoundReport,
    readers: "Readers",
) -> None:
    with transaction(sessions, scope) as session:
        contract = session.get(Contract, contract_id)
        periods = [] if contract is None else _find_periods(session, contract, now)
        session.execute(
            delete(CreditRisk).where(
                CreditRisk.contract_id == contract_id,
                CreditRisk.period.not_in([period for period, _ in periods]),
            )
        )
    for period, is_due in periods:
        if not is_due:
            continue
        started = time.monotonic()
        try:
            with transaction(sessions, scope) as session:
                contract = session.get_one(Contract, contract_id)
                judged = _judge(session, scope, contract, period, now, readers)
                took = round((time.monotonic() - started) * 1000)
                _keep(session, contract, judged, now, took)
            report.judged += 1
        except Exception as error:
            if not isinstance(error, (InvalidError, TermsRefusedError, InputsRefusedError)):
                log.exception("credits at risk: failed", contract=contract_id, period=period)
            with transaction(sessions, scope) as session:
                _keep_problem(session, session.get_one(Contract, contract_id), period, now, error)
            report.failed += 1


@dataclass(slots=True)
class Readers:
    """What was read of panels and UPSs, for all contracts of a round with the same month."""

    interval_s: int
    expected: Expected | None = None
    kept: dict[tuple[str, str], Meters] = field(default_factory=dict)

    def of(self, session: Session, period: str, zone: str) -> Meters:
        key = (period, zone)
        if key not in self.kept:
            whole = month_period(period, zone)
            self.kept[key] = open_meters(session, whole, expected=self.expected)
        return self.kept[key]


def _find_periods(session: Session, contract: Contract, now: dt.datetime) -> list[tuple[str, bool]]:
    """The month that runs, and the one before until it is issued; with whether it is due."""
    local = now.astimezone(ZoneInfo(contract.timezone)).date()
    first = local.replace(day=1)
    last = first - dt.timedelta(days=1)
    found = []
    if contract.starts_on <= local and (contract.ends_on is None or contract.ends_on > first):
        found.append((f"{first:%Y-%m}", True))
    in_force = contract.starts_on < first and (
        contract.ends_on is None or contract.ends_on > last.replace(day=1)
    )
    closed = f"{last:%Y-%m}"
    begun = session.scalar(
        select(exists().where(
            ContractTerms.contract_id == contract.id, ContractTerms.effective_from <= last
        ))
    )  # fmt: skip
    issued = session.scalar(
        select(exists().where(Statement.contract_id == contract.id, Statement.period == closed))
    )
    if in_force and begun and not issued:
        row = _find_row(session, contract.id, closed)
        is_due = (
            row is None
            or not row.is_closed
            or row.tried_at <= now - CLOSED_AGAIN
            or was_decided_since(session, contract.id, closed, row.tried_at)
        )
        found.append((closed, is_due))
    return found


def _judge(
    session: Session,
    scope: Scope,
    contract: Contract,
    period: str,
    now: dt.datetime,
    readers: Readers,
) -> JudgedMonth:
    inputs, meters = gather_month(session, scope, contract, period, readers)
    until = (to_ms(now) - LAG_MS) // 1000 * 1000
    month = month_period(period, load_agreed(inputs).timezone)
    if until < month.end:
        case, until = open_case(inputs), max(until, month.start + 1000)
    else:
        # As if it were issued now: what may be claimed has its deadlines by that.
        frozen = {**inputs["document"], "frozen_at": format_instant(to_ms(now))}
        case, until = read_case({**inputs, "document": frozen}), month.end
    judged = judge_month(case, until)
    keep_case(session, contract, case, until)
    tell_reasons(session, judged.reviews, meters, readers.interval_s)
    return judged


def gather_month(
    session: Session, scope: Scope, contract: Contract, period: str, readers: Readers
) -> tuple[dict[str, Any], Meters]:
    """What the month is judged by, without usage. Raises InvalidError, TermsRefusedError."""
    zone = find_agreed(session, scope, contract, period).load().timezone
    meters = readers.of(session, period, zone)
    inputs = gather_inputs(
        session,
        scope,
        contract,
        period,
        document={"frozen_at": None},
        operator={},
        meters=meters,
        usage=False,
    )
    return add_history(session, scope, contract, inputs), meters


def keep_case(session: Session, contract: Contract, case: Case, until: int) -> int:
    """Keep what counts of a month up to `until` (UTC epoch ms) as it is known now."""
    judged = judge_burned(case.terms, case.facts, case.period, until)
    return keep_burned(session, contract, judged, Period(case.period.start, until))


def _find_row(session: Session, contract_id: int, period: str) -> CreditRisk | None:
    return session.scalar(
        select(CreditRisk).where(CreditRisk.contract_id == contract_id, CreditRisk.period == period)
    )


def _row_of(session: Session, contract: Contract, period: str, now: dt.datetime) -> CreditRisk:
    row = _find_row(session, contract.id, period)
    if row is None:
        row = CreditRisk(
            customer_id=contract.customer_id, contract_id=contract.id, period=period,
            currency=contract.currency,
        )  # fmt: skip
        session.add(row)
    row.tried_at = now
    return row


def _keep(
    session: Session, contract: Contract, judged: JudgedMonth, now: dt.datetime, took_ms: int
) -> None:
    told, row = judged.told, _row_of(session, contract, judged.period, now)
    row.problem, row.took_ms = "", took_ms
    row.currency = judged.currency
    row.is_closed = told.until >= told.period.end
    row.as_of = moment(told.until)
    row.owed, row.owed_least, row.owed_most = told.owed.likely, told.owed.least, told.owed.most
    rate, lasting = told.at_rate, told.if_open
    row.at_rate = rate.likely if rate else None
    row.at_rate_least = rate.least if rate else None
    row.at_rate_most = rate.most if rate else None
    row.if_open = lasting.likely if lasting else None
    row.if_open_least = lasting.least if lasting else None
    row.if_open_most = lasting.most if lasting else None
    row.at_risk = judged.at_risk
    row.window_s = told.window_ms // 1000
    row.open_since = None if judged.open_since is None else moment(judged.open_since)
    step = judged.nearest.step if judged.nearest else None
    row.step_s = step.after_ms // 1000 if step else None
    row.step_amount = step.amount if step else None
    row.dark = sum(one.is_dark for one in told.promises)
    row.lines, row.reviews = judged.lines, judged.reviews
    if not row.is_closed:
        _tell_budgets(session, contract, judged)


def _tell_budgets(session: Session, contract: Contract, judged: JudgedMonth) -> None:
    """Of each promise once a month that its allowance runs short, and once that it is missed."""
    for line in judged.lines:
        if line["state"] not in ("short", "missed"):
            continue
        news = BudgetNews(
            contract.number, judged.period, line["title"], line["item"], line["label"],
            line["target"], line["state"], line["used_ms"], line["allowed_ms"],
        )  # fmt: skip
        tell_people(
            session,
            [contract.customer_id],
            "budget.low",
            f"budget/{contract.id}/{judged.period}/{line['item']}/{line['id']}/{line['state']}",
            partial(_write_budget, news),
        )


def _write_budget(news: BudgetNews, reader: Reader) -> Told:
    return write_budget(news, reader.language)


def _keep_problem(
    session: Session, contract: Contract, period: str, now: dt.datetime, error: Exception
) -> None:
    row = _row_of(session, contract, period, now)
    known = isinstance(error, (InvalidError, TermsRefusedError, InputsRefusedError))
    row.problem = (str(error) if known else type(error).__name__)[:4000] or "?"
