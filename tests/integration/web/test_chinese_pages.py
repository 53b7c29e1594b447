"""A reader of Chinese gets wholly Chinese pages, also where a library speaks."""

import re
from collections.abc import Callable
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient

from dcim.app import create_app
from dcim.config import Settings
from dcim.db import SessionFactory
from tests.integration.web.conftest import Login, sign_in

CHINESE = {"Accept-Language": "zh-CN"}
# Two Latin words in a row are a sentence left over; single ones (PDF, API, Jifang) are names.
SENTENCE = re.compile(r"[A-Za-z][a-z']+ [A-Za-z]?[a-z']+")


def read_text(page: str) -> str:
    """What a person reads of a page: no markup, no scripts, but labels and placeholders."""
    main = re.sub(r"(?s)<(script|style)\b.*?</\1>", " ", page)
    spoken = re.findall(r'(?:placeholder|title|alt|aria-label)="([^"]*)"', main)
    # The switch to English says so in English.
    main = re.sub(r'(?s)<[^>]*lang="en"[^>]*>[^<]*<', "<", main)
    return unescape(re.sub(r"<[^>]+>", "\n", main) + "\n".join(spoken))


def post_form(client: FlaskClient, path: str, **data: str) -> str:
    page = client.get(path, headers=CHINESE).get_data(as_text=True)
    token = page.split('name="csrf_token"', 1)[1].split('value="', 1)[1].split('"', 1)[0]
    answer = client.post(path, data={**data, "csrf_token": token}, headers=CHINESE)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def test_failed_login_is_said_in_chinese(app: Flask) -> None:
    page = post_form(app.test_client(), "/login", email="a@example.com", password="w" * 20)
    assert "登录失败：账户或密码不正确。" in page
    assert not SENTENCE.findall(read_text(page))


def test_without_our_sentences_the_library_speaks_english(
    settings: Settings, sessions: SessionFactory
) -> None:
    """The control: Flask-Security's own catalogue has no Chinese for it, and the test sees that."""
    app = create_app(settings, sessions)
    app.extensions["security"].i18n_domain._translation_directories.pop()
    page = post_form(app.test_client(), "/login", email="a@example.com", password="w" * 20)
    assert SENTENCE.findall(read_text(page))


@pytest.mark.parametrize(
    ("old", "new", "again"),
    [
        ("wrong-wrong-wrong", "a-long-new-password", "a-long-new-password"),
        (None, "short", "short"),
        (None, "a-long-new-password", "another-new-password"),
        ("", "", ""),
    ],
)
def test_refused_new_password_is_said_in_chinese(
    app: Flask,
    make_login: Callable[..., Login],
    old: str | None,
    new: str,
    again: str,
) -> None:
    login = make_login("staff", language="zh")
    client = app.test_client()
    assert sign_in(client, login) == 302
    page = post_form(
        client,
        "/change",
        password=login.password if old is None else old,
        new_password=new,
        new_password_confirm=again,
    )
    assert 'aria-invalid="true"' in page
    assert not SENTENCE.findall(read_text(page))


# Flask-Security 5.9 still builds its choices as tuples, which WTForms 3.3 warns of.
@pytest.mark.filterwarnings("ignore:Passing SelectField choices as tuples")
def test_second_factor_is_set_up_in_chinese(app: Flask, make_login: Callable[..., Login]) -> None:
    client = app.test_client()
    assert sign_in(client, make_login("staff", language="zh")) == 302
    for path in ("/tf-setup", "/confirm"):
        answer = client.get(path, headers=CHINESE, follow_redirects=True)
        assert answer.status_code == 200
        assert not SENTENCE.findall(read_text(answer.get_data(as_text=True)))
    page = post_form(client, "/tf-setup", setup="authenticator")
    assert not SENTENCE.findall(read_text(page))


def test_api_says_in_chinese_what_is_wrong_with_a_field(
    app: Flask, make_login: Callable[..., Login]
) -> None:
    client = app.test_client()
    assert sign_in(client, make_login("staff", language="zh")) == 302
    answer = client.get("/api/v1/devices?page=0&nonsense=1", headers=CHINESE)
    assert answer.status_code == 422
    errors = answer.get_json()["errors"]
    assert errors
    assert not SENTENCE.findall(str(errors))
