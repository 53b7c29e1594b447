"""what services used by the month, and notes of what changed for the port board"""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

# What the board says of ports besides what is measured: any change of these is noted.
WATCHED = (
    "port", "device", "installation", "rack", "cabinet", "cabinet_row", "room", "site", "customer",
    "bandwidth_service", "service_membership", "series", "former_binding",
)  # fmt: skip


def upgrade() -> None:
    _create_months()
    _create_changes()


def _create_months() -> None:
    def rate(name: str) -> sa.Column[int]:
        return sa.Column(name, sa.BigInteger(), nullable=True)

    def instant(name: str, *, nullable: bool = False) -> sa.Column[object]:
        return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)

    op.create_table(
        "usage_month",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("service_id", sa.BigInteger(), nullable=False),
        sa.Column("period", sa.String(length=7), nullable=False),
        instant("starts_at"),
        instant("ends_at"),
        instant("tried_at"),
        instant("as_of", nullable=True),
        sa.Column("problem", sa.String(length=4000), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("percentile", sa.String(length=64), nullable=False),
        sa.Column("interval_s", sa.Integer(), nullable=False),
        sa.Column("min_cover", sa.Numeric(precision=6, scale=3), nullable=False),
        sa.Column("ports", sa.Integer(), nullable=False),
        sa.Column("line", sa.String(length=64), nullable=False),
        *(rate(name) for name in ("point_bps", "billed_bps")),
        sa.Column("discarded", sa.Integer(), nullable=True),
        sa.Column("rank", sa.Integer(), nullable=True),
        *(rate(name) for name in ("in_bps", "out_bps", "in_max_bps", "out_max_bps")),
        *(rate(name) for name in ("commit_bps", "over_bps")),
        sa.Column("over_amount", sa.Numeric(precision=14, scale=2), nullable=True),
        sa.Column("expected", sa.BigInteger(), nullable=False),
        sa.Column("present", sa.BigInteger(), nullable=False),
        *(rate(name) for name in ("forecast_bps", "least_bps", "most_bps")),
        sa.CheckConstraint("as_of IS NOT NULL OR problem <> ''", name=op.f("ck_usage_month_told")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_usage_month_customer_id")
        ),
        sa.ForeignKeyConstraint(
            ["service_id"],
            ["bandwidth_service.id"],
            name=op.f("fk_usage_month_service_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usage_month")),
        sa.UniqueConstraint("service_id", "period", name=op.f("uq_usage_month_service_id_period")),
    )
    op.create_index(op.f("ix_usage_month_customer_id"), "usage_month", ["customer_id"])
    op.create_index("ix_usage_month_ends_at", "usage_month", ["ends_at"])
    op.execute("ALTER TABLE usage_month ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE usage_month FORCE ROW LEVEL SECURITY")
    rule = (
        "current_setting('jifang.staff', true) = 'yes' OR "
        "customer_id = NULLIF(current_setting('jifang.customer', true), '')::bigint"
    )
    op.execute(f"CREATE POLICY tenant ON usage_month USING ({rule}) WITH CHECK ({rule})")


def _create_changes() -> None:
    op.create_table(
        "port_board_change",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column(
            "written_by",
            sa.BigInteger(),
            nullable=False,
            server_default=sa.text("(pg_current_xact_id()::text)::bigint"),
        ),
        sa.Column(
            "at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")
        ),
        sa.PrimaryKeyConstraint("id", name="pk_port_board_change"),
    )
    op.create_index("ix_port_board_change_written_by", "port_board_change", ["written_by"])
    op.execute(
        """
        CREATE FUNCTION note_port_board() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            -- One note a transaction is enough: readers ask whether there is any they haven't seen.
            INSERT INTO port_board_change (written_by)
            SELECT (pg_current_xact_id()::text)::bigint WHERE NOT EXISTS (
                SELECT FROM port_board_change
                WHERE written_by = (pg_current_xact_id()::text)::bigint);
            RETURN NULL;
        END $$
        """
    )
    for table in WATCHED:
        op.execute(
            f"CREATE TRIGGER note_port_board AFTER INSERT OR UPDATE OR DELETE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION note_port_board()"
        )


def downgrade() -> None:
    for table in WATCHED:
        op.execute(f"DROP TRIGGER note_port_board ON {table}")
    op.execute("DROP FUNCTION note_port_board()")
    op.drop_table("port_board_change")
    op.drop_table("usage_month")
