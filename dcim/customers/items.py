"""Items of contracts: added from the catalogue or freely, priced, corrected while a draft."""

import datetime as dt
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.customers.contracts import find_contract_row, refuse_closed
from dcim.customers.models import CatalogueItem, Contract, ContractItem, ItemVersion
from dcim.customers.registration import require_staff
from dcim.customers.versions import CENT, fee_of
from dcim.errors import ConflictError, InvalidError

# What an amendment changes once the contract is signed.
AMENDED_FIELDS = ("quantity", "unit_price", "monthly_fee", "contracted_w")


def create_item(
    session: Session, scope: Scope, values: dict[str, Any], now: dt.datetime | None = None
) -> ContractItem:
    """Add a line, by default at the catalogue's price; a signed contract's from this month on.

    Raises InvalidError, ConflictError, NotFoundError, ForbiddenError. Audited by who calls.
    """
    require_staff(scope)
    contract = find_contract_row(session, scope, values["contract_id"])
    given = _take_from_catalogue(session, contract, values)
    given["customer_id"] = contract.customer_id
    given.update(price(given))
    _check_dates(contract, given["starts_on"], given.get("ends_on"))
    if contract.state == "ended":
        raise ConflictError("Contract %(number)s has ended.", number=contract.number)
    if contract.state == "signed":
        refuse_closed(contract, given["starts_on"], "starts_on", now)
    item = ContractItem(**given)
    item.versions = [first_version(item)]
    session.add(item)
    session.flush()
    return item


def update_item(session: Session, scope: Scope, item: ContractItem, values: dict[str, Any]) -> None:
    """Words and notes at any time; the price while the contract is a draft. Audited by who calls.

    Raises InvalidError for what takes an amendment.
    """
    require_staff(scope)
    contract = find_contract_row(session, scope, item.contract_id)
    changed = {name: new for name, new in values.items() if getattr(item, name) != new}
    priced = [name for name in AMENDED_FIELDS if name in changed]
    if priced and contract.state != "draft":
        raise InvalidError(
            "Contract %(number)s is signed: what its items cost changes by an amendment.",
            {name: ["signed"] for name in priced},
            number=contract.number,
        )
    if priced:
        stays = {name: getattr(item, name) for name in ("quantity", "unit_price", "monthly_fee")}
        if "monthly_fee" not in changed and (changed.get("unit_price") or stays["unit_price"]):
            stays.pop("monthly_fee")
        changed.update(price({**stays, **changed}))
    for name, value in changed.items():
        setattr(item, name, value)
    for version in item.versions if priced else ():
        version.quantity, version.unit_price = item.quantity, item.unit_price
        version.monthly_fee, version.contracted_w = item.monthly_fee, item.contracted_w
    session.flush()


def delete_item(session: Session, scope: Scope, item: ContractItem) -> None:
    """A draft's alone; what was sold is ended, not deleted. Audited by who calls."""
    require_staff(scope)
    contract = find_contract_row(session, scope, item.contract_id)
    if contract.state != "draft":
        raise ConflictError(
            "Contract %(number)s is signed: end the item instead.", number=contract.number
        )
    session.delete(item)
    session.flush()


def set_item_end(
    session: Session,
    scope: Scope,
    item: ContractItem,
    ends_on: dt.date | None,
    now: dt.datetime | None = None,
) -> None:
    """End an item (or let it run again); whether space is still its own is asked before.

    Raises InvalidError for a closed month or a day outside the contract.
    """
    require_staff(scope)
    contract = find_contract_row(session, scope, item.contract_id)
    _check_dates(contract, item.starts_on, ends_on)
    if contract.state != "draft":
        for day in (ends_on, item.ends_on):
            if day is not None:
                refuse_closed(contract, day, "ends_on", now)
    before, item.ends_on = item.ends_on, ends_on
    session.flush()
    record(
        session,
        scope,
        "contract-item.end",
        f"contract-item/{item.id}",
        customer_id=item.customer_id,
        code=item.code,
        ends_on=ends_on.isoformat() if ends_on else None,
        before=before.isoformat() if before else None,
    )


