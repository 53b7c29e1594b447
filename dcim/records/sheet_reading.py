"""Sheets as people send them: CSV in any encoding our users' programs write, or XLSX. Pure."""

import csv
import datetime as dt
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from dcim.records.fields import FieldValueError, mark

MOST_BYTES = 20 * 1024 * 1024
# Unpacked: an XLSX is a ZIP, and a small one can hold a very large one.
MOST_UNPACKED = 300 * 1024 * 1024
MOST_ROWS = 100_000
MOST_COLUMNS = 200
MOST_CELL = 10_000


@dataclass(frozen=True, slots=True)
class SheetRow:
    """`number` as the person's program counts: the header is 1."""

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """`headers` as written; rows are as long as the headers, empty ones left out."""

    headers: tuple[str, ...]
    rows: tuple[SheetRow, ...]


def read_sheet(content: bytes, file_name: str) -> Sheet:
    """Raises FieldValueError that says what can't be read and what to send instead."""
    if len(content) > MOST_BYTES:
        raise FieldValueError(
            mark("The file is larger than %(count)s MB. Split it."), count=MOST_BYTES >> 20
        )
    if content.startswith(b"PK\x03\x04"):
        lines = _read_workbook(content)
    elif content.startswith(b"\xd0\xcf\x11\xe0"):
        raise FieldValueError(mark("This is an old Excel file (.xls). Save it as .xlsx or CSV."))
    else:
        lines = _read_csv(_decode(content))
    return _take_rows(lines)


def _decode(content: bytes) -> str:
    """UTF-8 with or without a byte order mark, UTF-16 with one, else GB18030."""
    marked = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16",) if marked else ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise FieldValueError(
        mark("The text's encoding can't be told. Save it as CSV in UTF-8, or as .xlsx.")
    )


def _read_csv(text: str) -> Iterator[tuple[int, list[str]]]:
    head = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for number, cells in enumerate(reader, start=1):
            yield number, [cell.strip() for cell in cells]
    except csv.Error as error:
        raise FieldValueError(
            mark("Line %(line)s is no CSV: a quote is open or misplaced."), line=reader.line_num
        ) from error


def _read_workbook(content: bytes) -> Iterator[tuple[int, list[str]]]:
    import openpyxl

    refusal = FieldValueError(mark("This workbook can't be read. Save it again as .xlsx or CSV."))
    # Whatever a hostile file makes a library raise is a file that can't be read.
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            unpacked = sum(entry.file_size for entry in packed.infolist())
    except Exception as error:
        raise refusal from error
    if unpacked > MOST_UNPACKED:
        raise refusal
    try:
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        rows = book.worksheets[0].iter_rows(values_only=True)
        for number, cells in enumerate(rows, start=1):
            yield number, [_say_cell(cell) for cell in cells[:MOST_COLUMNS]]
    except FieldValueError:
        raise
    except Exception as error:
        raise refusal from error


def _say_cell(value: Any) -> str:
    """A cell as a person would have typed it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        # 15 digits are what a spreadsheet keeps.
        number = Decimal(repr(value))
        return f"{number:f}".rstrip("0").rstrip(".") if "." in f"{number:f}" else f"{number:f}"
    if isinstance(value, dt.datetime):
        midnight = (value.hour, value.minute, value.second) == (0, 0, 0)
        return value.date().isoformat() if midnight else value.isoformat(sep=" ")
    return str(value).strip()


def _take_rows(lines: Iterator[tuple[int, list[str]]]) -> Sheet:
    headers: tuple[str, ...] = ()
    rows: list[SheetRow] = []
    for number, cells in lines:
        if not any(cells):
            continue
        if not headers:
            while cells and not cells[-1]:
                cells.pop()
            if len(cells) > MOST_COLUMNS:
                raise FieldValueError(
                    mark("At most %(count)s columns can be read."), count=MOST_COLUMNS
                )
            headers = tuple(cells)
            continue
        if len(rows) == MOST_ROWS:
            raise FieldValueError(
                mark("At most %(count)s rows at once. Split the file."), count=MOST_ROWS
            )
        if any(len(cell) > MOST_CELL for cell in cells):
            raise FieldValueError(mark("Row %(row)s holds a cell that is too long."), row=number)
        padded = (*cells, *("",) * (len(headers) - len(cells)))
        rows.append(SheetRow(number, padded[: len(headers)]))
    if not headers:
        raise FieldValueError(mark("The file is empty. The first line names the columns."))
    return Sheet(headers, tuple(rows))


def unquote_formula(text: str) -> str:
    """What our own exports guard against being run as a formula, as it was meant."""
    return text[1:] if len(text) > 1 and text[0] == "'" and text[1] in "=+-@\t\r" else text
