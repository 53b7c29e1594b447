"""Tickets of an installed instance come through the migration, there and back."""

from alembic import command
from sqlalchemy import text

from dcim import schema
from dcim.db import make_engine
from dcim.postgres import APP, EmbeddedServer
from tests.integration.customers.test_migration import ROWS, STAFF
from tests.servers import fresh_database

TICKETS = """
INSERT INTO ticket (customer_id, number, kind, title, opened_at, responded_at, closed_at) VALUES
 (1, 'T-1', 'fault', '断电', '2026-10-01', '2026-10-02', '2026-10-03'),
 (1, 'T-2', 'visit', '入场', '2026-10-01', NULL, NULL);
"""
KEPT = "SELECT number, kind, responded_at IS NULL, closed_at IS NULL FROM ticket ORDER BY number"
ROWS_KEPT = [("T-1", "fault", False, False), ("T-2", "visit", True, True)]


def test_tickets_are_kept_and_nothing_is_made_up_about_them(server: EmbeddedServer) -> None:
    with fresh_database(server, "tickets_before") as own:
        owner = make_engine(own.owner_url, pool_size=1)
        with owner.begin() as connection:
            command.upgrade(schema.alembic_config(connection), "0007")
        with owner.begin() as connection:
            connection.execute(text(STAFF))
            connection.exec_driver_sql(ROWS)
            connection.exec_driver_sql(TICKETS)
        schema.upgrade(owner, APP)
        with owner.begin() as connection:
            connection.execute(text(STAFF))
            assert [tuple(row) for row in connection.execute(text(KEPT))] == ROWS_KEPT
            # Whether they were urgent, and how the calls came, nobody wrote down.
            told = connection.execute(text("SELECT DISTINCT urgent, channel, text FROM ticket"))
            assert [tuple(row) for row in told] == [(None, "", "")]
            assert connection.scalar(text("SELECT count(*) FROM ticket_event")) == 0
        with owner.begin() as connection:
            command.downgrade(schema.alembic_config(connection), "0027-1")
        with owner.begin() as connection:
            connection.execute(text(STAFF))
            assert [tuple(row) for row in connection.execute(text(KEPT))] == ROWS_KEPT
            schema.grant_rights(connection, APP)
        owner.dispose()
