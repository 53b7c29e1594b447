"""Credits at risk as last worked out, through a scope."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.customers.models import Contract, ContractItem, Customer
from dcim.errors import NotFoundError
from dcim.inventory.models import Allocation, Cabinet, Rack, Room, Row
from dcim.paging import FIRST_PAGE, Page, Paging, Query, fetch_page, narrow
from dcim.statements.risk_models import CreditRisk
from dcim.statements.risk_rounds import BEAT_S

# Two rounds missed: said loudly, on the board and by the API.
STALE = dt.timedelta(seconds=2 * BEAT_S)

# What of a stored line is told as it is.
KEPT = ("id", "title", "item", "label", "place", "clause", "target", "state", "figure", "is_dark")
LENGTHS = (
    ("allowed", "allowed"), ("used", "used"), ("used_most", "used_max"), ("unknown", "unknown"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CreditRiskRow:
    """Credits of a contract's month: `owed` as if nothing more happened, `at_rate` if the last
    `window_s` come again (none: too early to say), `if_open` if what is open lasts until the end.

    `least` and `most` are what unmeasured time may make of each. `as_of` is none when it could
    never be worked out; `problem` says why the last try failed, the figures are then older.
    `step_s` more of an outage cost `step_amount` more (before caps), at `step_at` if one is open.
    """

    id: int
    customer_id: int
    customer_code: str
    customer_name: str
    customer_name_en: str
    account_manager: str
    contract_id: int
    contract_number: str
    period: str
    currency: str
    is_closed: bool
    as_of: dt.datetime | None
    tried_at: dt.datetime
    problem: str
    owed: Decimal
    owed_least: Decimal
    owed_most: Decimal
    at_rate: Decimal | None
    at_rate_least: Decimal | None
    at_rate_most: Decimal | None
    if_open: Decimal | None
    if_open_least: Decimal | None
    if_open_most: Decimal | None
    at_risk: Decimal
    window_s: int
    open_since: dt.datetime | None
    step_s: int | None
    step_at: dt.datetime | None
    step_amount: Decimal | None
    dark: int
    reviews: int

    def is_stale(self, now: dt.datetime) -> bool:
        return self.as_of is None or (not self.is_closed and now - self.as_of > STALE)


@dataclass(frozen=True, slots=True)
class RiskFilter:
    """`site_id`: contracts with space there in the month; `account_manager` as it stands with the
    customer. `is_closed`: only months that are over (and wait for their statement), or only those
    that run.
    """

    customer_id: int | None = None
    contract_id: int | None = None
    site_id: int | None = None
    account_manager: str | None = None
    currency: str | None = None
    is_closed: bool | None = None
    open_only: bool = False


@dataclass(frozen=True, slots=True)
class CurrencyTotal:
    """Sums in one currency, over contracts; never over currencies."""

    currency: str
    contracts: int
    open: int
    owed: Decimal
    at_rate: Decimal
    at_risk: Decimal


@dataclass(frozen=True, slots=True)
class RoundState:
    """How the rounds go: of `contracts` rows so many are `stale` or `failed`; `oldest` as of."""

    contracts: int
    stale: int
    failed: int
    oldest: dt.datetime | None
    newest: dt.datetime | None


@dataclass(frozen=True, slots=True)
class RiskLineRow:
    """One promise of one item. Credits are before caps; `allowed_s` is of the whole month, none
    where the target is no length of time, `used_most_s` counts what wasn't measured as down.

    `runs_out_at`: when the budget is used up at the rate of the last days, or if what is open
    lasts. `is_dark`: nothing of it is measured at the moment.
    """

    id: str
    title: dict[str, str]
    item: str
    label: dict[str, str]
    place: str
    clause: str
    target: dict[str, str]
    state: str  # fine | short | missed | unknown
    figure: dict[str, str] | None
    allowed_s: float | None
    used_s: float
    used_most_s: float
    unknown_s: float
    owed: Decimal
    owed_least: Decimal
    owed_most: Decimal
    at_rate: Decimal | None
    at_rate_least: Decimal | None
    at_rate_most: Decimal | None
    if_open: Decimal | None
    if_open_least: Decimal | None
    if_open_most: Decimal | None
    open_since: dt.datetime | None
    is_dark: bool
    runs_out_at: dt.datetime | None
    step_s: int | None
    step_at: dt.datetime | None
    step_amount: Decimal | None


def list_risks(
    session: Session,
    scope: Scope,
    wanted: RiskFilter = RiskFilter(),
    paging: Paging = FIRST_PAGE,
) -> Page[CreditRiskRow]:
    """What is open first, then the most money, currency by currency. Two statements of SQL."""
    statement = _select_risks(scope, wanted).order_by(
        CreditRisk.open_since.is_(None),
        CreditRisk.currency,
        CreditRisk.at_risk.desc(),
        CreditRisk.owed_most.desc(),
        Contract.number,
        CreditRisk.period.desc(),
    )
    return fetch_page(session, _make_row, statement, paging)


def read_lines(session: Session, scope: Scope, risk_id: int) -> list[RiskLineRow]:
    """Promise by promise. Raises NotFoundError for an absent row and for another's alike."""
    found = session.execute(
        select(CreditRisk.lines, CreditRisk.as_of).where(
            CreditRisk.id == risk_id, scope.filter(CreditRisk.customer_id)
        )
    ).one_or_none()
    if found is None:
        raise NotFoundError("No such month.")
    return [_read_line(line, found.as_of) for line in found.lines]


