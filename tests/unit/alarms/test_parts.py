"""What is measured part by part: on history as the boards' function says it of each instant."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dcim.alarms.rules.parts import align
from dcim.metering.batch import Columns
from dcim.metering.families import DAY_MS, NOT_REPORTED, find_family
from dcim.metering.store import Latest
from dcim.power.metering import add_phases
from dcim.power.phases import join_phases

POWER = find_family("power")
BEGIN = 1_795_000_000_000
VALUE = st.one_of(st.just(NOT_REPORTED), st.integers(0, 400_000))
# Polls a minute, half a day and two days apart: (when, mv, ma, mw) of a phase.
INSTANTS = [BEGIN + n * step for n in range(4) for step in (60_000, DAY_MS // 2, 2 * DAY_MS)]
PHASE = st.dictionaries(st.sampled_from(INSTANTS), st.tuples(VALUE, VALUE, VALUE), max_size=6)


def as_columns(phase: dict[int, tuple[int, int, int]]) -> Columns:
    rows = [(ts, 0, 0, *phase[ts], NOT_REPORTED) for ts in sorted(phase)]
    matrix = np.array(rows, dtype=np.int64).reshape(len(rows), 7).T
    return Columns.from_matrix(POWER, matrix)


@given(st.lists(PHASE, min_size=1, max_size=3))
def test_phases_on_history_are_what_add_phases_says_of_each_instant(
    phases: list[dict[int, tuple[int, int, int]]],
) -> None:
    told = align([as_columns(one) for one in phases])
    joined = join_phases(told.ts, told.at, told.values)
    assert told.ts.tolist() == sorted({ts for one in phases for ts in one})
    for place, now in enumerate(told.ts.tolist()):
        newest = []
        for one in phases:
            if known := [ts for ts in one if ts <= now]:
                values = dict(zip(("mv", "ma", "mw"), one[max(known)], strict=True))
                newest.append(Latest(max(known), 0, 0, values))
        shown = add_phases(newest)
        assert shown is not None
        assert shown.ts == now
        assert shown.is_whole == bool(joined["whole"][place])
        for name in ("mv", "ma", "mw"):
            value = int(joined[name][place])
            assert getattr(shown, name) == (None if value == NOT_REPORTED else value)
