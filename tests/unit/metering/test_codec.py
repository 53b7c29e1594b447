import contextlib
import dataclasses
import zlib
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcim.metering.batch import Batch, Columns, overlay
from dcim.metering.codec import (
    SORTED_PLANES,
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
    back = decode_day(family, Block(7, DAY, SORTED_PLANES, len(columns), body))
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
        blocks.append(Block(7, int(day), SORTED_PLANES, len(columns), body))
        wanted.append(moved)
    back = decode_days(family, blocks)
    assert np.array_equal(back.matrix(), np.concatenate(wanted, axis=1))


def pack_as_before(columns: Columns) -> bytes:
    """Codec 1, written out: gaps and columns as int64, all first bytes, all second bytes, …"""
    matrix = columns.matrix().tolist()
    matrix[0] = [b - a for a, b in pairwise([DAY * DAY_MS, *matrix[0]])]
    numbers = [[number.to_bytes(8, "little", signed=True) for number in row] for row in matrix]
    return zlib.compress(bytes(one[byte] for row in numbers for byte in range(8) for one in row), 1)


@given(days())
def test_blocks_of_the_older_codec_are_read_as_ever(case: tuple[Family, Columns]) -> None:
    family, columns = case
    block = Block(7, DAY, ZLIB_SHUFFLED, len(columns), pack_as_before(columns))
    assert np.array_equal(decode_day(family, block).matrix(), columns.matrix())


@given(days(), st.integers(0, 5_000), st.binary(max_size=3), st.integers(-2, 2))
def test_a_spoilt_body_is_refused_or_read_but_never_breaks(
    case: tuple[Family, Columns], cut: int, more: bytes, extra: int
) -> None:
    """Behind the hash, so only for what a wrong writer could leave."""
    family, columns = case
    body = encode_day(family, DAY, columns)
    spoilt = body[: cut % (len(body) + 1)] + more
    block = Block(7, DAY, SORTED_PLANES, len(columns) + extra, spoilt)
    with contextlib.suppress(DamagedBlockError):
        assert len(decode_day(family, block)) == block.count


def test_even_steps_and_idle_columns_take_next_to_nothing_and_noise_its_own_size() -> None:
    """The kinds: what doesn't vary is one byte, noise is kept, the rest is packed."""
    random = np.random.default_rng(3)
    count = 288
    ts = DAY * DAY_MS + np.arange(count) * 300_000
    idle = np.zeros(count, dtype=np.int64)
    noise = random.integers(0, 2**32, count)
    steps = np.repeat(np.arange(4), 72)
    columns = Columns.from_matrix(
        TRAFFIC, np.stack([ts, idle + 300_000, idle + 4, noise, steps, idle, idle])
    )
    body = encode_day(TRAFFIC, DAY, columns)
    assert 4 * count < len(body) < 4 * count + 80
    block = Block(7, DAY, SORTED_PLANES, count, body)
    assert np.array_equal(decode_day(TRAFFIC, block).matrix(), columns.matrix())


@given(days(), st.integers(0, 10_000), st.integers(1, 255))
def test_a_changed_byte_is_noticed(case: tuple[Family, Columns], at: int, mask: int) -> None:
    family, columns = case
    body = encode_day(family, DAY, columns)
    block = Block(7, DAY, SORTED_PLANES, len(columns), body)
    spoilt = bytearray(body)
    spoilt[at % len(body)] ^= mask
    assert hash_block(family, dataclasses.replace(block, body=bytes(spoilt))) != hash_block(
        family, block
    )


def test_a_block_moved_to_another_series_or_day_is_noticed() -> None:
    block = Block(7, DAY, SORTED_PLANES, 1, b"x")
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
        (ZLIB_SHUFFLED, 1, zlib.compress(bytes(5 * 8 + 1))),
        (ZLIB_SHUFFLED, 0, zlib.compress(b"")),
        (SORTED_PLANES, 1, b""),
        (SORTED_PLANES, 0, None),
        (SORTED_PLANES, 1, bytes(8 + 15) + b"x"),
        (SORTED_PLANES, 2, bytes(8 + 5) + b"\1" + bytes(9) + b"x"),
        (SORTED_PLANES, 2, bytes(8 + 10) + b"\1" + bytes(4) + zlib.compress(b"abc")),
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
