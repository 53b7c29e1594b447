"""meters read by hand, and their readings with a second person's word"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_TABLES = ("meter", "meter_reading")
# What of a meter the one search finds (migration 0011).
_SEARCHED = ("serial", "name")


def upgrade() -> None:
    _create_meters()
    _create_readings()
    _index_meters()
    for table in _TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        rule = (
            "current_setting('jifang.staff', true) = 'yes' OR "
            "customer_id = NULLIF(current_setting('jifang.customer', true), '')::bigint"
        )
        op.execute(f"CREATE POLICY tenant ON {table} USING ({rule}) WITH CHECK ({rule})")
    op.execute(
        """
        CREATE FUNCTION keep_meter_reading() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE decision CONSTANT text[] := '{state,decided_by,decided_at,decision_note}';
        BEGIN
            IF TG_OP = 'UPDATE' AND OLD.state = 'entered'
                AND to_jsonb(OLD) - decision = to_jsonb(NEW) - decision THEN
                RETURN NEW;
            END IF;
            RAISE EXCEPTION 'a meter reading is decided once, never changed or deleted'
                USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'meter_reading_kept';
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER meter_reading_kept BEFORE UPDATE OR DELETE ON meter_reading"
        " FOR EACH ROW EXECUTE FUNCTION keep_meter_reading()"
    )
    _take_photos("'loa', 'cfa', 'other', 'photo'")


