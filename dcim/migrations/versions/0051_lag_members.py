"""members of LAGs as devices say, and what LAGs carried day by day"""

import sqlalchemy as sa
from alembic import op

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None

SUBJECTS = ("circuit_id", "carrier_id", "site_id", "customer_id")


def upgrade() -> None:
    op.create_table(
        "lag_member",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("device_id", sa.BigInteger(), nullable=False),
        sa.Column("lag_name", sa.String(length=255), nullable=False),
        sa.Column("port_name", sa.String(length=255), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("detached_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("ends_at >= starts_at", name=op.f("ck_lag_member_order")),
        sa.CheckConstraint("lag_name <> port_name", name=op.f("ck_lag_member_itself")),
        sa.ForeignKeyConstraint(
            ["device_id"],
            ["device.id"],
            name=op.f("fk_lag_member_device_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lag_member")),
    )
    op.create_index("ix_lag_member_port", "lag_member", ["device_id", "port_name"])
    op.create_index("ix_lag_member_lag", "lag_member", ["device_id", "lag_name"])
    op.create_index(
        "uq_lag_member_open",
        "lag_member",
        ["device_id", "port_name"],
        unique=True,
        postgresql_where=sa.text("ends_at IS NULL"),
    )
    # The board of ports says which LAG a port is in.
    for event, rows in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD")):
        op.execute(
            f"CREATE TRIGGER note_port_board_{event.lower()} AFTER {event} ON lag_member"
            f" REFERENCING {rows} TABLE AS changed"
            " FOR EACH STATEMENT EXECUTE FUNCTION note_port_board()"
        )
    op.add_column("traffic_day", sa.Column("lag_port_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("fk_traffic_day_lag_port_id"),
        "traffic_day",
        "port",
        ["lag_port_id"],
        ["id"],
        ondelete="CASCADE",
    )
    op.create_index(op.f("ix_traffic_day_lag_port_id"), "traffic_day", ["lag_port_id"])
    _subjects((*SUBJECTS, "lag_port_id"))


def downgrade() -> None:
    op.execute("DELETE FROM traffic_day WHERE lag_port_id IS NOT NULL")
    _subjects(SUBJECTS)
    op.drop_column("traffic_day", "lag_port_id")
    op.drop_table("lag_member")


def _subjects(columns: tuple[str, ...]) -> None:
    """A row is of one of these, and each has one a day."""
    op.drop_constraint("uq_traffic_day_of", "traffic_day", type_="unique")
    op.drop_constraint(op.f("ck_traffic_day_one_subject"), "traffic_day", type_="check")
    op.create_unique_constraint(
        "uq_traffic_day_of", "traffic_day", [*columns, "day"], postgresql_nulls_not_distinct=True
    )
    op.create_check_constraint(
        op.f("ck_traffic_day_one_subject"),
        "traffic_day",
        f"num_nonnulls({', '.join(columns)}) = 1",
    )
