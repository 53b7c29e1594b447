"""The seeded world and the app on it, once for all tests of this folder."""

import base64
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from ipaddress import ip_network
from typing import Any, NoReturn

import pytest
import structlog
from sqlalchemy import create_engine

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
def open_bench(matrix_database: Database, matrix_settings: Settings, world: World) -> OpenBench:
    """The app on one connection, as the app role or, to take the second wall away, superuser."""

    @contextmanager
    def open_(
        *, second_wall: bool = True, policy: Mapping[str, Access] = POLICY
    ) -> Iterator[Bench]:
        url = matrix_database.app_url if second_wall else matrix_database.admin_url
        engine = create_engine(url, connect_args={"options": "-c timezone=UTC"})
        app = create_app(matrix_settings, make_sessions(engine), policy=policy)
        app.testing = True
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
            engine.dispose()

    return open_


def _drop(logger: Any, method: str, event: Any) -> NoReturn:
    raise structlog.DropEvent
