"""what changed for the capacity search; indexes for long lists"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# For each table the racks that a change of its rows concerns; "{rows}" are the changed ones.
RACKS_OF = {
    "rack": "SELECT id FROM {rows}",
    "cabinet": "SELECT rack.id FROM {rows} AS r JOIN rack ON rack.cabinet_id = r.id",
    "cabinet_row": "SELECT rack.id FROM {rows} AS r JOIN cabinet ON cabinet.row_id = r.id"
    " JOIN rack ON rack.cabinet_id = cabinet.id",
    "installation": "SELECT rack_id FROM {rows}",
    "barred_space": "SELECT rack_id FROM {rows}",
    "hold": "SELECT rack_id FROM {rows}",
    # An item's watts are shared by all its racks.
    "allocation": "SELECT rack_id FROM {rows} UNION SELECT a.rack_id FROM {rows} AS r"
    " JOIN allocation AS a ON a.contract_item_id = r.contract_item_id",
    "contract_item": "SELECT a.rack_id FROM {rows} AS r"
    " JOIN allocation AS a ON a.contract_item_id = r.id",
    "device": "SELECT i.rack_id FROM {rows} AS r JOIN installation AS i ON i.device_id = r.id",
    "device_type": "SELECT i.rack_id FROM {rows} AS r JOIN device AS d ON d.device_type_id = r.id"
    " JOIN installation AS i ON i.device_id = d.id",
    "customer": "SELECT a.rack_id FROM {rows} AS r JOIN allocation AS a ON a.customer_id = r.id",
    "port": "SELECT i.rack_id FROM {rows} AS r JOIN installation AS i ON i.device_id = r.device_id",
    "service_membership": "SELECT i.rack_id FROM {rows} AS r JOIN port AS p ON p.id = r.port_id"
    " JOIN installation AS i ON i.device_id = p.device_id",
    "cable_end": "SELECT i.rack_id FROM {rows} AS r JOIN port AS p ON p.id = r.port_id"
    " JOIN installation AS i ON i.device_id = p.device_id",
    "cross_connect_end": "SELECT i.rack_id FROM {rows} AS r JOIN port AS p ON p.id = r.port_id"
    " JOIN installation AS i ON i.device_id = p.device_id",
    "circuit": "SELECT i.rack_id FROM {rows} AS r JOIN port AS p ON p.id = r.port_id"
    " JOIN installation AS i ON i.device_id = p.device_id",
}
# What concerns more than single racks.
WHOLE = {
    "room": "rooms",
    "site": "rooms",
    "carrier": "rooms",
    "room_carrier": "rooms",
    "power_node": "power",
}


def upgrade() -> None:
    op.create_table(
        "capacity_change",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("about", sa.String(8), nullable=False),
        sa.Column("rack_id", sa.BigInteger()),
        sa.Column(
            "written_by",
            sa.BigInteger(),
            nullable=False,
            server_default=sa.text("(pg_current_xact_id()::text)::bigint"),
        ),
        sa.Column(
            "at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")
        ),
        sa.CheckConstraint(
            "about IN ('rack', 'rooms', 'power')", name=op.f("ck_capacity_change_about")
        ),
        sa.PrimaryKeyConstraint("id", name="pk_capacity_change"),
    )
    op.create_index("ix_capacity_change_written_by", "capacity_change", ["written_by"])
    for table, racks in RACKS_OF.items():
        _watch(
            table,
            f"INSERT INTO capacity_change (about, rack_id) SELECT DISTINCT 'rack', touched.* FROM ({racks}) AS touched",  # noqa: S608
        )
    for table, about in WHOLE.items():
        _watch(
            table,
            f"INSERT INTO capacity_change (about) SELECT '{about}' WHERE EXISTS (SELECT FROM {{rows}})",  # noqa: S608
        )


def _watch(table: str, note: str) -> None:
    """Triggers on a table that note what each statement changed."""
    name = f"note_capacity_{table}"
    op.get_bind().exec_driver_sql(
        f"""
        CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP <> 'DELETE' THEN
                {note.format(rows="new_rows")};
            END IF;
            IF TG_OP <> 'INSERT' THEN
                {note.format(rows="old_rows")};
            END IF;
            RETURN NULL;
        END $$
        """.replace("%", "%%")
    )
    for event, rows in (
        ("INSERT", "NEW TABLE AS new_rows"),
        ("UPDATE", "OLD TABLE AS old_rows NEW TABLE AS new_rows"),
        ("DELETE", "OLD TABLE AS old_rows"),
    ):
        op.execute(
            f"CREATE TRIGGER {name}_{event.lower()} AFTER {event} ON {table}"
            f" REFERENCING {rows} FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
        )


def downgrade() -> None:
    raise RuntimeError("restore a backup from before instead")
