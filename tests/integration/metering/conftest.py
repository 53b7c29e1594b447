"""A migrated scratch database for the metering room, with a device and some series."""

import os
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine, create_engine, text

from dcim import schema
from dcim.accounts.scope import Scope
from dcim.db import ScopedSession, SessionFactory, make_engine, make_sessions
from dcim.postgres import EmbeddedServer
from tests import servers

MakeSeries = Callable[..., list[int]]


@pytest.fixture(scope="session")
def metering_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    def migrate(database: servers.Database) -> None:
        owner = create_engine(database.owner_url)
        schema.upgrade(owner, "app")
        owner.dispose()

    with servers.scratch_server(servers.shared_directory(tmp_path_factory)) as server:
        servers.build_template(server, "metering_template", migrate)
        yield server


@pytest.fixture
def database(metering_server: EmbeddedServer) -> Iterator[servers.Database]:
    name = f"metering_{os.getpid()}"
    with servers.fresh_database(metering_server, name, template="metering_template") as found:
        yield found


@pytest.fixture
def engine(database: servers.Database) -> Iterator[Engine]:
    made = make_engine(database.app_url)
    yield made
    made.dispose()


@pytest.fixture
def sessions(engine: Engine) -> SessionFactory:
    return make_sessions(engine)


@pytest.fixture
def session(sessions: SessionFactory) -> Iterator[ScopedSession]:
    with sessions() as opened:
        opened.use_scope(Scope.system("test"))
        yield opened


@pytest.fixture
def make_series(engine: Engine) -> MakeSeries:
    def make(family: str, count: int = 1, device: str = "sw-1") -> list[int]:
        with engine.begin() as connection:
            connection.execute(text("SELECT set_config('jifang.staff', 'yes', true)"))
            connection.execute(
                text(
                    "INSERT INTO device_type (id, manufacturer, model, height, full_depth,"
                    " half_width, weight_g, rated_w) VALUES (1, 'Maker', 'Model', 2, true, false,"
                    " 0, 0) ON CONFLICT DO NOTHING"
                )
            )
            connection.execute(
                text(
                    "INSERT INTO device (device_type_id, name, role, state, created_at)"
                    " VALUES (1, :name, 'switch', 'in_service', now()) ON CONFLICT DO NOTHING"
                ),
                {"name": device},
            )
            rows = connection.execute(
                text(
                    "INSERT INTO series (family, device_id, slot, step_s)"
                    " SELECT :family, d.id, 'slot-' || n, 60 FROM device d,"
                    " generate_series(1, :count) n WHERE d.name = :name RETURNING id"
                ),
                {"family": family, "name": device, "count": count},
            )
            return sorted(rows.scalars())

    return make