def _create_meters() -> None:
    op.create_table(
        "meter",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("serial", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("contract_item_id", sa.BigInteger(), nullable=False),
        sa.Column("room_id", sa.BigInteger(), nullable=False),
        sa.Column("power_node_id", sa.BigInteger(), nullable=True),
        sa.Column("rack_id", sa.BigInteger(), nullable=True),
        sa.Column("cabinet_id", sa.BigInteger(), nullable=True),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("digits", sa.SmallInteger(), nullable=False),
        sa.Column("decimals", sa.SmallInteger(), nullable=False),
        sa.Column("multiplier", sa.Integer(), nullable=False),
        sa.Column("installed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "num_nonnulls(power_node_id, rack_id, cabinet_id) <= 1", name=op.f("ck_meter_place")
        ),
        sa.CheckConstraint("removed_at > installed_at", name=op.f("ck_meter_dates")),
        sa.CheckConstraint("digits BETWEEN 3 AND 9", name=op.f("ck_meter_digits")),
        sa.CheckConstraint("decimals BETWEEN 0 AND 3", name=op.f("ck_meter_decimals")),
        sa.CheckConstraint("multiplier BETWEEN 1 AND 100000", name=op.f("ck_meter_multiplier")),
        *(
            sa.ForeignKeyConstraint(
                [f"{name}_id"], [f"{name}.id"], name=op.f(f"fk_meter_{name}_id")
            )
            for name in ("customer", "contract_item", "room", "power_node", "rack", "cabinet")
        ),
        sa.ForeignKeyConstraint(
            ["contract_item_id", "customer_id"],
            ["contract_item.id", "contract_item.customer_id"],
            name="fk_meter_item_of_customer",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meter")),
        sa.UniqueConstraint("id", "customer_id", name=op.f("uq_meter_id_customer_id")),
        sa.UniqueConstraint("serial", "installed_at", name=op.f("uq_meter_serial_installed_at")),
    )
    for column in (
        "customer_id", "contract_item_id", "room_id", "power_node_id", "rack_id", "cabinet_id",
    ):  # fmt: skip
        op.create_index(op.f(f"ix_meter_{column}"), "meter", [column])
    hanging = "removed_at IS NULL"
    for name, column, condition in (
        ("serial", "serial", hanging),
        ("power_node_id", "power_node_id", hanging),
        ("rack_id", "rack_id", hanging),
        ("cabinet_id", "cabinet_id", hanging),
        (
            "item",
            "contract_item_id",
            f"{hanging} AND num_nonnulls(power_node_id, rack_id, cabinet_id) = 0",
        ),
    ):
        op.create_index(
            f"uq_meter_{name}_hanging",
            "meter",
            [column],
            unique=True,
            postgresql_where=sa.text(condition),
        )


def _create_readings() -> None:
    op.create_table(
        "meter_reading",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("meter_id", sa.BigInteger(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("rolled_over", sa.Boolean(), nullable=False),
        sa.Column("estimated", sa.Boolean(), nullable=False),
        sa.Column("estimate_reason", sa.String(length=4000), nullable=False),
        sa.Column("doubts", postgresql.JSONB(), nullable=False),
        sa.Column("doubt_reason", sa.String(length=4000), nullable=False),
        sa.Column("note", sa.String(length=4000), nullable=False),
        sa.Column("photo_id", sa.BigInteger(), nullable=True),
        sa.Column("photo_sha256", sa.String(length=64), nullable=True),
        sa.Column("corrects_id", sa.BigInteger(), nullable=True),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_by", sa.String(length=255), nullable=False),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("decided_by", sa.String(length=255), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_note", sa.String(length=4000), nullable=False),
        sa.CheckConstraint(
            "state IN ('entered', 'confirmed', 'refused')", name=op.f("ck_meter_reading_state")
        ),
        sa.CheckConstraint(
            "(state = 'entered') = (decided_at IS NULL)"
            " AND (state = 'entered') = (decided_by = '')",
            name=op.f("ck_meter_reading_decided"),
        ),
        sa.CheckConstraint(
            "lower(decided_by) <> lower(read_by)", name=op.f("ck_meter_reading_four_eyes")
        ),
        sa.CheckConstraint("value >= 0", name=op.f("ck_meter_reading_value")),
        sa.CheckConstraint(
            "estimated = (estimate_reason <> '')", name=op.f("ck_meter_reading_estimate")
        ),
        sa.CheckConstraint(
            "(doubts = '[]'::jsonb) OR doubt_reason <> ''", name=op.f("ck_meter_reading_doubts")
        ),
        sa.CheckConstraint(
            "(photo_id IS NULL) = (photo_sha256 IS NULL)", name=op.f("ck_meter_reading_photo")
        ),
        sa.CheckConstraint("corrects_id <> id", name=op.f("ck_meter_reading_corrects")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_meter_reading_customer_id")
        ),
        sa.ForeignKeyConstraint(
            ["photo_id"], ["stored_file.id"], name=op.f("fk_meter_reading_photo_id")
        ),
        sa.ForeignKeyConstraint(
            ["meter_id", "customer_id"],
            ["meter.id", "meter.customer_id"],
            name="fk_meter_reading_meter_of_customer",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meter_reading")),
        sa.UniqueConstraint("id", "meter_id", name=op.f("uq_meter_reading_id_meter_id")),
        sa.UniqueConstraint("photo_id", name=op.f("uq_meter_reading_photo_id")),
        sa.ForeignKeyConstraint(
            ["corrects_id", "meter_id"],
            ["meter_reading.id", "meter_reading.meter_id"],
            name="fk_meter_reading_corrected",
        ),
    )
    op.create_index(op.f("ix_meter_reading_customer_id"), "meter_reading", ["customer_id"])
    op.create_index("ix_meter_reading_meter_id_read_at", "meter_reading", ["meter_id", "read_at"])
    op.create_index(
        "uq_meter_reading_correction",
        "meter_reading",
        ["corrects_id"],
        unique=True,
        postgresql_where=sa.text("state <> 'refused'"),
    )


def _index_meters() -> None:
    named = ", ".join(f"'{column}'" for column in _SEARCHED)
    for name, event in (
        ("written", f"INSERT OR UPDATE OF {', '.join(_SEARCHED)}"),
        ("gone", "DELETE"),
    ):
        op.execute(
            f"CREATE TRIGGER search_{name} AFTER {event} ON meter"
            f" FOR EACH ROW EXECUTE FUNCTION keep_search_text({named})"
        )


def _take_photos(kinds: str) -> None:
    op.drop_constraint(op.f("ck_stored_file_kind"), "stored_file")
    op.create_check_constraint(op.f("ck_stored_file_kind"), "stored_file", f"kind IN ({kinds})")


def downgrade() -> None:
    op.drop_table("meter_reading")
    op.execute("DROP FUNCTION keep_meter_reading()")
    op.drop_table("meter")
    op.execute("DELETE FROM search_text WHERE source = 'meter'")
    # Whose readings are gone; the version before knows no such files.
    op.execute("SELECT set_config('jifang.staff', 'yes', true)")
    op.execute("DELETE FROM stored_file WHERE kind = 'photo'")
    _take_photos("'loa', 'cfa', 'other'")
