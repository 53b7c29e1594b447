"""Writing sheets: rows become CSV or XLSX. Pure: no database, no web."""

import csv
import io
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import IO, Any

from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from dcim.records.fields import ChoiceType, Field, FlagType, IntegerType
from dcim.records.kinds import Kind

Cell = str | int | Decimal | None
# Excel takes a byte order mark as the sign that a CSV file is UTF-8.
BOM = "﻿"
PLAIN_NUMBER = re.compile(r"[-+−]?\d+(?:[.,]\d+)*(?:[eE][-+]?\d+)?\Z")
# A spreadsheet takes what begins so for a formula.
DANGEROUS = ("=", "+", "-", "@", "\t", "\r")
MOST_XLSX_ROWS = 1_048_575
LONGEST_XLSX_CELL = 32_767
# Kept in memory up to this; a larger file goes to disk.
SPOOL_BYTES = 8 * 1024 * 1024
# For how many rows of a template the choices are offered.
TEMPLATE_ROWS = 5000


def guard(text: str) -> str:
    """The text, made harmless where a spreadsheet would run it as a formula."""
    if text.startswith(DANGEROUS) and not PLAIN_NUMBER.match(text):
        return f"'{text}"
    return text


def write_csv(rows: Iterable[Sequence[Cell]], *, bom: bool = True) -> IO[bytes]:
    """UTF-8 with a byte order mark, lines end with CR LF (RFC 4180). Rewound, ready to be read."""
    spool = tempfile.SpooledTemporaryFile(SPOOL_BYTES)  # noqa: SIM115 - the caller closes it
    text = io.TextIOWrapper(spool, encoding="utf-8", newline="", write_through=True)
    if bom:
        text.write(BOM)
    writer = csv.writer(text)
    for row in rows:
        writer.writerow(["" if cell is None else guard(str(cell)) for cell in row])
    text.detach()
    spool.seek(0)
    return spool


def write_xlsx(title: str, rows: Iterable[Sequence[Cell]]) -> IO[bytes]:
    """One sheet, its first row frozen and bold. Numbers stay numbers. Rewound."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(sheet_title(title))
    sheet.freeze_panes = "A2"
    for row in rows:
        sheet.append([_xlsx_cell(cell) for cell in row])
    return _save(book)


def _xlsx_cell(cell: Cell) -> Any:
    if not isinstance(cell, str):
        return cell
    return guard(ILLEGAL_CHARACTERS_RE.sub("", cell))[:LONGEST_XLSX_CELL]


def _save(book: Workbook) -> IO[bytes]:
    spool = tempfile.SpooledTemporaryFile(SPOOL_BYTES)  # noqa: SIM115 - the caller closes it
    book.save(spool)
    spool.seek(0)
    return spool


def sheet_title(text: str) -> str:
    """A name that Excel takes for a sheet: 31 characters, none of []:*?/\\."""
    return re.sub(r"[\[\]:*?/\\]", " ", text).strip("' ")[:31] or "Sheet"


def column_names(kind: Kind) -> list[str]:
    """The columns of a sheet that is read in: the fields that can be written, keys first."""
    writable = [one.name for one in kind.fields if one.writable]
    keys = [name for name in kind.key if name in writable]
    return [*keys, *(name for name in writable if name not in keys)]


def example_of(kind: Kind, one: Field) -> str:
    """Something this field would take."""
    if isinstance(one.type, ChoiceType) and one.type.words:
        return one.type.write(one.default or next(iter(one.type.words)))
    if isinstance(one.type, FlagType):
        return "yes" if one.default else "no"
    if one.default not in (None, ""):
        return one.type.write(one.default)
    if isinstance(one.type, IntegerType):
        return str(max(one.type.low, 1))
    examples = {
        "decimal": "100.00",
        "day": "2026-11-25",
        "instant": "2026-11-25T08:00:00Z",
        "half_units": "2",
        "rate": "10G",
        "network": "192.0.2.0/24",
        "reference": "SH1/R1" if one.required else "",
    }
    return examples.get(one.type.name, "A1" if one.name in kind.key else "")


def write_template(kind: Kind, labels: Mapping[str, str], words: Mapping[str, str]) -> IO[bytes]:
    """A workbook to fill in: the fields' labels (a star where one is needed), one example line;
    the choices are offered in the cells and listed on a second sheet.

    `labels` by field name and `words` by msgid are in the reader's language.
    """
    names = column_names(kind)
    book = Workbook()
    sheet: Any = book.active
    sheet.title = sheet_title(kind.plural)
    heads = [labels.get(name, name) for name in names]
    heads = [
        head if heads.count(head) == 1 else name for head, name in zip(heads, names, strict=True)
    ]
    needed = [kind.field(name).required for name in names]
    sheet.append(
        [guard(f"{head}*" if star else head) for head, star in zip(heads, needed, strict=True)]
    )
    sheet.append([guard(example_of(kind, kind.field(name))) for name in names])
    sheet.freeze_panes = "A2"
    choices = book.create_sheet("choices")
    for place, name in enumerate(names, start=1):
        one = kind.field(name)
        head = sheet.cell(row=1, column=place)
        head.font = Font(bold=one.required)
        letter = get_column_letter(place)
        sheet.column_dimensions[letter].width = max(14, 2 * len(heads[place - 1]))
        choices.cell(row=1, column=place, value=guard(heads[place - 1])).font = Font(bold=True)
        offered = list(one.type.words) if isinstance(one.type, ChoiceType) else []
        offered = ["yes", "no"] if isinstance(one.type, FlagType) else offered
        for line, value in enumerate(offered, start=2):
            word = one.type.words[value] if isinstance(one.type, ChoiceType) else value
            said = words.get(word, word)
            text = value if said == value else f"{value} · {said}"
            choices.cell(row=line, column=place, value=guard(text))
        if offered and sum(len(value) + 1 for value in offered) < 250:
            rule = DataValidation(type="list", formula1=f'"{",".join(offered)}"', allow_blank=True)
            sheet.add_data_validation(rule)
            rule.add(f"{letter}2:{letter}{TEMPLATE_ROWS}")
    return _save(book)
