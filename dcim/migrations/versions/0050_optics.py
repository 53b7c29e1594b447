"""transceivers of devices' ports, and the family of samples that their light is"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None

_MEASURED = ("rx_mdbm", "tx_mdbm", "bias_ua", "mc", "mv")
_BEFORE = "family IN ('traffic', 'power', 'climate', 'state', 'probe', 'discards')"
_AFTER = "family IN ('traffic', 'power', 'climate', 'state', 'probe', 'discards', 'optics')"


def upgrade() -> None:
    op.create_table(
        "optics_hot",
        sa.Column("ts", sa.BigInteger(), nullable=False),
        sa.Column("series_id", sa.Integer(), nullable=False),
        sa.Column("span_ms", sa.Integer(), nullable=False),
        sa.Column("flags", sa.SmallInteger(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _MEASURED),
        sa.PrimaryKeyConstraint("ts", "series_id", name=op.f("pk_optics_hot")),
    )
    op.create_index("ix_optics_hot_series_id", "optics_hot", ["series_id", "ts"])
    op.drop_constraint(op.f("ck_series_family"), "series")
    op.create_check_constraint(op.f("ck_series_family"), "series", _AFTER)
    op.create_table(
        "transceiver",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("device_id", sa.BigInteger(), nullable=False),
        sa.Column("port_name", sa.String(length=255), nullable=False),
        *(
            sa.Column(name, sa.String(length=255), nullable=False)
            for name in ("vendor", "part", "serial")
        ),
        sa.Column("limits", postgresql.JSONB(), nullable=False),
        sa.Column("lanes", postgresql.ARRAY(sa.Integer()), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("since <= read_at", name=op.f("ck_transceiver_times")),
        sa.CheckConstraint("cardinality(lanes) > 0", name=op.f("ck_transceiver_lanes")),
        sa.ForeignKeyConstraint(
            ["device_id"],
            ["device.id"],
            name=op.f("fk_transceiver_device_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transceiver")),
        sa.UniqueConstraint(
            "device_id", "port_name", name=op.f("uq_transceiver_device_id_port_name")
        ),
    )
    op.add_column(
        "snmp_agent", sa.Column("last_optics_at", sa.DateTime(timezone=True), nullable=True)
    )


def downgrade() -> None:
    # The version before can't read such samples; blocks and newest ones go with their series.
    op.execute(
        "DELETE FROM sample_block WHERE series_id IN"
        " (SELECT id FROM series WHERE family = 'optics')"
    )
    op.execute("DELETE FROM series WHERE family = 'optics'")
    op.drop_column("snmp_agent", "last_optics_at")
    op.drop_table("transceiver")
    op.drop_constraint(op.f("ck_series_family"), "series")
    op.create_check_constraint(op.f("ck_series_family"), "series", _BEFORE)
    op.drop_table("optics_hot")
