"""The one percentile of charts, bills and verification: integers, the rank rule a parameter."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

RankRule = Literal["nearest", "discard_ceil", "round", "interpolate"]


@dataclass(frozen=True)
class Percentile:
    """`rank` counts from 1 at the smallest (0: all were discarded); `discarded` lie above it.

    For `interpolate` the rank is that of the lower neighbour and `value` is rounded down to an
    integer; `exact` is not rounded.
    """

    value: int
    exact: Fraction
    rank: int
    discarded: int
    count: int


@lru_cache(maxsize=1024)
def find_rank(count: int, percentile: Decimal, rule: RankRule) -> int:
    """Rank from below, 1..count, by integer arithmetic on percentile = p / q percent.

    nearest: ceil(p n); discard_ceil: n - ceil((1 - p) n); round: half up of p n;
    interpolate: floor(p (n - 1)) + 1, the lower of the two neighbours.
    """
    if count <= 0:
        raise ValueError("a percentile of nothing")
    if not 0 < percentile <= 100:
        raise ValueError(f"percentile {percentile} lies outside 0 to 100")
    share = Fraction(percentile) / 100
    p, q = share.numerator, share.denominator
    if rule == "nearest":
        rank = -(-p * count // q)
    elif rule == "discard_ceil":
        rank = count - -(-(q - p) * count // q)
    elif rule == "round":
        rank = (2 * p * count + q) // (2 * q)
    else:
        rank = p * (count - 1) // q + 1
    return min(max(rank, 1), count)


def find_percentile(
    values: npt.NDArray[np.int64] | Sequence[int],
    percentile: Decimal = Decimal(95),
    rule: RankRule = "nearest",
    rank_of: int | None = None,
) -> Percentile:
    """Of integers in any order; ValueError when there are none.

    `rank_of`: as many of the highest are discarded as of so many values, whatever their number
    here; where that is all of them, the result is 0 at rank 0. Not with `interpolate`.
    """
    array = np.asarray(values, dtype=np.int64)
    count = int(array.size)
    rank = find_rank(count, percentile, rule)
    if rank_of is not None:
        if rule == "interpolate":
            raise ValueError("interpolated ranks are those of the values there are")
        rank = count - (rank_of - find_rank(rank_of, percentile, rule))
        if rank < 1:
            return Percentile(0, Fraction(0), 0, count, count)
    if rule != "interpolate":
        value = int(np.partition(array, rank - 1)[rank - 1])
        return Percentile(value, Fraction(value), rank, count - rank, count)
    upper = min(rank + 1, count)
    chosen = np.partition(array, sorted({rank - 1, upper - 1}))
    low, high = int(chosen[rank - 1]), int(chosen[upper - 1])
    part = Fraction(percentile) / 100 * (count - 1) - (rank - 1)
    exact = low + (high - low) * part
    return Percentile(exact.__floor__(), exact, rank, count - rank, count)
