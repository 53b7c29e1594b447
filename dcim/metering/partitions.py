"""Partitions: of frames a UTC day each, dropped when it is in blocks; of blocks a month each.

A month of blocks is dropped when all its days are past retention. All are made ahead.
"""

from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from dcim.metering.families import DAY_MS

# Days made ahead: so long the nightly work may fail before frames go to the partition for the rest,
# which does no harm but that its rows are deleted one by one.
AHEAD = 7
# How long a change of partitions waits for readers (a running backup holds them for minutes). New
# readers queue behind it, so it gives up soon; the next night tries again.
_PATIENCE = "3s"
# Days ahead whose months are there: blocks come days after their day, so never for want of nights.
BLOCKS_AHEAD = 62


def make_days(session: Session, today: int) -> None:
    """Make the partitions from tomorrow on. What is in the way is left to the next night."""
    try:
        with session.begin_nested():
            session.execute(text(f"SET LOCAL lock_timeout = '{_PATIENCE}'"))
            session.execute(
                text("SELECT make_port_frames(:first, :stop)"),
                {"first": today + 1, "stop": today + 1 + AHEAD},
            )
            session.execute(text("SET LOCAL lock_timeout = 0"))
    except OperationalError:
        return


def list_days(session: Session, stop: int) -> list[int]:
    """The UTC days before `stop` that have frames or a partition for them, the oldest first."""
    own = session.execute(
        text(
            "SELECT substring(c.relname FROM '[0-9]+$')::integer AS day"
            " FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
            " WHERE i.inhparent = 'port_frame'::regclass AND c.relname ~ '^port_frame_[0-9]+$'"
        )
    ).scalars()
    rest = session.execute(
        text("SELECT DISTINCT ts / :day FROM port_frame_rest WHERE ts < :stop"),
        {"day": DAY_MS, "stop": stop * DAY_MS},
    ).scalars()
    return sorted({int(day) for day in [*own, *rest] if day < stop})


def drop_day(session: Session, day: int) -> bool:
    """Drop what is left of a closed day; False where somebody reads it: the next night then."""
    low, high = day * DAY_MS, (day + 1) * DAY_MS
    try:
        with session.begin_nested():
            session.execute(text(f"SET LOCAL lock_timeout = '{_PATIENCE}'"))
            session.execute(text("SELECT drop_port_frames(:day)"), {"day": day})
            session.execute(
                text("DELETE FROM port_frame WHERE ts >= :low AND ts < :high"),
                {"low": low, "high": high},
            )
            session.execute(text("DELETE FROM frame_closing WHERE day = :day"), {"day": day})
            session.execute(text("SET LOCAL lock_timeout = 0"))
    except OperationalError:
        return False
    return True


# -- months of blocks


def make_months(session: Session, days: range, *, move: bool = False) -> bool:
    """Make the partitions of all months with such a day; False where somebody is in the way.

    Needs the block lock. Blocks in the rest stay there, unless they are to `move` into their month.
    """
    try:
        with session.begin_nested():
            session.execute(text(f"SET LOCAL lock_timeout = '{_PATIENCE}'"))
            session.execute(
                text("SELECT make_sample_blocks(:first, :stop, :move)"),
                {"first": days.start, "stop": days.stop, "move": move},
            )
            session.execute(text("SET LOCAL lock_timeout = 0"))
    except OperationalError:
        return False
    return True


def list_unsettled(session: Session) -> list[int]:
    """A day of each month of which blocks are in the rest."""
    rows = session.execute(
        text(
            "SELECT min(day) FROM sample_block_rest GROUP BY"
            " date_trunc('month', timestamp '1970-01-01' + day * interval '1 day') ORDER BY 1"
        )
    )
    return list(rows.scalars())


def drop_months(session: Session, oldest: int) -> int:
    """Drop partitions of blocks that have no day from `oldest` on. Returns how many.

    None where somebody reads them: the next night then.
    """
    try:
        with session.begin_nested():
            session.execute(text(f"SET LOCAL lock_timeout = '{_PATIENCE}'"))
            dropped: int = session.execute(
                text("SELECT drop_sample_blocks(:oldest)"), {"oldest": oldest}
            ).scalar_one()
            session.execute(text("SET LOCAL lock_timeout = 0"))
    except OperationalError:
        return 0
    return dropped
