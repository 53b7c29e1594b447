"""LAGs as they are now: their members with their loads, and who was in which when.

Members are known by the names their device tells (`LagMember`); those in the inventory have ports.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from dcim.accounts.scope import Scope
from dcim.errors import ForbiddenError
from dcim.metering.bindings import OPEN_END
from dcim.network.models import Port
from dcim.sla.ports import PortNow, read_ports
from dcim.sla.rules.periods import to_ms
from dcim.sla.rules.usage.lags import Membership, find_imbalance
from dcim.snmp.agents.models import LagMember, SnmpAgent


@dataclass(frozen=True, slots=True)
class MemberNow:
    """`port` is None where the inventory doesn't know the interface. Since `detached_at` it carries
    nothing: LACP left it out, or it is down and its device names it no more."""

    name: str
    port: PortNow | None
    starts_at: dt.datetime
    detached_at: dt.datetime | None

    @property
    def state(self) -> str:
        return "unknown" if self.port is None else self.port.state

    @property
    def carries(self) -> bool:
        return self.state == "up" and self.detached_at is None

    @property
    def is_lacking(self) -> bool:
        """Down or left out; of what nothing is known it isn't said."""
        return self.state == "down" or self.detached_at is not None


@dataclass(frozen=True, slots=True)
class LagNow:
    """`port` is the LAG's own interface. Rates in bit/s, its own, or of all members that carry
    where nothing measures it. Its device was last asked who is in it at `asked_at`."""

    port: PortNow
    members: tuple[MemberNow, ...]
    asked_at: dt.datetime | None

    @property
    def up(self) -> int:
        return sum(one.carries for one in self.members)

    @property
    def unknown(self) -> int:
        return sum(not one.carries and not one.is_lacking for one in self.members)

    @property
    def speed_bps(self) -> int:
        """Of the members that carry."""
        return sum(one.port.speed_bps for one in self.members if one.carries and one.port)

    @property
    def full_speed_bps(self) -> int:
        """Of all members that the inventory knows."""
        return sum(one.port.speed_bps for one in self.members if one.port)

    @property
    def in_bps(self) -> int | None:
        return self._rate("in_bps")

    @property
    def out_bps(self) -> int | None:
        return self._rate("out_bps")

    def _rate(self, name: str) -> int | None:
        if self.port.traffic_id is not None:
            rate: int | None = getattr(self.port, name)
            return rate
        rates = [getattr(one.port, name) for one in self.members if one.carries]
        return sum(rates) if rates and None not in rates else None

    @property
    def busier_bps(self) -> int | None:
        return max((one for one in (self.in_bps, self.out_bps) if one is not None), default=None)

    @property
    def share(self) -> float | None:
        """Of the speed that is there now, by the busier direction."""
        busier = self.busier_bps
        return busier / self.speed_bps if busier is not None and self.speed_bps else None

    @property
    def state(self) -> str:
        """ok; degraded with a member down or left out; down with none up; else unknown."""
        if self.port.state == "down" or all(one.is_lacking for one in self.members):
            return "down"
        if any(one.is_lacking for one in self.members):
            return "degraded"
        return "ok" if self.up == len(self.members) else "unknown"

    @property
    def imbalance(self) -> tuple[MemberNow, float] | None:
        """The busiest of the members that carry, and how many times its fair part it does, in the
        direction with the higher sum."""
        carrying = [(one, one.port) for one in self.members if one.carries and one.port]
        sums = {
            name: sum(getattr(port, name) or 0 for _, port in carrying)
            for name in ("in_bps", "out_bps")
        }
        way = max(sums, key=sums.__getitem__)
        found = find_imbalance([(getattr(port, way), port.speed_bps) for _, port in carrying])
        return None if found is None else (carrying[found[0]][0], found[1])


@dataclass(frozen=True, slots=True)
class FormerMember:
    """A membership that has ended; ids where the inventory has such ports now."""

    lag_name: str
    lag_id: int | None
    port_name: str
    port_id: int | None
    starts_at: dt.datetime
    ends_at: dt.datetime


@dataclass(frozen=True, slots=True)
class PortLag:
    """The LAG that a port is or is in, and what it was before; `lag_name` also where the LAG's own
    interface isn't in the inventory."""

    lag: LagNow | None
    lag_name: str
    detached_at: dt.datetime | None
    former: tuple[FormerMember, ...]


