"""Write the demo's network beyond its ports: carriers, panels, cross-connects, addresses."""

import datetime as dt
from decimal import Decimal

from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.customers.models import ContractItem, Customer
from dcim.demo.network_plan import plan_cables
from dcim.demo.plan_parts import DemoPlan
from dcim.demo.records import Records
from dcim.inventory.models import Device
from dcim.network.address_models import Asn, Prefix, Vlan, VlanGroup
from dcim.network.addresses import Holder, assign_address, assign_next_free, release_address
from dcim.network.cables import CableNotes, connect_ports
from dcim.network.cross_connects import (
    NewOrder,
    advance_cross_connect,
    request_cross_connect,
)
from dcim.network.files import attach_file
from dcim.network.models import BandwidthService, Carrier, Circuit, Port, RoomCarrier
from dcim.network.order_models import CrossConnect
from dcim.network.tracing import REAR, Plug
from dcim.snmp.discovery.lags import ToldMember
from dcim.snmp.discovery.memberships import keep_members

DAY = dt.timedelta(days=1)
PANEL_PORTS = 12
GBPS = 10**9
# Invented carriers: kinds as the country has them, names as nobody has them. AS numbers are of
# the documentation range (RFC 5398).
CARRIERS = (
    ("telecom", "示例电信", "Example Telecom", "telecom", 64500),
    ("unicom", "示例联通", "Example Unicom", "unicom", 64501),
    ("mobile", "示例移动", "Example Mobile", "mobile", 64502),
    ("bgp", "BGP 多线", "BGP multi-line", "bgp", None),
)
# The smallest file that opens: the demo's letters say nothing.
LETTER = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]"
    b"/Count 1>>endobj\n3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\n"
    b"trailer<</Root 1 0 R>>\n%%EOF\n"
)


def load_network(session: Session, scope: Scope, plan: DemoPlan, records: Records) -> None:
    """All of it, through the services that staff use; dates are relative to the plan's anchor."""
    now = dt.datetime.fromtimestamp(plan.anchor_ms / 1000, dt.UTC)
    carriers = _load_carriers(session, plan, records, now)
    _load_trunks(session, scope, records, now)
    _load_lags(session, plan, records, now)
    panels = _load_panels(session, scope, plan, records, now)
    _load_orders(session, scope, plan, records, panels, now)
    _load_addresses(session, scope, plan, records, carriers, now)


def _load_carriers(
    session: Session, plan: DemoPlan, records: Records, now: dt.datetime
) -> dict[str, Carrier]:
    carriers = {
        code: Carrier(code=code, name=name, name_en=name_en, kind=kind, asn=asn)
        for code, name, name_en, kind, asn in CARRIERS
    }
    session.add_all(carriers.values())
    session.flush()
    for number, room in enumerate(records.rooms.values()):
        for place, code in enumerate(("telecom", "unicom", "mobile")):
            if (number, code) != (1, "mobile"):
                session.add(
                    RoomCarrier(
                        room_id=room.id,
                        carrier_id=carriers[code].id,
                        entry_point=f"MMR-{1 + place % 2}",
                    )
                )
    for service in session.query(BandwidthService):
        found = carriers.get(service.carrier.lower())
        service.carrier_id = None if found is None else found.id
    transit = [key for key, port in records.ports.items() if port.name.startswith("xle")]
    for number, (code, key) in enumerate(zip(("telecom", "unicom"), transit, strict=False), 1):
        session.add(
            Circuit(
                number=f"T-2025-{number:04d}",
                carrier_id=carriers[code].id,
                kind="transit",
                site_id=records.site_id,
                z_end="PoP 1",
                capacity_bps=40 * GBPS,
                commit_bps=10 * GBPS,
                charging_mode="p95",
                monthly_fee=Decimal(186_000),
                starts_on=(now - 400 * DAY).date(),
                ends_on=(now + 330 * DAY).date(),
                port_id=records.ports[key].id,
            )
        )
    session.add(
        Circuit(
            number="D-2026-0003",
            carrier_id=carriers["mobile"].id,
            kind="dark_fibre",
            site_id=records.site_id,
            z_end="PoP 2",
            capacity_bps=100 * GBPS,
            monthly_fee=Decimal(32_000),
            starts_on=(now - 90 * DAY).date(),
            state="active",
        )
    )
    session.flush()
    return carriers


