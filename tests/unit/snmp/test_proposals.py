"""What is proposed when a device and the inventory differ, and that nothing else is."""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from dcim.snmp.discovery.examining import see_ports, see_sensors
from dcim.snmp.discovery.proposals import (
    Identity,
    KnownDevice,
    KnownPort,
    KnownSensor,
    Proposal,
    SeenDevice,
    SeenPort,
    SeenSensor,
    compare_device,
    compare_ports,
    compare_sensors,
    outlet_numbers,
)
from dcim.snmp.reading.measuring import gather_gauges
from dcim.snmp.reading.ports import PortReading
from dcim.snmp.reading.readings import Reading
from dcim.snmp.wire.engine import Receipt

# Few words, so that names, descriptions and aliases meet each other often.
WORDS = st.sampled_from(["", "Gi1", "Gi2", "Gi3", "GigabitEthernet1", "uplink", "客户A", "mgmt"])
SPEEDS = st.sampled_from([0, 10**9, 10**10])
SEEN_PORT = st.builds(SeenPort, WORDS, WORDS, WORDS, st.one_of(st.none(), SPEEDS))
KNOWN_PORT = st.builds(KnownPort, WORDS.filter(bool), WORDS, SPEEDS)
PLACES = st.sampled_from(["input", "phase", "outlet", "ambient"])
NAMES = st.sampled_from(["input", "input-01", "outlet-01", "outlet-02", "outlet-1-2", "ambient"])
FAMILIES = st.sampled_from(["power", "climate"])
SEEN_SENSOR = st.builds(
    SeenSensor, FAMILIES, st.lists(NAMES, min_size=1, max_size=3, unique=True).map(tuple), PLACES
)
KNOWN_SENSOR = st.builds(KnownSensor, FAMILIES, NAMES)
IDENTITY = st.builds(Identity, WORDS, WORDS, WORDS, WORDS)
SEEN = st.builds(
    SeenDevice, IDENTITY, st.lists(SEEN_PORT, max_size=6).map(tuple),
    st.lists(SEEN_SENSOR, max_size=6).map(tuple),
)  # fmt: skip
KNOWN = st.builds(
    KnownDevice,
    IDENTITY,
    st.lists(KNOWN_PORT, max_size=6, unique_by=lambda port: port.name).map(tuple),
    st.lists(KNOWN_SENSOR, max_size=6, unique=True).map(tuple),
    st.one_of(st.none(), st.frozensets(st.integers(1, 4))),
    st.dictionaries(st.one_of(NAMES, PLACES), st.just("UPS-1"), max_size=3),
)


def apply(known: KnownDevice, proposals: list[Proposal]) -> KnownDevice:
    """The inventory after a person has accepted all of them, from their details alone."""
    ports = {port.name: port for port in known.ports}
    sensors = set(known.sensors)
    outlets = set(known.outlets or ())
    meters = dict(known.meters)
    identity = known.identity
    for one in proposals:
        match one.subject, one.kind:
            case "identity", _:
                identity = replace(identity, **{name: to for name, (_, to) in one.details.items()})
            case "port", "new":
                assert one.key not in ports
                ports[one.key] = KnownPort(one.key, one.details["alias"], one.details["speed_bps"])
            case "port", "gone":
                del ports[one.key]
            case "port", _:
                changes = {name: to for name, (_, to) in one.details.items()}
                port = replace(ports.pop(one.key), **changes)
                assert port.name not in ports
                ports[port.name] = port
            case "sensor", kind:
                sensor = KnownSensor(one.details["family"], one.details["name"])
                assert (sensor in sensors) is (kind == "gone")
                sensors ^= {sensor}
            case "outlet", kind:
                assert (one.details["number"] in outlets) is (kind == "gone")
                outlets ^= {one.details["number"]}
            case "meter", "gone":
                del meters[one.key]
    return KnownDevice(
        identity,
        tuple(ports.values()),
        tuple(sensors),
        None if known.outlets is None else frozenset(outlets),
        meters,
    )


