"""the neighbours that devices hear by LLDP, also where the cables say the same"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None

DOUBTS = "('', 'own_port', 'unknown_device', 'several_devices', 'unknown_port', 'itself')"
POINTERS = {
    "agent_id": "snmp_agent",
    "port_id": "port",
    "other_device_id": "device",
    "other_port_id": "port",
}
TEXTS = ("local_port", "chassis", "sys_name", "sys_descr", "remote_port", "remote_descr")


def upgrade() -> None:
    op.create_table(
        "heard_neighbour",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agent_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("port_id", sa.BigInteger(), nullable=True),
        sa.Column("other_device_id", sa.BigInteger(), nullable=True),
        sa.Column("other_port_id", sa.BigInteger(), nullable=True),
        sa.Column("doubt", sa.String(length=64), nullable=False),
        *(sa.Column(name, sa.String(length=255), nullable=False) for name in TEXTS),
        sa.Column("addresses", postgresql.JSONB(), nullable=False),
        sa.Column("first_heard_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_heard_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(f"doubt IN {DOUBTS}", name=op.f("ck_heard_neighbour_doubt")),
        sa.CheckConstraint(
            "doubt <> '' OR (port_id IS NOT NULL AND other_port_id IS NOT NULL)",
            name=op.f("ck_heard_neighbour_ends"),
        ),
        *(
            sa.ForeignKeyConstraint(
                [column],
                [f"{table}.id"],
                name=op.f(f"fk_heard_neighbour_{column}"),
                ondelete="CASCADE",
            )
            for column, table in POINTERS.items()
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_heard_neighbour")),
        sa.UniqueConstraint("agent_id", "key", name=op.f("uq_heard_neighbour_agent_id_key")),
    )
    for column in ("port_id", "other_device_id", "other_port_id"):
        op.create_index(op.f(f"ix_heard_neighbour_{column}"), "heard_neighbour", [column])


def downgrade() -> None:
    op.drop_table("heard_neighbour")
