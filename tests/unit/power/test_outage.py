"""Switching off nodes of the chain: small chains worked out by hand, and rules that always hold."""

from hypothesis import given, settings
from hypothesis import strategies as st

from dcim.power.flow import Grid, derated_ma, rated_ma, split_phases
from dcim.power.outage import Machine, Outage, RackDraw, add_machines, simulate
from dcim.power.tree import Node


def node(
    node_id: int, parent: int | None, kind: str, feed: str = "A", amps: int = 32, *,
    phases: int = 1, rack: int | None = None, phase: str = "", second: int | None = None,
    closed: bool = True, capacity_w: int | None = None, derate: int = 80,
) -> Node:  # fmt: skip
    return Node(
        node_id, parent, kind, f"N{node_id}", feed, rack, 380 if phases == 3 else 220, amps,
        phases, derate, second_parent_id=second, phase=phase, closed=closed, capacity_w=capacity_w,
    )  # fmt: skip


def build(*nodes: Node) -> dict[int, Node]:
    return {one.id: one for one in nodes}


# Two feeds: utility, UPS, panel; racks 1 and 2 on both, rack 3 on A alone.
HOUSE = build(
    node(1, None, "utility", "A", 400, phases=3),
    node(2, 1, "ups", "A", 200, phases=3),
    node(3, 2, "panel", "A", 100, phases=3),
    node(4, 3, "breaker", "A", rack=1, phase="L1"),
    node(5, 4, "pdu", "A", rack=1),
    node(6, 3, "breaker", "A", rack=2, phase="L2"),
    node(7, 6, "pdu", "A", rack=2),
    node(8, 3, "breaker", "A", rack=3, phase="L3"),
    node(9, 8, "pdu", "A", rack=3),
    node(11, None, "utility", "B", 400, phases=3),
    node(12, 11, "ups", "B", 200, phases=3),
    node(13, 12, "panel", "B", 100, phases=3),
    node(14, 13, "breaker", "B", rack=1, phase="L1"),
    node(15, 14, "pdu", "B", rack=1),
    node(16, 13, "breaker", "B", rack=2, phase="L2"),
    node(17, 16, "pdu", "B", rack=2),
)
# Rack 1 draws 10 + 10 A, rack 2 12 + 14 A, rack 3 5 A.
DRAWS = {
    1: RackDraw(1, 4_400_000, {5: 2_200_000, 15: 2_200_000}, "measured"),
    2: RackDraw(2, 5_720_000, {7: 2_640_000, 17: 3_080_000}, "measured"),
    3: RackDraw(3, 1_100_000, {9: 1_100_000}, "measured"),
}


def outcomes(outage: Outage) -> dict[int, str]:
    return {rack.rack_id: rack.outcome for rack in outage.racks}


def test_a_panel_takes_down_what_hangs_on_it_alone_and_overloads_what_takes_over() -> None:
    outage = simulate(HOUSE, [3], DRAWS)
    # Rack 1: 20 A of 25.6 A; rack 2: 26 A of 25.6 A, but no more than the breaker's 32 A.
    assert outcomes(outage) == {3: "down", 2: "overloaded", 1: "no_redundancy"}
    by_rack = {rack.rack_id: rack for rack in outage.racks}
    assert by_rack[1].fullest is not None
    assert (by_rack[1].fullest.before, by_rack[1].fullest.after) == (10_000, 20_000)
    assert by_rack[1].fullest.limit == 25_600
    cause = by_rack[2].cause
    assert cause is not None
    assert (cause.after, cause.limit, cause.rating, cause.trips) == (26_000, 25_600, 32_000, False)
    assert outage.tripped == ()
    assert outage.dead == {3, 4, 5, 6, 7, 8, 9}
    assert (by_rack[3].before, by_rack[3].after) == ("A", "")
    phases = outage.stages.strains_of(13)
    assert [(one.phase, one.before, one.after) for one in phases] == [
        ("L1", 10_000, 20_000), ("L2", 14_000, 26_000), ("L3", 0, 0),
    ]  # fmt: skip


def test_a_breaker_beyond_its_rating_trips_and_takes_its_rack_along() -> None:
    draws = DRAWS | {2: RackDraw(2, 7_260_000, {7: 3_630_000, 17: 3_630_000}, "measured")}
    outage = simulate(HOUSE, [3], draws)
    # 33 A through breaker 16 and PDU 17: the PDU's fuse is nearest to the load.
    assert outage.tripped == ((17,),)
    loss = next(rack for rack in outage.racks if rack.rack_id == 2)
    assert (loss.outcome, loss.after, loss.last) == ("overloaded", "B", "")


