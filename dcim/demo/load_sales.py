"""Write what was sold how: the catalogue, a price raised in the past, one to come, two orders."""

import datetime as dt
from decimal import Decimal

from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.customers.amendments import Change, amend_contract
from dcim.customers.calendar import add_months, today_in
from dcim.customers.items import first_version
from dcim.customers.models import CatalogueItem, ContractItem
from dcim.customers.turning import turn_day
from dcim.demo.plan_parts import DemoPlan
from dcim.demo.records import Records
from dcim.demo.sales_plan import (
    COMING_CUSTOMER,
    COMING_FEE,
    LEAVING,
    OFFERS,
    RAISED_BY,
    RAISED_ITEM,
    SUSPENDED,
    offer_of,
    raised_from,
)
from dcim.operations.orders import approve_order, request_order, tick_step


def load_catalogue(session: Session) -> dict[str, CatalogueItem]:
    offers = {
        offer.code: CatalogueItem(
            code=offer.code,
            kind=offer.kind,
            name=offer.name,
            name_en=offer.name_en,
            unit=offer.unit,
            list_price=offer.list_price,
            min_term_months=offer.min_term_months,
        )
        for offer in OFFERS
    }
    session.add_all(offers.values())
    session.flush()
    return offers


def sell_by(item: ContractItem, offers: dict[str, CatalogueItem]) -> None:
    """Say by which offer the item was sold, and how many; its fee stays what it is."""
    code = offer_of(item.kind, item.monthly_fee)
    if code is None:
        return
    offer = offers[code]
    quantity = item.monthly_fee / offer.list_price
    item.catalogue_item_id, item.unit = offer.id, offer.unit
    item.unit_price, item.quantity = offer.list_price, quantity.quantize(Decimal("0.001"))


def load_changes(session: Session, scope: Scope, plan: DemoPlan, records: Records) -> None:
    """An amendment in the past, the fee before it being lower; and one that is to come."""
    now = dt.datetime.fromtimestamp(plan.anchor_ms / 1000, dt.UTC)
    contracts = {contract.customer: contract for contract in plan.contracts}
    raised = records.items[contracts[RAISED_ITEM].items[0].code]
    fee = raised.monthly_fee
    raised.unit_price = raised.monthly_fee = fee - RAISED_BY
    raised.versions = [first_version(raised)]
    month = today_in(raised.contract.timezone, now).replace(day=1)
    day = raised_from(add_months(month, -1))
    amend_contract(
        session, scope, raised.contract, day,
        [Change(raised.id, raised.quantity, fee, None, raised.contracted_w)],
        summary="按合同第 7 条调价", now=dt.datetime.combine(day, dt.time(3), dt.UTC)
        - dt.timedelta(days=20),
    )  # fmt: skip
    turn_day(session, scope, now)
    coming = records.items[contracts[COMING_CUSTOMER].items[0].code]
    amend_contract(
        session, scope, coming.contract, add_months(month, 1),
        [Change(coming.id, coming.quantity, COMING_FEE, None, coming.contracted_w)],
        summary="续约调价", now=now,
    )  # fmt: skip


def load_orders(session: Session, scope: Scope, plan: DemoPlan, records: Records) -> None:
    """One customer in arrears whose suspension has begun, one that moves out in two months."""
    now = dt.datetime.fromtimestamp(plan.anchor_ms / 1000, dt.UTC)
    today = today_in("Asia/Shanghai", now)
    suspension = request_order(
        session, scope, records.customers[SUSPENDED].id, "suspend",
        effective_on=today, reason="欠费 62 天，两次催缴未付", now=now - dt.timedelta(hours=30),
    )  # fmt: skip
    approve_order(session, scope, suspension, now - dt.timedelta(hours=26))
    tick_step(
        session, scope, suspension.steps[0], note="电话与邮件告知", now=now - dt.timedelta(hours=25)
    )
    leaving = request_order(
        session, scope, records.customers[LEAVING].id, "move_out",
        effective_on=add_months(today.replace(day=1), 2), reason="客户来函：到期不续",
        now=now - dt.timedelta(days=5),
    )  # fmt: skip
    approve_order(session, scope, leaving, now - dt.timedelta(days=4))
