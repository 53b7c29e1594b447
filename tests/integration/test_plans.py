"""No statement is answered by a plan made for tables that have grown since."""

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import Engine

from dcim.db import make_engine
from tests.servers import Database

# From the sixth time on PostgreSQL may keep a plan; psycopg prepares from the fifth.
TIMES = 15


def count_kept_plans(engine: Engine) -> int:
    with engine.begin() as connection:
        for number in range(TIMES):
            connection.execute(text("SELECT id FROM device WHERE id = :id"), {"id": number})
        kept = connection.scalar(text("SELECT sum(generic_plans) FROM pg_prepared_statements"))
    engine.dispose()
    assert kept is not None
    return int(kept)


def test_the_instance_plans_each_time(clean_database: Database) -> None:
    assert count_kept_plans(make_engine(clean_database.app_url)) == 0


def test_a_plain_connection_would_keep_plans(clean_database: Database) -> None:
    """The control."""
    assert count_kept_plans(create_engine(clean_database.app_url)) > 0


@pytest.mark.parametrize("setting", ["TimeZone", "plan_cache_mode"])
def test_what_a_connection_asks_for_is_granted(clean_database: Database, setting: str) -> None:
    engine = make_engine(clean_database.app_url)
    with engine.connect() as connection:
        got = connection.scalar(text(f"SHOW {setting}"))
    engine.dispose()
    assert got == {"TimeZone": "UTC", "plan_cache_mode": "force_custom_plan"}[setting]
