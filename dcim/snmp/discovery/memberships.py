"""Keeping which ports are in which LAG, from when to when, as devices' checks are told it."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.snmp.agents.models import LagMember
from dcim.snmp.discovery.lags import ToldMember
from dcim.snmp.reading.ports import PortReading

# Many switches drop a member whose link is down from the group. Until then it is one that is
# missing; after that somebody has likely taken it out.
MISSED_FOR = dt.timedelta(days=30)


def keep_members(
    session: Session,
    device_id: int,
    told: Sequence[ToldMember],
    ports: Collection[PortReading],
    now: dt.datetime,
) -> None:
    """Make the open rows of a device say what it says now; its `ports` were read just before.

    The caller has locked the agent's row. A member that isn't told any more has left, unless it is
    down and nobody shut it: then it counts as missing for a while.
    """
    kept = {
        row.port_name: row
        for row in session.scalars(
            select(LagMember).where(LagMember.device_id == device_id, LagMember.ends_at.is_(None))
        )
    }
    readings = {port.name: port for port in ports}
    members = {one.port: one for one in told}
    for name, row in kept.items():
        one = members.get(name)
        if one is None and _is_missing(row, readings, now):
            row.detached_at = row.detached_at or now
        elif one is None or one.lag != row.lag_name:
            row.ends_at = max(now, row.starts_at)
    session.flush()  # a port has one open row: the old one ends first
    for name, one in members.items():
        held = kept.get(name)
        if held is None or held.ends_at is not None:
            held = LagMember(device_id=device_id, lag_name=one.lag, port_name=name, starts_at=now)
            session.add(held)
        held.detached_at = None if one.is_attached else held.detached_at or now
    session.flush()


def _is_missing(row: LagMember, readings: Mapping[str, PortReading], now: dt.datetime) -> bool:
    port = readings.get(row.port_name)
    if port is None or row.lag_name not in readings:
        return False
    is_down = port.admin_status == "up" and port.oper_status not in ("up", "")
    return is_down and (row.detached_at is None or now - row.detached_at < MISSED_FOR)
