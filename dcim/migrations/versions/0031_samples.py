"""the file of raw samples that a statement's manifest names"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0028"
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


def downgrade() -> None:
    op.drop_constraint(op.f("ck_statement_samples"), "statement", type_="check")
    op.drop_column("statement", "samples_size")
    op.drop_column("statement", "samples_sha256")
