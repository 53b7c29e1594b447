"""A migrated database for each worker, emptied between tests; sessions and settings on it."""

import base64
import datetime as dt
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import Engine, create_engine

import dcim.models
from dcim import schema
from dcim.accounts.scope import Scope
from dcim.config import EncryptionKeys, Settings
from dcim.db import ScopedSession, SessionFactory, make_engine, make_sessions
from dcim.postgres import APP, EmbeddedServer
from dcim.web.translated_templates import TranslatedEnvironment
from tests.row_order import turn_unordered_rows
from tests.servers import (
    Database,
    build_template,
    fresh_database,
    scratch_server,
    shared_directory,
)

turn_unordered_rows()

TEMPLATE = "jifang_template"
# Bytes of a table that is cut off instead of having its rows deleted.
LARGE = 512 * 1024
# The queue's own tables (procrastinate), which the models don't know.
QUEUE = (
    "procrastinate_events", "procrastinate_periodic_defers", "procrastinate_jobs",
    "procrastinate_workers",
)  # fmt: skip


def migrate(database: Database) -> None:
    engine = make_engine(database.owner_url, pool_size=1)
    try:
        schema.upgrade(engine, APP)
    finally:
        engine.dispose()


@pytest.fixture(scope="session", autouse=True)
def templates(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Compiled once a run, not once for each application that a test makes."""
    TranslatedEnvironment.cache_folder = shared_directory(tmp_path_factory) / "templates"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    with scratch_server(shared_directory(tmp_path_factory)) as running:
        build_template(running, TEMPLATE, migrate)
        yield running


@pytest.fixture(scope="session")
def database(server: EmbeddedServer) -> Iterator[Database]:
    """This worker's own database, migrated."""
    name = f"test_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
    with fresh_database(server, name, template=TEMPLATE) as own:
        yield own


@pytest.fixture(scope="session")
def _wipe() -> str:
    """SQL that empties every table that has rows and begins all numbers anew.

    Run by the superuser with triggers off: no order of tables to keep, and several times faster
    than a TRUNCATE of some hundred tables, of which a test fills a dozen. What has grown is cut off
    all the same: nobody vacuums here.
    """
    names = [table.name for table in dcim.models.metadata.sorted_tables]
    listed = ", ".join(f"'{name}'" for name in [*names, *QUEUE])
    return f"""
        DO $$
        DECLARE name text; filled boolean; one record;
        BEGIN
            FOREACH name IN ARRAY ARRAY[{listed}] LOOP
                EXECUTE 'SELECT EXISTS (SELECT FROM ' || quote_ident(name) || ')' INTO filled;
                IF pg_relation_size(quote_ident(name)::regclass) > {LARGE} THEN
                    EXECUTE 'TRUNCATE ' || quote_ident(name) || ' CASCADE';
                ELSIF filled THEN
                    EXECUTE 'DELETE FROM ' || quote_ident(name);
                END IF;
            END LOOP;
            FOR one IN SELECT sequencename FROM pg_sequences
                WHERE schemaname = 'public' AND last_value IS NOT NULL
            LOOP
                PERFORM setval(quote_ident(one.sequencename)::regclass, 1, false);
            END LOOP;
        END $$
    """  # noqa: S608


@pytest.fixture(scope="session")
def _superuser(database: Database) -> Iterator[Engine]:
    """Kept: a connection of its own would read the catalogue of all tables after each test."""
    engine = create_engine(
        database.admin_url,
        pool_size=1,
        pool_pre_ping=True,
        connect_args={"options": "-c session_replication_role=replica"},
    )
    yield engine
    engine.dispose()


@pytest.fixture
def clean_database(database: Database, _superuser: Engine, _wipe: str) -> Iterator[Database]:
    """The worker's database, empty again after the test."""
    yield database
    with _superuser.begin() as connection:
        connection.exec_driver_sql(_wipe)


@pytest.fixture(scope="session")
def _engine(database: Database) -> Iterator[Engine]:
    engine = make_engine(database.app_url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def _sessions(_engine: Engine) -> SessionFactory:
    return make_sessions(_engine)


@pytest.fixture
def sessions(
    clean_database: Database, _engine: Engine, _sessions: SessionFactory
) -> SessionFactory:
    """Sessions of the app role: no superuser, owns nothing.

    The engine is the test's own, with its listeners and what is remembered by engine; connections,
    and statements that are compiled already, are the worker's.
    """
    _sessions.kw = make_sessions(_engine.execution_options()).kw
    return _sessions


@pytest.fixture
def november() -> Iterator[None]:
    """For pages that show the last months: October 2026, which many plays are about, is over since
    a few days."""
    with time_machine.travel(dt.datetime(2026, 11, 12, 3, tzinfo=dt.UTC), tick=True):
        yield


@pytest.fixture
def session(sessions: SessionFactory) -> Iterator[ScopedSession]:
    """A session with staff's reach; uncommitted work is rolled back."""
    with sessions() as open_session:
        open_session.use_scope(Scope.system("test"))
        yield open_session
        open_session.rollback()


@pytest.fixture
def settings(clean_database: Database, tmp_path: Path) -> Settings:
    data = tmp_path / "instance"
    for folder in ("keys", "statements", "spool", "log"):
        (data / folder).mkdir(parents=True, mode=0o700)
    return Settings(
        data=data,
        secret_key="q7Vt1mZxJ4kBw8Rc0LsYpHd3NfUe9GaT",
        encryption=EncryptionKeys(
            "k1", {"k1": base64.b64decode("3q2+7wABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhs=")}
        ),
        database_url=clean_database.app_url,
        owner_database_url=clean_database.owner_url,
    )
