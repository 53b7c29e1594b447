"""Drops and unanswered requests of polled agents, added up by UTC day and reason."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from dcim.columns import utc_now
from dcim.metering.families import DAY_MS
from dcim.snmp.agents.models import PollDrop
from dcim.snmp.wire.drops import UNANSWERED

# A year and a month: long enough to see whether the same was there at this time last year.
KEPT_DAYS = 400
WEEK, MONTH = 7, 30
_LONGEST_REASON = 64

# Agent (None: of no agent), UTC day, reason.
DropKey: TypeAlias = tuple[int | None, int, str]


@dataclass(frozen=True, slots=True)
class DropCount:
    """How often something was dropped: on this UTC day, and in the last 7 and 30 with it."""

    reason: str
    today: int
    week: int
    month: int

    @property
    def is_datagram(self) -> bool:
        """Whether something came and was dropped; else nothing came."""
        return self.reason != UNANSWERED


def day_of(instant: dt.datetime) -> int:
    """The UTC day's number."""
    return int(instant.timestamp() * 1000) // DAY_MS


def add_drops(session: Session, counts: Mapping[DropKey, int]) -> None:
    """Add to what is counted; the caller keeps others from adding the same (agents are locked)."""
    # Rows of nobody, which several shards add to, come last: they are held for the shortest time.
    ordered = sorted(
        counts.items(), key=lambda each: (each[0][0] is None, each[0][0] or 0, each[0][1:])
    )
    session.execute(
        text(
            "INSERT INTO poll_drop (agent_id, day, reason, count)"
            " SELECT * FROM unnest(CAST(:agents AS bigint[]), CAST(:days AS integer[]),"
            " CAST(:reasons AS text[]), CAST(:counts AS bigint[]))"
            " ON CONFLICT (agent_id, day, reason)"
            " DO UPDATE SET count = poll_drop.count + excluded.count"
        ),
        {
            "agents": [agent_id for (agent_id, _, _), _ in ordered],
            "days": [day for (_, day, _), _ in ordered],
            "reasons": [reason[:_LONGEST_REASON] for (_, _, reason), _ in ordered],
            "counts": [count for _, count in ordered],
        },
    )


def read_drops(session: Session, agent_id: int | None, now: dt.datetime) -> list[DropCount]:
    """Of an agent, or of none, the last 30 days; what there was most of first. One statement."""
    today = day_of(now)
    rows = session.execute(
        select(PollDrop.reason, PollDrop.day, PollDrop.count).where(
            PollDrop.agent_id.is_(None) if agent_id is None else PollDrop.agent_id == agent_id,
            PollDrop.day > today - MONTH,
        )
    ).all()
    found = [
        DropCount(
            reason,
            sum(count for name, day, count in rows if name == reason and day >= today),
            sum(count for name, day, count in rows if name == reason and day > today - WEEK),
            sum(count for name, _, count in rows if name == reason),
        )
        for reason in {name for name, _, _ in rows}
    ]
    return sorted(found, key=lambda each: (-each.month, each.reason))


def prune_drops(session: Session, now: dt.datetime | None = None) -> int:
    """Delete the counts of days long gone; returns how many."""
    oldest = day_of(now or utc_now()) - KEPT_DAYS
    gone = session.execute(delete(PollDrop).where(PollDrop.day < oldest))
    return int(getattr(gone, "rowcount", 0))
