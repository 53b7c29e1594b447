"""What a poll says of all ports of a device is one row (ADR 0007), in partitions of a day."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "frame_layout",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("device_id", sa.BigInteger, sa.ForeignKey("device.id"), nullable=False),
        sa.Column("digest", sa.LargeBinary(16), nullable=False),
        sa.Column("names", sa.ARRAY(sa.Text), nullable=False),
        sa.Column("traffic_ids", sa.ARRAY(sa.Integer), nullable=False),
        sa.Column("state_ids", sa.ARRAY(sa.Integer), nullable=False),
        sa.UniqueConstraint("device_id", "digest", name=op.f("uq_frame_layout_device_id_digest")),
    )
    op.create_table(
        "port_frame",
        sa.Column("device_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("ts", sa.BigInteger, primary_key=True),
        sa.Column("layout_id", sa.Integer, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        postgresql_partition_by="RANGE (ts)",
    )
    op.create_table(
        "port_memory",
        sa.Column(
            "device_id",
            sa.BigInteger,
            sa.ForeignKey("device.id", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("ts", sa.BigInteger, nullable=False),
        sa.Column("layout_id", sa.Integer, sa.ForeignKey("frame_layout.id"), nullable=False),
        sa.Column("clock", sa.String(64), nullable=False),
        sa.Column("counters", sa.LargeBinary, nullable=False),
        sa.Column("newest", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "frame_closing",
        sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("device_id", sa.BigInteger, nullable=False),
    )
    # What comes for a day that has no partition yet, or none any more.
    op.execute("CREATE TABLE port_frame_rest PARTITION OF port_frame DEFAULT")
    # Bodies are narrow already, and rewritten each minute: neither compressed nor kept elsewhere
    # as long as a page holds them; half a page is free for the next version beside the last.
    for table in ("port_frame_rest", "port_memory"):
        op.execute(f"ALTER TABLE {table} SET (toast_tuple_target = 8160)")
    op.execute("ALTER TABLE port_memory SET (fillfactor = 50)")
    for table, column in (
        ("port_frame", "body"),
        ("port_frame_rest", "body"),
        ("port_memory", "counters"),
        ("port_memory", "newest"),
    ):
        op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE EXTERNAL")
    # The application owns no table, so partitions are made and dropped through these.
    op.execute(
        """
        CREATE FUNCTION make_port_frames(first integer, stop integer) RETURNS integer
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
        DECLARE
            name text;
            low bigint;
            high bigint;
            made integer := 0;
        BEGIN
            FOR number IN first .. least(stop, first + 31) - 1 LOOP
                name := 'port_frame_' || number;
                low := number * 86400000::bigint;
                high := low + 86400000;
                CONTINUE WHEN to_regclass(name) IS NOT NULL;
                -- Rows that came before their partition stay where they are.
                CONTINUE WHEN EXISTS (
                    SELECT FROM port_frame_rest WHERE ts >= low AND ts < high
                );
                EXECUTE format(
                    'CREATE TABLE %I (LIKE port_frame INCLUDING ALL,'
                    ' CONSTRAINT of_day CHECK (ts >= %s AND ts < %s))'
                    ' WITH (toast_tuple_target = 8160)', name, low, high
                );
                -- Unlike CREATE TABLE ... PARTITION OF, this lets readers and writers go on.
                EXECUTE format(
                    'ALTER TABLE port_frame ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)',
                    name, low, high
                );
                made := made + 1;
            END LOOP;
            RETURN made;
        END
        $$
        """
    )
    op.execute(
        """
        CREATE FUNCTION drop_port_frames(number integer) RETURNS boolean
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
        BEGIN
            -- Whoever calls: what is not two days old is not dropped.
            IF to_regclass('port_frame_' || number) IS NULL
                OR number > extract(epoch FROM now()) / 86400 - 2
            THEN
                RETURN false;
            END IF;
            EXECUTE format('DROP TABLE %I', 'port_frame_' || number);
            RETURN true;
        END
        $$
        """
    )


def downgrade() -> None:
    raise RuntimeError("restore a backup from before instead")
