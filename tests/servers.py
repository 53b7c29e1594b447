"""A real PostgreSQL for the tests: one server a run, shared by the xdist workers, a database each.

with scratch_server(shared_directory(tmp_path_factory)) as server:
    build_template(server, "template", migrate)          # once a run, whoever comes first
    with fresh_database(server, "gw0", template="template") as database:
        create_engine(database.app_url)
"""

import contextlib
import fcntl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from dcim.postgres import ADMIN, APP, OWNER, EmbeddedServer

# Durability is what these settings give up, for a test server is thrown away; and vacuuming: come
# upon a table between two tests, it notes that it has pages and no rows, and whatever the next test
# loads in one transaction is then planned as one row: nested loops over all of it, for hours.
FAST_OPTIONS = {
    "autovacuum": "off",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "max_wal_size": "4GB",
}


@dataclass(frozen=True)
class Database:
    """SQLAlchemy URLs of one scratch database by role."""

    name: str
    owner_url: str
    app_url: str
    admin_url: str  # superuser: for planting faults only


def shared_directory(factory: pytest.TempPathFactory) -> Path:
    """The directory all xdist workers of this run see; without xdist the run's own."""
    base = factory.getbasetemp()
    return base.parent if base.name.startswith("popen-") else base


@contextlib.contextmanager
def scratch_server(
    directory: Path, options: Mapping[str, str] = FAST_OPTIONS
) -> Iterator[EmbeddedServer]:
    """The run's server, in `directory`/postgres: its first user starts it, its last stops it."""
    server = EmbeddedServer(directory / "postgres", options=options)
    with server.lease():
        yield server


def build_template(server: EmbeddedServer, name: str, build: Callable[[Database], None]) -> None:
    """Create database `name` and let `build` fill it, once a run. `build` must close its sessions:
    PostgreSQL copies a template only when nobody is in it. A failed build is redone by the next."""
    done = server.data / f"{name}.built"
    with (server.data / f"{name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            server.drop_database(name)
            server.create_database(name)
            build(_database(server, name))
            done.touch()


@contextlib.contextmanager
def fresh_database(
    server: EmbeddedServer, name: str, *, template: str = "template0"
) -> Iterator[Database]:
    """A new database `name` copied from `template`, dropped at the end with whoever is in it."""
    server.drop_database(name)
    server.create_database(name, template=template)
    try:
        yield _database(server, name)
    finally:
        server.drop_database(name)


def _database(server: EmbeddedServer, name: str) -> Database:
    owner, app, admin = (server.url(role, name) for role in (OWNER, APP, ADMIN))
    return Database(name, owner, app, admin)
