"""who customers are, the catalogue, amendments, orders"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TENANT_TABLES = ("contract_amendment", "item_version", "service_order", "order_step")


def upgrade() -> None:
    # Row security is forced on the owner too: without this no tenant's row is seen, nor filled.
    op.execute("SELECT set_config('jifang.staff', 'yes', true)")
    _add_tables()
    _add_walls()
    _extend_customers()
    _extend_contracts()
    _fill()


def downgrade() -> None:
    raise RuntimeError("restore a backup from before instead")


def _add_tables() -> None:
    op.create_table(
        "catalogue_item",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("name_en", sa.String(length=255), nullable=False),
        sa.Column("unit", sa.String(length=64), nullable=False),
        sa.Column("list_price", sa.Numeric(precision=14, scale=2), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("min_term_months", sa.SmallInteger(), nullable=False),
        sa.Column("notice_days", sa.SmallInteger(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('cabinet', 'rack', 'space', 'server', 'bandwidth', 'cross_connect', 'address', 'service')",
            name=op.f("ck_catalogue_item_kind"),
        ),
        sa.CheckConstraint(
            "unit IN ('cabinet', 'rack', 'u', 'server', 'mbps', 'ip', 'port', 'kva', 'kwh', 'visit', 'hour', 'item')",
            name=op.f("ck_catalogue_item_unit"),
        ),
        sa.CheckConstraint("list_price >= 0", name=op.f("ck_catalogue_item_price")),
        sa.CheckConstraint(
            "min_term_months >= 0 AND notice_days >= 0", name=op.f("ck_catalogue_item_term")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalogue_item")),
        sa.UniqueConstraint("code", name=op.f("uq_catalogue_item_code")),
    )
    op.create_table(
        "contract_amendment",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("contract_id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("summary", sa.String(length=4000), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["contract_id", "customer_id"],
            ["contract.id", "contract.customer_id"],
            name="fk_contract_amendment_contract_of_customer",
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_contract_amendment_customer_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contract_amendment")),
        sa.UniqueConstraint(
            "contract_id", "number", name=op.f("uq_contract_amendment_contract_id_number")
        ),
        sa.UniqueConstraint("id", "customer_id", name=op.f("uq_contract_amendment_id_customer_id")),
    )
    op.create_index(
        op.f("ix_contract_amendment_contract_id"),
        "contract_amendment",
        ["contract_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_contract_amendment_customer_id"),
        "contract_amendment",
        ["customer_id"],
        unique=False,
    )
    op.create_table(
        "service_order",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("contract_id", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=255), nullable=False),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("requested_by", sa.String(length=255), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("approved_by", sa.String(length=255), nullable=False),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind IN ('suspend', 'restore', 'move_out')", name=op.f("ck_service_order_kind")
        ),
        sa.CheckConstraint(
            "state IN ('requested', 'approved', 'running', 'done', 'cancelled')",
            name=op.f("ck_service_order_state"),
        ),
        sa.ForeignKeyConstraint(
            ["contract_id", "customer_id"],
            ["contract.id", "contract.customer_id"],
            name="fk_service_order_contract_of_customer",
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_service_order_customer_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_order")),
        sa.UniqueConstraint("id", "customer_id", name=op.f("uq_service_order_id_customer_id")),
        sa.UniqueConstraint("number", name=op.f("uq_service_order_number")),
    )
    op.create_index(
        op.f("ix_service_order_contract_id"), "service_order", ["contract_id"], unique=False
    )
    op.create_index(
        op.f("ix_service_order_customer_id"), "service_order", ["customer_id"], unique=False
    )
    op.create_table(
        "order_step",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("subject_kind", sa.String(length=64), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("done_by", sa.String(length=255), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.String(length=4000), nullable=False),
        sa.CheckConstraint(
            "kind IN ('notify', 'ports_off', 'ports_on', 'power_off', 'power_on', 'cross_connect', 'address', 'access_revoked', 'access_restored', 'equipment_out', 'space_free', 'items_end', 'final_statement')",
            name=op.f("ck_order_step_kind"),
        ),
        sa.CheckConstraint(
            "state IN ('open', 'done', 'skipped')", name=op.f("ck_order_step_state")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_order_step_customer_id")
        ),
        sa.ForeignKeyConstraint(
            ["order_id", "customer_id"],
            ["service_order.id", "service_order.customer_id"],
            name="fk_order_step_order_of_customer",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_step")),
        sa.UniqueConstraint("order_id", "position", name=op.f("uq_order_step_order_id_position")),
    )
    op.create_index(op.f("ix_order_step_customer_id"), "order_step", ["customer_id"], unique=False)
    op.create_index(op.f("ix_order_step_order_id"), "order_step", ["order_id"], unique=False)
    op.create_table(
        "item_version",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("item_id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("quantity", sa.Numeric(precision=12, scale=3), nullable=False),
        sa.Column("unit_price", sa.Numeric(precision=14, scale=2), nullable=True),
        sa.Column("monthly_fee", sa.Numeric(precision=14, scale=2), nullable=False),
        sa.Column("contracted_w", sa.Integer(), nullable=True),
        sa.Column("amendment_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("monthly_fee >= 0", name=op.f("ck_item_version_fee")),
        sa.CheckConstraint("quantity > 0 AND unit_price >= 0", name=op.f("ck_item_version_price")),
        sa.ForeignKeyConstraint(
            ["amendment_id", "customer_id"],
            ["contract_amendment.id", "contract_amendment.customer_id"],
            name="fk_item_version_amendment_of_customer",
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_item_version_customer_id")
        ),
        sa.ForeignKeyConstraint(
            ["item_id", "customer_id"],
            ["contract_item.id", "contract_item.customer_id"],
            name="fk_item_version_item_of_customer",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_item_version")),
        sa.UniqueConstraint(
            "item_id", "effective_from", name=op.f("uq_item_version_item_id_effective_from")
        ),
    )
    op.create_index(
        op.f("ix_item_version_customer_id"), "item_version", ["customer_id"], unique=False
    )
    op.create_index(
        op.f("ix_item_version_effective_from"), "item_version", ["effective_from"], unique=False
    )


def _add_walls() -> None:
    """As 0002 does: staff see all, a customer its own."""
    for table in TENANT_TABLES:
        op.execute(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')
        op.execute(f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY')
        rule = (
            "current_setting('jifang.staff', true) = 'yes' OR "
            "customer_id = NULLIF(current_setting('jifang.customer', true), '')::bigint"
        )
        op.execute(f'CREATE POLICY tenant ON "{table}" USING ({rule}) WITH CHECK ({rule})')


def _add(table: str, name: str, kind: TypeEngine[object], filled: str) -> None:
    """A column that can't be null; rows that are there get `filled`, later ones must bring theirs."""
    op.add_column(table, sa.Column(name, kind, nullable=False, server_default=filled))
    op.alter_column(table, name, server_default=None)


