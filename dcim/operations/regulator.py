"""What the regulator asks of an IDC, as sheets: rooms, cabinets, users, bandwidth, addresses.

The fields follow the basic data that an operator's information security system reports (基础数据:
机房、机架、用户、服务、IP 地址); the transport of that report is not ours.
"""

import codecs
import csv
import datetime as dt
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.customers.models import SERVED_STATES, Contract, ContractItem, Customer
from dcim.errors import ForbiddenError
from dcim.inventory.models import Allocation, Cabinet, Device, Rack, Room, Row, Site
from dcim.inventory.numbering import name_units
from dcim.network.address_models import AddressAssignment
from dcim.network.addresses import write_net
from dcim.network.addressing import parse_net
from dcim.network.models import BandwidthService, Port, ServiceMembership

CUSTOMER_KINDS = {
    "enterprise": "企业",
    "individual": "个人",
    "government": "政府机关",
    "school": "学校",
    "other": "其他",
}
IDENTITY_KINDS = {
    "credit_code": "统一社会信用代码",
    "id_card": "居民身份证",
    "passport": "护照",
    "foreign": "境外登记证件",
    "other": "其他",
}
STATES = {"active": "在用", "suspended": "停机", "leaving": "退租中"}


@dataclass(frozen=True, slots=True)
class Sheet:
    """`name` without its ending; rows are of text and numbers."""

    name: str
    head: tuple[str, ...]
    rows: list[tuple[Any, ...]]


def export_regulator(
    session: Session, scope: Scope, zone: str, now: dt.datetime | None = None
) -> list[Sheet]:
    """All sheets as of now, and who took them in the audit log. Staff only.

    A constant number of statements.
    """
    if not scope.is_staff:
        raise ForbiddenError("Only staff report to the regulator.")
    moment = now or utc_now()
    today = moment.astimezone(ZoneInfo(zone)).date()
    sheets = [
        Sheet("机房", _ROOM_HEAD, list(_rooms(session))),
        Sheet("机柜", _CABINET_HEAD, list(_cabinets(session, today))),
        Sheet("用户", _USER_HEAD, list(_users(session))),
        Sheet("带宽", _BANDWIDTH_HEAD, list(_bandwidth(session, zone))),
        Sheet("IP地址", _ADDRESS_HEAD, list(_addresses(session, zone, moment))),
    ]
    record(
        session,
        scope,
        "regulator.export",
        "regulator",
        rows={sheet.name: len(sheet.rows) for sheet in sheets},
    )
    return sheets


