"""Maintenance silences: an alarm on what is being worked on is kept and shown, and nobody told."""

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from dcim.alarms.models import Alarm, AlarmEvent
from dcim.alarms.rules.quantities import AGENT, NODE, PORT, SENSOR, SUBJECT_KINDS
from dcim.metering.models import Series
from dcim.network.models import Port
from dcim.operations.maintenance import targets_of
from dcim.operations.models import Maintenance
from dcim.power.chain import load_tree
from dcim.snmp.agents.models import SnmpAgent

# Approved by a second person, and not given up or over.
SILENCING_STATES = ("approved", "announced", "under_way")


@dataclass(slots=True)
class _Covered:
    """What windows cover, by kind of subject: the window's id and code."""

    by_kind: dict[str, dict[int, tuple[int, str]]] = field(
        default_factory=lambda: {kind: {} for kind in SUBJECT_KINDS}
    )

    def add(self, kind: str, ids: Iterable[int], work: Maintenance) -> None:
        for one in ids:
            self.by_kind[kind].setdefault(one, (work.id, work.code))


def silence(session: Session, alarms: Collection[Alarm], now: dt.datetime) -> list[Alarm]:
    """Mark which of these open alarms a window covers now, and which none does any more. Returns
    the latter.

    A window covers its ports; its power nodes and all that hangs on them; the sensors of its rooms;
    and the agent of a device all of whose ports it covers. It covers no contract's item: what
    counts against a promise in spite of the window is news.
    """
    if not alarms:
        return []
    works = session.scalars(
        select(Maintenance)
        .where(
            Maintenance.state.in_(SILENCING_STATES),
            Maintenance.starts_at <= now,
            Maintenance.ends_at > now,
        )
        .options(selectinload(Maintenance.targets))
        .order_by(Maintenance.id)
    ).all()
    if not works and not any(alarm.silenced_by for alarm in alarms):
        return []
    covered = _cover(session, works)
    heard = []
    for alarm in alarms:
        work_id, code = covered.by_kind[alarm.subject_kind].get(alarm.subject_id, (None, ""))
        if work_id == alarm.silenced_by:
            continue
        alarm.silenced_by = work_id
        kind = "silenced" if work_id else "unsilenced"
        session.add(AlarmEvent(alarm=alarm, at=now, kind=kind, text=code))
        if work_id is None:
            heard.append(alarm)
    return heard


def _cover(session: Session, works: Collection[Maintenance]) -> _Covered:
    covered = _Covered()
    named = [(work, targets_of(work)) for work in works]
    tree = load_tree(session) if any(targets.power_nodes for _work, targets in named) else None
    for work, targets in named:
        covered.add(PORT, targets.ports, work)
        if tree is not None:
            known = [one for one in sorted(targets.power_nodes) if one in tree.nodes]
            below = [node.id for one in known for node in tree.descendants(one)]
            covered.add(NODE, [*known, *below], work)
        if targets.rooms:
            sensors = select(Series.id).where(
                Series.family == "climate", Series.room_id.in_(targets.rooms)
            )
            covered.add(SENSOR, session.scalars(sensors).all(), work)
        if targets.ports:
            covered.add(AGENT, _agents_of(session, targets.ports), work)
    return covered


def _agents_of(session: Session, port_ids: Collection[int]) -> list[int]:
    """Of devices that have no other port."""
    devices = select(Port.device_id).where(Port.id.in_(port_ids))
    others = select(Port.device_id).where(Port.id.not_in(port_ids))
    return list(
        session.scalars(
            select(SnmpAgent.id).where(
                SnmpAgent.device_id.in_(devices), SnmpAgent.device_id.not_in(others)
            )
        )
    )
