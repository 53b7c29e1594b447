"""targets of the prober, and the family of samples that its rounds are"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_COUNTED = (
    "sent", "received", "unsent", "min_us", "mean_us", "max_us", "jitter_us", "pdv_us", "way",
)  # fmt: skip


def upgrade() -> None:
    op.create_table(
        "probe_target",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("method", sa.String(length=64), nullable=False),
        sa.Column("tcp_port", sa.Integer(), nullable=True),
        sa.Column("every_s", sa.SmallInteger(), nullable=False),
        sa.Column("count", sa.SmallInteger(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("reference", sa.Boolean(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("contract_item_id", sa.BigInteger(), nullable=True),
        sa.Column("site_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_round_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_way", sa.String(length=255), nullable=False),
        sa.Column("last_problem", sa.String(length=255), nullable=False),
        sa.CheckConstraint(
            "num_nonnulls(contract_item_id, site_id) = 1", name=op.f("ck_probe_target_measures")
        ),
        sa.CheckConstraint(
            "(contract_item_id IS NULL) = (customer_id IS NULL)",
            name=op.f("ck_probe_target_customer"),
        ),
        sa.CheckConstraint("method IN ('icmp', 'tcp')", name=op.f("ck_probe_target_method")),
        sa.CheckConstraint(
            "method = 'icmp' OR tcp_port IS NOT NULL", name=op.f("ck_probe_target_tcp_needs_port")
        ),
        sa.CheckConstraint("tcp_port BETWEEN 1 AND 65535", name=op.f("ck_probe_target_tcp_port")),
        sa.CheckConstraint(
            "every_s IN (10, 20, 30, 60, 120, 300, 600, 900)", name=op.f("ck_probe_target_every")
        ),
        sa.CheckConstraint("count BETWEEN 1 AND 20", name=op.f("ck_probe_target_count")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_probe_target_customer_id")
        ),
        sa.ForeignKeyConstraint(
            ["contract_item_id"],
            ["contract_item.id"],
            name=op.f("fk_probe_target_contract_item_id"),
        ),
        sa.ForeignKeyConstraint(
            ["contract_item_id", "customer_id"],
            ["contract_item.id", "contract_item.customer_id"],
            name="fk_probe_target_item_of_customer",
        ),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_probe_target_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_probe_target")),
        sa.UniqueConstraint("code", name=op.f("uq_probe_target_code")),
    )
    for column in ("customer_id", "contract_item_id", "site_id"):
        op.create_index(op.f(f"ix_probe_target_{column}"), "probe_target", [column])
    op.execute("ALTER TABLE probe_target ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE probe_target FORCE ROW LEVEL SECURITY")
    rule = (
        "current_setting('jifang.staff', true) = 'yes' OR "
        "customer_id = NULLIF(current_setting('jifang.customer', true), '')::bigint"
    )
    op.execute(f"CREATE POLICY tenant ON probe_target USING ({rule}) WITH CHECK ({rule})")
    op.create_table(
        "probe_hot",
        sa.Column("ts", sa.BigInteger(), nullable=False),
        sa.Column("series_id", sa.Integer(), nullable=False),
        sa.Column("span_ms", sa.Integer(), nullable=False),
        sa.Column("flags", sa.SmallInteger(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _COUNTED),
        sa.PrimaryKeyConstraint("ts", "series_id", name=op.f("pk_probe_hot")),
    )
    op.create_index("ix_probe_hot_series_id", "probe_hot", ["series_id", "ts"])
    op.alter_column("series", "device_id", nullable=True)
    op.add_column("series", sa.Column("probe_target_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("fk_series_probe_target_id"), "series", "probe_target", ["probe_target_id"], ["id"]
    )
    op.create_unique_constraint(op.f("uq_series_probe_target_id"), "series", ["probe_target_id"])
    op.drop_constraint(op.f("ck_series_family"), "series")
    op.create_check_constraint(
        op.f("ck_series_family"),
        "series",
        "family IN ('traffic', 'power', 'climate', 'state', 'probe')",
    )
    op.create_check_constraint(
        op.f("ck_series_one_source"), "series", "num_nonnulls(device_id, probe_target_id) = 1"
    )


def downgrade() -> None:
    # The version before can't read such samples; blocks and newest ones go with their series.
    op.execute(
        "DELETE FROM sample_block WHERE series_id IN (SELECT id FROM series WHERE family = 'probe')"
    )
    op.execute("DELETE FROM series WHERE family = 'probe'")
    op.drop_constraint(op.f("ck_series_one_source"), "series")
    op.drop_constraint(op.f("ck_series_family"), "series")
    op.create_check_constraint(
        op.f("ck_series_family"), "series", "family IN ('traffic', 'power', 'climate', 'state')"
    )
    op.drop_column("series", "probe_target_id")
    op.alter_column("series", "device_id", nullable=False)
    op.drop_table("probe_hot")
    op.drop_table("probe_target")
