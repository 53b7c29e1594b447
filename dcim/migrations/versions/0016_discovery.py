"""what devices say that the inventory doesn't, and the sensors that were accepted"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "snmp_agent", sa.Column("last_check_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column(
        "snmp_agent",
        sa.Column("last_check_error", sa.String(length=255), nullable=False, server_default=""),
    )
    op.alter_column("snmp_agent", "last_check_error", server_default=None)
    op.create_table(
        "sensor",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("device_id", sa.BigInteger(), nullable=False),
        sa.Column("family", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("place", sa.String(length=255), nullable=False),
        sa.CheckConstraint("family IN ('power', 'climate')", name=op.f("ck_sensor_family")),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_sensor_device_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sensor")),
        sa.UniqueConstraint(
            "device_id", "family", "name", name=op.f("uq_sensor_device_id_family_name")
        ),
    )
    op.create_table(
        "discovery_finding",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agent_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("details", postgresql.JSONB(), nullable=False),
        sa.Column("port_id", sa.BigInteger(), nullable=True),
        sa.Column("other_port_id", sa.BigInteger(), nullable=True),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decision", sa.String(length=64), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.String(length=255), nullable=False),
        sa.CheckConstraint(
            "kind IN ('new', 'changed', 'gone', 'renamed')", name=op.f("ck_discovery_finding_kind")
        ),
        sa.CheckConstraint(
            "subject IN ('identity', 'port', 'outlet', 'sensor', 'meter', 'link', 'neighbour')",
            name=op.f("ck_discovery_finding_subject"),
        ),
        sa.CheckConstraint(
            "decision IN ('', 'accepted', 'dismissed')", name=op.f("ck_discovery_finding_decision")
        ),
        sa.CheckConstraint(
            "(decision = '') = (decided_at IS NULL)", name=op.f("ck_discovery_finding_decided")
        ),
        sa.CheckConstraint(
            "(subject = 'link') = (port_id IS NOT NULL AND other_port_id IS NOT NULL)",
            name=op.f("ck_discovery_finding_ends"),
        ),
        sa.ForeignKeyConstraint(
            ["agent_id"],
            ["snmp_agent.id"],
            name=op.f("fk_discovery_finding_agent_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["port_id"],
            ["port.id"],
            name=op.f("fk_discovery_finding_port_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["other_port_id"],
            ["port.id"],
            name=op.f("fk_discovery_finding_other_port_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_discovery_finding")),
        sa.UniqueConstraint(
            "agent_id", "subject", "key", name=op.f("uq_discovery_finding_agent_id_subject_key")
        ),
    )
    op.create_index(op.f("ix_discovery_finding_port_id"), "discovery_finding", ["port_id"])
    op.create_index(
        op.f("ix_discovery_finding_other_port_id"), "discovery_finding", ["other_port_id"]
    )
    op.create_index(
        "ix_discovery_finding_open",
        "discovery_finding",
        ["agent_id"],
        postgresql_where=sa.text("decision = ''"),
    )


def downgrade() -> None:
    raise RuntimeError("restore a backup from before instead")