def _extend_customers() -> None:
    _add("customer", "kind", sa.String(length=64), "enterprise")
    _add("customer", "legal_name", sa.String(length=255), "")
    _add("customer", "identity_kind", sa.String(length=64), "credit_code")
    op.add_column("customer", sa.Column("credit_code", sa.String(length=64)))
    _add("customer", "legal_person", sa.String(length=255), "")
    _add("customer", "icp_licence", sa.String(length=64), "")
    _add("customer", "icp_record", sa.String(length=64), "")
    _add("customer", "isp_licence", sa.String(length=64), "")
    _add("customer", "business", sa.String(length=255), "")
    _add("customer", "address", sa.String(length=255), "")
    _add("customer", "security_contact", sa.String(length=255), "")
    _add("customer", "security_phone", sa.String(length=64), "")
    _add("customer", "security_email", sa.String(length=255), "")
    _add("customer", "tier", sa.String(length=64), "standard")
    _add("customer", "industry", sa.String(length=64), "")
    _add("customer", "state", sa.String(length=64), "active")
    _add("customer", "pinyin", sa.String(length=255), "")
    _add("customer", "account_manager", sa.String(length=255), "")
    _add("customer", "note", sa.String(length=4000), "")
    _add("contact", "title", sa.String(length=255), "")
    _add("contact", "mobile", sa.String(length=64), "")
    _add("contact", "may_ticket", sa.Boolean(), "false")
    _add("contact", "may_see_bills", sa.Boolean(), "false")
    _add("contact", "document_kind", sa.String(length=64), "")
    _add("contact", "document_hint", sa.String(length=4), "")
    op.add_column("contact", sa.Column("valid_until", sa.Date()))
    op.execute("UPDATE customer SET state = 'left' WHERE NOT active")
    # Who gets the statements may see the bills; who orders or enters may ask for help.
    op.execute(
        "UPDATE contact SET may_see_bills = gets_statements, may_ticket = may_order OR may_enter"
    )
    op.create_unique_constraint(op.f("uq_customer_credit_code"), "customer", ["credit_code"])
    for name, rule in (
        ("kind", "kind IN ('enterprise', 'individual', 'government', 'school', 'other')"),
        (
            "identity_kind",
            "identity_kind IN ('credit_code', 'id_card', 'passport', 'foreign', 'other')",
        ),
        ("tier", "tier IN ('standard', 'key', 'strategic')"),
        ("state", "state IN ('prospect', 'active', 'suspended', 'leaving', 'left')"),
        ("active_state", "active = (state IN ('active', 'suspended', 'leaving'))"),
    ):
        op.create_check_constraint(op.f(f"ck_customer_{name}"), "customer", rule)
    op.create_check_constraint(
        op.f("ck_contact_document"),
        "contact",
        "document_kind IN ('', 'id_card', 'passport', 'permit', 'other')",
    )


