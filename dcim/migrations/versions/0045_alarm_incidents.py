"""incidents of alarms, by hand and by rule; rules that foresee"""

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None

KINDS = ("threshold", "state", "rate", "absence")
EVENTS = (
    "raised", "cleared", "flapping", "steady", "ended", "silenced", "unsilenced", "notified",
    "folded", "unfolded", "acknowledged", "assigned", "noted", "snoozed", "unsnoozed",
    "escalated", "unreached",
)  # fmt: skip
MINUTES = ("incident_after_min", "tell_after_min")


def upgrade() -> None:
    op.add_column("alarm", sa.Column("incident_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("fk_alarm_incident_id"), "alarm", "incident", ["incident_id"], ["id"]
    )
    op.create_index(op.f("ix_alarm_incident_id"), "alarm", ["incident_id"])
    for name in MINUTES:
        op.add_column("alarm_rule", sa.Column(name, sa.Integer(), nullable=True))
        op.create_check_constraint(
            op.f(f"ck_alarm_rule_{name}"), "alarm_rule", f"{name} BETWEEN 0 AND 1440"
        )
    op.add_column(
        "alarm_rule", sa.Column("horizon_s", sa.Integer(), nullable=False, server_default="0")
    )
    op.alter_column("alarm_rule", "horizon_s", server_default=None)
    _allow("alarm_rule", (*KINDS, "forecast"))
    _allow("alarm_event", (*EVENTS, "incident", "customers_told"))


def downgrade() -> None:
    rules = "(SELECT id FROM alarm_rule WHERE kind = 'forecast')"
    alarms = f"(SELECT id FROM alarm WHERE rule_id IN {rules})"  # noqa: S608
    op.execute(f"UPDATE alarm SET root_id = NULL WHERE root_id IN {alarms}")  # noqa: S608
    op.execute("ALTER TABLE alarm_event DISABLE TRIGGER USER")  # it is append-only
    op.execute("DELETE FROM alarm_event WHERE kind IN ('incident', 'customers_told')")
    for table in ("escalation_deed", "alarm_event"):
        op.execute(f"DELETE FROM {table} WHERE alarm_id IN {alarms}")  # noqa: S608
    op.execute("ALTER TABLE alarm_event ENABLE TRIGGER USER")
    for table in ("alarm", "escalation_policy_rule", "alarm_trial"):
        op.execute(f"DELETE FROM {table} WHERE rule_id IN {rules}")  # noqa: S608
    op.execute("DELETE FROM alarm_rule WHERE kind = 'forecast'")
    op.execute("UPDATE alarm_trial SET rule = rule - 'horizon_s'")
    _allow("alarm_event", EVENTS)
    _allow("alarm_rule", KINDS)
    for name in ("horizon_s", *MINUTES):
        op.drop_column("alarm_rule", name)
    op.drop_column("alarm", "incident_id")


def _allow(table: str, kinds: tuple[str, ...]) -> None:
    name = op.f(f"ck_{table}_kind")
    op.drop_constraint(name, table, type_="check")
    named = ", ".join(f"'{kind}'" for kind in kinds)
    op.create_check_constraint(name, table, f"kind IN ({named})")
