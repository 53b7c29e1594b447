"""What a customer's racks drew over time: each feed, for as long as the whole rack was theirs."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.customers.models import Contract, ContractItem
from dcim.customers.versions import load_versions, pick_version
from dcim.inventory.models import Allocation, Cabinet, Rack, Room, Row
from dcim.metering.batch import Columns
from dcim.metering.downsampling import bucket_levels
from dcim.metering.families import NOT_REPORTED, POWER
from dcim.metering.held import add_held
from dcim.metering.models import Series
from dcim.metering.store import PostgresSampleStore, SampleStore, empty
from dcim.power.chain import Surroundings, load_tree
from dcim.sla.evidence import HOLDS_MS
from dcim.sla.feeds import Feed, find_derated_w, find_rated_w, lay_out_supply
from dcim.sla.samples import Span, days_to_spans, keep_own
from dcim.sla.usage import power_bins

DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class HeldRack:
    """A rack that was the customer's for some time. `spans`: when all of it was, [start, end) UTC
    epoch ms, none is "and on"; empty for a shared rack, whose meters count the neighbours too."""

    rack_id: int
    name: str
    room_name: str
    room_name_en: str
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class PowerStep:
    """[start, start + step) UTC epoch ms, of which `span_ms` was measured; mW and mWh."""

    start: int
    span_ms: int
    low_mw: int
    mean_mw: int
    high_mw: int
    energy_mwh: int


@dataclass(frozen=True, slots=True)
class PowerFigures:
    """`measured`: how much of the customer's time in the period was, 0 to 1; `high_at` the step's
    start. None where nothing was measured."""

    low_mw: int | None
    mean_mw: float | None
    high_mw: int | None
    high_at: int | None
    energy_mwh: int | None
    measured: float


@dataclass(frozen=True, slots=True)
class ContractedSpan:
    """[start, end) UTC epoch ms, and the watts of the rack by contract in it."""

    start: int
    end: int
    watts: int


@dataclass(frozen=True, slots=True)
class FeedPower:
    """One PDU, where it hangs, and its own samples in the period. A second one of feed A is
    "A 2"."""

    feed: str
    circuit: Feed
    columns: Columns

    @property
    def rated_w(self) -> int:
        return find_rated_w([self.circuit])

    @property
    def derated_w(self) -> int:
        return find_derated_w([self.circuit])


def list_held_racks(
    session: Session, scope: Scope, since: dt.datetime, until: dt.datetime
) -> list[HeldRack]:
    """Racks held at some time in [since, until), in the order they stand. One statement."""
    first, last = (round(instant.timestamp() * 1000) for instant in (since, until))
    rows = session.execute(
        select(
            Allocation.rack_id,
            Allocation.u_low,
            Allocation.height,
            Allocation.starts_on,
            Allocation.ends_on,
            Contract.timezone,
            Rack.u_count,
            Rack.code,
            Cabinet.code.label("cabinet_code"),
            Cabinet.layout,
            Room.name,
            Room.name_en,
        )
        .join(ContractItem, ContractItem.id == Allocation.contract_item_id)
        .join(Contract, Contract.id == ContractItem.contract_id)
        .join(Rack, Rack.id == Allocation.rack_id)
        .join(Cabinet, Cabinet.id == Rack.cabinet_id)
        .join(Row, Row.id == Cabinet.row_id)
        .join(Room, Room.id == Row.room_id)
        .where(
            scope.filter(Allocation.customer_id),
            # Days of the contract's zone: at most one beside those of UTC.
            Allocation.starts_on <= until.date() + DAY,
            or_(Allocation.ends_on.is_(None), Allocation.ends_on >= since.date() - DAY),
        )
        .order_by(Room.code, Cabinet.code, Rack.position, Allocation.starts_on)
    ).all()
    found: dict[int, HeldRack] = {}
    for row in rows:
        [(start, end)] = days_to_spans([(row.starts_on, row.ends_on, row.timezone)])
        if start >= last or (end is not None and end <= first):
            continue
        is_whole = row.u_low == 0 and row.height >= 2 * row.u_count
        spans = [(start, end)] if is_whole else []
        known = found.get(row.rack_id)
        name = row.cabinet_code if row.layout == "full" else f"{row.cabinet_code} {row.code}"
        found[row.rack_id] = HeldRack(
            row.rack_id, name, row.name, row.name_en, (*(known.spans if known else ()), *spans)
        )
    return list(found.values())


def clip_spans(rack: HeldRack, start: int, end: int) -> list[tuple[int, int]]:
    """The rack's own time within [start, end), in order."""
    clipped = [(max(a, start), end if b is None else min(b, end)) for a, b in rack.spans]
    return sorted((a, b) for a, b in clipped if a < b)


