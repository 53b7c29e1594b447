"""One running installation: its settings and its database, opened the same way by every process."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, make_url

from dcim import schema
from dcim.config import Settings, load_settings
from dcim.db import SessionFactory, make_engine, make_sessions
from dcim.postgres import EmbeddedServer

DATA_FOLDERS = ("keys", "statements", "spool", "log")


@dataclass(frozen=True, slots=True)
class Instance:
    """URLs hold passwords: never log or print them."""

    settings: Settings
    app_url: str
    owner_url: str

    def make_engine(self, *, pool_size: int = 5) -> Engine:
        return make_engine(self.app_url, pool_size=pool_size)

    def make_sessions(self, *, pool_size: int = 5) -> SessionFactory:
        return make_sessions(self.make_engine(pool_size=pool_size), self.settings.sender)

    def upgrade(self) -> str:
        """Migrate the schema as the owner; returns the revision it has now."""
        engine = make_engine(self.owner_url, pool_size=1)
        try:
            role = make_url(self.app_url).username
            if role is None:
                raise ValueError("the app's database URL names no user")
            return schema.upgrade(engine, role)
        finally:
            engine.dispose()

    def check_schema(self) -> None:
        """Raise SettingsError unless the database has the schema this program was built for."""
        engine = self.make_engine(pool_size=1)
        try:
            with engine.connect() as connection:
                schema.check_revision(connection)
        finally:
            engine.dispose()


def locate_instance(settings: Settings) -> Instance:
    """Where this instance's database is, without starting anything."""
    if settings.database_url is not None and settings.owner_database_url is not None:
        return Instance(settings, settings.database_url, settings.owner_database_url)
    server = EmbeddedServer(settings.data)
    return Instance(settings, server.app_url, server.owner_url)


@contextmanager
def open_instance(data: Path | None = None) -> Iterator[Instance]:
    """For a command: the instance with its database up.

    An embedded server that isn't running is started for the length of the block, beside one that
    `./dev run` may own. Raises SettingsError for wrong or missing settings.
    """
    settings = load_settings(data)
    if settings.database_url is not None:
        yield locate_instance(settings)
        return
    with EmbeddedServer(settings.data).lease():
        yield locate_instance(settings)
