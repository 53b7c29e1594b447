"""incidents by hand; contests, overrules by two people, and links between incidents"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_OWN = "customer_id = NULLIF(current_setting('jifang.customer', true), '')::bigint"
_STAFF = "current_setting('jifang.staff', true) = 'yes'"
# What of a row a decision may change; the rest stays as it was written.
_DECISIONS = {
    "incident_contest": "{state,answer,answered_by,answered_at}",
    "incident_overrule": "{state,decision,decided_by,decided_at,decider_id}",
    "incident_link": "{undone_at,undone_by,undo_reason}",
}
_OPEN = {
    "incident_contest": "answered_at",
    "incident_overrule": "decided_at",
    "incident_link": "undone_at",
}


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False)


def _word(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length), nullable=False)


def _when(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _ref(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}"))


def upgrade() -> None:
    op.add_column(
        "incident", sa.Column("manual", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.add_column(
        "incident", sa.Column("subject", sa.String(length=64), nullable=False, server_default="")
    )
    op.add_column(
        "incident", sa.Column("reason", sa.String(length=4000), nullable=False, server_default="")
    )
    for column in ("manual", "subject", "reason"):
        op.alter_column("incident", column, server_default=None)
    op.create_check_constraint(
        op.f("ck_incident_manual"),
        "incident",
        "manual = (subject <> '') AND manual = (reason <> '')",
    )
    _create_contests()
    _create_overrules()
    _create_links()
    op.execute(
        """
        CREATE FUNCTION keep_incident_decision() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE decision text[] := TG_ARGV[0]::text[];
        BEGIN
            IF TG_OP = 'UPDATE' AND to_jsonb(OLD) ->> TG_ARGV[1] IS NULL
                AND to_jsonb(OLD) - decision = to_jsonb(NEW) - decision THEN
                RETURN NEW;
            END IF;
            RAISE EXCEPTION 'it is decided once, never changed or deleted'
                USING ERRCODE = 'integrity_constraint_violation',
                CONSTRAINT = 'incident_decision_kept';
        END $$
        """
    )
    for table, columns in _DECISIONS.items():
        op.execute(
            f"CREATE TRIGGER {table}_kept BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW"
            f" EXECUTE FUNCTION keep_incident_decision('{columns}', '{_OPEN[table]}')"
        )


def _create_contests() -> None:
    table = "incident_contest"
    op.create_table(
        table,
        _id(),
        sa.Column("incident_id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        _word("reason", 4000),
        _when("made_at"),
        _word("made_by", 255),
        _word("state", 64),
        _word("answer", 4000),
        _word("answered_by", 255),
        _when("answered_at", nullable=True),
        sa.CheckConstraint(
            "state IN ('open', 'upheld', 'refused')", name=op.f("ck_incident_contest_state")
        ),
        sa.CheckConstraint(
            "(state = 'open') = (answered_at IS NULL) AND (state = 'open') = (answer = '')",
            name=op.f("ck_incident_contest_answered"),
        ),
        _ref(table, "incident_id", "incident"),
        _ref(table, "customer_id", "customer"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident_contest")),
    )
    for column in ("incident_id", "customer_id"):
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])
    _wall(table, f"{_STAFF} OR {_OWN}")


def _create_overrules() -> None:
    table = "incident_overrule"
    op.create_table(
        table,
        _id(),
        sa.Column("incident_id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        _word("ruling", 64),
        _when("starts_at", nullable=True),
        _when("ends_at", nullable=True),
        _word("cause_class", 64),
        _word("cause", 255),
        _word("cause_en", 255),
        _when("measured_from"),
        _when("measured_to"),
        sa.Column("resources", postgresql.JSONB(), nullable=False),
        _word("reason", 4000),
        _when("proposed_at"),
        _word("proposed_by", 255),
        sa.Column("proposer_id", sa.BigInteger(), nullable=False),
        _word("state", 64),
        _word("decision", 4000),
        _when("decided_at", nullable=True),
        _word("decided_by", 255),
        sa.Column("decider_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "ruling IN ('did_not_happen', 'times', 'cause', 'as_measured')",
            name=op.f("ck_incident_overrule_ruling"),
        ),
        sa.CheckConstraint(
            "state IN ('open', 'accepted', 'refused', 'withdrawn')",
            name=op.f("ck_incident_overrule_state"),
        ),
        sa.CheckConstraint(
            "(ruling = 'times') = (starts_at IS NOT NULL)"
            " AND (starts_at IS NULL) = (ends_at IS NULL) AND ends_at > starts_at",
            name=op.f("ck_incident_overrule_times"),
        ),
        sa.CheckConstraint(
            "measured_to > measured_from", name=op.f("ck_incident_overrule_measured")
        ),
        sa.CheckConstraint(
            "(state = 'open') = (decided_at IS NULL) AND (state = 'open') = (decision = '')"
            " AND (state = 'open') = (decider_id IS NULL)",
            name=op.f("ck_incident_overrule_decided"),
        ),
        sa.CheckConstraint(
            "decider_id IS NULL OR (state = 'withdrawn') = (decider_id = proposer_id)",
            name=op.f("ck_incident_overrule_four_eyes"),
        ),
        _ref(table, "incident_id", "incident"),
        _ref(table, "customer_id", "customer"),
        _ref(table, "proposer_id", "app_user"),
        _ref(table, "decider_id", "app_user"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident_overrule")),
    )
    for column in ("incident_id", "customer_id"):
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])
    op.create_index(
        "uq_incident_overrule_open",
        table,
        ["incident_id"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )
    # One that concerns all whom the incident hit is told to each of them; staff alone propose.
    shared = f"SELECT hit.incident_id FROM incident_impact hit WHERE hit.{_OWN}"  # noqa: S608
    sees = f"{_STAFF} OR {_OWN} OR (customer_id IS NULL AND incident_id IN ({shared}))"
    _wall(table, sees, _STAFF)


def _create_links() -> None:
    table = "incident_link"
    op.create_table(
        table,
        _id(),
        _word("kind", 64),
        sa.Column("incident_id", sa.BigInteger(), nullable=False),
        sa.Column("other_id", sa.BigInteger(), nullable=True),
        sa.Column("maintenance_id", sa.BigInteger(), nullable=True),
        _when("split_at", nullable=True),
        _word("reason", 4000),
        _when("made_at"),
        _word("made_by", 255),
        _when("undone_at", nullable=True),
        _word("undone_by", 255),
        _word("undo_reason", 4000),
        sa.CheckConstraint(
            "kind IN ('during_maintenance', 'consequence', 'merge', 'split')",
            name=op.f("ck_incident_link_kind"),
        ),
        sa.CheckConstraint(
            "num_nonnulls(other_id, maintenance_id, split_at) = 1"
            " AND (kind = 'during_maintenance') = (maintenance_id IS NOT NULL)"
            " AND (kind = 'split') = (split_at IS NOT NULL)",
            name=op.f("ck_incident_link_to"),
        ),
        sa.CheckConstraint("other_id <> incident_id", name=op.f("ck_incident_link_other")),
        sa.CheckConstraint(
            "(undone_at IS NULL) = (undo_reason = '')", name=op.f("ck_incident_link_undone")
        ),
        _ref(table, "incident_id", "incident"),
        _ref(table, "other_id", "incident"),
        _ref(table, "maintenance_id", "maintenance"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident_link")),
    )
    for column in ("incident_id", "other_id", "maintenance_id"):
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])
    op.create_index(
        "uq_incident_link_standing",
        table,
        ["kind", "incident_id", "other_id", "maintenance_id", "split_at"],
        unique=True,
        postgresql_where=sa.text("undone_at IS NULL"),
        postgresql_nulls_not_distinct=True,
    )


def _wall(table: str, sees: str, writes: str | None = None) -> None:
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON {table} USING ({sees}) WITH CHECK ({writes or sees})")


def downgrade() -> None:
    for table in ("incident_link", "incident_overrule", "incident_contest"):
        op.drop_table(table)
    op.execute("DROP FUNCTION keep_incident_decision()")
    # The version before knows none that a person recorded.
    op.execute("DELETE FROM incident WHERE manual")
    op.drop_constraint(op.f("ck_incident_manual"), "incident")
    for column in ("reason", "subject", "manual"):
        op.drop_column("incident", column)
