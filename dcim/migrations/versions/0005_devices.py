"""device types with ports and supplies, life cycle, passes"""

import hashlib
import re
import unicodedata

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

CATEGORIES = (
    "category IN ('server', 'storage', 'switch', 'router', 'firewall', 'pdu', 'ups', 'panel',"
    " 'blank', 'cable_manager', 'chassis', 'other')"
)
AIRFLOWS = (
    "airflow IN ('front-to-rear', 'rear-to-front', 'left-to-right', 'right-to-left',"
    " 'side-to-rear', 'passive', 'mixed', '')"
)
STATES = (
    "IN ('planned', 'in_stock', 'installed', 'in_service', 'in_repair', 'removed', 'returned',"
    " 'destroyed')"
)
# What a device does tells what its type is, where all devices of the type do the same.
ROLE_CATEGORIES = {
    "server": ("app", "web", "db", "cache", "node", "gpu", "server"),
    "storage": ("storage",),
    "switch": ("switch", "core", "access"),
    "router": ("router",),
    "firewall": ("firewall",),
    "pdu": ("pdu",),
    "ups": ("ups",),
    "panel": ("odf",),
    "cable_manager": ("cable_manager",),
}
TENANT_TABLES = ("device_transition", "equipment_pass", "equipment_pass_line")


