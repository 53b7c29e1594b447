"""The hall of 300 machines, in a database of its own that all tests here share."""

import os
from collections.abc import Iterator

import pytest

from dcim.accounts.scope import Scope
from dcim.db import ScopedSession, SessionFactory, make_engine, make_sessions, transaction
from dcim.postgres import EmbeddedServer
from tests.integration.alarms.correlation.hall import Hall, build_hall
from tests.integration.conftest import TEMPLATE
from tests.servers import fresh_database

SCOPE = Scope.system("test")


@pytest.fixture(scope="session")
def built(server: EmbeddedServer) -> Iterator[tuple[SessionFactory, Hall]]:
    name = f"correlation_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
    with fresh_database(server, name, template=TEMPLATE) as own:
        engine = make_engine(own.app_url)
        sessions = make_sessions(engine)
        with transaction(sessions, SCOPE) as session:
            hall = build_hall(session)
        yield sessions, hall
        engine.dispose()


@pytest.fixture
def hall(built: tuple[SessionFactory, Hall]) -> Hall:
    return built[1]


@pytest.fixture
def session(built: tuple[SessionFactory, Hall]) -> Iterator[ScopedSession]:
    """What a test writes is rolled back."""
    with built[0]() as open_session:
        open_session.use_scope(SCOPE)
        yield open_session
        open_session.rollback()
