"""If one feed dies, how full is what is left: worked out by hand, and against the simulation."""

from hypothesis import given, settings
from hypothesis import strategies as st

from dcim.power.judgement import Circuit
from dcim.power.outage import RackDraw, simulate
from dcim.power.survival import (
    Risk,
    find_circuit_risks,
    find_dark_risks,
    find_trunk_risks,
    lose_feed,
    rank_risks,
)
from dcim.power.tree import Node, PowerTree
from tests.unit.power.test_outage import DRAWS, HOUSE, build, node

SOLD = {
    rack: RackDraw(rack, watts * 1000, {}, "contracted")
    for rack, watts in ((1, 4400), (2, 8800), (3, 1100))
}


def racks_on(nodes: dict[int, Node]) -> dict[int, set[int]]:
    tree = PowerTree(nodes)
    return {node_id: tree.racks_on(node_id) for node_id in nodes}


def test_worked_out_by_hand() -> None:
    loss = lose_feed("A", HOUSE, (), DRAWS, SOLD)
    risks = {one.node_id: one for one in find_trunk_risks(loss, racks_on(HOUSE), ())}
    assert set(risks) == {11, 12, 13}
    # Rack 1 on L1: 4.4 kVA, 20 A; rack 2 on L2: 26 A now, 40 A sold; the panel's 80 A are left.
    panel = risks[13]
    assert (panel.measured_a, panel.contracted_a, panel.limit_a) == (26.0, 40.0, 80.0)
    assert (panel.phase, panel.rack_ids, panel.lost) == ("L2", (1, 2), "A")
    assert (panel.measured_share, panel.contracted_share, panel.share) == (0.325, 0.5, 0.5)
    # The other way round rack 3 is there as well, on L3.
    back = lose_feed("B", HOUSE, (), DRAWS, SOLD)
    assert {one.node_id: one.rack_ids for one in find_trunk_risks(back, racks_on(HOUSE), ())} == {
        1: (1, 2, 3), 2: (1, 2, 3), 3: (1, 2, 3),
    }  # fmt: skip


def test_what_is_not_read_is_not_nothing() -> None:
    known = {1: DRAWS[1]}
    loss = lose_feed("A", HOUSE, (), known, SOLD)
    found = {one.node_id: one for one in find_trunk_risks(loss, racks_on(HOUSE), {2, 3})}
    assert (found[13].silent, found[13].measured_a) == (1, 20.0)
    mute = {one.node_id: one for one in find_trunk_risks(loss, racks_on(HOUSE), {1, 2, 3})}
    assert (mute[13].measured_a, mute[13].measured_share, mute[13].contracted_a) == (
        None, None, 40.0,
    )  # fmt: skip


def test_a_phase_is_that_of_the_amps_beside_it() -> None:
    # Now 30 A on L1 and 26 A on L2; sold are 20 A and 40 A.
    draws = DRAWS | {1: RackDraw(1, 6_600_000, {5: 3_300_000, 15: 3_300_000}, "measured")}
    loss = lose_feed("A", HOUSE, (), draws, SOLD)
    found = {one.node_id: one for one in find_trunk_risks(loss, racks_on(HOUSE), ())}
    assert (found[13].phase, found[13].measured_a, found[13].contracted_a) == ("L1", 30.0, 40.0)
    mute = {one.node_id: one for one in find_trunk_risks(loss, racks_on(HOUSE), {1, 2, 3})}
    assert (mute[13].phase, mute[13].measured_a) == ("L2", None)


def test_a_rack_whose_other_feed_is_dead_already_goes_dark() -> None:
    # Rack 3 has one feed by design: nothing of it is left, but nothing is amiss either.
    alive = lose_feed("A", HOUSE, (), DRAWS, SOLD)
    assert find_dark_risks(alive, ()) == []
    loss = lose_feed("A", HOUSE, {17}, DRAWS, SOLD)
    assert [(one.rack_ids, one.is_dark) for one in find_dark_risks(loss, {17})] == [((2,), True)]


def test_a_dead_panel_is_one_risk_with_its_racks() -> None:
    dead = {13, 14, 15, 16, 17}
    found = find_dark_risks(lose_feed("A", HOUSE, dead, DRAWS, SOLD), dead)
    assert [(one.node_id, one.rack_ids) for one in found] == [(13, (1, 2))]
    # Dead up to the utility, that is the one to name.
    found = find_dark_risks(lose_feed("A", HOUSE, {11, 12, *dead}, DRAWS, SOLD), {11, 12, *dead})
    assert [one.node_id for one in found] == [11]
    # Each for itself where what is dead is in the rack.
    found = find_dark_risks(lose_feed("A", HOUSE, {15, 17}, DRAWS, SOLD), {15, 17})
    assert [(one.node_id, one.rack_ids) for one in found] == [(None, (1,)), (None, (2,))]