def _extend_contracts() -> None:
    _add("contract", "title", sa.String(length=255), "")
    op.add_column("contract", sa.Column("term_months", sa.SmallInteger()))
    _add("contract", "notice_days", sa.SmallInteger(), "30")
    _add("contract", "auto_renew", sa.Boolean(), "false")
    _add("contract", "renewal_months", sa.SmallInteger(), "12")
    _add("contract", "state", sa.String(length=64), "signed")
    op.add_column("contract", sa.Column("supersedes_id", sa.BigInteger()))
    op.create_foreign_key(
        "fk_contract_supersedes_of_customer",
        "contract",
        "contract",
        ["supersedes_id", "customer_id"],
        ["id", "customer_id"],
    )
    op.create_check_constraint(
        op.f("ck_contract_state"), "contract", "state IN ('draft', 'signed', 'ended')"
    )
    op.create_check_constraint(
        op.f("ck_contract_term"),
        "contract",
        "term_months > 0 AND notice_days >= 0 AND renewal_months > 0",
    )
    op.add_column("contract_item", sa.Column("catalogue_item_id", sa.BigInteger()))
    _add("contract_item", "quantity", sa.Numeric(precision=12, scale=3), "1")
    _add("contract_item", "unit", sa.String(length=64), "")
    op.add_column("contract_item", sa.Column("unit_price", sa.Numeric(precision=14, scale=2)))
    op.add_column("contract_item", sa.Column("amendment_id", sa.BigInteger()))
    _add("contract_item", "note", sa.String(length=4000), "")
    op.create_index(
        op.f("ix_contract_item_catalogue_item_id"), "contract_item", ["catalogue_item_id"]
    )
    op.create_foreign_key(
        op.f("fk_contract_item_catalogue_item_id"),
        "contract_item",
        "catalogue_item",
        ["catalogue_item_id"],
        ["id"],
    )
    op.create_foreign_key(
        "fk_contract_item_amendment_of_customer",
        "contract_item",
        "contract_amendment",
        ["amendment_id", "customer_id"],
        ["id", "customer_id"],
    )
    op.create_check_constraint(
        op.f("ck_contract_item_unit"),
        "contract_item",
        "unit IN ('', 'cabinet', 'rack', 'u', 'server', 'mbps', 'ip', 'port', 'kva', 'kwh', 'visit', 'hour', 'item')",
    )
    op.create_check_constraint(
        op.f("ck_contract_item_price"), "contract_item", "quantity > 0 AND unit_price >= 0"
    )


def _fill() -> None:
    """What ran until now is each item's first version; contracts that are over have ended."""
    op.execute(
        "INSERT INTO item_version"
        " (item_id, customer_id, effective_from, quantity, unit_price, monthly_fee, contracted_w)"
        " SELECT id, customer_id, starts_on, quantity, unit_price, monthly_fee, contracted_w"
        " FROM contract_item"
    )
    op.execute(
        "UPDATE contract SET state = 'ended'"
        " WHERE ends_on <= (now() AT TIME ZONE contract.timezone)::date"
    )
