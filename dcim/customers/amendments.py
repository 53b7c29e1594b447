"""Changing what a signed contract costs: versions from the first of a month, the past untouched."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.customers.calendar import today_in
from dcim.customers.contracts import next_amendment_number, refuse_closed
from dcim.customers.items import first_version, price
from dcim.customers.models import Contract, ContractAmendment, ContractItem, ItemVersion
from dcim.customers.registration import require_staff
from dcim.customers.versions import Agreed, current_of, load_versions, pick_version
from dcim.errors import ConflictError, InvalidError


@dataclass(frozen=True, slots=True)
class Change:
    """What an item is to be from the amendment's day on. With a unit price the fee follows."""

    item_id: int
    quantity: Decimal = Decimal(1)
    unit_price: Decimal | None = None
    monthly_fee: Decimal | None = None
    contracted_w: int | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """One item before and after; `later` are versions of its own that come afterwards."""

    item: ContractItem
    before: Agreed
    after: Agreed
    later: tuple[Agreed, ...] = ()

    @property
    def by(self) -> Decimal:
        """What the month costs more (or less)."""
        return self.after.monthly_fee - self.before.monthly_fee


def preview_amendment(
    session: Session,
    scope: Scope,
    contract: Contract,
    effective_from: dt.date,
    changes: Sequence[Change],
    now: dt.datetime | None = None,
) -> list[Difference]:
    """What would change; every refusal comes here. Items left as they are don't appear.

    A statement has one fee for an item and month, and credits are shares of it. So a fee changes
    on the first of a month; a change within a month is one item's end and another's beginning.
    Raises InvalidError, ConflictError.
    """
    require_staff(scope)
    if contract.state != "signed":
        raise ConflictError(
            "Contract %(number)s is not in force; only a signed contract is amended.",
            number=contract.number,
        )
    if effective_from.day != 1:
        raise InvalidError(
            "An amendment takes effect on the first of a month. For a change within a month, end"
            " the item on that day and add another from it: both are prorated.",
            {"effective_from": ["first of a month"]},
        )
    refuse_closed(contract, effective_from, "effective_from", now)
    if effective_from < contract.starts_on or (
        contract.ends_on is not None and effective_from >= contract.ends_on
    ):
        raise InvalidError(
            "Contract %(number)s doesn't run on that day.",
            {"effective_from": ["outside"]},
            number=contract.number,
        )
    own = {item.id: item for item in contract.items}
    versions = load_versions(session, scope, own)
    found: dict[int, Difference] = {}
    for change in changes:
        item = own.get(change.item_id)
        if item is None or change.item_id in found:
            raise InvalidError("An item of this contract is named once.", {"items": ["unknown"]})
        difference = _compare(item, versions.get(item.id, []), effective_from, change)
        if difference.before != difference.after:
            found[item.id] = difference
    if not found:
        raise InvalidError("Nothing would change.", {"items": ["unchanged"]})
    return list(found.values())


def amend_contract(
    session: Session,
    scope: Scope,
    contract: Contract,
    effective_from: dt.date,
    changes: Sequence[Change],
    *,
    summary: str = "",
    number: str = "",
    signed_at: dt.datetime | None = None,
    now: dt.datetime | None = None,
) -> ContractAmendment:
    """Write the versions; those already in force become the items' current values at once."""
    differences = preview_amendment(session, scope, contract, effective_from, changes, now)
    amendment = ContractAmendment(
        contract_id=contract.id,
        customer_id=contract.customer_id,
        number=number or next_amendment_number(session, contract),
        effective_from=effective_from,
        summary=summary,
        signed_at=signed_at or now or utc_now(),
        created_at=now or utc_now(),
    )
    session.add(amendment)
    session.flush()
    today = today_in(contract.timezone, now)
    for difference in differences:
        item, after = difference.item, difference.after
        if not item.versions:
            item.versions.append(first_version(item))
        item.versions.append(
            ItemVersion(
                customer_id=item.customer_id,
                effective_from=effective_from,
                quantity=after.quantity,
                unit_price=after.unit_price,
                monthly_fee=after.monthly_fee,
                contracted_w=after.contracted_w,
                amendment_id=amendment.id,
            )
        )
        if effective_from <= today and not [
            v for v in difference.later if v.effective_from <= today
        ]:
            put_in_force(item, after)
    session.flush()
    record(
        session,
        scope,
        "contract.amend",
        f"contract/{contract.id}",
        customer_id=contract.customer_id,
        number=amendment.number,
        effective_from=effective_from.isoformat(),
        changes=[
            {
                "item": one.item.code,
                "before": _tell(one.before),
                "after": _tell(one.after),
            }
            for one in differences
        ],
    )
    return amendment


def put_in_force(item: ContractItem, agreed: Agreed) -> None:
    """The item's own row says what holds now."""
    item.quantity, item.unit_price = agreed.quantity, agreed.unit_price
    item.monthly_fee, item.contracted_w = agreed.monthly_fee, agreed.contracted_w


def _compare(
    item: ContractItem, versions: list[Agreed], day: dt.date, change: Change
) -> Difference:
    if item.starts_on > day or (item.ends_on is not None and item.ends_on <= day):
        raise ConflictError("Item %(code)s doesn't run on that day.", code=item.code)
    versions = versions or [current_of(item)]
    standing = [version for version in versions if version.effective_from == day]
    before = pick_version(versions, day) or current_of(item)
    priced = price(
        {
            "quantity": change.quantity,
            "unit_price": change.unit_price,
            "monthly_fee": change.monthly_fee,
        }
    )
    if change.contracted_w is not None and not 0 <= change.contracted_w < 2**31:
        raise InvalidError("A power in watts is needed here.", {"contracted_w": ["range"]})
    after = Agreed(
        before.effective_from, priced["quantity"], priced["unit_price"], priced["monthly_fee"],
        change.contracted_w, before.amendment_id,
    )  # fmt: skip
    if standing and after != before:
        raise ConflictError(
            "Item %(code)s has a version from that very day already.", code=item.code
        )
    return Difference(item, before, after, tuple(v for v in versions if v.effective_from > day))


def _tell(agreed: Agreed) -> dict[str, str | int | None]:
    return {
        "quantity": str(agreed.quantity),
        "unit_price": None if agreed.unit_price is None else str(agreed.unit_price),
        "monthly_fee": str(agreed.monthly_fee),
        "contracted_w": agreed.contracted_w,
    }
