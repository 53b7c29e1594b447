"""The demo's plan, without readings, in a database of its own that all tests here share."""

import base64
import ipaddress
import os
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from dcim.accounts.models import User
from dcim.accounts.people import create_person
from dcim.accounts.scope import Scope
from dcim.accounts.tokens import create_token
from dcim.app import create_app
from dcim.config import EncryptionKeys, Settings
from dcim.db import ScopedSession, SessionFactory, make_engine, make_sessions, transaction
from dcim.demo.instance import DemoInstance
from dcim.demo.load import load_demo
from dcim.postgres import EmbeddedServer
from tests.integration.conftest import TEMPLATE
from tests.integration.web.conftest import Login, sign_in
from tests.servers import fresh_database

SCOPE = Scope.system("test")
ANCHOR_MS = 1_795_415_400_000  # 2026-11-23


@pytest.fixture(scope="session")
def demo_settings(
    server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    data = tmp_path_factory.mktemp("demo") / "instance"
    for folder in ("keys", "statements", "spool", "log"):
        (data / folder).mkdir(parents=True, mode=0o700)
    # Several files share it, and two workers may have some each.
    name = f"power_demo_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
    with fresh_database(server, name, template=TEMPLATE) as own:
        yield Settings(
            data=data,
            secret_key="q7Vt1mZxJ4kBw8Rc0LsYpHd3NfUe9GaT",
            encryption=EncryptionKeys(
                "k1", {"k1": base64.b64decode("3q2+7wABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhs=")}
            ),
            database_url=own.app_url,
            owner_database_url=own.owner_url,
            snmp_allowed=(ipaddress.ip_network("127.0.0.0/8"),),
        )


@pytest.fixture(scope="session")
def demo(demo_settings: Settings) -> Iterator[SessionFactory]:
    engine = make_engine(demo_settings.database_url or "")
    sessions = make_sessions(engine)
    plan = DemoInstance(
        seed=7,
        anchor_ms=ANCHOR_MS,
        base_port=21_000,
        community="a-community-of-this-test",
        v3_user="tester",
        v3_auth_password="auth-of-this-test",
        v3_priv_password="priv-of-this-test",
    )
    with transaction(sessions, SCOPE) as session:
        load_demo(session, demo_settings, plan)
    yield sessions
    engine.dispose()


@pytest.fixture
def session(demo: SessionFactory) -> Iterator[ScopedSession]:
    """What a test writes is rolled back."""
    with demo() as open_session:
        open_session.use_scope(SCOPE)
        yield open_session
        open_session.rollback()


@pytest.fixture(scope="session")
def app(demo_settings: Settings, demo: SessionFactory) -> Flask:
    application = create_app(demo_settings, demo)
    application.testing = True
    return application


@pytest.fixture(scope="session")
def people(demo: SessionFactory) -> Callable[[str], tuple[Login, str]]:
    """A person of a role and a token of theirs; made once for each role."""
    made: dict[str, tuple[Login, str]] = {}

    def person(role: str) -> tuple[Login, str]:
        if role not in made:
            email = f"{role}@example.com"
            with transaction(demo, SCOPE) as session:
                new = create_person(
                    session, SCOPE, email=email, name=role, role=role, language="en",
                    must_change_password=False,
                )  # fmt: skip
                token = create_token(session, SCOPE, session.get_one(User, new.user.id), "test")
                made[role] = (Login(email, new.one_time_password, new.user.id), token.plaintext)
        return made[role]

    return person


@pytest.fixture
def api_of(app: Flask, people: Callable[[str], tuple[Login, str]]) -> Callable[[str], FlaskClient]:
    """A client that sends a token."""

    def client(role: str) -> FlaskClient:
        one = app.test_client()
        one.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {people(role)[1]}"
        return one

    return client


@pytest.fixture
def client_of(
    app: Flask, people: Callable[[str], tuple[Login, str]]
) -> Callable[[str], FlaskClient]:
    """A client that has signed in."""

    def client(role: str) -> FlaskClient:
        one = app.test_client()
        assert sign_in(one, people(role)[0]) == 302
        return one

    return client
