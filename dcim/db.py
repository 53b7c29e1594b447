"""The one door to PostgreSQL: base class, engines, sessions that carry a scope."""

import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import psycopg
from sqlalchemy import Engine, MetaData, create_engine, event, text
from sqlalchemy.engine import Connection
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    InterfaceError,
    InvalidatePoolError,
    OperationalError,
    SQLAlchemyError,
    StatementError,
    TimeoutError,
)
from sqlalchemy.orm import DeclarativeBase, Session, SessionTransaction, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry

from dcim.config import Sender


class Base(DeclarativeBase):
    """Names every constraint, so that a violation can be told in words (see dcim.errors)."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class RowScope(Protocol):
    """Whose rows a session may see; `dcim.accounts.scope.Scope` is the one implementation."""

    @property
    def is_staff(self) -> bool: ...

    @property
    def customer_id(self) -> int | None: ...


# A plan kept from when tables were nearly empty, as in the first seconds of a bulk load, goes on to
# be used when they are not: a question of milliseconds then takes hours.
PLAN_AFRESH = "plan_cache_mode=force_custom_plan"


# A server that went away without a word, a machine off: noticed in seconds. Sockets ignore these.
KEEP_ALIVE = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
# SQLSTATE classes of what passes by itself: connection, resources (disk full, too many clients),
# stopped by an operator or starting, system error; serialization failures and deadlocks.
_PASSING = ("08", "53", "57", "58", "40")
# Classes of what is wrong with the values themselves: data exception, constraint, a trigger's word.
_REFUSING = ("22", "23", "P0")
_READ_ONLY = "25006"  # a standby that isn't promoted yet

# A kept connection that nobody used for so long is asked before it is used again.
ASKED_AFTER_S = 30.0


def make_engine(url: str, *, pool_size: int = 5) -> Engine:
    """An engine whose connections give up on a lost server in seconds, not minutes."""
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        # What was written may be a secret; an error that is logged tells the statement alone.
        hide_parameters=True,
        connect_args={**KEEP_ALIVE, "options": f"-c timezone=UTC -c {PLAN_AFRESH}"},
    )
    event.listen(engine, "checkin", _note_return)
    event.listen(engine, "checkout", _replace_if_lost)
    return engine


def is_passing(error: SQLAlchemyError) -> bool:
    """Whether the same transaction may succeed later: nothing is wrong with what it writes, but the
    server is away, stopping, starting, full, read-only, or was too busy.
    """
    if not isinstance(error, DBAPIError):
        return isinstance(error, TimeoutError)  # no connection of the pool became free
    state = error.orig.sqlstate if isinstance(error.orig, psycopg.Error) else None
    if state is None:  # the client's own words: it couldn't connect, or the connection broke
        return error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)
    return state.startswith(_PASSING) or state == _READ_ONLY


def is_refusal(error: Exception) -> bool:
    """Whether the values were refused, so that others may pass: not the statement or the server."""
    if isinstance(error, UnicodeEncodeError):  # a lone surrogate: the client's own
        return True
    if not isinstance(error, DBAPIError):
        return isinstance(error, StatementError)  # a value that no parameter can be made of
    state = error.orig.sqlstate if isinstance(error.orig, psycopg.Error) else None
    if state is None:  # the client's own words: a NUL in a text
        return isinstance(error, DataError)
    return state.startswith(_REFUSING)


def _note_return(connection: DBAPIConnection | None, record: ConnectionPoolEntry) -> None:
    record.info["returned_s"] = time.monotonic()


def _replace_if_lost(
    connection: DBAPIConnection, record: ConnectionPoolEntry, proxy: object
) -> None:
    """A server that went away has said so: then there is something to read on the connection. To
    look costs nothing; to ask it, as `pool_pre_ping` does, costs every request a round trip. One
    that lay idle is asked all the same: what stands between may have forgotten it without a word.
    """
    if connection.closed or _has_news(connection.fileno()):
        raise InvalidatePoolError
    idle_s = time.monotonic() - record.info.get("returned_s", time.monotonic())
    if idle_s > ASKED_AFTER_S and not _answers(connection):
        raise InvalidatePoolError


def _answers(connection: DBAPIConnection) -> bool:
    try:
        connection.cursor().execute("SELECT 1")
        connection.rollback()
    except psycopg.Error:
        return False
    return True


def _has_news(socket: int) -> bool:
    looking = select.poll()
    looking.register(socket, select.POLLIN)
    return bool(looking.poll(0))


class ScopedSession(Session):
    """A session that tells PostgreSQL, at each transaction's begin, whose rows it may see.

    The second wall: row security compares these transaction-local settings. A session without a
    scope sees no tenant row at all.
    """

    def use_scope(self, scope: RowScope) -> None:
        """Set whose rows this session sees, from now on, also inside an open transaction."""
        self.info["scope"] = scope
        if self.in_transaction():
            _announce_scope(self.connection(), scope)

    @contextmanager
    def within(self, scope: RowScope) -> Iterator[None]:
        """See with another scope for the length of the block, then with the former one again."""
        before: RowScope | None = self.info.get("scope")
        self.use_scope(scope)
        try:
            yield
        finally:
            if before is None:
                self.info.pop("scope")
            else:
                self.info["scope"] = before
            if self.is_active and self.in_transaction():
                _announce_scope(self.connection(), before)


ANNOUNCE = text(
    "SELECT set_config('jifang.staff', :staff, true),"
    " set_config('jifang.customer', :customer, true)"
)


def _announce_scope(connection: Connection, scope: RowScope | None) -> None:
    connection.execute(
        ANNOUNCE,
        {
            "staff": "yes" if scope is not None and scope.is_staff else "",
            "customer": ""
            if scope is None or scope.customer_id is None
            else str(scope.customer_id),
        },
    )


@event.listens_for(ScopedSession, "after_begin")
def _announce_on_begin(
    session: Session, transaction: SessionTransaction, connection: Connection
) -> None:
    scope = session.info.get("scope")
    if scope is not None:
        _announce_scope(connection, scope)


SessionFactory = sessionmaker[ScopedSession]


def make_sessions(engine: Engine, sender: Sender | None = None) -> SessionFactory:
    """`sender` writes the mails of what these sessions do; without one, none is written."""
    return sessionmaker(
        engine, class_=ScopedSession, expire_on_commit=False, info={"sender": sender}
    )


def find_sender(session: Session) -> Sender | None:
    sender: Sender | None = session.info.get("sender")
    return sender


@contextmanager
def transaction(sessions: SessionFactory, scope: RowScope) -> Iterator[ScopedSession]:
    """One unit of work seen through `scope`: committed on success, rolled back on any error."""
    with sessions() as session:
        session.use_scope(scope)
        with session.begin():
            yield session
