"""A server with a large estate in it, for one benchmark."""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import create_engine, text

from dcim.accounts.scope import Scope
from dcim.db import SessionFactory, make_engine, make_sessions, transaction
from dcim.demo.estate.load import load_estate
from tests.integration.conftest import migrate
from tests.servers import Database, build_template, fresh_database, scratch_server

SCOPE = Scope.system("benchmark")
SEED = 1

Say = Callable[[str], None]


@dataclass(frozen=True)
class Estate:
    """`loaded_s`: how long writing it took."""

    database: Database
    sessions: SessionFactory
    folder: Path
    loaded_s: float


@contextmanager
def running_estate(racks: int, say: Say) -> Iterator[Estate]:
    with tempfile.TemporaryDirectory(prefix="jifang-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        # As an instance runs it, not as tests do.
        with scratch_server(folder / "pg", {}) as server:
            build_template(server, "bench_template", migrate)
            with fresh_database(server, "bench", template="bench_template") as database:
                engine = make_engine(database.app_url)
                sessions = make_sessions(engine)
                began = time.perf_counter()
                with transaction(sessions, SCOPE) as session:
                    load_estate(session, racks, SEED, say, scope=SCOPE)
                loaded = time.perf_counter() - began
                say(f"loaded in {loaded:.0f} s")
                _settle(database)
                yield Estate(database, sessions, folder, loaded)
                engine.dispose()


def _settle(database: Database) -> None:
    """What autovacuum does within minutes on a running server."""
    owner = create_engine(database.admin_url, isolation_level="AUTOCOMMIT")
    with owner.connect() as connection:
        connection.execute(text("VACUUM ANALYZE"))
    owner.dispose()


def median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def percentile(values: list[float], share: float) -> float:
    """The nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