def upgrade() -> None:
    # The owner is under row security too: it looks as staff.
    op.execute("SELECT set_config('jifang.staff', 'yes', true)")
    _widen_types()
    _widen_devices()
    _create_parts()
    _create_transitions()
    _create_passes()
    for table in TENANT_TABLES:
        op.execute(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')
        op.execute(f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY')
        rule = (
            "current_setting('jifang.staff', true) = 'yes' OR "
            "customer_id = NULLIF(current_setting('jifang.customer', true), '')::bigint"
        )
        op.execute(f'CREATE POLICY tenant ON "{table}" USING ({rule}) WITH CHECK ({rule})')


def downgrade() -> None:
    raise RuntimeError("restore a backup from before instead")


def _widen_types() -> None:
    table = "device_type"
    # Defaults fill the rows there are and go again: the models give every value.
    texts = {"slug": 64, "part_number": 64, "category": 64, "airflow": 64, "source": 255}
    for name, length in texts.items():
        default = "other" if name == "category" else ""
        op.add_column(
            table, sa.Column(name, sa.String(length), nullable=False, server_default=default)
        )
    op.add_column(
        table, sa.Column("curated", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    for name in (*texts, "curated"):
        op.alter_column(table, name, server_default=None)
    op.add_column(table, sa.Column("typical_w", sa.Integer(), nullable=True))
    op.add_column(table, sa.Column("width_mm", sa.SmallInteger(), nullable=True))
    op.add_column(table, sa.Column("depth_mm", sa.SmallInteger(), nullable=True))
    _fill_slugs()
    _fill_categories()
    op.create_unique_constraint(op.f("uq_device_type_slug"), table, ["slug"])
    op.create_check_constraint(op.f("ck_device_type_category"), table, CATEGORIES)
    op.create_check_constraint(op.f("ck_device_type_airflow"), table, AIRFLOWS)


def _fill_slugs() -> None:
    connection = op.get_bind()
    rows = connection.execute(
        sa.text("SELECT id, manufacturer, model FROM device_type ORDER BY id")
    ).all()
    taken: set[str] = set()
    for number, manufacturer, model in rows:
        slug = _make_slug(manufacturer, model)
        if slug in taken:
            # Two names that differ in signs only; the number tells them apart for good.
            slug = f"{slug[:44]}-{number}"
        taken.add(slug)
        connection.execute(
            sa.text("UPDATE device_type SET slug = :slug WHERE id = :id"),
            {"slug": slug, "id": number},
        )


def _make_slug(manufacturer: str, model: str) -> str:
    """As dcim.inventory.devices.naming made it when this migration was written."""
    whole = unicodedata.normalize("NFKC", f"{manufacturer}-{model}").casefold()
    words = re.sub(r"[\W_]+", "-", whole).strip("-") or "type"
    if len(words) <= 64:
        return words
    digest = hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{words[:55].rstrip('-')}-{digest}"


def _fill_categories() -> None:
    connection = op.get_bind()
    for category, roles in ROLE_CATEGORIES.items():
        connection.execute(
            sa.text(
                "UPDATE device_type t SET category = :category"
                " WHERE EXISTS (SELECT 1 FROM device d WHERE d.device_type_id = t.id)"
                " AND NOT EXISTS (SELECT 1 FROM device d WHERE d.device_type_id = t.id"
                " AND d.role <> ALL(:roles))"
            ),
            {"category": category, "roles": list(roles)},
        )


def _widen_devices() -> None:
    table = "device"
    op.add_column(
        table, sa.Column("provider_owned", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.execute("UPDATE device SET provider_owned = true WHERE customer_id IS NULL")
    op.add_column(table, sa.Column("note", sa.String(255), nullable=False, server_default=""))
    for name in ("provider_owned", "note"):
        op.alter_column(table, name, server_default=None)
    op.add_column(table, sa.Column("rental_item_id", sa.BigInteger(), nullable=True))
    op.add_column(table, sa.Column("purchased_on", sa.Date(), nullable=True))
    op.add_column(table, sa.Column("warranty_until", sa.Date(), nullable=True))
    op.create_index(op.f("ix_device_rental_item_id"), table, ["rental_item_id"])
    op.create_foreign_key(
        "fk_device_rental_item_of_customer",
        table,
        "contract_item",
        ["rental_item_id", "customer_id"],
        ["id", "customer_id"],
    )
    op.create_check_constraint(
        op.f("ck_device_rental"),
        table,
        "rental_item_id IS NULL OR (provider_owned AND customer_id IS NOT NULL)",
    )
    op.drop_constraint(op.f("ck_device_state"), table, type_="check")
    op.create_check_constraint(op.f("ck_device_state"), table, f"state {STATES}")


def _create_parts() -> None:
    op.create_table(
        "device_type_port",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("type_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("speed_bps", sa.BigInteger(), nullable=True),
        sa.Column("mgmt", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["type_id"],
            ["device_type.id"],
            name=op.f("fk_device_type_port_type_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device_type_port")),
        sa.UniqueConstraint("type_id", "name", name=op.f("uq_device_type_port_type_id_name")),
    )
    for table, column, parent in (
        ("device_type_supply", "type_id", "device_type"),
        ("device_supply", "device_id", "device"),
    ):
        op.create_table(
            table,
            sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
            sa.Column(column, sa.BigInteger(), nullable=False),
            sa.Column("name", sa.String(255), nullable=False),
            sa.Column("connector", sa.String(64), nullable=False),
            sa.Column("maximum_w", sa.Integer(), nullable=False),
            sa.Column("allocated_w", sa.Integer(), nullable=True),
            sa.CheckConstraint("maximum_w >= 0", name=op.f(f"ck_{table}_maximum")),
            sa.ForeignKeyConstraint(
                [column], [f"{parent}.id"], name=op.f(f"fk_{table}_{column}"), ondelete="CASCADE"
            ),
            sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
            sa.UniqueConstraint(column, "name", name=op.f(f"uq_{table}_{column}_name")),
        )


def _create_transitions() -> None:
    op.create_table(
        "device_transition",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("device_id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("from_state", sa.String(64), nullable=True),
        sa.Column("to_state", sa.String(64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(255), nullable=False),
        sa.Column("note", sa.String(255), nullable=False),
        sa.Column("detail", postgresql.JSONB(), nullable=False),
        sa.CheckConstraint(f"to_state {STATES}", name=op.f("ck_device_transition_to_state")),
        sa.ForeignKeyConstraint(
            ["device_id"],
            ["device.id"],
            name=op.f("fk_device_transition_device_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_device_transition_customer_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device_transition")),
    )
    for column in ("device_id", "customer_id"):
        op.create_index(op.f(f"ix_device_transition_{column}"), "device_transition", [column])


def _create_passes() -> None:
    op.execute(sa.schema.CreateSequence(sa.Sequence("equipment_pass_number")))
    table = "equipment_pass"
    op.create_table(
        table,
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("number", sa.String(64), nullable=False),
        sa.Column("direction", sa.String(8), nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("bearer", sa.String(255), nullable=False),
        sa.Column("bearer_document_hint", sa.String(4), nullable=False),
        sa.Column("planned_on", sa.Date(), nullable=False),
        sa.Column("state", sa.String(64), nullable=False),
        sa.Column("note", sa.String(255), nullable=False),
        sa.Column("requested_by", sa.String(255), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.String(255), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision", sa.String(255), nullable=False),
        sa.Column("checked_by", sa.String(255), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("direction IN ('in', 'out')", name=op.f(f"ck_{table}_direction")),
        sa.CheckConstraint(
            "state IN ('requested', 'approved', 'refused', 'passed', 'cancelled')",
            name=op.f(f"ck_{table}_state"),
        ),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f(f"fk_{table}_site_id")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f(f"fk_{table}_customer_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("number", name=op.f(f"uq_{table}_number")),
        sa.UniqueConstraint("id", "customer_id", name=op.f(f"uq_{table}_id_customer_id")),
    )
    for column in ("site_id", "customer_id"):
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])
    table = "equipment_pass_line"
    op.create_table(
        table,
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("pass_id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("device_id", sa.BigInteger(), nullable=True),
        sa.Column("description", sa.String(255), nullable=False),
        sa.Column("serial", sa.String(64), nullable=False),
        sa.Column("quantity", sa.SmallInteger(), nullable=False),
        sa.Column("counted", sa.SmallInteger(), nullable=True),
        sa.CheckConstraint("kind IN ('device', 'media', 'other')", name=op.f(f"ck_{table}_kind")),
        sa.CheckConstraint("quantity BETWEEN 1 AND 10000", name=op.f(f"ck_{table}_quantity")),
        sa.CheckConstraint("counted BETWEEN 0 AND quantity", name=op.f(f"ck_{table}_counted")),
        sa.ForeignKeyConstraint(
            ["pass_id"],
            ["equipment_pass.id"],
            name=op.f(f"fk_{table}_pass_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["pass_id", "customer_id"],
            ["equipment_pass.id", "equipment_pass.customer_id"],
            name="fk_equipment_pass_line_of_customer",
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f(f"fk_{table}_customer_id")
        ),
        sa.ForeignKeyConstraint(
            ["device_id"],
            ["device.id"],
            name=op.f(f"fk_{table}_device_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    for column in ("pass_id", "customer_id", "device_id"):
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])
