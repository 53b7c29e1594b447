"""The rounds of working out what services used: every contract's month, and months not yet kept."""

import datetime as dt
import time
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.customers.models import Contract, ContractItem
from dcim.db import SessionFactory, transaction
from dcim.network.models import BandwidthService
from dcim.sla.rounds import SETTLED, RoundReport, go_through
from dcim.sla.rules.periods import month_period
from dcim.sla.rules.usage.bandwidth import Bandwidth
from dcim.sla.usage_month_models import UsageMonth
from dcim.sla.usage_to_date import UsageToDate, bill_to_date

BEAT_S = 300
SHARD = 50
# A shard gives way after so long; what it left is the first of its next round.
SHARD_S = 240
# So far back months are worked out, as long as samples are kept; so many of them a round.
MONTHS, MONTHS_AT_ONCE = 36, 3
# One that couldn't be worked out is tried once more after so long: its terms may have come.
AGAIN = dt.timedelta(days=1)


def plan_usage(session: Session) -> list[list[int]]:
    """Contracts with bandwidth services, in shards that stay the same."""
    bought = exists().where(
        ContractItem.contract_id == Contract.id,
        BandwidthService.contract_item_id == ContractItem.id,
    )
    wanted = session.scalars(
        select(Contract.id).where(Contract.state != "draft", bought).order_by(Contract.id)
    )
    shards: dict[int, list[int]] = {}
    for contract_id in wanted:
        shards.setdefault(usage_shard_of([contract_id]), []).append(contract_id)
    return list(shards.values())


def usage_shard_of(contract_ids: Sequence[int]) -> int:
    """The same for a contract for ever, whichever others come and go."""
    return contract_ids[0] // SHARD


def measure_usage(
    sessions: SessionFactory,
    contract_ids: Sequence[int],
    now: dt.datetime | None = None,
    *,
    budget_s: float = SHARD_S,
) -> RoundReport:
    """Work out each contract's services and keep what they come to; the longest untried first.

    A contract that can't be worked out keeps its older figures and stops no other.
    """
    scope, began = Scope.system("usage"), time.monotonic()
    now = now or utc_now()
    with transaction(sessions, scope) as session:
        tried = dict(
            session.execute(
                select(ContractItem.contract_id, func.max(UsageMonth.tried_at))
                .join(BandwidthService, BandwidthService.contract_item_id == ContractItem.id)
                .join(UsageMonth, UsageMonth.service_id == BandwidthService.id)
                .where(ContractItem.contract_id.in_(contract_ids))
                .group_by(ContractItem.contract_id)
            ).all()
        )
    ordered = sorted(contract_ids, key=lambda key: (key in tried, tried.get(key), key))
    return go_through(
        sessions,
        scope,
        ordered,
        lambda session, contract_id: measure_contract(session, scope, contract_id, now),
        began + budget_s,
    )


def measure_contract(session: Session, scope: Scope, contract_id: int, now: dt.datetime) -> None:
    """The month that runs, and the newest few of those before that aren't kept or settled yet."""
    contract = session.get_one(Contract, contract_id)
    services = session.scalars(
        select(BandwidthService)
        .join(ContractItem, ContractItem.id == BandwidthService.contract_item_id)
        .where(ContractItem.contract_id == contract_id)
        .order_by(BandwidthService.id)
    ).all()
    ids = [one.id for one in services]
    kept = {
        (row.service_id, row.period): row
        for row in session.scalars(select(UsageMonth).where(UsageMonth.service_id.in_(ids)))
    }
    owners = {one.id: one.customer_id for one in services}
    for period in _find_due(session, contract, ids, kept, now):
        found = bill_to_date(session, scope, ids, now, period=period)
        for service_id, told in found.items():
            row = kept.get((service_id, period))
            if row is None:
                row = UsageMonth(
                    service_id=service_id, customer_id=owners[service_id], period=period
                )
                session.add(row)
            _keep(row, told, contract, now)


def _find_due(
    session: Session,
    contract: Contract,
    service_ids: Sequence[int],
    kept: dict[tuple[int, str], UsageMonth],
    now: dt.datetime,
) -> list[str]:
    local = now.astimezone(ZoneInfo(contract.timezone)).date()
    running = f"{local:%Y-%m}"
    began = session.scalar(
        select(func.min(ContractItem.starts_on)).where(
            ContractItem.contract_id == contract.id,
            exists().where(
                BandwidthService.contract_item_id == ContractItem.id,
                BandwidthService.id.in_(service_ids),
            ),
            or_(ContractItem.ends_on.is_(None), ContractItem.ends_on > ContractItem.starts_on),
        )
    )
    first = max(contract.starts_on, began or contract.starts_on)
    due = [] if first > local or _is_over(contract, running) else [running]
    month, wanted = local.replace(day=1), 0
    for _ in range(MONTHS):
        month = (month - dt.timedelta(days=1)).replace(day=1)
        period = f"{month:%Y-%m}"
        if period < f"{first:%Y-%m}" or wanted == MONTHS_AT_ONCE:
            break
        if _is_over(contract, period):
            continue
        settled = month_period(period, contract.timezone).end / 1000 + SETTLED.total_seconds()
        rows = [kept.get((service_id, period)) for service_id in service_ids]
        if any(
            row is None
            or row.tried_at.timestamp() < settled
            or (row.problem and row.tried_at <= now - AGAIN)
            for row in rows
        ):
            due.append(period)
            wanted += 1
    return due


def _is_over(contract: Contract, period: str) -> bool:
    """Whether the contract had ended when this month began."""
    return contract.ends_on is not None and f"{contract.ends_on:%Y-%m-%d}" <= f"{period}-01"


def _keep(row: UsageMonth, told: UsageToDate, contract: Contract, now: dt.datetime) -> None:
    span = month_period(row.period, contract.timezone)
    row.starts_at, row.ends_at = _moment(span.start), _moment(span.end)
    row.tried_at, row.problem = now, told.problem[:4000]
    row.currency, row.percentile = told.currency, told.percentile
    row.interval_s, row.min_cover, row.ports = told.interval_s, told.min_cover, told.ports
    if told.problem:
        return
    row.as_of = _moment(told.end)
    bill, estimate = told.bill, told.estimate
    decision = bill.charged.decision if bill is not None else None
    point = bill.billed if bill is not None else None
    row.line = decision.line if decision is not None and point is not None else ""
    row.point_bps = point.value if point else None
    row.billed_bps = bill.billed_bps if bill else None
    row.in_bps = bill.in_p.value if bill and bill.in_p else None
    row.out_bps = bill.out_p.value if bill and bill.out_p else None
    row.commit_bps = bill.commit_bps if bill else None
    row.over_bps = bill.over_bps if bill else None
    row.over_amount = bill.over_amount if bill else None
    row.expected = bill.expected if bill else 0
    row.present = bill.present if bill else 0
    row.forecast_bps = _rate_of(estimate.forecast if estimate else None)


def _rate_of(bill: Bandwidth | None) -> int | None:
    """The point that decides, as `point_bps`; what is billed where none does."""
    if bill is None:
        return None
    return bill.billed_bps if bill.billed is None else bill.billed.value


def _moment(ms: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(ms / 1000, dt.UTC)
