"""Frames: every number survives, and a port's samples are those of its own column."""

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from dcim.metering import narrow
from dcim.metering.batch import Batch, Ints
from dcim.metering.families import DISCARDS, FAMILY_BY_NAME, STATE, TRAFFIC
from dcim.metering.frames import (
    NO_STATE,
    Frame,
    Layout,
    Place,
    StoredFrame,
    open_frames,
    open_gaps,
)

ANY = st.integers(-(2**63), 2**63 - 1)
TABLES = arrays(
    np.int64,
    array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12),
    elements=st.one_of(st.integers(0, 3), st.sampled_from([-1, 2**63 - 1, -(2**63)]), ANY),
)


@given(TABLES)
def test_every_number_survives(matrix: Ints) -> None:
    rows, count = matrix.shape
    assert np.array_equal(narrow.unpack(narrow.pack(matrix), {1: rows}, count), matrix)


@given(st.lists(st.integers(0, 2**40), min_size=1, max_size=5), st.integers(1, 9), st.data())
def test_several_bodies_open_as_each(tops: list[int], count: int, data: st.DataObject) -> None:
    """Those of one shape together; rows and columns may be picked."""
    matrices = [np.arange(3 * count, dtype=np.int64).reshape(3, count) * 1000 + top for top in tops]
    bodies = [narrow.pack(matrix) for matrix in matrices]
    assert len({narrow.shape_key(body, {1: 3}) for body in bodies}) == 1
    rows = data.draw(st.lists(st.integers(0, 2), min_size=1, max_size=3))
    columns = np.array(data.draw(st.lists(st.integers(0, count - 1), max_size=count)), dtype=int)
    opened = narrow.unpack_many(bodies, rows, columns, {1: 3}, count)
    for place, matrix in enumerate(matrices):
        assert np.array_equal(opened[:, place], matrix[rows][:, columns])


@given(st.binary(max_size=200))
def test_other_bytes_are_refused_or_opened_but_never_crash(body: bytes) -> None:
    if len(body) > 9:
        with contextlib.suppress(narrow.DamagedFrameError):
            assert narrow.unpack(body, {1: 9}, 4).shape == (9, 4)


def test_a_body_cut_short_is_refused() -> None:
    body = narrow.pack(np.array([[1, 2, 300], [5, 5, 5]]))
    with pytest.raises(narrow.DamagedFrameError, match="as long"):
        narrow.unpack(body[:-1], {1: 2}, 3)
    with pytest.raises(narrow.DamagedFrameError, match="version 9"):
        narrow.unpack(b"\x09" + body[1:], {1: 2}, 3)
    with pytest.raises(ValueError, match="nothing"):
        narrow.pack(np.empty((2, 0), dtype=np.int64))


def usual_table() -> Ints:
    table = np.zeros((len(Place), 48), dtype=np.int64)
    table[Place.SPAN_MS] = 60_000 + np.arange(48) % 2
    table[Place.IN_OCTETS] = np.arange(48) * 75_000_000
    table[Place.OUT_OCTETS] = np.arange(48) * 15_000_000
    table[Place.STATE] = 1 + np.arange(48) % 2
    return table


def test_a_usual_frame_is_small() -> None:
    """48 ports: octets and states; what is alike costs nothing. 10 GB hold it (issue C)."""
    table = usual_table()
    without = len(narrow.pack(table[: Place.IN_DISCARDS]))
    assert len(narrow.pack(table)) == without + 18 < 700
    table[Place.IN_DISCARDS] = -1  # nor where the device doesn't count them
    assert len(narrow.pack(table)) == without + 18
    table[Place.OUT_DISCARDS, ::5] = 70_000
    assert len(narrow.pack(table)) == without + 18 + 3 * 48


# -- samples by series


def layout(number: int, names: str, *, no_traffic: str = "") -> Layout:
    """Ports called by letters; series ids are 100 + letter for traffic, 200 + letter for state,
    300 + letter for discards."""
    return Layout(
        number,
        7,
        tuple(names),
        np.array([0 if name in no_traffic else 100 + ord(name) for name in names]),
        np.array([200 + ord(name) for name in names]),
        np.array([0 if name in no_traffic else 300 + ord(name) for name in names]),
    )


LAYOUTS = {each.id: each for each in (layout(1, "abc"), layout(2, "cab"), layout(3, "ad"))}
FRAMES = st.lists(
    st.tuples(st.sampled_from(sorted(LAYOUTS)), st.integers(1, 50), st.randoms()),
    min_size=1,
    max_size=8,
    unique_by=lambda each: each[1],
)
START = 1_700_000_000_000


