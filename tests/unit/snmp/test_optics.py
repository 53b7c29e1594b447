"""What transceivers say, by recordings of real switches and by agents that tell nonsense."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcim.metering.families import NO_LIGHT, NO_OPTICS, NO_POWER, NO_TEMPERATURE, NOT_REPORTED
from dcim.snmp.reading import optic_plan
from dcim.snmp.reading.optic_plan import plan_columns, plan_optics
from dcim.snmp.reading.optics import (
    Transceiver,
    gather_optics,
    read_optics,
    store_value,
)
from dcim.snmp.reading.profiles import shipped_catalogue
from dcim.snmp.wire import ber
from dcim.snmp.wire.agent_text import clean_text
from dcim.snmp.wire.ber import Oid, Value
from dcim.snmp.wire.if_mib import NAME
from tests.agents import snmprec

Said = dict[Oid, dict[Oid, Value]]

SENSOR: Oid = (1, 3, 6, 1, 2, 1, 99, 1, 1, 1)
ENTITY: Oid = (1, 3, 6, 1, 2, 1, 47, 1, 1, 1, 1)
ALIAS: Oid = (1, 3, 6, 1, 2, 1, 47, 1, 3, 2, 1, 2)
IF_INDEX: Oid = (1, 3, 6, 1, 2, 1, 2, 2, 1, 1)


def table(rows: dict[Oid, Value], profile: str) -> Said:
    catalogue = shipped_catalogue()
    said: Said = {}
    for column in plan_columns(catalogue.optics(catalogue.profiles[profile])):
        said[column] = {
            oid[len(column) :]: value for oid, value in rows.items() if oid[: len(column)] == column
        }
    return said


def read(rows: dict[Oid, Value], profile: str, names: dict[int, str]) -> dict[str, Transceiver]:
    catalogue = shipped_catalogue()
    said = table(rows, profile)
    plan = plan_optics(said, catalogue.optics(catalogue.profiles[profile]), names)
    return {one.port: one for one in gather_optics(said, plan, names)}


def recorded(name: str, profile: str) -> dict[str, Transceiver]:
    rows = snmprec.load(snmprec.recordings() / f"{name}.snmprec")
    names = {
        oid[-1]: (value.octets or b"").decode()
        for oid, value in rows.items()
        if oid[: len(NAME)] == NAME
    }
    return read(rows, profile, names)


def test_arista_tells_light_as_watts_and_limits_in_its_own_table() -> None:
    found = recorded("arista_eos_vrf", "arista")
    # Twenty copper modules and two cables have no sensors.
    assert set(found) == {"Ethernet21", "Ethernet22"}
    one = found["Ethernet21"]
    assert (one.vendor, one.part, one.serial) == ("Arista Networks", "SFP-1G-LX", "XMD1441CT0BG")
    (lane,) = one.lanes
    # 0.2210 mW; the receiver's value is the least that RFC 3433 has: it sees nothing.
    assert lane == {
        "rx_mdbm": NO_LIGHT, "tx_mdbm": -6556, "bias_ua": 16560, "mc": 41000, "mv": 3260,
    }  # fmt: skip
    assert one.limits["rx"] == {
        "low_alarm": -22007, "low_warning": -20969, "high_warning": -4001, "high_alarm": -3002,
    }  # fmt: skip
    assert one.limits["temperature"]["high_alarm"] == 90_000


def test_nxos_and_ios_are_read_by_their_own_sensor_mib() -> None:
    found = recorded("nxos_n3k-3064pq", "cisco")
    assert set(found) == {f"Ethernet1/{number}" for number in range(1, 9)}
    one = found["Ethernet1/1"]
    assert one.lanes == (
        {"rx_mdbm": -13187, "tx_mdbm": -5883, "bias_ua": 20116, "mc": 30855, "mv": 3381},
    )
    assert one.limits["rx"] == {
        "high_alarm": -1999, "high_warning": -3001, "low_alarm": -26989, "low_warning": -25228,
    }  # fmt: skip
    # It says 0.000 dBm of what it hasn't read: neither light nor darkness.
    assert found["Ethernet1/2"].lanes[0]["rx_mdbm"] == NO_POWER
    assert found["Ethernet1/8"].part == "GLC-BX-D40+-SO"
    assert found["Ethernet1/8"].serial == "SOSB43E0414"
    stack = recorded("ios_2960x", "cisco")
    assert set(stack) == {"Gi1/0/52", "Gi3/0/52"}
    lane = stack["Gi3/0/52"].lanes[0]
    assert (lane["rx_mdbm"], lane["tx_mdbm"], lane["bias_ua"]) == (-7300, -5000, 5700)
    assert stack["Gi3/0/52"].part == "GLC-SX-MMD"


def test_tables_by_port_of_other_families() -> None:
    huawei = recorded("vrp_5720", "huawei_vrp")
    assert set(huawei) == {f"XGigabitEthernet0/0/{number}" for number in (1, 2, 4)}
    one = huawei["XGigabitEthernet0/0/1"]
    assert one.lanes == (
        {"rx_mdbm": -2702, "tx_mdbm": -2276, "bias_ua": 5230, "mc": 39000, "mv": 3299},
    )
    assert one.limits["rx"] == {
        "low_alarm": -12690, "low_warning": -10690, "high_warning": 490, "high_alarm": 2500,
    }  # fmt: skip
    assert (one.vendor, one.part, one.serial) == ("HUAWEI", "02310MNW", "J267C042885")
    # Rows of nothing but zeros are ports without optics.
    juniper = recorded("junos_qfx5100", "juniper")
    assert len(juniper) == 2
    assert juniper["xe-0/0/0"].lanes[0] == {**NO_OPTICS} | {
        "rx_mdbm": -2300, "tx_mdbm": -1880, "bias_ua": 5588, "mc": 42000,
    }  # fmt: skip
    assert juniper["xe-0/0/0"].limits["rx"] == {
        "low_alarm": -13090, "low_warning": -12090, "high_warning": 0, "high_alarm": 1000,
    }  # fmt: skip
    (comware,) = recorded("comware_a5500", "h3c_comware").values()
    assert comware.lanes == (
        {"rx_mdbm": -10450, "tx_mdbm": -5400, "bias_ua": 9080, "mc": 44000, "mv": 3350},
    )
    assert recorded("routeros_crs317", "mikrotik") == {}


def chassis(lanes: int = 1, *, alias: bool = True, first: int = 1) -> dict[Oid, Value]:
    """A module with two sensors a lane in a port of the chassis, by ENTITY-MIB alone."""
    rows = {
        (*ENTITY, 5, 1): ber.integer(3),
        (*ENTITY, 5, 2): ber.integer(10), (*ENTITY, 4, 2): ber.integer(1),
        (*ENTITY, 7, 2): ber.text("xe-0/0/1"),
        (*ENTITY, 5, 3): ber.integer(9), (*ENTITY, 4, 3): ber.integer(2),
        (*ENTITY, 11, 3): ber.text("S1"), (*ENTITY, 12, 3): ber.text("ACME"),
        (*ENTITY, 13, 3): ber.text("LR4"),
    }  # fmt: skip
    if alias:
        rows[(*ALIAS, 2, 0)] = ber.object_identifier((*IF_INDEX, 501))
    for lane in range(lanes):
        for at, (word, value) in enumerate((("Rx", -3000 - lane), ("Tx", -1000 - lane))):
            number = 100 + 2 * lane + at
            rows |= {
                (*ENTITY, 5, number): ber.integer(8), (*ENTITY, 4, number): ber.integer(3),
                (*ENTITY, 2, number): ber.text(f"{word} power lane {lane + first}"),
                (*SENSOR, 1, number): ber.integer(14), (*SENSOR, 2, number): ber.integer(8),
                (*SENSOR, 3, number): ber.integer(0), (*SENSOR, 4, number): ber.integer(value),
                (*SENSOR, 5, number): ber.integer(1),
            }  # fmt: skip
    return rows


NAMES = {501: "xe-0/0/1", 502: "xe-0/0/2"}


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("alias", [True, False])
def test_lanes_count_from_one_and_the_port_is_found_by_alias_or_name(
    first: int, alias: bool
) -> None:
    found = read(chassis(4, alias=alias, first=first), "generic", NAMES)
    (one,) = found.values()
    assert one.port == "xe-0/0/1"
    assert [lane["rx_mdbm"] for lane in one.lanes] == [-3000, -3001, -3002, -3003]
    assert [lane["tx_mdbm"] for lane in one.lanes] == [-1000, -1001, -1002, -1003]
    assert (one.vendor, one.part, one.serial) == ("ACME", "LR4", "S1")


@pytest.mark.parametrize("status", [2, 3])
def test_a_sensor_that_isnt_operational_tells_nothing(status: int) -> None:
    rows = chassis() | {(*SENSOR, 5, 100): ber.integer(status)}
    lane = read(rows, "generic", NAMES)["xe-0/0/1"].lanes[0]
    assert lane["rx_mdbm"] == NO_POWER
    assert lane["tx_mdbm"] == -1000


def test_other_with_units_of_dbm_is_light_and_other_units_are_not() -> None:
    rows = chassis() | {
        (*SENSOR, 1, 100): ber.integer(1),
        (*SENSOR, 6, 100): ber.text("dBm"),
        (*SENSOR, 1, 101): ber.integer(1),
        (*SENSOR, 6, 101): ber.text("rpm"),
    }
    lane = read(rows, "generic", NAMES)["xe-0/0/1"].lanes[0]
    assert (lane["rx_mdbm"], lane["tx_mdbm"]) == (-3000, NO_POWER)


def test_what_belongs_to_no_port_or_to_several_is_nobodys() -> None:
    two = chassis() | {(*ALIAS, 2, 1): ber.object_identifier((*IF_INDEX, 502))}
    del two[(*ENTITY, 7, 2)]
    assert read(two, "generic", NAMES) == {}
    # A circle in ENTITY-MIB ends, and a port that the device doesn't have is none.
    circle = chassis(alias=False) | {(*ENTITY, 4, 2): ber.integer(3)}
    circle[(*ENTITY, 7, 2)] = ber.text("xe-0/0/9")
    assert read(circle, "generic", NAMES) == {}
    # What feeds a port over Ethernet, and a fan's warmth, are no optics.
    warm = {
        oid: ber.integer(8) if oid[:-1] == (*SENSOR, 1) else value
        for oid, value in chassis().items()
    }
    assert read(warm, "generic", NAMES) == {}


def test_what_lies_in_the_chassis_is_no_ports_and_unknown_ports_are_left_out() -> None:
    # The chassis tells of its management port: what isn't in a port of its own isn't that one's.
    rows = chassis() | {
        (*ENTITY, 4, 3): ber.integer(1),
        (*ENTITY, 7, 1): ber.text("xe-0/0/2"),
        (*ALIAS, 1, 0): ber.object_identifier((*IF_INDEX, 502)),
    }
    assert read(rows, "generic", NAMES) == {}
    dom: Oid = (1, 3, 6, 1, 4, 1, 2636, 3, 60, 1, 1, 1, 1)
    gone = {(*dom, 5, index): ber.integer(-500) for index in (501, 999)}
    assert set(read(gone, "juniper", NAMES)) == {"xe-0/0/1"}


def test_light_is_told_from_darkness_and_from_nothing() -> None:
    def light(raw: str, unit: str = "dBm", scale: str = "0.01") -> int | None:
        return store_value("rx", Decimal(raw), unit, Decimal(scale))

    assert light("-1234") == -12340
    assert light("-4000") == light("-99999") == light("-1000000000") == NO_LIGHT
    assert light("0", "W") == NO_LIGHT
    assert light("1", "W", "0.001") == 0
    assert light("-1", "W") is None
    assert light("1000000000") is light("2147483647") is light("-2147483648") is None
    assert light("4000") is None  # 40 dBm is ten watts
    assert light("0", "dBm", "0.001") is None
    assert light("0") == 0
    assert store_value("temperature", Decimal(-1_000_000_000), "°C", Decimal(1)) is None
    assert store_value("voltage", Decimal(0), "V", Decimal(1)) is None


@given(
    st.sampled_from([("rx", "dBm"), ("tx", "W"), ("bias", "A"), ("temperature", "°C"),
                     ("voltage", "V")]),
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**18), max_value=10**18),
    st.integers(-9, 9),
)  # fmt: skip
def test_whatever_is_stored_is_possible_and_never_the_sign_of_nothing(
    what: tuple[str, str], raw: Decimal, power: int
) -> None:
    quantity, unit = what
    stored = store_value(quantity, raw, unit, Decimal(1).scaleb(power))
    if stored is None:
        return
    assert stored not in (NO_POWER, NO_TEMPERATURE)
    if quantity in ("rx", "tx"):
        assert NO_LIGHT <= stored <= 30_000
    if quantity in ("bias", "voltage"):
        assert stored > NOT_REPORTED


@given(
    st.dictionaries(
        st.sampled_from(sorted(chassis(2))),
        st.one_of(
            st.integers(-(2**31), 2**32 - 1).map(lambda n: Value(ber.INTEGER, n)),
            st.binary(max_size=40).map(lambda octets: Value(ber.OCTET_STRING, octets)),
            st.just(ber.object_identifier((*IF_INDEX, 502))),
        ),
    )
)
def test_no_answer_breaks_the_reading(odd: dict[Oid, Value]) -> None:
    for one in read(chassis(2) | odd, "generic", NAMES).values():
        assert one.port in NAMES.values()
        assert 1 <= len(one.lanes) <= 100
        assert all(set(lane) == set(NO_OPTICS) for lane in one.lanes)


def test_limits_that_were_never_filled_in_judge_nothing() -> None:
    columns = shipped_catalogue().profiles["juniper"].optics[0]
    dom: Oid = (1, 3, 6, 1, 4, 1, 2636, 3, 60, 1, 1, 1, 1)
    rows = {(*dom, 5, 501): ber.integer(-500), (*dom, 7, 501): ber.integer(-200)}
    rows |= {(*dom, column, 501): ber.integer(0) for column in range(9, 25)}
    assert columns.name == "jnxDomCurrentTable"
    assert read(rows, "juniper", NAMES)["xe-0/0/1"].limits == {}
    rows |= {(*dom, 10, 501): ber.integer(-1400), (*dom, 12, 501): ber.integer(-1200)}
    rows |= {(*dom, 9, 501): ber.integer(200), (*dom, 11, 501): ber.integer(0)}
    assert read(rows, "juniper", NAMES)["xe-0/0/1"].limits["rx"] == {
        "low_alarm": -14000, "low_warning": -12000, "high_warning": 0, "high_alarm": 2000,
    }  # fmt: skip


def test_a_wrong_profile_of_optics_says_where() -> None:
    from dcim.snmp.reading.profiles import ProfileError, read_profile

    head = "profile: x\ntitle: t\nsource: s\nmatch: []\noptics:\n  - name: T\n    by: ifIndex\n"
    for body, reason in (
        ("    values: {rx: {object: o, oid: 1.3.6.1, unit: A}}\n", "none of"),
        ("    values: {lux: {object: o, oid: 1.3.6.1, unit: dBm}}\n", "unknown key"),
        ("    values: {}\n    port: 1.3.6.1\n", "'port'"),
    ):
        with pytest.raises(ProfileError, match=reason):
            read_profile(head + body, "x.yaml")


def test_a_plan_holds_while_rows_and_names_are_the_same() -> None:
    catalogue = shipped_catalogue()
    specs = catalogue.optics(catalogue.profiles["generic"])
    said = table(chassis(2), "generic")
    plan = plan_optics(said, specs, NAMES)
    assert plan.holds(said, NAMES)
    assert plan.holds(said, NAMES | {502: "renamed", 503: "new"})
    # Renumbered after a restart: by the old plan the light would be another port's.
    assert not plan.holds(said, {501: "xe-0/0/2", 502: "xe-0/0/1"})
    assert not plan.holds(said, {502: "xe-0/0/2"})
    assert not plan.holds(table(chassis(1), "generic"), NAMES)
    assert not plan.holds(table(chassis(3), "generic"), NAMES)


@pytest.mark.parametrize(
    ("relation", "limits"),
    [
        (ber.integer(2), {"rx": {"low_warning": -9000}}),
        (ber.integer(4), {"rx": {"high_warning": -9000}}),
        # Equality, a made-up one, one that isn't told: no limit rather than a low one.
        (ber.integer(5), {}),
        (ber.integer(12), {}),
        (None, {}),
    ],
)
def test_a_threshold_is_on_the_side_its_relation_says(
    relation: Value | None, limits: dict[str, dict[str, int]]
) -> None:
    cisco: Oid = (1, 3, 6, 1, 4, 1, 9, 9, 91, 1)
    rows = {
        (*cisco, 1, 1, 1, oid[-2], oid[-1]) if oid[: len(SENSOR)] == SENSOR else oid: value
        for oid, value in chassis().items()
    }
    rows |= {(*cisco, 2, 1, 1, 2, 100, 1): ber.integer(10)}
    rows |= {(*cisco, 2, 1, 1, 4, 100, 1): ber.integer(-9000)}
    if relation is not None:
        rows[(*cisco, 2, 1, 1, 3, 100, 1)] = relation
    assert read(rows, "cisco", NAMES)["xe-0/0/1"].limits == limits


def test_what_many_sensors_lie_in_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """An agent with tens of thousands of sensors under long names would stop its worker's others
    for many seconds, as all of that is worked out in the loop that reads them."""
    asked: list[Value | None] = []

    def clean(value: Value | None) -> str:
        asked.append(value)
        return clean_text(value)

    monkeypatch.setattr(optic_plan, "clean_text", clean)
    rows = chassis(0) | {(*ENTITY, 5, each): ber.integer(9) for each in range(4, 9)}
    rows |= {(*ENTITY, 4, each): ber.integer(each - 1) for each in range(4, 9)}
    for number in range(100, 600):
        rows |= {
            (*ENTITY, 4, number): ber.integer(8), (*ENTITY, 2, number): ber.text("Rx power"),
            (*SENSOR, 1, number): ber.integer(14), (*SENSOR, 2, number): ber.integer(8),
            (*SENSOR, 3, number): ber.integer(0), (*SENSOR, 4, number): ber.integer(-3000),
        }  # fmt: skip
    said = table(rows, "generic")
    catalogue = shipped_catalogue()
    plan = plan_optics(said, catalogue.optics(catalogue.profiles["generic"]), NAMES)
    assert len(plan.modules[0].sources) == 500
    # A name, a description and a unit of each sensor, and a few of what they lie in.
    assert len(asked) < 500 * 3 + 50


def test_a_module_in_the_row_of_the_one_before_has_its_own_limits_at_once() -> None:
    """Some devices keep a port's row, of zeros, while there is no module in it."""
    dom: Oid = (1, 3, 6, 1, 4, 1, 2636, 3, 60, 1, 1, 1, 1)
    catalogue = shipped_catalogue()
    specs = catalogue.optics(catalogue.profiles["juniper"])
    asked: list[int] = []

    class Agent:
        rows: dict[Oid, Value]

        async def table(self, _target: Any, columns: Sequence[Oid]) -> Said:
            asked.append(len(columns))
            every = table(self.rows, "juniper")
            return {column: every[column] for column in columns}

    def light(rx: int, low: int) -> dict[Oid, Value]:
        steady = {(*dom, 5, 502): ber.integer(-200), (*dom, 7, 502): ber.integer(-200)}
        return steady | {
            (*dom, 5, 501): ber.integer(rx), (*dom, 10, 501): ber.integer(low),
            (*dom, 9, 501): ber.integer(200),
        }  # fmt: skip

    async def work() -> list[dict[str, int] | None]:
        agent, plan, lows = Agent(), None, []
        for rows in (light(-500, -1400), light(-510, -1400), light(0, 0), light(-700, -2100)):
            agent.rows = rows
            found, plan = await read_optics(cast(Any, agent), cast(Any, None), specs, NAMES, plan)
            by_port = {one.port: dict(one.limits.get("rx", {})) for one in found}
            lows.append(by_port.get("xe-0/0/1"))
        return lows

    first, same, gone, other = asyncio.run(work())
    assert first == same == {"low_alarm": -14000, "high_alarm": 2000}
    assert gone is None
    assert other == {"low_alarm": -21000, "high_alarm": 2000}
    # The second reading was by the plan alone.
    assert asked[1] < asked[0]
    assert len(asked) == 6
