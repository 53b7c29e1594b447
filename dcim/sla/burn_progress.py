"""How far what counts against promises is known: of all contracts, and of those that are behind.

Whoever judges begins a round for all: of contracts that nothing happens to it is known by that, the
suspects are behind until each is judged. So one that can't be judged stands still alone: what burns
of it meanwhile is unknown, and is looked at when it was judged, each instant in its turn.
"""

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from sqlalchemy import func, literal, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.columns import UtcDateTime, is_among
from dcim.customers.models import Contract, ContractItem, Customer
from dcim.customers.registration import require_staff
from dcim.sla.burn_models import BurnProgress, BurnRound
from dcim.sla.circumstances import moment
from dcim.sla.rules.periods import to_ms

# One that waits so long for its turn is told of, like one that can't be judged.
LATE = dt.timedelta(minutes=10)
# So many of those are listed.
LISTED = 20


@dataclass(frozen=True, slots=True)
class KnownSpan:
    """[since, until], UTC epoch ms: what counted is known, and not seen otherwise any more. Of the
    items in `behind` only up to the instant given there, which may lie before `since`."""

    since: int
    until: int
    behind: Mapping[int, int] = field(default_factory=dict)

    def reach(self, item_id: int) -> int:
        """Up to when it is known of an item."""
        return self.behind.get(item_id, self.until)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A contract that is behind, known up to `until`, UTC epoch ms."""

    contract_id: int
    until: int
    tried: int | None
    problem: str


@dataclass(frozen=True, slots=True)
class UnjudgedRow:
    """A contract of which it isn't known what burns since `until`; `problem` says why, and is empty
    where it waits for its turn. `total`: how many there are, listed or not."""

    contract_id: int
    number: str
    customer_code: str
    until: dt.datetime
    problem: str
    total: int


@dataclass(frozen=True, slots=True)
class Turn:
    """The contract's row, ours until commit; up to `published` (UTC epoch ms) what is kept of it
    was acted upon, None before the first round."""

    row: BurnProgress
    published: int | None


def begin_round(session: Session, until: int, suspects: Collection[int]) -> list[Waiting]:
    """From now on it is known up to `until` (UTC epoch ms) of all contracts but the suspects; who
    is behind now. An older round than the last one begins nothing anew."""
    session.execute(insert(BurnRound).values(id=1).on_conflict_do_nothing())
    one = select(BurnRound).with_for_update().execution_options(populate_existing=True)
    row = session.scalars(one).one()
    if row.until is None or to_ms(row.until) < until:
        # Before the first one nothing is known of them, not even that instant.
        known = row.until or moment(until - 1)
        added = insert(BurnProgress).from_select(
            ["contract_id", "customer_id", "until"],
            select(Contract.id, Contract.customer_id, literal(known, UtcDateTime())).where(
                is_among(Contract.id, suspects)
            ),
        )
        session.execute(
            added.on_conflict_do_update(
                index_elements=["contract_id"],
                set_={"until": added.excluded.until},
                where=BurnProgress.until.is_(None),
            )
        )
        row.since, row.until = row.since or moment(until), moment(until)
    session.flush()
    rows = session.scalars(
        select(BurnProgress)
        .where(BurnProgress.until.is_not(None))
        .order_by(BurnProgress.contract_id)
        .execution_options(populate_existing=True)
    )
    return [
        Waiting(
            one.contract_id,
            to_ms(one.until),
            None if one.tried_at is None else to_ms(one.tried_at),
            one.problem,
        )
        for one in rows
        if one.until is not None
    ]


def take_turn(session: Session, contract: Contract) -> Turn:
    """What is kept of the contract is ours until commit, and no round begins meanwhile."""
    known = session.scalar(select(BurnRound.until).with_for_update(read=True))
    session.execute(
        insert(BurnProgress)
        .values(contract_id=contract.id, customer_id=contract.customer_id)
        .on_conflict_do_nothing()
    )
    row = session.scalars(
        select(BurnProgress)
        .where(BurnProgress.contract_id == contract.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    published = row.until or known
    return Turn(row, None if published is None else to_ms(published))


def publish(session: Session, contract: Contract, until: int, tried_at: dt.datetime) -> None:
    """From now on what is kept of the contract up to `until` (UTC epoch ms) may be acted upon."""
    row = take_turn(session, contract).row
    row.tried_at, row.problem = tried_at, ""
    if row.until is not None:
        all_known = session.scalar(select(BurnRound.until))
        reached = max(to_ms(row.until), until)
        is_abreast = all_known is not None and to_ms(all_known) <= reached
        row.until = None if is_abreast else moment(reached)
    session.flush()


def note_problem(session: Session, contract: Contract, problem: str, tried_at: dt.datetime) -> bool:
    """Why it can't be judged; whether that is news."""
    row = take_turn(session, contract).row
    is_news = row.problem != problem[:4000]
    row.tried_at, row.problem = tried_at, problem[:4000]
    session.flush()
    return is_news


def read_known(session: Session) -> KnownSpan | None:
    """None before the first round. One statement: what all are known by and who is behind belong
    together."""
    rows = session.execute(
        select(BurnRound.since, BurnRound.until, ContractItem.id, BurnProgress.until)
        .select_from(BurnRound)
        .outerjoin(BurnProgress, BurnProgress.until.is_not(None))
        .outerjoin(ContractItem, ContractItem.contract_id == BurnProgress.contract_id)
    ).all()
    if not rows or rows[0][0] is None or rows[0][1] is None:
        return None
    behind = {item_id: to_ms(until) for _, _, item_id, until in rows if item_id and until}
    return KnownSpan(to_ms(rows[0][0]), to_ms(rows[0][1]), behind)


def list_unjudged(session: Session, scope: Scope, now: dt.datetime) -> list[UnjudgedRow]:
    """Contracts that can't be judged, and those that wait for long; the first of them, by how far
    they are behind. For staff."""
    require_staff(scope)
    return _list(session, now, limit=LISTED)


def find_unjudged(
    session: Session, scope: Scope, item_id: int, now: dt.datetime
) -> UnjudgedRow | None:
    """The item's contract if it is one of those. For staff."""
    require_staff(scope)
    rows = _list(session, now, limit=1, item_id=item_id)
    return rows[0] if rows else None


def _list(
    session: Session, now: dt.datetime, *, limit: int, item_id: int | None = None
) -> list[UnjudgedRow]:
    statement = (
        select(
            BurnProgress.contract_id,
            Contract.number,
            Customer.code,
            BurnProgress.until,
            BurnProgress.problem,
            func.count().over(),
        )
        .join(Contract, Contract.id == BurnProgress.contract_id)
        .join(Customer, Customer.id == Contract.customer_id)
        .where(
            BurnProgress.until.is_not(None),
            or_(BurnProgress.problem != "", BurnProgress.until < now - LATE),
        )
        .order_by(BurnProgress.until, Contract.number)
        .limit(limit)
    )
    if item_id is not None:
        item = select(ContractItem.contract_id).where(ContractItem.id == item_id)
        statement = statement.where(BurnProgress.contract_id == item.scalar_subquery())
    return [
        UnjudgedRow(contract_id, number, code, until, problem, total)
        for contract_id, number, code, until, problem, total in session.execute(statement)
        if until is not None
    ]
