"""What a new day brings: versions come into force, contracts reach their end."""

import datetime as dt

from sqlalchemy import Date, cast, func, or_, select, true
from sqlalchemy.orm import Session, joinedload

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.columns import UtcDateTime, utc_now
from dcim.customers.amendments import put_in_force
from dcim.customers.models import Contract, ContractItem, ItemVersion
from dcim.customers.versions import Agreed


def turn_day(session: Session, scope: Scope, now: dt.datetime | None = None) -> dict[str, int]:
    """Bring each item's row in step with its version of today, and end contracts that are over.

    Idempotent; today is the day in each contract's own zone. Returns how many of each.
    """
    moment = now or utc_now()
    today = cast(func.timezone(Contract.timezone, cast(moment, UtcDateTime())), Date)
    versions = (
        select(ItemVersion)
        .where(ItemVersion.item_id == ContractItem.id, ItemVersion.effective_from <= today)
        .order_by(ItemVersion.effective_from.desc())
        .limit(1)
        .correlate(ContractItem, Contract)
        .lateral("in_force")
    )
    rows = session.execute(
        select(
            ContractItem,
            versions.c.effective_from,
            versions.c.quantity,
            versions.c.unit_price,
            versions.c.monthly_fee,
            versions.c.contracted_w,
            versions.c.amendment_id,
        )
        .join(Contract, Contract.id == ContractItem.contract_id)
        .join(versions, true())
        .where(
            or_(
                ContractItem.quantity.is_distinct_from(versions.c.quantity),
                ContractItem.unit_price.is_distinct_from(versions.c.unit_price),
                ContractItem.monthly_fee.is_distinct_from(versions.c.monthly_fee),
                ContractItem.contracted_w.is_distinct_from(versions.c.contracted_w),
            )
        )
        .order_by(ContractItem.id)
    ).all()
    for item, *values in rows:
        put_in_force(item, Agreed(*values))
        record(
            session,
            scope,
            "contract-item.version",
            f"contract-item/{item.id}",
            customer_id=item.customer_id,
            code=item.code,
            effective_from=values[0].isoformat(),
            monthly_fee=str(item.monthly_fee),
        )
    over = session.scalars(
        select(Contract)
        .where(Contract.state == "signed", Contract.ends_on <= today)
        .options(joinedload(Contract.customer))
        .order_by(Contract.id)
    ).all()
    for contract in over:
        contract.state = "ended"
        record(
            session,
            scope,
            "contract.over",
            f"contract/{contract.id}",
            customer_id=contract.customer_id,
            number=contract.number,
        )
    session.flush()
    return {"versions": len(rows), "contracts": len(over)}
