"""What services used by the month, as the rounds have last worked it out."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.network.models import BandwidthService, ServiceMembership
from dcim.sla.usage_month_models import UsageMonth


@dataclass(frozen=True, slots=True)
class MonthNow:
    """A service's running month in bit/s: what is billed so far and where it will end."""

    service_id: int
    as_of: dt.datetime | None
    percentile: str
    ports: int
    point_bps: int | None
    billed_bps: int | None
    forecast_bps: int | None
    commit_bps: int | None


@dataclass(frozen=True, slots=True)
class PortMonth:
    """A month of the service a port carried; `starts_at` to `ends_at` is when it did within it.

    `coverage` is the share of bins that were measured, none before the first; `change` that of
    what is billed against the month before, where that was the same service's.
    """

    service_id: int
    service_code: str
    period: str
    starts_at: dt.datetime
    ends_at: dt.datetime
    as_of: dt.datetime
    is_running: bool
    currency: str
    percentile: str
    interval_s: int
    min_cover: Decimal
    ports: int
    line: str
    point_bps: int | None
    billed_bps: int | None
    in_bps: int | None
    out_bps: int | None
    commit_bps: int | None
    over_bps: int | None
    over_amount: Decimal | None
    expected: int
    present: int
    change: float | None = None

    @property
    def coverage(self) -> float | None:
        return self.present / self.expected if self.expected else None


def read_running_months(session: Session, now: dt.datetime) -> dict[int, MonthNow]:
    """By service, as far as the session's scope reaches."""
    rows = session.execute(
        select(
            UsageMonth.service_id,
            UsageMonth.as_of,
            UsageMonth.percentile,
            UsageMonth.ports,
            UsageMonth.point_bps,
            UsageMonth.billed_bps,
            UsageMonth.forecast_bps,
            UsageMonth.commit_bps,
        ).where(UsageMonth.starts_at <= now, UsageMonth.ends_at > now)
    )
    return {row.service_id: MonthNow(**row._mapping) for row in rows}


def list_port_months(
    session: Session, scope: Scope, port_id: int, now: dt.datetime
) -> list[PortMonth]:
    """The newest first, as far as they are worked out and the scope reaches."""
    own = (ServiceMembership.service_id, ServiceMembership.starts_at, ServiceMembership.ends_at)
    columns = [
        getattr(UsageMonth, name)
        for name in (
            "period", "currency", "percentile", "interval_s", "min_cover", "ports", "line",
            "point_bps", "billed_bps", "in_bps", "out_bps", "commit_bps",
            "over_bps", "over_amount", "expected", "present",
        )
    ]  # fmt: skip
    rows = session.execute(
        select(
            UsageMonth.starts_at.label("month_from"), UsageMonth.ends_at.label("month_to"),
            UsageMonth.as_of.label("month_until"), BandwidthService.code, *own, *columns,
        )
        .join(ServiceMembership, ServiceMembership.service_id == UsageMonth.service_id)
        .join(BandwidthService, BandwidthService.id == UsageMonth.service_id)
        .where(
            ServiceMembership.port_id == port_id,
            scope.filter(UsageMonth.customer_id),
            UsageMonth.as_of.is_not(None),
            ServiceMembership.starts_at < UsageMonth.ends_at,
            or_(
                ServiceMembership.ends_at.is_(None),
                ServiceMembership.ends_at > UsageMonth.starts_at,
            ),
        )
        .order_by(UsageMonth.starts_at, ServiceMembership.starts_at)
    )  # fmt: skip
    found: list[PortMonth] = []
    before: dict[int, tuple[str, int | None]] = {}
    for row in rows:
        values = {column.key: getattr(row, column.key) for column in columns}
        ends = [row.month_to, *([row.ends_at] if row.ends_at is not None else [])]
        period, last = before.get(row.service_id, ("", None))
        if period == row.period:
            # The port left the service and came back within the month.
            last = None
        change = (
            values["billed_bps"] / last - 1
            if last and values["billed_bps"] is not None and _follows(period, row.period)
            else None
        )
        found.append(
            PortMonth(
                service_id=row.service_id,
                service_code=row.code,
                starts_at=max(row.month_from, row.starts_at),
                ends_at=min(ends),
                as_of=row.month_until,
                is_running=row.month_from <= now < row.month_to,
                change=change,
                **values,
            )
        )
        before[row.service_id] = (row.period, values["billed_bps"])
    return found[::-1]


def _follows(earlier: str, later: str) -> bool:
    """Whether "2026-11" comes right after "2026-10"."""
    ordinal = [int(period[:4]) * 12 + int(period[5:]) for period in (earlier, later)]
    return ordinal[1] - ordinal[0] == 1
