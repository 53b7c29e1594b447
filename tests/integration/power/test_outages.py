"""The outage of a panel of the demo, against an expectation worked out by hand from its plan.

Row D (dcim/demo/site_plan.py, customer_plan.py): D-01 is the operator's network rack, D-02 and
D-03 are Copper Heron's (C1012), D-04 and D-05 Mortise's (C1013), D-06 Birch's (C1015). Each has a
32 A breaker in RPP-D1 (feed A) and in RPP-D2 (feed B), on L1, L2, L3, L1, L2, L3 in that order, at
230 V. Every rack is sold with 5,500 W. Mortise has two gateways with a single cord on feed A.
"""

import csv
import datetime as dt
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, select, text
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.db import ScopedSession
from dcim.errors import ForbiddenError, InvalidError, NotFoundError
from dcim.power.models import PowerNode
from dcim.sla.losses import find_losses, load_chain
from dcim.sla.outages import OutageReading, read_outage
from dcim.web.staff.outage import defuse
from tests.integration.power.conftest import SCOPE


def node_id(session: Session, code: str) -> int:
    return session.scalars(select(PowerNode.id).where(PowerNode.code == code)).one()


def fail(session: Session, *codes: str, load: str = "contracted") -> OutageReading:
    now = utc_now()
    return read_outage(
        session, SCOPE, [node_id(session, code) for code in codes], load=load, now=now,
        month_start=now - dt.timedelta(days=1),
    )  # fmt: skip


