"""From samples to incidents and to the inputs of a statement, for one small room."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import func, select

from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.customers.models import Contract, ContractItem, ContractTerms, Customer
from dcim.db import ScopedSession, SessionFactory, transaction
from dcim.errors import InvalidError
from dcim.inventory.models import (
    Allocation,
    Cabinet,
    Device,
    DeviceType,
    Rack,
    Room,
    Row,
    Site,
)
from dcim.metering.batch import Batch
from dcim.metering.models import Series
from dcim.metering.store import PostgresSampleStore
from dcim.network.models import BandwidthService, Port, ServiceMembership
from dcim.operations.models import Maintenance, MaintenanceNotice, MaintenanceTarget, Ticket
from dcim.power.chain import find_customers_on, load_tree
from dcim.power.models import PowerNode
from dcim.sla.incidents import derive_incidents
from dcim.sla.models import Incident
from dcim.sla.observations import gather_inputs
from dcim.sla.terms_in_force import find_agreed
from dcim.statements.composition import compose

TERMS = Path(__file__).parents[3] / "dcim" / "demo" / "terms" / "standard.yaml"
SYSTEM = Scope.system("test")
STORE = PostgresSampleStore()
M = 60_000
# A month at UTC midnight of the Shanghai first: 2026-10-01T00:00+08:00.
START = 1_790_784_000_000
assert dt.datetime.fromtimestamp(START / 1000, dt.UTC).isoformat() == "2026-09-30T16:00:00+00:00"
DAYS = 31
# A little before and after it, as real polling goes on.
MINUTES = np.arange(-10, DAYS * 1_440 + 10, dtype=np.int64)
# Minutes of the month.
LOSS = (3_000, 3_040)  # panel A dead, its PDUs silent
DOUBLE = (9_000, 9_030)  # both panels dead
BLIND = (20_000, 20_012)  # PDU A's agent silent, nothing dead
PORT_DOWN = (15_000, 15_025)


@dataclass
class World:
    customers: list[int]
    contract_id: int
    series: dict[str, int]


def within(*spans: tuple[int, int]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    found = np.zeros(len(MINUTES), dtype=bool)
    for low, high in spans:
        found |= (low <= MINUTES) & (high > MINUTES)
    return found


@pytest.fixture
def world(sessions: SessionFactory) -> World:
    with transaction(sessions, SYSTEM) as session:
        return build(session)


def build(session: ScopedSession) -> World:
    def add(row: Any) -> Any:
        session.add(row)
        session.flush()
        return row

    kind = add(DeviceType(manufacturer="m", model="m", height=2))
    site = add(Site(code="S1", name="站", name_en="Site"))
    room = add(Room(site_id=site.id, code="R1", name="一号机房", name_en="Room 1"))
    row = add(Row(room_id=room.id, code="A", position=1))
    racks = []
    for n in (1, 2):
        cabinet = add(Cabinet(row_id=row.id, code=f"A-0{n}", position=n))
        racks.append(add(Rack(cabinet_id=cabinet.id, code=f"A-0{n}", u_count=42)))

    def device(name: str) -> Device:
        found: Device = add(Device(name=name, role="x", device_type_id=kind.id))
        return found

    def node(code: str, kind: str, feed: str, parent: Any, meter: str = "", **more: Any) -> Any:
        return add(
            PowerNode(
                site_id=site.id,
                code=code,
                kind=kind,
                feed=feed,
                parent_id=parent.id if parent is not None else None,
                rated_a=32,
                meter_device_id=device(meter).id if meter else None,
                meter_place="input" if meter else None,
                **more,
            )
        )

    series: dict[str, int] = {}

    def measure(family: str, name: str, owner: str, **subject: int) -> int:
        meter = session.scalars(select(Device).where(Device.name == owner)).first() or device(owner)
        series[name] = add(Series(family=family, device_id=meter.id, slot=name, **subject)).id
        return series[name]

    times = START + MINUTES * M
    for feed in "AB":
        ups = node(f"UPS-{feed}", "ups", feed, node(f"UT-{feed}", "utility", feed, None))
        panel = node(f"PANEL-{feed}", "panel", feed, ups, f"panel-{feed}")
        dead = within(DOUBLE) | (within(LOSS) if feed == "A" else within())
        volts = np.where(dead, 0, 230_000)
        measure("power", f"panel-{feed}", f"panel-{feed}", power_node_id=panel.id)
        write_power(session, series[f"panel-{feed}"], times, volts)
        for number, rack in enumerate(racks, 1):
            breaker = node(f"PANEL-{feed}/Q{number}", "breaker", feed, panel)
            name = f"pdu-{number}-{feed}"
            pdu = node(name.upper(), "pdu", feed, breaker, name, rack_id=rack.id)
            measure("power", name, name, power_node_id=pdu.id)
            silent = dead | within(BLIND) if name == "pdu-1-A" else dead
            write_power(session, series[name], times[~silent], volts[~silent])
    customers = []
    for n, rack in enumerate(racks, 1):
        customer = add(Customer(code=f"C{n}", name=f"客户{n}", name_en=f"Customer {n}"))
        customers.append(customer.id)
        contract = add(
            Contract(customer_id=customer.id, number=f"HT-{n}", starts_on=dt.date(2026, 1, 1))
        )
        item = add(
            ContractItem(
                contract_id=contract.id,
                customer_id=customer.id,
                code=f"I{n}",
                kind="cabinet",
                label="机柜",
                label_en="Cabinet",
                monthly_fee=Decimal("5000.00"),
                contracted_w=3_000,
                starts_on=dt.date(2026, 1, 1),
            )
        )
        add(
            Allocation(
                customer_id=customer.id,
                contract_item_id=item.id,
                rack_id=rack.id,
                u_low=0,
                height=84,
                starts_on=dt.date(2026, 1, 1),
            )
        )
    add(
        ContractTerms(
            contract_id=1,
            customer_id=customers[0],
            version=1,
            effective_from=dt.date(2026, 1, 1),
            document=TERMS.read_text("utf-8"),
            sha256="0" * 64,
        )
    )
    add_port(session, add, device("sw"), customers[0], times, measure)
    for sensor, mc in (("env", 22_000),):
        measure("climate", sensor, sensor, room_id=room.id)
        hot = np.where(within((25_000, 25_060)), 29_500, mc)
        STORE.load_days(
            session,
            Batch.from_arrays("climate", series[sensor], times, {"mc": hot, "rh": 450}),
            START + 60 * 86_400_000,
        )
    work = add(
        Maintenance(
            code="M-1",
            title="检修",
            title_en="Work",
            starts_at=instant(40_000),
            ends_at=instant(40_120),
            announced_at=instant(10_000),
            state="done",
        )
    )
    panel_a = session.scalars(select(PowerNode).where(PowerNode.code == "PANEL-A")).one()
    add(MaintenanceTarget(maintenance_id=work.id, power_node_id=panel_a.id))
    add(
        MaintenanceNotice(
            maintenance_id=work.id,
            customer_id=customers[0],
            sent_at=instant(10_060),
            channel="email",
            starts_at=instant(40_000),
            ends_at=instant(40_120),
            recipient="ops@customer",
        )
    )
    for kind_of, called in (("fault", "T-1"), ("question", "T-2")):
        add(
            Ticket(
                customer_id=customers[0],
                number=called,
                kind=kind_of,
                urgent=False,
                title="t",
                opened_at=instant(9_005),
            )
        )
    return World(customers, 1, series)


def instant(minute: int) -> dt.datetime:
    return dt.datetime.fromtimestamp((START + minute * M) / 1000, dt.UTC)


def write_power(session: ScopedSession, series_id: int, times: Any, volts: Any) -> None:
    current = np.where(volts > 0, 4_000, 0)
    STORE.load_days(
        session,
        Batch.from_arrays(
            "power",
            series_id,
            times,
            {"mv": volts, "ma": current, "mw": current * 230, "wh": -1},
        ),
        START + 60 * 86_400_000,
    )


def add_port(
    session: ScopedSession, add: Any, switch: Device, customer_id: int, times: Any, measure: Any
) -> None:
    port = add(Port(device_id=switch.id, name="ge1", speed_bps=10**9))
    item = add(
        ContractItem(
            contract_id=1,
            customer_id=customer_id,
            code="BW1",
            kind="bandwidth",
            label="带宽",
            label_en="Bandwidth",
            monthly_fee=Decimal("1000.00"),
            starts_on=dt.date(2026, 1, 1),
        )
    )
    service = add(
        BandwidthService(
            customer_id=customer_id,
            contract_item_id=item.id,
            code="S1",
            carrier="CT",
            commit_bps=10**8,
            ceiling_bps=10**9,
        )
    )
    add(
        ServiceMembership(
            service_id=service.id,
            customer_id=customer_id,
            port_id=port.id,
            starts_at=instant(-100_000),
        )
    )
    state = measure("state", "ge1-state", "sw", port_id=port.id)
    traffic = measure("traffic", "ge1", "sw", port_id=port.id)
    down = within(PORT_DOWN)
    STORE.load_days(
        session,
        Batch.from_arrays("state", state, times, {"state": np.where(down, 2, 1)}),
        START + 60 * 86_400_000,
    )
    octets = {"in_octets": 7_500_000, "out_octets": 75_000_000, "in_errors": 0, "out_errors": 0}
    STORE.load_days(
        session,
        Batch.from_arrays("traffic", traffic, times, octets, span_ms=M),
        START + 60 * 86_400_000,
    )


DOCUMENT: dict[str, Any] = {
    "number": "SLA-1",
    "revision": 1,
    "reason": None,
    "supersedes": None,
    "language": "zh",
    "frozen_at": "2026-11-02T00:00:00Z",
    "verify_url": "https://example.test/verify",
    "dispute": {"deadline": "2026-12-01", "contact": "c"},
}
OPERATOR = {"name": {"zh": "机房", "en": "IDC"}, "contact": "c"}


def inputs_of(session: ScopedSession, contract_id: int, scope: Scope = SYSTEM) -> dict[str, Any]:
    contract = session.get_one(Contract, contract_id)
    return gather_inputs(session, scope, contract, "2026-10", document=DOCUMENT, operator=OPERATOR)


def derive(session: ScopedSession) -> tuple[int, int]:
    report = derive_incidents(session, STORE, START, START + DAYS * 1_440 * M)
    return report.new, report.known


def test_incidents_are_derived_once_and_hit_whom_they_hit(
    sessions: SessionFactory, world: World
) -> None:
    with transaction(sessions, SYSTEM) as session:
        new, known = derive(session)
        assert known == 0
    with transaction(sessions, SYSTEM) as session:
        assert derive(session) == (0, new)
        found = {row.key.rpartition(":")[0]: row for row in session.scalars(select(Incident))}
        assert session.scalar(select(func.count()).select_from(Incident)) == new
        both, one = found["power:PANEL-A + PANEL-B"], found["power_feed:PANEL-A"]
        assert (both.started_at, both.ended_at) == (instant(DOUBLE[0]), instant(DOUBLE[1]))
        assert sorted(i.severity for i in both.impacts) == ["down", "down"]
        assert {i.customer_id for i in both.impacts} == set(world.customers)
        assert one.started_at == instant(LOSS[0]) or one.started_at == instant(DOUBLE[0])
        assert {i.severity for i in one.impacts} == {"information"}
        port = found["network:sw ge1"]
        assert port.ended_at == instant(PORT_DOWN[1])
        assert [i.customer_id for i in port.impacts] == [world.customers[0]]
        silent = found["telemetry:pdu-1-A"]
        assert {i.severity for i in silent.impacts} == {"information"}
        assert found["temperature:env/env"].what_en.endswith("29.5 °C")
        assert set(found) == {
            "power:PANEL-A + PANEL-B",
            "power_feed:PANEL-A",
            "power_feed:PANEL-B",
            "network:sw ge1",
            "telemetry:pdu-1-A",
            "temperature:env/env",
        }


def test_an_incident_that_lasts_has_no_end_and_gets_one(
    sessions: SessionFactory, world: World
) -> None:
    edge = START + (PORT_DOWN[0] + 10) * M
    for end, ended in ((edge, None), (edge + 60 * M, instant(PORT_DOWN[1]))):
        with transaction(sessions, SYSTEM) as session:
            derive_incidents(session, STORE, edge - 180 * M, end, now_ms=end)
            [row] = session.scalars(select(Incident).where(Incident.kind == "network"))
            assert (row.started_at, row.ended_at) == (instant(PORT_DOWN[0]), ended)


def test_looking_back_at_an_old_stretch_opens_nothing_again(
    sessions: SessionFactory, world: World
) -> None:
    edge = START + (PORT_DOWN[0] + 10) * M
    for end, ended in (
        (edge, edge),  # cut at the stretch's end, which is long ago
        (edge + 60 * M, START + PORT_DOWN[1] * M),
        (edge, START + PORT_DOWN[1] * M),  # what is known of its end stays
    ):
        with transaction(sessions, SYSTEM) as session:
            derive_incidents(session, STORE, edge - 180 * M, end, now_ms=end + 86_400_000)
            [row] = session.scalars(select(Incident).where(Incident.kind == "network"))
            assert row.ended_at == dt.datetime.fromtimestamp(ended / 1000, dt.UTC)


def test_the_month_of_a_contract_composes(sessions: SessionFactory, world: World) -> None:
    with transaction(sessions, SYSTEM) as session:
        derive(session)
        inputs = inputs_of(session, 1)
    by_name = {entry["name"]: entry for entry in inputs["resources"]}
    assert set(by_name) == {"feed/PDU-1-A", "feed/PDU-1-B", "port/sw/ge1", "climate/env/env"}
    a = [tuple(state) for state in by_name["feed/PDU-1-A"]["states"]]
    down = [((s - START) // M, (e - START) // M) for s, e, state in a if state == "down"]
    assert down == [LOSS, DOUBLE]
    month = (START, START + DAYS * 1_440 * M)
    unknown = [(s, e) for s, e, state in a if state == "unknown" and month[0] <= s < month[1]]
    # Silent for 12 minutes, of which the last good sample covers a minute and a half.
    assert [(e - s) // 1000 for s, e in unknown] == [(BLIND[1] - BLIND[0]) * 60 - 30]
    assert [entry["id"] for entry in inputs["tickets"]] == ["T-1"]
    [window] = inputs["maintenance"]
    assert window["resources"] == ["feed/PDU-1-A"]
    assert window["recipients"] == ["ops@customer"]
    [bandwidth] = inputs["bandwidth"]
    assert len(bandwidth["bins"]) == DAYS * 288
    assert set(map(tuple, (row[1:] for row in bandwidth["bins"]))) == {
        (37_500_000, 375_000_000, 300_000)
    }
    statement = compose(inputs).data
    power = next(m for m in statement["metrics"] if m["kind"] == "power_feed" or "power" in m["id"])
    assert power["result"] == "breached"
    assert power["downtime_s"] == (DOUBLE[1] - DOUBLE[0]) * 60
    [usage] = statement["usage"]
    assert usage["out_p95_bps"] == 10_000_000


def test_a_statement_names_nothing_of_other_customers(
    sessions: SessionFactory, world: World
) -> None:
    import json

    with transaction(sessions, SYSTEM) as session:
        derive(session)
        words = json.dumps(inputs_of(session, 1), ensure_ascii=False)
    assert "A-01" in words
    for foreign in ("A-02", "pdu-2", "PDU-2", "客户2"):
        assert foreign not in words
    # Control: the shared incident itself does name the neighbour's rack.
    with transaction(sessions, SYSTEM) as session:
        places = session.scalars(select(Incident.place).where(Incident.kind == "power")).all()
    assert any("A-02" in place for place in places)


def test_a_month_without_terms_is_refused(sessions: SessionFactory, world: World) -> None:
    with transaction(sessions, SYSTEM) as session:
        contract = session.get_one(Contract, 2)
        with pytest.raises(InvalidError, match="no terms"):
            find_agreed(session, SYSTEM, contract, "2026-10")


def test_who_hangs_on_a_panel(sessions: SessionFactory, world: World) -> None:
    with transaction(sessions, SYSTEM) as session:
        tree = load_tree(session)
        codes = {node.code: node.id for node in tree.nodes.values()}
        path = [node.code for node in tree.path(codes["PDU-1-A"])]
        assert path == ["PDU-1-A", "PANEL-A/Q1", "PANEL-A", "UPS-A", "UT-A"]
        assert len(tree.descendants(codes["PANEL-A"])) == 4
        hit = find_customers_on(session, SYSTEM, tree, codes["PANEL-A"])
        assert set(hit) == set(world.customers)
        own = Scope.customer("c", world.customers[1])
        assert set(find_customers_on(session, own, tree, codes["PANEL-A"])) == {world.customers[1]}
        assert utc_now() > instant(0)
