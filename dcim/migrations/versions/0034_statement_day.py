"""the day and hour on which a contract's statements are issued"""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name, value in (("statement_day", "1"), ("statement_hour", "2")):
        op.add_column(
            "contract",
            sa.Column(name, sa.SmallInteger(), nullable=False, server_default=value),
        )
        op.alter_column("contract", name, server_default=None)
    op.create_check_constraint(
        op.f("ck_contract_statement"),
        "contract",
        "statement_day BETWEEN 1 AND 28 AND statement_hour BETWEEN 0 AND 23",
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_contract_statement"), "contract")
    op.drop_column("contract", "statement_hour")
    op.drop_column("contract", "statement_day")
