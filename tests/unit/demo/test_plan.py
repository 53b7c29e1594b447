"""The demo is as large as promised, the same every time, and free of contradictions."""

import datetime as dt
from collections import Counter
from zoneinfo import ZoneInfo

import pytest

from dcim.demo.customer_plan import SALES
from dcim.demo.events import Calendar, to_ms
from dcim.demo.load_customers import read_terms
from dcim.demo.plan import make_plan
from dcim.demo.plan_parts import DemoPlan
from dcim.sla.rules.language.loading import load_terms

ZONE = ZoneInfo("Asia/Shanghai")


def test_it_is_as_large_as_promised(plan: DemoPlan) -> None:
    assert len(plan.rooms) == 2
    assert len(plan.cabinets) >= 48
    layouts = Counter(cabinet.layout for cabinet in plan.cabinets)
    assert layouts["halves"] >= 2
    assert layouts["quarters"] >= 2
    assert len(plan.customers) >= 14
    assert {customer.language for customer in plan.customers} == {"zh", "en"}
    kinds = Counter(node.kind for node in plan.nodes)
    for kind in ("utility", "generator", "transformer", "ups", "panel", "breaker", "pdu"):
        assert kinds[kind] >= 2, kind
    sold = {item.kind for contract in plan.contracts for item in contract.items}
    assert sold == {"cabinet", "rack", "space", "bandwidth", "cross_connect"}
    assert sum(1 for agent in plan.agents if agent.version == "3") >= 2
    assert {agent.family for agent in plan.agents} >= {"switch", "pdu", "branch_meter", "ups"}
    metered = sum(1 for node in plan.nodes if node.meter_device) + len(plan.ports)
    assert metered <= 210


def test_some_space_is_left_and_some_is_held(plan: DemoPlan) -> None:
    used = {item.rack for contract in plan.contracts for item in contract.items if item.rack}
    held = {hold.rack for hold in plan.holds}
    assert len(held) >= 2
    assert not used & held
    assert len([rack for rack in plan.racks if rack.code not in used | held]) >= 5


def test_one_anchor_gives_one_plan(plan: DemoPlan) -> None:
    assert make_plan(plan.anchor_ms, plan.seed) == plan
    assert make_plan(plan.anchor_ms, plan.seed + 1) != plan


def test_names_stand_for_one_thing(plan: DemoPlan) -> None:
    for names in (
        [device.name for device in plan.devices],
        [device.serial for device in plan.devices],
        [node.code for node in plan.nodes],
        [port.key for port in plan.ports],
        [rack.code for rack in plan.racks],
        [item.code for contract in plan.contracts for item in contract.items],
        [(node.meter_device, node.meter_place) for node in plan.nodes if node.meter_device],
    ):
        assert len(names) == len(set(names))


def test_no_two_devices_want_one_place_or_one_socket(plan: DemoPlan) -> None:
    heights = {kind.model: kind.height for kind in plan.types}
    taken: Counter[tuple[str, int, str, str]] = Counter()
    for device in plan.devices:
        if device.rack is None or device.u_low is None:
            continue
        faces = ("front", "rear") if device.face == "full" else (device.face,)
        sides = ("left", "right") if device.side == "full" else (device.side,)
        for u in range(device.u_low, device.u_low + heights[device.model]):
            taken.update((device.rack, u, face, side) for face in faces for side in sides)
    assert max(taken.values()) == 1
    cords = Counter(cord for device in plan.devices for cord in device.cords)
    assert max(cords.values()) == 1
    outlets = {node.code: node.outlets for node in plan.nodes}
    assert all(1 <= number <= outlets[pdu] for pdu, number in cords)


