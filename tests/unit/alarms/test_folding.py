"""Alarms under their roots, in a small house, each worked out by hand."""

from dataclasses import replace

import pytest

from dcim.alarms.correlation.dependencies import Dependencies, Link, PortAt
from dcim.alarms.correlation.folding import Correlation, correlate
from dcim.alarms.correlation.subjects import Raised, Subject
from dcim.power.outage import Machine
from tests.unit.alarms.house import HOUSE, LINKS, MACHINES, NODES, alarm, build, node


def roots(found: Correlation) -> dict[int, int]:
    return {key: fold.root for key, fold in found.folds.items()}


def fold(*raised: Raised, house: Dependencies = HOUSE) -> dict[int, int]:
    return roots(correlate(raised, house))


PANEL = alarm(1, "power_node", 3)


def test_a_dead_panel_is_one_alarm_with_its_consequences_under_it() -> None:
    found = correlate(
        [
            alarm(7, "agent", 5101, "silent", 2),
            alarm(6, "device", 202, "silent", 1),
            alarm(5, "rack", 3, "down"),
            alarm(4, "rack", 1, "lost_feed"),
            alarm(3, "power_node", 5),
            alarm(2, "power_node", 4),
            PANEL,
        ],
        HOUSE,
    )
    assert found.roots == [1]
    assert set(roots(found).values()) == {1}
    assert found.folds[7].path == (
        Subject("power_node", 3), Subject("power_node", 4), Subject("power_node", 5),
        Subject("device", 101), Subject("agent", 5101),
    )  # fmt: skip
    assert found.folds[7].cause == 3
    # What raised nothing between them is named all the same.
    assert found.folds[5].path == (
        Subject("power_node", 3), Subject("power_node", 8), Subject("power_node", 9),
        Subject("rack", 3),
    )  # fmt: skip
    assert found.folds[5].cause == 1
    assert [one.key for one in found.consequences(1)] == [2, 3, 4, 5, 6, 7]


def test_what_lives_on_its_other_feed_is_not_down_by_one_panel() -> None:
    assert fold(PANEL, alarm(2, "rack", 1, "lost_feed")) == {1: 1, 2: 1}
    assert fold(PANEL, alarm(2, "rack", 1)) == {1: 1, 2: 2}
    assert fold(PANEL, alarm(2, "device", 201, "degraded")) == {1: 1, 2: 1}
    apart = replace(HOUSE, links=())
    assert fold(PANEL, alarm(2, "device", 201), house=apart) == {1: 1, 2: 2}
    # It isn't reached, though, where its only switch went with the panel.
    assert fold(PANEL, alarm(2, "device", 201)) == {1: 1, 2: 1}
    # The control: with the second feed gone from the record it is.
    one_fed = replace(HOUSE, nodes={key: one for key, one in NODES.items() if one.feed == "A"})
    assert fold(PANEL, alarm(2, "rack", 1), house=one_fed) == {1: 1, 2: 1}
    # And with its breaker recorded open.
    opened = replace(HOUSE, nodes={**NODES, 14: node(14, 13, "breaker", "B", rack=1, closed=False)})
    assert fold(PANEL, alarm(2, "rack", 1), house=opened) == {1: 1, 2: 1}


def test_both_panels_are_two_roots_and_the_last_one_took_the_rack() -> None:
    other = alarm(2, "power_node", 13, at=30)
    found = correlate(
        [PANEL, other, alarm(3, "rack", 1, at=31), alarm(4, "rack", 1, "lost_feed", at=1)], HOUSE
    )
    assert roots(found) == {1: 1, 2: 2, 3: 2, 4: 1}
    assert (found.folds[3].also, found.folds[4].also) == ((1,), ())
    # The PDU of the panel that died first is told of last: the rack is still the second one's.
    late = [PANEL, other, alarm(3, "rack", 1, at=31), alarm(4, "power_node", 5, at=32)]
    assert roots(correlate(late, HOUSE))[3] == 2


def test_a_cut_edge_makes_two_roots() -> None:
    raised = [PANEL, alarm(2, "power_node", 5), alarm(3, "rack", 1, "lost_feed")]
    assert fold(*raised) == {1: 1, 2: 1, 3: 1}
    cut = replace(HOUSE, nodes={**NODES, 4: node(4, None, "breaker", rack=1)})
    assert fold(*raised, house=cut) == {1: 1, 2: 2, 3: 2}


