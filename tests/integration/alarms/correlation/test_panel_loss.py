"""A panel of 300 machines dies: one alarm, its consequences under it, and the right customers."""

import datetime as dt
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import delete, event, select, update
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.alarms.correlation.dependencies import Dependencies
from dcim.alarms.correlation.folding import Correlation, correlate
from dcim.alarms.correlation.hits import Hit, find_hit
from dcim.alarms.correlation.loading import load_dependencies
from dcim.alarms.correlation.subjects import Raised, Subject
from dcim.db import ScopedSession
from dcim.errors import ForbiddenError
from dcim.inventory.models import Device, Installation
from dcim.metering.models import Series
from dcim.network.models import Cable, CableEnd, Circuit, Port
from dcim.operations.maintenance import Targets
from dcim.power.models import Outlet, PowerNode
from dcim.sla.affected import find_affected
from dcim.snmp.agents.models import DiscoveryFinding
from tests.integration.alarms.correlation.hall import GIG, NOW, Hall, lose_panel

STAFF = Scope.system("test")
AT = round(NOW.timestamp() * 1000)


def load(session: Session, raised: Iterable[Raised]) -> Dependencies:
    session.expire_all()
    return load_dependencies(session, STAFF, {one.subject for one in raised})


def hit(
    session: Session, raised: list[Raised], found: Correlation, house: Dependencies, *roots: int
) -> dict[str, Hit]:
    hits = find_hit(
        session, STAFF, roots or found.roots, raised, house, found,
        now=NOW + dt.timedelta(minutes=5),
    )  # fmt: skip
    return {one.customer.code: one for one in hits}


def test_a_dead_panel_is_one_alarm_and_not_four_hundred(session: ScopedSession, hall: Hall) -> None:
    raised = lose_panel(hall)
    machines = session.scalars(
        select(Device.id).join(Installation).where(
            Device.role.in_(("server", "switch")), Device.name != "core",
        )
    ).all()  # fmt: skip
    assert len(machines) == 300
    # 30 racks with breaker, PDU and its card, the rack, 10 machines; 8 + 16 ports; and 4 more.
    assert len(raised) == 30 * 14 + 24 + 4 == 448
    house = load(session, raised)
    found = correlate(raised, house)
    assert found.roots == [0]
    assert len(found.consequences(0)) == 447
    paths = {one.key: one.path for one in found.folds.values()}
    by_subject = {one.subject: one.key for one in raised}
    behind = hall.subject("device", "srv-01-9")
    assert paths[by_subject[behind]] == (
        hall.subject("power_node", "RPP-A"), hall.subject("power_node", "R-01-AQ"),
        hall.subject("power_node", "R-01-A"), hall.subject("device", "sw-01"), behind,
    )  # fmt: skip


def test_the_right_customers_are_hit(session: ScopedSession, hall: Hall) -> None:
    raised = lose_panel(hall)
    house = load(session, raised)
    found = correlate(raised, house)
    hits = hit(session, raised, found, house)
    assert {code: one.how for code, one in hits.items()} == {
        "Cedar": "down", "Dogwood": "down", "Fir": "down",
        "Ash": "machines", "Birch": "no_redundancy", "Gorse": "no_redundancy",
    }  # fmt: skip
    racks = {
        code: {(loss.where, loss.kind) for item in one.customer.items for loss in item.losses}
        for code, one in hits.items()
    }
    assert racks["Cedar"] == {(f"R-{n}", "down") for n in (25, 26, 27, 28)}
    # R-31 hangs on other panels.
    assert racks["Dogwood"] == {("R-29", "down"), ("R-30", "down")}
    assert racks["Ash"] == {(f"R-{n:02}", "no_redundancy") for n in range(1, 11)}
    assert racks["Birch"] == {(f"R-{n}", "no_redundancy") for n in range(11, 25)}
    assert racks["Fir"] == {("sw-01 sw-01 Fir", "port")}
    assert racks["Gorse"] == {("sw-01 sw-01 Gorse", "port")}
    # Two with one cord in each of ten racks, and those behind the dead switches of.
    assert len(hits["Ash"].devices) == 20 + 2 * 7
    assert len(hits["Cedar"].devices) == 4 * 9
    assert hits["Birch"].devices == ()