def write_sheet(sheet: Sheet) -> bytes:
    """CSV in UTF-8 with its mark, so that spreadsheets read it; no cell runs as a formula."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(sheet.head)
    writer.writerows([_cell(value) for value in row] for row in sheet.rows)
    return codecs.BOM_UTF8 + buffer.getvalue().encode()


def _cell(value: Any) -> str:
    """As text; what a spreadsheet would run gets an apostrophe before it."""
    text = "" if value is None else str(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


_ROOM_HEAD = ("机房编号", "机房名称", "站点编号", "站点名称", "机房地址", "机柜数", "机位数")


def _rooms(session: Session) -> Iterator[tuple[Any, ...]]:
    for row in session.execute(
        select(
            Room.code,
            Room.name,
            Site.code,
            Site.name,
            Site.address,
            func.count(Cabinet.id.distinct()),
            func.count(Rack.id.distinct()),
        )
        .join(Site, Site.id == Room.site_id)
        .outerjoin(Row, Row.room_id == Room.id)
        .outerjoin(Cabinet, Cabinet.row_id == Row.id)
        .outerjoin(Rack, Rack.cabinet_id == Cabinet.id)
        .group_by(Room.id, Site.id)
        .order_by(Site.code, Room.code)
    ):
        yield tuple(row)


_CABINET_HEAD = (
    "机房编号", "机柜编号", "机位编号", "机位高度（U）", "使用类型", "占用状态", "占用单位编号",
    "占用单位名称", "占用位置", "分配日期", "到期日期",
)  # fmt: skip


def _cabinets(session: Session, today: dt.date) -> Iterator[tuple[Any, ...]]:
    """A line for each place: a rack with who has it; one shared by several has a line for each."""
    for room, cabinet, rack, customer, name, low, height, since, until in session.execute(
        select(
            Room.code, Cabinet.code, Rack, Customer.code,
            func.coalesce(func.nullif(Customer.legal_name, ""), Customer.name),
            Allocation.u_low, Allocation.height, Allocation.starts_on, Allocation.ends_on,
        )
        .select_from(Rack)
        .join(Cabinet, Cabinet.id == Rack.cabinet_id)
        .join(Row, Row.id == Cabinet.row_id)
        .join(Room, Room.id == Row.room_id)
        .outerjoin(
            Allocation,
            (Allocation.rack_id == Rack.id)
            & (Allocation.starts_on <= today)
            & or_(Allocation.ends_on.is_(None), Allocation.ends_on > today),
        )
        .outerjoin(Customer, Customer.id == Allocation.customer_id)
        .order_by(Room.code, Cabinet.code, Rack.code, Allocation.u_low, Allocation.id)
    ):  # fmt: skip
        taken = customer is not None
        units = rack.u_count
        where = name_units(rack, low, height) if taken and height < 2 * units else ""
        yield (
            room, cabinet, rack.code, units, "出租", "占用" if taken else "未占用", customer, name,
            where, since, until,
        )  # fmt: skip


_USER_HEAD = (
    "用户编号", "单位名称", "用户属性", "证件类型", "证件号码", "法定代表人", "单位地址", "状态",
    "经营许可证号", "备案号", "接入许可证号", "业务说明", "网络信息安全责任人", "责任人电话",
    "责任人邮箱", "服务开通日期", "合同编号",
)  # fmt: skip


def _users(session: Session) -> Iterator[tuple[Any, ...]]:
    opened: dict[int, dt.date] = {}
    numbers: dict[int, list[str]] = {}
    for customer_id, number, starts_on in session.execute(
        select(Contract.customer_id, Contract.number, Contract.starts_on)
        .where(Contract.state == "signed")
        .order_by(Contract.starts_on, Contract.number)
    ):
        opened.setdefault(customer_id, starts_on)
        numbers.setdefault(customer_id, []).append(number)
    for one in session.scalars(
        select(Customer).where(Customer.state.in_(SERVED_STATES)).order_by(Customer.code)
    ):
        yield (
            one.code, one.legal_name or one.name, CUSTOMER_KINDS[one.kind],
            IDENTITY_KINDS[one.identity_kind], one.credit_code, one.legal_person, one.address,
            STATES[one.state], one.icp_licence, one.icp_record, one.isp_licence, one.business,
            one.security_contact, one.security_phone, one.security_email, opened.get(one.id),
            "、".join(numbers.get(one.id, [])),
        )  # fmt: skip


_BANDWIDTH_HEAD = (
    "用户编号", "单位名称", "服务编号", "运营商", "保底带宽（Mbps）", "封顶带宽（Mbps）",
    "接入端口", "合同项编号", "分配日期",
)  # fmt: skip


def _bandwidth(session: Session, zone: str) -> Iterator[tuple[Any, ...]]:
    ports: dict[int, list[str]] = {}
    since: dict[int, dt.datetime] = {}
    for service_id, device, port, starts_at in session.execute(
        select(ServiceMembership.service_id, Device.name, Port.name, ServiceMembership.starts_at)
        .join(Port, Port.id == ServiceMembership.port_id)
        .join(Device, Device.id == Port.device_id)
        .where(or_(ServiceMembership.ends_at.is_(None), ServiceMembership.ends_at > utc_now()))
        .order_by(ServiceMembership.starts_at, Device.name, Port.name)
    ):
        ports.setdefault(service_id, []).append(f"{device} {port}")
        since.setdefault(service_id, starts_at)
    for service, code, name, item in session.execute(
        select(
            BandwidthService,
            Customer.code,
            func.coalesce(func.nullif(Customer.legal_name, ""), Customer.name),
            ContractItem.code,
        )
        .join(Customer, Customer.id == BandwidthService.customer_id)
        .join(ContractItem, ContractItem.id == BandwidthService.contract_item_id)
        .where(Customer.state.in_(SERVED_STATES))
        .order_by(Customer.code, BandwidthService.code)
    ):
        if service.id not in ports:
            continue
        day = since[service.id].astimezone(ZoneInfo(zone)).date()
        yield (
            code, name, service.code, service.carrier, *_megabits(
                (service.commit_bps, service.ceiling_bps)
            ), "、".join(ports[service.id]), item, day,
        )  # fmt: skip


_ADDRESS_HEAD = ("IP地址", "用户编号", "单位名称", "主机名", "分配日期", "到期日期")


def _addresses(session: Session, zone: str, now: dt.datetime) -> Iterator[tuple[Any, ...]]:
    """What customers have now; the last day is the first on which it is free again."""
    for network, code, name, hostname, since, until in session.execute(
        select(
            AddressAssignment.network,
            Customer.code,
            func.coalesce(func.nullif(Customer.legal_name, ""), Customer.name),
            AddressAssignment.hostname,
            AddressAssignment.starts_at,
            AddressAssignment.ends_at,
        )
        .join(Customer, Customer.id == AddressAssignment.customer_id)
        .where(AddressAssignment.period.op("@>", is_comparison=True)(now))
        .order_by(AddressAssignment.network, AddressAssignment.id)
    ):
        days = [at and at.astimezone(ZoneInfo(zone)).date() for at in (since, until)]
        yield (write_net(parse_net(network)), code, name, hostname, *days)


def _megabits(rates: Iterable[int]) -> Sequence[str]:
    return [f"{rate / 1_000_000:g}" for rate in rates]
