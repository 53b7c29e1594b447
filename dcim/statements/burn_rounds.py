"""The quick rounds: what counts against promises that something happens to, known within minutes.

Only contracts that an incident hits, or of which something counted just now, are judged; what else
changes, and what people change afterwards, is found by the rounds of credits at risk.
"""

import datetime as dt
import time
from bisect import bisect_right
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.customers.models import Contract, ContractItem, ContractTerms
from dcim.db import SessionFactory, transaction
from dcim.errors import InvalidError
from dcim.sla.burned_stretches import find_following, publish, read_last_contract
from dcim.sla.circumstances import moment
from dcim.sla.models import Incident, IncidentImpact
from dcim.sla.rules.language.tree import TermsRefusedError
from dcim.sla.rules.periods import to_ms
from dcim.statements.error_budgets import open_case
from dcim.statements.inputs import InputsRefusedError
from dcim.statements.month_to_date import LAG_MS
from dcim.statements.risk_rounds import Readers, gather_month, keep_case

log = structlog.get_logger(__name__)

BEAT_S = 60
# A round gives way after so long; the next one goes on where it stopped. Longer than a beat: all of
# a round are judged up to the same instant, of those left over nothing new counts, and their alarms
# would end though their outage doesn't.
ROUND_S = 600
# What ended is looked at for so much longer: the rounds of credits at risk come round meanwhile.
AFTER = dt.timedelta(minutes=20)


@dataclass(slots=True)
class RoundReport:
    """Months of contracts; `left` contracts wait for the next round. `written`: stretches that are
    new, grew or count no more."""

    judged: int = 0
    failed: int = 0
    left: int = 0
    written: int = 0


def measure_burns(
    sessions: SessionFactory,
    now: dt.datetime | None = None,
    *,
    interval_s: int = 60,
    budget_s: float = ROUND_S,
) -> RoundReport:
    """Judge all suspects up to two minutes ago and publish what is known by then. A contract that
    can't be judged stops no other: what is known of it stays."""
    scope = Scope.system("burned-budgets")
    began, now = time.monotonic(), now or utc_now()
    until = (to_ms(now) - LAG_MS) // 1000 * 1000
    report, readers = RoundReport(), Readers(interval_s)
    with transaction(sessions, scope) as session:
        suspects = find_suspects(session, now)
        last = read_last_contract(session)
    first = bisect_right(suspects, last)
    for number, contract_id in enumerate([*suspects[first:], *suspects[:first]]):
        if number and time.monotonic() - began > budget_s:
            report.left = len(suspects) - number
            log.warning("burned budgets: out of time", left=report.left)
            break
        _measure(sessions, scope, contract_id, until, report, readers)
        last = contract_id
    with transaction(sessions, scope) as session:
        publish(session, until, last)
    return report


def find_suspects(session: Session, now: dt.datetime) -> list[int]:
    """Ids of contracts with terms, ascending: those with items hit by an incident that is open or
    ended just now, and those of which something counted until just now."""
    since = now - AFTER
    hit = session.scalars(
        select(ContractItem.contract_id)
        .join(IncidentImpact, IncidentImpact.contract_item_id == ContractItem.id)
        .join(Incident, Incident.id == IncidentImpact.incident_id)
        .join(Contract, Contract.id == ContractItem.contract_id)
        .where(
            or_(Incident.ended_at.is_(None), Incident.ended_at >= since),
            Incident.started_at <= now,
            Contract.state != "draft",
            exists().where(ContractTerms.contract_id == Contract.id),
        )
        .distinct()
    )
    return sorted(set(hit) | find_following(session, since))


def _measure(
    sessions: SessionFactory,
    scope: Scope,
    contract_id: int,
    until: int,
    report: RoundReport,
    readers: Readers,
) -> None:
    with transaction(sessions, scope) as session:
        months = find_months(session.get_one(Contract, contract_id), until)
    for month in months:
        try:
            with transaction(sessions, scope) as session:
                contract = session.get_one(Contract, contract_id)
                inputs, _meters = gather_month(session, scope, contract, month, readers)
                case = open_case(inputs)
                end = min(until, case.period.end)
                if end > case.period.start:
                    report.written += keep_case(session, contract, case, end)
            report.judged += 1
        except Exception as error:
            if not isinstance(error, (InvalidError, TermsRefusedError, InputsRefusedError)):
                log.exception("burned budgets: failed", contract=contract_id, month=month)
            report.failed += 1


def find_months(contract: Contract, until: int) -> list[str]:
    """The month that runs, by the contract's zone; and the one before where it ended just now, so
    that its last minutes are known too."""
    zone = ZoneInfo(contract.timezone)
    days = [at.astimezone(zone).date() for at in (moment(until) - AFTER, moment(until))]
    return [
        month
        for month in dict.fromkeys(f"{day:%Y-%m}" for day in days)
        if _is_in_force(contract, month)
    ]


def _is_in_force(contract: Contract, month: str) -> bool:
    ended = contract.ends_on is not None and f"{contract.ends_on:%Y-%m-%d}" <= f"{month}-01"
    return f"{contract.starts_on:%Y-%m}" <= month and not ended
