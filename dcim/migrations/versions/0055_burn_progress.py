"""how far what counts is known, contract by contract"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None


def _when(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=True)


def upgrade() -> None:
    op.create_table(
        "burn_progress",
        sa.Column("contract_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        _when("until"),
        _when("known_at"),
        _when("tried_at"),
        sa.Column("problem", sa.String(length=4000), nullable=False, server_default=""),
        sa.ForeignKeyConstraint(
            ["contract_id"],
            ["contract.id"],
            name=op.f("fk_burn_progress_contract_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_burn_progress_customer_id")
        ),
        sa.ForeignKeyConstraint(
            ["contract_id", "customer_id"],
            ["contract.id", "contract.customer_id"],
            name="fk_burn_progress_contract_of_customer",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("contract_id", name=op.f("pk_burn_progress")),
    )
    op.create_index(op.f("ix_burn_progress_customer_id"), "burn_progress", ["customer_id"])
    op.create_index(
        "ix_burn_progress_behind",
        "burn_progress",
        ["contract_id"],
        postgresql_where=sa.text("until IS NOT NULL"),
    )
    op.execute("ALTER TABLE burn_progress ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE burn_progress FORCE ROW LEVEL SECURITY")
    rule = (
        "current_setting('jifang.staff', true) = 'yes' OR "
        "customer_id = NULLIF(current_setting('jifang.customer', true), '')::bigint"
    )
    op.execute(f"CREATE POLICY tenant ON burn_progress USING ({rule}) WITH CHECK ({rule})")
    # What was written last of any contract, of each that has something: nothing comes before it.
    op.execute("SELECT set_config('jifang.staff', 'yes', true)")
    op.execute(
        "INSERT INTO burn_progress (contract_id, customer_id, known_at)"
        " SELECT DISTINCT i.contract_id, i.customer_id, r.known_at FROM burn_round r"
        " CROSS JOIN burned_stretch s JOIN contract_item i ON i.id = s.contract_item_id"
        " WHERE r.known_at IS NOT NULL"
    )
    op.drop_column("burn_round", "known_at")
    op.drop_column("burn_round", "last_contract_id")
    op.add_column("alarm_round", sa.Column("burned", postgresql.JSONB(), nullable=True))


def downgrade() -> None:
    op.drop_column("alarm_round", "burned")
    op.add_column(
        "burn_round",
        sa.Column("last_contract_id", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
    )
    op.add_column("burn_round", _when("known_at"))
    op.execute("SELECT set_config('jifang.staff', 'yes', true)")
    op.execute(
        "UPDATE burn_round SET known_at = greatest(until + interval '1 millisecond',"
        " (SELECT max(known_at) FROM burn_progress)) WHERE until IS NOT NULL"
    )
    op.drop_table("burn_progress")
