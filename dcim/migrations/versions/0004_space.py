"""buildings, cages, barred units, rails, areas, holds ahead, walks"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

EXTENTS = ("room", "cage", "cabinet", "rack")
TENANT_TABLES = {"area_claim": "customer_id"}


def upgrade() -> None:
    _widen_places()
    _bar_space()
    _number_rails()
    _sell_areas()
    _let_holds_begin_later()
    # Who is next becomes current when its turn comes: the slots follow.
    name = "fk_allocation_slot_allocation_id_rack_id_turn"
    columns = ["id", "rack_id", "turn"]
    op.drop_constraint(name, "allocation_slot", type_="foreignkey")
    op.create_foreign_key(
        name, "allocation_slot", "allocation", ["allocation_id", *columns[1:]], columns,
        ondelete="CASCADE", onupdate="CASCADE",
    )  # fmt: skip


def _widen_places() -> None:
    op.create_table(
        "building",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(64), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("name_en", sa.String(255), nullable=False),
        sa.Column("address", sa.String(255), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name="fk_building_site_id"),
        sa.PrimaryKeyConstraint("id", name="pk_building"),
        sa.UniqueConstraint("site_id", "code", name="uq_building_site_id_code"),
    )
    op.create_index("ix_building_site_id", "building", ["site_id"])
    op.create_table(
        "cage",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("room_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(64), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.ForeignKeyConstraint(["room_id"], ["room.id"], name="fk_cage_room_id"),
        sa.PrimaryKeyConstraint("id", name="pk_cage"),
        sa.UniqueConstraint("room_id", "code", name="uq_cage_room_id_code"),
    )
    op.create_index("ix_cage_room_id", "cage", ["room_id"])

    _add_reference("room", "building")
    _add_filled("room", "floor", sa.String(64), "")
    _add_filled("room", "grid_columns", sa.SmallInteger(), "20")
    _add_filled("room", "grid_rows", sa.SmallInteger(), "20")
    _add_filled("room", "tile_mm", sa.SmallInteger(), "600")
    op.add_column("room", sa.Column("star_rating", sa.SmallInteger()))
    op.create_check_constraint(op.f("ck_room_star_rating"), "room", "star_rating BETWEEN 2 AND 5")
    op.create_check_constraint(
        op.f("ck_room_grid"), "room", "grid_columns > 0 AND grid_rows > 0 AND tile_mm > 0"
    )

    _add_reference("cabinet", "cage")
    _add_filled("cabinet", "height_mm", sa.SmallInteger(), "2000")
    _add_filled("cabinet", "own_weight_kg", sa.SmallInteger(), "0")
    op.add_column("cabinet", sa.Column("asset_tag", sa.String(64)))
    op.create_unique_constraint(op.f("uq_cabinet_asset_tag"), "cabinet", ["asset_tag"])
    op.add_column("cabinet", sa.Column("serial", sa.String(64)))
    _add_filled("cabinet", "lock_kind", sa.String(64), "")
    _add_filled("cabinet", "lock_number", sa.String(64), "")
    op.add_column("cabinet", sa.Column("grid_x", sa.SmallInteger()))
    op.add_column("cabinet", sa.Column("grid_y", sa.SmallInteger()))
    _add_filled("cabinet", "facing", sa.String(1), "S")
    _add_filled("cabinet", "state", sa.String(64), "in_service")
    _add_filled("cabinet", "note", sa.String(255), "")
    op.create_check_constraint(
        op.f("ck_cabinet_facing"), "cabinet", "facing IN ('N', 'E', 'S', 'W')"
    )
    op.create_check_constraint(
        op.f("ck_cabinet_state"), "cabinet", "state IN ('planned', 'in_service', 'blocked')"
    )
    op.create_check_constraint(
        op.f("ck_cabinet_tile"),
        "cabinet",
        "(grid_x IS NULL) = (grid_y IS NULL) AND grid_x >= 0 AND grid_y >= 0",
    )

    # Empty racks go with their cabinet, and come back with it.
    op.drop_constraint("fk_rack_cabinet_id", "rack", type_="foreignkey")
    op.create_foreign_key(
        "fk_rack_cabinet_id", "rack", "cabinet", ["cabinet_id"], ["id"], ondelete="CASCADE"
    )
    _add_filled("rack", "numbering", sa.String(4), "up")
    op.create_check_constraint(op.f("ck_rack_numbering"), "rack", "numbering IN ('up', 'down')")


def _bar_space() -> None:
    op.create_table(
        "barred_space",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("rack_id", sa.BigInteger(), nullable=False),
        sa.Column("u_low", sa.SmallInteger(), nullable=False),
        sa.Column("height", sa.SmallInteger(), nullable=False),
        sa.Column("face", sa.String(8), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("reason", sa.String(255), nullable=False),
        sa.CheckConstraint("face IN ('front', 'rear', 'full')", name=op.f("ck_barred_space_face")),
        sa.CheckConstraint("kind IN ('blocked', 'absent')", name=op.f("ck_barred_space_kind")),
        sa.CheckConstraint("height > 0 AND u_low >= 0", name=op.f("ck_barred_space_range")),
        sa.ForeignKeyConstraint(
            ["rack_id"], ["rack.id"], name="fk_barred_space_rack_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_barred_space"),
        sa.UniqueConstraint("id", "rack_id", name="uq_barred_space_id_rack_id"),
    )
    op.create_index("ix_barred_space_rack_id", "barred_space", ["rack_id"])
    op.alter_column("installation_slot", "installation_id", nullable=True)
    op.add_column("installation_slot", sa.Column("barred_id", sa.BigInteger()))
    op.create_index("ix_installation_slot_barred_id", "installation_slot", ["barred_id"])
    op.create_foreign_key(
        "fk_installation_slot_barred_id_rack_id", "installation_slot", "barred_space",
        ["barred_id", "rack_id"], ["id", "rack_id"], ondelete="CASCADE",
    )  # fmt: skip
    op.create_check_constraint(
        op.f("ck_installation_slot_one_taker"),
        "installation_slot",
        "(installation_id IS NULL) <> (barred_id IS NULL)",
    )


def _number_rails() -> None:
    """Give what hangs on side rails already its place: left, right, left, … from the bottom up.

    Twelve places are all a rack has; who has more than that keeps them without one.
    """
    op.add_column("installation", sa.Column("rail", sa.String(5)))
    op.add_column("installation", sa.Column("rail_position", sa.SmallInteger()))
    op.execute(
        """
        UPDATE installation
        SET rail = CASE WHEN numbered.nth % 2 = 1 THEN 'left' ELSE 'right' END,
            rail_position = (numbered.nth + 1) / 2
        FROM (
            SELECT id, row_number() OVER (PARTITION BY rack_id ORDER BY id) AS nth
            FROM installation WHERE u_low IS NULL
        ) AS numbered
        WHERE numbered.id = installation.id AND numbered.nth <= 12
        """
    )
    for name, condition in (
        ("rail", "rail IN ('left', 'right')"),
        ("rail_position", "rail_position BETWEEN 1 AND 6"),
        (
            "rail_or_unit",
            "(rail IS NULL) = (rail_position IS NULL) AND (rail IS NULL OR u_low IS NULL)",
        ),
    ):
        op.create_check_constraint(op.f(f"ck_installation_{name}"), "installation", condition)
    op.create_unique_constraint(
        op.f("uq_installation_rack_id_rail_rail_position"),
        "installation",
        ["rack_id", "rail", "rail_position"],
    )


def _sell_areas() -> None:
    op.create_table(
        "area_claim",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("contract_item_id", sa.BigInteger(), nullable=False),
        sa.Column("extent", sa.String(64), nullable=False),
        *(sa.Column(f"{extent}_id", sa.BigInteger()) for extent in EXTENTS),
        sa.Column("turn", sa.String(8), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date()),
        sa.CheckConstraint(
            "extent IN ('room', 'cage', 'cabinet', 'rack')", name=op.f("ck_area_claim_extent")
        ),
        sa.CheckConstraint("turn IN ('current', 'next', 'over')", name=op.f("ck_area_claim_turn")),
        sa.CheckConstraint(
            "ends_on IS NULL OR ends_on > starts_on", name=op.f("ck_area_claim_dates")
        ),
        sa.CheckConstraint(
            " AND ".join(
                f"(extent = '{extent}') = ({extent}_id IS NOT NULL)" for extent in EXTENTS
            ),
            name=op.f("ck_area_claim_one_area"),
        ),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name="fk_area_claim_customer_id"),
        sa.ForeignKeyConstraint(
            ["contract_item_id"], ["contract_item.id"], name="fk_area_claim_contract_item_id"
        ),
        *(
            sa.ForeignKeyConstraint(
                [f"{extent}_id"], [f"{extent}.id"], name=f"fk_area_claim_{extent}_id"
            )
            for extent in EXTENTS
        ),
        sa.ForeignKeyConstraint(
            ["contract_item_id", "customer_id"],
            ["contract_item.id", "contract_item.customer_id"],
            name="fk_area_claim_item_of_customer",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_area_claim"),
    )
    for column in ("customer", "contract_item", *EXTENTS):
        op.create_index(f"ix_area_claim_{column}_id", "area_claim", [f"{column}_id"])
    for extent in EXTENTS:
        op.create_index(
            f"uq_area_claim_{extent}_id_turn",
            "area_claim",
            [f"{extent}_id", "turn"],
            unique=True,
            postgresql_where=sa.text(f"{extent}_id IS NOT NULL AND turn <> 'over'"),
        )
    for table, column in TENANT_TABLES.items():
        op.execute(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')
        op.execute(f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY')
        rule = (
            "current_setting('jifang.staff', true) = 'yes' OR "
            f"{column} = NULLIF(current_setting('jifang.customer', true), '')::bigint"
        )
        op.execute(f'CREATE POLICY tenant ON "{table}" USING ({rule}) WITH CHECK ({rule})')
    _add_reference("allocation", "area_claim")


def _let_holds_begin_later() -> None:
    op.add_column("hold", sa.Column("starts_at", sa.DateTime(timezone=True)))
    # A hold of before began when it was made; one made by a clock ahead of its own end, just before.
    op.execute("UPDATE hold SET starts_at = LEAST(created_at, expires_at - interval '1 second')")
    op.alter_column("hold", "starts_at", nullable=False)
    _add_filled("hold", "extensions", sa.Integer(), "0")
    op.create_check_constraint(op.f("ck_hold_dates"), "hold", "expires_at > starts_at")


def _add_reference(table: str, to: str) -> None:
    op.add_column(table, sa.Column(f"{to}_id", sa.BigInteger()))
    op.create_foreign_key(f"fk_{table}_{to}_id", table, to, [f"{to}_id"], ["id"])
    op.create_index(f"ix_{table}_{to}_id", table, [f"{to}_id"])


def _add_filled(table: str, name: str, kind: sa.types.TypeEngine[object], value: str) -> None:
    """A column that rows of before get `value` in; new rows have to say theirs."""
    op.add_column(table, sa.Column(name, kind, nullable=False, server_default=value))
    op.alter_column(table, name, server_default=None)


def downgrade() -> None:
    raise RuntimeError("restore a backup from before instead")
