"""Whom work on a panel of the demo concerns: the same that its outage hits, with their items."""

import datetime as dt
from decimal import Decimal

from sqlalchemy import select

from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.db import ScopedSession
from dcim.inventory.models import Allocation, Room
from dcim.operations.maintenance import Plan, Targets, approve_maintenance, plan_maintenance
from dcim.operations.models import Maintenance
from dcim.operations.targets import read_targets
from dcim.sla.affected import find_affected
from dcim.sla.announcing import announce, read_due
from tests.integration.power.conftest import SCOPE
from tests.integration.power.test_outages import counting, node_id

PLANNER = Scope.staff("planner@example.com")
CHIEF = Scope.staff("chief@example.com")
HOUR = dt.timedelta(hours=1)


def plan(session: ScopedSession, *codes: str, ahead: dt.timedelta) -> Maintenance:
    now = utc_now()
    work = plan_maintenance(
        session, PLANNER,
        Plan(
            "检修", "Service", now + ahead, now + ahead + 4 * HOUR,
            Targets(power_nodes=frozenset(node_id(session, code) for code in codes)),
        ),
        now,
    )  # fmt: skip
    return approve_maintenance(session, CHIEF, work.id, now)


def test_one_panel_takes_a_feed_from_whom_the_plan_says(session: ScopedSession) -> None:
    """As in test_outages: D-02, D-03 are C1012's, D-04, D-05 C1013's with two gateways on a single
    cord on feed A, D-06 C1015's."""
    due = read_due(session, PLANNER, plan(session, "RPP-D1", ahead=200 * HOUR))
    found = {
        one.customer.code: sorted(
            (loss.where, loss.kind, loss.lost, loss.kept, loss.machines)
            for item in one.customer.items
            for loss in item.losses
        )
        for one in due
    }
    assert found == {
        "C1012": [(f"D-0{n}", "no_redundancy", "A", "B", 0) for n in (2, 3)],
        "C1013": [(f"D-0{n}", "no_redundancy", "A", "B", 1) for n in (4, 5)],
        "C1015": [("D-06", "no_redundancy", "A", "B", 0)],
    }
    # Both feeds must be down before their terms count anything: one costs nothing.
    assert all(one.at_stake == {} for one in due)


def test_both_panels_cost_what_the_terms_say(session: ScopedSession) -> None:
    """Four hours without both feeds: 10 % of each cabinet (45 minutes to 4 hours) by the standard
    terms, told or not; told 100 hours ahead, where 72 are asked, all of it is left out."""
    work = plan(session, "RPP-D1", "RPP-D2", ahead=100 * HOUR)
    due = {one.customer.code: one for one in read_due(session, PLANNER, work)}
    assert {one.customer.worst for one in due.values()} == {"down"}
    birch = due["C1015"]
    # With both feeds of the row its access switch stops as well, and Birch's port on it.
    item, transit = birch.customer.items
    assert (item.worst, transit.worst) == ("down", "port")
    assert [(loss.lost, loss.kept) for loss in transit.losses] == [("acc-d fe1/0/3", "")]
    power = [one for one in birch.asked if one.clause == "power"]
    assert [one.cost for one in power] == [
        (item.monthly_fee * Decimal("0.10")).quantize(Decimal("0.01"))
    ]
    assert birch.standing == "due"
    announce(session, PLANNER, work.id, "email")
    assert {one.standing for one in read_due(session, PLANNER, work)} == {"told"}
    late = plan(session, "RPP-D1", "RPP-D2", ahead=20 * HOUR)
    announce(session, PLANNER, late.id, "email")
    assert {one.standing for one in read_due(session, PLANNER, late)} == {"late"}


def test_who_comes_later_is_asked_and_who_left_is_not(session: ScopedSession) -> None:
    work = plan(session, "RPP-D1", ahead=24 * 30 * HOUR)
    (birch,) = (one for one in read_due(session, PLANNER, work) if one.customer.code == "C1015")
    (item,) = birch.customer.items
    space = session.scalars(select(Allocation).where(Allocation.contract_item_id == item.id)).one()
    space.ends_on = (work.starts_at - dt.timedelta(days=2)).date()
    session.flush()
    assert "C1015" not in {one.customer.code for one in read_due(session, PLANNER, work)}
    space.starts_on, space.ends_on = (work.starts_at - dt.timedelta(days=1)).date(), None
    session.flush()
    assert "C1015" in {one.customer.code for one in read_due(session, PLANNER, work)}


def test_a_room_concerns_all_who_stand_in_it(session: ScopedSession) -> None:
    room = session.scalars(select(Room).order_by(Room.id)).first()
    assert room is not None
    found = find_affected(
        session, SCOPE, Targets(rooms=frozenset([room.id])), utc_now(), utc_now() + HOUR,
        now=utc_now(),
    )  # fmt: skip
    assert found
    assert {loss.kind for one in found for item in one.items for loss in item.losses} == {"room"}


def test_the_number_of_statements_is_the_same_for_any_number_of_customers(
    session: ScopedSession,
) -> None:
    counts = []
    for codes in (("RPP-D1",), ("RPP-D1", "RPP-D2", "RPP-C1", "RPP-C2", "RPP-A1")):
        work = plan(session, *codes, ahead=200 * HOUR)
        session.flush()
        read_due(session, PLANNER, work)
        with counting(session) as seen:
            found = read_due(session, PLANNER, work)
        counts.append((len(found), len(seen)))
    assert counts[0][0] < counts[1][0]
    assert counts[0][1] == counts[1][1]


def test_what_is_worked_on_is_found_by_its_name(session: ScopedSession) -> None:
    found = read_targets(session, SCOPE, "RPP-D1\n\n RPP-D2 \nRPP-D1")
    assert found.power_nodes == {node_id(session, "RPP-D1"), node_id(session, "RPP-D2")}
    assert (found.ports, found.rooms, found.devices) == (frozenset(), frozenset(), frozenset())
