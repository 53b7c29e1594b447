"""Entering and changing the chain, plugging in, budgets: on the demo, every change undone."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from dcim.accounts.models import AuditEntry
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.db import ScopedSession
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from dcim.inventory.devices.models import DeviceSupply
from dcim.inventory.models import Device, Rack
from dcim.power.kinds import OUTLET, POWER_NODE
from dcim.power.models import Outlet, PowerNode
from dcim.power.plugging import connect_supply, disconnect_outlet
from dcim.records.titles import resolve_paths
from dcim.records.writing import change_record, create_record
from dcim.sla.budgets import read_budgets
from tests.integration.power.conftest import SCOPE


def node(session: ScopedSession, code: str) -> PowerNode:
    return session.scalars(select(PowerNode).where(PowerNode.code == code)).one()


def outlet(session: ScopedSession, pdu: str, number: int) -> Outlet:
    return session.scalars(
        select(Outlet).where(Outlet.pdu_id == node(session, pdu).id, Outlet.number == number)
    ).one()


def device(session: ScopedSession, name: str) -> Device:
    return session.scalars(select(Device).where(Device.name == name)).one()


def breaker(session: ScopedSession, **given: object) -> dict[str, object]:
    panel = node(session, "RPP-D1")
    return {
        "site_id": panel.site_id, "code": "RPP-D1/Q20", "kind": "breaker", "feed": "A",
        "parent_id": panel.id, "rated_a": 16, "volts": 230, "phase": "L2", "position": "Q20",
    } | given  # fmt: skip


def test_a_breaker_is_entered_and_audited_once(session: ScopedSession) -> None:
    made = create_record(session, SCOPE, POWER_NODE, breaker(session))
    found = session.get_one(PowerNode, made.id)
    assert (found.phases, found.closed, found.power_factor_pct) == (1, True, 100)
    deeds = session.scalars(
        select(AuditEntry).where(AuditEntry.subject == f"power-node/{made.id}")
    ).all()
    assert [deed.action for deed in deeds] == ["power_node.create"]
    # A code with a slash in it is found by its path and by its end.
    for text in ("TS01/RPP-D1/Q20", "RPP-D1/Q20"):
        assert resolve_paths(session, SCOPE, POWER_NODE, [text])[text] == [made.id]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"feed": "B"}, "feed"),
        ({"feed": "AB"}, "feed"),
        ({"phase": "L123"}, "phase"),
        ({"phases": 2}, "phases"),
        ({"kind": "pdu"}, "rack_id"),
        ({"kind": "bank"}, "parent_id"),
        ({"kind": "generator"}, "parent_id"),
    ],
)
def test_what_doesnt_fit_is_refused_by_field(
    session: ScopedSession, given: dict[str, object], field: str
) -> None:
    with pytest.raises(InvalidError) as refused:
        create_record(session, SCOPE, POWER_NODE, breaker(session, **given))
    assert field in refused.value.fields


def test_sources_are_of_the_chain_and_of_no_circle(session: ScopedSession) -> None:
    panel, ups = node(session, "RPP-D1"), node(session, "UPS-M2-A")
    with pytest.raises(InvalidError, match="circle"):
        change_record(session, SCOPE, POWER_NODE, ups.id, {"parent_id": panel.id})
    with pytest.raises(InvalidError, match="circle"):
        change_record(session, SCOPE, POWER_NODE, ups.id, {"second_parent_id": ups.id})
    with pytest.raises(InvalidError, match="another one than the first"):
        create_record(session, SCOPE, POWER_NODE, breaker(session, second_parent_id=panel.id))
    with pytest.raises(ConflictError, match="RPP-D1/Q02 has position Q02"):
        create_record(session, SCOPE, POWER_NODE, breaker(session, position="Q02"))
    # What hangs on a node must still fit when the node changes.
    with pytest.raises(InvalidError, match="wouldn't fit"):
        change_record(session, SCOPE, POWER_NODE, panel.id, {"phases": 1, "phase": "L1"})
    # The control: a change that fits goes through.
    changed = change_record(session, SCOPE, POWER_NODE, panel.id, {"rated_a": 400})
    assert changed["rated_a"] == 400


def test_an_outlet_and_its_bank_belong_to_one_pdu(session: ScopedSession) -> None:
    pdu, other = node(session, "PDU-D-04-A"), node(session, "PDU-D-05-A/B1")
    with pytest.raises(InvalidError, match="another PDU"):
        create_record(session, SCOPE, OUTLET, {"pdu_id": pdu.id, "number": 90, "bank_id": other.id})
    with pytest.raises(InvalidError, match="belong to a PDU"):
        create_record(session, SCOPE, OUTLET, {"pdu_id": other.id, "number": 90})
    own = node(session, "PDU-D-04-A/B1")
    made = create_record(
        session, SCOPE, OUTLET, {"pdu_id": pdu.id, "number": 90, "bank_id": own.id}
    )
    assert made["connector"] == "C13"


def test_one_supply_one_outlet(session: ScopedSession) -> None:
    gateway = device(session, "mortise-firewall-02")
    supply, second = session.scalars(
        select(DeviceSupply).where(DeviceSupply.device_id == gateway.id).order_by(DeviceSupply.name)
    )
    connect_supply(
        session, SCOPE, outlet(session, "PDU-D-04-B", 32).id, device_id=gateway.id,
        supply_id=second.id,
    )  # fmt: skip
    free, taken = outlet(session, "PDU-D-04-B", 31), outlet(session, "PDU-D-04-B", 1)
    with pytest.raises(ConflictError, match="is used by mortise-"):
        connect_supply(session, SCOPE, taken.id, device_id=gateway.id, supply_id=supply.id)
    with pytest.raises(ConflictError, match="hangs on outlet 4 of PDU-D-04-A"):
        connect_supply(session, SCOPE, free.id, device_id=gateway.id, supply_id=supply.id)
    with pytest.raises(ConflictError, match="Every supply"):
        connect_supply(session, SCOPE, free.id, device_id=gateway.id)
    moved = connect_supply(
        session, SCOPE, free.id, device_id=gateway.id, supply_id=supply.id, moving=True
    )
    assert (moved.device_id, moved.supply_id) == (gateway.id, supply.id)
    assert outlet(session, "PDU-D-04-A", 4).device_id is None
    assert disconnect_outlet(session, SCOPE, free.id).supply_id is None
    with pytest.raises(ConflictError, match="free already"):
        disconnect_outlet(session, SCOPE, free.id)
    deeds = session.scalars(
        select(AuditEntry.action)
        .where(AuditEntry.subject == f"device/{gateway.id}", AuditEntry.action.like("power.%"))
        .order_by(AuditEntry.id)
    ).all()
    assert deeds == ["power.connect", "power.connect", "power.disconnect"]


def test_what_cant_be_plugged_in(session: ScopedSession) -> None:
    gateway = device(session, "mortise-firewall-02")
    large, far = outlet(session, "PDU-D-04-B", 30), outlet(session, "PDU-A-02-A", 31)
    disconnect_outlet(session, SCOPE, outlet(session, "PDU-D-04-A", 4).id)
    assert (large.connector, large.device_id) == ("C19", None)
    with pytest.raises(InvalidError, match="C14 plug doesn't fit a C19"):
        connect_supply(session, SCOPE, large.id, device_id=gateway.id)
    with pytest.raises(InvalidError, match="another row"):
        connect_supply(session, SCOPE, far.id, device_id=gateway.id)
    with pytest.raises(InvalidError, match="stands nowhere"):
        connect_supply(session, SCOPE, far.id, device_id=device(session, "bcm-d-a").id)
    with pytest.raises(NotFoundError):
        connect_supply(session, SCOPE, 10**9, device_id=gateway.id)
    with pytest.raises(ForbiddenError):
        connect_supply(session, Scope.customer("x", 1), far.id, device_id=gateway.id)


def test_budgets_are_what_the_plan_sells(session: ScopedSession) -> None:
    site_id = node(session, "UT-A").site_id
    budgets = read_budgets(session, SCOPE, utc_now(), site_id=site_id)
    # Row D sells five racks at 5,500 W; L2 and L3 carry two each, L1 one (D-01 is the operator's).
    panel = budgets.by_node[node(session, "RPP-D2").id]
    assert (panel.contracted_w, panel.racks, panel.silent) == (27_500, 6, 6)
    assert [(one.phase, one.contracted) for one in panel.phases] == [
        ("L1", -(-5_500_000 // 230)), ("L2", -(-11_000_000 // 230)), ("L3", -(-11_000_000 // 230)),
    ]  # fmt: skip
    assert panel.limit == 200_000
    assert panel.allocated_w == 3 * 9_260 + 2 * 7_540 + 220
    shares = [one.share for one in budgets.trunks]
    assert shares == sorted(shares, reverse=True)
    row = next(one for one in budgets.groups if one.code == "D")
    assert (row.contracted_w, row.limit_w, row.limited_by) == (27_500, 138_000, ("RPP-D1",))


def test_pages_and_rest(
    session: ScopedSession,
    client_of: Callable[[str], FlaskClient],
    api_of: Callable[[str], FlaskClient],
) -> None:
    client, api = client_of("administrator"), api_of("administrator")
    panel, pdu = node(session, "RPP-D1"), node(session, "PDU-D-06-A")
    rack = session.scalars(select(Rack.id).where(Rack.code == "D-06")).one()
    for path in (
        "/staff/power", "/staff/power/budgets", f"/staff/power-nodes/{panel.id}",
        f"/staff/power-nodes/{pdu.id}", f"/staff/power-nodes/{pdu.id}/plug",
        f"/staff/power-nodes/{node(session, 'STS-B-01').id}",
    ):  # fmt: skip
        assert client.get(path).status_code == 200, path
    assert client.get("/staff/power-nodes/999999").status_code == 404
    card = client.get(f"/staff/power-nodes/{panel.id}").get_data(as_text=True)
    assert "Q04" in card
    assert "D-04" in card
    free = outlet(session, "PDU-D-06-A", 33)
    birch = session.scalars(select(Device).where(Device.name.like("birch-%"))).first()
    assert birch is not None
    taken = outlet(session, "PDU-D-06-A", 1)
    answer = api.post(f"/api/v1/outlets/{taken.id}/connection", json={"device_id": birch.id + 1})
    assert answer.status_code == 409
    assert "is used by" in answer.get_json()["detail"]
    assert (
        api.post(f"/api/v1/outlets/{free.id}/connection", json={"device_id": 10**9}).status_code
        == 404
    )
    assert api.delete(f"/api/v1/outlets/{free.id}/connection").status_code == 409
    listed = api.get(f"/api/v1/power-nodes?rack_id={rack}").get_json()
    assert {one["code"] for one in listed["items"]} >= {"PDU-D-06-A", "PDU-D-06-B"}
    # Who only watches plugs nothing in.
    noc = client_of("noc")
    assert api_of("noc").delete(f"/api/v1/outlets/{taken.id}/connection").status_code == 403
    assert noc.get(f"/staff/power-nodes/{pdu.id}/plug").status_code == 403
