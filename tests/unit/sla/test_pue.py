"""PUE by steps: worked out by hand, gaps stay gaps, and which meters it is of."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcim.metering.batch import Columns
from dcim.power.tree import Node, PowerTree
from dcim.sla.pue import MIN_COVER, YEAR_MS, Meter, Pue, add_readings, divide, start_meter
from dcim.sla.pue_meters import choose_meters
from tests.unit.power.test_outage import HOUSE, build, node

MINUTE, HOUR = 60_000, 3_600_000


def reading(minutes: list[int], watts: list[int]) -> Columns:
    ts = np.array(minutes, dtype=np.int64) * MINUTE
    nothing = np.zeros(len(ts), dtype=np.int64)
    return Columns(ts, nothing, nothing, {"mw": np.array(watts, dtype=np.int64) * 1000})


def read(count: int, columns: Columns) -> Meter:
    meter = start_meter(count)
    add_readings(meter, columns, 0, HOUR, count * HOUR, 90_000)
    return meter


def steady(hours: range, watts: int) -> Columns:
    minutes = [60 * hour + minute for hour in hours for minute in range(60)]
    return reading(minutes, [watts] * len(minutes))


def test_worked_out_by_hand() -> None:
    total = read(3, steady(range(3), 1500))
    it = [read(3, steady(range(3), 600)), read(3, steady(range(3), 400))]
    found = divide(0, HOUR, [total], it)
    assert found.values.tolist() == [1.5, 1.5, 1.5]
    assert (found.value, found.coverage, found.gaps()) == (1.5, 1.0, [])
    # Energy by energy, not the mean of the steps: 2 kWh + 1 kWh by 1 kWh + 1 kWh.
    meter = start_meter(2)
    add_readings(meter, steady(range(1), 2000), 0, HOUR, 2 * HOUR, 90_000)
    add_readings(meter, steady(range(1, 2), 1000), 0, HOUR, 2 * HOUR, 90_000)
    found = divide(0, HOUR, [meter], [read(2, steady(range(2), 1000))])
    assert found.values.tolist() == [2.0, 1.0]
    assert found.value == 1.5


def test_a_gap_of_one_meter_is_a_gap() -> None:
    total = read(20, steady(range(20), 1500))
    it = [read(20, steady(range(20), 500)), read(20, steady(range(19), 500))]
    found = divide(0, HOUR, [total], it)
    assert np.isnan(found.values[19])
    assert found.gaps() == [(19 * HOUR, 20 * HOUR)]
    assert found.value == 1.5
    # Nine of ten are enough; fewer have no value, however good they look.
    for known, value in ((18, 1.5), (17, None)):
        part = divide(0, HOUR, [total], [it[0], read(20, steady(range(known), 500))])
        assert part.value == value, known


def test_most_of_a_step_must_be_read() -> None:
    for minutes, is_known in ((54, True), (53, False)):
        total = read(1, reading(list(range(minutes)), [1500] * minutes))
        # The last reading holds for a minute and a half.
        assert total.read_ms[0] == minutes * MINUTE + 30_000
        found = divide(0, HOUR, [total], [read(1, steady(range(1), 1000))])
        assert bool(found.is_known[0]) == is_known


def test_less_than_it_alone_is_no_value() -> None:
    it = [read(1, steady(range(1), 1000))]
    assert divide(0, HOUR, [read(1, steady(range(1), 900))], it).value is None
    assert divide(0, HOUR, [read(1, steady(range(1), 1000))], it).value == 1.0
    assert divide(0, HOUR, [], it).value is None
    assert divide(0, HOUR, it, [read(1, steady(range(1), 0))]).value is None


@given(st.lists(st.tuples(st.integers(1, 5000), st.integers(0, 5000)), min_size=1, max_size=40))
def test_it_is_never_below_one_and_lies_between_its_steps(pairs: list[tuple[int, int]]) -> None:
    it = np.array([one for one, _more in pairs], dtype=np.float64)
    total = it + np.array([more for _one, more in pairs])
    found = Pue(0, HOUR, total, it)
    assert found.value is not None
    assert found.value >= 1
    assert min(found.values) - 1e-9 <= found.value <= max(found.values) + 1e-9


@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_gaps_are_what_has_no_value(known: list[bool]) -> None:
    it = np.where(known, 1.0, np.nan)
    found = Pue(0, HOUR, 1.5 * it, it)
    missing = {at // HOUR for low, high in found.gaps() for at in range(low, high, HOUR)}
    assert missing == {place for place, one in enumerate(known) if not one}
    assert (found.value is None) == (sum(known) / len(known) < MIN_COVER)


def test_only_a_whole_year_is_annual() -> None:
    day = 24 * HOUR
    assert Pue(0, day, np.ones(365), np.ones(365)).is_annual
    assert not Pue(0, day, np.ones(364), np.ones(364)).is_annual
    assert 365 * day == YEAR_MS


class TestMeters:
    def choose(self, nodes: dict[int, Node], *metered: int) -> tuple[object, ...]:
        found = choose_meters(PowerTree(nodes), {one: [1000 + one] for one in metered})
        return (
            set(found.total.values()), set(found.it.values()), found.category, found.unmetered,
            found.is_enough,
        )  # fmt: skip

    def test_it_flows_through_the_upss_if_all_have_a_meter(self) -> None:
        assert self.choose(HOUSE, 1, 11, 2, 12) == ({"N1", "N11"}, {"N2", "N12"}, 1, (), True)

    def test_else_the_feeds_of_the_racks(self) -> None:
        found = self.choose(HOUSE, 1, 11, 2, 5, 7, 9, 14, 17)
        # Of one rack the breaker's meter: nothing else hangs on it.
        assert found == ({"N1", "N11"}, {"N5", "N7", "N9", "N14", "N17"}, 2, (), True)
        assert self.choose(HOUSE, 1, 11, 2, 5, 7, 9, 14)[1:] == (set(), 2, (), False)

    def test_a_utility_without_a_meter_is_named(self) -> None:
        assert self.choose(HOUSE, 1, 2, 12)[3:] == (("N11",), False)

    def test_what_hangs_on_no_utility_is_not_in_the_input(self) -> None:
        loose = HOUSE | {21: node(21, None, "ups", "A"), 22: node(22, 21, "pdu", "A", rack=4)}
        found = choose_meters(PowerTree(loose), {one: [one] for one in (1, 11, 2, 12, 21)})
        assert (found.loose, found.is_enough) == (("N21",), False)

    def test_what_stands_in_reserve_is_measured_too(self) -> None:
        # Either ATS takes utility 2 when 1 is gone, either transfer switch the spare UPS.
        nodes = build(
            node(1, None, "utility"), node(2, None, "utility"),
            node(3, 1, "ats", second=2), node(4, 3, "ups"), node(5, 3, "ups"),
            node(6, 4, "ats", second=5), node(7, 6, "pdu", rack=1),
        )  # fmt: skip
        assert self.choose(nodes, 1, 2, 4, 5) == ({"N1", "N2"}, {"N4", "N5"}, 1, (), True)
        assert self.choose(nodes, 1, 4, 5)[3:] == (("N2",), False)
        # Without a meter at the spare one, what it carries would be missing.
        assert self.choose(nodes, 1, 2, 4)[1:3] == (set(), 2)

    def test_each_phase_of_a_meter_counts(self) -> None:
        series = {1: [1], 11: [2], 2: [3, 4, 5], 12: [6]}
        found = choose_meters(PowerTree(HOUSE), series)
        assert found.it == {3: "N2", 4: "N2", 5: "N2", 6: "N12"}

    def test_a_ups_behind_a_ups_is_not_counted_twice(self) -> None:
        nodes = build(
            node(1, None, "utility"), node(2, 1, "ups"), node(3, 2, "ups"),
            node(4, 2, "pdu", rack=1), node(5, 3, "pdu", rack=2),
        )  # fmt: skip
        assert self.choose(nodes, 1, 2, 3)[1] == {"N2"}


def test_a_mean_is_of_the_time_read() -> None:
    meter = Meter(np.array([3_600_000.0 * 950_000]), np.array([3_600_000.0 * 0.95]))
    assert meter.mean_w(HOUR)[0] == pytest.approx(1000)
