"""Sites and rooms: how full, how loaded, what is open, what to do next."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field

from flask import redirect, render_template, url_for
from werkzeug.wrappers import Response

from dcim.accounts.roles import Right
from dcim.columns import utc_now
from dcim.http.database import current_scope, db_session
from dcim.http.policy import has_right
from dcim.i18n import gettext as _
from dcim.i18n import pick_text
from dcim.inventory.queries import RoomRow, list_rooms, list_sites
from dcim.inventory.space.summaries import RackSummary, summarize_racks
from dcim.paging import EVERYTHING, Paging
from dcim.sla.feeds import Feed, Supply, find_derated_w, load_supply
from dcim.sla.queries import IncidentFilter, list_incidents
from dcim.snmp.agents.queries import list_agents
from dcim.statements.held_queries import count_held
from dcim.web.staff.blueprint import staff


@dataclass(slots=True)
class Fill:
    """Sums over racks: half units, watts. `measured_w` leaves out `silent` racks, which have
    feeds but no reading of all of them."""

    racks: int = 0
    total: int = 0
    allocated: int = 0
    held: int = 0
    installed: int = 0
    unsold: int = 0
    contracted_w: int = 0
    nameplate_w: int = 0
    usable_w: int = 0
    measured_w: float = 0.0
    measured: int = 0
    silent: int = 0
    cabinets: set[int] = field(default_factory=set)

    def add(self, rack: RackSummary, supply: Supply) -> None:
        self.racks += 1
        self.cabinets.add(rack.cabinet_id)
        self.total += rack.total
        self.allocated += rack.allocated
        self.held += rack.held
        self.installed += rack.installed
        self.unsold += rack.unsold
        self.contracted_w += rack.contracted_w
        self.nameplate_w += rack.nameplate_w
        feeds = supply.feeds_of(rack.id)
        if feeds:
            self.usable_w += find_derated_w(feeds)
            watts = supply.watts_of(rack.id)
            if watts is None:
                self.silent += 1
            else:
                self.measured += 1
                self.measured_w += watts


@dataclass(slots=True)
class Tile:
    """A cabinet in the room's map. `share` is what the worst rack draws now of what one feed may
    carry alone; none where that isn't known."""

    id: int
    code: str
    layout: str
    racks: list[RackSummary]
    feeds: list[Feed]
    watts: float | None
    usable_w: int
    share: float | None
    fill: Fill

    @property
    def is_powered(self) -> bool:
        return bool(self.feeds)

    def feed_state(self, name: str) -> str | None:
        """The worst state of this letter's feeds; none without such a feed."""
        states = {feed.pdu.state for feed in self.feeds if feed.name == name}
        return next((state for state in ("down", "unknown", "up") if state in states), None)


@staff.get("/")
def home() -> str | Response:
    if not has_right(Right.SEE_SPACE):
        return redirect(url_for("staff.statements"), code=303)
    session, scope, now = db_session(), current_scope(), utc_now()
    racks = summarize_racks(session, scope, now)
    supply = load_supply(session, now)
    rooms = list_rooms(session, scope, EVERYTHING).items
    fills: dict[int, Fill] = {}
    whole = Fill()
    for rack in racks:
        fills.setdefault(rack.room_id, Fill()).add(rack, supply)
        whole.add(rack, supply)
    sites = list_sites(session, scope, EVERYTHING).items
    incidents = list_incidents(session, scope, IncidentFilter(open_only=True), Paging(1, 8))
    silent = list_agents(session, Paging(1, 8), silent=True)
    return render_template(
        "staff/home.html",
        sites=[
            (
                site,
                [(room, fills.get(room.id, Fill())) for room in rooms if room.site_id == site.id],
            )
            for site in sites
        ],
        whole=whole,
        incidents=incidents,
        silent=silent,
        held=count_held(session, scope) if has_right(Right.SEE_STATEMENTS) else 0,
        newest=find_newest(supply),
        now=now,
    )


def make_tiles(racks: Iterable[RackSummary], supply: Supply) -> list[Tile]:
    by_cabinet: dict[int, list[RackSummary]] = {}
    for rack in racks:
        by_cabinet.setdefault(rack.cabinet_id, []).append(rack)
    return [_make_tile(several, supply) for several in by_cabinet.values()]


def _make_tile(racks: list[RackSummary], supply: Supply) -> Tile:
    fill = Fill()
    feeds: list[Feed] = []
    shares: list[float] = []
    for rack in racks:
        fill.add(rack, supply)
        own = supply.feeds_of(rack.id)
        feeds += own
        watts = supply.watts_of(rack.id)
        limit = find_derated_w(own)
        if limit and watts is not None:
            shares.append(watts / limit)
    return Tile(
        id=racks[0].cabinet_id,
        code=racks[0].cabinet_code,
        layout=racks[0].layout,
        racks=racks,
        feeds=feeds,
        # A sum over the cabinet only when nothing of it is missing.
        watts=fill.measured_w if feeds and not fill.silent else None,
        usable_w=fill.usable_w,
        share=max(shares) if shares else None,
        fill=fill,
    )


def find_newest(supply: Supply) -> dt.datetime | None:
    instants = [one.measured_at for one in supply.nodes.values() if one.measured_at is not None]
    return max(instants, default=None)


def crumbs_of(found: RoomRow) -> list[tuple[str, str]]:
    return [
        (_("Overview"), url_for("staff.home")),
        (found.site_code, url_for("staff.home")),
        (pick_text(found.name, found.name_en), url_for("staff.room", room_id=found.id)),
    ]