def _read_line(line: dict[str, Any], as_of: dt.datetime | None) -> RiskLineRow:
    told: dict[str, Any] = {
        f"{future}{end}": None if line[future] is None else Decimal(line[future][name])
        for future in ("owed", "at_rate", "if_open")
        for end, name in (("", "likely"), ("_least", "least"), ("_most", "most"))
    }
    told |= {name: line[name] for name in KEPT}
    told |= {
        f"{name}_s": None if line[f"{key}_ms"] is None else line[f"{key}_ms"] / 1000
        for name, key in LENGTHS
    }
    step, open_since = line["step"], _instant(line["open_since"])
    step_s = None if step is None else step["after_ms"] // 1000
    return RiskLineRow(
        **told,
        open_since=open_since,
        runs_out_at=_instant(line["runs_out_at"]),
        step_s=step_s,
        step_at=_find_step(as_of, open_since, step_s),
        step_amount=None if step is None else Decimal(step["amount"]),
    )


def _instant(ms: int | None) -> dt.datetime | None:
    return None if ms is None else dt.datetime.fromtimestamp(ms / 1000, dt.UTC)


def sum_risks(session: Session, scope: Scope, wanted: RiskFilter) -> list[CurrencyTotal]:
    found = _select_risks(scope, wanted).subquery()
    rows = session.execute(
        select(
            found.c.currency,
            func.count(),
            func.count(found.c.open_since),
            func.sum(found.c.owed),
            func.sum(func.coalesce(found.c.at_rate, found.c.owed)),
            func.sum(found.c.at_risk),
        )
        .group_by(found.c.currency)
        .order_by(found.c.currency)
    )
    return [CurrencyTotal(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class SiteRisk:
    """Running months of contracts with space at a site in them, in one currency; `site_id` none:
    no space anywhere. A contract at several sites counts in full at each: `shared` are so many.

    [`least`, `most`] holds what the month may cost by any of the three futures and by what isn't
    measured; `untold` contracts were never worked out and are in none of it, `old` ones not lately.
    """

    site_id: int | None
    currency: str
    contracts: int
    open: int
    owed: Decimal
    at_risk: Decimal
    least: Decimal
    most: Decimal
    untold: int
    old: int
    shared: int


def sum_risks_by_site(session: Session, scope: Scope, now: dt.datetime) -> list[SiteRisk]:
    """One statement."""
    places = _select_places().distinct().subquery()
    several = (
        select(places.c.risk_id).group_by(places.c.risk_id).having(func.count() > 1).subquery()
    )
    most = func.greatest(CreditRisk.owed_most, CreditRisk.at_rate_most, CreditRisk.if_open_most)
    untold = CreditRisk.as_of.is_(None)
    rows = session.execute(
        select(
            places.c.site_id,
            CreditRisk.currency,
            func.count(),
            func.count(CreditRisk.open_since),
            func.sum(CreditRisk.owed),
            func.sum(CreditRisk.at_risk),
            func.sum(CreditRisk.owed_least),
            func.sum(most),
            func.count().filter(untold),
            func.count().filter(CreditRisk.as_of < now - STALE),
            func.count(several.c.risk_id),
        )
        .select_from(CreditRisk)
        .outerjoin(places, places.c.risk_id == CreditRisk.id)
        .outerjoin(several, several.c.risk_id == CreditRisk.id)
        .where(scope.filter(CreditRisk.customer_id), CreditRisk.is_closed.is_(False))
        .group_by(places.c.site_id, CreditRisk.currency)
        .order_by(CreditRisk.currency)
    )
    return [SiteRisk(*row) for row in rows]


def read_rounds(session: Session, scope: Scope, now: dt.datetime) -> RoundState:
    old = and_(
        CreditRisk.is_closed.is_(False),
        or_(CreditRisk.as_of.is_(None), CreditRisk.as_of < now - STALE),
    )
    row = session.execute(
        select(
            func.count(),
            func.count().filter(old),
            func.count().filter(CreditRisk.problem != ""),
            func.min(CreditRisk.as_of).filter(CreditRisk.is_closed.is_(False)),
            func.max(CreditRisk.as_of),
        ).where(scope.filter(CreditRisk.customer_id))
    ).one()
    return RoundState(*row)


def list_managers(session: Session, scope: Scope) -> list[str]:
    """Who manages customers with a month that is worked out."""
    return list(
        session.scalars(
            select(Customer.account_manager)
            .join(CreditRisk, CreditRisk.customer_id == Customer.id)
            .where(Customer.account_manager != "", scope.filter(Customer.id))
            .distinct()
            .order_by(Customer.account_manager)
        )
    )


def _select_risks(scope: Scope, wanted: RiskFilter) -> Query:
    statement = (
        select(
            CreditRisk.id,
            CreditRisk.customer_id,
            Customer.code.label("customer_code"),
            Customer.name.label("customer_name"),
            Customer.name_en.label("customer_name_en"),
            Customer.account_manager,
            CreditRisk.contract_id,
            Contract.number.label("contract_number"),
            CreditRisk.period,
            CreditRisk.currency,
            CreditRisk.is_closed,
            CreditRisk.as_of,
            CreditRisk.tried_at,
            CreditRisk.problem,
            CreditRisk.owed,
            CreditRisk.owed_least,
            CreditRisk.owed_most,
            CreditRisk.at_rate,
            CreditRisk.at_rate_least,
            CreditRisk.at_rate_most,
            CreditRisk.if_open,
            CreditRisk.if_open_least,
            CreditRisk.if_open_most,
            CreditRisk.at_risk,
            CreditRisk.window_s,
            CreditRisk.open_since,
            CreditRisk.step_s,
            CreditRisk.step_amount,
            CreditRisk.dark,
            func.jsonb_array_length(CreditRisk.reviews).label("reviews"),
        )
        .join(Customer, Customer.id == CreditRisk.customer_id)
        .join(Contract, Contract.id == CreditRisk.contract_id)
        .where(scope.filter(CreditRisk.customer_id))
    )
    statement = narrow(
        statement,
        (CreditRisk.customer_id, wanted.customer_id),
        (CreditRisk.contract_id, wanted.contract_id),
        (CreditRisk.currency, wanted.currency),
        (CreditRisk.is_closed, wanted.is_closed),
        (Customer.account_manager, wanted.account_manager),
    )
    if wanted.open_only:
        statement = statement.where(CreditRisk.open_since.is_not(None))
    if wanted.site_id is not None:
        places = _select_places().where(Room.site_id == wanted.site_id).subquery()
        statement = statement.where(CreditRisk.id.in_(select(places.c.risk_id)))
    return statement


def _select_places() -> Any:
    """`risk_id` and the `site_id` of each space that the contract had or has in that month."""
    month = "YYYY-MM"
    return (
        select(CreditRisk.id.label("risk_id"), Room.site_id)
        .join(ContractItem, ContractItem.contract_id == CreditRisk.contract_id)
        .join(Allocation, Allocation.contract_item_id == ContractItem.id)
        .join(Rack, Rack.id == Allocation.rack_id)
        .join(Cabinet, Cabinet.id == Rack.cabinet_id)
        .join(Row, Row.id == Cabinet.row_id)
        .join(Room, Room.id == Row.room_id)
        .where(
            func.to_char(Allocation.starts_on, month) <= CreditRisk.period,
            or_(
                Allocation.ends_on.is_(None),
                Allocation.ends_on > func.to_date(CreditRisk.period, month),
            ),
        )
    )


def _make_row(**fields: Any) -> CreditRiskRow:
    step_at = _find_step(fields["as_of"], fields["open_since"], fields["step_s"])
    return CreditRiskRow(step_at=step_at, **fields)


def _find_step(
    as_of: dt.datetime | None, open_since: dt.datetime | None, step_s: int | None
) -> dt.datetime | None:
    """When what is open costs more; None where nothing is open."""
    if as_of is None or open_since is None or step_s is None:
        return None
    return as_of + dt.timedelta(seconds=step_s)