def test_a_panel_that_trips_takes_racks_along_that_lost_nothing_before() -> None:
    small = dict(HOUSE)
    small[13] = node(13, 12, "panel", "B", 24, phases=3)
    small[18] = node(18, 13, "breaker", "B", rack=4, phase="L2")
    small[19] = node(19, 18, "pdu", "B", rack=4)
    outage = simulate(small, [3], DRAWS)
    # L2 of panel B would carry 26 A of 24 A.
    assert outage.tripped == ((13,),)
    assert outcomes(outage) == {3: "down", 1: "overloaded", 2: "overloaded", 4: "overloaded"}


def test_a_ups_without_input_holds_on_its_battery_and_says_so() -> None:
    outage = simulate(HOUSE, [1], DRAWS)
    assert outage.on_battery == (2,)
    assert outcomes(outage) == dict.fromkeys((1, 2, 3), "battery")
    empty = simulate(HOUSE, [1, 2], DRAWS)
    assert outcomes(empty) == {3: "down", 2: "overloaded", 1: "no_redundancy"}


def test_a_transfer_switch_takes_its_other_source() -> None:
    nodes = dict(HOUSE)
    nodes[20] = node(20, 5, "ats", "AB", 16, rack=1, second=15)
    nodes[21] = node(21, 20, "pdu", "AB", 16, rack=1)
    machines = [Machine(1, 1, None, (21,)), Machine(2, 1, None, (5,)), Machine(3, 1, None, (5, 15))]
    outage = add_machines(simulate(nodes, [3], DRAWS), machines, DRAWS)
    assert 20 in outage.switched
    assert {loss.machine.id: loss.outcome for loss in outage.machines} == {
        1: "no_redundancy", 2: "down", 3: "no_redundancy",
    }  # fmt: skip
    # The control: the same switch with one source recorded at a time.
    nodes[20] = node(20, 5, "breaker", "A", 16, rack=1)
    without = add_machines(simulate(nodes, [3], DRAWS), machines, DRAWS)
    assert {loss.machine.id: loss.outcome for loss in without.machines}[1] == "down"


def test_a_generator_carries_on_behind_a_transfer_switch() -> None:
    nodes = dict(HOUSE)
    nodes[30] = node(30, None, "generator", "A", 400, phases=3)
    nodes[31] = node(31, 1, "ats", "A", 400, phases=3, second=30)
    nodes[2] = node(2, 31, "ups", "A", 200, phases=3)
    outage = simulate(nodes, [1], DRAWS)
    assert outage.racks == ()
    assert outage.switched == (31,)
    assert simulate(nodes, [1, 30], DRAWS).on_battery == (2,)


def test_an_open_breaker_feeds_nothing_already_before() -> None:
    nodes = dict(HOUSE)
    nodes[14] = node(14, 13, "breaker", "B", rack=1, phase="L1", closed=False)
    outage = simulate(nodes, [3], DRAWS)
    loss = next(rack for rack in outage.racks if rack.rack_id == 1)
    assert (loss.outcome, loss.before, loss.after) == ("down", "A", "")


def test_a_bank_takes_its_machines_but_not_the_rack() -> None:
    nodes = dict(HOUSE)
    nodes[40] = node(40, 5, "bank", "A", 16, rack=1)
    machines = [Machine(1, 1, 9, (40,)), Machine(2, 1, 9, (40, 15)), Machine(3, 1, 9)]
    outage = add_machines(simulate(nodes, [40], DRAWS), machines, DRAWS)
    assert outcomes(outage) == {1: "devices"}
    assert {loss.machine.id: loss.outcome for loss in outage.machines} == {
        1: "down", 2: "no_redundancy",
    }  # fmt: skip


def test_a_machine_without_cords_is_judged_by_its_rack_and_marked() -> None:
    machines = [Machine(1, 1, 9), Machine(2, 3, 9)]
    outage = add_machines(simulate(HOUSE, [3], DRAWS), machines, DRAWS)
    assert [(one.machine.id, one.outcome, one.assumed) for one in outage.machines] == [
        (1, "no_redundancy", True), (2, "down", True),
    ]  # fmt: skip


def test_an_unknown_load_is_named_and_never_zero() -> None:
    outage = simulate(HOUSE, [3], {**DRAWS, 1: RackDraw(1)})
    assert outage.unknown_racks == (1,)
    assert next(rack for rack in outage.racks if rack.rack_id == 1).basis == "unknown"
    assert next(rack for rack in outage.racks if rack.rack_id == 1).fullest is None


def test_a_loop_in_the_data_ends() -> None:
    nodes = build(node(1, 2, "panel"), node(2, 1, "panel"), node(3, 2, "pdu", rack=1))
    assert simulate(nodes, [1], {}).racks == ()


def test_a_plate_in_watts_limits_the_current() -> None:
    ups = node(1, None, "ups", "A", 580, phases=3, capacity_w=360_000)
    assert rated_ma(ups) == 360_000_000 // 660
    assert derated_ma(ups) == rated_ma(ups) * 80 // 100
    assert rated_ma(node(1, None, "ups", "A", 580, phases=3)) == 580_000


