"""Which device measures which node of the power chain, and what it shows of all its phases."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Select, and_, select
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.errors import ConflictError, NotFoundError
from dcim.inventory.models import Device
from dcim.metering.families import NOT_REPORTED
from dcim.metering.models import Series
from dcim.metering.store import Latest
from dcim.power.models import PowerNode
from dcim.power.phases import join_phases


def select_metered() -> Select[int | None, int | None, str, int, bool]:
    """What `group_meters` wants."""
    return (
        select(Series.power_node_id, Series.device_id, Series.slot, Series.id, is_at_place())
        .join(PowerNode, PowerNode.id == Series.power_node_id)
        .where(Series.family == "power")
    )


def is_at_place() -> ColumnElement[bool]:
    """Whether a series is of the very place that its node is measured at now."""
    return and_(Series.device_id == PowerNode.meter_device_id, Series.slot == PowerNode.meter_place)


def group_meters(rows: Iterable[Any]) -> dict[int, list[int]]:
    """The series of each node's meter, of (node, device, slot, series, `is_at_place`): a device
    that tells phases apart, as UPSs do, fills one for each ("output-01" and so on), and only
    together they are what the node carries. Of several meters on one node the newest counts.

    A place that is one thing of many stands alone ("branch-02"): what the node was measured at
    before stays bound to it, and has the same name but for the number."""
    named: dict[int, list[int]] = {}
    found: dict[int, dict[tuple[int | None, str, str], list[int]]] = {}
    for node_id, device_id, slot, number, is_named in rows:
        if is_named:
            named[node_id] = [number]
        stem, _, index = slot.rpartition("-")
        meter = (device_id, stem, "") if index.isdecimal() else (device_id, "", slot)
        found.setdefault(node_id, {}).setdefault(meter, []).append(number)
    newest = {node_id: sorted(max(meters.values(), key=max)) for node_id, meters in found.items()}
    return newest | named


@dataclass(frozen=True, slots=True)
class Shown:
    """By the newest poll (`ts` UTC ms) all phases added up, of voltage the highest; none where
    one of them isn't reported, or was within a day before and that poll had nothing of it: then it
    isn't `is_whole`, and voltage is that of the others."""

    ts: int
    mv: int | None
    ma: int | None
    mw: int | None
    is_whole: bool = True

    @property
    def measured_at(self) -> dt.datetime:
        return dt.datetime.fromtimestamp(self.ts / 1000, dt.UTC)


def add_phases(latest: Iterable[Latest]) -> Shown | None:
    """None of a meter that hasn't been read."""
    told = list(latest)
    if not told:
        return None
    newest = max(one.ts for one in told)
    if len(told) == 1:
        shown = {name: int(told[0].values[name]) for name in ("mv", "ma", "mw")} | {"whole": 1}
    else:
        columns = {
            name: np.array([[one.values[name]] for one in told]) for name in ("mv", "ma", "mw")
        }
        joined = join_phases(np.array([newest]), np.array([[one.ts] for one in told]), columns)
        shown = {name: int(joined[name][0]) for name in (*columns, "whole")}
    mv, ma, mw = (
        None if shown[name] == NOT_REPORTED else shown[name] for name in ("mv", "ma", "mw")
    )
    return Shown(newest, mv, ma, mw, bool(shown["whole"]))


def meter_node(
    session: Session, scope: Scope, *, node_code: str, device_name: str, place: str
) -> PowerNode:
    """Let readings of `device` at `place` (e.g. "input") stand for this node from now on.

    Raises NotFoundError for what isn't there, ConflictError when the place measures another node.
    """
    node = session.scalar(select(PowerNode).where(PowerNode.code == node_code))
    if node is None:
        raise NotFoundError("No power node has the code %(code)s.", code=node_code)
    device = session.scalar(select(Device).where(Device.name == device_name))
    if device is None:
        raise NotFoundError("No device is called %(name)s.", name=device_name)
    other = session.scalar(
        select(PowerNode.code).where(
            PowerNode.meter_device_id == device.id,
            PowerNode.meter_place == place,
            PowerNode.id != node.id,
        )
    )
    if other is not None:
        raise ConflictError(
            "%(place)s of %(device)s measures %(node)s already.",
            place=place,
            device=device_name,
            node=other,
        )
    node.meter_device_id, node.meter_place = device.id, place
    session.flush()
    record(
        session,
        scope,
        "power.meter",
        f"power-node/{node.id}",
        device=device_name,
        place=place,
    )
    return node


def unmeter_node(
    session: Session, scope: Scope, *, node_code: str, device_id: int, place: str
) -> PowerNode:
    """Let readings of this device at `place` stand for the node no longer.

    Raises ConflictError when they don't by now.
    """
    node = session.scalar(
        select(PowerNode)
        .where(PowerNode.meter_device_id == device_id, PowerNode.meter_place == place)
        .with_for_update(of=PowerNode)
    )
    if node is None or node.code != node_code:
        raise ConflictError("%(node)s isn't measured there any more.", node=node_code)
    node.meter_device_id = node.meter_place = None
    session.flush()
    record(session, scope, "power.unmeter", f"power-node/{node.id}", place=place)
    return node
