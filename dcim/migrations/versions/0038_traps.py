"""traps that were received, what they mean, and what of them was dropped"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False)


def _word(name: str, length: int = 64) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length), nullable=False)


def _when(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def _ref(table: str, column: str, other: str, ondelete: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}"), ondelete=ondelete
    )


def _check(table: str, name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}"))


def upgrade() -> None:
    op.create_table(
        "trap",
        _id(),
        _word("uid"),
        _when("received_at"),
        _when("last_at"),
        sa.Column("agent_id", sa.BigInteger(), nullable=True),
        sa.Column("device_id", sa.BigInteger(), nullable=True),
        _word("source"),
        _word("version"),
        sa.Column("is_inform", sa.Boolean(), nullable=False),
        sa.Column("oid", sa.Text(), nullable=False),
        sa.Column("enterprise", sa.Text(), nullable=False),
        sa.Column("generic", sa.Integer(), nullable=True),
        sa.Column("specific", sa.Integer(), nullable=True),
        _word("agent_address"),
        sa.Column("uptime_ticks", sa.BigInteger(), nullable=True),
        sa.Column("varbinds", postgresql.JSONB(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        _word("alarm_class"),
        _word("severity"),
        _word("rule", 255),
        _check("trap", "version", "version IN ('1', '2c', '3')"),
        _check("trap", "count", "count > 0"),
        _check("trap", "meaning", "(alarm_class = '') = (severity = '')"),
        _ref("trap", "agent_id", "snmp_agent", "SET NULL"),
        _ref("trap", "device_id", "device", "SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trap")),
        sa.UniqueConstraint("uid", name=op.f("uq_trap_uid")),
    )
    op.create_index(op.f("ix_trap_agent_id"), "trap", ["agent_id"])
    newest = sa.text("received_at DESC")
    op.create_index("ix_trap_received_at", "trap", [newest, sa.text("id DESC")])
    op.create_index("ix_trap_device", "trap", ["device_id", newest])
    op.create_index("ix_trap_oid", "trap", ["oid", newest])
    op.create_index(
        "ix_trap_unknown", "trap", ["oid"], postgresql_where=sa.text("alarm_class = ''")
    )
    op.create_table(
        "trap_mapping",
        _id(),
        _word("oid", 255),
        sa.Column("below", sa.Boolean(), nullable=False),
        _word("alarm_class"),
        _word("severity"),
        _word("meaning", 255),
        _word("meaning_en", 255),
        _when("created_at"),
        _check("trap_mapping", "severity", "severity IN ('critical', 'warning', 'info', 'clear')"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trap_mapping")),
        sa.UniqueConstraint("oid", name=op.f("uq_trap_mapping_oid")),
    )
    op.create_table(
        "trap_engine",
        _id(),
        _word("source"),
        sa.Column("engine_id", sa.LargeBinary(), nullable=False),
        sa.Column("boots", sa.BigInteger(), nullable=False),
        sa.Column("time_s", sa.BigInteger(), nullable=False),
        _when("heard_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trap_engine")),
        sa.UniqueConstraint("source", name=op.f("uq_trap_engine_source")),
        sa.UniqueConstraint("engine_id", name=op.f("uq_trap_engine_engine_id")),
    )
    op.create_table(
        "trap_drop",
        _id(),
        sa.Column("agent_id", sa.BigInteger(), nullable=True),
        sa.Column("day", sa.Integer(), nullable=False),
        _word("reason"),
        sa.Column("count", sa.BigInteger(), nullable=False),
        _ref("trap_drop", "agent_id", "snmp_agent", "CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trap_drop")),
        sa.UniqueConstraint(
            "agent_id",
            "day",
            "reason",
            name=op.f("uq_trap_drop_agent_id_day_reason"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index("ix_trap_drop_day", "trap_drop", ["day"])


def downgrade() -> None:
    for table in ("trap_drop", "trap_engine", "trap_mapping", "trap"):
        op.drop_table(table)
