"""The audit chain: whole when untouched, broken at the right entry when not."""

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DatabaseError

from dcim.accounts.audit import record, verify_chain
from dcim.accounts.scope import Scope
from dcim.db import ScopedSession, SessionFactory, transaction
from tests.servers import Database

STAFF = Scope.staff("auditor@example.com")


@pytest.fixture
def chain(sessions: SessionFactory) -> SessionFactory:
    for number in range(6):
        with transaction(sessions, STAFF) as session:
            record(session, STAFF, "device.install", f"device/{number}", rack="A-01", u=number)
    return sessions


def tamper(database: Database, statement: str) -> None:
    """Change the log as someone could who owns the server: triggers off."""
    engine = create_engine(database.admin_url)
    with engine.begin() as connection:
        connection.execute(text("SET session_replication_role = replica"))
        connection.execute(text(statement))
    engine.dispose()


def test_untouched_chain_verifies(chain: SessionFactory, session: ScopedSession) -> None:
    report = verify_chain(session)
    assert report.intact
    assert report.entries == 6


@pytest.mark.parametrize(
    ("statement", "broken_at"),
    [
        ("UPDATE audit_entry SET actor = 'someone else' WHERE id = 3", 3),
        ("UPDATE audit_entry SET detail = '{\"u\": 9}' WHERE id = 1", 1),
        ("UPDATE audit_entry SET at = at + interval '1 microsecond' WHERE id = 6", 6),
        ("DELETE FROM audit_entry WHERE id = 2", 2),
        ("UPDATE audit_entry SET id = 100 WHERE id = 4", 4),
    ],
)
def test_tampering_is_found_where_it_happened(
    chain: SessionFactory,
    session: ScopedSession,
    clean_database: Database,
    statement: str,
    broken_at: int,
) -> None:
    tamper(clean_database, statement)
    assert verify_chain(session).broken_at == broken_at


def test_cut_tail_shows_only_against_a_noted_digest(
    chain: SessionFactory, session: ScopedSession, clean_database: Database
) -> None:
    noted = verify_chain(session)
    tamper(clean_database, "DELETE FROM audit_entry WHERE id > 4")
    # The control: from within, a shortened chain looks whole.
    assert verify_chain(session).intact
    assert not verify_chain(session, expected_last=noted.last_digest).intact
    assert not verify_chain(session, expected_entries=noted.entries).intact


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET actor = 'x'",
        "DELETE FROM audit_entry",
        "TRUNCATE audit_entry",
    ],
)
def test_nobody_rewrites_the_log(
    chain: SessionFactory, clean_database: Database, statement: str
) -> None:
    for url in (clean_database.app_url, clean_database.owner_url):
        engine = create_engine(url)
        with pytest.raises(DatabaseError), engine.begin() as connection:
            connection.execute(text(statement))
        engine.dispose()


def test_rolled_back_deed_leaves_no_gap(sessions: SessionFactory, session: ScopedSession) -> None:
    with transaction(sessions, STAFF) as first:
        record(first, STAFF, "a.do", "a/1")
    with sessions() as second:
        record(second, STAFF, "b.do", "b/1")
        second.rollback()
    with transaction(sessions, STAFF) as third:
        record(third, STAFF, "c.do", "c/1")
    report = verify_chain(session)
    assert report.intact
    assert report.entries == 2
