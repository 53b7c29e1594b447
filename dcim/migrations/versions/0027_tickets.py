"""tickets with their subjects and history"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_STAFF = "current_setting('jifang.staff', true) = 'yes'"
_OWN = "customer_id = NULLIF(current_setting('jifang.customer', true), '')::bigint"


def upgrade() -> None:
    _widen_ticket()
    op.create_table(
        "ticket_subject",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("contract_item_id", sa.BigInteger(), nullable=False),
        sa.Column("rack_id", sa.BigInteger(), nullable=True),
        sa.Column("port_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "num_nonnulls(rack_id, port_id) <= 1", name=op.f("ck_ticket_subject_one_part")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_ticket_subject_customer_id")
        ),
        sa.ForeignKeyConstraint(["rack_id"], ["rack.id"], name=op.f("fk_ticket_subject_rack_id")),
        sa.ForeignKeyConstraint(["port_id"], ["port.id"], name=op.f("fk_ticket_subject_port_id")),
        sa.ForeignKeyConstraint(
            ["ticket_id", "customer_id"],
            ["ticket.id", "ticket.customer_id"],
            name="fk_ticket_subject_ticket_of_customer",
        ),
        sa.ForeignKeyConstraint(
            ["contract_item_id", "customer_id"],
            ["contract_item.id", "contract_item.customer_id"],
            name="fk_ticket_subject_item_of_customer",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_subject")),
        sa.UniqueConstraint(
            "ticket_id",
            "contract_item_id",
            "rack_id",
            "port_id",
            name="uq_ticket_subject",
            postgresql_nulls_not_distinct=True,
        ),
    )
    for column in ("customer_id", "contract_item_id", "rack_id", "port_id"):
        op.create_index(op.f(f"ix_ticket_subject_{column}"), "ticket_subject", [column])
    op.create_table(
        "ticket_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=255), nullable=False),
        sa.Column("by_customer", sa.Boolean(), nullable=False),
        sa.Column("text", sa.String(length=4000), nullable=False),
        sa.Column("internal", sa.Boolean(), nullable=False),
        sa.Column("time", sa.String(length=64), nullable=False),
        sa.Column("before", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind IN ('open', 'answer', 'wait', 'resume', 'resolve', 'close', 'reopen', 'comment',"
            " 'correct')",
            name=op.f("ck_ticket_event_kind"),
        ),
        sa.CheckConstraint(
            "time IN ('', 'opened_at', 'responded_at', 'resolved_at', 'closed_at')",
            name=op.f("ck_ticket_event_time"),
        ),
        sa.CheckConstraint(
            "kind <> 'correct' OR (time <> '' AND before IS NOT NULL AND text <> '')",
            name=op.f("ck_ticket_event_correct"),
        ),
        sa.CheckConstraint(
            "NOT internal OR (kind = 'comment' AND NOT by_customer)",
            name=op.f("ck_ticket_event_internal"),
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_ticket_event_customer_id")
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id", "customer_id"],
            ["ticket.id", "ticket.customer_id"],
            name="fk_ticket_event_ticket_of_customer",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_event")),
    )
    for column in ("ticket_id", "customer_id"):
        op.create_index(op.f(f"ix_ticket_event_{column}"), "ticket_event", [column])
    _wall("ticket_subject", f"{_STAFF} OR {_OWN}")
    # What staff say among themselves isn't the customer's to read.
    _wall("ticket_event", f"{_STAFF} OR ({_OWN} AND NOT internal)")
    for table in ("ticket_subject", "ticket_event"):
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    op.execute(
        """
        CREATE FUNCTION keep_ticket() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE fixed CONSTANT text[] :=
            '{id,customer_id,number,kind,urgent,channel,title,text,entered_by}';
        BEGIN
            IF TG_OP = 'UPDATE' AND NOT EXISTS (
                SELECT FROM unnest(fixed) AS name
                WHERE to_jsonb(OLD) -> name IS DISTINCT FROM to_jsonb(NEW) -> name
            ) THEN
                RETURN NEW;
            END IF;
            RAISE EXCEPTION 'of a ticket the times change, nothing else, and it is never deleted'
                USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'ticket_kept';
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER ticket_kept BEFORE UPDATE OR DELETE ON ticket"
        " FOR EACH ROW EXECUTE FUNCTION keep_ticket()"
    )


def _widen_ticket() -> None:
    for name, length in (("channel", 64), ("text", 4000), ("entered_by", 255)):
        _add_text(name, length)
    _add_text("responded_by", 255)
    # Whether a call was urgent isn't known of those that are there already.
    op.add_column("ticket", sa.Column("urgent", sa.Boolean(), nullable=True))
    for name in ("waiting_since", "resolved_at"):
        op.add_column("ticket", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.create_check_constraint(
        op.f("ck_ticket_channel"), "ticket", "channel IN ('', 'phone', 'mail', 'portal')"
    )
    op.create_check_constraint(
        op.f("ck_ticket_visit"), "ticket", "kind <> 'visit' OR urgent IS NOT TRUE"
    )
    op.create_check_constraint(
        op.f("ck_ticket_order"),
        "ticket",
        "responded_at >= opened_at AND resolved_at >= responded_at"
        " AND closed_at >= resolved_at AND closed_at >= responded_at"
        " AND closed_at >= opened_at AND resolved_at >= opened_at",
    )
    op.create_unique_constraint(op.f("uq_ticket_id_customer_id"), "ticket", ["id", "customer_id"])


def _add_text(name: str, length: int) -> None:
    op.add_column(
        "ticket", sa.Column(name, sa.String(length=length), nullable=False, server_default="")
    )
    op.alter_column("ticket", name, server_default=None)


def _wall(table: str, rule: str) -> None:
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON {table} USING ({rule}) WITH CHECK ({rule})")


def downgrade() -> None:
    op.execute("DROP TRIGGER ticket_kept ON ticket")
    op.execute("DROP FUNCTION keep_ticket()")
    op.drop_table("ticket_event")
    op.drop_table("ticket_subject")
    op.drop_constraint(op.f("uq_ticket_id_customer_id"), "ticket")
    for name in ("channel", "visit", "order"):
        op.drop_constraint(op.f(f"ck_ticket_{name}"), "ticket")
    for name in (
        "channel", "text", "entered_by", "responded_by", "urgent", "waiting_since", "resolved_at",
    ):  # fmt: skip
        op.drop_column("ticket", name)
