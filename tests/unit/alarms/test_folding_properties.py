"""What holds of folding whatever is raised, and that it judges power as the simulation does."""

import random
from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from dcim.alarms.correlation.dependencies import Dependencies, Graph, Link, PortAt
from dcim.alarms.correlation.explaining import Evidence, explain
from dcim.alarms.correlation.folding import TOLERANCE_MS, correlate, find_circles
from dcim.alarms.correlation.subjects import Raised, Subject
from dcim.power.outage import Machine, add_machines, simulate
from dcim.power.tree import Node
from tests.unit.alarms.house import node

KINDS = ("power_node", "rack", "device", "port", "agent", "service", "circuit")
TROUBLES = ("down", "silent", "lost_feed", "degraded", "overload", "hot")
RACKS, DEVICES = range(1, 5), range(1, 9)


@st.composite
def chains(draw: st.DrawFn) -> dict[int, Node]:
    """Sources, what hangs on them by one way or two, and PDUs in racks; here and there a loop."""
    nodes: dict[int, Node] = {}
    for number in range(1, draw(st.integers(2, 16)) + 1):
        kind = draw(st.sampled_from(("panel", "breaker", "ups", "ats", "pdu", "pdu", "pdu")))
        above = st.none() | st.integers(1, draw(st.sampled_from((number, number, 16))))
        first, second = draw(above), draw(above)
        first = None if first == number else first
        second = None if second in (number, first) or first is None else second
        nodes[number] = node(
            number, first, kind, draw(st.sampled_from(("A", "B", "AB"))),
            rack=draw(st.sampled_from(RACKS)) if kind == "pdu" else None, second=second,
            closed=draw(st.integers(0, 9)) > 0,
        )  # fmt: skip
    return nodes


@st.composite
def houses(draw: st.DrawFn) -> Dependencies:
    nodes = draw(chains())
    cords = st.lists(st.sampled_from(sorted(nodes)), max_size=2, unique=True)
    machines = {
        number: Machine(number, draw(st.sampled_from(RACKS)), None, tuple(draw(cords)))
        for number in DEVICES
    }
    ports = {
        10 * number + place: PortAt(number, leads_up=place < 2)
        for number in DEVICES
        for place in range(4)
    }
    ends = st.permutations(sorted(ports))
    pairs = draw(ends)[: 2 * draw(st.integers(0, 12))]
    return Dependencies(
        nodes=nodes,
        machines=machines,
        ports=ports,
        links=[Link(one, other) for one, other in zip(pairs[::2], pairs[1::2], strict=True)],
        exits=draw(st.frozensets(st.sampled_from(DEVICES), max_size=2)),
        agents={number: number for number in DEVICES},
        circuits={number: 10 * number for number in DEVICES},
        services={number: (10 * number + 2, 10 * number + 3) for number in DEVICES},
    )


@st.composite
def storms(draw: st.DrawFn) -> list[Raised]:
    several = draw(
        st.lists(
            st.tuples(
                # The two ends of a link explain each other.
                st.sampled_from(KINDS + ("port",) * 5), st.integers(1, 16), st.integers(0, 3),
                st.sampled_from(TROUBLES[:2] * 3 + TROUBLES), st.integers(0, 900_000),
                st.integers(0, 2),
            ),
            max_size=25,
        )
    )  # fmt: skip
    return [
        Raised(key, Subject(kind, 10 * (number % 8 + 1) + place if kind == "port" else number),
               trouble, at, rank)
        for key, (kind, number, place, trouble, at, rank) in enumerate(several)
    ]  # fmt: skip


def move(raised: Sequence[Raised], house: Dependencies) -> tuple[list[Raised], Dependencies]:
    """The same alarms in a house of the same shape beside it, where all ids are greater by 1000."""

    def up(number: int | None) -> int | None:
        return None if number is None else number + 1000

    nodes = {
        key + 1000: replace(
            one, id=one.id + 1000, parent_id=up(one.parent_id), rack_id=up(one.rack_id),
            second_parent_id=up(one.second_parent_id),
        )
        for key, one in house.nodes.items()
    }  # fmt: skip
    machines = {
        key + 1000: Machine(
            key + 1000, one.rack_id + 1000, None, tuple(c + 1000 for c in one.cords)
        )
        for key, one in house.machines.items()
    }
    moved = Dependencies(
        nodes=nodes,
        machines=machines,
        ports={
            k + 1000: PortAt(one.device_id + 1000, one.leads_up) for k, one in house.ports.items()
        },
        links=[Link(one.a_port_id + 1000, one.z_port_id + 1000) for one in house.links],
        exits=frozenset(each + 1000 for each in house.exits),
        agents={key + 1000: one + 1000 for key, one in house.agents.items()},
        circuits={key + 1000: one + 1000 for key, one in house.circuits.items()},
        services={key + 1000: tuple(p + 1000 for p in one) for key, one in house.services.items()},
    )
    return [
        Raised(
            one.key + 1000,
            Subject(one.subject.kind, one.subject.id + 1000),
            one.trouble,
            one.at,
            one.rank,
        )
        for one in raised
    ], moved


