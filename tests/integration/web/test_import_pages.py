"""Imports on pages: what is wrong is told in the reader's words."""

import io
from collections.abc import Callable

import pytest
from flask import Flask

from dcim.db import SessionFactory, transaction
from dcim.records.writing import create_record
from tests.integration.records.kinds import SITE
from tests.integration.web.conftest import Login
from tests.integration.web.record_pages import STAFF, Browser, said

MakeLogin = Callable[..., Login]


def send(browser: Browser, plural: str, text: str, **form: str) -> str:
    """The page of the import's outcome, its words only."""
    answer = browser.post(
        f"/staff/{plural}/import", {"file": (io.BytesIO(text.encode()), "x.csv"), **form}
    )
    assert answer.status_code == 303, said(answer)
    return said(browser.get(answer.location))


@pytest.mark.parametrize(
    ("language", "words", "asked"),
    [
        (
            "en",
            "Not one of the choices: Whole cabinet (full), ",
            "Did you mean Whole cabinet (full)?",
        ),
        ("zh", "不在可选值之中：整柜 (full)、", "您是不是指 整柜 (full)？"),
    ],
)
def test_choices_are_told_in_the_readers_words(
    app: Flask, make_login: MakeLogin, language: str, words: str, asked: str
) -> None:
    staff = Browser(app, make_login("administrator", language=language))
    page = send(staff, "cabinets", "row_id,code,position,layout\nSH1/R1/A,A-01,1,fulll\n")
    assert words in page
    assert asked in page


def test_columns_are_told_in_the_readers_words(app: Flask, make_login: MakeLogin) -> None:
    staff = Browser(app, make_login("administrator", language="zh"))
    page = send(staff, "sites", "编号,英文名字\n")
    assert "没有这个列名。您是不是指 英文名称 (name_en)？" in page
    assert "(code)" in page
    assert "(name)" in page
    assert "Code" not in page


def test_a_form_tells_the_choices_in_words(
    app: Flask, make_login: MakeLogin, sessions: SessionFactory
) -> None:
    staff = Browser(app, make_login("administrator", language="zh"))
    with transaction(sessions, STAFF) as session:
        create_record(session, STAFF, SITE, {"code": "SH1", "name": "x"})
    answer = staff.post("/staff/device-types/new", {"model": "M", "airflow": "front_to_raer"})
    assert answer.status_code == 422
    assert "您是不是指" in said(answer)
