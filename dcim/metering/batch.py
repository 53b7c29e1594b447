"""Samples in columns: what is appended, read and packed into blocks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dcim.metering.families import Family, find_family

Ints = NDArray[np.int64]
# (series_id, ts, span_ms, flags, *values in the family's order)
Row = Sequence[int]


@dataclass(frozen=True, slots=True)
class Columns:
    """One series' samples, sorted by `ts` (UTC epoch ms), one per instant."""

    ts: Ints
    span_ms: Ints
    flags: Ints
    values: Mapping[str, Ints]

    def __len__(self) -> int:
        return len(self.ts)

    def matrix(self) -> Ints:
        """Shape (3 + columns, n): ts, span_ms, flags, then the values in order."""
        return np.stack([self.ts, self.span_ms, self.flags, *self.values.values()])

    @classmethod
    def from_matrix(cls, family: Family, matrix: Ints) -> "Columns":
        values = {name: matrix[3 + place] for place, name in enumerate(family.columns)}
        return cls(matrix[0], matrix[1], matrix[2], values)


def overlay(family: Family, base: Columns, over: Columns) -> Columns:
    """Both together, sorted; where both have an instant, `over` holds."""
    if not len(over):
        return base
    if not len(base):
        return over
    return Columns.from_matrix(
        family, keep_last(np.concatenate([base.matrix(), over.matrix()], axis=1), (0,))
    )


def clip(family: Family, columns: Columns, t0_ms: int, t1_ms: int) -> Columns:
    """The samples within [t0_ms, t1_ms)."""
    low, high = np.searchsorted(columns.ts, [t0_ms, t1_ms])
    return Columns(
        columns.ts[low:high],
        columns.span_ms[low:high],
        columns.flags[low:high],
        {name: columns.values[name][low:high] for name in family.columns},
    )


def keep_last(matrix: Ints, keys: tuple[int, ...]) -> Ints:
    """Sort the columns of `matrix` by its rows `keys`; of equal keys the last one stays."""
    order = np.lexsort(tuple(matrix[key] for key in reversed(keys)))  # stable
    ordered = matrix[:, order]
    if ordered.shape[1] > 1:
        differs = np.zeros(ordered.shape[1] - 1, dtype=bool)
        for key in keys:
            differs |= ordered[key, 1:] != ordered[key, :-1]
        ordered = ordered[:, np.append(differs, True)]
    return ordered


@dataclass(frozen=True, slots=True)
class Batch:
    """Samples of many series of one family: shape (4 + columns, n), int64.

    Rows: series_id, ts, span_ms, flags, then the family's columns. Sorted by (series_id, ts); of
    two samples with the same key the later given one holds.
    """

    family: Family
    matrix: Ints

    @classmethod
    def from_rows(cls, family: str | Family, rows: Iterable[Row]) -> "Batch":
        family = find_family(family) if isinstance(family, str) else family
        listed = list(rows)
        width = 4 + len(family.columns)
        if any(len(row) != width for row in listed):
            raise ValueError(f"a {family.name} sample has {width} numbers: {family.columns}")
        matrix = np.array(listed, dtype=np.int64).reshape(len(listed), width).T
        return cls(family, _check(keep_last(matrix, (0, 1))))

    @classmethod
    def from_arrays(
        cls,
        family: str | Family,
        series_id: ArrayLike,
        ts: ArrayLike,
        values: Mapping[str, ArrayLike],
        *,
        span_ms: ArrayLike = 0,
        flags: ArrayLike = 0,
    ) -> "Batch":
        """Arrays or single numbers, broadcast together; `values` needs every column."""
        family = find_family(family) if isinstance(family, str) else family
        if set(values) != set(family.columns):
            raise ValueError(f"a {family.name} sample has the columns {family.columns}")
        parts = np.broadcast_arrays(
            *(
                np.asarray(part, dtype=np.int64)
                for part in (series_id, ts, span_ms, flags, *(values[n] for n in family.columns))
            )
        )
        matrix = np.stack([np.atleast_1d(part) for part in parts])
        return cls(family, _check(keep_last(matrix, (0, 1))))

    def __len__(self) -> int:
        return int(self.matrix.shape[1])

    def take(self, chosen: NDArray[np.bool_]) -> "Batch":
        return Batch(self.family, self.matrix[:, chosen])

    def newest(self) -> Ints:
        """The last sample of each series, same shape."""
        series = self.matrix[0]
        return self.matrix[:, np.append(series[1:] != series[:-1], True)]


def _check(matrix: Ints) -> Ints:
    """Refuse what no meter says: a time before 1971 is mostly seconds taken for milliseconds."""
    if matrix.shape[1]:
        if int(matrix[1].min()) < 31_536_000_000:
            raise ValueError("sample times are UTC epoch milliseconds, not seconds")
        if int(matrix[2].min()) < 0:
            raise ValueError("a sample can't span negative time")
    return matrix
