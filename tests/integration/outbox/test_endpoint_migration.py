"""Webhooks that were there before there were robots stay what they were."""

import os
from collections.abc import Iterator

import pytest
from alembic import command
from sqlalchemy import Engine, text

from dcim import schema
from dcim.db import make_engine
from dcim.postgres import EmbeddedServer
from tests.servers import fresh_database

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "alone")


@pytest.fixture
def owner(server: EmbeddedServer) -> Iterator[Engine]:
    with fresh_database(server, f"endpoints_{WORKER}") as own:
        engine = make_engine(own.owner_url, pool_size=1)
        yield engine
        engine.dispose()


def go_to(owner: Engine, revision: str, *, down: bool = False) -> None:
    with owner.begin() as connection:
        move = command.downgrade if down else command.upgrade
        move(schema.alembic_config(connection), revision)


def test_there_and_back(owner: Engine) -> None:
    go_to(owner, "0035")
    with owner.begin() as connection:
        connection.execute(text("SELECT set_config('jifang.staff', 'yes', true)"))
        connection.execute(
            text(
                "INSERT INTO webhook_endpoint (name, url, events, enabled, created_at)"
                " VALUES ('erp', 'https://x/', '[\"statement.issued\"]', true, now())"
            )
        )
        connection.execute(
            text(
                "INSERT INTO outbox_message (key, endpoint_id, channel, event, recipient, title,"
                " text, attach, delivery_id, state, attempts, next_at, fault, detail, created_at)"
                " VALUES ('k', 1, 'webhook', 'test', 'erp', '', '', false, 'd', 'queued', 0,"
                " now(), '', '', now())"
            )
        )
    for _ in range(2):
        go_to(owner, "0040")
        with owner.begin() as connection:
            connection.execute(text("SELECT set_config('jifang.staff', 'yes', true)"))
            [row] = connection.execute(
                text(
                    "SELECT e.kind, e.language, e.enabled, e.deleted_at, m.recipient"
                    " FROM endpoint e JOIN outbox_message m ON m.endpoint_id = e.id"
                )
            )
            assert tuple(row) == ("webhook", "zh", True, None, "erp")
        go_to(owner, "0035", down=True)
    with owner.begin() as connection:
        assert connection.scalar(text("SELECT name FROM webhook_endpoint")) == "erp"
