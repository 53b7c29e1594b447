"""CSV files beside a facts file: rows from-to in order of time, checked line by line."""

import csv
from collections.abc import Callable, Iterator
from typing import TypeVar

from dcim.errors import Message, message_of
from dcim.sla.rules.files.reading import Reading

T = TypeVar("T")
Convert = Callable[[tuple[str, ...], int], T]  # the cells after from and to, the row's length in ms
MOST_ROWS = 200_000
# What the csv module says most often.
CSV_WORDS = {
    "unexpected end of data": "引号没有合上",
    "',' expected after '\"'": "合上的引号后应为逗号",
    "field larger than field limit (131072)": "单元格过长：引号可能没有合上",
}


def read_table(
    text: str, reading: Reading, choose: Callable[[tuple[str, ...]], Convert[T]]
) -> Iterator[tuple[int, int, T | None]]:
    """(start, end, what) of each row; `choose` finds the meaning of the columns after from and to.

    A row with an empty cell was not measured: None. ValueError names the line.
    """
    text = text.lstrip("\ufeff")
    if not text.strip():
        raise ValueError(
            Message(
                "is empty: its first line names the columns, beginning with from,to, and each "
                "further line is a row"
            )
        )
    rows = csv.reader(text.splitlines(), strict=True)
    try:
        header = tuple(cell.strip() for cell in next(rows, []))
        if header[:2] != ("from", "to"):
            raise ValueError(
                Message(
                    "line 1: the columns must begin with from,to, not %(columns)s",
                    columns=",".join(header) or Message("an empty line"),
                )
            )
        convert = choose(header[2:])
        last = None
        for row in rows:
            cells = tuple(cell.strip() for cell in row)
            if not any(cells):
                continue
            if rows.line_num > MOST_ROWS:
                raise ValueError(Message("has more than %(count)s lines", count=MOST_ROWS))
            if len(cells) != len(header):
                raise ValueError(
                    Message(
                        "line %(line)s has %(cells)s cells, not %(wanted)s",
                        line=rows.line_num,
                        cells=len(cells),
                        wanted=len(header),
                    )
                )
            try:
                start, end = reading.moment(cells[0]), reading.moment(cells[1])
                _refuse_backwards(reading, start, end, last)
                last = end
                yield start, end, convert(cells[2:], end - start) if all(cells[2:]) else None
            except ValueError as error:
                raise ValueError(_on_line(rows.line_num, message_of(error))) from error
    except csv.Error as error:
        said = {"zh": CSV_WORDS.get(str(error), str(error)), "en": str(error)}
        raise ValueError(_on_line(rows.line_num, said)) from error
    if last is None:
        raise ValueError(Message("holds no rows"))


def _on_line(number: int, why: str | dict[str, str]) -> Message:
    return Message("line %(line)s: %(why)s", line=number, why=why)


def _refuse_backwards(reading: Reading, start: int, end: int, last: int | None) -> None:
    if end <= start:
        raise ValueError(
            Message(
                "ends at %(end)s, not after its start %(start)s",
                end=reading.say(end),
                start=reading.say(start),
            )
        )
    if last is not None and start < last:
        raise ValueError(
            Message(
                "begins at %(start)s, before the line above ended (%(end)s): the clock ran "
                "backwards, or a line stands twice",
                start=reading.say(start),
                end=reading.say(last),
            )
        )
