"""A table of cases: what a silent PDU proves, and what it doesn't."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcim.metering.batch import Columns
from dcim.metering.families import CLIMATE, NO_TEMPERATURE, NOT_REPORTED, POWER, STATE
from dcim.sla.evidence import (
    HOLDS_MS,
    Link,
    Observed,
    all_down,
    combine,
    decide_feed,
    hold,
    observe_power,
    observe_states,
    port_states,
    temperature_values,
)
from dcim.sla.rules.intervals import Intervals, total

M = 60_000
END = 20 * M


def power(marks: str, *, ma: int = 4_000, phase: int = 0) -> Observed:
    """One character a minute: `+` 230 V, `0` dead, `.` silent, `?` no voltmeter, no current."""
    rows = []
    for minute, mark in enumerate(marks):
        mv, current = {"+": (230_000, ma), "0": (0, 0), "?": (NOT_REPORTED, 0)}.get(mark, (0, 0))
        if mark != ".":
            rows.append((minute * M + phase, 0, 0, mv, current, NOT_REPORTED, NOT_REPORTED))
    matrix = np.array(rows, dtype=np.int64).reshape(len(rows), 7).T
    return observe_power(Columns.from_matrix(POWER, matrix), 230)


ALIVE = "+" * 21
#                0    5    10   15
LOST__________ = "+++++..........++++++"
DEAD_5_TO_15__ = "+++++0000000000++++++"
SILENT_THERE__ = "+++++..........++++++"

CASES = [
    # (what, PDU, [(node, marks, own source, sole)], down, up at least, shown by)
    ("measured all the time", ALIVE, [], [], 20, set()),
    ("measured dead by itself", DEAD_5_TO_15__, [], [(5, 15)], 10, {"pdu"}),
    ("silent alone is unknown", LOST__________, [], [], 10, set()),
    (
        "silent, branch meter dead",
        LOST__________,
        [("branch", DEAD_5_TO_15__, False, True)],
        [(5, 15)],
        10,
        {"branch"},
    ),
    (
        "silent, branch meter alive and current flows: up, its agent is what failed",
        LOST__________,
        [("branch", ALIVE, False, True)],
        [],
        20,
        set(),
    ),
    (
        "silent, branch shared with another PDU: its current proves nothing",
        LOST__________,
        [("branch", ALIVE, False, False)],
        [],
        10,
        set(),
    ),
    (
        "silent, branch without a meter, panel dead",
        LOST__________,
        [("branch", "", False, True), ("panel", DEAD_5_TO_15__, False, False)],
        [(5, 15)],
        10,
        {"panel"},
    ),
    (
        "silent, panel silent too, UPS output dead",
        LOST__________,
        [("panel", SILENT_THERE__, False, False), ("ups", DEAD_5_TO_15__, True, False)],
        [(5, 15)],
        10,
        {"ups"},
    ),
    (
        "silent, UPS alive on battery, utility dead: unknown",
        LOST__________,
        [("ups", ALIVE, True, False), ("utility", DEAD_5_TO_15__, True, False)],
        [],
        10,
        set(),
    ),
    (
        "silent, UPS silent, utility dead: the battery may carry it, unknown",
        LOST__________,
        [("ups", SILENT_THERE__, True, False), ("utility", DEAD_5_TO_15__, True, False)],
        [],
        10,
        set(),
    ),
    (
        "silent, panel alive below a dead UPS reading: the nearer one decides",
        LOST__________,
        [("panel", ALIVE, False, False), ("ups", DEAD_5_TO_15__, True, False)],
        [],
        10,
        set(),
    ),
    (
        "alive by its own input while the panel's meter says dead: up",
        ALIVE,
        [("panel", DEAD_5_TO_15__, False, False)],
        [],
        20,
        set(),
    ),
    (
        "a branch that has no voltmeter and shows no current proves nothing",
        LOST__________,
        [("branch", "+++++??????????++++++", False, True)],
        [],
        10,
        set(),
    ),
]


@pytest.mark.parametrize(
    ("pdu", "above", "down", "up_minutes", "shown_by"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_what_shows_a_feed_down(
    pdu: str,
    above: list[tuple[str, str, bool, bool]],
    down: list[tuple[int, int]],
    up_minutes: int,
    shown_by: set[str],
) -> None:
    links = [Link(name, power(marks), own, sole) for name, marks, own, sole in above]
    found = decide_feed(0, END, Link("pdu", power(pdu)), links)
    assert found.of("down") == [(a * M, b * M) for a, b in down]
    assert {name for _, _, name in found.shown_by} == shown_by
    assert total(found.of("up")) >= up_minutes * M
    assert sum(b - a for a, b, _ in found.states) == END


def test_a_live_sibling_refutes_a_dead_panel_meter() -> None:
    silent = Link("pdu", power(LOST__________))
    panel = Link("panel", power(DEAD_5_TO_15__))
    sibling = power(ALIVE)
    asked: list[tuple[int, Intervals]] = []

    def refute(place: int, doubted: Intervals) -> Intervals:
        asked.append((place, doubted))
        return sibling.firm

    assert decide_feed(0, END, silent, [panel], refute).of("down") == []
    assert asked == [(0, [(5 * M, 15 * M)])]
    # Control: without the sibling the panel's word stands.
    assert decide_feed(0, END, silent, [panel]).of("down") == [(5 * M, 15 * M)]


def test_a_sibling_that_was_only_held_refutes_nothing() -> None:
    """The whole row dies at 4:30: each PDU's last good sample is held past the first bad."""
    assert power("+++++" + "." * 15).firm == [(0, 4 * M)]
    assert power("+++++" + "." * 15).alive == [(0, 4 * M + HOLDS_MS)]


