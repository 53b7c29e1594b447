"""cables, cross-connects, carriers, circuits, addresses"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TENANT_TABLES = (
    "dedicated_line",
    "cross_connect",
    "cross_connect_end",
    "cross_connect_step",
    "cross_connect_file",
    "stored_file",
    "vlan",
    "asn",
    "prefix",
    "address_assignment",
)
# Carriers that services name by code since the first release.
KNOWN_CARRIERS = {
    "telecom": ("中国电信", "China Telecom", "telecom"),
    "unicom": ("中国联通", "China Unicom", "unicom"),
    "mobile": ("中国移动", "China Mobile", "mobile"),
    "bgp": ("BGP 多线", "BGP multi-line", "bgp"),
}


def upgrade() -> None:
    _create_carriers()
    _create_orders()
    _create_cables()
    _create_addresses()
    _extend_ports()
    _extend_services()
    for table in TENANT_TABLES:
        op.execute(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')
        op.execute(f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY')
        rule = (
            "current_setting('jifang.staff', true) = 'yes' OR "
            "customer_id = NULLIF(current_setting('jifang.customer', true), '')::bigint"
        )
        op.execute(f'CREATE POLICY tenant ON "{table}" USING ({rule}) WITH CHECK ({rule})')


def _create_carriers() -> None:
    op.create_table(
        "carrier",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("name_en", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("asn", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.String(length=255), nullable=False),
        sa.CheckConstraint(
            "kind IN ('telecom', 'unicom', 'mobile', 'bgp', 'education', 'broadcast', 'foreign', 'other')",
            name=op.f("ck_carrier_kind"),
        ),
        sa.CheckConstraint("asn BETWEEN 1 AND 4294967295", name=op.f("ck_carrier_asn")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_carrier")),
        sa.UniqueConstraint("code", name=op.f("uq_carrier_code")),
    )
    op.create_table(
        "room_carrier",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("room_id", sa.BigInteger(), nullable=False),
        sa.Column("carrier_id", sa.BigInteger(), nullable=False),
        sa.Column("entry_point", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(
            ["carrier_id"], ["carrier.id"], name=op.f("fk_room_carrier_carrier_id")
        ),
        sa.ForeignKeyConstraint(["room_id"], ["room.id"], name=op.f("fk_room_carrier_room_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_room_carrier")),
        sa.UniqueConstraint(
            "room_id", "carrier_id", name=op.f("uq_room_carrier_room_id_carrier_id")
        ),
    )
    op.create_index(
        op.f("ix_room_carrier_carrier_id"), "room_carrier", ["carrier_id"], unique=False
    )
    op.create_table(
        "circuit",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("carrier_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.Column("room_id", sa.BigInteger(), nullable=True),
        sa.Column("z_end", sa.String(length=255), nullable=False),
        sa.Column("capacity_bps", sa.BigInteger(), nullable=False),
        sa.Column("commit_bps", sa.BigInteger(), nullable=False),
        sa.Column("charging_mode", sa.String(length=64), nullable=False),
        sa.Column("monthly_fee", sa.Numeric(precision=14, scale=2), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("port_id", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("note", sa.String(length=255), nullable=False),
        sa.CheckConstraint(
            "charging_mode IN ('flat', 'committed_burst', 'p95', 'traffic')",
            name=op.f("ck_circuit_charging_mode"),
        ),
        sa.CheckConstraint(
            "kind IN ('transit', 'peering', 'dedicated', 'dark_fibre')",
            name=op.f("ck_circuit_kind"),
        ),
        sa.CheckConstraint(
            "state IN ('ordered', 'active', 'suspended', 'ended')", name=op.f("ck_circuit_state")
        ),
        sa.CheckConstraint(
            "capacity_bps >= 0 AND commit_bps BETWEEN 0 AND capacity_bps",
            name=op.f("ck_circuit_rates"),
        ),
        sa.CheckConstraint("ends_on IS NULL OR ends_on > starts_on", name=op.f("ck_circuit_dates")),
        sa.CheckConstraint("monthly_fee >= 0", name=op.f("ck_circuit_fee")),
        sa.ForeignKeyConstraint(["carrier_id"], ["carrier.id"], name=op.f("fk_circuit_carrier_id")),
        sa.ForeignKeyConstraint(["port_id"], ["port.id"], name=op.f("fk_circuit_port_id")),
        sa.ForeignKeyConstraint(["room_id"], ["room.id"], name=op.f("fk_circuit_room_id")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_circuit_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_circuit")),
        sa.UniqueConstraint("number", name=op.f("uq_circuit_number")),
        sa.UniqueConstraint("port_id", name=op.f("uq_circuit_port_id")),
    )
    op.create_index(op.f("ix_circuit_carrier_id"), "circuit", ["carrier_id"], unique=False)
    op.create_index(op.f("ix_circuit_room_id"), "circuit", ["room_id"], unique=False)
    op.create_index(op.f("ix_circuit_site_id"), "circuit", ["site_id"], unique=False)
    op.create_table(
        "dedicated_line",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("contract_item_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("a_end", sa.String(length=255), nullable=False),
        sa.Column("z_end", sa.String(length=255), nullable=False),
        sa.Column("capacity_bps", sa.BigInteger(), nullable=False),
        sa.Column("media", sa.String(length=64), nullable=False),
        sa.Column("carrier_id", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("note", sa.String(length=255), nullable=False),
        sa.CheckConstraint(
            "media IN ('smf', 'mmf', 'utp', 'dac', 'aoc', 'coax')",
            name=op.f("ck_dedicated_line_media"),
        ),
        sa.CheckConstraint(
            "state IN ('ordered', 'active', 'suspended', 'ended')",
            name=op.f("ck_dedicated_line_state"),
        ),
        sa.CheckConstraint("capacity_bps >= 0", name=op.f("ck_dedicated_line_capacity")),
        sa.ForeignKeyConstraint(
            ["carrier_id"], ["carrier.id"], name=op.f("fk_dedicated_line_carrier_id")
        ),
        sa.ForeignKeyConstraint(
            ["contract_item_id", "customer_id"],
            ["contract_item.id", "contract_item.customer_id"],
            name="fk_dedicated_line_item_of_customer",
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_dedicated_line_customer_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dedicated_line")),
        sa.UniqueConstraint("code", name=op.f("uq_dedicated_line_code")),
    )
    op.create_index(
        op.f("ix_dedicated_line_carrier_id"), "dedicated_line", ["carrier_id"], unique=False
    )
    op.create_index(
        op.f("ix_dedicated_line_contract_item_id"),
        "dedicated_line",
        ["contract_item_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_dedicated_line_customer_id"), "dedicated_line", ["customer_id"], unique=False
    )


def _create_orders() -> None:
    op.create_table(
        "stored_file",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("media_type", sa.String(length=64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("uploaded_by", sa.String(length=255), nullable=False),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('loa', 'cfa', 'other')", name=op.f("ck_stored_file_kind")),
        sa.CheckConstraint("size BETWEEN 1 AND 10485760", name=op.f("ck_stored_file_size")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_stored_file_customer_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stored_file")),
    )
    op.create_index(
        op.f("ix_stored_file_customer_id"), "stored_file", ["customer_id"], unique=False
    )
    op.create_table(
        "cross_connect",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("contract_item_id", sa.BigInteger(), nullable=True),
        sa.Column("z_party", sa.String(length=255), nullable=False),
        sa.Column("a_wish", sa.String(length=255), nullable=False),
        sa.Column("z_wish", sa.String(length=255), nullable=False),
        sa.Column("media", sa.String(length=64), nullable=False),
        sa.Column("connector", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("requested_by", sa.String(length=255), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("patched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("billed_from", sa.Date(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("loss_db", sa.Numeric(precision=6, scale=2), nullable=True),
        sa.Column("light_dbm", sa.Numeric(precision=6, scale=2), nullable=True),
        sa.Column("note", sa.String(length=255), nullable=False),
        sa.CheckConstraint(
            "connector IN ('lc', 'sc', 'fc', 'mpo', 'rj45', 'bnc')",
            name=op.f("ck_cross_connect_connector"),
        ),
        sa.CheckConstraint(
            "media IN ('smf', 'mmf', 'utp', 'coax')", name=op.f("ck_cross_connect_media")
        ),
        sa.CheckConstraint(
            "state IN ('requested', 'approved', 'patched', 'tested', 'billing', 'disconnected', 'refused', 'cancelled')",
            name=op.f("ck_cross_connect_state"),
        ),
        sa.ForeignKeyConstraint(
            ["contract_item_id", "customer_id"],
            ["contract_item.id", "contract_item.customer_id"],
            name="fk_cross_connect_item_of_customer",
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_cross_connect_customer_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cross_connect")),
        sa.UniqueConstraint("id", "customer_id", name=op.f("uq_cross_connect_id_customer_id")),
        sa.UniqueConstraint("number", name=op.f("uq_cross_connect_number")),
    )
    op.create_index(
        op.f("ix_cross_connect_contract_item_id"),
        "cross_connect",
        ["contract_item_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_cross_connect_customer_id"), "cross_connect", ["customer_id"], unique=False
    )
    op.create_table(
        "cross_connect_end",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("cross_connect_id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("side", sa.String(length=8), nullable=False),
        sa.Column("port_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("side IN ('a', 'z')", name=op.f("ck_cross_connect_end_side")),
        sa.ForeignKeyConstraint(
            ["cross_connect_id", "customer_id"],
            ["cross_connect.id", "cross_connect.customer_id"],
            name="fk_cross_connect_end_order",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_cross_connect_end_customer_id")
        ),
        sa.ForeignKeyConstraint(
            ["port_id"], ["port.id"], name=op.f("fk_cross_connect_end_port_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cross_connect_end")),
        sa.UniqueConstraint(
            "cross_connect_id", "side", name=op.f("uq_cross_connect_end_cross_connect_id_side")
        ),
        sa.UniqueConstraint("port_id", name=op.f("uq_cross_connect_end_port_id")),
    )
    op.create_index(
        op.f("ix_cross_connect_end_customer_id"), "cross_connect_end", ["customer_id"], unique=False
    )
    op.create_table(
        "cross_connect_file",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("cross_connect_id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("stored_file_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["cross_connect_id", "customer_id"],
            ["cross_connect.id", "cross_connect.customer_id"],
            name="fk_cross_connect_file_order",
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_cross_connect_file_customer_id")
        ),
        sa.ForeignKeyConstraint(
            ["stored_file_id"],
            ["stored_file.id"],
            name=op.f("fk_cross_connect_file_stored_file_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cross_connect_file")),
        sa.UniqueConstraint("stored_file_id", name=op.f("uq_cross_connect_file_stored_file_id")),
    )
    op.create_index(
        op.f("ix_cross_connect_file_cross_connect_id"),
        "cross_connect_file",
        ["cross_connect_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_cross_connect_file_customer_id"),
        "cross_connect_file",
        ["customer_id"],
        unique=False,
    )
    op.create_table(
        "cross_connect_step",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("cross_connect_id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=255), nullable=False),
        sa.Column("note", sa.String(length=255), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["cross_connect_id", "customer_id"],
            ["cross_connect.id", "cross_connect.customer_id"],
            name="fk_cross_connect_step_order",
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_cross_connect_step_customer_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cross_connect_step")),
    )
    op.create_index(
        op.f("ix_cross_connect_step_cross_connect_id"),
        "cross_connect_step",
        ["cross_connect_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_cross_connect_step_customer_id"),
        "cross_connect_step",
        ["customer_id"],
        unique=False,
    )


def _create_cables() -> None:
    op.create_table(
        "cable",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=True),
        sa.Column("media", sa.String(length=64), nullable=False),
        sa.Column("colour", sa.String(length=64), nullable=False),
        sa.Column("length_m", sa.Numeric(precision=8, scale=2), nullable=True),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("installed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.String(length=255), nullable=False),
        sa.Column("cross_connect_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "media IN ('smf', 'mmf', 'utp', 'dac', 'aoc', 'coax')", name=op.f("ck_cable_media")
        ),
        sa.CheckConstraint("state IN ('planned', 'connected')", name=op.f("ck_cable_state")),
        sa.CheckConstraint("length_m > 0", name=op.f("ck_cable_length")),
        sa.ForeignKeyConstraint(
            ["cross_connect_id"], ["cross_connect.id"], name=op.f("fk_cable_cross_connect_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cable")),
        sa.UniqueConstraint("code", name=op.f("uq_cable_code")),
    )
    op.create_index(op.f("ix_cable_cross_connect_id"), "cable", ["cross_connect_id"], unique=False)
    op.create_table(
        "cable_end",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("cable_id", sa.BigInteger(), nullable=False),
        sa.Column("side", sa.String(length=8), nullable=False),
        sa.Column("port_id", sa.BigInteger(), nullable=False),
        sa.Column("face", sa.String(length=8), nullable=False),
        sa.CheckConstraint("face IN ('front', 'rear')", name=op.f("ck_cable_end_face")),
        sa.CheckConstraint("side IN ('a', 'z')", name=op.f("ck_cable_end_side")),
        sa.ForeignKeyConstraint(
            ["cable_id"], ["cable.id"], name=op.f("fk_cable_end_cable_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["port_id"], ["port.id"], name=op.f("fk_cable_end_port_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cable_end")),
        sa.UniqueConstraint("cable_id", "side", name=op.f("uq_cable_end_cable_id_side")),
        sa.UniqueConstraint("port_id", "face", name=op.f("uq_cable_end_port_id_face")),
    )


def _create_addresses() -> None:
    op.create_table(
        "asn",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("carrier_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("number BETWEEN 1 AND 4294967295", name=op.f("ck_asn_number")),
        sa.ForeignKeyConstraint(["carrier_id"], ["carrier.id"], name=op.f("fk_asn_carrier_id")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_asn_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_asn")),
        sa.UniqueConstraint("number", name=op.f("uq_asn_number")),
    )
    op.create_index(op.f("ix_asn_carrier_id"), "asn", ["carrier_id"], unique=False)
    op.create_index(op.f("ix_asn_customer_id"), "asn", ["customer_id"], unique=False)
    op.create_table(
        "vlan_group",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("note", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_vlan_group_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vlan_group")),
        sa.UniqueConstraint("site_id", "code", name=op.f("uq_vlan_group_site_id_code")),
    )
    op.create_table(
        "vlan",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("group_id", sa.BigInteger(), nullable=False),
        sa.Column("vid", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("vid BETWEEN 1 AND 4094", name=op.f("ck_vlan_vid")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_vlan_customer_id")),
        sa.ForeignKeyConstraint(["group_id"], ["vlan_group.id"], name=op.f("fk_vlan_group_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vlan")),
        sa.UniqueConstraint("group_id", "vid", name=op.f("uq_vlan_group_id_vid")),
    )
    op.create_index(op.f("ix_vlan_customer_id"), "vlan", ["customer_id"], unique=False)
    op.create_table(
        "address_assignment",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("network", postgresql.CIDR(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("contract_item_id", sa.BigInteger(), nullable=True),
        sa.Column("device_id", sa.BigInteger(), nullable=True),
        sa.Column("port_id", sa.BigInteger(), nullable=True),
        sa.Column("hostname", sa.String(length=255), nullable=False),
        sa.Column("period", postgresql.TSTZRANGE(), nullable=False),
        sa.Column("note", sa.String(length=255), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("network"), "&&"),
            (sa.column("period"), "&&"),
            using="gist",
            ops={"network": "inet_ops"},
            name="ex_address_assignment_once_at_a_time",
        ),
        sa.CheckConstraint(
            "NOT isempty(period) AND lower(period) IS NOT NULL AND lower_inc(period) AND NOT upper_inc(period)",
            name=op.f("ck_address_assignment_period"),
        ),
        sa.CheckConstraint(
            "contract_item_id IS NULL OR customer_id IS NOT NULL",
            name=op.f("ck_address_assignment_item"),
        ),
        sa.ForeignKeyConstraint(
            ["contract_item_id", "customer_id"],
            ["contract_item.id", "contract_item.customer_id"],
            name="fk_address_assignment_item_of_customer",
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_address_assignment_customer_id")
        ),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_address_assignment_device_id")
        ),
        sa.ForeignKeyConstraint(
            ["port_id"], ["port.id"], name=op.f("fk_address_assignment_port_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_address_assignment")),
    )
    op.create_index(
        op.f("ix_address_assignment_contract_item_id"),
        "address_assignment",
        ["contract_item_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_address_assignment_customer_id"),
        "address_assignment",
        ["customer_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_address_assignment_device_id"), "address_assignment", ["device_id"], unique=False
    )
    op.create_index(
        op.f("ix_address_assignment_port_id"), "address_assignment", ["port_id"], unique=False
    )
    op.create_table(
        "prefix",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("network", postgresql.CIDR(), nullable=False),
        sa.Column("role", sa.String(length=64), nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=True),
        sa.Column("vlan_id", sa.BigInteger(), nullable=True),
        sa.Column("carrier_id", sa.BigInteger(), nullable=True),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.String(length=255), nullable=False),
        sa.CheckConstraint(
            "role IN ('container', 'assignable', 'infrastructure')", name=op.f("ck_prefix_role")
        ),
        sa.ForeignKeyConstraint(["carrier_id"], ["carrier.id"], name=op.f("fk_prefix_carrier_id")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_prefix_customer_id")
        ),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_prefix_site_id")),
        sa.ForeignKeyConstraint(["vlan_id"], ["vlan.id"], name=op.f("fk_prefix_vlan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prefix")),
        sa.UniqueConstraint("network", name=op.f("uq_prefix_network")),
    )
    op.create_index(op.f("ix_prefix_carrier_id"), "prefix", ["carrier_id"], unique=False)
    op.create_index(
        "ix_prefix_containment",
        "prefix",
        ["network"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={"network": "inet_ops"},
    )
    op.create_index(op.f("ix_prefix_customer_id"), "prefix", ["customer_id"], unique=False)
    op.create_index(op.f("ix_prefix_site_id"), "prefix", ["site_id"], unique=False)
    op.create_index(op.f("ix_prefix_vlan_id"), "prefix", ["vlan_id"], unique=False)


def _extend_ports() -> None:
    """Every port so far is a switch's: they came from polled devices."""
    for column in (
        sa.Column("kind", sa.String(length=64), nullable=False, server_default="switch"),
        sa.Column("media", sa.String(length=64), nullable=False, server_default=""),
        sa.Column("enabled", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column("description", sa.String(length=255), nullable=False, server_default=""),
    ):
        op.add_column("port", column)
        op.alter_column("port", column.name, server_default=None)
    op.add_column("port", sa.Column("mac", sa.String(length=64), nullable=True))
    op.create_index("ix_port_mac", "port", ["mac"])
    op.create_check_constraint(
        op.f("ck_port_kind"), "port", "kind IN ('switch', 'panel', 'server', 'other')"
    )
    op.create_check_constraint(
        op.f("ck_port_media"), "port", "media IN ('', 'smf', 'mmf', 'utp', 'dac', 'aoc', 'coax')"
    )


def _extend_services() -> None:
    """Services that name a carrier we know get it as a record."""
    op.add_column("bandwidth_service", sa.Column("carrier_id", sa.BigInteger(), nullable=True))
    for name, default in (("direction", "max"), ("charging_mode", "p95")):
        op.add_column(
            "bandwidth_service",
            sa.Column(name, sa.String(length=64), nullable=False, server_default=default),
        )
        op.alter_column("bandwidth_service", name, server_default=None)
    op.create_index(op.f("ix_bandwidth_service_carrier_id"), "bandwidth_service", ["carrier_id"])
    op.create_foreign_key(
        op.f("fk_bandwidth_service_carrier_id"),
        "bandwidth_service",
        "carrier",
        ["carrier_id"],
        ["id"],
    )
    op.create_foreign_key(
        "fk_bandwidth_service_item_of_customer",
        "bandwidth_service",
        "contract_item",
        ["contract_item_id", "customer_id"],
        ["id", "customer_id"],
    )
    op.create_check_constraint(
        op.f("ck_bandwidth_service_direction"),
        "bandwidth_service",
        "direction IN ('max', 'in', 'out', 'sum')",
    )
    op.create_check_constraint(
        op.f("ck_bandwidth_service_charging_mode"),
        "bandwidth_service",
        "charging_mode IN ('flat', 'committed_burst', 'p95', 'traffic')",
    )
    # Row security binds the owner too: without this the services would look absent.
    op.execute("SELECT set_config('jifang.staff', 'yes', true)")
    for code, (name, name_en, kind) in KNOWN_CARRIERS.items():
        op.execute(
            sa.text(
                "INSERT INTO carrier (code, name, name_en, kind, note)"
                " SELECT :code, :name, :name_en, :kind, ''"
                " WHERE EXISTS (SELECT FROM bandwidth_service WHERE lower(carrier) = :code)"
            ).bindparams(code=code, name=name, name_en=name_en, kind=kind)
        )
    op.execute(
        "UPDATE bandwidth_service SET carrier_id = carrier.id FROM carrier"
        " WHERE lower(bandwidth_service.carrier) = carrier.code"
    )
    op.execute("SELECT set_config('jifang.staff', '', true)")


def downgrade() -> None:
    raise RuntimeError("restore a backup from before instead")
