"""Signing in: the brake, the forced change, the tokens, the headers on every answer."""

from collections.abc import Callable

import pytest
from flask import Flask

from dcim.accounts.models import AuditEntry, User
from dcim.accounts.people import FAILURES_PER_ACCOUNT
from dcim.accounts.scope import Scope
from dcim.accounts.tokens import create_token, revoke_token
from dcim.app import create_app
from dcim.config import Settings
from dcim.db import ScopedSession, SessionFactory, transaction
from dcim.http.policy import UndeclaredRouteError
from dcim.policy import POLICY
from tests.integration.web.conftest import Login, sign_in

MakeLogin = Callable[..., Login]


def test_right_password_opens_a_session(
    app: Flask, make_login: MakeLogin, session: ScopedSession
) -> None:
    login = make_login("staff")
    client = app.test_client()
    assert sign_in(client, login) == 302
    actions = [entry.action for entry in session.query(AuditEntry)]
    assert "login.accept" in actions


def test_guessing_is_braked_even_with_the_right_password(app: Flask, make_login: MakeLogin) -> None:
    login = make_login("staff")
    client = app.test_client()
    for _ in range(FAILURES_PER_ACCOUNT):
        assert sign_in(client, login, "wrong-wrong-wrong") == 200
    assert sign_in(client, login) == 200
    # Still a stranger: home asks to sign in.
    assert client.get("/").location.startswith("/login")


def test_without_the_brake_guessing_goes_on(
    app: Flask, make_login: MakeLogin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: the brake is what held."""
    monkeypatch.setattr("dcim.web.identity.is_braked", lambda *args: False)
    login = make_login("staff")
    client = app.test_client()
    for _ in range(FAILURES_PER_ACCOUNT):
        sign_in(client, login, "wrong-wrong-wrong")
    assert sign_in(client, login) == 302


def test_unknown_and_known_accounts_answer_alike(app: Flask, make_login: MakeLogin) -> None:
    known = make_login("staff")
    unknown = Login("nobody@example.com", "x" * 20, 0)
    pages = []
    for login in (known, unknown):
        client = app.test_client()
        page = client.get("/login").get_data(as_text=True)
        token = page.split('name="csrf_token"', 1)[1].split('value="', 1)[1].split('"', 1)[0]
        answer = client.post(
            "/login",
            data={"email": login.email, "password": "w" * 20, "csrf_token": token},
        )
        text = answer.get_data(as_text=True).replace(login.email, "")
        pages.append((answer.status_code, text.count("alert"), text.count("invalid")))
    assert pages[0] == pages[1]


def test_one_time_password_must_be_changed_first(app: Flask, make_login: MakeLogin) -> None:
    client = app.test_client()
    sign_in(client, make_login("staff", must_change_password=True))
    answer = client.get("/")
    assert answer.status_code == 303
    assert answer.location.endswith("/change")


def test_form_without_csrf_token_is_refused(app: Flask, make_login: MakeLogin) -> None:
    login = make_login("staff")
    client = app.test_client()
    answer = client.post("/login", data={"email": login.email, "password": login.password})
    assert answer.status_code == 400


def test_token_opens_the_api_only_while_it_lives(
    app: Flask, make_login: MakeLogin, sessions: SessionFactory
) -> None:
    login = make_login("staff")
    scope = Scope.system("test")
    with transaction(sessions, scope) as session:
        user = session.get_one(User, login.user_id)
        new = create_token(session, scope, user, "test")
        token_id, plaintext = new.token.id, new.plaintext
    client = app.test_client()
    header = {"Authorization": f"Bearer {plaintext}"}
    assert client.get("/api/v1/sites", headers=header).status_code == 200
    # Only the API takes tokens: a page does not.
    assert client.get("/", headers=header).status_code == 303
    for bad in ("", "Bearer", "Bearer 12", f"Basic {plaintext}", f"Bearer {plaintext}x"):
        wrong = client.get("/api/v1/sites", headers={"Authorization": bad})
        assert wrong.status_code == 401
    with transaction(sessions, scope) as session:
        revoke_token(session, scope, token_id)
    assert client.get("/api/v1/sites", headers=header).status_code == 401


def test_every_answer_carries_the_headers(app: Flask) -> None:
    client = app.test_client()
    for path in ("/login", "/healthz", "/no-such-page", "/api/v1/no-such"):
        answer = client.get(path)
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Cookie" in answer.headers["Vary"]


def test_undeclared_route_stops_the_start(settings: Settings, sessions: SessionFactory) -> None:
    without_one = {name: access for name, access in POLICY.items() if name != "shell.home"}
    with pytest.raises(UndeclaredRouteError, match=r"shell\.home"):
        create_app(settings, sessions, policy=without_one)
    with pytest.raises(UndeclaredRouteError, match="ghost"):
        create_app(settings, sessions, policy=POLICY | {"ghost": POLICY["static"]})