@given(FRAMES)
def test_samples_are_those_of_their_own_port(drawn: list[tuple[int, int, object]]) -> None:
    """Whatever the layouts and their order: the same as written down port by port."""
    expected: dict[tuple[str, int], dict[int, list[int]]] = {}
    stored = []
    for layout_id, minute, random in sorted(drawn, key=lambda each: each[1]):
        used = LAYOUTS[layout_id]
        table = np.zeros((len(Place), len(used)), dtype=np.int64)
        for row in table:
            row[:] = [random.randint(0, 2**33) for _ in used.names]  # type: ignore[attr-defined]
        table[Place.LATE_MS] %= 3_000
        table[Place.GAP] %= 3
        table[Place.IN_DISCARDS :] = table[Place.IN_DISCARDS :] % 3 - 1
        table[Place.STATE] = table[Place.STATE] % 4 + NO_STATE
        ts_ms = START + minute * 60_000
        frame = Frame(used, ts_ms, table)
        stored.append(StoredFrame(layout_id, ts_ms, frame.pack()))
        for column, _ in enumerate(used.names):
            of = table[:, column].tolist()
            at = ts_ms + of[Place.LATE_MS]
            if of[Place.GAP] == 0:
                key = (TRAFFIC.name, int(used.traffic_ids[column]))
                expected.setdefault(key, {})[at] = [of[place] for place in range(1, 7)]
            if of[Place.GAP] == 0 and max(of[Place.IN_DISCARDS :]) >= 0:
                key = (DISCARDS.name, int(used.discard_ids[column]))
                expected.setdefault(key, {})[at] = [of[place] for place in (1, 2, 9, 10)]
            if of[Place.STATE] != NO_STATE:
                key = (STATE.name, int(used.state_ids[column]))
                expected.setdefault(key, {})[at] = [0, of[Place.FLAGS], of[Place.STATE]]
        by_rows = {
            (batch.family.name, int(row[0]), int(row[1])): row[2:].tolist()
            for batch in frame.batches()
            for row in batch.matrix.T
        }
        for (name, series_id, at), numbers in by_rows.items():
            assert expected[name, series_id][at] == numbers
    found: dict[tuple[str, int], dict[int, list[int]]] = {}
    for family in (TRAFFIC, STATE, DISCARDS):
        for series_id, columns in open_frames(family, stored, LAYOUTS).items():
            assert np.all(np.diff(columns.ts) > 0)
            found[family.name, series_id] = {
                int(row[0]): row[1:].tolist() for row in columns.matrix().T
            }
    assert found == expected
    if not found:
        return
    [one, *_] = found
    family = FAMILY_BY_NAME[one[0]]
    assert set(open_frames(family, stored, LAYOUTS, [one[1], 999])) == {one[1]}


def test_a_port_without_octets_has_no_traffic() -> None:
    used = layout(4, "ab", no_traffic="b")
    table = np.zeros((len(Place), 2), dtype=np.int64)
    frame = Frame(used, START, table)
    assert set(open_frames(TRAFFIC, [StoredFrame(4, START, frame.pack())], {4: used})) == {197}
    [traffic, state, discards] = frame.batches()
    assert isinstance(traffic, Batch)
    assert traffic.matrix[0].tolist() == [197]
    assert state.matrix[0].tolist() == [297, 298]
    assert discards.matrix[0].tolist() == [397]


def test_frames_of_before_discards_still_read() -> None:
    """Beside newer ones: traffic, states and gaps of both, and discards only where they were kept:
    not known is not zero."""
    used = layout(5, "ab")
    table = np.zeros((len(Place), 2), dtype=np.int64)
    table[Place.SPAN_MS] = 60_000
    table[Place.IN_OCTETS] = 5
    table[Place.GAP] = [0, 3]
    older = narrow.pack(table[: Place.GAP + 1])
    assert older[0] == 1
    stored = [
        StoredFrame(5, START, older),
        StoredFrame(5, START + 60_000, Frame(used, START + 60_000, table).pack()),
    ]
    opened = {family.name: open_frames(family, stored, {5: used}) for family in (TRAFFIC, DISCARDS)}
    assert opened["traffic"][197].ts.tolist() == [START, START + 60_000]
    assert opened["discards"].keys() == {397}
    assert opened["discards"][397].ts.tolist() == [START + 60_000]
    gaps = open_gaps(stored, {5: used})
    assert gaps.codes.tolist() == [[0, 3], [0, 3]]
    assert gaps.damaged == 0
    newer = StoredFrame(5, START + 120_000, b"\x03" + stored[1].body[1:])
    assert open_gaps([*stored, newer], {5: used}).damaged == 1
    with pytest.raises(narrow.DamagedFrameError, match="version 3"):
        open_frames(TRAFFIC, [newer], {5: used})
