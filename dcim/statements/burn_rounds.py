"""The quick rounds: what counts against promises that something happens to, known within minutes.

Only contracts that an incident hits, or of which something counted just now, are judged; what else
changes, and what people change afterwards, is found by the rounds of credits at risk. Each is known
as soon as it was judged, whatever becomes of the others.
"""

import datetime as dt
import time
from collections.abc import Iterable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.customers.models import Contract, ContractItem, ContractTerms
from dcim.db import SessionFactory, transaction
from dcim.errors import InvalidError
from dcim.sla.burn_progress import Waiting, begin_round, note_problem, publish
from dcim.sla.burned_stretches import find_following
from dcim.sla.circumstances import moment
from dcim.sla.meters import find_expected
from dcim.sla.models import Incident, IncidentImpact
from dcim.sla.rules.language.tree import TermsRefusedError
from dcim.sla.rules.periods import to_ms
from dcim.statements.error_budgets import open_case
from dcim.statements.inputs import InputsRefusedError
from dcim.statements.month_to_date import LAG_MS
from dcim.statements.risk_rounds import Readers, gather_month, keep_case

log = structlog.get_logger(__name__)

BEAT_S = 60
# A round gives way after so long, so that the next one sees who was hit meanwhile; those left over
# stay behind, and come first then.
ROUND_S = 90
# What ended is looked at for so much longer: the rounds of credits at risk come round meanwhile.
AFTER = dt.timedelta(minutes=20)
# Who is judged first is who waits longest, as if they waited so much longer or less, in ms: those
# hit of which nothing counts yet, about whom nobody was told; those whose incident is over; and
# those that can't be judged, which mostly can't the next time either.
NEW_MS, OVER_MS, FAILED_MS = -120_000, 120_000, 600_000


@dataclass(slots=True)
class RoundReport:
    """Months of contracts; `left` contracts wait for the next round. `written`: stretches that are
    new, grew or count no more."""

    judged: int = 0
    failed: int = 0
    left: int = 0
    written: int = 0


@dataclass(frozen=True, slots=True)
class Suspects:
    """Ids of contracts: `hit` by an incident that is open, of which something counted until just
    now, and all of them, with those whose incident ended just now."""

    hit: frozenset[int]
    counting: frozenset[int]
    all: frozenset[int]


def measure_burns(
    sessions: SessionFactory,
    now: dt.datetime | None = None,
    *,
    interval_s: int = 60,
    budget_s: float = ROUND_S,
) -> RoundReport:
    """Judge suspects up to two minutes ago, and who is left over from before. A contract that can't
    be judged stops no other: it stays behind, and says why."""
    scope = Scope.system("burned-budgets")
    began, now = time.monotonic(), now or utc_now()
    until = (to_ms(now) - LAG_MS) // 1000 * 1000
    report = RoundReport()
    with transaction(sessions, scope) as session:
        suspects = find_suspects(session, now)
        waiting = begin_round(session, until, suspects.all)
        # What they are about is read many at a time, not each for itself.
        expected = find_expected(session, [one.contract_id for one in waiting])
    ordered, readers = order_waiting(waiting, suspects), Readers(interval_s, expected)
    for number, one in enumerate(ordered):
        if number and time.monotonic() - began > budget_s:
            report.left = len(ordered) - number
            log.warning("burned budgets: out of time", left=report.left)
            break
        _measure(sessions, scope, one, until, now, report, readers)
    return report


def find_suspects(session: Session, now: dt.datetime) -> Suspects:
    """Of contracts with terms: those with items hit by an incident that is open or ended just now,
    and those of which something counted until just now."""
    since = now - AFTER
    hit = session.execute(
        select(ContractItem.contract_id, func.bool_or(Incident.ended_at.is_(None)))
        .join(IncidentImpact, IncidentImpact.contract_item_id == ContractItem.id)
        .join(Incident, Incident.id == IncidentImpact.incident_id)
        .join(Contract, Contract.id == ContractItem.contract_id)
        .where(
            or_(Incident.ended_at.is_(None), Incident.ended_at >= since),
            Incident.started_at <= now,
            Contract.state != "draft",
            exists().where(ContractTerms.contract_id == Contract.id),
        )
        .group_by(ContractItem.contract_id)
    ).all()
    counting = frozenset(find_following(session, since))
    return Suspects(
        frozenset(contract_id for contract_id, is_open in hit if is_open),
        counting,
        counting.union(contract_id for contract_id, _ in hit),
    )


def order_waiting(waiting: Iterable[Waiting], suspects: Suspects) -> list[Waiting]:
    """Who is judged first: nobody waits for ever, however many are hit."""

    def rank(one: Waiting) -> tuple[int, int]:
        if one.problem:
            return (one.tried or one.until) + FAILED_MS, one.contract_id
        if one.contract_id not in suspects.hit:
            return one.until + OVER_MS, one.contract_id
        is_new = one.contract_id not in suspects.counting
        return one.until + (NEW_MS if is_new else 0), one.contract_id

    return sorted(waiting, key=rank)


def _measure(
    sessions: SessionFactory,
    scope: Scope,
    one: Waiting,
    until: int,
    now: dt.datetime,
    report: RoundReport,
    readers: Readers,
) -> None:
    """All months since it was known, and none if not all of them: it is one line of time."""
    month = ""
    try:
        with transaction(sessions, scope) as session:
            contract = session.get(Contract, one.contract_id)
            if contract is None:
                return
            cases = []
            for month in find_months(session, contract, min(one.until, until), until):
                inputs, _meters = gather_month(session, scope, contract, month, readers)
                cases.append(open_case(inputs))
            written = 0
            for case in cases:
                end = min(until, case.period.end)
                if end > case.period.start:
                    written += keep_case(session, contract, case, end)
            publish(session, contract, until, now)
        report.judged += len(cases)
        report.written += written
    except Exception as error:
        report.failed += 1
        _tell_problem(sessions, scope, one, month, now, error)


def _tell_problem(
    sessions: SessionFactory,
    scope: Scope,
    one: Waiting,
    month: str,
    now: dt.datetime,
    error: Exception,
) -> None:
    """Once for each problem, not once a minute."""
    is_known = isinstance(error, (InvalidError, TermsRefusedError, InputsRefusedError))
    reason = (str(error) if is_known else type(error).__name__) or "?"
    reason = f"{month}: {reason}" if month else reason
    with transaction(sessions, scope) as session:
        contract = session.get(Contract, one.contract_id)
        if contract is None or not note_problem(session, contract, reason, now):
            return
    log.warning(
        "burned budgets: a contract can't be judged",
        contract=one.contract_id,
        known_until=moment(one.until).isoformat(),
        why=reason,
        exc_info=None if is_known else error,
    )


def find_months(session: Session, contract: Contract, since: int, until: int) -> list[str]:
    """Those of [since, until], UTC epoch ms, by the contract's zone, in which it promises anything;
    and the one before where it ended just before `since`, so that its last minutes are known."""
    if contract.state == "draft":
        return []
    promised_from = session.scalar(
        select(func.min(ContractTerms.effective_from)).where(
            ContractTerms.contract_id == contract.id
        )
    )
    if promised_from is None:
        return []
    zone = ZoneInfo(contract.timezone)
    first, last = (
        at.astimezone(zone).date().replace(day=1) for at in (moment(since) - AFTER, moment(until))
    )
    first = max(first, promised_from.replace(day=1), contract.starts_on.replace(day=1))
    months = []
    while first <= last and (contract.ends_on is None or contract.ends_on > first):
        months.append(f"{first:%Y-%m}")
        first = (first + dt.timedelta(days=32)).replace(day=1)
    return months
