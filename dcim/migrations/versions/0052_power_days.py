"""what sites and rooms drew, day by day"""

import sqlalchemy as sa
from alembic import op

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None

SUBJECTS = ("site", "room")


def upgrade() -> None:
    op.create_table(
        "power_day",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        *(sa.Column(f"{name}_id", sa.BigInteger(), nullable=True) for name in SUBJECTS),
        sa.Column("measured_at", sa.DateTime(timezone=True), nullable=False),
        *(
            sa.Column(name, sa.Integer(), nullable=False)
            for name in ("feeds", "unmeasured", "known")
        ),
        *(
            sa.Column(name, sa.BigInteger(), nullable=True)
            for name in ("mean_w", "peak_w", "contracted_w", "derated_w")
        ),
        sa.CheckConstraint(
            "num_nonnulls(site_id, room_id) = 1", name=op.f("ck_power_day_one_subject")
        ),
        sa.CheckConstraint("known BETWEEN 0 AND 288", name=op.f("ck_power_day_known")),
        *(
            sa.ForeignKeyConstraint(
                [f"{name}_id"],
                [f"{name}.id"],
                name=op.f(f"fk_power_day_{name}_id"),
                ondelete="CASCADE",
            )
            for name in SUBJECTS
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_power_day")),
        sa.UniqueConstraint(
            *(f"{name}_id" for name in SUBJECTS),
            "day",
            name="uq_power_day_of",
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index("ix_power_day_day", "power_day", ["day"])
    # The house's own: no customer's.
    op.execute("ALTER TABLE power_day ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE power_day FORCE ROW LEVEL SECURITY")
    rule = "current_setting('jifang.staff', true) = 'yes'"
    op.execute(f"CREATE POLICY staff ON power_day USING ({rule}) WITH CHECK ({rule})")


def downgrade() -> None:
    op.drop_table("power_day")
