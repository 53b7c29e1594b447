"""the file of raw samples that a statement's manifest names; marked copies"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("statement", sa.Column("samples_sha256", sa.String(length=64), nullable=True))
    op.add_column("statement", sa.Column("samples_size", sa.BigInteger(), nullable=True))
    op.create_check_constraint(
        op.f("ck_statement_samples"),
        "statement",
        "num_nonnulls(samples_sha256, samples_size) IN (0, 2)",
    )
    op.create_table(
        "marked_copy",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("statement_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(length=20), nullable=False),
        sa.Column("recipient", sa.String(length=255), nullable=False),
        sa.Column("original_sha256", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("unsigned_sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("signer", sa.String(length=255), nullable=False),
        sa.Column("made_by", sa.String(length=255), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_marked_copy_customer_id")
        ),
        sa.ForeignKeyConstraint(
            ["statement_id"], ["statement.id"], name=op.f("fk_marked_copy_statement_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_marked_copy")),
        sa.UniqueConstraint("code", name=op.f("uq_marked_copy_code")),
        sa.UniqueConstraint("sha256", name=op.f("uq_marked_copy_sha256")),
    )
    for column in ("customer_id", "statement_id"):
        op.create_index(op.f(f"ix_marked_copy_{column}"), "marked_copy", [column])
    op.execute("ALTER TABLE marked_copy ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE marked_copy FORCE ROW LEVEL SECURITY")
    rule = (
        "current_setting('jifang.staff', true) = 'yes' OR "
        "customer_id = NULLIF(current_setting('jifang.customer', true), '')::bigint"
    )
    op.execute(f"CREATE POLICY tenant ON marked_copy USING ({rule}) WITH CHECK ({rule})")
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON marked_copy"
        " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON marked_copy"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    op.drop_table("marked_copy")
    op.drop_constraint(op.f("ck_statement_samples"), "statement", type_="check")
    op.drop_column("statement", "samples_size")
    op.drop_column("statement", "samples_sha256")