def test_nobody_need_raise_an_alarm_to_be_hit(session: ScopedSession, hall: Hall) -> None:
    raised = [one for one in lose_panel(hall) if one.key == 0]
    house = load(session, raised)
    hits = hit(session, raised, correlate(raised, house), house)
    assert {code: one.how for code, one in hits.items()} == {
        "Cedar": "down", "Dogwood": "down", "Fir": "down",
        "Ash": "machines", "Birch": "no_redundancy", "Gorse": "no_redundancy",
    }  # fmt: skip


def test_cut_off_from_the_panel_a_breaker_is_a_root_of_its_own(
    session: ScopedSession, hall: Hall
) -> None:
    raised = lose_panel(hall)
    session.execute(update(PowerNode).where(PowerNode.code == "R-25-AQ").values(parent_id=None))
    house = load(session, raised)
    found = correlate(raised, house)
    breaker = next(
        one.key for one in raised if one.subject == hall.subject("power_node", "R-25-AQ")
    )
    assert sorted(found.roots) == [0, breaker]
    # PDU, its card, rack, switch, its uplink's far end, nine servers.
    assert len(found.consequences(breaker)) == 14
    assert {code: one.how for code, one in hit(session, raised, found, house, breaker).items()} == {
        "Cedar": "down"
    }


def test_without_its_other_feed_a_rack_is_down(session: ScopedSession, hall: Hall) -> None:
    """R-11 loses feed B from the record: its rack is down by the panel, as an alarm says now."""
    down = hall.subject("rack", "R-11")
    raised = [
        replace(one, trouble="down") if one.subject == down else one for one in lose_panel(hall)
    ]
    with_both = load(session, raised)
    found = correlate(raised, with_both)
    assert [one.subject for one in raised if one.key in found.roots and one.key] == [down]
    own_root = next(root for root in found.roots if root)
    # It is dark for another reason: Birch is down by that, and of the panel's hit likewise.
    assert hit(session, raised, found, with_both, own_root)["Birch"].how == "down"
    assert hit(session, raised, found, with_both, 0)["Birch"].how == "down"
    gone = [hall.nodes["R-11-B"], hall.nodes["R-11-BQ"]]
    session.execute(update(Outlet).where(Outlet.pdu_id == gone[0]).values(device_id=None))
    session.execute(update(PowerNode).where(PowerNode.id.in_(gone)).values(closed=False))
    without = load(session, raised)
    found = correlate(raised, without)
    assert found.roots == [0]
    assert hit(session, raised, found, without)["Birch"].how == "down"


def test_two_panels_are_two_roots_and_each_hits_as_both_do(
    session: ScopedSession, hall: Hall
) -> None:
    raised = [
        Raised(1, hall.subject("power_node", "RPP-A"), "down", AT),
        Raised(2, hall.subject("power_node", "RPP-B"), "down", AT + 3_600_000),
        Raised(3, hall.subject("rack", "R-11"), "down", AT + 3_600_000),
    ]
    house = load(session, raised)
    found = correlate(raised, house)
    assert found.roots == [1, 2]
    assert (found.folds[3].root, found.folds[3].also) == (2, (1,))
    second = hit(session, raised, found, house, 2)
    assert {code: one.how for code, one in second.items()} == {
        "Ash": "down", "Birch": "down", "Gorse": "down", "Hazel": "down",
    }  # fmt: skip
    # The control: alone it takes a feed, no more; the servers on R-03's switch live on.
    alone = [raised[1]]
    hits = hit(session, alone, correlate(alone, house), house)
    assert {code: one.how for code, one in hits.items()} == {
        "Ash": "no_redundancy", "Birch": "no_redundancy",
    }  # fmt: skip


def test_what_would_trip_next_is_no_hit(session: ScopedSession, hall: Hall) -> None:
    """Without B all 30 racks draw 250 A and more through one phase of RPP-A by their plates: Cedar,
    on A alone, would be dark then. It isn't now."""
    session.execute(update(PowerNode).where(PowerNode.code == "RPP-A").values(phases=1, volts=220))
    raised = [Raised(1, hall.subject("power_node", "RPP-B"), "down", AT)]
    house = load(session, raised)
    now = NOW + dt.timedelta(minutes=5)
    foreseen = find_affected(
        session, STAFF, Targets(power_nodes=frozenset({hall.nodes["RPP-B"]})), now, now, now=now
    )
    assert "Cedar" in {one.code for one in foreseen}
    hits = hit(session, raised, correlate(raised, house), house)
    assert set(hits) == {"Ash", "Birch"}


