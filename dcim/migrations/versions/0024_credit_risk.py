"""what the running month of each contract may cost in credits"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

MONEY = sa.Numeric(precision=14, scale=2)


def upgrade() -> None:
    op.create_table(
        "credit_risk",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("contract_id", sa.BigInteger(), nullable=False),
        sa.Column("period", sa.String(length=7), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("is_closed", sa.Boolean(), nullable=False),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("took_ms", sa.Integer(), nullable=False),
        sa.Column("problem", sa.String(length=4000), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=True),
        *(sa.Column(f"owed{end}", MONEY, nullable=False) for end in ("", "_least", "_most")),
        *(
            sa.Column(f"{name}{end}", MONEY, nullable=True)
            for name in ("at_rate", "if_open")
            for end in ("", "_least", "_most")
        ),
        sa.Column("at_risk", MONEY, nullable=False),
        sa.Column("window_s", sa.Integer(), nullable=False),
        sa.Column("open_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("step_s", sa.Integer(), nullable=True),
        sa.Column("step_amount", MONEY, nullable=True),
        sa.Column("dark", sa.Integer(), nullable=False),
        sa.Column("lines", postgresql.JSONB(), nullable=False),
        sa.Column("reviews", postgresql.JSONB(), nullable=False),
        sa.CheckConstraint(
            "as_of IS NOT NULL OR problem <> ''", name=op.f("ck_credit_risk_judged")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_credit_risk_customer_id")
        ),
        sa.ForeignKeyConstraint(
            ["contract_id"], ["contract.id"], name=op.f("fk_credit_risk_contract_id")
        ),
        sa.ForeignKeyConstraint(
            ["contract_id", "customer_id"],
            ["contract.id", "contract.customer_id"],
            name="fk_credit_risk_contract_of_customer",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_risk")),
        sa.UniqueConstraint(
            "contract_id", "period", name=op.f("uq_credit_risk_contract_id_period")
        ),
    )
    op.create_index(op.f("ix_credit_risk_customer_id"), "credit_risk", ["customer_id"])
    op.execute("ALTER TABLE credit_risk ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE credit_risk FORCE ROW LEVEL SECURITY")
    rule = (
        "current_setting('jifang.staff', true) = 'yes' OR "
        "customer_id = NULLIF(current_setting('jifang.customer', true), '')::bigint"
    )
    op.execute(f"CREATE POLICY tenant ON credit_risk USING ({rule}) WITH CHECK ({rule})")


def downgrade() -> None:
    op.drop_table("credit_risk")