def price(values: dict[str, Any]) -> dict[str, Any]:
    """quantity, unit_price and monthly_fee that agree; the fee from the price where one is given.

    Raises InvalidError when neither is given, or both and they contradict each other.
    """
    quantity = values.get("quantity") or Decimal(1)
    unit_price, fee = values.get("unit_price"), values.get("monthly_fee")
    if quantity <= 0:
        raise InvalidError("The quantity must be more than 0.", {"quantity": ["not positive"]})
    if unit_price is None and fee is None:
        raise InvalidError(
            "Give a price for each unit, or the monthly fee.", {"monthly_fee": ["missing"]}
        )
    if (unit_price is not None and unit_price < 0) or (fee is not None and fee < 0):
        raise InvalidError("A price can't be negative.", {"monthly_fee": ["negative"]})
    if unit_price is not None:
        computed = fee_of(quantity, unit_price)
        if fee is not None and fee.quantize(CENT) != computed:
            raise InvalidError(
                "%(quantity)s × %(price)s is %(computed)s, not %(fee)s: leave one of them out.",
                {"monthly_fee": ["contradicts"]},
                quantity=f"{quantity.normalize():f}",
                price=unit_price,
                computed=computed,
                fee=fee,
            )
        fee = computed
    return {"quantity": quantity, "unit_price": unit_price, "monthly_fee": fee}


def first_version(item: ContractItem) -> ItemVersion:
    """What the item's own row says, from its first day on."""
    return ItemVersion(
        customer_id=item.customer_id,
        effective_from=item.starts_on,
        quantity=item.quantity,
        unit_price=item.unit_price,
        monthly_fee=item.monthly_fee,
        contracted_w=item.contracted_w,
    )


def _take_from_catalogue(
    session: Session, contract: Contract, values: dict[str, Any]
) -> dict[str, Any]:
    given = {name: value for name, value in values.items() if value is not None}
    if (offered := values.get("catalogue_item_id")) is not None:
        offer = session.get(CatalogueItem, offered)
        if offer is None:
            raise InvalidError("No such catalogue item.", {"catalogue_item_id": ["unknown"]})
        if given.get("kind", offer.kind) != offer.kind:
            raise InvalidError(
                "%(code)s of the catalogue is of another kind.",
                {"kind": ["contradicts"]},
                code=offer.code,
            )
        given["kind"] = offer.kind
        given["unit"] = given.get("unit") or offer.unit
        given["label"] = given.get("label") or offer.name
        given["label_en"] = given.get("label_en") or offer.name_en
        if given.get("unit_price") is None and given.get("monthly_fee") is None:
            if offer.currency != contract.currency:
                raise InvalidError(
                    "%(code)s is listed in %(currency)s; give a price in the contract's currency.",
                    {"unit_price": ["currency"]},
                    code=offer.code,
                    currency=offer.currency,
                )
            given["unit_price"] = offer.list_price
    for name in ("kind", "label"):
        if not given.get(name):
            raise InvalidError("Give it, or choose from the catalogue.", {name: ["missing"]})
    given["label_en"] = given.get("label_en") or given["label"]
    return given


def _check_dates(contract: Contract, starts_on: dt.date, ends_on: dt.date | None) -> None:
    if ends_on is not None and ends_on <= starts_on:
        raise InvalidError("The end must come after the start.", {"ends_on": ["too early"]})
    early = starts_on < contract.starts_on
    late = contract.ends_on is not None and (
        starts_on >= contract.ends_on or (ends_on is not None and ends_on > contract.ends_on)
    )
    if early or late:
        raise InvalidError(
            "Contract %(number)s runs from %(start)s to %(end)s; an item lies within it.",
            {"starts_on" if early else "ends_on": ["outside"]},
            number=contract.number,
            start=contract.starts_on,
            end=contract.ends_on or "∞",
        )
