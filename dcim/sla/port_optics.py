"""The transceiver in a port: what it is, what it said last, and its samples."""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.errors import ForbiddenError
from dcim.metering.batch import Columns
from dcim.metering.families import NO_LIGHT, NO_OPTICS, OPTICS
from dcim.metering.models import Series
from dcim.metering.store import PostgresSampleStore
from dcim.network.models import Port
from dcim.sla.optic_verdicts import Judged, find_worst, judge_light
from dcim.snmp.agents.models import SnmpAgent, Transceiver

# Three readings missed and what was read is told as old.
HOLDS = dt.timedelta(minutes=16)


@dataclass(frozen=True, slots=True)
class LaneNow:
    """dBm, mA, °C and V; None is not told, light of NO_LIGHT is `is_dark`."""

    lane: int
    rx_dbm: float | None
    tx_dbm: float | None
    bias_ma: float | None
    celsius: float | None
    volts: float | None
    rx_dark: bool
    tx_dark: bool
    rx: Judged
    tx: Judged


@dataclass(frozen=True, slots=True)
class Module:
    """`series` are of its lanes; `limits` in thousandths as stored. Old: not read for long; gone:
    the device was asked since and told nothing of it."""

    vendor: str
    part: str
    serial: str
    since: dt.datetime
    read_at: dt.datetime
    is_old: bool
    is_gone: bool
    lanes: tuple[LaneNow, ...]
    series: tuple[int, ...]
    limits: dict[str, dict[str, int]]

    @property
    def rx(self) -> Judged:
        return find_worst(lane.rx for lane in self.lanes)

    @property
    def tx(self) -> Judged:
        return find_worst(lane.tx for lane in self.lanes)


@dataclass(frozen=True, slots=True)
class PortOptics:
    """`asked_at`: when the port's device was last asked for optics, if it ever was."""

    module: Module | None
    asked_at: dt.datetime | None
    is_polled: bool


def read_port_optics(session: Session, scope: Scope, port_id: int, now: dt.datetime) -> PortOptics:
    """For staff. Four statements at most, however many lanes."""
    if not scope.is_staff:
        raise ForbiddenError("Only staff see optics.")
    asked = session.execute(
        select(Port.device_id, Port.name, SnmpAgent.id, SnmpAgent.last_optics_at)
        .outerjoin(SnmpAgent, SnmpAgent.device_id == Port.device_id)
        .where(Port.id == port_id)
    ).one_or_none()
    if asked is None:
        return PortOptics(None, None, False)
    device_id, port_name, agent_id, asked_at = asked
    # A port is measured by the name its device has for it, whatever the inventory calls it.
    measured = session.scalars(
        select(Series.slot).where(
            Series.port_id == port_id,
            Series.device_id == device_id,
            Series.family.in_(("traffic", "state")),
        )
    ).all()
    names = sorted(set(measured)) or [port_name]
    one = session.scalar(
        select(Transceiver)
        .where(Transceiver.device_id == device_id, Transceiver.port_name.in_(names))
        .order_by(Transceiver.read_at.desc(), Transceiver.id)
        .limit(1)
    )
    module = None if one is None else _make_module(session, one, asked_at, now)
    return PortOptics(module, asked_at, agent_id is not None)


def _make_module(
    session: Session, one: Transceiver, asked_at: dt.datetime | None, now: dt.datetime
) -> Module:
    newest = PostgresSampleStore().latest(session, OPTICS.name, one.lanes)
    lanes = tuple(
        _make_lane(number, newest[series_id].values, one.limits)
        for number, series_id in enumerate(one.lanes, start=1)
        if series_id in newest
    )
    return Module(
        one.vendor,
        one.part,
        one.serial,
        one.since,
        one.read_at,
        now - one.read_at > HOLDS,
        asked_at is not None and asked_at > one.read_at,
        lanes,
        tuple(one.lanes),
        one.limits,
    )


def _make_lane(
    number: int, values: Mapping[str, int], limits: dict[str, dict[str, int]]
) -> LaneNow:
    told = {
        column: values[column] / 1000 if values[column] != missing else None
        for column, missing in NO_OPTICS.items()
    }
    return LaneNow(
        number,
        told["rx_mdbm"],
        told["tx_mdbm"],
        told["bias_ua"],
        told["mc"],
        told["mv"],
        values["rx_mdbm"] == NO_LIGHT,
        values["tx_mdbm"] == NO_LIGHT,
        judge_light(values["rx_mdbm"], limits.get("rx", {})),
        judge_light(values["tx_mdbm"], limits.get("tx", {})),
    )


def read_optic_samples(
    session: Session, scope: Scope, module: Module, start_ms: int, end_ms: int
) -> Iterator[Columns]:
    """Each lane's samples in [start, end), UTC epoch ms. For staff."""
    if not scope.is_staff:
        raise ForbiddenError("Only staff see optics.")
    store = PostgresSampleStore()
    for _series, columns in store.read(session, OPTICS.name, module.series, start_ms, end_ms):
        yield columns
