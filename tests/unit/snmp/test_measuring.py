from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from dcim.metering.families import DOWN, NO_TEMPERATURE, NOT_REPORTED, UNKNOWN, UP
from dcim.metering.frames import NO_STATE
from dcim.snmp.counting.counters import CounterState
from dcim.snmp.counting.counters import Reading as CounterReading
from dcim.snmp.counting.port_table import NOT_READ
from dcim.snmp.polling.port_recording import OPER_STATES
from dcim.snmp.reading.measuring import (
    energy_delta,
    gather_gauges,
    pack_state,
    slug,
    unpack_state,
)
from dcim.snmp.reading.ports import STATUS_WORDS
from dcim.snmp.reading.readings import Reading


def reading(kind: str, value: str, place: str, label: str, *tail: int) -> Reading:
    return Reading(
        kind, (1, 3, 6, 1, 4, 1, 99, hash(kind) % 97, *tail), label, Decimal(value), "", place
    )


def test_a_pdu_of_one_phase_gives_its_input_the_phases_voltage() -> None:
    gauges = gather_gauges(
        [
            reading("power", "270", "input", "Unit 1 A-01", 1),
            reading("energy", "51234.5", "input", "Unit 1 A-01", 1),
            reading("voltage", "231", "phase", "Unit 1 phase L1", 1),
            reading("current", "1.2", "phase", "Unit 1 phase L1", 1),
            reading("frequency", "50", "input", "Unit 1 A-01", 1),
        ]
    )
    whole, phase = gauges
    assert whole.names[0] == "input"
    assert whole.values == {"mv": 231_000, "ma": 1_200, "mw": 270_000}
    assert whole.energy_wh == 51_234_500
    assert phase.names[0] == "phase"
    assert phase.values == {"mv": 231_000, "ma": 1_200, "mw": NOT_REPORTED}


def test_things_of_one_place_are_told_apart_by_their_row_not_by_their_name() -> None:
    def names(first: str, second: str) -> list[tuple[str, ...]]:
        found = gather_gauges(
            [
                reading("current", "1", "outlet", first, 1, 7),
                reading("current", "2", "outlet", second, 2, 7),
            ]
        )
        return [gauge.names for gauge in found]

    before, after = names("Outlet 7 web", "Outlet 7 db"), names("Outlet 7 mail", "Outlet 7 db")
    # Two units of a chain: the last arc alone would be the same.
    assert [each[0] for each in before] == ["outlet-01-07", "outlet-02-07"]
    assert [each[0] for each in after] == ["outlet-01-07", "outlet-02-07"]
    assert before[0][1] == "outlet-7-web"


def test_three_phases_sum_to_an_input_and_none_is_guessed() -> None:
    phases = [
        reading(kind, value, "phase", f"L{n}", n)
        for n, (volts, amperes) in enumerate([("0", "0"), ("229", "4"), ("231.5", "5")], 1)
        for kind, value in (("voltage", volts), ("current", amperes))
    ]
    whole = gather_gauges(phases)[0]
    assert whole.values == {"mv": 231_500, "ma": 9_000, "mw": NOT_REPORTED}
    # One phase doesn't tell its current: the sum isn't known either.
    assert gather_gauges(phases[:-1])[0].values["ma"] == NOT_REPORTED


def test_lines_and_phases_of_one_input_are_not_counted_twice() -> None:
    parts = [
        reading("current", "9", "line", "Line AA:L1", 4, 1),
        reading("current", "7", "line", "Line AA:L2", 4, 2),
        reading("current", "5", "phase", "Phase AA:L1-L2", 5, 1),
        reading("current", "4", "phase", "Phase AA:L2-L3", 5, 2),
        reading("power", "1000", "phase", "Phase AA:L1-L2", 5, 1),
        reading("power", "800", "phase", "Phase AA:L2-L3", 5, 2),
        reading("current", "3", "neutral", "Neutral", 4, 3),
    ]
    whole = gather_gauges(parts)[0]
    assert whole.names == ("input",)
    assert whole.values == {"mv": NOT_REPORTED, "ma": 16_000, "mw": 1_800_000}


def test_climate_keeps_thousandths_and_says_what_is_missing() -> None:
    [gauge] = gather_gauges(
        [
            reading("temperature", "23.45", "ambient", "Cold aisle", 1),
            reading("humidity", "45.5", "ambient", "Cold aisle", 1),
        ]
    )
    assert gauge.values == {"mc": 23_450, "rh": 455}
    assert gauge.names == ("ambient", "ambient-01", "cold-aisle", "Cold aisle", "1")
    [dry] = gather_gauges([reading("humidity", "40", "ambient", "x", 3)])
    assert dry.values == {"mc": NO_TEMPERATURE, "rh": 400}


def test_energy_is_a_difference_or_not_known() -> None:
    memory = {"wh": 1_000, "ts": 60_000}
    assert energy_delta(memory, 1_050, 120_000) == 50
    assert energy_delta(None, 1_050, 120_000) == NOT_REPORTED
    assert energy_delta(memory, None, 120_000) == NOT_REPORTED
    assert energy_delta(memory, 999, 120_000) == NOT_REPORTED  # reset: never the new total
    assert energy_delta(memory, 1_050, 60_000) == NOT_REPORTED
    assert energy_delta(memory, 1_050, 2_000_000) == NOT_REPORTED


def test_oper_status_by_its_number() -> None:
    """RFC 2863; what isn't read, or is none of its numbers, is no sample."""
    states = dict(zip(STATUS_WORDS, OPER_STATES.tolist(), strict=False))
    assert states == {
        "": NO_STATE,
        "up": UP,
        "down": DOWN,
        "testing": UNKNOWN,
        "unknown": UNKNOWN,
        "dormant": DOWN,
        "notPresent": DOWN,
        "lowerLayerDown": DOWN,
    }
    assert len(OPER_STATES) == len(STATUS_WORDS) + 1
    assert OPER_STATES[NOT_READ] == NO_STATE


def test_slug() -> None:
    assert slug("冷通道 A/B 列 Cold aisle") == "冷通道-a-b-列-cold-aisle"


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.none() | st.integers(0, 2**32))
def test_counter_state_survives_json(inward: int, outward: int, uptime: int | None) -> None:
    import json

    state = CounterState(CounterReading(1_700_000_000_000, 64, inward, outward, uptime))
    assert unpack_state(json.loads(json.dumps(pack_state(state)))) == state
    assert unpack_state(None) is None
    assert unpack_state({"written_by": "another version"}) is None
