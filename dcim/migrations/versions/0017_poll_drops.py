"""what was not accepted of polled agents, by day and reason"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "poll_drop",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agent_id", sa.BigInteger(), nullable=True),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["agent_id"],
            ["snmp_agent.id"],
            name=op.f("fk_poll_drop_agent_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_poll_drop")),
        sa.UniqueConstraint(
            "agent_id",
            "day",
            "reason",
            name=op.f("uq_poll_drop_agent_id_day_reason"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index("ix_poll_drop_day", "poll_drop", ["day"])
    # Rows of a silent agent are rewritten each minute: half a page is free for their next versions.
    op.execute("ALTER TABLE poll_drop SET (fillfactor = 50)")


def downgrade() -> None:
    op.drop_table("poll_drop")