def test_a_cause_may_be_told_of_a_little_later_but_not_much() -> None:
    early = alarm(2, "power_node", 5, at=0)
    assert fold(replace(PANEL, at=300_000), early) == {1: 1, 2: 1}
    assert fold(replace(PANEL, at=300_001), early) == {1: 1, 2: 2}
    # What was dead for days stays what it was; the alarms that come now are the panel's.
    days = alarm(9, "power_node", 3, at=3 * 24 * 60)
    new = alarm(3, "rack", 3, at=3 * 24 * 60)
    assert fold(days, early, new) == {9: 9, 2: 2, 3: 9}


def test_what_stays_when_its_cause_is_over_is_its_own_root() -> None:
    pdu, rack = alarm(2, "power_node", 9), alarm(3, "rack", 3)
    assert fold(PANEL, pdu, rack) == {1: 1, 2: 1, 3: 1}
    assert fold(pdu, rack) == {2: 2, 3: 2}
    assert fold(rack) == {3: 3}


def test_silence_kills_nothing() -> None:
    """A silent PDU is unknown: no rack is dark by it. Below a dead panel it is a consequence."""
    silent, dark = alarm(2, "agent", 5305, "silent"), alarm(3, "rack", 3)
    node_silent = alarm(4, "power_node", 5, "silent")
    server = alarm(5, "device", 202)
    assert fold(silent, alarm(6, "rack", 1, "lost_feed")) == {2: 2, 6: 6}
    assert fold(node_silent, alarm(6, "rack", 1, "lost_feed")) == {4: 4, 6: 6}
    assert fold(alarm(2, "power_node", 9, "silent"), dark, server) == {2: 2, 3: 3, 5: 3}
    assert fold(PANEL, silent, node_silent, dark, server) == dict.fromkeys((1, 2, 4, 3, 5), 1)
    # A node is silent because its meter is, and its sensor with it.
    assert fold(silent, node_silent, alarm(7, "sensor", 7001, "silent")) == {2: 2, 4: 2, 7: 2}


def test_a_panel_silent_below_a_dead_ups_is_no_root_of_what_is_dead_there() -> None:
    found = correlate(
        [
            alarm(1, "power_node", 2),
            alarm(2, "power_node", 3, "silent"),
            alarm(3, "power_node", 5),
        ],
        HOUSE,
    )
    assert roots(found) == {1: 1, 2: 1, 3: 1}
    assert found.folds[3].cause == 1


def test_a_battery_lives_on_and_its_end_is_the_utilitys() -> None:
    mains = alarm(1, "power_node", 1)
    assert fold(mains, alarm(2, "power_node", 2, "degraded")) == {1: 1, 2: 1}
    # The panel lives on the battery: what is dead below it has another cause.
    assert fold(mains, alarm(3, "power_node", 3)) == {1: 1, 3: 3}
    ended = alarm(2, "power_node", 2, at=20)
    assert fold(mains, ended, alarm(3, "power_node", 3, at=20)) == {1: 1, 2: 1, 3: 1}


def test_an_overload_is_of_the_feed_that_was_lost_and_a_trip_of_the_overload() -> None:
    over = alarm(2, "power_node", 13, "overload", 1)
    tripped = alarm(3, "power_node", 13, "down", 2)
    rack = alarm(4, "rack", 2, "down", 2)
    found = correlate([PANEL, over, tripped, rack], HOUSE)
    assert roots(found) == {1: 1, 2: 1, 3: 1, 4: 1}
    assert found.folds[2].path == (
        Subject("power_node", 3), Subject("power_node", 4), Subject("power_node", 5),
        Subject("rack", 1), Subject("power_node", 13),
    )  # fmt: skip
    # The controls: nothing was lost that it could have taken over; a trip before any overload.
    assert fold(over, alarm(1, "power_node", 23)) == {1: 1, 2: 2}
    assert fold(replace(over, at=180_000), tripped) == {2: 2, 3: 3}


def test_a_rack_transfer_switch_passes_on_what_is_left() -> None:
    nodes = {**NODES, 30: node(30, 5, "ats", "AB", rack=1, second=15)}
    nodes[31] = node(31, 30, "pdu", "AB", rack=1)
    machines = {**MACHINES, 201: Machine(201, 1, 7, (31,))}
    house = replace(HOUSE, nodes=nodes, machines=machines, links=())
    server, switched = alarm(2, "device", 201), alarm(3, "power_node", 30, "degraded")
    assert fold(PANEL, server, switched, house=house) == {1: 1, 2: 2, 3: 1}
    both = [PANEL, alarm(4, "power_node", 13), server]
    assert fold(*both, house=house)[2] in (1, 4)