def _load_trunks(session: Session, scope: Scope, records: Records, now: dt.datetime) -> None:
    for number, (low, high) in enumerate(plan_cables(), start=1):
        connect_ports(
            session,
            scope,
            Plug(records.ports[low].id),
            Plug(records.ports[high].id),
            CableNotes("smf", f"UPL-{number:02d}", "黄", Decimal(25)),
            at=now - 400 * DAY,
        )


def _load_lags(session: Session, plan: DemoPlan, records: Records, now: dt.datetime) -> None:
    """As checks of discovery have been told; the next ones are told the same."""
    for name, device in records.devices.items():
        told = [
            ToldMember(port.lag, port.name, is_attached=True)
            for port in plan.ports
            if port.device == name and port.lag
        ]
        if told:
            keep_members(session, device.id, told, (), now - 400 * DAY)


def _load_panels(
    session: Session, scope: Scope, plan: DemoPlan, records: Records, now: dt.datetime
) -> list[list[Port]]:
    """The ports of the operator's own panels; half of the first go by trunks to the second."""
    panels: list[list[Port]] = []
    for device in _own_panels(plan, records):
        ports = [
            Port(
                device_id=device.id,
                name=f"{number:02d}",
                kind="panel",
                speed_bps=0,
                media="smf",
                role="internal",
            )
            for number in range(1, PANEL_PORTS + 1)
        ]
        session.add_all(ports)
        session.flush()
        panels.append(ports)
    for row in range(0, len(panels) - 1, 2):
        for number in range(PANEL_PORTS // 2):
            near, far = panels[row][number], panels[row + 1][number]
            connect_ports(
                session,
                scope,
                Plug(near.id, REAR),
                Plug(far.id, REAR),
                CableNotes("smf", f"TRK-{row // 2 + 1:02d}-{number + 1:02d}", "黄", Decimal(35)),
                at=now - 380 * DAY,
            )
    return panels


def _own_panels(plan: DemoPlan, records: Records) -> list[Device]:
    names = [one.name for one in plan.devices if one.role == "odf" and one.customer is None]
    return [records.devices[name] for name in sorted(names)]


def _load_orders(
    session: Session,
    scope: Scope,
    plan: DemoPlan,
    records: Records,
    panels: list[list[Port]],
    now: dt.datetime,
) -> None:
    """An order in each stage of its life, the last one asked for by a customer in words."""
    if len(panels) < 2:
        return
    near, far = panels[0], panels[1]
    items = {
        item.customer_id: item for item in records.items.values() if item.kind == "cross_connect"
    }
    active = [one for one in records.customers.values() if one.active]
    # Those whose contract has a cross-connect come first: theirs can be billed.
    buyers = sorted(active, key=lambda one: (one.id not in items, one.code))[:6]
    stages: tuple[tuple[str, ...], ...] = (
        ("approve", "patch", "test", "bill"),
        ("approve", "patch", "test", "disconnect"),
        ("approve", "patch", "test"),
        ("approve", "patch"),
        ("approve",),
        (),
    )
    for number, (buyer, stage) in enumerate(zip(buyers, stages, strict=False)):
        began = now - (44 - 7 * number) * DAY
        order = request_cross_connect(
            session,
            scope,
            NewOrder(
                customer_id=buyer.id,
                media="smf",
                a_port_id=near[number].id,
                z_port_id=far[PANEL_PORTS // 2 + number].id,
                z_party="示例电信",
                a_wish="本司机柜配线架",
                z_wish="示例电信 MMR-1",
            ),
            at=began,
        )
        item = items.get(buyer.id)
        _lead(session, scope, order, stage, began, item.id if item else None)
    asker = Scope.customer("demo-customer", buyers[0].id)
    request_cross_connect(
        session,
        asker,
        NewOrder(
            customer_id=buyers[0].id,
            media="smf",
            a_wish="本司机柜 U40 光口 1",
            z_wish="示例联通 MMR-2",
            z_party="示例联通",
        ),
        at=now - DAY,
    )


def _lead(
    session: Session,
    scope: Scope,
    order: CrossConnect,
    stage: tuple[str, ...],
    began: dt.datetime,
    item_id: int | None,
) -> None:
    if stage:
        attach_file(
            session,
            scope,
            order.id,
            name=f"LOA-{order.number}.pdf",
            content=LETTER,
            expires_on=(began + (3 if stage == ("approve",) else 120) * DAY).date(),
            at=began,
        )
    given: dict[str, dict[str, object]] = {
        "patch": {"colour": "黄", "length_m": Decimal(12)},
        "test": {"loss_db": Decimal("0.42"), "light_dbm": Decimal("-5.10")},
        "bill": {"billed_from": (began + 4 * DAY).date(), "contract_item_id": item_id},
        "disconnect": {"note": "业务下线"},
    }
    for number, action in enumerate(stage, start=1):
        advance_cross_connect(
            session, scope, order.id, action, given.get(action), at=began + number * DAY
        )


def _load_addresses(
    session: Session,
    scope: Scope,
    plan: DemoPlan,
    records: Records,
    carriers: dict[str, Carrier],
    now: dt.datetime,
) -> None:
    """Prefixes of the documentation ranges (RFC 5737, RFC 3849) and of private space."""
    group = VlanGroup(site_id=records.site_id, code="access")
    session.add(group)
    session.flush()
    buyers = [one for one in records.customers.values() if one.active]
    vlans = [
        Vlan(group_id=group.id, vid=100 + number, name=f"cust-{one.code}", customer_id=one.id)
        for number, one in enumerate(buyers)
    ]
    session.add_all([Vlan(group_id=group.id, vid=10, name="management"), *vlans])
    session.add_all(
        [
            Asn(number=64510, name="Jifang demo"),
            Asn(number=64500, name="Example Telecom", carrier_id=carriers["telecom"].id),
            Asn(number=65551, name=buyers[0].name_en, customer_id=buyers[0].id),
        ]
    )
    prefixes = {
        network: Prefix(network=network, role=role, site_id=records.site_id, note=note)
        for network, role, note in (
            ("198.51.100.0/24", "container", "公网 1"),
            ("198.51.100.0/25", "assignable", "客户单地址"),
            ("198.51.100.128/25", "assignable", "客户地址段"),
            ("203.0.113.0/24", "assignable", "BGP"),
            ("10.20.0.0/16", "container", "管理网"),
            ("10.20.0.0/24", "infrastructure", "带外管理"),
            ("2001:db8:20::/44", "container", "IPv6"),
            ("2001:db8:20::/48", "assignable", "客户 IPv6"),
        )
    }
    session.add_all(prefixes.values())
    session.flush()
    single, blocks = prefixes["198.51.100.0/25"], prefixes["198.51.100.128/25"]
    for number, buyer in enumerate(buyers):
        since = now - (300 - number) * DAY
        item = _find_item(buyer, records)
        holder = Holder(buyer.id, item.id if item else None)
        for _address in range(1 + number % 3):
            assign_next_free(session, scope, single.id, holder, starts_at=since)
        if number % 3 == 0:
            assign_next_free(session, scope, blocks.id, holder, length=29, starts_at=since)
        if number % 4 == 0:
            v6 = prefixes["2001:db8:20::/48"]
            assign_next_free(session, scope, v6.id, holder, length=64, starts_at=since)
    first = assign_address(
        session, scope, "203.0.113.9", Holder(buyers[1].id), starts_at=now - 200 * DAY
    )
    release_address(session, scope, first.id, at=now - 60 * DAY)
    assign_address(session, scope, "203.0.113.9", Holder(buyers[2].id), starts_at=now - 45 * DAY)
    switches = [one for one in plan.devices if one.role in ("core", "access", "switch")]
    own = [records.devices[one.name] for one in switches if one.customer is None][:12]
    for number, device in enumerate(own, start=1):
        assign_address(
            session,
            scope,
            f"10.20.0.{number}",
            Holder(device_id=device.id, hostname=device.name),
            starts_at=now - 380 * DAY,
        )


def _find_item(customer: Customer, records: Records) -> ContractItem | None:
    items = (one for one in records.items.values() if one.customer_id == customer.id)
    return next((one for one in items if one.kind == "bandwidth" and one.ends_on is None), None)


__all__ = ["load_network"]
