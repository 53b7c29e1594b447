"""notes for the port board of rows that changed alone, and of agents; months without what is unread"""

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

# What the board says of ports besides what is measured: any change of these is noted. Of agents
# only that there is one is said, and each poll updates them.
EVENTS = ("INSERT", "UPDATE", "DELETE")
WATCHED = dict.fromkeys(
    (
        "port", "device", "installation", "rack", "cabinet", "cabinet_row", "room", "site",
        "customer", "bandwidth_service", "service_membership", "series",
    ),
    EVENTS,
) | {"snmp_agent": ("INSERT", "DELETE")}  # fmt: skip
WATCHED_BEFORE = (*(table for table in WATCHED if table != "snmp_agent"), "former_binding")
NOTE = """
    INSERT INTO port_board_change (written_by)
    SELECT (pg_current_xact_id()::text)::bigint WHERE NOT EXISTS (
        SELECT FROM port_board_change
        WHERE written_by = (pg_current_xact_id()::text)::bigint);
"""
UNREAD = {
    "discarded": sa.Integer(),
    "rank": sa.Integer(),
    "in_max_bps": sa.BigInteger(),
    "out_max_bps": sa.BigInteger(),
    "least_bps": sa.BigInteger(),
    "most_bps": sa.BigInteger(),
}


def upgrade() -> None:
    for table in WATCHED_BEFORE:
        op.execute(f"DROP TRIGGER note_port_board ON {table}")
    # None for a statement that changed no row: pollers write many of these.
    _define(f"IF EXISTS (SELECT FROM changed) THEN {NOTE} END IF;")
    for table, events in WATCHED.items():
        for event in events:
            rows = "OLD" if event == "DELETE" else "NEW"
            op.execute(
                f"CREATE TRIGGER note_port_board_{event.lower()} AFTER {event} ON {table}"
                f" REFERENCING {rows} TABLE AS changed"
                " FOR EACH STATEMENT EXECUTE FUNCTION note_port_board()"
            )
    for name in UNREAD:
        op.drop_column("usage_month", name)


def downgrade() -> None:
    for name, kind in UNREAD.items():
        op.add_column("usage_month", sa.Column(name, kind, nullable=True))
    for table, events in WATCHED.items():
        for event in events:
            op.execute(f"DROP TRIGGER note_port_board_{event.lower()} ON {table}")
    _define(NOTE)
    for table in WATCHED_BEFORE:
        op.execute(
            f"CREATE TRIGGER note_port_board AFTER INSERT OR UPDATE OR DELETE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION note_port_board()"
        )


def _define(body: str) -> None:
    op.execute(
        "CREATE OR REPLACE FUNCTION note_port_board() RETURNS trigger LANGUAGE plpgsql AS $$"
        f" BEGIN {body} RETURN NULL; END $$"
    )
