"""The power board as flat rows, for files and the API."""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dcim.power.heat import Load
from dcim.sla.power_board import FeedNow, NamedRisk, PowerBoard, RoomHeat, RowHeat, SiteHeat
from dcim.sla.power_rounds import Key
from dcim.sla.power_use import PowerUse
from dcim.sla.run_out_rows import RunOutRow, describe_run_outs

STATE_ORDER = {"down": 0, "unknown": 1, "up": 2}
# As they stand in the chain unless another order is asked for.
FEED_SORTS: dict[str, Callable[[FeedNow], Any]] = {
    "chain": lambda one: 0,
    "name": lambda one: one.now.node.code,
    "feed": lambda one: (one.now.node.feed, one.now.node.code),
    "kw": lambda one: one.now.mw,
    "limit": lambda one: one.limit,
    "share": lambda one: one.share,
    "imbalance": lambda one: one.imbalance,
    "state": lambda one: (STATE_ORDER[one.now.state], one.now.node.code),
}
GRADES = ("goes_dark", "over_by_draw", "over_by_sold", "near_by_draw", "near_by_sold")


@dataclass(frozen=True, slots=True)
class PowerPlaceRow:
    """A site, room or row. W; `measured_w` leaves out the racks that aren't read: with any it is a
    lower bound, with none read it isn't known. `derated_w` is what one feed may carry for long."""

    level: str
    site_id: int
    site_code: str
    room_id: int | None
    room_code: str
    row_id: int | None
    row_code: str
    racks: int
    racks_unread: int
    measured_w: int | None
    contracted_w: int
    derated_w: int
    share_of_contracted: float | None
    share_of_derated: float | None


@dataclass(frozen=True, slots=True)
class PowerCabinetRow:
    """As `PowerPlaceRow`; the share is that of the cabinet's fullest rack, of `share_of`. `dead`
    names feeds that are shown to be dead."""

    cabinet_id: int
    cabinet_code: str
    site_id: int
    site_code: str
    room_id: int
    room_code: str
    row_id: int
    row_code: str
    racks: int
    racks_unread: int
    measured_w: int | None
    contracted_w: int
    derated_w: int
    share_of: str
    share: float | None
    dead: str


@dataclass(frozen=True, slots=True)
class PowerFeedRow:
    """A station above the racks. Amps of each phase as the readings of the racks below add up, of
    one phase as `l1_a`; `share` is of the derated current of one phase."""

    node_id: int
    code: str
    kind: str
    feed: str
    state: str
    has_meter: bool
    measured_at: dt.datetime | None
    measured_w: int | None
    l1_a: float | None
    l2_a: float | None
    l3_a: float | None
    derated_a: float
    share: float | None
    imbalance: float | None
    is_uneven: bool
    share_without_phase: float
    racks: int
    racks_unread: int


@dataclass(frozen=True, slots=True)
class PowerRiskRow:
    """What carries, or goes dark, if the feed `lost` dies ("AB": either alone). A on the fullest
    phase, by what is drawn now and by what is sold, none where not known."""

    grade: str
    lost: str
    node_id: int | None
    cabinet_id: int | None
    name: str
    kind: str
    phase: str
    derated_a: float
    by_draw_a: float | None
    by_sold_a: float | None
    share_by_draw: float | None
    share_by_sold: float | None
    racks: int
    racks_unread: int
    customers: list[str]


@dataclass(frozen=True, slots=True)
class PowerDayRow:
    """A site, or a room of it: the newest day that counts, what is sold and what one feed may
    carry, W, and when 80 % and all of that is reached."""

    site_id: int
    site_code: str
    room_id: int | None
    room_code: str
    measured_at: dt.datetime
    feeds: int
    feeds_without_meter: int
    day: dt.date | None
    days: int
    peak_w: int | None
    mean_w: int | None
    contracted_w: int | None
    derated_w: int | None
    share_by_draw: float | None
    share_by_sold: float | None
    at_80_percent: RunOutRow | None
    at_100_percent: RunOutRow | None


def describe_places(board: PowerBoard) -> list[PowerPlaceRow]:
    """Each site, then its rooms, each before its rows."""
    return list(_walk_places(board))


def _walk_places(board: PowerBoard) -> Iterator[PowerPlaceRow]:
    for site in board.sites:
        yield _describe_place("site", site.load, site)
        for room in site.rooms:
            yield _describe_place("room", room.load, site, room)
            for row in room.rows:
                yield _describe_place("row", row.load, site, room, row)