def test_a_rack_behind_one_switch_for_both_feeds_loses_one_of_them() -> None:
    nodes = {
        **NODES, 30: node(30, 3, "ats", "AB", second=13), 31: node(31, 30, "pdu", "AB", rack=5),
    }  # fmt: skip
    house = replace(HOUSE, nodes=nodes)
    found = correlate([PANEL, alarm(2, "rack", 5, "lost_feed"), alarm(3, "rack", 5)], house)
    assert roots(found) == {1: 1, 2: 1, 3: 3}
    assert found.folds[2].path == (
        Subject("power_node", 3), Subject("power_node", 30), Subject("power_node", 31),
        Subject("rack", 5),
    )  # fmt: skip


def test_a_dark_rack_explains_what_stands_in_it() -> None:
    raised = [alarm(1, "rack", 3), alarm(2, "device", 202), alarm(3, "agent", 5202, "silent")]
    assert fold(*raised) == {1: 1, 2: 1, 3: 1}
    # A machine whose cord is somewhere else isn't dark with it.
    elsewhere = replace(HOUSE, machines={**MACHINES, 202: Machine(202, 3, 8, (25,))})
    assert fold(*raised, house=elsewhere) == {1: 1, 2: 2, 3: 2}


def test_without_cords_its_racks_feeds_stand_for_a_machine() -> None:
    machines = {**MACHINES, 202: Machine(202, 3, 8), 201: Machine(201, 1, 7)}
    assumed = replace(HOUSE, machines=machines, links=())
    raised = [PANEL, alarm(2, "device", 202), alarm(3, "device", 201)]
    assert fold(*raised, house=assumed) == {1: 1, 2: 1, 3: 3}


def test_silence_behind_a_dead_switch_is_its_consequence() -> None:
    line = replace(HOUSE, links=[one for one in LINKS if one != Link(1012, 1022)])
    raised = [
        alarm(1, "device", 102), alarm(2, "agent", 5202, "silent"),
        alarm(3, "agent", 5201, "silent"), alarm(4, "port", 1022),
    ]  # fmt: skip
    found = correlate(raised, line)
    assert roots(found) == {1: 1, 2: 1, 3: 3, 4: 1}
    assert found.folds[2].path == (
        Subject("device", 102), Subject("device", 202), Subject("agent", 5202),
    )  # fmt: skip
    # Silence of the switch explains silence behind it, and no port that is down.
    quiet = [alarm(1, "agent", 5102, "silent"), *raised[1:]]
    assert fold(*quiet, house=line) == {1: 1, 2: 1, 3: 3, 4: 4}


def test_in_a_ring_both_ways_must_be_cut() -> None:
    far = alarm(2, "agent", 5101, "silent")
    one = alarm(1, "port", 1001, at=0)
    assert fold(one, far) == {1: 1, 2: 2}
    assert fold(one, alarm(3, "device", 102, at=4), far) == {1: 1, 3: 3, 2: 3}
    # All of the ring silent behind the dead core, and the servers behind the ring.
    core = alarm(9, "device", 100)
    silent = [alarm(key, "agent", 5000 + key, "silent") for key in (101, 102, 201, 202)]
    assert fold(core, *silent) == {9: 9} | dict.fromkeys((101, 102, 201, 202), 9)
    # The control: with a carrier's line in the ring they would be reached by that.
    reached = replace(HOUSE, exits=frozenset({100, 102}))
    assert fold(core, *silent, house=reached)[101] == 102


