"""The demo's rented servers, and passes in every state that somebody has to look at."""

import datetime as dt
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.customers.models import Contract, ContractItem
from dcim.demo.equipment_plan import SERVER
from dcim.demo.plan_parts import ContractPlan, DemoPlan
from dcim.demo.records import Records
from dcim.inventory.devices.gate import check_pass
from dcim.inventory.devices.passes import LineRequest, approve_pass, request_pass
from dcim.inventory.devices.registration import register_device
from dcim.inventory.models import DeviceType
from dcim.inventory.rental import rent_device

# One more than is let: what can be let next.
MACHINES = 4
LET = 3
FEE = Decimal("1200.00")


def load_equipment(session: Session, scope: Scope, plan: DemoPlan, records: Records) -> None:
    """Machines of the operator, three of them let since the month that runs; three passes."""
    running = [contract for contract in plan.contracts if contract.ends_on is None][:LET]
    kind = session.scalars(select(DeviceType).where(DeviceType.model == SERVER)).one()
    # After the month that is closed: its statements were agreed without these.
    zone = ZoneInfo(plan.site.timezone)
    starts_on = dt.datetime.fromtimestamp(plan.month_end_ms / 1000, zone).date()
    for number in range(1, MACHINES + 1):
        device = register_device(
            session,
            scope,
            name=f"rental-{number:02d}",
            role="server",
            device_type_id=kind.id,
            asset_tag=f"JF-R{number:03d}",
        )
        if number <= len(running):
            item = _add_item(session, running[number - 1], records, number, starts_on)
            rent_device(session, scope, device.id, item.id, starts_on=starts_on)
    _load_passes(session, scope, running, records)


def _add_item(
    session: Session, contract: ContractPlan, records: Records, number: int, starts_on: dt.date
) -> ContractItem:
    row = session.scalars(select(Contract).where(Contract.number == contract.number)).one()
    item = ContractItem(
        contract_id=row.id,
        customer_id=records.customers[contract.customer].id,
        code=f"{contract.number}-R{number}",
        kind="server",
        label=f"整机租用 rental-{number:02d}",
        label_en=f"Server rental rental-{number:02d}",
        monthly_fee=FEE,
        starts_on=starts_on,
    )
    session.add(item)
    session.flush()
    return item


def _load_passes(
    session: Session, scope: Scope, contracts: list[ContractPlan], records: Records
) -> None:
    now = utc_now()
    today = now.astimezone(ZoneInfo("Asia/Shanghai")).date()
    wishes = (
        ("in", "王磊", "31X8", 1, (LineRequest("other", "1U 服务器 1U server", quantity=2),)),
        ("out", "陈静", "7721", 0, (LineRequest("media", "SATA 硬盘 SATA disk", quantity=6),)),
        ("in", "赵敏", "0042", 0, (LineRequest("other", "光模块 10G 10G optics", quantity=20),)),
    )
    for state, (contract, wish) in enumerate(zip(contracts, wishes, strict=False)):
        direction, bearer, hint, days, lines = wish
        made = request_pass(
            session,
            scope,
            direction=direction,
            site_id=records.site_id,
            bearer=bearer,
            bearer_document_hint=hint,
            planned_on=today + dt.timedelta(days=days),
            lines=lines,
            customer_id=records.customers[contract.customer].id,
            now=now,
        )
        if state >= 1:
            approve_pass(session, scope, made.id, now=now)
        if state >= 2:
            check_pass(session, scope, made.id, {made.lines[0].id: 18}, now=now)
