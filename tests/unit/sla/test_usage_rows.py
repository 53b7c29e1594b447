import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dcim.metering.batch import Columns
from dcim.metering.families import TRAFFIC
from dcim.sla.usage import bandwidth_rows, clip_deltas

BIN = 300_000


def columns(rows: list[tuple[int, int, int, int]]) -> Columns:
    matrix = np.zeros((7, len(rows)), dtype=np.int64)
    for place, row in enumerate(rows):
        matrix[[0, 1, 3, 4], place] = row
    return Columns.from_matrix(TRAFFIC, matrix)


@given(
    st.lists(st.tuples(st.integers(1, 900_000), st.integers(0, 10**13)), min_size=1, max_size=20),
    st.integers(0, 9_000_000),
)
def test_at_a_change_of_port_no_octet_is_lost_or_billed_twice(
    steps: list[tuple[int, int]], edge: int
) -> None:
    """Whatever day the port passed from one customer to the next, the two parts are the whole."""
    ts, rows = 0, []
    for span, octets in steps:
        ts += span
        rows.append((ts, span, octets, octets // 3))
    found = columns(rows)
    parts = [*clip_deltas(found, [(0, edge)]), *clip_deltas(found, [(edge, ts + 1)])]
    assert sum(part[2] for part in parts) == sum(row[2] for row in rows)
    assert sum(part[3] for part in parts) == sum(row[3] for row in rows)
    assert sum(part[1] for part in parts) == ts


def test_two_ports_at_once_add_up_and_the_worse_covered_one_decides() -> None:
    whole = columns([(at, 60_000, 60, 6) for at in range(60_000, BIN + 1, 60_000)])
    holed = columns([(at, 60_000, 60, 6) for at in range(60_000, BIN - 60_000, 60_000)])
    member = [(0, 2 * BIN)]
    assert bandwidth_rows([(whole, member), (holed, member)], 0, BIN, BIN) == [
        [0, 480, 48, 180_000]
    ]


def test_a_service_that_moved_to_another_port_has_one_whole_bin() -> None:
    first = columns([(at, 60_000, 60, 6) for at in range(60_000, BIN + 1, 60_000)])
    moved_at = 150_000
    rows = bandwidth_rows([(first, [(0, moved_at)]), (first, [(moved_at, BIN)])], 0, BIN, BIN)
    assert rows == [[0, 300, 30, BIN]]


def test_gauges_gaps_and_unmeasured_bins_are_left_out() -> None:
    found = columns([(60_000, 60_000, 60, 6), (120_000, 0, 99, 99), (180_000, 60_000, -1, 5)])
    assert bandwidth_rows([(found, [(0, 4 * BIN)])], 0, 4 * BIN, BIN) == [[0, 60, 6, 60_000]]
    assert bandwidth_rows([], 0, BIN, BIN) == []