def read_feeds(
    session: Session,
    scope: Scope,
    rack: HeldRack,
    start: int,
    end: int,
    store: SampleStore | None = None,
) -> list[FeedPower]:
    """What each feed of an own rack drew in [start, end) UTC epoch ms, A before B; a fixed number
    of statements. Whoever had the rack before or after isn't in it, in no sample and no energy.

    `rack` is one of `list_held_racks` of the same scope.
    """
    tree = load_tree(session, around=Surroundings(rack_ids=[rack.rack_id]))
    circuits = lay_out_supply(tree).feeds_of(rack.rack_id)
    # Of several meters on one PDU the newest counts.
    rows = session.execute(
        select(Series.power_node_id, Series.id)
        .where(
            Series.power_node_id.in_([one.pdu.node.id for one in circuits]),
            Series.family == "power",
        )
        .order_by(Series.id)
    )
    series: dict[int | None, int] = {row.power_node_id: row.id for row in rows}
    read = dict(
        (store or PostgresSampleStore()).read(session, "power", list(series.values()), start, end)
    )
    found: list[FeedPower] = []
    for circuit in circuits:
        pdu = circuit.pdu.node
        same = sum(1 for other in found if other.circuit.name == pdu.feed)
        columns = _keep(read.get(series.get(pdu.id, 0), empty(POWER)), rack.spans)
        feed = f"{pdu.feed} {same + 1}" if same else pdu.feed
        found.append(FeedPower(feed, circuit, columns))
    return found


def read_contracted(
    session: Session, scope: Scope, rack_id: int, start: int, end: int
) -> list[ContractedSpan]:
    """What was contracted for an own rack in [start, end) UTC epoch ms, day by day as the item's
    versions and the allocations had it: an item's power is split over its places by their height.
    Days without any are left out. Two statements."""
    here = select(Allocation.contract_item_id).where(
        Allocation.rack_id == rack_id, scope.filter(Allocation.customer_id)
    )
    rows = session.execute(
        select(
            Allocation.contract_item_id,
            Allocation.rack_id,
            Allocation.height,
            Allocation.starts_on,
            Allocation.ends_on,
            ContractItem.contracted_w,
            Contract.timezone,
        )
        .join(ContractItem, ContractItem.id == Allocation.contract_item_id)
        .join(Contract, Contract.id == ContractItem.contract_id)
        .where(Allocation.contract_item_id.in_(here), scope.filter(Allocation.customer_id))
        .order_by(Allocation.id)
    ).all()
    if not rows:
        return []
    versions = load_versions(session, scope, {row.contract_item_id for row in rows})
    zone = ZoneInfo(rows[0].timezone)
    day = dt.datetime.fromtimestamp(start / 1000, zone).date()
    found: list[ContractedSpan] = []
    while (midnight := _midnight(day, zone)) < end:
        running = [
            row
            for row in rows
            if row.starts_on <= day and (row.ends_on is None or row.ends_on > day)
        ]
        watts = 0
        for row in running:
            if row.rack_id == rack_id:
                agreed = pick_version(versions.get(row.contract_item_id, ()), day)
                whole = sum(
                    one.height for one in running if one.contract_item_id == row.contract_item_id
                )
                item_w = agreed.contracted_w if agreed else row.contracted_w
                watts += (item_w or 0) * row.height // whole
        span = max(midnight, start), min(_midnight(day + DAY, zone), end)
        if found and found[-1].end == span[0] and found[-1].watts == watts:
            found[-1] = ContractedSpan(found[-1].start, span[1], watts)
        elif watts:
            found.append(ContractedSpan(*span, watts))
        day += DAY
    return found


def _midnight(day: dt.date, zone: ZoneInfo) -> int:
    return round(dt.datetime.combine(day, dt.time(), zone).timestamp() * 1000)


def add_feeds(feeds: Sequence[FeedPower]) -> Columns:
    """All feeds together, where each of them is known; without energy, which is summed apart."""
    total = add_held([feed.columns for feed in feeds], "mw", HOLDS_MS)
    values = dict.fromkeys(POWER.columns, np.full(len(total), NOT_REPORTED))
    return Columns(total.ts, total.span_ms, total.flags, values | dict(total.values))


def step_power(columns: Columns, start: int, end: int, step_ms: int) -> list[PowerStep]:
    """By steps of an hour or less, those without a sample left out; by the statement's rule."""
    lows = bucket_levels(columns, "mw", start, end, step_ms).low
    return [
        PowerStep(at, span, int(lows[(at - start) // step_ms]), mean, high, energy)
        for at, span, high, mean, energy in power_bins(columns, start, end, step_ms)
    ]


def sum_up(steps: Sequence[PowerStep], own: Sequence[tuple[int, int]]) -> PowerFigures:
    """The figures of a period, of which `own` was the customer's."""
    length = sum(b - a for a, b in own)
    spans = sum(step.span_ms for step in steps)
    if not steps:
        return PowerFigures(None, None, None, None, None, 0)
    highest = max(steps, key=lambda step: step.high_mw)
    weighed = sum(step.mean_mw * step.span_ms for step in steps)
    return PowerFigures(
        low_mw=min(step.low_mw for step in steps),
        mean_mw=weighed / spans if spans else None,
        high_mw=highest.high_mw,
        high_at=highest.start,
        energy_mwh=sum(step.energy_mwh for step in steps),
        measured=min(spans / length, 1) if length else 0,
    )


def _keep(columns: Columns, spans: Sequence[Span]) -> Columns:
    keep = keep_own(columns, spans)
    values = {name: values[keep] for name, values in columns.values.items()}
    return Columns(columns.ts[keep], columns.span_ms[keep], columns.flags[keep], values)