@given(SEEN, KNOWN)
def test_once_all_is_accepted_nothing_is_left_to_propose(
    seen: SeenDevice, known: KnownDevice
) -> None:
    assert compare_device(seen, apply(known, compare_device(seen, known))) == []


@given(SEEN, KNOWN, st.randoms(use_true_random=False))
def test_the_order_in_which_a_device_tells_does_not_matter(
    seen: SeenDevice, known: KnownDevice, dice: random.Random
) -> None:
    shuffled = SeenDevice(
        seen.identity,
        tuple(dice.sample(seen.ports, len(seen.ports))),
        tuple(dice.sample(seen.sensors, len(seen.sensors))),
    )
    other = replace(known, ports=tuple(dice.sample(known.ports, len(known.ports))))
    assert compare_device(shuffled, other) == compare_device(seen, known)


def port_reading(index: int, name: str, descr: str = "", alias: str = "") -> PortReading:
    return PortReading(
        if_index=index, name=name, descr=descr, alias=alias, speed_bps=10**9, admin_status="up",
        oper_status="up", in_octets=1, out_octets=1, counter_bits=64, in_errors=0, out_errors=0,
        in_discards=0, out_discards=0, discontinuity=0, received=Receipt(0, 0),
    )  # fmt: skip


@given(
    st.lists(st.tuples(WORDS.filter(bool), WORDS, WORDS), max_size=6, unique_by=lambda p: p[0]),
    st.permutations(range(1, 7)),
)
def test_renumbering_is_no_news(ports: list[tuple[str, str, str]], indexes: list[int]) -> None:
    told = [port_reading(n, *port) for n, port in enumerate(ports, 1)]
    known = [KnownPort(name, alias, 10**9) for name, _, alias in ports]
    assert compare_ports(see_ports(told), known) == []
    again = [replace(port, if_index=index) for port, index in zip(told, indexes, strict=False)]
    again.sort(key=lambda port: port.if_index)
    assert compare_ports(see_ports(again), known) == []


def test_ports_new_changed_and_gone() -> None:
    found = compare_ports(
        [SeenPort("Gi1", "", "web", 10**9), SeenPort("Gi2", "second", "db", 10**10)],
        [KnownPort("Gi1", "web", 10**8), KnownPort("Gi9", "old", 10**9)],
    )
    assert found == [
        Proposal("new", "port", "Gi2", {"descr": "second", "alias": "db", "speed_bps": 10**10}),
        Proposal("changed", "port", "Gi1", {"speed_bps": [10**8, 10**9]}),
        Proposal("gone", "port", "Gi9", {"alias": "old", "speed_bps": 10**9}),
    ]


def test_a_port_that_tells_no_speed_keeps_the_one_we_know() -> None:
    for told in (None, 0):
        assert compare_ports([SeenPort("Gi1", speed_bps=told)], [KnownPort("Gi1", "", 1)]) == []


def test_a_renamed_port_is_one_proposal() -> None:
    by_alias = compare_ports([SeenPort("Eth1", "", "ACME")], [KnownPort("Gi1", "ACME")])
    assert by_alias == [Proposal("renamed", "port", "Gi1", {"name": ["Gi1", "Eth1"]})]
    # An agent whose firmware has learnt ifXTable: what was called by ifDescr has an ifName now.
    by_descr = compare_ports([SeenPort("Gi1", "GigabitEthernet1")], [KnownPort("GigabitEthernet1")])
    assert by_descr == [
        Proposal("renamed", "port", "GigabitEthernet1", {"name": ["GigabitEthernet1", "Gi1"]})
    ]


def test_what_fits_two_ports_renames_neither() -> None:
    found = compare_ports(
        [SeenPort("Eth1", "", "ACME"), SeenPort("Eth2", "", "ACME")],
        [KnownPort("Gi1", "ACME"), KnownPort("Gi2", "ACME")],
    )
    assert [(one.kind, one.key) for one in found] == [
        ("new", "Eth1"), ("new", "Eth2"), ("gone", "Gi1"), ("gone", "Gi2"),
    ]  # fmt: skip
    # Nor do two that say nothing at all.
    assert {one.kind for one in compare_ports([SeenPort("Eth1")], [KnownPort("Gi1")])} == {
        "new", "gone",
    }  # fmt: skip


