"""The seeded world and the app on it, once for all tests of this folder."""

import base64
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from ipaddress import ip_network
from typing import Any, NoReturn

import pytest
import structlog
from sqlalchemy import Engine, create_engine

from dcim.accounts.scope import Scope
from dcim.app import create_app
from dcim.config import EncryptionKeys, Settings
from dcim.db import make_engine, make_sessions, transaction
from dcim.http.policy import Access
from dcim.policy import POLICY
from dcim.postgres import EmbeddedServer
from tests.integration.conftest import TEMPLATE
from tests.integration.matrix.run import Bench
from tests.integration.matrix.world import World, seed_world
from tests.integration.web.lending import lend_app
from tests.servers import Database, fresh_database

# Flask-Security's forms still give wtforms their choices the old way.
IGNORED_WARNING = "ignore:Passing SelectField choices as tuples:DeprecationWarning"
OpenBench = Callable[..., AbstractContextManager[Bench]]


@pytest.fixture(scope="session")
def matrix_database(server: EmbeddedServer) -> Iterator[Database]:
    name = f"matrix_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
    with fresh_database(server, name, template=TEMPLATE) as own:
        yield own


@pytest.fixture(scope="session")
def matrix_settings(
    matrix_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    data = tmp_path_factory.mktemp("matrix")
    (data / "statements").mkdir()
    return Settings(
        data=data,
        secret_key="q7Vt1mZxJ4kBw8Rc0LsYpHd3NfUe9GaT",
        encryption=EncryptionKeys(
            "k1", {"k1": base64.b64decode("3q2+7wABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhs=")}
        ),
        database_url=matrix_database.app_url,
        owner_database_url=matrix_database.owner_url,
        snmp_allowed=(ip_network("127.0.0.0/8"),),
        # A page's polling brake must not stop the matrix.
        poll_interval_s=60,
    )


@pytest.fixture(scope="session")
def world(matrix_database: Database, matrix_settings: Settings) -> World:
    engine = make_engine(matrix_database.app_url)
    with transaction(make_sessions(engine), Scope.system("matrix")) as session:
        made = seed_world(session, matrix_settings)
    engine.dispose()
    return made


@pytest.fixture(scope="session")
def engines(matrix_database: Database) -> Iterator[dict[bool, Engine]]:
    """With the second wall and without; what a statement is compiled to serves the next bench."""
    options = {"options": "-c timezone=UTC"}
    made = {
        True: create_engine(matrix_database.app_url, connect_args=options),
        False: create_engine(matrix_database.admin_url, connect_args=options),
    }
    yield made
    for engine in made.values():
        engine.dispose()


@pytest.fixture(scope="session")
def open_bench(engines: dict[bool, Engine], matrix_settings: Settings, world: World) -> OpenBench:
    """The app on one connection, as the app role or, to take the second wall away, superuser."""
    sessions = {wall: make_sessions(engine) for wall, engine in engines.items()}
    # Made before any test plants a fault, which must not be built in.
    for one in sessions.values():
        lend_app(create_app, matrix_settings, one)

    @contextmanager
    def open_(
        *, second_wall: bool = True, policy: Mapping[str, Access] = POLICY
    ) -> Iterator[Bench]:
        # The bench's own: what is remembered by engine is forgotten with it.
        engine = engines[second_wall].execution_options()
        app = lend_app(create_app, matrix_settings, sessions[second_wall])
        assert policy.keys() == POLICY.keys()
        app.extensions["jifang_policy"] = dict(policy)
        # A traceback for each planted fault would take longer than the calls.
        structlog.configure(processors=[_drop])
        # Forged forms have tests of their own; here the walls behind them are tried.
        app.config["WTF_CSRF_METHODS"] = set()
        bench = Bench(app, engine, world)
        try:
            yield bench
        finally:
            structlog.reset_defaults()
            bench.close()

    return open_


def _drop(logger: Any, method: str, event: Any) -> NoReturn:
    raise structlog.DropEvent
