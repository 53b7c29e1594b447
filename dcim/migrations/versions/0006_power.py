"""switchgear, banks, phases, transfer switches"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

PHASES = "phase IN ('', 'L1', 'L2', 'L3', 'L12', 'L23', 'L31', 'L123')"


def upgrade() -> None:
    op.alter_column("power_node", "feed", type_=sa.String(2), existing_type=sa.String(1))
    op.drop_constraint(op.f("ck_power_node_kind"), "power_node")
    op.drop_constraint(op.f("ck_power_node_feed"), "power_node")
    # Existing rows: everything closed, on its one source, phases and plates not recorded.
    for column in (
        sa.Column("second_parent_id", sa.BigInteger(), nullable=True),
        sa.Column("name", sa.String(255), nullable=False, server_default=""),
        sa.Column("capacity_w", sa.BigInteger(), nullable=True),
        sa.Column("power_factor_pct", sa.SmallInteger(), nullable=False, server_default="100"),
        sa.Column("phase", sa.String(64), nullable=False, server_default=""),
        sa.Column("poles", sa.SmallInteger(), nullable=True),
        sa.Column("position", sa.String(64), nullable=False, server_default=""),
        sa.Column("closed", sa.Boolean(), nullable=False, server_default=sa.true()),
    ):
        op.add_column("power_node", column)
    for column_name in ("name", "power_factor_pct", "phase", "position", "closed"):
        op.alter_column("power_node", column_name, server_default=None)
    op.create_foreign_key(
        op.f("fk_power_node_second_parent_id"),
        "power_node",
        "power_node",
        ["second_parent_id"],
        ["id"],
    )
    op.create_index(op.f("ix_power_node_second_parent_id"), "power_node", ["second_parent_id"])
    for name, rule in (
        (
            "kind",
            (
                "kind IN ('utility', 'generator', 'transformer', 'switchgear', 'ats', 'ups',"
                " 'panel', 'breaker', 'pdu', 'bank')"
            ),
        ),
        ("feed", "feed IN ('A', 'B', 'AB')"),
        ("two_sources", "second_parent_id <> parent_id"),
        ("power_factor", "power_factor_pct BETWEEN 50 AND 100"),
        ("phase", PHASES),
    ):
        op.create_check_constraint(op.f(f"ck_power_node_{name}"), "power_node", rule)
    op.add_column("outlet", sa.Column("bank_id", sa.BigInteger(), nullable=True))
    op.add_column("outlet", sa.Column("rating_a", sa.SmallInteger(), nullable=True))
    op.add_column("outlet", sa.Column("phase", sa.String(64), nullable=False, server_default=""))
    op.alter_column("outlet", "phase", server_default=None)
    op.add_column("outlet", sa.Column("supply_id", sa.BigInteger(), nullable=True))
    op.create_unique_constraint(op.f("uq_outlet_supply_id"), "outlet", ["supply_id"])
    op.create_foreign_key(
        op.f("fk_outlet_supply_id"),
        "outlet",
        "device_supply",
        ["supply_id"],
        ["id"],
        ondelete="SET NULL",
    )
    op.create_foreign_key(op.f("fk_outlet_bank_id"), "outlet", "power_node", ["bank_id"], ["id"])
    op.create_index(op.f("ix_outlet_bank_id"), "outlet", ["bank_id"])
    op.create_check_constraint(op.f("ck_outlet_phase"), "outlet", PHASES)


def downgrade() -> None:
    raise RuntimeError("restore a backup from before instead")
