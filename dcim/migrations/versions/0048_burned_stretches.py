"""what counted against promises as it was known; rules on how fast their error budgets burn"""

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None

KINDS = ("threshold", "state", "rate", "absence", "forecast")
QUANTITIES = (
    "port_share", "port_in_share", "port_out_share", "port_commit_share", "port_errors",
    "port_down", "node_load", "node_dead", "node_silence", "temperature", "humidity",
    "sensor_silence", "agent_silence",
)  # fmt: skip
SUBJECTS = ("port", "node", "sensor", "agent")


def _when(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "burned_stretch",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("contract_item_id", sa.BigInteger(), nullable=False),
        sa.Column("metric", sa.String(length=255), nullable=False),
        sa.Column("left_share", sa.Float(), nullable=False),
        _when("started_at"),
        _when("ended_at"),
        _when("known_at"),
        _when("undone_at", nullable=True),
        sa.CheckConstraint("left_share > 0", name=op.f("ck_burned_stretch_left_share")),
        sa.CheckConstraint("ended_at > started_at", name=op.f("ck_burned_stretch_times")),
        sa.CheckConstraint("undone_at >= known_at", name=op.f("ck_burned_stretch_undone")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_burned_stretch_customer_id")
        ),
        sa.ForeignKeyConstraint(
            ["contract_item_id", "customer_id"],
            ["contract_item.id", "contract_item.customer_id"],
            name="fk_burned_stretch_item_of_customer",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_burned_stretch")),
    )
    op.create_index(op.f("ix_burned_stretch_customer_id"), "burned_stretch", ["customer_id"])
    op.create_index(
        "ix_burned_stretch_item_ended_at", "burned_stretch", ["contract_item_id", "ended_at"]
    )
    op.create_index("ix_burned_stretch_ended_at", "burned_stretch", ["ended_at"])
    op.execute("ALTER TABLE burned_stretch ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE burned_stretch FORCE ROW LEVEL SECURITY")
    rule = (
        "current_setting('jifang.staff', true) = 'yes' OR "
        "customer_id = NULLIF(current_setting('jifang.customer', true), '')::bigint"
    )
    op.execute(f"CREATE POLICY tenant ON burned_stretch USING ({rule}) WITH CHECK ({rule})")
    op.create_table(
        "burn_round",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        _when("since", nullable=True),
        _when("until", nullable=True),
        _when("known_at", nullable=True),
        sa.Column("last_contract_id", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
        sa.CheckConstraint("id = 1", name=op.f("ck_burn_round_one")),
        sa.CheckConstraint(
            "(since IS NULL) = (until IS NULL) AND until >= since",
            name=op.f("ck_burn_round_span"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_burn_round")),
    )
    _allow("alarm_rule", "kind", (*KINDS, "burn"))
    _allow("alarm_rule", "quantity", (*QUANTITIES, "item_burn"))
    _allow("alarm", "subject_kind", (*SUBJECTS, "item"))


def downgrade() -> None:
    # Of contracts' items there are no alarms but those of these rules.
    burning = "alarm_id IN (SELECT id FROM alarm WHERE subject_kind = 'item')"
    op.execute("UPDATE alarm SET root_id = NULL WHERE subject_kind = 'item'")
    op.execute("ALTER TABLE alarm_event DISABLE TRIGGER USER")  # it is append-only
    for table in ("escalation_deed", "alarm_event"):
        op.execute(sa.delete(sa.table(table)).where(sa.text(burning)))
    op.execute("ALTER TABLE alarm_event ENABLE TRIGGER USER")
    op.execute("DELETE FROM alarm WHERE subject_kind = 'item'")
    op.execute(
        "DELETE FROM escalation_policy_rule WHERE rule_id IN"
        " (SELECT id FROM alarm_rule WHERE kind = 'burn')"
    )
    op.execute("DELETE FROM alarm_rule WHERE kind = 'burn'")
    _allow("alarm", "subject_kind", SUBJECTS)
    _allow("alarm_rule", "quantity", QUANTITIES)
    _allow("alarm_rule", "kind", KINDS)
    op.drop_table("burn_round")
    op.drop_table("burned_stretch")


def _allow(table: str, column: str, words: tuple[str, ...]) -> None:
    name = op.f(f"ck_{table}_{column}")
    op.drop_constraint(name, table, type_="check")
    named = ", ".join(f"'{word}'" for word in words)
    op.create_check_constraint(name, table, f"{column} IN ({named})")