def test_a_dead_switch_hits_whose_ports_and_machines_are_on_it(
    session: ScopedSession, hall: Hall
) -> None:
    raised = [
        Raised(1, hall.subject("device", "sw-05"), "down", AT),
        *(
            Raised(1 + place, hall.subject("device", f"srv-05-{place}"), "silent", AT)
            for place in range(1, 10)
        ),
    ]
    house = load(session, raised)
    found = correlate(raised, house)
    assert found.roots == [1]
    hits = hit(session, raised, found, house)
    assert {code: one.how for code, one in hits.items()} == {"Hazel": "down", "Ash": "machines"}
    assert len(hits["Ash"].devices) == 9


def test_of_the_merely_silent_nobody_knows(session: ScopedSession, hall: Hall) -> None:
    raised = [
        Raised(1, hall.subject("agent", "pdu-25-A"), "silent", AT),
        Raised(2, hall.subject("agent", "sw-05"), "silent", AT),
        Raised(3, hall.subject("device", "srv-05-1"), "silent", AT),
    ]
    house = load(session, raised)
    found = correlate(raised, house)
    assert found.roots == [1, 2]
    hits = hit(session, raised, found, house)
    # The PDU's own rack; the port on the silent switch; the server behind it.
    assert {code: one.how for code, one in hits.items()} == {
        "Ash": "unknown", "Cedar": "unknown", "Hazel": "unknown",
    }  # fmt: skip


def test_a_sensor_is_silent_with_its_device_and_a_circuit_down_with_its_port(
    session: ScopedSession, hall: Hall
) -> None:
    series = Series(family="climate", slot="inlet", device_id=hall.devices["pdu-25-A"], step_s=60)
    session.add(series)
    session.flush()
    circuit = session.scalars(select(Circuit.id)).one()
    raised = [
        Raised(1, hall.subject("power_node", "R-25-AQ"), "down", AT),
        Raised(2, Subject("sensor", series.id), "silent", AT),
        Raised(3, hall.subject("port", "core up"), "down", AT),
        Raised(4, Subject("circuit", circuit), "down", AT),
    ]
    found = correlate(raised, load(session, raised))
    assert {key: fold.root for key, fold in found.folds.items()} == {1: 1, 2: 1, 3: 3, 4: 3}


def test_a_rack_known_to_have_lost_a_feed_has_no_redundancy(
    session: ScopedSession, hall: Hall
) -> None:
    for trouble, how in (("lost_feed", "no_redundancy"), ("down", "down")):
        raised = [Raised(1, hall.subject("rack", "R-12"), trouble, AT)]
        house = load(session, raised)
        hits = hit(session, raised, correlate(raised, house), house)
        assert {code: one.how for code, one in hits.items()} == {"Birch": how}


@contextmanager
def counting(session: Session) -> Iterator[list[str]]:
    seen: list[str] = []
    engine = session.get_bind().engine

    def note(*args: object) -> None:
        seen.append(str(args[2]))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def test_the_statements_are_as_many_for_one_subject_as_for_all(
    session: ScopedSession, hall: Hall
) -> None:
    subjects = {one.subject for one in lose_panel(hall)}
    session.connection()
    with counting(session) as small:
        load_dependencies(session, STAFF, [hall.subject("rack", "R-12")])
    with counting(session) as large:
        whole = load_dependencies(session, STAFF, subjects)
    assert len(small) == len(large) == 16
    assert len(whole.links) == 30 + 30 * 9
    with counting(session) as nothing:
        assert load_dependencies(session, STAFF, []).nodes == {}
    assert len(nothing) == 16


def test_as_many_statements_find_whom_one_alarm_hits_and_whom_all_do(
    session: ScopedSession, hall: Hall
) -> None:
    raised = lose_panel(hall)
    house = load(session, raised)
    found = correlate(raised, house)
    few = [one for one in raised if one.subject == hall.subject("power_node", "R-25-AQ")]
    few.append(Raised(900, hall.subject("device", "srv-25-1"), "silent", AT + 200_000))
    with counting(session) as small:
        hit(session, few, correlate(few, house), house)
    with counting(session) as large:
        hit(session, raised, found, house)
    assert len(small) == len(large) <= 22


