"""What came unasked of polled agents, in tables of its kind: repeats, drops by day, and pruning.

`model` is the messages' table (`uid`, `count`, `received_at`, `last_at`), `drops` the one of what
wasn't taken, with the columns of `PollDrop`.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import Session

from dcim.db import Base
from dcim.intake.repeats import Grown
from dcim.snmp.agents.drop_counts import KEPT_DAYS, MONTH, WEEK, DropCount, day_of


def grow(session: Session, model: type[Base], grown: Sequence[Grown]) -> None:
    """Say of what is kept how often it came by now, and when last; again, it changes nothing."""
    uids, counts, times = zip(*grown, strict=True)
    table = model.__tablename__
    session.execute(
        text(
            f"UPDATE {table} AS kept SET count = greatest(kept.count, g.count),"  # noqa: S608 - ours
            " last_at = greatest(kept.last_at, to_timestamp(g.last_ms / 1000.0))"
            " FROM unnest(CAST(:uids AS text[]), CAST(:counts AS bigint[]),"
            " CAST(:times AS bigint[])) AS g (uid, count, last_ms) WHERE kept.uid = g.uid"
        ),
        {"uids": list(uids), "counts": list(counts), "times": list(times)},
    )


def prune(
    session: Session, model: type[Base], drops: type[Base], keep_days: int, now: dt.datetime
) -> int:
    """Delete messages older than that, and counts of drops long gone; returns how many messages."""
    kept, days = model.__table__.c, drops.__table__.c
    oldest = now - dt.timedelta(days=keep_days)
    gone = session.execute(delete(model).where(kept.received_at < oldest))
    session.execute(delete(drops).where(days.day < day_of(now) - KEPT_DAYS))
    return int(getattr(gone, "rowcount", 0))


def record_drops(
    session: Session,
    drops: type[Base],
    counts: Mapping[tuple[int | None, str], int],
    now: dt.datetime,
) -> None:
    """Add what wasn't taken, by agent (None: of no agent) and reason, to the day's rows. Agents
    may be gone by now."""
    rows = list(counts.items())
    session.execute(
        text(
            f"INSERT INTO {drops.__tablename__} AS kept (agent_id, day, reason, count)"  # noqa: S608 - ours
            " SELECT a.id, :day, t.reason, sum(t.count) FROM unnest(CAST(:agents AS bigint[]),"
            " CAST(:reasons AS text[]), CAST(:counts AS bigint[])) AS t (agent_id, reason, count)"
            " LEFT JOIN snmp_agent a ON a.id = t.agent_id GROUP BY 1, 2, 3 ORDER BY 1, 3"
            " ON CONFLICT (agent_id, day, reason)"
            " DO UPDATE SET count = kept.count + excluded.count"
        ),
        {
            "day": day_of(now),
            "agents": [agent_id for (agent_id, _), _ in rows],
            "reasons": [reason for (_, reason), _ in rows],
            "counts": [count for _, count in rows],
        },
    )


def list_drops(session: Session, drops: type[Base], now: dt.datetime) -> list[DropCount]:
    """What of all wasn't taken in the last 30 days, most first. One statement."""
    today, kept = day_of(now), drops.__table__.c
    total = func.sum(kept.count)

    def since(days: int) -> Any:
        return func.coalesce(total.filter(kept.day > today - days), 0)

    rows = session.execute(
        select(kept.reason, since(1), since(WEEK), total)
        .where(kept.day > today - MONTH)
        .group_by(kept.reason)
        .order_by(total.desc(), kept.reason)
    )
    return [DropCount(reason, *map(int, counts)) for reason, *counts in rows]
