"""LLDP neighbours: read from simulated agents and recordings, found in the inventory, joined."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcim.demo.responder import Agent, Responder, StaticTree
from dcim.snmp.discovery import lldp
from dcim.snmp.discovery.lldp import read_neighbours
from dcim.snmp.discovery.neighbours import (
    Claim,
    Directory,
    Doubt,
    Identifier,
    IdKind,
    KnownPort,
    Neighbour,
    fold_mac,
    join_claims,
    recognise,
)
from dcim.snmp.reading.ports import read_ports
from dcim.snmp.wire import ber, if_mib
from dcim.snmp.wire.ber import Oid, Value
from dcim.snmp.wire.engine import Engine, Table
from dcim.snmp.wire.target import Target
from tests.agents import snmprec

MAC_A, MAC_B = bytes.fromhex("02004c000001"), bytes.fromhex("02004c000002")


def text(words: str | bytes) -> Value:
    return Value(ber.OCTET_STRING, words if isinstance(words, bytes) else words.encode())


def interfaces(names: dict[int, str]) -> dict[Oid, Value]:
    """ifTable and ifXTable: names, and long descriptions as Cisco has them."""
    tree: dict[Oid, Value] = {}
    for index, name in names.items():
        tree[(*if_mib.NAME, index)] = text(name)
        tree[(*if_mib.DESCR, index)] = text(name.replace("Te", "TenGigabitEthernet"))
        tree[(*if_mib.ALIAS, index)] = text(f"to somewhere {index}")
        tree[(*if_mib.OPER, index)] = ber.integer(1)
        tree[(*if_mib.HC_IN, index)] = ber.counter64(1)
        tree[(*if_mib.HC_OUT, index)] = ber.counter64(1)
    return tree


def own_port(number: int, subtype: int, name: str | bytes) -> dict[Oid, Value]:
    return {
        (*lldp.LOCAL_SUBTYPE, number): ber.integer(subtype),
        (*lldp.LOCAL_ID, number): text(name),
    }


def heard(
    number: int,
    chassis: tuple[int, str | bytes],
    port: tuple[int, str | bytes],
    *,
    name: str | bytes = "",
    descr: str | bytes = "",
    mark: int = 0,
    row: int = 1,
    address: Sequence[int] = (),
) -> dict[Oid, Value]:
    index = (mark, number, row)
    tree = {
        (*lldp.CHASSIS_SUBTYPE, *index): ber.integer(chassis[0]),
        (*lldp.CHASSIS_ID, *index): text(chassis[1]),
        (*lldp.PORT_SUBTYPE, *index): ber.integer(port[0]),
        (*lldp.PORT_ID, *index): text(port[1]),
        (*lldp.PORT_DESCR, *index): text(descr),
        (*lldp.SYS_NAME, *index): text(name),
        (*lldp.SYS_DESCR, *index): text("an operating system"),
    }
    if address:
        tree[(*lldp.MANAGEMENT, *index, *address)] = ber.integer(2)
    return tree


def ask(tree: dict[Oid, Value], drops: dict[str, int] | None = None) -> list[Neighbour]:
    agent = Agent(StaticTree(tree))

    async def work() -> list[Neighbour]:
        async with Responder([agent]), Engine() as engine:
            there = Target(agent.host, agent.port, community=b"public", timeout_s=5)
            ports = (await read_ports(engine, there)).ports
            found = await read_neighbours(engine, there, ports)
            if drops is not None:
                drops.update(engine.drops)
            return found

    return asyncio.run(work())


# Device 1 with ports 11 and 12, device 2 with 21 and 22.
OURS = Directory(
    by_name={"leaf-1": {1}, "leaf-2": {2}},
    by_mac={"02:00:4c:00:00:01": {1}, "02:00:4c:00:00:02": {2}},
    by_address={"192.0.2.1": {1}, "2001:db8::2": {2}},
    ports={
        1: [KnownPort(11, 1, "Te1/1"), KnownPort(12, 1, "Te1/2", mac="02:00:4c:00:01:02")],
        2: [KnownPort(21, 2, "Te1/1", "to leaf-1"), KnownPort(22, 2, "Te1/2")],
    },
)
LEAF_1 = (
    interfaces({1: "Te1/1", 2: "Te1/2"}) | own_port(501, 5, "Te1/1") | own_port(502, 5, "Te1/2")
)
LEAF_2 = interfaces({7: "Te1/1", 9: "Te1/2"}) | own_port(7, 7, "7") | own_port(9, 7, "9")


def links(tree: dict[Oid, Value], device_id: int) -> list[Claim]:
    sightings = [recognise(device_id, one, OURS) for one in ask(tree)]
    return [
        Claim(device_id, one.port_id, one.other_port_id)
        for one in sightings
        if not one.doubt and one.port_id and one.other_port_id
    ]


def test_two_switches_that_see_each_other_make_one_link() -> None:
    first = links(LEAF_1 | heard(501, (4, MAC_B), (5, "Te1/1"), name="leaf-2"), 1)
    second = links(LEAF_2 | heard(7, (4, MAC_A), (5, "Te1/1"), name="leaf-1"), 2)
    assert first == [Claim(1, 11, 21)]
    assert second == [Claim(2, 21, 11)]
    (link,) = join_claims([*first, *second])
    assert (link.ends, set(link.seen_by), link.agreed) == ((11, 21), {11, 21}, True)
    (alone,) = join_claims(first)
    assert not alone.agreed
    assert not alone.disputed


def test_ends_that_disagree_are_both_shown_and_marked() -> None:
    first = links(LEAF_1 | heard(501, (4, MAC_B), (5, "Te1/1"), name="leaf-2"), 1)
    second = links(LEAF_2 | heard(7, (4, MAC_A), (5, "Te1/2"), name="leaf-1"), 2)
    found = join_claims([*first, *second])
    assert [(link.ends, link.disputed, link.agreed) for link in found] == [
        ((11, 21), True, False),
        ((12, 21), True, False),
    ]


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(11, 14)), max_size=8), st.randoms())
def test_joining_does_not_depend_on_order_or_repetition(pairs: list[tuple[int, int]], dice) -> None:  # type: ignore[no-untyped-def]
    claims = [Claim(0, low, high) for low, high in pairs]
    again = [*claims, *claims]
    dice.shuffle(again)
    joined = join_claims(claims)
    assert join_claims(again) == joined
    assert {link.ends for link in joined} == set(pairs)
    # Undisputed links share no port: all of them could be laid.
    ends = [port for link in joined if not link.disputed for port in link.ends]
    assert len(ends) == len(set(ends))


def test_a_neighbour_outside_the_inventory_is_told_as_it_is() -> None:
    tree = LEAF_1 | heard(
        502, (4, bytes.fromhex("02004cffffff")), (1, "uplink to you"), name="carrier-pe1",
        address=(1, 4, 198, 51, 100, 7),
    )  # fmt: skip
    (neighbour,) = ask(tree)
    assert neighbour == Neighbour(
        "Te1/2", "Te1/2", Identifier(IdKind.MAC, "02:00:4c:ff:ff:ff"),
        Identifier(IdKind.ALIAS, "uplink to you"), "", "carrier-pe1", "an operating system",
        ("198.51.100.7",),
    )  # fmt: skip
    seen = recognise(1, neighbour, OURS)
    assert (seen.doubt, seen.port_id, seen.device_id) == (Doubt.DEVICE, 12, None)


@pytest.mark.parametrize(
    ("chassis", "name", "address", "device"),
    [
        ((4, MAC_B), "", (), 2),
        ((4, b"\xff" * 6), "leaf-2", (), 2),
        ((4, b"\xff" * 6), "LEAF-2.dc.example", (), 2),
        ((7, "leaf-2"), "", (), 2),
        ((5, bytes([1, 192, 0, 2, 1])), "", (), 1),
        ((5, bytes([2]) + bytes.fromhex("20010db8" + "00" * 11 + "02")), "", (), 2),
        ((4, b"\xff" * 6), "", (2, 16, *bytes.fromhex("20010db8" + "00" * 11 + "02")), 2),
        ((5, bytes([1, 192, 0, 2])), "", (), None),  # too short for an address
        ((4, b"\xff" * 6), "", (1, 4, 192, 0, 2), None),  # its index ends early
    ],
)
def test_how_a_device_is_recognised(
    chassis: tuple[int, bytes], name: str, address: tuple[int, ...], device: int | None
) -> None:
    tree = LEAF_1 | heard(501, chassis, (5, "Te1/2"), name=name, address=address)
    (neighbour,) = ask(tree)
    assert recognise(1, neighbour, OURS).device_id == device


def test_a_neighbour_whose_words_contradict_is_nobody() -> None:
    (neighbour,) = ask(LEAF_1 | heard(501, (4, MAC_A), (5, "Te1/1"), name="leaf-2"))
    assert recognise(1, neighbour, OURS).doubt is Doubt.DEVICES


@pytest.mark.parametrize(
    ("port", "descr", "expected"),
    [
        ((5, "te1/2"), "", 22),
        ((7, "31"), "Te1/2", 22),
        ((1, "to leaf-1"), "", 21),
        ((3, bytes.fromhex("02004c000102")), "", None),  # of the other device
        ((3, b"\x00"), "Te1/1", 21),
        ((7, "31"), "uplink", None),
        ((6, "Te1/2"), "", None),  # a circuit isn't a port's name
    ],
)
def test_how_a_port_is_recognised(
    port: tuple[int, bytes], descr: str, expected: int | None
) -> None:
    (neighbour,) = ask(LEAF_1 | heard(501, (4, MAC_B), port, name="leaf-2", descr=descr))
    seen = recognise(1, neighbour, OURS)
    assert seen.other_port_id == expected
    assert seen.doubt is (Doubt.PORT if expected is None else Doubt.NONE)


def test_own_ports_by_what_the_device_calls_them_never_by_number_alone() -> None:
    one = heard(501, (4, MAC_B), (5, "Te1/1"))
    for local in (own_port(501, 5, "Te1/2"), own_port(501, 5, "TenGigabitEthernet1/2"),
                  own_port(501, 1, "to somewhere 2"),
                  {(*lldp.LOCAL_DESCR, 501): text("Te1/2")}):  # fmt: skip
        (neighbour,) = ask(interfaces({1: "Te1/1", 2: "Te1/2"}) | local | one)
        assert neighbour.local_port == "Te1/2"
    # LLDP's port 2 is dot1dBasePort 2, say: interface 2 is another one.
    two = heard(2, (4, MAC_B), (5, "Te1/1"), name="leaf-2")
    (neighbour,) = ask(interfaces({1: "Te1/1", 2: "Te1/2"}) | two)
    assert (neighbour.local_port, neighbour.local_label) == ("", "#2")
    assert recognise(1, neighbour, OURS).doubt is Doubt.OWN_PORT


def test_hostile_text_is_cleaned_and_bad_rows_are_counted() -> None:
    tree = (
        LEAF_1
        | heard(501, (7, b"\xff\xfe\x00\x1b[2J"), (7, b"a\r\nb\x07"), row=1,
                name="\u202eevil\u2066" + "x" * 600, descr=b"\x00" * 50)
        | heard(501, (4, b""), (3, b""), row=2)
        | heard(501, (99, MAC_A), (0, "p"), row=3)
        | {(*lldp.CHASSIS_ID, 0, 501): text("short index"),
           (*lldp.CHASSIS_ID, 0, 501, 9, 9): text("long index"),
           (*lldp.CHASSIS_ID, 0, 501, 8): ber.integer(7),
           (*lldp.MANAGEMENT, 0, 501, 1, 1, 4, 1, 2, 3, 999): ber.integer(1)}
    )  # fmt: skip
    drops: dict[str, int] = {}
    found = {one.port.text: one for one in ask(tree, drops)}
    assert set(found) == {"a b", "p"}
    evil = found["a b"]
    assert evil.sys_name == "evil" + "x" * 251
    assert "\x1b" not in evil.chassis.text
    assert evil.port_descr == ""
    assert found["p"].chassis == Identifier(IdKind.UNKNOWN, "L")
    assert drops == {"lldp_index": 2, "lldp_nameless": 2, "lldp_address": 1}


def test_a_neighbour_under_a_later_time_mark_is_the_same_one() -> None:
    old = heard(501, (4, MAC_A), (5, "Te1/1"), mark=100)
    new = heard(501, (4, MAC_B), (5, "Te1/2"), mark=200)
    assert [one.port.text for one in ask(LEAF_1 | old | new)] == ["Te1/2"]


def test_rows_that_name_no_port_of_their_own_are_told_all_the_same() -> None:
    """RouterOS counts its rows and writes MACs out."""
    tree = {(*oid[:-3], oid[-1]): value for oid, value in heard(
        0, (4, "02:00:4C:00:00:02"), (5, "Te1/1"), name="leaf-2", row=16
    ).items()}  # fmt: skip
    (neighbour,) = ask(LEAF_1 | tree)
    assert neighbour.chassis == Identifier(IdKind.MAC, "02:00:4c:00:00:02")
    assert (neighbour.local_port, neighbour.local_label) == ("", "")
    assert recognise(1, neighbour, OURS).doubt is Doubt.OWN_PORT


def test_who_tells_of_too_many_is_cut_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lldp, "MOST_NEIGHBOURS", 3)
    tree = dict(LEAF_1)
    for row in range(1, 8):
        tree |= heard(501, (7, f"fake-{row}"), (7, "p"), row=row)
    drops: dict[str, int] = {}
    assert len(ask(tree, drops)) == 3
    assert drops["lldp_too_many"] == 4


def test_a_device_without_lldp_has_no_neighbours() -> None:
    assert ask(interfaces({1: "Te1/1"})) == []


@given(st.lists(st.tuples(st.lists(st.integers(0, 2**32 - 1), max_size=8), st.binary(max_size=20))))
def test_nothing_a_device_says_raises(rows: list[tuple[list[int], bytes]]) -> None:
    columns = (
        lldp.CHASSIS_SUBTYPE, lldp.CHASSIS_ID, lldp.PORT_SUBTYPE, lldp.PORT_ID, lldp.PORT_DESCR,
        lldp.SYS_NAME, lldp.SYS_DESCR, lldp.LOCAL_SUBTYPE, lldp.LOCAL_ID, lldp.LOCAL_DESCR,
        lldp.MANAGEMENT,
    )  # fmt: skip
    table = Table(columns)
    for number, (index, octets) in enumerate(rows):
        for column in columns[number % 3 :]:
            odd = ber.integer(len(octets)) if number % 2 else text(octets)
            table[column][tuple(index)] = odd if column[-1] in (2, 4, 6) else text(octets)
    for neighbour in lldp.interpret(table, [], Engine().drops):
        assert recognise(1, neighbour, OURS).doubt


@pytest.mark.parametrize(
    ("spelled", "folded"),
    [
        ("02-00-4C-00-00-01", "02:00:4c:00:00:01"),
        ("0200.4c00.0001", "02:00:4c:00:00:01"),
        ("leaf-1", ""),
        ("02:00:4c", ""),
    ],
)
def test_spellings_of_a_mac(spelled: str, folded: str) -> None:
    assert fold_mac(spelled) == folded


# Neighbours told, and how many of them at a port that IF-MIB knows by name.
RECORDED = {
    "arista_eos_vrf": (4, 4),
    "dell-os10": (5, 5),
    "junos_qfx5100": (2, 2),
    "nxos_n3k-3064pq": (1, 1),
    "routeros_crs317": (15, 0),
    "vrp_5720": (5, 5),
}


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_devices(name: str) -> None:
    found = ask(snmprec.load(snmprec.recordings() / f"{name}.snmprec"))
    placed = [one for one in found if one.local_port]
    assert (len(found), len(placed)) == RECORDED[name]
    assert all(one.chassis.text for one in found)
