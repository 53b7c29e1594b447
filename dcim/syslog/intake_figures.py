"""How it goes with what comes unasked, traps and syslog: for graphs of other programs."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dcim.config import Settings
from dcim.db import Base
from dcim.intake.spool import Spool
from dcim.snmp.agents.drop_counts import day_of
from dcim.snmp.traps import receiver as traps
from dcim.snmp.traps.models import Trap, TrapDrop
from dcim.syslog import receiver as syslog
from dcim.syslog.models import SyslogDrop, SyslogMessage

# Over so long what was received is averaged, seconds.
WINDOW_S = 300


@dataclass(frozen=True, slots=True)
class IntakeFigures:
    """Of one kind. `dropped` is by reason, since the UTC day began; `spool_octets` what waits on
    the disk of this host for the database."""

    kind: str
    received_per_s: float
    last_at: dt.datetime | None
    dropped: dict[str, int]
    spool_octets: int


def read_figures(session: Session, settings: Settings, now: dt.datetime) -> list[IntakeFigures]:
    """Of the kinds that are received here. Three statements each."""
    found = []
    if settings.trap_listen is not None:
        spool = Spool(settings.spool_folder / traps.SPOOL, 0, traps.SUFFIX)
        found.append(_read(session, "traps", Trap, TrapDrop, spool, now))
    if settings.syslog_in_listen is not None:
        spool = Spool(settings.spool_folder / syslog.SPOOL, 0, syslog.SUFFIX)
        found.append(_read(session, "syslog", SyslogMessage, SyslogDrop, spool, now))
    return found


def _read(
    session: Session,
    kind: str,
    model: type[Base],
    drops: type[Base],
    spool: Spool,
    now: dt.datetime,
) -> IntakeFigures:
    kept, gone = model.__table__.c, drops.__table__.c
    since = now - dt.timedelta(seconds=WINDOW_S)
    received = session.scalar(select(func.sum(kept["count"])).where(kept.received_at >= since))
    rows = session.execute(
        select(gone.reason, func.sum(gone["count"]))
        .where(gone.day == day_of(now))
        .group_by(gone.reason)
        .order_by(gone.reason)
    )
    return IntakeFigures(
        kind,
        int(received or 0) / WINDOW_S,
        session.scalar(select(func.max(kept.received_at))),
        {reason: int(count) for reason, count in rows},
        spool.taken(),
    )
