from collections.abc import Iterator

import pytest
from sqlalchemy import event

from dcim.db import ScopedSession, SessionFactory, transaction
from tests.integration.network.plant import STAFF, Plant, build_plant


@pytest.fixture
def plant(session: ScopedSession) -> Plant:
    """In the test's own session, rolled back after it."""
    return build_plant(session)


@pytest.fixture
def kept_plant(sessions: SessionFactory) -> Plant:
    """Committed, for tests with sessions of several threads."""
    with transaction(sessions, STAFF) as session:
        return build_plant(session)


@pytest.fixture
def statements(session: ScopedSession) -> Iterator[list[str]]:
    """What the session sends to the server from now on, without the audit chain's own."""
    sent: list[str] = []

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        sent.append(statement)

    connection = session.connection()
    event.listen(connection, "before_cursor_execute", note)
    yield sent
    event.remove(connection, "before_cursor_execute", note)