def _describe_place(
    level: str, load: Load, site: SiteHeat, room: RoomHeat | None = None, row: RowHeat | None = None
) -> PowerPlaceRow:
    return PowerPlaceRow(
        level=level,
        site_id=site.site.id,
        site_code=site.site.code,
        room_id=room.room.id if room else None,
        room_code=room.room.code if room else "",
        row_id=row.id if row else None,
        row_code=row.code if row else "",
        racks=load.racks,
        racks_unread=load.silent,
        measured_w=_measured(load),
        contracted_w=load.contracted_w,
        derated_w=load.derated_w,
        share_of_contracted=load.share("contracted"),
        share_of_derated=load.share("derated"),
    )


def describe_cabinets(board: PowerBoard) -> list[PowerCabinetRow]:
    """As they stand."""
    return [
        PowerCabinetRow(
            cabinet_id=cabinet.id,
            cabinet_code=cabinet.code,
            site_id=site.site.id,
            site_code=site.site.code,
            room_id=room.room.id,
            room_code=room.room.code,
            row_id=row.id,
            row_code=row.code,
            racks=cabinet.load.racks,
            racks_unread=cabinet.load.silent,
            measured_w=_measured(cabinet.load),
            contracted_w=cabinet.load.contracted_w,
            derated_w=cabinet.load.derated_w,
            share_of=board.base,
            share=cabinet.share,
            dead=cabinet.dead,
        )
        for site in board.sites
        for room in site.rooms
        for row in room.rows
        for cabinet in row.cabinets
    ]


def _measured(load: Load) -> int | None:
    return load.measured_w if load.racks > load.silent else None


def sort_feeds(feeds: Sequence[FeedNow], sort: str, descending: bool) -> list[FeedNow]:
    """What isn't known stands last either way."""
    keyed = [(FEED_SORTS[sort](one), one) for one in feeds]
    known = [one for one in keyed if one[0] is not None]
    known.sort(key=lambda each: each[0], reverse=descending)
    return [one for _, one in known] + [one for told, one in keyed if told is None]


def describe_feed(one: FeedNow) -> PowerFeedRow:
    node = one.now.node
    amps = {name or "L1": milliamps / 1000 for name, milliamps in one.phases or ()}
    return PowerFeedRow(
        node_id=node.id,
        code=node.code,
        kind=node.kind,
        feed=node.feed,
        state=one.now.state,
        has_meter=one.now.series_id is not None,
        measured_at=one.now.measured_at,
        measured_w=None if one.now.mw is None else round(one.now.mw / 1000),
        l1_a=amps.get("L1"),
        l2_a=amps.get("L2"),
        l3_a=amps.get("L3"),
        derated_a=one.limit / 1000,
        share=one.share,
        imbalance=one.imbalance,
        is_uneven=one.is_uneven,
        share_without_phase=one.unphased,
        racks=one.racks,
        racks_unread=one.silent,
    )


def describe_risk(one: NamedRisk) -> PowerRiskRow:
    risk = one.risk
    return PowerRiskRow(
        grade=GRADES[risk.grade],
        lost=risk.lost,
        node_id=risk.node_id,
        cabinet_id=one.cabinet_id,
        name=one.name,
        kind=one.kind,
        phase=risk.phase,
        derated_a=risk.limit_a,
        by_draw_a=risk.measured_a,
        by_sold_a=risk.contracted_a,
        share_by_draw=risk.measured_share,
        share_by_sold=risk.contracted_share,
        racks=len(risk.rack_ids),
        racks_unread=risk.silent,
        customers=[owner.code for owner in one.customers],
    )


def describe_days(board: PowerBoard, uses: Mapping[Key, PowerUse]) -> list[PowerDayRow]:
    """Of the board's sites, each before its rooms; of a room or a row the room alone."""
    whole = board.place.room_id is None and board.place.row_id is None
    places: list[tuple[Key, int, str, int | None, str]] = []
    for one in board.sites:
        site = (one.site.id, one.site.code)
        if whole:
            places.append((("site_id", one.site.id), *site, None, ""))
        places += [
            (("room_id", each.room.id), *site, each.room.id, each.room.code) for each in one.rooms
        ]
    return [_describe_day(place[1:], uses[place[0]]) for place in places if place[0] in uses]


def _describe_day(place: tuple[int, str, int | None, str], use: PowerUse) -> PowerDayRow:
    return PowerDayRow(
        *place, use.measured_at, use.feeds, use.unmeasured, use.day, use.days, use.peak_w,
        use.mean_w, use.contracted_w, use.derated_w, use.measured_share, use.sold_share,
        *describe_run_outs(use.run_outs),
    )  # fmt: skip