def read_memberships(session: Session, start: int, end: int) -> dict[int, list[Membership]]:
    """By LAG those of some time in [start, end), UTC ms; the inventory has both ports of each."""
    row, lag, port = LagMember, aliased(Port), aliased(Port)
    low, high = (dt.datetime.fromtimestamp(at / 1000, dt.UTC) for at in (start, end))
    rows = session.execute(
        select(lag.id, port.id, row.starts_at, row.ends_at)
        .join(lag, and_(lag.device_id == row.device_id, lag.name == row.lag_name))
        .join(port, and_(port.device_id == row.device_id, port.name == row.port_name))
        .where(row.starts_at < high, or_(row.ends_at.is_(None), row.ends_at > low))
        .order_by(lag.id, port.id, row.starts_at)
    )
    found: dict[int, list[Membership]] = {}
    for lag_id, port_id, starts, ends in rows:
        until = OPEN_END if ends is None else to_ms(ends)
        found.setdefault(lag_id, []).append(Membership(lag_id, port_id, to_ms(starts), until))
    return found


def list_lags(session: Session) -> set[int]:
    """The ports that are LAGs now: with members, whether the inventory knows those or not."""
    return set(
        session.scalars(
            select(Port.id)
            .join(
                LagMember,
                and_(LagMember.device_id == Port.device_id, LagMember.lag_name == Port.name),
            )
            .where(LagMember.ends_at.is_(None))
        )
    )


def read_lags(
    session: Session, scope: Scope, now: dt.datetime, *, lag_id: int | None = None
) -> list[LagNow]:
    """Every LAG that has members and whose own interface is in the inventory, by device and port;
    or that one. Four statements however many there are; staff only."""
    if not scope.is_staff:
        raise ForbiddenError("Only staff see all ports.")
    row, lag, port = LagMember, aliased(Port), aliased(Port)
    statement = (
        select(row, lag.id, port.id, SnmpAgent.last_check_at)
        .join(lag, and_(lag.device_id == row.device_id, lag.name == row.lag_name))
        .outerjoin(port, and_(port.device_id == row.device_id, port.name == row.port_name))
        .outerjoin(SnmpAgent, SnmpAgent.device_id == row.device_id)
        .where(row.ends_at.is_(None))
        .order_by(func.length(row.port_name), row.port_name)
    )
    if lag_id is not None:
        statement = statement.where(lag.id == lag_id)
    rows = session.execute(statement).all()
    ids = {one for _, lag_id, port_id, _ in rows for one in (lag_id, port_id) if one is not None}
    states = {one.id: one for one in read_ports(session, scope, now, port_ids=ids)}
    found: dict[int, LagNow] = {}
    for told, own_id, port_id, asked_at in rows:
        if own_id not in states:
            continue
        member = MemberNow(
            told.port_name, states.get(port_id or 0), told.starts_at, told.detached_at
        )
        known = found.setdefault(own_id, LagNow(states[own_id], (), asked_at))
        found[own_id] = replace(known, members=(*known.members, member))
    return sorted(found.values(), key=lambda one: (one.port.device_name, one.port.id))


def count_unknown_lags(session: Session) -> int:
    """How many LAGs with members have no interface in the inventory."""
    row, lag = LagMember, aliased(Port)
    of = (
        select(row.device_id, row.lag_name)
        .outerjoin(lag, and_(lag.device_id == row.device_id, lag.name == row.lag_name))
        .where(row.ends_at.is_(None), lag.id.is_(None))
        .distinct()
        .subquery()
    )
    return session.scalar(select(func.count()).select_from(of)) or 0


def read_port_lag(session: Session, scope: Scope, port: PortNow, now: dt.datetime) -> PortLag:
    """For staff. Five statements at most."""
    row, lag, member = LagMember, aliased(Port), aliased(Port)
    rows = session.execute(
        select(row, lag.id, member.id)
        .outerjoin(lag, and_(lag.device_id == row.device_id, lag.name == row.lag_name))
        .outerjoin(member, and_(member.device_id == row.device_id, member.name == row.port_name))
        .where(
            row.device_id == port.device_id,
            or_(row.lag_name == port.name, row.port_name == port.name),
        )
        .order_by(row.ends_at.desc(), row.id)
    ).all()
    own = [one for one in rows if one[0].ends_at is None]
    told = next((one for one, _, _ in own if one.port_name == port.name), None)
    lag_id = next((lag_id for _, lag_id, _ in own if lag_id is not None), None)
    several: Sequence[LagNow] = ()
    if lag_id is not None:
        several = read_lags(session, scope, now, lag_id=lag_id)
    return PortLag(
        lag=several[0] if several else None,
        lag_name=own[0][0].lag_name if own else "",
        detached_at=None if told is None else told.detached_at,
        former=tuple(
            FormerMember(one.lag_name, of_id, one.port_name, port_id, one.starts_at, one.ends_at)
            for one, of_id, port_id in rows
            if one.ends_at is not None
        ),
    )