def test_a_swap_of_two_names_is_told_as_their_aliases_only() -> None:
    found = compare_ports(
        [SeenPort("Gi1", "", "b"), SeenPort("Gi2", "", "a")],
        [KnownPort("Gi1", "a"), KnownPort("Gi2", "b")],
    )
    assert [(one.kind, one.key, one.details) for one in found] == [
        ("changed", "Gi1", {"alias": ["a", "b"]}),
        ("changed", "Gi2", {"alias": ["b", "a"]}),
    ]


def test_what_was_not_told_is_not_gone() -> None:
    known = KnownDevice(
        Identity("sw-1", "os", "1.2.3", "generic"),
        (KnownPort("Gi1"),),
        (KnownSensor("climate", "ambient"),),
        frozenset({1, 2}),
        {"input": "PDU-1"},
    )
    assert compare_device(SeenDevice(Identity()), known) == []
    # A name that two ports share binds neither; the port isn't gone, though.
    assert compare_ports([SeenPort("Gi1", "a"), SeenPort("Gi1", "b")], [KnownPort("Gi1")]) == []


def test_identity() -> None:
    seen = SeenDevice(Identity("sw-1", "os 2", "1.2.3", "generic"))
    first = compare_device(seen, KnownDevice(Identity()))
    assert [(one.kind, one.details["sys_name"]) for one in first] == [("new", ["", "sw-1"])]
    later = compare_device(seen, KnownDevice(Identity("sw-1", "os 1", "1.2.3", "generic")))
    assert later == [Proposal("changed", "identity", "identity", {"sys_descr": ["os 1", "os 2"]})]


def reading(kind: str, oid: tuple[int, ...], label: str, place: str) -> Reading:
    return Reading(kind, oid, label, Decimal(1), "", place)


def test_a_second_sensor_at_a_place_does_not_rename_the_first() -> None:
    one = [reading("temperature", (1, 1), "Probe 1", "ambient")]
    two = [*one, reading("temperature", (1, 2), "Probe 2", "ambient")]
    alone = see_sensors(gather_gauges(one))
    known = [KnownSensor("climate", sensor.names[0]) for sensor in alone]
    found = compare_sensors(see_sensors(gather_gauges(two)), known)
    assert [(each.kind, each.key) for each in found] == [("new", "climate/ambient-02")]
    # A label changed on the device is no news either.
    renamed = [reading("temperature", (1, 1), "Cold aisle", "ambient")]
    assert compare_sensors(see_sensors(gather_gauges(renamed)), known) == []


def test_outlets_of_a_pdu() -> None:
    readings = [reading("current", (9, n), f"Outlet {n}", "outlet") for n in (1, 2, 3)]
    sensors = see_sensors(gather_gauges(readings))
    assert outlet_numbers(sensors) == {1, 2, 3}
    seen = SeenDevice(Identity(), (), sensors)
    found = compare_device(seen, KnownDevice(Identity(), outlets=frozenset({2, 3, 24})))
    assert [(one.kind, one.key) for one in found if one.subject == "outlet"] == [
        ("new", "1"), ("gone", "24"),
    ]  # fmt: skip
    # Two units in a chain count their outlets apart: one number doesn't say which.
    chained = [
        reading("current", (9, unit, n), f"Unit {unit} outlet {n}", "outlet")
        for unit in (1, 2)
        for n in (1, 2)
    ]
    assert outlet_numbers(see_sensors(gather_gauges(chained))) == frozenset()


def test_a_node_that_nobody_measures_any_more() -> None:
    seen = SeenDevice(
        Identity(), (), see_sensors(gather_gauges([reading("power", (1, 1), "Phase 1", "output")]))
    )
    known = KnownDevice(Identity(), meters={"output": "UPS-1", "branch-07": "Q07"})
    assert [one for one in compare_device(seen, known) if one.subject == "meter"] == [
        Proposal("gone", "meter", "branch-07", {"place": "branch-07", "node": "Q07"})
    ]
