"""the calendar of holidays and of days worked; claims of credits"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "calendar_day",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("name_en", sa.String(length=255), nullable=False),
        sa.CheckConstraint("kind IN ('holiday', 'worked')", name=op.f("ck_calendar_day_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendar_day")),
        sa.UniqueConstraint("day", name=op.f("uq_calendar_day_day")),
    )
    op.create_table(
        "credit_claim",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("contract_id", sa.BigInteger(), nullable=False),
        sa.Column("period", sa.String(length=7), nullable=False),
        sa.Column("results", postgresql.JSONB(), nullable=False),
        sa.Column("text", sa.String(length=4000), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entered_by", sa.String(length=255), nullable=False),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=4000), nullable=False),
        sa.Column("decided_by", sa.String(length=255), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('open', 'accepted', 'refused')", name=op.f("ck_credit_claim_state")
        ),
        sa.CheckConstraint(
            "(state = 'open') = (decided_at IS NULL) AND (state = 'open') = (reason = '')",
            name=op.f("ck_credit_claim_decided"),
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_credit_claim_customer_id")
        ),
        sa.ForeignKeyConstraint(
            ["contract_id"], ["contract.id"], name=op.f("fk_credit_claim_contract_id")
        ),
        sa.ForeignKeyConstraint(
            ["contract_id", "customer_id"],
            ["contract.id", "contract.customer_id"],
            name="fk_credit_claim_contract_of_customer",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_claim")),
    )
    for column in ("customer_id", "contract_id"):
        op.create_index(op.f(f"ix_credit_claim_{column}"), "credit_claim", [column])
    op.execute("ALTER TABLE credit_claim ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE credit_claim FORCE ROW LEVEL SECURITY")
    rule = (
        "current_setting('jifang.staff', true) = 'yes' OR "
        "customer_id = NULLIF(current_setting('jifang.customer', true), '')::bigint"
    )
    op.execute(f"CREATE POLICY tenant ON credit_claim USING ({rule}) WITH CHECK ({rule})")
    op.execute(
        """
        CREATE FUNCTION keep_credit_claim() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE decision CONSTANT text[] := '{state,reason,decided_by,decided_at}';
        BEGIN
            IF TG_OP = 'UPDATE' AND to_jsonb(OLD) - decision = to_jsonb(NEW) - decision THEN
                RETURN NEW;
            END IF;
            RAISE EXCEPTION 'a credit claim is decided, never changed or deleted'
                USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'credit_claim_kept';
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER credit_claim_kept BEFORE UPDATE OR DELETE ON credit_claim"
        " FOR EACH ROW EXECUTE FUNCTION keep_credit_claim()"
    )


def downgrade() -> None:
    op.drop_table("credit_claim")
    op.execute("DROP FUNCTION keep_credit_claim()")
    op.drop_table("calendar_day")
