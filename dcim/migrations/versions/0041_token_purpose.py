"""tokens that are for readings alone"""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "api_token",
        sa.Column("purpose", sa.String(length=64), nullable=False, server_default="all"),
    )
    op.alter_column("api_token", "purpose", server_default=None)
    op.create_check_constraint(
        op.f("ck_api_token_purpose"), "api_token", "purpose IN ('all', 'readings')"
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_api_token_purpose"), "api_token")
    op.drop_column("api_token", "purpose")