def test_a_racks_own_circuits() -> None:
    feeds = [Circuit("A", 32, 25.6, 220, 1), Circuit("B", 32, 25.6, 220, 1)]
    (either,) = find_circuit_risks(7, feeds, 30.0, 4400)
    assert (either.lost, either.measured_a, either.contracted_a) == ("AB", 30.0, 20.0)
    assert either.grade == 1
    feeds[1] = Circuit("B", 16, 12.8, 220, 1)
    by_a, by_b = find_circuit_risks(7, feeds, None, 4400)
    assert [(one.lost, one.limit_a, one.grade) for one in (by_a, by_b)] == [
        ("B", 25.6, 4), ("A", 12.8, 2),
    ]  # fmt: skip
    assert find_circuit_risks(7, feeds[:1], 30.0, 4400) == []


def test_the_worst_comes_first_and_the_harmless_not_at_all() -> None:
    def risk(number: int, drawn: float | None, sold: float, *, dark: bool = False) -> Risk:
        return Risk("A", number, (number,), 10.0, drawn, sold, is_dark=dark)

    several = [
        risk(1, 7.4, 7.4), risk(2, 8.0, 1.0), risk(3, 11.0, 2.0), risk(4, 5.0, 30.0),
        risk(5, None, 0, dark=True), risk(6, 13.2, 20.0), risk(7, None, 9.5), risk(8, 7.5, 9.9),
    ]  # fmt: skip
    assert [one.node_id for one in rank_risks(several)] == [5, 6, 3, 4, 2, 8, 7]
    # Of a rack that goes dark its circuits' shares are beside the point.
    circuit = Risk("AB", None, (5,), 10.0, 9.0, 9.0)
    assert rank_risks([circuit]) == [circuit]
    assert rank_risks([circuit, several[4]]) == [several[4]]


@st.composite
def houses(draw: st.DrawFn) -> tuple[dict[int, Node], dict[int, RackDraw]]:
    """Two feeds with a panel each; racks on both or on one, with what each PDU draws."""
    nodes = [
        node(place, parent, kind, feed, 4000, phases=3)
        for feed, base in (("A", 1), ("B", 11))
        for place, parent, kind in ((base, None, "ups"), (base + 1, base, "panel"))
    ]
    draws = {}
    for rack in range(1, draw(st.integers(1, 5)) + 1):
        feeds = draw(st.sampled_from(["A", "B", "AB"]))
        phase = draw(st.sampled_from(["L1", "L2", "L3"]))
        own = {}
        for feed in feeds:
            pdu = rack * 100 + (feed == "B")
            parent = 2 if feed == "A" else 12
            nodes.append(node(pdu, parent, "pdu", feed, rack=rack, phase=phase))
            own[pdu] = 220 * draw(st.integers(0, 30_000))
        draws[rack] = RackDraw(rack, sum(own.values()), own, "measured")
    return build(*nodes), draws


@settings(max_examples=60, deadline=None)
@given(houses(), st.sampled_from(["A", "B"]))
def test_what_is_left_carries_all_that_hangs_on_it(
    house: tuple[dict[int, Node], dict[int, RackDraw]], lost: str
) -> None:
    nodes, draws = house
    below = racks_on(nodes)
    loss = lose_feed(lost, nodes, (), draws, {})
    found = {one.node_id: one for one in find_trunk_risks(loss, below, ())}
    panel = 12 if lost == "A" else 2
    by_phase: dict[str, int] = {"L1": 0, "L2": 0, "L3": 0}
    for rack in below[panel]:
        (phase,) = {one.phase for one in nodes.values() if one.rack_id == rack}
        by_phase[phase] += (draws[rack].total or 0) // 220
    if not below[panel]:
        assert panel not in found
        return
    assert found[panel].measured_a == max(by_phase.values()) / 1000
    # What its counterpart's loss alone puts on it is the same: one loss answers for every level.
    counterpart = simulate(nodes, [2 if lost == "A" else 12], draws)
    (strain,) = {max(one.after for one in counterpart.stages.strains_of(panel))}
    assert found[panel].measured_a == strain / 1000
