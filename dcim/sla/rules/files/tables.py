"""CSV files beside a facts file: rows from-to in order of time, checked line by line."""

import csv
from collections.abc import Callable, Iterator
from typing import TypeVar

from dcim.sla.rules.files.reading import Reading
from dcim.sla.rules.periods import format_instant

T = TypeVar("T")
Convert = Callable[[tuple[str, ...], int], T]  # the cells after from and to, the row's length in ms
MOST_ROWS = 200_000


def read_table(
    text: str, reading: Reading, choose: Callable[[tuple[str, ...]], Convert[T]]
) -> Iterator[tuple[int, int, T | None]]:
    """(start, end, what) of each row; `choose` finds the meaning of the columns after from and to.

    A row with an empty cell was not measured: None. ValueError names the line.
    """
    rows = csv.reader(text.lstrip("\ufeff").splitlines(), strict=True)
    try:
        header = tuple(cell.strip() for cell in next(rows, []))
        if header[:2] != ("from", "to"):
            raise ValueError(f"line 1: the columns must begin with from,to, not {','.join(header)}")
        convert = choose(header[2:])
        last = None
        for row in rows:
            cells = tuple(cell.strip() for cell in row)
            if not any(cells):
                continue
            if rows.line_num > MOST_ROWS:
                raise ValueError(f"has more than {MOST_ROWS} lines")
            if len(cells) != len(header):
                raise ValueError(f"line {rows.line_num} has {len(cells)} cells, not {len(header)}")
            try:
                start, end = reading.moment(cells[0]), reading.moment(cells[1])
                _refuse_backwards(start, end, last)
                last = end
                yield start, end, convert(cells[2:], end - start) if all(cells[2:]) else None
            except ValueError as error:
                raise ValueError(f"line {rows.line_num}: {error}") from error
    except csv.Error as error:
        raise ValueError(f"line {rows.line_num}: {error}") from error
    if last is None:
        raise ValueError("holds no rows")


def _refuse_backwards(start: int, end: int, last: int | None) -> None:
    if end <= start:
        raise ValueError(
            f"ends at {format_instant(end)}, not after its start {format_instant(start)}"
        )
    if last is not None and start < last:
        raise ValueError(
            f"begins at {format_instant(start)}, before the line above ended "
            f"({format_instant(last)}): the clock ran backwards, or a line stands twice"
        )
