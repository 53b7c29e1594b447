"""A customer's own racks: what stands in them, what feeds them, what they drew."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.inventory.models import Installation
from dcim.inventory.queries import CabinetRow, RackRow, list_cabinets
from dcim.inventory.space.contents import (
    BarredRow,
    ClaimRow,
    InstalledRow,
    list_barred,
    list_claims,
    list_installed,
)
from dcim.metering.batch import Columns
from dcim.metering.downsampling import bucket_peaks, listed
from dcim.metering.store import PostgresSampleStore, SampleStore
from dcim.paging import EVERYTHING
from dcim.power.chain import Node, Surroundings, load_tree
from dcim.power.queries import NodeRow, list_power_nodes
from dcim.sla.evidence import HOLDS_MS
from dcim.sla.feeds import Feed, find_derated_w, find_rated_w, lay_out_supply

HISTORY_DAYS = 30
HOUR_MS = 3_600_000
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class OtherPlace:
    """Space in the rack that something not the customer's fills; what it is isn't known here."""

    rack_id: int
    u_low: int
    height: int
    face: str
    side: str


@dataclass(frozen=True, slots=True)
class OwnFeed:
    """One PDU. Watts; `now_w` none when silent, old, or shared with neighbours. `days` are the
    largest readings of each hour."""

    feed: str
    state: str
    measured_at: dt.datetime | None
    now_w: float | None
    now_a: float | None
    rated_w: int
    derated_w: int
    hours: list[float | None]
    max_w: float | None
    mean_w: float | None


@dataclass(frozen=True, slots=True)
class OwnRack:
    """`is_whole` when it is the customer's alone: only then is a meter's reading theirs.
    `usable_w`: what one feed may carry alone when the other is lost, with all of its PDUs."""

    cabinet: CabinetRow
    rack: RackRow
    claims: list[ClaimRow]
    installed: list[InstalledRow]
    others: list[OtherPlace]
    barred: list[BarredRow]
    feeds: list[OwnFeed]
    contracted_w: int | None
    usable_w: int | None
    is_whole: bool

    @property
    def name(self) -> str:
        if self.cabinet.layout == "full":
            return self.cabinet.code
        return f"{self.cabinet.code} {self.rack.code}"

    @property
    def allocated(self) -> int:
        return sum(claim.height for claim in self.claims)

    @property
    def now_w(self) -> float | None:
        """All feeds together; none unless every one is known."""
        known = [feed.now_w for feed in self.feeds if feed.now_w is not None]
        return sum(known) if known and len(known) == len(self.feeds) else None


def read_own_racks(
    session: Session,
    scope: Scope,
    now: dt.datetime,
    *,
    history: bool = False,
    store: SampleStore | None = None,
) -> list[OwnRack]:
    """In the order they stand; a fixed number of statements however many there are.

    With `history` the last 30 days of each meter, from when the rack became the customer's.
    """
    cabinets = list_cabinets(session, scope, EVERYTHING).items
    rack_ids = [rack.id for cabinet in cabinets for rack in cabinet.racks]
    claims = [one for one in list_claims(session, scope, rack_ids=rack_ids) if _runs(one, now)]
    installed = list_installed(session, scope, rack_ids)
    others = _load_others(session, rack_ids, [one.device_id for one in installed])
    barred = list_barred(session, rack_ids)
    nodes = [
        node
        for node in list_power_nodes(session, scope, paging=EVERYTHING).items
        if node.rack_id is not None and node.kind == "pdu"
    ]
    supply = lay_out_supply(load_tree(session, around=Surroundings(rack_ids=rack_ids)))
    columns: Mapping[int, Columns] = {}
    now_ms = round(now.timestamp() * 1000)
    if history:
        series = [node.series_id for node in nodes if node.series_id]
        start = now_ms - HISTORY_DAYS * DAY_MS
        read = (store or PostgresSampleStore()).read(session, "power", series, start, now_ms)
        columns = dict(read)
    found = []
    for cabinet in cabinets:
        for rack in cabinet.racks:
            own = [claim for claim in claims if claim.rack_id == rack.id]
            if not own:
                continue
            near = {node.id: node for node in nodes if node.rack_id == rack.id}
            circuits = [one for one in supply.feeds_of(rack.id) if one.pdu.node.id in near]
            watts = [claim.contracted_w for claim in own if claim.contracted_w is not None]
            since = max(claim.starts_on for claim in own)
            found.append(
                OwnRack(
                    cabinet=cabinet,
                    rack=rack,
                    claims=own,
                    installed=[one for one in installed if one.rack_id == rack.id],
                    others=[one for one in others if one.rack_id == rack.id],
                    barred=[one for one in barred if one.rack_id == rack.id],
                    feeds=[
                        _feed(near[one.pdu.node.id], one, columns, since, now_ms)
                        for one in circuits
                    ],
                    contracted_w=sum(watts) if watts else None,
                    usable_w=find_derated_w(circuits) if circuits else None,
                    is_whole=any(c.u_low == 0 and c.height >= 2 * rack.u_count for c in own),
                )
            )
    return found


def _runs(claim: ClaimRow, now: dt.datetime) -> bool:
    # A day's slack for zones ahead of UTC; the slots' owner decides, this is what is shown.
    today = (now + dt.timedelta(hours=14)).date()
    return claim.turn == "current" and claim.starts_on <= today


def _load_others(
    session: Session, rack_ids: Sequence[int], own_devices: Sequence[int]
) -> list[OtherPlace]:
    rows = session.execute(
        select(
            Installation.rack_id,
            Installation.u_low,
            Installation.height,
            Installation.face,
            Installation.side,
        ).where(
            Installation.rack_id.in_(rack_ids),
            Installation.device_id.not_in(own_devices),
        )
    )
    return [
        OtherPlace(rack_id, u_low, height, face, side)
        for rack_id, u_low, height, face, side in rows
        if u_low is not None
    ]


def _feed(
    pdu: NodeRow, circuit: Feed, columns: Mapping[int, Columns], since: dt.date, now_ms: int
) -> OwnFeed:
    start = now_ms - HISTORY_DAYS * DAY_MS
    # From the day after the rack was handed over: the day itself may hold another's load.
    first = dt.datetime.combine(since, dt.time(), dt.UTC) + dt.timedelta(days=1)
    start = max(start, round(first.timestamp() * 1000))
    read = columns.get(pdu.series_id or 0)
    peaks = np.empty(0)
    mean = None
    if read is not None and start < now_ms:
        peaks = bucket_peaks(read, "mw", start, now_ms, HOUR_MS) / 1000
        level = read.values["mw"][(read.ts >= start) & (read.values["mw"] >= 0)]
        mean = float(level.mean()) / 1000 if len(level) else None
    hours = listed(peaks, digits=1)
    fresh = pdu.measured_at is not None and (
        now_ms - pdu.measured_at.timestamp() * 1000 <= HOLDS_MS
    )
    return OwnFeed(
        feed=pdu.feed,
        state=pdu.state
        if pdu.state != "unknown"
        else _state_of(pdu, circuit.pdu.node, fresh=fresh),
        measured_at=pdu.measured_at,
        now_w=pdu.mw / 1000 if fresh and pdu.mw is not None else None,
        now_a=pdu.ma / 1000 if fresh and pdu.ma is not None else None,
        rated_w=find_rated_w([circuit]),
        derated_w=find_derated_w([circuit]),
        hours=hours,
        max_w=max((hour for hour in hours if hour is not None), default=None),
        mean_w=mean,
    )


def _state_of(pdu: NodeRow, node: Node, *, fresh: bool) -> str:
    """Without a state series the voltage tells, or a current."""
    if not fresh:
        return "unknown"
    if pdu.mv is not None:
        return "alive" if pdu.mv * 2 >= node.phase_v * 1000 else "dead"
    return "alive" if pdu.ma or pdu.mw else "unknown"
