"""Keeping what counted against promises as it was known: written by whoever judged a contract's
month, read by whoever asks how fast it burned, then or now."""

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.columns import is_among
from dcim.customers.models import Contract, ContractItem
from dcim.customers.registration import require_staff
from dcim.sla.burn_models import BurnedStretch
from dcim.sla.burn_progress import take_turn
from dcim.sla.circumstances import moment
from dcim.sla.rules.burned import LEAST_LEFT, Burned, Kept, Stretch, compare
from dcim.sla.rules.facts import Period
from dcim.sla.rules.intervals import Intervals, union
from dcim.sla.rules.periods import to_ms

# So many stretches are listed.
LISTED = 50
# By item and promise, whichever version of the terms says it.
Stretches = Mapping[int, Mapping[str, list[Stretch]]]


@dataclass(frozen=True, slots=True)
class BurnedRow:
    """Counted downtime of one promise, `metric` of the item's terms; see `BurnedStretch`."""

    id: int
    metric: str
    left_share: float
    started_at: dt.datetime
    ended_at: dt.datetime
    known_at: dt.datetime
    undone_at: dt.datetime | None

    @property
    def leaves_nothing(self) -> bool:
        return self.left_share <= LEAST_LEFT


def keep_burned(
    session: Session, contract: Contract, judged: Iterable[Burned], span: Period
) -> int:
    """Bring what is kept of a contract up to what was judged of `span`; how many rows that wrote.

    One of a contract at a time, until commit. Of promises that aren't judged any more nothing
    counts. What is kept beyond the span was judged by more than this was: that may count by what
    came after (an outage that counts from five minutes on), so it stays.
    """
    turn = take_turn(session, contract)
    row, published = turn.row, turn.published
    # Right after what was seen, however much later it is judged; and after what was written before.
    earliest = span.end if published is None else published + 1
    now = moment(max(earliest, 0 if row.known_at is None else to_ms(row.known_at)))
    items = {
        code: item_id
        for item_id, code in session.execute(
            select(ContractItem.id, ContractItem.code).where(
                ContractItem.contract_id == contract.id
            )
        )
    }
    parts: dict[tuple[int, str, float], Intervals] = {
        (items[one.item], one.metric, one.left): one.parts for one in judged if one.item in items
    }
    kept: dict[tuple[int, str, float], list[BurnedStretch]] = {}
    for one in session.scalars(
        select(BurnedStretch)
        .where(
            is_among(BurnedStretch.contract_item_id, items.values()),
            BurnedStretch.undone_at.is_(None),
            BurnedStretch.started_at < moment(span.end),
            BurnedStretch.ended_at > moment(span.start),
        )
        .order_by(BurnedStretch.id)
    ):
        key = (one.contract_item_id, one.metric, one.left_share)
        kept.setdefault(key, []).append(one)
    written = 0
    for key in sorted(parts.keys() | kept.keys()):
        rows = {one.id: one for one in kept.get(key, ())}
        values = [Kept(k, to_ms(one.started_at), to_ms(one.ended_at)) for k, one in rows.items()]
        later = [(one.start, one.end) for one in values if one.end > span.end]
        counts = union([*parts.get(key, []), *later])
        changes = compare(values, counts, span, published)
        for row_id, end in changes.grown.items():
            rows[row_id].ended_at = moment(end)
        for row_id in changes.undone:
            rows[row_id].undone_at = now
        item_id, metric, left = key
        session.add_all(
            BurnedStretch(
                customer_id=contract.customer_id, contract_item_id=item_id, metric=metric,
                left_share=left, started_at=moment(start), ended_at=moment(end), known_at=now,
            )
            for start, end in changes.new
        )  # fmt: skip
        written += len(changes.grown) + len(changes.undone) + len(changes.new)
    if written:
        row.known_at = now
    session.flush()
    return written


def find_following(session: Session, since: dt.datetime) -> set[int]:
    """Contracts of which something still counts that lasted until `since` or longer."""
    return set(
        session.scalars(
            select(ContractItem.contract_id)
            .join(BurnedStretch, BurnedStretch.contract_item_id == ContractItem.id)
            .where(BurnedStretch.undone_at.is_(None), BurnedStretch.ended_at >= since)
            .distinct()
        )
    )


def find_burning(session: Session, start: int, end: int) -> set[int]:
    """Items of which anything counted in [start, end), UTC epoch ms, at some time."""
    return set(
        session.scalars(
            select(BurnedStretch.contract_item_id).where(_touches(start, end)).distinct()
        )
    )


def read_stretches(session: Session, item_ids: Collection[int], start: int, end: int) -> Stretches:
    """All of [start, end), UTC epoch ms, with what no longer counts, in the order of writing; one
    statement."""
    found: dict[int, dict[str, list[Stretch]]] = {}
    for row in session.scalars(
        select(BurnedStretch)
        .where(is_among(BurnedStretch.contract_item_id, item_ids), _touches(start, end))
        .order_by(BurnedStretch.id)
    ):
        promise = row.metric.partition("@")[0]
        found.setdefault(row.contract_item_id, {}).setdefault(promise, []).append(
            Stretch(
                to_ms(row.started_at),
                to_ms(row.ended_at),
                to_ms(row.known_at),
                None if row.undone_at is None else to_ms(row.undone_at),
                row.left_share,
            )
        )
    return found


def list_burned(
    session: Session, scope: Scope, item_id: int, since: dt.datetime, until: dt.datetime
) -> list[BurnedRow]:
    """What counted of an item in that time, also what no longer does, newest first. For staff."""
    require_staff(scope)
    rows = session.execute(
        select(*(getattr(BurnedStretch, name) for name in BurnedRow.__dataclass_fields__))
        .where(BurnedStretch.contract_item_id == item_id, _touches(to_ms(since), to_ms(until)))
        .order_by(BurnedStretch.started_at.desc(), BurnedStretch.id.desc())
        .limit(LISTED)
    )
    return [BurnedRow(*row) for row in rows]


def _touches(start: int, end: int) -> ColumnElement[bool]:
    return and_(
        BurnedStretch.started_at < moment(end),
        BurnedStretch.ended_at > moment(start),
        or_(
            BurnedStretch.undone_at.is_(None),
            BurnedStretch.undone_at > BurnedStretch.known_at,
        ),
    )
