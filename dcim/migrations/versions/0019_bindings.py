"""which port a series measured, and from when to when"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("series", sa.Column("bound_since_ms", sa.BigInteger(), nullable=True))
    op.create_table(
        "former_binding",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("series_id", sa.Integer(), nullable=False),
        sa.Column("port_id", sa.BigInteger(), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), nullable=True),
        sa.Column("end_ms", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("start_ms < end_ms", name=op.f("ck_former_binding_span")),
        sa.ForeignKeyConstraint(
            ["series_id"],
            ["series.id"],
            name=op.f("fk_former_binding_series_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["port_id"], ["port.id"], name=op.f("fk_former_binding_port_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_former_binding")),
        sa.UniqueConstraint("series_id", "end_ms", name=op.f("uq_former_binding_series_id_end_ms")),
    )
    op.create_index(op.f("ix_former_binding_port_id"), "former_binding", ["port_id"])
    # Ports that were renamed have several series by now: the one of the port's name goes on, or
    # the youngest. Until when the others told of the port isn't known any more: until today.
    op.execute(
        """
        WITH ranked AS (
            SELECT s.id, s.port_id, row_number() OVER (
                PARTITION BY s.port_id, s.family ORDER BY (s.slot = p.name) DESC, s.id DESC
            ) AS place
            FROM series s JOIN port p ON p.id = s.port_id
        ), ended AS (
            INSERT INTO former_binding (series_id, port_id, start_ms, end_ms)
            SELECT id, port_id, NULL, (extract(epoch FROM now()) * 1000)::bigint
            FROM ranked WHERE place > 1
        )
        UPDATE series s SET port_id = NULL FROM ranked r WHERE r.id = s.id AND r.place > 1
        """
    )
    op.execute(
        """
        UPDATE series s SET bound_since_ms = f.end_ms
        FROM former_binding f JOIN series o ON o.id = f.series_id
        WHERE s.port_id = f.port_id AND s.family = o.family
        """
    )
    op.create_check_constraint(
        op.f("ck_series_bound_since"), "series", "bound_since_ms IS NULL OR port_id IS NOT NULL"
    )
    op.create_index(
        "uq_series_one_of_port",
        "series",
        ["port_id", "family"],
        unique=True,
        postgresql_where=sa.text("port_id IS NOT NULL"),
    )


def downgrade() -> None:
    # A series that measures nothing now is its last port's again, as if it had stayed so.
    op.drop_index("uq_series_one_of_port", table_name="series")
    op.execute(
        """
        UPDATE series s SET port_id = f.port_id FROM (
            SELECT DISTINCT ON (series_id) series_id, port_id FROM former_binding
            ORDER BY series_id, end_ms DESC
        ) f
        WHERE s.id = f.series_id AND num_nonnulls(s.port_id, s.power_node_id, s.room_id) = 0
        """
    )
    op.drop_table("former_binding")
    op.drop_constraint(op.f("ck_series_bound_since"), "series")
    op.drop_column("series", "bound_since_ms")
