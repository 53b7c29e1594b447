"""What an item costs and grants on a day: the version in force then, not simply the current one."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.customers.models import ContractItem, ItemVersion

CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Agreed:
    """From `effective_from` on; `contracted_w` in watts on all feeds together."""

    effective_from: dt.date
    quantity: Decimal
    unit_price: Decimal | None
    monthly_fee: Decimal
    contracted_w: int | None
    amendment_id: int | None = None


def fee_of(quantity: Decimal, unit_price: Decimal) -> Decimal:
    """Quantity times price, rounded half up to the cent."""
    return (quantity * unit_price).quantize(CENT, ROUND_HALF_UP)


def pick_version(versions: Iterable[Agreed], day: dt.date) -> Agreed | None:
    """The last version at or before the day; the first of all on days before any. None of none."""
    ordered = sorted(versions, key=lambda version: version.effective_from)
    begun = [version for version in ordered if version.effective_from <= day]
    return begun[-1] if begun else (ordered[0] if ordered else None)


def current_of(item: ContractItem) -> Agreed:
    """What the item's own row says: its only version, as long as none is written."""
    return Agreed(
        item.starts_on, item.quantity, item.unit_price, item.monthly_fee, item.contracted_w
    )


def load_versions(
    session: Session, scope: Scope, item_ids: Iterable[int]
) -> dict[int, list[Agreed]]:
    """By item, in the order of their days; one statement."""
    rows = session.execute(
        select(
            ItemVersion.item_id,
            ItemVersion.effective_from,
            ItemVersion.quantity,
            ItemVersion.unit_price,
            ItemVersion.monthly_fee,
            ItemVersion.contracted_w,
            ItemVersion.amendment_id,
        )
        .where(ItemVersion.item_id.in_(list(item_ids)), scope.filter(ItemVersion.customer_id))
        .order_by(ItemVersion.item_id, ItemVersion.effective_from)
    )
    found: dict[int, list[Agreed]] = {}
    for row in rows:
        fields = dict(row._mapping)
        found.setdefault(fields.pop("item_id"), []).append(Agreed(**fields))
    return found


def find_agreed(
    session: Session, scope: Scope, items: Sequence[ContractItem], first: dt.date
) -> dict[int, Agreed]:
    """What holds for each item in the month that begins on `first`.

    Versions change on the first of a month (`dcim.customers.amendments` sees to it), so the month
    has one: that of its first day, or of the day within it on which the item begins.
    """
    versions = load_versions(session, scope, [item.id for item in items])
    return {
        item.id: pick_version(versions.get(item.id, ()), max(first, item.starts_on))
        or current_of(item)
        for item in items
    }
