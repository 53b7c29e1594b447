"""The port table: every port with its user, load, errors and state."""

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from flask import make_response, render_template
from werkzeug.wrappers import Response

from dcim.columns import utc_now
from dcim.http.database import current_scope, db_session
from dcim.i18n import pick_text
from dcim.paging import Page, slice_page
from dcim.sla.ports import PortNow, Trace, read_ports, read_traces
from dcim.web.noc.blueprint import noc
from dcim.web.refreshing import STALE_S, answer_part, tag_of, wants_part
from dcim.web.staff.arguments import Listing, read_listing, read_text

STATE_ORDER = {"down": 0, "unknown": 1, "up": 2}
# A port counts as busy from here on, of its commit or of its speed.
BUSY = 0.75
ROLES = ("customer", "uplink", "internal")
GROUPS = ("customer", "device")

Key = Callable[[PortNow], Any]
SORTS: dict[str, Key] = {
    "port": lambda port: (port.device_name, port.id),
    "customer": lambda port: (port.customer_code or "~", port.device_name, port.id),
    "speed": lambda port: port.speed_bps,
    "in": lambda port: port.in_bps,
    "out": lambda port: port.out_bps,
    "share": lambda port: port.share,
    "commit": lambda port: port.commit_share,
    "errors": lambda port: port.errors,
    "state": lambda port: (STATE_ORDER[port.state], port.device_name, port.id),
}


@dataclass(frozen=True, slots=True)
class Tally:
    up: int
    down: int
    unknown: int
    busy: int

    @property
    def total(self) -> int:
        return self.up + self.down + self.unknown


@dataclass(frozen=True, slots=True)
class Board:
    """`newest` is the newest sample of all ports, not only of those shown."""

    page: Page[PortNow]
    traces: dict[int, Trace]
    tally: Tally
    newest: dt.datetime | None


@noc.get("/")
def home() -> Response:
    session, scope, now = db_session(), current_scope(), utc_now()
    listing = read_listing(tuple(SORTS))
    everything = read_ports(session, scope, now)
    group = read_text("group")
    wanted = select_ports(everything, read_text("q"), read_text("role"), read_text("state"))
    page = slice_page(sort_ports(wanted, listing, group), listing.paging)
    newest = find_newest(everything)
    is_stale = newest is None or (now - newest).total_seconds() > STALE_S
    tally = tally_ports(everything)
    tag = tag_of(scope, page, tally, is_stale)

    def render(quoted: str) -> str:
        return render_template(
            "noc/ports_part.html" if wants_part() else "noc/ports.html",
            board=Board(page, read_traces(session, page.items, now), tally, newest),
            listing=listing,
            pages=count_pages(page.total, page.size),
            group=group if group in GROUPS else "",
            filters={name: read_text(name) for name in ("q", "role", "state", "group")},
            is_stale=is_stale,
            stale_after=STALE_S,
            tag=quoted,
            now=now,
        )

    if wants_part():
        return answer_part(tag, render)
    return make_response(render(f'"{tag}"'))


def count_pages(total: int, size: int) -> int:
    return max(1, -(-total // size))


def select_ports(ports: Iterable[PortNow], text: str, role: str, state: str) -> list[PortNow]:
    """`text` is looked for in every name a person may know the port by."""
    needle = text.casefold()
    found = []
    for port in ports:
        names = (
            port.name,
            port.alias,
            port.device_name,
            port.service_code,
            port.customer_code,
            port.customer_name,
            port.customer_name_en,
        )
        if needle and not any(needle in name.casefold() for name in names if name):
            continue
        if role in ROLES and port.role != role:
            continue
        if state in STATE_ORDER and port.state != state:
            continue
        if state == "busy" and not is_busy(port):
            continue
        found.append(port)
    return found


def sort_ports(ports: list[PortNow], listing: Listing, group: str = "") -> list[PortNow]:
    """What isn't known stands last either way. Groups stay together."""
    key = SORTS[listing.sort]
    known = [port for port in ports if key(port) is not None]
    known.sort(key=key, reverse=listing.descending)
    done = known + [port for port in ports if key(port) is None]
    if group in GROUPS:
        done.sort(key=lambda port: group_of(port, group))
    return done


def group_of(port: PortNow, group: str) -> str:
    return port.device_name if group == "device" else port.customer_code or "~"


def is_busy(port: PortNow) -> bool:
    shares = (port.share, port.commit_share)
    return any(share is not None and share >= BUSY for share in shares)


def tally_ports(ports: Iterable[PortNow]) -> Tally:
    states = [port.state for port in ports]
    return Tally(
        states.count("up"),
        states.count("down"),
        states.count("unknown"),
        sum(is_busy(port) for port in ports),
    )


def find_newest(ports: Iterable[PortNow]) -> dt.datetime | None:
    return max((port.newest_at for port in ports if port.newest_at is not None), default=None)


def name_customer(port: PortNow) -> str:
    return pick_text(port.customer_name, port.customer_name_en)


noc.add_app_template_filter(name_customer, "port_customer")
