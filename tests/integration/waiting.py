"""Waiting until another session waits for this one: what two do at once is tried, not hoped for."""

import time

from sqlalchemy import text
from sqlalchemy.orm import Session

# By whom it waits for: the workers' databases are on one server, whose locks are all told. Who is
# connected (pg_stat_activity) is told once a transaction, as of the first time that one asks.
_BLOCKED = text(
    "SELECT count(*) FROM pg_locks"
    " WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"
)


def wait_for_blocked(session: Session, within_s: float = 60) -> None:
    """Until somebody waits for a lock that the session's transaction holds; AssertionError when
    nobody comes."""
    until = time.monotonic() + within_s
    while not session.scalar(_BLOCKED):
        assert time.monotonic() < until, "nobody waits for what this session holds"
        time.sleep(0.01)