def test_a_panel_hits_whom_the_plan_says(session: ScopedSession) -> None:
    reading = fail(session, "RPP-D1")
    assert {hit.rack.code: (hit.loss.outcome, hit.loss.before, hit.loss.after)
            for hit in reading.cabinets} == {
        f"D-0{number}": ("no_redundancy", "AB", "B") for number in range(1, 7)
    }  # fmt: skip
    hit = {one.code: one for one in reading.customers}
    assert {code: (one.outcome, one.racks, one.off) for code, one in hit.items()} == {
        "C1012": ("no_redundancy", ("D-02", "D-03"), 0),
        "C1013": ("no_redundancy", ("D-04", "D-05"), 2),
        "C1015": ("no_redundancy", ("D-06",), 0),
    }
    # 18 devices draw power in each of Mortise's racks (recipe 0: 2 switches, 2 gateways, 9 + 4
    # servers, 1 array).
    assert hit["C1013"].devices == 36
    assert [one.name for one in reading.devices if one.outcome == "down"] == [
        "mortise-firewall-02", "mortise-firewall-04",
    ]  # fmt: skip
    assert (hit["C1013"].one_cord, hit["C1013"].assumed) == (2, 0)
    # Sold out, a rack draws 5,500 W / 230 V = 23.914 A on B, below 80 % of 32 A.
    fullest = hit["C1012"].fullest
    assert fullest is not None
    assert (fullest.after, fullest.limit, fullest.rating) == (23_914, 25_600, 32_000)
    # Panel RPP-D2: L1 has D-01 (nothing sold: its 260 W of plates less the console: 220 W) and
    # D-04, L2 has D-02 and D-05, L3 has D-03 and D-06.
    strains = reading.outage.stages.strains_of(node_id(session, "RPP-D2"))
    assert [(one.phase, one.after) for one in strains] == [
        ("L1", -(-5_720_000 // 230)), ("L2", -(-11_000_000 // 230)), ("L3", -(-11_000_000 // 230)),
    ]  # fmt: skip
    assert strains[0].limit == 200_000
    assert reading.outage.tripped == ()


def test_both_panels_of_a_row_take_it_down(session: ScopedSession) -> None:
    reading = fail(session, "RPP-D1", "RPP-D2")
    assert {hit.loss.outcome for hit in reading.cabinets} == {"down"}
    assert {one.code: (one.outcome, one.off, one.devices) for one in reading.customers} == {
        "C1012": ("down", 31, 31), "C1013": ("down", 36, 36), "C1015": ("down", 13, 13),
    }  # fmt: skip
    assert reading.count("down") == (3, 6, 81)


def test_by_its_plates_the_row_would_trip(session: ScopedSession) -> None:
    """Nothing is measured, so the month's maximum is not known: plates stand for it. D-02, D-04
    and D-05 add up to 9,260 W, 40.3 A of 32 A; D-03 and D-06 to 7,540 W, 32.8 A."""
    reading = fail(session, "RPP-D1", load="max")
    assert reading.bases == {"allocated": 6}
    nodes = reading.tree.nodes
    tripped = [[nodes[each].code for each in group] for group in reading.outage.tripped]
    assert [sorted(group) for group in tripped] == [[f"PDU-D-0{n}-B" for n in (2, 3, 4, 5, 6)]]
    assert {hit.rack.code: hit.loss.outcome for hit in reading.cabinets} == {
        "D-01": "no_redundancy", **{f"D-0{n}": "overloaded" for n in (2, 3, 4, 5, 6)},
    }  # fmt: skip
    assert {one.code: one.next for one in reading.customers} == {
        "C1012": 31, "C1013": 34, "C1015": 13,
    }  # fmt: skip


def test_utility_generator_and_battery(session: ScopedSession) -> None:
    assert fail(session, "UT-A").cabinets == ()
    reading = fail(session, "UT-A", "GEN-A")
    codes = [reading.tree.nodes[each].code for each in reading.outage.on_battery]
    assert codes == ["UPS-M1-A", "UPS-M2-A"]
    assert {hit.loss.outcome for hit in reading.cabinets} == {"battery"}


def test_the_console_behind_its_transfer_switch_lives_on(session: ScopedSession) -> None:
    reading = fail(session, "RPP-B1")
    outcomes = {one.name: one.outcome for one in reading.devices}
    assert outcomes["console-b01"] == "no_redundancy"
    # The control: pinecone-firewall-02 in the same row has one cord too, without such a switch.
    assert outcomes["pinecone-firewall-02"] == "down"
    assert fail(session, "STS-B-01").devices[0].name == "console-b01"


def test_a_bank_stops_only_what_hangs_on_it(session: ScopedSession) -> None:
    reading = fail(session, "PDU-D-04-A/B1")
    assert [(hit.rack.code, hit.loss.outcome, hit.off) for hit in reading.cabinets] == [
        ("D-04", "devices", 1)
    ]
    assert [(hit.code, hit.outcome, hit.off) for hit in reading.customers] == [
        ("C1013", "devices", 1)
    ]


@pytest.mark.parametrize(
    "codes",
    [("RPP-D1",), ("RPP-D1", "RPP-D2"), ("PDU-D-04-A/B1",), ("RPP-B1",), ("STS-B-01",),
     ("UPS-M1-A",), ("UT-A", "GEN-A")],
)  # fmt: skip
def test_what_is_read_near_the_nodes_alone_is_what_the_whole_site_says(
    session: ScopedSession, codes: tuple[str, ...]
) -> None:
    reading = fail(session, *codes)
    off = [node_id(session, code) for code in codes]
    chain = load_chain(session, off)
    found = find_losses(chain, off)
    assert found.racks
    assert {(loss.rack_id, loss.before, loss.after) for loss in found.racks} == {
        (loss.rack_id, loss.before, loss.after)
        for loss in reading.outage.racks
        # What would trip next isn't asked.
        if loss.outcome != "overloaded" or loss.before != loss.after
    }
    assert {one.machine for one in found.machines if one.outcome == "down"} == {
        one.machine for one in reading.outage.machines if one.outcome == "down"
    }
    if codes == ("STS-B-01",):
        assert len(chain.nodes) < len(reading.tree.nodes)


def test_nothing_is_changed_and_the_statements_are_few(session: ScopedSession) -> None:
    session.execute(text("SET TRANSACTION READ ONLY"))
    with counting(session) as small:
        fail(session, "RPP-D1/Q04")
    with counting(session) as large:
        fail(session, "RPP-A1", "RPP-B1", "RPP-C1", "RPP-D1", load="max")
    # One look-up of the code for each node; the rest is the same for one rack and for all.
    assert len(large) - 4 <= len(small) - 1 + 2
    assert len(small) <= 14
    with pytest.raises(Exception, match="read-only transaction"):
        session.execute(text("UPDATE power_node SET closed = false"))


@contextmanager
def counting(session: ScopedSession) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        seen.append(statement)

    engine = session.get_bind()
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def test_what_cant_be_asked(session: ScopedSession) -> None:
    now = utc_now()
    with pytest.raises(NotFoundError):
        read_outage(session, SCOPE, [999_999], now=now, month_start=now)
    with pytest.raises(InvalidError):
        read_outage(session, SCOPE, [], now=now, month_start=now)
    with pytest.raises(InvalidError):
        read_outage(session, SCOPE, range(1, 300), now=now, month_start=now)
    with pytest.raises(ForbiddenError):
        read_outage(session, Scope.customer("x", 1), [1], now=now, month_start=now)


def test_page_csv_and_api_say_the_same(
    session: ScopedSession,
    client_of: Callable[[str], FlaskClient],
    api_of: Callable[[str], FlaskClient],
) -> None:
    panel = node_id(session, "RPP-D1")
    client = client_of("noc")
    moved = client.get("/staff/power/outage?add=RPP-D1")
    assert moved.status_code == 303
    assert f"off={panel}" in moved.headers["Location"]
    page = client.get(f"/staff/power/outage?off={panel}&load=contracted")
    text_ = page.get_data(as_text=True)
    assert page.status_code == 200
    assert "If RPP-D1 fails" in text_
    assert "mortise-firewall-04" in text_
    sheet = client.get(f"/staff/power/outage.csv?off={panel}&load=contracted")
    assert sheet.data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(sheet.get_data(as_text=True).lstrip("\ufeff"))))
    mortise = next(row for row in rows if "C1013" in row)
    assert mortise[4:10] == ["2", "36", "D-04", "23.9", "25.6", "93"]
    answer = api_of("noc").post(
        "/api/v1/power-outages", json={"off": [panel], "basis": "contracted"}
    )
    assert answer.status_code == 200
    body = answer.get_json()
    assert {one["code"]: one["devices_off"] for one in body["customers"]} == {
        "C1012": 0, "C1013": 2, "C1015": 0,
    }  # fmt: skip
    assert len(body["racks"]) == 6
    assert client.get("/staff/power/outage").status_code == 200
    assert client.get("/staff/power/outage?add=nothing-there").status_code == 422
    assert client.get("/staff/power/outage?off=999999").status_code == 404


@pytest.mark.parametrize("cell", ["=1+1", "+86", "-2", "@cmd", "\t=1", "  =HYPERLINK()"])
def test_a_cell_never_becomes_a_formula(cell: str) -> None:
    assert defuse(cell).startswith("'")
    assert defuse(7) == "7"
    assert defuse("RPP-D1") == "RPP-D1"