def join(one: Dependencies, other: Dependencies) -> Dependencies:
    return Dependencies(
        nodes={**one.nodes, **other.nodes},
        machines={**one.machines, **other.machines},
        ports={**one.ports, **other.ports},
        links=[*one.links, *other.links],
        exits=frozenset({*one.exits, *other.exits}),
        agents={**one.agents, **other.agents},
        circuits={**one.circuits, **other.circuits},
        services={**one.services, **other.services},
    )


@given(houses(), storms())
@settings(max_examples=150)
def test_each_alarm_has_one_root_reached_without_going_in_a_ring(
    house: Dependencies, raised: list[Raised]
) -> None:
    found = correlate(raised, house)
    by_key = {one.key: one for one in raised}
    assert set(found.folds) == set(by_key)
    for key, fold in found.folds.items():
        seen, at = [key], fold
        while at.cause is not None:
            assert at.cause not in seen
            seen.append(at.cause)
            at = found.folds[at.cause]
        assert at.key == fold.root
        assert by_key[fold.root].rank <= by_key[key].rank
        assert (fold.path[0], fold.path[-1]) == (by_key[fold.root].subject, by_key[key].subject)
        assert fold.root not in fold.also
        assert all(found.folds[other].is_root for other in fold.also)
    assert sum(len(found.consequences(root)) + 1 for root in found.roots) == len(raised)


@given(houses(), storms())
@settings(max_examples=150)
def test_a_root_is_explained_by_nothing_but_its_own_consequences(
    house: Dependencies, raised: list[Raised]
) -> None:
    found = correlate(raised, house)
    evidence = Evidence(Graph(house), raised)
    for root in found.roots:
        alarm = next(one for one in raised if one.key == root)
        for group in explain(evidence, alarm, TOLERANCE_MS):
            for together in group:
                assert any(found.folds[one.alarm.key].root == root for one in together)


@given(houses(), storms(), st.randoms(use_true_random=False))
@settings(max_examples=100)
def test_the_order_makes_no_difference_and_doing_it_again_neither(
    house: Dependencies, raised: list[Raised], chance: random.Random
) -> None:
    found = correlate(raised, house)
    again = list(raised)
    chance.shuffle(again)
    assert list(correlate(again, house).folds.items()) == list(found.folds.items())
    # Roots alone remain what they are.
    roots = [one for one in raised if one.key in found.roots]
    assert correlate(roots, house).roots == found.roots


@given(houses(), storms(), houses(), storms())
@settings(max_examples=60)
def test_what_happens_elsewhere_changes_nothing(
    house: Dependencies, raised: list[Raised], other: Dependencies, others: list[Raised]
) -> None:
    elsewhere, moved = move(others, other)
    found = correlate(raised, house)
    both = correlate([*elsewhere, *raised], join(house, moved))
    assert {one.key: both.folds[one.key] for one in raised} == dict(found.folds)


@given(chains(), st.data())
@settings(max_examples=200)
def test_power_is_judged_as_the_simulation_does(
    nodes: dict[int, Node], data: st.DataObject
) -> None:
    off = data.draw(st.sets(st.sampled_from(sorted(nodes)), min_size=1))
    cords = st.lists(st.sampled_from(sorted(nodes)), max_size=2, unique=True)
    machines = [Machine(each, each % 4 + 1, None, tuple(data.draw(cords))) for each in DEVICES]
    outage = add_machines(simulate(nodes, off, {}), machines, {})
    house = Dependencies(nodes=nodes, machines={one.id: one for one in machines})
    dead = [Raised(each, Subject("power_node", each), "down", 0) for each in sorted(off)]

    def is_explained(kind: str, subject_id: int, trouble: str) -> bool:
        asked = Raised(1_000, Subject(kind, subject_id), trouble, 0)
        return not correlate([*dead, asked], house).folds[1_000].is_root

    assert {rack for rack in RACKS if is_explained("rack", rack, "down")} == {
        loss.rack_id for loss in outage.racks if loss.outcome == "down"
    }
    assert {rack for rack in RACKS if is_explained("rack", rack, "lost_feed")} >= {
        loss.rack_id for loss in outage.racks if loss.outcome == "no_redundancy"
    }
    assert {one for one in DEVICES if is_explained("device", one, "down")} == {
        loss.machine.id for loss in outage.machines if loss.outcome == "down"
    }
    own_source = {one.id for one in nodes.values() if Graph(house).lives_alone(one.id)}
    others = set(nodes) - off - own_source
    assert {each for each in others if is_explained("power_node", each, "down")} == (
        outage.dead - off - own_source
    )


@given(st.dictionaries(st.integers(0, 12), st.lists(st.integers(0, 12), max_size=4)))
def test_circles_are_whole_and_causes_come_first(given_causes: dict[int, list[int]]) -> None:
    causes = {each: given_causes.get(each, []) for each in range(13)}

    def reached(start: int) -> set[int]:
        found, waiting = set(), list(causes[start])
        while waiting:
            at = waiting.pop()
            if at not in found:
                found.add(at)
                waiting.extend(causes[at])
        return found

    circles = find_circles(causes)
    assert sorted(each for circle in circles for each in circle) == list(range(13))
    place = {each: number for number, circle in enumerate(circles) for each in circle}
    for each, own in causes.items():
        for other in causes:
            together = each == other or (other in reached(each) and each in reached(other))
            assert (place[each] == place[other]) == together
        assert all(place[cause] <= place[each] for cause in own)
