"""what lines, carriers, sites and customers carried, day by day"""

import sqlalchemy as sa
from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None

SUBJECTS = ("circuit", "carrier", "site", "customer")


def upgrade() -> None:
    op.create_table(
        "traffic_day",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        *(sa.Column(f"{name}_id", sa.BigInteger(), nullable=True) for name in SUBJECTS),
        sa.Column("measured_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("members", sa.Integer(), nullable=False),
        sa.Column("unmeasured", sa.Integer(), nullable=False),
        *(
            sa.Column(name, sa.BigInteger(), nullable=True)
            for name in ("in_p95_bps", "out_p95_bps", "in_max_bps", "out_max_bps")
        ),
        sa.Column("present", sa.Integer(), nullable=False),
        sa.Column("bins", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "num_nonnulls(circuit_id, carrier_id, site_id, customer_id) = 1",
            name=op.f("ck_traffic_day_one_subject"),
        ),
        *(
            sa.ForeignKeyConstraint(
                [f"{name}_id"],
                [f"{name}.id"],
                name=op.f(f"fk_traffic_day_{name}_id"),
                ondelete="CASCADE",
            )
            for name in SUBJECTS
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_traffic_day")),
        sa.UniqueConstraint(
            *(f"{name}_id" for name in SUBJECTS),
            "day",
            name="uq_traffic_day_of",
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index(op.f("ix_traffic_day_customer_id"), "traffic_day", ["customer_id"])
    op.create_index("ix_traffic_day_day", "traffic_day", ["day"])
    op.execute("ALTER TABLE traffic_day ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE traffic_day FORCE ROW LEVEL SECURITY")
    rule = (
        "current_setting('jifang.staff', true) = 'yes' OR "
        "customer_id = NULLIF(current_setting('jifang.customer', true), '')::bigint"
    )
    op.execute(f"CREATE POLICY tenant ON traffic_day USING ({rule}) WITH CHECK ({rule})")


def downgrade() -> None:
    op.drop_table("traffic_day")