def test_everything_that_is_named_exists(plan: DemoPlan) -> None:
    nodes, ports = set(plan.nodes_by_code), {port.key for port in plan.ports}
    devices, racks = {d.name for d in plan.devices}, {rack.code for rack in plan.racks}
    known = {
        "node_dead": nodes,
        "port_down": ports,
        "reboot": devices,
        "blind": devices,
        "hot": {room.code for room in plan.rooms},
    }
    for event in plan.events:
        assert set(event.targets) <= known[event.kind], event
        assert event.targets
        assert event.cause
        assert event.cause_en
    for window in plan.maintenance:
        assert set(window.nodes) <= nodes
        assert set(window.ports) <= ports
        assert window.customers
    assert {node.parent for node in plan.nodes if node.parent} <= nodes
    assert {node.rack for node in plan.nodes if node.rack} <= racks
    assert {port for service in plan.services for port in service.ports} <= ports
    assert {agent.device for agent in plan.agents} <= devices


def test_every_term_is_accepted_by_the_rules(plan: DemoPlan) -> None:
    for name in {contract.terms for contract in plan.contracts}:
        assert load_terms(read_terms(name)).sha256


def test_one_contract_begins_and_one_ends_within_the_month(plan: DemoPlan) -> None:
    first = dt.datetime.fromtimestamp(plan.month_start_ms / 1000, ZONE).date()
    after = dt.datetime.fromtimestamp(plan.month_end_ms / 1000, ZONE).date()
    begun = [contract for contract in plan.contracts if first < contract.starts_on < after]
    ended = [c for c in plan.contracts if c.ends_on is not None and first < c.ends_on < after]
    assert len(begun) == len(ended) == 1


@pytest.mark.parametrize(
    ("kind", "minutes"),
    [("node_dead", 41), ("port_down", 25), ("reboot", 3), ("blind", 12), ("hot", 70)],
)
def test_the_script_of_the_closed_month(plan: DemoPlan, kind: str, minutes: int) -> None:
    inside = [
        event
        for event in plan.events
        if event.kind == kind and plan.month_start_ms <= event.start_ms < plan.month_end_ms
    ]
    assert minutes in {(event.end_ms - event.start_ms) // 60_000 for event in inside}


def test_planned_work_lies_within_its_announced_window(plan: DemoPlan) -> None:
    for window in plan.maintenance:
        targets = set(window.nodes) | set(window.ports)
        start, end = to_ms(window.starts_at), to_ms(window.ends_at)
        work = [
            event
            for event in plan.events
            if targets & set(event.targets) and start <= event.start_ms < end
        ]
        assert work, window.code
        assert all(event.end_ms <= end for event in work)
        assert window.starts_at - window.announced_at >= dt.timedelta(hours=72)


@pytest.mark.parametrize(
    ("now", "first", "after"),
    [
        ("2026-11-23T06:30:00+00:00", "2026-10-01", "2026-11-01"),
        # 31 December in UTC is 1 January at the site.
        ("2026-12-31T17:00:00+00:00", "2026-12-01", "2027-01-01"),
        ("2027-03-01T00:30:00+08:00", "2027-02-01", "2027-03-01"),
    ],
)
def test_the_closed_month_is_the_site_s(now: str, first: str, after: str) -> None:
    calendar = Calendar(to_ms(dt.datetime.fromisoformat(now)), ZONE)
    assert calendar.month_start.isoformat() == first
    assert calendar.month_end.isoformat() == after
    plan = make_plan(calendar.anchor_ms)
    assert plan.month_start_ms < plan.month_end_ms <= plan.anchor_ms


def test_few_customers_are_hit(plan: DemoPlan) -> None:
    """Of the events that may cost money, most customers see none."""
    dead_racks = {"B-05", "B-06"}
    hot_rows, faulty = {"D"}, {"acc-a:xge1/0/2"}
    hit = set()
    for sale in SALES:
        racks = {*sale.racks, *(rack for rack, _, _ in sale.space)}
        ports = {f"{port.switch}:xge1/0/{port.number}" for port in sale.ports if port.speed > 1000}
        if racks & dead_racks or {rack[0] for rack in racks} & hot_rows or ports & faulty:
            hit.add(sale.code)
    assert 4 <= len(hit) <= len(SALES) // 2
