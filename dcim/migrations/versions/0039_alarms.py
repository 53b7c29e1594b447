"""rules of alarms, alarms, and what became of them"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

SEVERITIES = "'critical', 'major', 'warning'"
TABLES = (
    "alarm_rule", "alarm_override", "alarm", "alarm_event", "alarm_state", "alarm_round",
    "alarm_recipient", "alarm_trial",
)  # fmt: skip


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False)


def _word(name: str, length: int, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length), nullable=nullable)


def _when(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _count(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=nullable)


def _number(name: str, *, nullable: bool = False) -> sa.Column[float]:
    return sa.Column(name, sa.Float(), nullable=nullable)


def _big(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _yes(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False)


def _ref(table: str, column: str, other: str, ondelete: str | None = None) -> Any:
    return sa.ForeignKeyConstraint(
        [column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}"), ondelete=ondelete
    )


def _check(table: str, name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}"))


def upgrade() -> None:
    _create_rules()
    _create_alarms()
    _create_memory()
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON alarm_event"
        " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON alarm_event"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def _create_rules() -> None:
    table = "alarm_rule"
    op.create_table(
        table,
        _id(),
        _word("code", 64),
        _word("name", 255),
        _word("name_en", 255),
        _yes("built_in"),
        _yes("enabled"),
        _word("kind", 64),
        _word("quantity", 64),
        _word("way", 64),
        _number("raise_at"),
        _number("clear_at"),
        _count("raise_for_s"),
        _count("clear_for_s"),
        _word("severity", 64),
        _count("window_s"),
        sa.Column("flap_changes", sa.SmallInteger(), nullable=False),
        _count("flap_within_s"),
        _word("subject_class", 64),
        _big("site_id", nullable=True),
        _when("changed_at"),
        _word("changed_by", 255),
        _check(table, "kind", "kind IN ('threshold', 'state', 'rate', 'absence')"),
        _check(
            table,
            "quantity",
            "quantity IN ('port_share', 'port_in_share', 'port_out_share', 'port_commit_share',"
            " 'port_errors', 'port_down', 'node_load', 'node_dead', 'node_silence', 'temperature',"
            " 'humidity', 'sensor_silence', 'agent_silence')",
        ),
        _check(table, "way", "way IN ('above', 'below')"),
        _check(table, "severity", f"severity IN ({SEVERITIES})"),
        _check(
            table,
            "limits",
            "(way = 'above' AND clear_at <= raise_at) OR (way = 'below' AND clear_at >= raise_at)",
        ),
        _ref(table, "site_id", "site"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("code", name=op.f(f"uq_{table}_code")),
    )
    op.create_index(op.f(f"ix_{table}_site_id"), table, ["site_id"])
    table = "alarm_override"
    op.create_table(
        table,
        _id(),
        _big("rule_id"),
        _word("scope", 64),
        _big("target_id", nullable=True),
        _word("target_class", 64),
        _yes("enabled"),
        _number("raise_at", nullable=True),
        _number("clear_at", nullable=True),
        _count("raise_for_s", nullable=True),
        _count("clear_for_s", nullable=True),
        _word("severity", 64, nullable=True),
        _when("changed_at"),
        _word("changed_by", 255),
        _check(
            table, "scope", "scope IN ('subject', 'device', 'customer', 'class', 'site')"
        ),
        _check(table, "target", "(scope = 'class') = (target_id IS NULL)"),
        _check(table, "target_class", "(scope = 'class') = (target_class <> '')"),
        _ref(table, "rule_id", "alarm_rule", "CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint(
            "rule_id", "scope", "target_id", "target_class",
            name=op.f(f"uq_{table}_rule_id_scope_target_id_target_class"),
            postgresql_nulls_not_distinct=True,
        ),
    )  # fmt: skip


def _create_alarms() -> None:
    table = "alarm"
    op.create_table(
        table,
        _id(),
        _big("rule_id"),
        _word("subject_kind", 64),
        _big("subject_id"),
        _word("label", 255),
        _big("site_id", nullable=True),
        _word("severity", 64),
        _when("began_at"),
        _when("raised_at"),
        _when("seen_at"),
        _when("cleared_at", nullable=True),
        _word("ending", 64),
        _number("value"),
        _number("limit"),
        _yes("flapping"),
        _when("acknowledged_at", nullable=True),
        _word("acknowledged_by", 255),
        _word("assigned_to", 255),
        _when("snoozed_until", nullable=True),
        _big("silenced_by", nullable=True),
        _big("root_id", nullable=True),
        _when("notified_at", nullable=True),
        _check(table, "subject_kind", "subject_kind IN ('port', 'node', 'sensor', 'agent')"),
        _check(table, "severity", f"severity IN ({SEVERITIES})"),
        _check(table, "ending", "ending IN ('', 'cleared', 'ended')"),
        _check(table, "ended", "(cleared_at IS NULL) = (ending = '')"),
        _check(table, "began", "began_at <= raised_at"),
        _check(table, "times", "cleared_at >= raised_at"),
        _check(table, "acknowledged", "(acknowledged_at IS NULL) = (acknowledged_by = '')"),
        _check(table, "root", "root_id <> id"),
        _ref(table, "rule_id", "alarm_rule"),
        _ref(table, "site_id", "site"),
        _ref(table, "silenced_by", "maintenance"),
        _ref(table, "root_id", "alarm"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint(
            "rule_id", "subject_kind", "subject_id", "raised_at",
            name=op.f(f"uq_{table}_rule_id_subject_kind_subject_id_raised_at"),
        ),
    )  # fmt: skip
    for column in ("rule_id", "site_id", "silenced_by", "root_id"):
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])
    op.create_index("ix_alarm_raised_at", table, ["raised_at"])
    op.create_index(
        "uq_alarm_open",
        table,
        ["rule_id", "subject_kind", "subject_id"],
        unique=True,
        postgresql_where=sa.text("cleared_at IS NULL"),
    )
    table = "alarm_event"
    op.create_table(
        table,
        _id(),
        _big("alarm_id"),
        _when("at"),
        _when("recorded_at"),
        _word("kind", 64),
        _word("actor", 255),
        _word("text", 4000),
        _when("until", nullable=True),
        _check(
            table,
            "kind",
            "kind IN ('raised', 'cleared', 'flapping', 'steady', 'ended', 'silenced', 'unsilenced',"
            " 'notified', 'folded', 'unfolded', 'acknowledged', 'assigned', 'noted', 'snoozed', 'unsnoozed')",
        ),
        _ref(table, "alarm_id", "alarm"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    op.create_index(op.f(f"ix_{table}_alarm_id"), table, ["alarm_id"])


def _create_memory() -> None:
    op.create_table(
        "alarm_state",
        _big("rule_id"),
        _big("subject_id"),
        sa.Column("body", postgresql.JSONB(), nullable=False),
        _ref("alarm_state", "rule_id", "alarm_rule", "CASCADE"),
        sa.PrimaryKeyConstraint("rule_id", "subject_id", name=op.f("pk_alarm_state")),
    )
    op.create_table(
        "alarm_round",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        _when("at"),
        _word("marks", 4000),
        _count("took_ms"),
        _count("subjects"),
        _check("alarm_round", "one", "id = 1"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarm_round")),
    )
    table = "alarm_recipient"
    op.create_table(
        table,
        _id(),
        _word("address", 255),
        _word("language", 64),
        _word("severity", 64),
        _big("site_id", nullable=True),
        _when("created_at"),
        _check(table, "severity", f"severity IN ({SEVERITIES})"),
        _check(table, "language", "language IN ('zh', 'en')"),
        _ref(table, "site_id", "site"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint(
            "address", "site_id",
            name=op.f(f"uq_{table}_address_site_id"),
            postgresql_nulls_not_distinct=True,
        ),
    )  # fmt: skip
    op.create_index(op.f(f"ix_{table}_site_id"), table, ["site_id"])
    table = "alarm_trial"
    op.create_table(
        table,
        _id(),
        _big("rule_id", nullable=True),
        _word("name", 255),
        sa.Column("rule", postgresql.JSONB(), nullable=False),
        _when("starts_at"),
        _when("ends_at"),
        _word("state", 64),
        _count("done"),
        _count("total"),
        sa.Column("result", postgresql.JSONB(), nullable=True),
        _when("asked_at"),
        _word("asked_by", 255),
        _check(table, "state", "state IN ('waiting', 'running', 'done', 'failed')"),
        _check(table, "window", "ends_at > starts_at"),
        _check(table, "result", "(state = 'done') = (result IS NOT NULL)"),
        _ref(table, "rule_id", "alarm_rule", "SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    op.create_index(op.f(f"ix_{table}_rule_id"), table, ["rule_id"])


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
