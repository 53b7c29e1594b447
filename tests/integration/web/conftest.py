"""The web application on the worker's database, and people to sign in as."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from flask import Flask
from flask.testing import FlaskClient

from dcim.accounts.people import create_person
from dcim.accounts.scope import Scope
from dcim.app import create_app
from dcim.config import Settings
from dcim.db import ScopedSession, SessionFactory, transaction
from tests.integration.web.lending import lend_app


@dataclass(frozen=True)
class Login:
    email: str
    password: str
    user_id: int


@pytest.fixture
def app(settings: Settings, sessions: SessionFactory) -> Flask:
    return lend_app(create_app, settings, sessions)


@pytest.fixture
def make_login(sessions: SessionFactory) -> Callable[..., Login]:
    """Make a person; `must_change_password` is off unless asked for."""

    def make(
        role: str,
        *,
        customer_id: int | None = None,
        must_change_password: bool = False,
        language: str = "en",
    ) -> Login:
        scope = Scope.system("test")
        email = f"{role}-{customer_id or 0}@example.com"
        with transaction(sessions, scope) as session:
            made = create_person(
                session,
                scope,
                email=email,
                name=role,
                role=role,
                customer_id=customer_id,
                language=language,
                must_change_password=must_change_password,
            )
            return Login(email, made.one_time_password, made.user.id)

    return make


@pytest.fixture
def noc(app: Flask, make_login: Callable[..., Login]) -> FlaskClient:
    """Somebody of the network operations centre, signed in."""
    client = app.test_client()
    sign_in(client, make_login("noc"))
    return client


@pytest.fixture
def use_test_database(
    sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch
) -> Callable[[object], None]:
    """Let a module of commands work on the test's database, not on an instance's."""

    @contextmanager
    def session_of(ctx: object, command: str) -> Iterator[tuple[None, ScopedSession, Scope]]:
        scope = Scope.system(command)
        with transaction(sessions, scope) as session:
            yield None, session, scope

    return lambda commands: monkeypatch.setattr(commands, "session_of", session_of)


def sign_in(client: FlaskClient, login: Login, password: str | None = None) -> int:
    """Sign in as a browser does, with the form's CSRF token; the status of the answer."""
    page = client.get("/login").get_data(as_text=True)
    token = page.split('name="csrf_token"', 1)[1].split('value="', 1)[1].split('"', 1)[0]
    answer = client.post(
        "/login",
        data={"email": login.email, "password": password or login.password, "csrf_token": token},
    )
    return answer.status_code