def test_newer_evidence_beats_a_held_state() -> None:
    """The last good sample at 4:00 is held to 5:30; the panel is measured dead at 5:10."""
    silent = Link("pdu", power(LOST__________))
    panel = Link("panel", power(DEAD_5_TO_15__, phase=10_000))
    found = decide_feed(0, END, silent, [panel])
    assert found.of("down")[0][0] == 5 * M + 10_000


def test_after_the_last_hold_a_silent_pdu_is_unknown_not_down() -> None:
    found = decide_feed(0, END, Link("pdu", power("+++" + "." * 18)), [])
    assert found.states == [(0, 2 * M + HOLDS_MS, "up"), (2 * M + HOLDS_MS, END, "unknown")]


def test_an_agent_that_answers_with_a_dead_input_is_down_from_first_bad_to_first_good() -> None:
    found = decide_feed(0, END, Link("pdu", power("+++0..00+" + "+" * 12)), [])
    assert found.of("down") == [(3 * M, 3 * M + HOLDS_MS), (6 * M, 8 * M)]
    assert found.of("unknown") == [(3 * M + HOLDS_MS, 6 * M)]


def test_two_meters_on_one_node() -> None:
    both = combine([power("++..0+"), power("+0+0..")])
    assert both.dead == [(3 * M, 5 * M)]
    assert combine([power("++")]) == power("++")


def test_both_feeds_down_is_where_all_are() -> None:
    a = decide_feed(0, END, Link("a", power("+00000" + "+" * 15)), [])
    b = decide_feed(0, END, Link("b", power("+++000000" + "+" * 12)), [])
    assert all_down([a, b]) == [(3 * M, 6 * M)]
    assert all_down([]) == []


def test_ports_and_temperatures_leave_silence_unknown() -> None:
    state = Columns.from_matrix(
        STATE, np.array([[0, M, 2 * M, 8 * M], [0] * 4, [0] * 4, [1, 2, 1, 0]])
    )
    assert port_states(state, 0, 10 * M) == [
        (0, M, "up"),
        (M, 2 * M, "down"),
        (2 * M, 2 * M + HOLDS_MS, "up"),
        (2 * M + HOLDS_MS, 10 * M, "unknown"),
    ]
    climate = Columns.from_matrix(
        CLIMATE,
        np.array([[0, M, 2 * M], [0] * 3, [0] * 3, [21_000, NO_TEMPERATURE, -1], [0] * 3]),
    )
    assert temperature_values(climate, 0, 3 * M) == [(0, M, 21_000), (2 * M, 3 * M, -1)]


@given(
    st.lists(st.tuples(st.integers(1, 4 * M), st.sampled_from([0, 1, 2])), max_size=40),
    st.integers(0, 30 * M),
)
def test_states_neither_overlap_nor_leave_holes(steps: list[tuple[int, int]], extent: int) -> None:
    ts = np.cumsum(np.array([gap for gap, _ in steps], dtype=np.int64))
    states = np.array([state for _, state in steps], dtype=np.int64)
    held = hold(ts, states)
    assert all(a[1] <= b[0] for a, b in pairwise(held))
    found = decide_feed(0, extent, Link("pdu", observe_states(ts, states, states == 1)), [])
    edges = [0, *(end for _, end, _ in found.states)]
    assert edges[-1] == extent
    assert [start for start, _, _ in found.states] == edges[:-1]


@given(
    st.lists(st.sampled_from("+0.?"), max_size=30), st.lists(st.sampled_from("+0."), max_size=30)
)
def test_down_is_only_where_somebody_measured_it(pdu: list[str], panel: list[str]) -> None:
    a, b = power("".join(pdu)), power("".join(panel))
    found = decide_feed(0, 40 * M, Link("pdu", a), [Link("panel", b)])
    shown = total([*a.dead, *b.dead])
    assert total(found.of("down")) <= shown
    if not a.dead and not b.dead:
        assert found.of("down") == []
