"""Statements issued before there were tallies get those that they would be issued with."""

from alembic import command
from sqlalchemy import Connection, text

from dcim import schema
from dcim.config import Settings
from dcim.db import make_engine, make_sessions, transaction
from dcim.postgres import APP, EmbeddedServer
from tests.integration.conftest import TEMPLATE
from tests.integration.customers.test_migration import STAFF
from tests.integration.statements.test_past_periods import STANDARD, Office
from tests.integration.statements.town import SYSTEM
from tests.servers import fresh_database

TABLES = ("statement_result", "statement_cause")


def read(connection: Connection) -> list[list[str]]:
    """The rows of each table, without their ids."""
    connection.execute(text(STAFF))
    return [
        list(
            connection.scalars(
                text(f"SELECT (to_jsonb(t) - 'id')::text AS row FROM {table} t ORDER BY row")  # noqa: S608
            )
        )
        for table in TABLES
    ]


def test_what_was_issued_before_is_tallied_as_what_is_issued_now(
    server: EmbeddedServer, settings: Settings
) -> None:
    with fresh_database(server, "tallies_before", template=TEMPLATE) as own:
        app = make_engine(own.app_url, pool_size=1)
        with transaction(make_sessions(app), SYSTEM) as session:
            office = Office(session, settings)
            office.issue("2026-09", STANDARD, ((5, 50), (7, 95)))
            office.issue("2026-10", STANDARD, ())
        app.dispose()
        owner = make_engine(own.owner_url, pool_size=1)
        with owner.begin() as connection:
            issued = read(connection)
            assert all(issued)
            command.downgrade(schema.alembic_config(connection), "0032")
        schema.upgrade(owner, APP)
        with owner.begin() as connection:
            assert read(connection) == issued
        owner.dispose()
