"""Sheets in whatever shape people's programs write them."""

import contextlib
import datetime as dt
import io
import zipfile

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcim.records.fields import FieldValueError
from dcim.records.sheet_reading import read_sheet, unquote_formula

TEXT = "编码,名称\nA-01,甲区\nA-02,乙区\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_every_encoding_of_a_chinese_office(encoding: str) -> None:
    sheet = read_sheet(TEXT.encode(encoding), "x.csv")
    assert sheet.headers == ("编码", "名称")
    assert [(row.number, row.cells) for row in sheet.rows] == [
        (2, ("A-01", "甲区")),
        (3, ("A-02", "乙区")),
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_every_delimiter_and_short_rows(delimiter: str) -> None:
    lines = [("a", "b", ""), ("1",), ("", "", ""), ("2", "x, y" if delimiter != "," else "z", "3")]
    text = "\r\n".join(delimiter.join(line) for line in lines)
    sheet = read_sheet(text.encode(), "x.csv")
    assert sheet.headers == ("a", "b")
    assert [row.number for row in sheet.rows] == [2, 4]
    assert sheet.rows[0].cells == ("1", "")


def workbook(*rows: tuple[object, ...]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_a_workbook_says_what_was_typed() -> None:
    content = workbook(
        ("n", "share", "day", "flag", "none"),
        (12.0, 0.1, dt.datetime(2026, 11, 25), True, None),  # noqa: DTZ001
        (1e15, 2.5, dt.date(2026, 1, 2), False, " x "),
    )
    assert [row.cells for row in read_sheet(content, "x.xlsx").rows] == [
        ("12", "0.1", "2026-11-25", "yes", ""),
        ("1000000000000000", "2.5", "2026-01-02", "no", "x"),
    ]


def bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for number in range(4):
            packed.writestr(f"xl/{number}", b"\0" * (80 << 20))
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b"\xff\xff\xff", "encoding"),
        (b'a,b\n"open,1\n', "quote"),
        (b"PK\x03\x04rubbish", "workbook can't be read"),
        (b"\xd0\xcf\x11\xe0old", "old Excel"),
        (b"a\n" + b"x" * 10_001, "too long"),
        (b"a" + b",b" * 201, "columns"),
        (b"x" * (21 << 20), "larger than 20 MB"),
    ],
)
def test_what_can_not_be_read_is_said(content: bytes, said: str) -> None:
    with pytest.raises(FieldValueError, match=said):
        read_sheet(content, "x")


def test_a_zip_bomb_is_not_unpacked() -> None:
    with pytest.raises(FieldValueError, match="workbook can't be read"):
        read_sheet(bomb(), "x.xlsx")


@given(st.binary(max_size=300))
def test_no_file_breaks_it(content: bytes) -> None:
    with contextlib.suppress(FieldValueError):
        assert read_sheet(content, "x").headers


def test_our_own_guard_against_formulas_is_taken_off() -> None:
    assert unquote_formula("'=1+1") == "=1+1"
    assert unquote_formula("'quoted") == "'quoted"
    assert unquote_formula("'") == "'"
