"""tallies take whatever statements say

0033 makes these columns so by now; where it ran before, titles were bounded, and a longer one
kept a statement from being issued.
"""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

SAID = {
    "statement_result": ("title", "title_en", "name", "name_en"),
    "statement_cause": ("cause", "cause_en"),
}


def upgrade() -> None:
    for table, columns in SAID.items():
        for column in columns:
            op.alter_column(table, column, type_=sa.Text())


def downgrade() -> None:
    """Wide they stay: 0033 makes them so."""
