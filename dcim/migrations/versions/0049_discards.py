"""packets that ports drop, as a family of samples of their own beside traffic"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None

FAMILIES = "'traffic', 'power', 'climate', 'state', 'probe'"
QUANTITIES = (
    "'port_share', 'port_in_share', 'port_out_share', 'port_commit_share', 'port_errors',"
    " {}'port_down', 'node_load', 'node_dead', 'node_silence', 'temperature', 'humidity',"
    " 'sensor_silence', 'agent_silence', 'item_burn'"
)


def upgrade() -> None:
    op.create_table(
        "discards_hot",
        sa.Column("ts", sa.BigInteger(), nullable=False),
        sa.Column("series_id", sa.Integer(), nullable=False),
        sa.Column("span_ms", sa.Integer(), nullable=False),
        sa.Column("flags", sa.SmallInteger(), nullable=False),
        sa.Column("in_discards", sa.BigInteger(), nullable=False),
        sa.Column("out_discards", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ts", "series_id", name=op.f("pk_discards_hot")),
    )
    op.create_index("ix_discards_hot_series_id", "discards_hot", ["series_id", "ts"])
    _check_families(f"{FAMILIES}, 'discards'")
    _check_quantities("'port_discards', ")
    # Until the next poll makes a layout that has them, no port of a layout tells discards.
    op.add_column(
        "frame_layout", sa.Column("discard_ids", postgresql.ARRAY(sa.Integer()), nullable=True)
    )
    op.execute("UPDATE frame_layout SET discard_ids = array_fill(0, ARRAY[cardinality(names)])")
    op.alter_column("frame_layout", "discard_ids", nullable=False)


def downgrade() -> None:
    # The version before can't read such samples; blocks and newest ones go with their series.
    op.execute(
        "DELETE FROM sample_block WHERE series_id IN"
        " (SELECT id FROM series WHERE family = 'discards')"
    )
    op.execute("DELETE FROM series WHERE family = 'discards'")
    # Nor frames and memories with their rows, which stand last: traffic in them is kept.
    _cut_rows("port_frame", "body", rows=11, kept=9)
    _cut_rows("port_memory", "newest", rows=12, kept=10)
    op.drop_column("frame_layout", "discard_ids")
    rules = "(SELECT id FROM alarm_rule WHERE quantity = 'port_discards')"
    alarms = f"(SELECT id FROM alarm WHERE rule_id IN {rules})"  # noqa: S608
    op.execute("ALTER TABLE alarm_event DISABLE TRIGGER USER")  # it is append-only
    for table in ("escalation_deed", "alarm_event"):
        op.execute(f"DELETE FROM {table} WHERE alarm_id IN {alarms}")  # noqa: S608
    op.execute("ALTER TABLE alarm_event ENABLE TRIGGER USER")
    for table in ("alarm", "escalation_policy_rule"):
        op.execute(f"DELETE FROM {table} WHERE rule_id IN {rules}")  # noqa: S608
    op.execute("DELETE FROM alarm_rule WHERE quantity = 'port_discards'")
    _check_quantities("")
    _check_families(FAMILIES)
    op.drop_table("discards_hot")


def _cut_rows(table: str, column: str, *, rows: int, kept: int) -> None:
    """Take the last two rows from tables of version 2 (see `metering.narrow`)."""
    op.execute(
        f"""
        UPDATE {table} t SET {column} = '\\x01'::bytea
            || substring(t.{column} FROM 2 FOR {kept})
            || substring(t.{column} FROM {2 + rows} FOR {8 * kept})
            || substring(t.{column} FROM {2 + 9 * rows} FOR length(t.{column}) - {1 + 9 * rows}
                - cardinality(l.names)
                * (get_byte(t.{column}, {rows - 1}) + get_byte(t.{column}, {rows})))
        FROM frame_layout l WHERE l.id = t.layout_id AND get_byte(t.{column}, 0) = 2
        """  # noqa: S608
    )


def _check_families(families: str) -> None:
    op.drop_constraint(op.f("ck_series_family"), "series")
    op.create_check_constraint(op.f("ck_series_family"), "series", f"family IN ({families})")


def _check_quantities(more: str) -> None:
    op.drop_constraint(op.f("ck_alarm_rule_quantity"), "alarm_rule")
    op.create_check_constraint(
        op.f("ck_alarm_rule_quantity"), "alarm_rule", f"quantity IN ({QUANTITIES.format(more)})"
    )
