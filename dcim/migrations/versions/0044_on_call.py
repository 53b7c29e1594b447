"""who is on call, whom to tell when nobody takes an alarm on, and shifts handed over"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

_EVENTS = (
    "'raised', 'cleared', 'flapping', 'steady', 'ended', 'silenced', 'unsilenced', 'notified',"
    " 'folded', 'unfolded', 'acknowledged', 'assigned', 'noted', 'snoozed', 'unsnoozed'"
)
# Those of the log of shifts: what may still change, until the column named beside it is written.
_OPEN = {
    "shift_handover": ("{taken_at,taken_by,taker_id}", "taken_at"),
    "handover_item": ("{ticked_at,ticked_by,outcome}", "ticked_at"),
}
TABLES = (
    "on_call_calendar", "on_call_turn", "on_call_holiday", "on_call_stand_in",
    "escalation_policy", "escalation_policy_rule", "escalation_step", "escalation_deed",
    "shift_handover", "handover_item", "handover_note",
)  # fmt: skip


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False)


def _word(name: str, length: int = 255) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length), nullable=False)


def _when(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _big(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _small(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.SmallInteger(), autoincrement=False, nullable=False)


def _ref(table: str, column: str, other: str, ondelete: str | None = None) -> Any:
    return sa.ForeignKeyConstraint(
        [column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}"), ondelete=ondelete
    )


def _check(table: str, name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}"))


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=op.f(f"pk_{table}"))


def _index(table: str, *columns: str) -> None:
    for column in columns:
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])


def upgrade() -> None:
    _create_calendars()
    _create_policies()
    _create_handovers()
    _allow_events(f"{_EVENTS}, 'escalated', 'unreached'")


def _allow_events(kinds: str) -> None:
    name = op.f("ck_alarm_event_kind")
    op.drop_constraint(name, "alarm_event", type_="check")
    op.create_check_constraint(name, "alarm_event", f"kind IN ({kinds})")


def _create_calendars() -> None:
    table = "on_call_calendar"
    op.create_table(
        table,
        _id(),
        _word("name"),
        _word("timezone", 64),
        sa.Column("handover", sa.Time(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        _small("days"),
        sa.Column("ends_on", sa.Date(), nullable=True),
        _when("changed_at"),
        _word("changed_by"),
        _check(table, "days", "days BETWEEN 1 AND 366"),
        _check(table, "ends", "ends_on > first_day"),
        _key(table, "id"),
        sa.UniqueConstraint("name", name=op.f(f"uq_{table}_name")),
    )
    table = "on_call_turn"
    op.create_table(
        table,
        _big("calendar_id"),
        _small("position"),
        _big("user_id"),
        _ref(table, "calendar_id", "on_call_calendar", "CASCADE"),
        _ref(table, "user_id", "app_user"),
        _key(table, "calendar_id", "position"),
    )
    _index(table, "user_id")
    table = "on_call_holiday"
    op.create_table(
        table,
        _big("calendar_id"),
        sa.Column("day", sa.Date(), nullable=False),
        _big("user_id"),
        _ref(table, "calendar_id", "on_call_calendar", "CASCADE"),
        _ref(table, "user_id", "app_user"),
        _key(table, "calendar_id", "day"),
    )
    _index(table, "user_id")
    table = "on_call_stand_in"
    op.create_table(
        table,
        _id(),
        _big("calendar_id"),
        _big("user_id"),
        _when("starts_at"),
        _when("ends_at"),
        _word("reason"),
        _when("entered_at"),
        _word("entered_by"),
        _check(table, "times", "ends_at > starts_at"),
        _ref(table, "calendar_id", "on_call_calendar", "CASCADE"),
        _ref(table, "user_id", "app_user"),
        _key(table, "id"),
    )
    _index(table, "calendar_id", "user_id")


def _create_policies() -> None:
    table = "escalation_policy"
    op.create_table(
        table,
        _id(),
        _word("name"),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        _word("severity", 64),
        _big("site_id", nullable=True),
        _when("counts_from"),
        _when("changed_at"),
        _word("changed_by"),
        _check(table, "severity", "severity IN ('critical', 'major', 'warning')"),
        _ref(table, "site_id", "site"),
        _key(table, "id"),
        sa.UniqueConstraint("name", name=op.f(f"uq_{table}_name")),
    )
    _index(table, "site_id")
    table = "escalation_policy_rule"
    op.create_table(
        table,
        _big("policy_id"),
        _big("rule_id"),
        _ref(table, "policy_id", "escalation_policy", "CASCADE"),
        _ref(table, "rule_id", "alarm_rule"),
        _key(table, "policy_id", "rule_id"),
    )
    _index(table, "rule_id")
    table = "escalation_step"
    op.create_table(
        table,
        _big("policy_id"),
        _small("number"),
        sa.Column("after_min", sa.Integer(), nullable=False),
        _word("kind", 64),
        _big("calendar_id", nullable=True),
        _big("user_id", nullable=True),
        _big("endpoint_id", nullable=True),
        _check(table, "kind", "kind IN ('calendar', 'person', 'endpoint')"),
        _check(table, "after", "after_min BETWEEN 0 AND 10080"),
        _check(table, "calendar", "(kind = 'calendar') = (calendar_id IS NOT NULL)"),
        _check(table, "person", "(kind = 'person') = (user_id IS NOT NULL)"),
        _check(table, "endpoint", "(kind = 'endpoint') = (endpoint_id IS NOT NULL)"),
        _ref(table, "policy_id", "escalation_policy", "CASCADE"),
        _ref(table, "calendar_id", "on_call_calendar"),
        _ref(table, "user_id", "app_user"),
        _ref(table, "endpoint_id", "endpoint"),
        _key(table, "policy_id", "number"),
    )
    _index(table, "calendar_id", "user_id", "endpoint_id")
    table = "escalation_deed"
    op.create_table(
        table,
        _id(),
        _big("alarm_id"),
        _big("policy_id", nullable=True),
        _when("counted_from"),
        _small("number"),
        _big("event_id", nullable=True),
        _when("at"),
        _when("done_at"),
        _word("outcome", 64),
        _word("who"),
        _word("by", 64),
        _word("calendar"),
        _word("policy"),
        _check(
            table,
            "outcome",
            "outcome IN ('told', 'gap', 'inactive', 'no_mail', 'endpoint_off')",
        ),
        _ref(table, "alarm_id", "alarm"),
        _ref(table, "policy_id", "escalation_policy", "SET NULL"),
        _ref(table, "event_id", "alarm_event"),
        _key(table, "id"),
        sa.UniqueConstraint(
            "alarm_id", "policy_id", "counted_from", "number",
            name=op.f(f"uq_{table}_alarm_id_policy_id_counted_from_number"),
        ),
        sa.UniqueConstraint("event_id", name=op.f(f"uq_{table}_event_id")),
    )  # fmt: skip
    _index(table, "alarm_id", "policy_id")


def _create_handovers() -> None:
    table = "shift_handover"
    op.create_table(
        table,
        _id(),
        _when("given_at"),
        _word("given_by"),
        _big("giver_id"),
        _big("meant_for_id"),
        _word("meant_for"),
        _word("notes", 4000),
        sa.Column("items", postgresql.JSONB(), nullable=False),
        _when("taken_at", nullable=True),
        _word("taken_by"),
        _big("taker_id", nullable=True),
        _check(table, "two_people", "taker_id <> giver_id AND meant_for_id <> giver_id"),
        _check(table, "taken", "(taken_at IS NULL) = (taker_id IS NULL)"),
        _check(table, "taken_by", "(taken_at IS NULL) = (taken_by = '')"),
        _check(table, "times", "taken_at >= given_at"),
        _ref(table, "giver_id", "app_user"),
        _ref(table, "meant_for_id", "app_user"),
        _ref(table, "taker_id", "app_user"),
        _key(table, "id"),
    )
    _index(table, "given_at", "giver_id", "meant_for_id", "taker_id")
    # Of one person one at a time waits to be taken over.
    op.create_index(
        "uq_shift_handover_waiting",
        table,
        ["giver_id"],
        unique=True,
        postgresql_where=sa.text("taken_at IS NULL"),
    )
    table = "handover_item"
    op.create_table(
        table,
        _id(),
        _big("handover_id"),
        _word("text", 4000),
        _when("entered_at"),
        _word("entered_by"),
        _when("ticked_at", nullable=True),
        _word("ticked_by"),
        _word("outcome", 4000),
        _check(table, "ticked", "(ticked_at IS NULL) = (ticked_by = '')"),
        _ref(table, "handover_id", "shift_handover"),
        _key(table, "id"),
    )
    _index(table, "handover_id")
    op.create_index(
        "ix_handover_item_open", table, ["id"], postgresql_where=sa.text("ticked_at IS NULL")
    )
    table = "handover_note"
    op.create_table(
        table,
        _id(),
        _big("handover_id"),
        _when("at"),
        _word("actor"),
        _word("text", 4000),
        _ref(table, "handover_id", "shift_handover"),
        _key(table, "id"),
    )
    _index(table, "handover_id")
    for table, (columns, end) in _OPEN.items():
        op.execute(
            f"CREATE TRIGGER {table}_kept BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW"
            f" EXECUTE FUNCTION keep_incident_decision('{columns}', '{end}')"
        )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON handover_note"
        " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON handover_note"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    """Refused by the constraint where an alarm has been escalated: its history is kept."""
    _allow_events(_EVENTS)
    for table in reversed(TABLES):
        op.drop_table(table)
