"""What of a port is measured part by part: its module's lanes, a LAG's members."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Interval, literal, or_, select
from sqlalchemy.orm import Session

from dcim.columns import utc_now
from dcim.metering.models import Series
from dcim.sla.optic_verdicts import find_bounds
from dcim.sla.port_optics import HOLDS
from dcim.sla.rules.periods import to_ms
from dcim.snmp.agents.models import LagMember, SnmpAgent, Transceiver

NAN = float("nan")
# Members that left a LAG before that are nothing to try a rule on (`trying.LONGEST`).
REMEMBERED = dt.timedelta(days=93)
# A device's id, and what it calls a port.
Named = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Parts:
    """`series` of each part, 0 of one that isn't measured; `facts` as quantities take them; how
    often they are read, and how long a reading holds."""

    series: tuple[int, ...]
    facts: Mapping[str, tuple[float, ...]]
    names: tuple[str, ...]
    step_s: int
    holds_ms: int


@dataclass(frozen=True, slots=True)
class MemberPort:
    """What is known of a port that may be in a LAG."""

    series_id: int
    speed_bps: int
    step_s: int
    holds_ms: int


def read_light(session: Session) -> dict[Named, Parts]:
    """The modules that are there, by their ports; thresholds are today's. One that its device
    hasn't told for HOLDS, though it was asked, was pulled. One statement."""
    rows = session.execute(
        select(
            Transceiver.device_id, Transceiver.port_name, Transceiver.lanes, Transceiver.limits,
            Transceiver.rx_lit_ms, Transceiver.tx_lit_ms, Series.step_s,
        )
        .join(Series, Series.id == Transceiver.lanes[1])
        .outerjoin(SnmpAgent, SnmpAgent.device_id == Transceiver.device_id)
        .where(
            or_(
                SnmpAgent.last_optics_at.is_(None),
                Transceiver.read_at >= SnmpAgent.last_optics_at - literal(HOLDS, Interval()),
            )
        )
    )  # fmt: skip
    found = {}
    for device_id, port_name, lanes, limits, rx_lit, tx_lit, step_s in rows:
        facts: dict[str, tuple[float, ...]] = {}
        for way, lit in (("rx", rx_lit), ("tx", tx_lit)):
            low, high = find_bounds(limits.get(way, {}))
            facts[f"{way}_low"] = (_number(low),) * len(lanes)
            facts[f"{way}_high"] = (_number(high),) * len(lanes)
            facts[f"{way}_lit"] = tuple(map(_number, lit))
        found[device_id, port_name] = Parts(
            tuple(lanes), facts, (), step_s, round(HOLDS.total_seconds() * 1000)
        )
    return found


def read_members(session: Session, ports: Mapping[Named, MemberPort]) -> dict[Named, Parts]:
    """Who is in each LAG and was within REMEMBERED, by the LAG's own port; only of LAGs of which
    some member is measured. One statement."""
    rows = session.scalars(
        select(LagMember)
        .where(or_(LagMember.ends_at.is_(None), LagMember.ends_at > utc_now() - REMEMBERED))
        .order_by(LagMember.device_id, LagMember.lag_name, LagMember.id)
    )
    several: dict[Named, list[LagMember]] = {}
    for row in rows:
        several.setdefault((row.device_id, row.lag_name), []).append(row)
    found = {}
    for named, members in several.items():
        known = [ports.get((named[0], one.port_name)) for one in members]
        if any(known):
            found[named] = _join(members, known)
    return found


def _join(members: Sequence[LagMember], known: Sequence[MemberPort | None]) -> Parts:
    return Parts(
        tuple(0 if one is None else one.series_id for one in known),
        {
            "start": tuple(float(to_ms(one.starts_at)) for one in members),
            "end": tuple(_instant(one.ends_at) for one in members),
            "detached": tuple(_instant(one.detached_at) for one in members),
            "speed": tuple(NAN if one is None else float(one.speed_bps) for one in known),
            "holds_ms": tuple(0.0 if one is None else float(one.holds_ms) for one in known),
        },
        tuple(one.port_name for one in members),
        max(one.step_s for one in known if one is not None),
        max(one.holds_ms for one in known if one is not None),
    )


def _number(value: int | None) -> float:
    return NAN if value is None else float(value)


def _instant(value: dt.datetime | None) -> float:
    return NAN if value is None else float(to_ms(value))
