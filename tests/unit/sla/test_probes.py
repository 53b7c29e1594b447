"""Rounds of echoes as facts: held no longer than told, unknown never down."""

from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcim.metering.batch import Columns
from dcim.metering.families import BY_ICMP, NOT_REPORTED, PROBE
from dcim.probing.figures import figure_round, measure_loss
from dcim.probing.recording import sample_of
from dcim.probing.rounds import EchoTarget, Round
from dcim.sla.evidence import HOLDS_MS
from dcim.sla.probes import holds_of, read_probed
from tests.examples import examples

M = 60_000
START, END = 1_000 * M, 1_010 * M
TARGET = EchoTarget(1, "192.0.2.1")


def columns(*rounds: tuple[int, list[int | None], int], span_ms: int = M) -> Columns:
    """Rounds as (minute from START, times, unsent)."""
    rows = [
        sample_of(Round(TARGET, START + at * M, rtts_us=times, unsent=unsent), 1, span_ms)
        for at, times, unsent in rounds
    ]
    matrix = np.array([row[1:] for row in rows], dtype=np.int64).reshape(
        len(rows), 3 + len(PROBE.columns)
    )
    return Columns.from_matrix(PROBE, np.ascontiguousarray(matrix.T))


def minutes(rows: Iterable[tuple[int, int, int | str]]) -> list[tuple[float, float, int | str]]:
    return [((a - START) / M, (b - START) / M, value) for a, b, value in rows]


def test_a_stretch_by_hand() -> None:
    """Up at 0 and 1; nothing answered at 2; not sent at 3; one of two answers at 4; then silence.

    The last round holds one and a half minutes: until 5.5.
    """
    found = read_probed(
        columns(
            (0, [100, 300], 0),
            (1, [100, 300], 0),
            (2, [None, None], 0),
            (3, [], 2),
            (4, [None, 500], 0),
        ),
        START,
        END,
    )
    assert minutes(found.reachability) == [
        (0, 2, "up"), (2, 3, "down"), (3, 4, "unknown"), (4, 5.5, "up"), (5.5, 10, "unknown"),
    ]  # fmt: skip
    assert minutes(found.loss) == [(0, 2, 0), (2, 3, 1_000_000), (4, 5.5, 500_000)]
    assert minutes(found.latency) == [(0, 2, 200), (4, 5.5, 500)]
    assert minutes(found.jitter) == [(0, 2, 200)]


def test_a_round_sent_in_part_without_an_answer_is_unknown() -> None:
    found = read_probed(columns((0, [None], 1)), START, END)
    assert [state for _, _, state in found.reachability] == ["unknown"]
    assert found.loss == []


def test_a_round_sent_in_part_with_an_answer_is_up() -> None:
    found = read_probed(columns((0, [70], 1)), START, END)
    assert minutes(found.reachability)[0] == (0, 1.5, "up")
    assert minutes(found.loss) == [(0, 1.5, 0)]


def test_silence_is_unknown_while_no_reference_answers() -> None:
    silent = Round(TARGET, START, rtts_us=[None, None], witnessed=False)
    row = np.array([sample_of(silent, 1, M)[1:]], dtype=np.int64)
    found = read_probed(Columns.from_matrix(PROBE, np.ascontiguousarray(row.T)), START, END)
    assert [state for _, _, state in found.reachability] == ["unknown"]
    assert found.loss == []


def test_each_round_holds_by_its_own_interval() -> None:
    assert holds_of(columns((0, [70], 0))).tolist() == [HOLDS_MS]
    found = read_probed(columns((0, [70], 0), span_ms=5 * M), START, END)
    assert minutes(found.latency) == [(0, 7.5, 70)]


def test_without_a_round_nothing_is_known() -> None:
    found = read_probed(columns(), START, END)
    assert found.reachability == [(START, END, "unknown")]
    assert (found.loss, found.latency, found.jitter) == ([], [], [])


ROUNDS = st.lists(
    st.tuples(
        st.integers(-3, 12),
        st.lists(st.one_of(st.none(), st.integers(0, 3_000_000)), max_size=8),
        st.integers(0, 3),
    ),
    unique_by=lambda each: each[0],
    max_size=14,
).map(sorted)


@settings(max_examples=examples(200))
@given(ROUNDS)
def test_facts_agree_with_a_second_by_second_reading(
    rounds: list[tuple[int, list[int | None], int]],
) -> None:
    """An oracle that knows no intervals: at each instant, what did the last round say?"""
    found = read_probed(columns(*rounds), START, END)
    for step in range(0, 10 * 4):
        at = START + step * M // 4
        before = [each for each in rounds if START + each[0] * M <= at]
        state, loss, latency, jitter = "unknown", None, None, None
        if before and at < START + before[-1][0] * M + 90_000:
            _, times, unsent = before[-1]
            figures = figure_round(times)
            if figures.received:
                state, latency, jitter = "up", figures.mean_us, figures.jitter_us
            elif figures.sent and not unsent:
                state = "down"
            if state != "unknown":
                loss = figures.loss_ppm
        assert [s for a, b, s in found.reachability if a <= at < b] == [state]
        for rows, value in (
            (found.loss, loss), (found.latency, latency), (found.jitter, jitter),
        ):  # fmt: skip
            assert [v for a, b, v in rows if a <= at < b] == ([] if value is None else [value])


@pytest.mark.parametrize("received", range(6))
def test_loss_is_that_of_the_figures(received: int) -> None:
    times: list[int | None] = [1] * received + [None] * (5 - received)
    [(_, _, loss)] = read_probed(columns((0, times, 0)), START, END).loss
    assert loss == measure_loss(5, received)


def test_samples_say_what_was_not_reported() -> None:
    row = sample_of(Round(TARGET, START, rtts_us=[None], unsent=0), 7, M)
    named = dict(zip(("series_id", "ts", "span_ms", "flags", *PROBE.columns), row, strict=True))
    assert named["mean_us"] == named["jitter_us"] == named["pdv_us"] == NOT_REPORTED
    assert (named["sent"], named["received"], named["way"]) == (1, 0, BY_ICMP)
