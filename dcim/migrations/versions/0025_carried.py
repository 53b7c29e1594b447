"""ledger lines of what statements leave to each other, and of tax"""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

BEFORE = "kind IN ('rent', 'usage', 'credit', 'cap', 'correction')"
AFTER = "kind IN ('rent', 'usage', 'credit', 'cap', 'carried', 'tax', 'correction')"


def upgrade() -> None:
    _check(AFTER)


def downgrade() -> None:
    _check(BEFORE)


def _check(condition: str) -> None:
    op.drop_constraint(op.f("ck_ledger_entry_kind"), "ledger_entry", type_="check")
    op.create_check_constraint(op.f("ck_ledger_entry_kind"), "ledger_entry", condition)
