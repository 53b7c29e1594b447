"""Sheets of real kinds: trees in one sheet, many devices, thirty-seven bad rows in Chinese."""

import random

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.db import ScopedSession
from dcim.inventory.devices.models import DeviceSupply, DeviceTypePort, DeviceTypeSupply
from dcim.inventory.models import Device, DeviceType, Site
from dcim.kinds import BY_NAME
from dcim.network.models import Port
from dcim.power.models import PowerNode
from dcim.records.imports import check_import, open_import, write_import
from dcim.records.models import ImportRun
from tests.integration.records.test_import import told
from tests.integration.records.test_listing import counted

STAFF = Scope.staff("li@dc.example")


def run_import(session: Session, kind: str, text: str) -> ImportRun:
    run = open_import(session, STAFF, BY_NAME[kind], "x.csv", text.encode("gb18030"))
    check_import(session, STAFF, BY_NAME[kind], run)
    if run.state == "ready":
        write_import(session, STAFF, BY_NAME[kind], run)
    return run


def seed_type(session: Session) -> DeviceType:
    kind = DeviceType(manufacturer="云杉", model="SR-1U", slug="spruce-sr-1u", height=2)
    session.add(kind)
    session.flush()
    session.add(DeviceTypePort(type_id=kind.id, name="eth0", kind="10gbase-x-sfpp", mgmt=False))
    session.add_all(
        DeviceTypeSupply(type_id=kind.id, name=name, connector="C14", maximum_w=500)
        for name in ("PSU1", "PSU2")
    )
    session.flush()
    return kind


TREE = """site_id,code,kind,feed,parent_id,rated_a,volts,phases
SH1,RPP-A1/Q01,breaker,A,RPP-A1,32,220,1
SH1,RPP-A1,panel,A,SH1/UPS-A,400,380,3
SH1,UPS-A,ups,A,TX-A,600,380,3
SH1,TX-A,utility,A,,1000,380,3
"""


def test_a_tree_comes_in_one_sheet(session: ScopedSession) -> None:
    session.add(Site(code="SH1", name="上海", name_en="Shanghai"))
    session.flush()
    run = run_import(session, "power_node", TREE)
    assert (run.state, told(run)) == ("done", [])
    codes = {one.id: one.code for one in session.scalars(select(PowerNode))}
    parents = {
        one.code: codes.get(one.parent_id or 0) for one in session.scalars(select(PowerNode))
    }
    assert parents == {
        "TX-A": None,
        "UPS-A": "TX-A",
        "RPP-A1": "UPS-A",
        "RPP-A1/Q01": "RPP-A1",
    }


def test_a_ring_in_a_sheet_is_told(session: ScopedSession) -> None:
    session.add(Site(code="SH1", name="上海", name_en="Shanghai"))
    session.flush()
    run = run_import(
        session, "power_node", TREE.replace("TX-A,utility,A,,", "TX-A,utility,A,RPP-A1,")
    )
    assert run.state == "refused"
    assert {row for row, column, words in told(run) if "leads back" in words} == {2, 3, 4, 5}


def devices(count: int) -> list[list[str]]:
    return [[f"host-{n:05}", "云杉/SR-1U", "server", f"SN{n:06}", f"T{n:06}"] for n in range(count)]


def sheet(rows: list[list[str]]) -> str:
    return "名称,型号,role,序列号,资产编号\n" + "\n".join(",".join(row) for row in rows)


def test_many_devices_cost_batches(session: ScopedSession) -> None:
    seed_type(session)
    costs = []
    for rows in (devices(500)[:10], devices(500)[10:]):
        with counted(session) as statements:
            run = run_import(session, "device", sheet(rows))
        assert (run.state, told(run)) == ("done", [])
        costs.append(len(statements))
    assert costs[1] <= costs[0], costs
    for model, each in ((Device, 1), (Port, 1), (DeviceSupply, 2)):
        assert session.scalar(select(func.count()).select_from(model)) == 500 * each


def test_37_bad_rows_of_5000_are_told_at_once(session: ScopedSession) -> None:
    seed_type(session)
    rows = devices(5000)
    spoil = random.Random(37)
    bad = sorted(spoil.sample(range(1, 5000), 37))
    for place, number in enumerate(bad):
        row = rows[number]
        match place % 5:
            case 0:
                row[1] = "云杉/没有这种"
            case 1:
                row[0] = ""
            case 2:
                row[3] = rows[number - 1][3]
            case 3:
                row[0] = "x" * 300
            case 4:
                row[4] = rows[0][4]
    run = run_import(session, "device", sheet(rows))
    assert run.state == "refused"
    assert {problem["row"] for problem in run.problems} == {number + 2 for number in bad}
    assert session.scalar(select(func.count(Device.id))) == 0
