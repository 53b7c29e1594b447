"""An instance with devices in it is brought up: every type gets a slug and, where clear, a
category; devices stay what they were."""

from collections.abc import Iterator

import pytest
from alembic import command
from sqlalchemy import text

from dcim import schema
from dcim.db import make_engine
from dcim.postgres import APP, EmbeddedServer
from tests.servers import Database, fresh_database


@pytest.fixture
def empty(server: EmbeddedServer) -> Iterator[Database]:
    with fresh_database(server, "schema_devices") as own:
        yield own


TYPES = (
    ("Maker", "T-1", "switch"),
    ("Maker", "T 1", "app"),
    ("藤蔓 Vine", "ODF-96", "odf"),
    ("Maker", "L" * 250, None),
    ("Maker", "Mixed", "switch,router"),
)


def test_types_get_slugs_and_categories(empty: Database) -> None:
    owner = make_engine(empty.owner_url, pool_size=1)
    with owner.begin() as connection:
        command.upgrade(schema.alembic_config(connection), "0004")
        connection.execute(text("SELECT set_config('jifang.staff', 'yes', true)"))
        for maker, model, roles in TYPES:
            number = connection.scalar(
                text(
                    "INSERT INTO device_type (manufacturer, model, height, full_depth, half_width,"
                    " weight_g, rated_w) VALUES (:maker, :model, 2, true, false, 0, 0)"
                    " RETURNING id"
                ),
                {"maker": maker, "model": model},
            )
            for role in (roles or "").split(",") if roles else []:
                connection.execute(
                    text(
                        "INSERT INTO device (device_type_id, name, role, state, created_at)"
                        " VALUES (:type, :name, :role, 'in_service', now())"
                    ),
                    {"type": number, "name": f"{model[:9]}-{role}", "role": role},
                )
    assert schema.upgrade(owner, APP) == schema.newest_revision()
    with owner.begin() as connection:
        connection.execute(text("SELECT set_config('jifang.staff', 'yes', true)"))
        rows = connection.execute(
            text("SELECT slug, category, curated FROM device_type ORDER BY id")
        ).all()
        assert [row.slug for row in rows[:3]] == ["maker-t-1", "maker-t-1-2", "藤蔓-vine-odf-96"]
        assert len(rows[3].slug) == 64
        assert [row.category for row in rows] == ["switch", "server", "panel", "other", "other"]
        assert not any(row.curated for row in rows)
        devices = connection.execute(text("SELECT state, provider_owned, note FROM device")).all()
        assert devices == [("in_service", False, "")] * 5
    owner.dispose()
