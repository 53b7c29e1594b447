"""maintenance from plan to proof: states, notices as sent, the customers' approval"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_STATES = "('planned', 'approved', 'announced', 'under_way', 'done', 'cancelled')"
_KINDS = "('maintenance', 'emergency', 'force_majeure', 'customer_caused')"
_TEXT = sa.String(length=4000)
_NAME = sa.String(length=255)
_CODE = sa.String(length=64)
_INSTANT = sa.DateTime(timezone=True)
# What was told, kept by a trigger: (table, columns that may still be filled in, once).
_KEPT = (("maintenance_notice", "{read_at,read_by}"), ("maintenance_consent", "{}"))


def upgrade() -> None:
    _extend_maintenance()
    _extend_notices()
    op.create_table(
        "maintenance_consent",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("maintenance_id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("decision", _CODE, nullable=False),
        sa.Column("reason", _TEXT, nullable=False),
        sa.Column("starts_at", _INSTANT, nullable=False),
        sa.Column("ends_at", _INSTANT, nullable=False),
        sa.Column("decided_by", _NAME, nullable=False),
        sa.Column("decided_at", _INSTANT, nullable=False),
        sa.CheckConstraint(
            "decision IN ('approved', 'objected')", name=op.f("ck_maintenance_consent_decision")
        ),
        sa.CheckConstraint(
            "decision <> 'objected' OR reason <> ''", name=op.f("ck_maintenance_consent_reason")
        ),
        sa.ForeignKeyConstraint(
            ["maintenance_id"],
            ["maintenance.id"],
            name=op.f("fk_maintenance_consent_maintenance_id"),
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_maintenance_consent_customer_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_maintenance_consent")),
    )
    for column in ("maintenance_id", "customer_id"):
        op.create_index(op.f(f"ix_maintenance_consent_{column}"), "maintenance_consent", [column])
    op.execute("ALTER TABLE maintenance_consent ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE maintenance_consent FORCE ROW LEVEL SECURITY")
    rule = (
        "current_setting('jifang.staff', true) = 'yes' OR "
        "customer_id = NULLIF(current_setting('jifang.customer', true), '')::bigint"
    )
    op.execute(f"CREATE POLICY tenant ON maintenance_consent USING ({rule}) WITH CHECK ({rule})")
    op.execute(
        """
        CREATE FUNCTION keep_what_was_told() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE once CONSTANT text[] := TG_ARGV[0];
        BEGIN
            IF TG_OP = 'UPDATE' AND to_jsonb(OLD) - once = to_jsonb(NEW) - once
                AND to_jsonb(OLD) ->> 'read_at' IS NULL AND once <> '{}'
            THEN
                RETURN NEW;
            END IF;
            RAISE EXCEPTION 'what was told or approved is never changed or deleted'
                USING ERRCODE = 'integrity_constraint_violation',
                CONSTRAINT = TG_TABLE_NAME || '_kept';
        END $$
        """
    )
    for table, once in _KEPT:
        op.execute(
            f"CREATE TRIGGER {table}_kept BEFORE UPDATE OR DELETE ON {table}"
            f" FOR EACH ROW EXECUTE FUNCTION keep_what_was_told('{once}')"
        )


def _extend_maintenance() -> None:
    for name, kind, default in (
        ("kind", _CODE, "'maintenance'"),
        ("risk", _CODE, "'low'"),
        ("reason", _TEXT, "''"),
        ("reason_en", _TEXT, "''"),
        ("work_plan", _TEXT, "''"),
        ("evidence", _TEXT, "''"),
        # What stood there was announced; what is past was done.
        ("state", _CODE, "'announced'"),
        ("after_fact", sa.Boolean(), "false"),
        ("planned_by", _NAME, "''"),
        ("planned_at", _INSTANT, "now()"),
        ("cancel_reason", _TEXT, "''"),
    ):
        column = sa.Column(name, kind, nullable=False, server_default=sa.text(default))
        op.add_column("maintenance", column)
        op.alter_column("maintenance", name, server_default=None)
    for name in ("approved_at", "begun_at", "over_at"):
        op.add_column("maintenance", sa.Column(name, _INSTANT, nullable=True))
    op.alter_column("maintenance", "announced_at", nullable=True)
    op.execute("UPDATE maintenance SET planned_at = announced_at")
    op.execute("UPDATE maintenance SET state = 'done' WHERE ends_at <= now()")
    for name, rule in (
        ("state", f"state IN {_STATES}"),
        ("kind", f"kind IN {_KINDS}"),
        ("risk", "risk IN ('low', 'medium', 'high')"),
        ("two_people", "approved_by = '' OR approved_by <> planned_by"),
        ("cancel_reason", "state <> 'cancelled' OR cancel_reason <> ''"),
    ):
        op.create_check_constraint(op.f(f"ck_maintenance_{name}"), "maintenance", rule)


def _extend_notices() -> None:
    for name, kind, default in (
        ("sent_by", _NAME, "''"),
        ("recorded_at", _INSTANT, "now()"),
        ("language", sa.String(length=8), "''"),
        ("text", sa.Text(), "''"),
        ("sha256", _CODE, "''"),
        ("read_by", _NAME, "''"),
    ):
        column = sa.Column(name, kind, nullable=False, server_default=sa.text(default))
        op.add_column("maintenance_notice", column)
        op.alter_column("maintenance_notice", name, server_default=None)
    for name in ("starts_at", "ends_at", "read_at"):
        op.add_column("maintenance_notice", sa.Column(name, _INSTANT, nullable=True))
    # Row security holds for the owner too; the rows of all tenants are meant.
    op.execute("SELECT set_config('jifang.staff', 'yes', true)")
    op.execute(
        "UPDATE maintenance_notice AS notice SET starts_at = work.starts_at,"
        " ends_at = work.ends_at, recorded_at = notice.sent_at,"
        " channel = CASE notice.channel WHEN 'mail' THEN 'email' WHEN 'phone' THEN 'phone'"
        " WHEN 'portal' THEN 'portal' ELSE 'letter' END"
        " FROM maintenance AS work WHERE work.id = notice.maintenance_id"
    )
    for name in ("starts_at", "ends_at"):
        op.alter_column("maintenance_notice", name, nullable=False)
    op.drop_constraint(
        "uq_maintenance_notice_maintenance_id_customer_id_channel", "maintenance_notice"
    )
    op.create_check_constraint(
        op.f("ck_maintenance_notice_channel"),
        "maintenance_notice",
        "channel IN ('email', 'phone', 'portal', 'letter')",
    )
    op.create_check_constraint(
        op.f("ck_maintenance_notice_dates"), "maintenance_notice", "ends_at > starts_at"
    )


def downgrade() -> None:
    """Refused by the tables' own rules where a window was never announced or told twice."""
    for table, _ in _KEPT:
        op.execute(f"DROP TRIGGER {table}_kept ON {table}")
    op.drop_table("maintenance_consent")
    op.execute("DROP FUNCTION keep_what_was_told()")
    for name in ("channel", "dates"):
        op.drop_constraint(op.f(f"ck_maintenance_notice_{name}"), "maintenance_notice")
    op.create_unique_constraint(
        op.f("uq_maintenance_notice_maintenance_id_customer_id_channel"),
        "maintenance_notice",
        ["maintenance_id", "customer_id", "channel"],
    )
    for name in (
        "starts_at", "ends_at", "sent_by", "recorded_at", "language", "text", "sha256",
        "read_at", "read_by",
    ):  # fmt: skip
        op.drop_column("maintenance_notice", name)
    for name in ("state", "kind", "risk", "two_people", "cancel_reason"):
        op.drop_constraint(op.f(f"ck_maintenance_{name}"), "maintenance")
    op.alter_column("maintenance", "announced_at", nullable=False)
    for name in (
        "kind", "risk", "reason", "reason_en", "work_plan", "evidence", "state", "after_fact",
        "planned_by", "planned_at", "cancel_reason", "approved_at", "begun_at", "over_at",
    ):  # fmt: skip
        op.drop_column("maintenance", name)
