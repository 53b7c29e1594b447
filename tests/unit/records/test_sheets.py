"""Sheets as written: no cell runs as a formula, and what is written can be read in again."""

import io
from decimal import Decimal
from typing import IO

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcim.records.sheet_reading import read_sheet
from dcim.records.sheets import guard, sheet_title, write_csv, write_template, write_xlsx
from tests.integration.records.kinds import DEVICE_TYPE

TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30)


def drain(file: IO[bytes]) -> bytes:
    with file:
        return file.read()


@given(TEXTS)
def test_no_text_begins_like_a_formula(text: str) -> None:
    safe = guard(text)
    assert safe in {text, f"'{text}"}
    assert not safe.startswith(("=", "@", "\t", "\r"))
    if safe.startswith(("+", "-")):
        float(safe.replace(",", ""))


@pytest.mark.parametrize(
    ("text", "safe"),
    [("-5", "-5"), ("+1.5", "+1.5"), ("-5+cmd|' /C calc'!A0", "'-5+cmd|' /C calc'!A0"),
     ("=1", "'=1"), ("\tx", "'\tx"), ("-", "'-"), ("1-2", "1-2"), ("", "")],
)  # fmt: skip
def test_plain_numbers_are_left_alone(text: str, safe: str) -> None:
    assert guard(text) == safe


@given(st.lists(st.lists(TEXTS.map(str.strip), min_size=2, max_size=2), min_size=1, max_size=5))
def test_what_is_written_as_csv_is_read_back(rows: list[list[str]]) -> None:
    rows = [row for row in rows if any(row)]
    content = drain(write_csv([["a", "b"], *rows]))
    sheet = read_sheet(content, "x.csv")
    assert [list(row.cells) for row in sheet.rows] == [
        [guard(cell) for cell in row] for row in rows
    ]


def test_numbers_of_a_workbook_are_numbers() -> None:
    content = drain(write_xlsx("a/b:c", [["n", "t"], [Decimal("1.5"), "=1+1"], [3, "x\x00y"]]))
    sheet = openpyxl.load_workbook(io.BytesIO(content)).active
    assert [list(row) for row in sheet.iter_rows(values_only=True)] == [
        ["n", "t"], [1.5, "'=1+1"], [3, "xy"]
    ]  # fmt: skip
    assert sheet_title("[]:*?/\\") == "Sheet"


def test_the_template_has_heads_an_example_and_the_choices() -> None:
    labels = {one.name: one.label for one in DEVICE_TYPE.fields}
    book = openpyxl.load_workbook(io.BytesIO(drain(write_template(DEVICE_TYPE, labels, {}))))
    sheet, choices = book.worksheets
    heads, example = sheet.iter_rows(values_only=True)
    assert heads[:4] == ("Manufacturer*", "Model*", "Height*", "Full depth")
    assert example[2:4] == ("2", "yes")
    assert [cell.value for cell in choices["D"]] == ["Full depth", "yes", "no"]
    assert sheet.data_validations.dataValidation