def test_phases_of_a_load_between_two_phases() -> None:
    # 3.8 kVA between L1 and L2 of 380 V: 10 A in both lines, 2.2 kVA of each phase at 220 V.
    assert [round(part / 220) for part in split_phases(3_800_000, "L12")] == [9973, 9973, 0]
    assert split_phases(9, "L123") == (3, 3, 3)
    assert split_phases(10, "") == (4, 4, 4)


RACKS = 6


@st.composite
def houses(draw: st.DrawFn) -> tuple[dict[int, Node], dict[int, RackDraw]]:
    """Two feeds of a few panels; racks on one or both; loads from none to far too much."""
    nodes: dict[int, Node] = {}
    draws: dict[int, RackDraw] = {}
    for feed in "AB":
        base = 0 if feed == "A" else 1000
        nodes[base + 1] = node(base + 1, None, "utility", feed, 400, phases=3)
        nodes[base + 2] = node(base + 2, base + 1, "ups", feed, 200, phases=3)
        for panel in (10, 20):
            amps = draw(st.integers(20, 100))
            nodes[base + panel] = node(base + panel, base + 2, "panel", feed, amps, phases=3)
    for rack in range(1, RACKS + 1):
        own: dict[int, int] = {}
        phase = draw(st.sampled_from(["L1", "L2", "L3", "", "L12"]))
        for feed in draw(st.sampled_from(["A", "B", "AB", "AB"])):
            base = (0 if feed == "A" else 1000) + draw(st.sampled_from([10, 20]))
            breaker, pdu = base + 100 * rack + 1, base + 100 * rack + 2
            nodes[breaker] = node(breaker, base, "breaker", feed, rack=rack, phase=phase)
            nodes[pdu] = node(pdu, breaker, "pdu", feed, rack=rack)
            own[pdu] = draw(st.integers(0, 8_000_000))
        draws[rack] = RackDraw(rack, sum(own.values()), own, "measured")
    return nodes, draws


@settings(deadline=None)
@given(houses(), st.data())
def test_what_always_holds(
    house: tuple[dict[int, Node], dict[int, RackDraw]], data: st.DataObject
) -> None:
    nodes, draws = house
    off = data.draw(st.sets(st.sampled_from(sorted(nodes)), min_size=1, max_size=4))
    outage = simulate(nodes, off, draws)
    assert outage.off <= outage.dead
    grid, fed = outage.stages.grid, outage.stages.fed
    lost = {rack.rack_id: rack for rack in outage.racks}
    for rack_id, places in grid.feeds_of_rack.items():
        alive = [at for at in places if fed[1].live[at]]
        if rack_id not in lost:
            # Whoever isn't named keeps every feed.
            assert all(fed[1].live[at] == fed[0].live[at] for at in places)
            continue
        assert (lost[rack_id].outcome == "down") == (not alive)
        assert set(lost[rack_id].last) <= set(lost[rack_id].after) <= set(lost[rack_id].before)
    # What flows out of the sources is what the racks draw (rounded up by feed): nothing is lost.
    flow = outage.stages.flow[1]
    roots = sum(
        flow.total[at] for at in range(len(grid.nodes)) if fed[1].live[at] and fed[1].source[at] < 0
    )
    drawn = sum(
        draws[rack].total or 0
        for rack, places in grid.feeds_of_rack.items()
        if any(fed[1].live[at] for at in places)
    )
    assert drawn <= roots <= drawn + 2 * RACKS
    for strain in outage.strains:
        assert strain.after > strain.before
    # More switched off never brings anything back.
    more = simulate(nodes, off | {1}, draws)
    assert outage.dead <= more.dead
    assert {r.rack_id for r in outage.racks_by("down")} <= {
        r.rack_id for r in more.racks_by("down")
    }


@settings(deadline=None)
@given(houses())
def test_nothing_switched_off_hits_nobody(
    house: tuple[dict[int, Node], dict[int, RackDraw]],
) -> None:
    nodes, draws = house
    outage = simulate(nodes, [], draws)
    assert outage.racks == ()
    assert outage.dead == frozenset()
    assert outage.strains == ()
    assert outage.tripped == ()


@settings(deadline=None)
@given(st.integers(0, 10**9), st.sampled_from(["L1", "L2", "L3", "L123", ""]))
def test_phases_add_up_to_the_load(mva: int, phase: str) -> None:
    assert mva <= sum(split_phases(mva, phase)) <= mva + 2


def test_sources_come_before_what_they_feed() -> None:
    grid = Grid(dict(reversed(HOUSE.items())))
    assert all(parent < at for at, parents in enumerate(grid.parents) for parent in parents)
