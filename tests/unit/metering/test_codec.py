import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcim.metering.batch import Batch, Columns, overlay
from dcim.metering.codec import (
    ZLIB_SHUFFLED,
    Block,
    DamagedBlockError,
    decode_day,
    decode_days,
    encode_day,
    hash_block,
)
from dcim.metering.families import CLIMATE, DAY_MS, FAMILY_BY_NAME, TRAFFIC, Family

DAY = 20_400
INT64 = st.integers(-(2**63), 2**63 - 1)


@st.composite
def days(draw: st.DrawFn) -> tuple[Family, Columns]:
    family = draw(st.sampled_from(list(FAMILY_BY_NAME.values())))
    offsets = draw(st.lists(st.integers(0, DAY_MS - 1), min_size=1, max_size=50, unique=True))
    count = len(offsets)
    rows = [np.array(sorted(offsets), dtype=np.int64) + DAY * DAY_MS]
    rows.extend(
        np.array(draw(st.lists(INT64, min_size=count, max_size=count)), dtype=np.int64)
        for _ in range(2 + len(family.columns))
    )
    return family, Columns.from_matrix(family, np.stack(rows))


@given(days())
def test_a_day_comes_back_as_it_went_in(case: tuple[Family, Columns]) -> None:
    family, columns = case
    body = encode_day(family, DAY, columns)
    back = decode_day(family, Block(7, DAY, ZLIB_SHUFFLED, len(columns), body))
    assert np.array_equal(back.matrix(), columns.matrix())


@given(st.lists(days(), min_size=1, max_size=6), st.data())
def test_days_together_are_the_days_one_after_the_other(
    cases: list[tuple[Family, Columns]], data: st.DataObject
) -> None:
    """Days of one family, some with as many samples as the day before, some days left out."""
    family = cases[0][0]
    samples = [columns.matrix() for other, columns in cases if other is family]
    again = data.draw(st.lists(st.integers(0, len(samples) - 1), min_size=1, max_size=8))
    gaps = data.draw(st.lists(st.integers(1, 3), min_size=len(again), max_size=len(again)))
    blocks, wanted = [], []
    for which, day in zip(again, DAY + np.cumsum(gaps), strict=True):
        moved = samples[which].copy()
        moved[0] += (int(day) - DAY) * DAY_MS
        columns = Columns.from_matrix(family, moved)
        body = encode_day(family, int(day), columns)
        blocks.append(Block(7, int(day), ZLIB_SHUFFLED, len(columns), body))
        wanted.append(moved)
    back = decode_days(family, blocks)
    assert np.array_equal(back.matrix(), np.concatenate(wanted, axis=1))


@given(days(), st.integers(0, 10_000), st.integers(1, 255))
def test_a_changed_byte_is_noticed(case: tuple[Family, Columns], at: int, mask: int) -> None:
    family, columns = case
    body = encode_day(family, DAY, columns)
    block = Block(7, DAY, ZLIB_SHUFFLED, len(columns), body)
    spoilt = bytearray(body)
    spoilt[at % len(body)] ^= mask
    assert hash_block(family, dataclasses.replace(block, body=bytes(spoilt))) != hash_block(
        family, block
    )


def test_a_block_moved_to_another_series_or_day_is_noticed() -> None:
    block = Block(7, DAY, ZLIB_SHUFFLED, 1, b"x")
    moved = [
        dataclasses.replace(block, series_id=8),
        dataclasses.replace(block, day=DAY + 1),
        dataclasses.replace(block, count=2),
    ]
    hashes = {hash_block(CLIMATE, block), hash_block(TRAFFIC, block)}
    hashes |= {hash_block(CLIMATE, other) for other in moved}
    assert len(hashes) == 5


@pytest.mark.parametrize(
    ("codec", "count", "body"),
    [
        (9, 1, b""),
        (ZLIB_SHUFFLED, 1, b"not zlib"),
        (ZLIB_SHUFFLED, 2, None),
        (ZLIB_SHUFFLED, 0, None),
    ],
)
def test_a_block_that_cannot_be_is_refused(codec: int, count: int, body: bytes | None) -> None:
    one = Columns.from_matrix(CLIMATE, np.array([[DAY * DAY_MS], [0], [0], [1], [2]]))
    body = encode_day(CLIMATE, DAY, one) if body is None else body
    with pytest.raises(DamagedBlockError):
        decode_day(CLIMATE, Block(1, DAY, codec, count, body))


@pytest.mark.parametrize("times", [[-1], [DAY_MS], [5, 5], [6, 5], []])
def test_a_day_takes_only_its_own_sorted_samples(times: list[int]) -> None:
    matrix = np.zeros((5, len(times)), dtype=np.int64)
    matrix[0] = np.array(times, dtype=np.int64) + DAY * DAY_MS
    with pytest.raises(ValueError, match="sample"):
        encode_day(CLIMATE, DAY, Columns.from_matrix(CLIMATE, matrix))


def test_a_batch_sorts_and_the_later_given_of_two_holds() -> None:
    t = DAY * DAY_MS
    batch = Batch.from_rows(
        "climate",
        [(2, t, 0, 0, 1, 1), (1, t + 5, 0, 0, 2, 2), (1, t, 0, 0, 3, 3), (1, t, 0, 0, 4, 4)],
    )
    assert batch.matrix[[0, 1, 4]].T.tolist() == [[1, t, 4], [1, t + 5, 2], [2, t, 1]]
    assert batch.newest()[[0, 1]].T.tolist() == [[1, t + 5], [2, t]]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ((1, 1_700_000_000, 0, 0, 1, 1), "milliseconds"),
        ((1, DAY * DAY_MS, -1, 0, 1, 1), "negative"),
        ((1, DAY * DAY_MS, 0, 0, 1), "6 numbers"),
    ],
)
def test_a_batch_refuses_what_no_meter_says(row: tuple[int, ...], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Batch.from_rows("climate", [row])


@given(
    st.dictionaries(st.integers(0, 30), INT64, max_size=20),
    st.dictionaries(st.integers(0, 30), INT64, max_size=20),
)
def test_an_overlay_is_a_dictionary_update(base: dict[int, int], over: dict[int, int]) -> None:
    def columns(points: dict[int, int]) -> Columns:
        keys = sorted(points)
        matrix = np.zeros((4, len(keys)), dtype=np.int64)
        matrix[0], matrix[3] = keys, [points[key] for key in keys]
        return Columns.from_matrix(FAMILY_BY_NAME["state"], matrix)

    merged = overlay(FAMILY_BY_NAME["state"], columns(base), columns(over))
    assert dict(zip(merged.ts.tolist(), merged.values["state"].tolist(), strict=True)) == {
        **base,
        **over,
    }
    assert (np.diff(merged.ts) > 0).all()
