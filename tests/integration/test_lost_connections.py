"""A connection that PostgreSQL has closed, as it does when it restarts, is not handed out again."""

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError

from dcim import db
from dcim.db import make_engine
from tests.servers import Database


def ask_after_loss(engine: Engine, database: Database) -> int:
    """Two connections kept in the pool, both closed by the server; then one question."""
    with engine.connect() as one, engine.connect() as other:
        lost = [one.scalar(text("SELECT pg_backend_pid()")) for one in (one, other)]
    admin = create_engine(database.admin_url)
    with admin.begin() as connection:
        connection.execute(text("SELECT pg_terminate_backend(pid, 5000) FROM unnest(:pids) AS pid"),
                           {"pids": lost})  # fmt: skip
    admin.dispose()
    try:
        with engine.connect() as connection:
            return int(connection.scalar(text("SELECT 1")) or 0)
    finally:
        engine.dispose()


def test_a_lost_connection_is_replaced(clean_database: Database) -> None:
    assert ask_after_loss(make_engine(clean_database.app_url), clean_database) == 1


def test_a_plain_pool_hands_it_out(clean_database: Database) -> None:
    """The control."""
    with pytest.raises(OperationalError):
        ask_after_loss(create_engine(clean_database.app_url), clean_database)


@pytest.mark.parametrize(("asked_after_s", "replaced"), [(0.0, True), (1e9, False)])
def test_one_that_was_forgotten_without_a_word_is_asked_when_it_lay_idle(
    clean_database: Database, monkeypatch: pytest.MonkeyPatch, asked_after_s: float, replaced: bool
) -> None:
    """A firewall says nothing. The second is the control: never asked, handed out."""
    monkeypatch.setattr(db, "_has_news", lambda _socket: False)
    monkeypatch.setattr(db, "ASKED_AFTER_S", asked_after_s)
    engine = make_engine(clean_database.app_url)
    if replaced:
        assert ask_after_loss(engine, clean_database) == 1
    else:
        with pytest.raises(OperationalError):
            ask_after_loss(engine, clean_database)


def test_a_kept_connection_is_used_again(clean_database: Database) -> None:
    engine = make_engine(clean_database.app_url)
    used = set()
    for _turn in range(5):
        with engine.connect() as connection:
            used.add(connection.scalar(text("SELECT pg_backend_pid()")))
    engine.dispose()
    assert len(used) == 1
