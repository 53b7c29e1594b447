"""syslog messages that were received, what they mean, and what of them was dropped"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None

TABLES = ("syslog_message", "syslog_mapping", "syslog_drop")
WORDS = {
    "source": 64, "form": 64, "device_time": 64, "host": 255, "app": 64, "procid": 255,
    "msgid": 64, "event": 255, "alarm_class": 64, "severity": 64, "rule": 255,
}  # fmt: skip


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False)


def _word(name: str, length: int = 64) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length), nullable=False)


def _when(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _ref(table: str, column: str, other: str, ondelete: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}"), ondelete=ondelete
    )


def _check(table: str, name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}"))


def upgrade() -> None:
    table = "syslog_message"
    op.create_table(
        table,
        _id(),
        _word("uid"),
        _when("received_at"),
        _when("last_at"),
        sa.Column("agent_id", sa.BigInteger(), nullable=True),
        sa.Column("device_id", sa.BigInteger(), nullable=True),
        *(_word(name, length) for name, length in WORDS.items()),
        sa.Column("facility", sa.SmallInteger(), nullable=True),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        _when("device_at", nullable=True),
        sa.Column("data", postgresql.JSONB(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        _check(table, "form", "form IN ('5424', '3164')"),
        _check(table, "facility", "facility BETWEEN 0 AND 23"),
        _check(table, "level", "level BETWEEN 0 AND 7"),
        _check(table, "count", "count > 0"),
        _check(table, "meaning", "(alarm_class = '') = (severity = '')"),
        _ref(table, "agent_id", "snmp_agent", "SET NULL"),
        _ref(table, "device_id", "device", "SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_syslog_message")),
        sa.UniqueConstraint("uid", name=op.f("uq_syslog_message_uid")),
    )
    op.create_index(op.f("ix_syslog_message_agent_id"), table, ["agent_id"])
    newest = sa.text("received_at DESC")
    op.create_index("ix_syslog_message_received_at", table, [newest, sa.text("id DESC")])
    op.create_index("ix_syslog_message_device", table, ["device_id", newest])
    op.create_index("ix_syslog_message_event", table, ["event", newest])
    op.create_index(
        "ix_syslog_message_unknown",
        table,
        ["event"],
        postgresql_where=sa.text("alarm_class = ''"),
    )
    op.create_table(
        "syslog_mapping",
        _id(),
        _word("event", 255),
        _word("contains", 255),
        _word("alarm_class"),
        _word("severity"),
        _word("meaning", 255),
        _word("meaning_en", 255),
        _when("created_at"),
        _check(
            "syslog_mapping", "severity", "severity IN ('critical', 'warning', 'info', 'clear')"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_syslog_mapping")),
        sa.UniqueConstraint("event", "contains", name=op.f("uq_syslog_mapping_event_contains")),
    )
    op.create_table(
        "syslog_drop",
        _id(),
        sa.Column("agent_id", sa.BigInteger(), nullable=True),
        sa.Column("day", sa.Integer(), nullable=False),
        _word("reason"),
        sa.Column("count", sa.BigInteger(), nullable=False),
        _ref("syslog_drop", "agent_id", "snmp_agent", "CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_syslog_drop")),
        sa.UniqueConstraint(
            "agent_id",
            "day",
            "reason",
            name=op.f("uq_syslog_drop_agent_id_day_reason"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index("ix_syslog_drop_day", "syslog_drop", ["day"])
    # The house's own: no customer's.
    rule = "current_setting('jifang.staff', true) = 'yes'"
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY staff ON {table} USING ({rule}) WITH CHECK ({rule})")


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
