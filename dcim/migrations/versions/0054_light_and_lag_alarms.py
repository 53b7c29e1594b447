"""alarms on transceivers' light and on LAGs' members; since when each lane has had light"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None

QUANTITIES = (
    "port_share",
    "port_in_share",
    "port_out_share",
    "port_commit_share",
    "port_errors",
    "port_discards",
    "port_down",
    "node_load",
    "node_dead",
    "node_silence",
    "temperature",
    "humidity",
    "sensor_silence",
    "agent_silence",
    "item_burn",
)
NEW = (
    "port_light",
    "lag_lost",
    "lag_capacity",
)
WAYS = ("rx", "tx")
# `metering.families.NO_LIGHT`.
NO_LIGHT = -40_000


def upgrade() -> None:
    _allow((*QUANTITIES, *NEW))
    op.add_column("alarm", sa.Column("detail", postgresql.JSONB(), nullable=True))
    for way in WAYS:
        name = f"{way}_lit_ms"
        op.add_column(
            "transceiver", sa.Column(name, postgresql.ARRAY(sa.BigInteger()), nullable=True)
        )
        # What was lit in days that are closed, and not since, counts as never lit.
        op.execute(
            f"UPDATE transceiver SET {name} = ARRAY("  # noqa: S608
            f"SELECT (SELECT min(ts) FROM optics_hot WHERE series_id = lane.id"
            f" AND {way}_mdbm > {NO_LIGHT})"
            " FROM unnest(lanes) WITH ORDINALITY AS lane (id, place) ORDER BY place)"
        )
        op.alter_column("transceiver", name, nullable=False)
        op.create_check_constraint(
            op.f(f"ck_transceiver_{way}_lit"),
            "transceiver",
            f"cardinality({name}) = cardinality(lanes)",
        )


def downgrade() -> None:
    named = ", ".join(f"'{name}'" for name in NEW)
    rules = f"(SELECT id FROM alarm_rule WHERE quantity IN ({named}))"  # noqa: S608
    alarms = f"(SELECT id FROM alarm WHERE rule_id IN {rules})"  # noqa: S608
    op.execute(f"UPDATE alarm SET root_id = NULL WHERE root_id IN {alarms}")  # noqa: S608
    op.execute("ALTER TABLE alarm_event DISABLE TRIGGER USER")  # it is append-only
    for table in ("escalation_deed", "alarm_event"):
        op.execute(f"DELETE FROM {table} WHERE alarm_id IN {alarms}")  # noqa: S608
    op.execute("ALTER TABLE alarm_event ENABLE TRIGGER USER")
    for table in ("alarm", "escalation_policy_rule", "alarm_trial"):
        op.execute(f"DELETE FROM {table} WHERE rule_id IN {rules}")  # noqa: S608
    op.execute(f"DELETE FROM alarm_rule WHERE quantity IN ({named})")  # noqa: S608
    for way in WAYS:
        op.drop_column("transceiver", f"{way}_lit_ms")
    op.drop_column("alarm", "detail")
    _allow(QUANTITIES)


def _allow(quantities: tuple[str, ...]) -> None:
    name = op.f("ck_alarm_rule_quantity")
    op.drop_constraint(name, "alarm_rule", type_="check")
    named = ", ".join(f"'{quantity}'" for quantity in quantities)
    op.create_check_constraint(name, "alarm_rule", f"quantity IN ({named})")