def test_only_what_is_around_is_read(session: ScopedSession, hall: Hall) -> None:
    near = load_dependencies(session, STAFF, [hall.subject("device", "srv-12-4")])
    codes = set(session.scalars(select(PowerNode.code).where(PowerNode.id.in_(near.nodes))).all())
    own = {f"R-12-{feed}{q}" for feed in "AB" for q in ("", "Q")}
    core = {f"N-00-{feed}{q}" for feed in "AB" for q in ("", "Q")}
    above = {f"{kind}-{feed}" for kind in ("UT", "UPS", "RPP", "RPP-N") for feed in ("A", "B")}
    assert codes == own | core | {each.replace("N-", "N") for each in above}
    names = session.scalars(select(Device.name).where(Device.id.in_(near.machines))).all()
    assert set(names) == {"srv-12-4", "sw-12", "core"}
    assert near.exits == {hall.devices["core"]}


def test_a_ring_is_cut_off_by_both_its_ends(session: ScopedSession, hall: Hall) -> None:
    """The switches of R-11 … R-16 in a ring of uplinks; only the first and the last reach the core
    by themselves. Reading it comes to an end."""
    numbers = range(11, 17)
    lines = [hall.ports[f"odf {number}"] for number in range(12, 16)]
    session.execute(delete(CableEnd).where(CableEnd.port_id.in_(lines)))
    for number in numbers:
        following = number + 1 if number < 16 else 11
        ends = []
        for side, switch, name in (("a", number, "east"), ("z", following, "west")):
            port = Port(
                device_id=hall.devices[f"sw-{switch}"], name=name, role="uplink", speed_bps=GIG
            )
            session.add(port)
            session.flush()
            ends.append(CableEnd(side=side, port_id=port.id))
        session.add(Cable(media="smf", ends=ends))
    session.flush()
    silent = [Raised(n, hall.subject("agent", f"sw-{n}"), "silent", AT) for n in range(12, 16)]
    first = Raised(1, hall.subject("device", "sw-11"), "down", AT)
    last = Raised(2, hall.subject("device", "sw-16"), "down", AT + 60_000)
    house = load(session, [first, last, *silent])
    found = correlate([first, last, *silent], house)
    assert {key: (fold.root, fold.also) for key, fold in found.folds.items()} == {
        1: (1, ()), 2: (2, ()), **dict.fromkeys(range(12, 16), (2, (1,))),
    }  # fmt: skip
    # With one of them dead, the others are reached the other way round: by silence alone nobody
    # of the four is told apart from the rest.
    found = correlate([first, silent[1]], house)
    assert found.roots == [1, 13]


@pytest.mark.parametrize(("decision", "roots"), [("", [1]), ("dismissed", [1, 2]), (None, [1, 2])])
def test_a_link_that_only_lldp_saw_counts_until_it_is_dismissed(
    session: ScopedSession, hall: Hall, decision: str | None, roots: list[int]
) -> None:
    own, far = hall.ports["sw-12 up"], hall.ports["core 12"]
    session.execute(delete(CableEnd).where(CableEnd.port_id.in_((own, far, hall.ports["odf 12"]))))
    if decision is not None:
        session.add(
            DiscoveryFinding(
                agent_id=hall.agents["sw-12"], kind="new", subject="link", key="x", details={},
                port_id=own, other_port_id=far, first_seen_at=NOW, last_seen_at=NOW,
                decision=decision, decided_at=NOW if decision else None,
            )
        )  # fmt: skip
    session.flush()
    raised = [
        Raised(1, hall.subject("device", "core"), "down", AT),
        Raised(2, hall.subject("agent", "sw-12"), "silent", AT),
    ]
    assert correlate(raised, load(session, raised)).roots == roots


def test_only_staff(session: ScopedSession, hall: Hall) -> None:
    customer = Scope.customer("x", 1)
    with pytest.raises(ForbiddenError):
        load_dependencies(session, customer, [Subject("rack", 1)])
    with pytest.raises(ForbiddenError):
        find_hit(session, customer, [], [], Dependencies(), correlate([], Dependencies()), now=NOW)