def test_a_ring_without_a_way_out_ends_and_explains_nothing() -> None:
    ports = {number: PortAt(number // 10, leads_up=True) for number in (11, 12, 21, 22, 31, 32)}
    ring = Dependencies(
        ports=ports, links=(Link(11, 22), Link(21, 32), Link(31, 12)),
        agents={1: 1, 2: 2, 3: 3},
    )  # fmt: skip
    assert fold(alarm(1, "device", 1), alarm(2, "agent", 2, "silent"), house=ring) == {1: 1, 2: 2}


def test_the_two_ends_of_a_link_are_one_alarm() -> None:
    ends = [alarm(1, "port", 1001, at=1), alarm(2, "port", 1011, at=0)]
    assert fold(*ends) == {1: 2, 2: 2}
    # A dead device at one end is the root of both.
    assert fold(*ends, alarm(3, "device", 101, at=2)) == {1: 3, 2: 3, 3: 3}
    assert fold(alarm(1, "port", 1001), alarm(2, "port", 1021)) == {1: 1, 2: 2}


def test_circuits_and_services_follow_their_ports() -> None:
    assert fold(alarm(1, "port", 1000), alarm(2, "circuit", 9001)) == {1: 1, 2: 1}
    port = alarm(1, "port", 1013)
    assert fold(port, alarm(2, "service", 8001), alarm(3, "service", 8002, "degraded"),
                alarm(4, "service", 8002)) == {1: 1, 2: 1, 3: 1, 4: 4}  # fmt: skip
    # A port that is up carries nothing when its switch has no way up.
    core = alarm(1, "device", 100)
    assert fold(core, alarm(4, "service", 8002)) == {1: 1, 4: 1}


def test_the_same_said_twice_is_one() -> None:
    assert fold(alarm(1, "rack", 3), alarm(2, "rack", 3, at=1)) == {1: 1, 2: 1}
    said = [alarm(1, "agent", 5202, "silent"), alarm(2, "device", 202, "silent", 1)]
    assert fold(*said) == {1: 1, 2: 1}
    with pytest.raises(ValueError, match="one key"):
        fold(alarm(1, "rack", 3), alarm(1, "rack", 2))
    with pytest.raises(ValueError, match="no such kind"):
        Subject("pdu", 1)


def test_a_warning_explains_nothing_that_is_worse() -> None:
    """Of a consequence nobody is told: it would be a trip that nobody hears of."""
    warned = alarm(1, "power_node", 6, "overload", rank=2)
    over = alarm(2, "power_node", 6, "overload", 3, rank=1)
    tripped = alarm(3, "power_node", 6, "down", 4)
    below = alarm(4, "power_node", 7, "down", 4)
    # The warning came first, and stands under what is worse and came soon after.
    assert fold(warned, over, tripped, below) == {1: 2, 2: 2, 3: 3, 4: 3}
    late = replace(over, at=over.at + 600_000)
    assert fold(warned, late) == {1: 1, 2: 2}
    # Of two that say the same, the one that is grave enough explains.
    alike = replace(over, rank=0)
    assert fold(warned, alike, tripped) == {1: 2, 2: 2, 3: 2}
    quiet = alarm(5, "agent", 5101, "silent", rank=2)
    assert fold(quiet, alarm(6, "device", 201, "silent", 1)) == {5: 5, 6: 6}
    assert fold(quiet, alarm(6, "device", 201, "silent", 1, rank=2)) == {5: 5, 6: 5}


def test_a_loop_in_the_chain_feeds_nobody_and_ends() -> None:
    looped = replace(HOUSE, nodes={**NODES, 3: node(3, 4, "panel")})
    assert fold(PANEL, alarm(2, "rack", 3), house=looped) == {1: 1, 2: 2}


def test_what_feeds_a_loop_takes_the_loop_with_it() -> None:
    """3 hangs on 12, and on 14, which hangs on 3: that is no second source."""
    loop = build(node(12, None, "panel"), node(3, 12, "panel", second=14), node(14, 3, "panel"))
    raised = [alarm(1, "power_node", 12), alarm(2, "power_node", 3), alarm(3, "power_node", 14)]
    assert fold(*raised, house=Dependencies(nodes=loop)) == {1: 1, 2: 1, 3: 1}
    # The control: a second source that stands by itself keeps it alive.
    apart = loop | build(node(14, None, "panel"))
    assert fold(*raised[:2], house=Dependencies(nodes=apart)) == {1: 1, 2: 2}


def test_what_isnt_in_the_model_stands_alone() -> None:
    raised = [
        alarm(number, kind, 99_999, trouble)
        for number, (kind, trouble) in enumerate(
            (kind, trouble)
            for kind in ("power_node", "rack", "device", "port", "agent", "sensor", "circuit",
                         "service")
            for trouble in ("down", "silent", "lost_feed", "overload", "hot")
        )
    ]  # fmt: skip
    # But for what is dead and silent, or dead and without a feed, at once.
    found = correlate([PANEL, *(replace(one, key=one.key + 10) for one in raised)], HOUSE)
    assert found.folds[1].is_root
    assert all(
        fold.is_root or found.folds[fold.root].path == fold.path[:1]
        for fold in found.folds.values()
    )
