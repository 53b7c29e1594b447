"""The port board: every port with its user, load, month and state; sorted, filtered and grouped by
the URL, kept under names, and on a wall without anything around it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from flask import make_response, render_template, request, url_for
from werkzeug.wrappers import Response

from dcim.columns import utc_now
from dcim.http.database import current_scope, db_session
from dcim.i18n import gettext as _
from dcim.i18n import pick_text
from dcim.paging import Page, count_pages, slice_page
from dcim.sla.port_board import Board, current_ports
from dcim.sla.port_traces import Trace, read_traces
from dcim.sla.ports import PortNow
from dcim.sla.usage_months import MonthNow
from dcim.web.noc import kept_boards
from dcim.web.noc.blueprint import noc
from dcim.web.noc.kept_boards import Shelf, list_kept
from dcim.web.noc.port_rows import DrawnRows
from dcim.web.noc.turning import asked_tour, turn_wall
from dcim.web.refreshing import STALE_S, answer_part, tag_of, wants_part
from dcim.web.staff.arguments import Listing, read_int, read_listing, read_text

SHELF = Shelf("port_board", "noc.home", "noc.keep_board")
STATE_ORDER = {"down": 0, "unknown": 1, "up": 2}
STATES = (*STATE_ORDER, "busy", "losing")
# A port counts as busy from here on, of its commit or of its speed.
BUSY = 0.75
ROLES = ("customer", "uplink", "internal")
GROUPS = ("site", "carrier", "customer", "device", "service")
TOPS = (10, 20, 50)
# So many rows stand on a wall.
WALL_ROWS = 16

Key = Callable[[PortNow, MonthNow | None], Any]
SORTS: dict[str, Key] = {
    "port": lambda port, month: (port.device_name, port.id),
    "customer": lambda port, month: (port.customer_code or "~", port.device_name, port.id),
    "speed": lambda port, month: port.speed_bps,
    "in": lambda port, month: port.in_bps,
    "out": lambda port, month: port.out_bps,
    "share": lambda port, month: port.share,
    "commit": lambda port, month: port.commit_share,
    "p95": lambda port, month: point_of(month),
    "forecast": lambda port, month: month.forecast_bps if month else None,
    "errors": lambda port, month: port.errors,
    "discards": lambda port, month: port.discards,
    "state": lambda port, month: (STATE_ORDER[port.state], port.device_name, port.id),
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
class Group:
    """Ports together; rates in bit/s of those whose load is known."""

    ports: int
    down: int
    in_bps: int
    out_bps: int


@dataclass(frozen=True, slots=True)
class Wish:
    """What of the board is asked for, by the URL."""

    text: str
    role: str
    state: str
    sort: str
    descending: bool
    group: str
    top: int


@dataclass(frozen=True, slots=True)
class Shown:
    """A page of ports with what only those need; `pages` in all."""

    page: Page[PortNow]
    pages: int
    traces: dict[int, Trace]
    tally: Tally
    groups: Mapping[str, Group]


@noc.get("/")
def home() -> Response:
    session, scope, now = db_session(), current_scope(), utc_now()
    site_id = read_int("site")
    board = current_ports(session, scope, now, site_id)
    on_wall = read_text("wall") == "1"
    listing = read_listing(tuple(SORTS), WALL_ROWS if on_wall else 50)
    wish = read_wish(listing)
    wanted = choose_ports(board, wish)
    tally = tally_board(board)
    paging = listing.paging
    if on_wall:
        paging = turn_wall(paging, len(wanted), now, asked_tour())
    page = slice_page(wanted, paging)
    months = [board.months.get(port.service_id or 0) for port in page.items]
    is_stale = board.newest is None or (now - board.newest).total_seconds() > STALE_S
    groups = gather_groups(board, wish, wanted)
    headed = [groups.get(group_of(port, wish.group)) for port in page.items] if wish.group else []
    tag = tag_of(scope, page, tally, months, headed, is_stale)

    def render(quoted: str) -> str:
        traces = read_traces(session, page.items, now)
        return render_template(
            "noc/ports_part.html" if wants_part() else "noc/ports.html",
            board=board,
            shown=Shown(
                page,
                count_pages(page.total, page.size),
                traces,
                tally,
                groups,
            ),
            rows=DrawnRows(traces, board.months),
            wish=wish,
            tops=TOPS,
            group_key=lambda port: group_of(port, wish.group),
            group_name=lambda port: name_group(port, wish.group),
            listing=listing,
            filters={
                name: read_text(name) for name in ("q", "role", "state", "group", "site", "top")
            },
            kept=None if on_wall or wants_part() else list_kept(SHELF, _take(listing)),
            point_of=point_of,
            csv_url=_with("noc.ports_csv", wall=None),
            wall=on_wall,
            wall_url=_with(wall="1"),
            board_url=_with(wall=None),
            is_stale=is_stale,
            stale_after=STALE_S,
            tag=quoted,
            now=now,
        )

    if wants_part():
        return answer_part(tag, render)
    return make_response(render(f'"{tag}"'))


@noc.post("/boards")
def keep_board() -> Response:
    return kept_boards.keep_board(SHELF, _take(read_listing(tuple(SORTS))))


def _take(listing: Listing) -> dict[str, object]:
    """What the URL asks for, as far as the board knows it."""
    wish = read_wish(listing)
    return {
        "q": wish.text,
        "role": wish.role if wish.role in ROLES else "",
        "state": wish.state if wish.state in STATES else "",
        "site": read_int("site"),
        "group": wish.group,
        "top": wish.top,
        "sort": listing.sort_text,
    }


def _with(endpoint: str = "noc.home", **changes: str | None) -> str:
    kept = {name: value for name, value in request.args.items() if name != "page" and value}
    values = {name: value for name, value in (kept | changes).items() if value is not None}
    return url_for(endpoint, **cast(dict[str, Any], values))


def read_wish(listing: Listing) -> Wish:
    group, top = read_text("group"), read_int("top")
    return Wish(
        text=read_text("q"),
        role=read_text("role"),
        state=read_text("state"),
        sort=listing.sort,
        descending=listing.descending,
        group=group if group in GROUPS else "",
        top=top if top in TOPS else 0,
    )


def choose_ports(board: Board, wish: Wish) -> list[PortNow]:
    """What a wish finds, in its order; worked out once for a version of the board."""
    known = board.answers.get(wish)
    if known is None:
        found = select_ports(board.ports, wish.text, wish.role, wish.state)
        known = sort_ports(found, board.months, wish)
        board.remember(wish, known)
    return cast(list[PortNow], known)


def select_ports(ports: Iterable[PortNow], text: str, role: str, state: str) -> list[PortNow]:
    """`text` is looked for in every name a person may know the port by."""
    needle = text.casefold()
    found = []
    for port in ports:
        if role in ROLES and port.role != role:
            continue
        if state in STATE_ORDER and port.state != state:
            continue
        if state == "busy" and not is_busy(port):
            continue
        if state == "losing" and not port.is_losing:
            continue
        names = (
            port.name,
            port.alias,
            port.device_name,
            port.service_code,
            port.customer_code,
            port.customer_name,
            port.customer_name_en,
            port.carrier,
            port.lag_name,
        )
        if needle and not any(needle in name.casefold() for name in names if name):
            continue
        found.append(port)
    return found


def sort_ports(
    ports: Sequence[PortNow], months: Mapping[int, MonthNow], wish: Wish
) -> list[PortNow]:
    """What isn't known stands last either way. Groups stay together; of a top the first are left
    before they are grouped."""
    key = SORTS[wish.sort]
    keyed = [(key(port, months.get(port.service_id or 0)), port) for port in ports]
    known = sorted(
        (one for one in keyed if one[0] is not None),
        key=lambda one: one[0],
        reverse=wish.descending,
    )
    done = [port for _, port in known] + [port for told, port in keyed if told is None]
    if wish.top:
        done = done[: wish.top]
    if wish.group:
        done.sort(key=lambda port: group_of(port, wish.group))
    return done


def group_of(port: PortNow, group: str) -> str:
    names = {
        "site": port.site_code,
        "carrier": port.carrier,
        "customer": port.customer_code,
        "device": port.device_name,
        "service": port.service_code,
    }
    return names[group] or "~"


def name_group(port: PortNow, group: str) -> str:
    """As it is shown."""
    found = group_of(port, group)
    if found == "~":
        return {
            "site": _("No site"),
            "carrier": _("No carrier"),
            "customer": _("No customer"),
            "service": _("No service"),
        }[group]
    return f"{name_customer(port)} {found}" if group == "customer" else found


def gather_groups(board: Board, wish: Wish, ports: Sequence[PortNow]) -> Mapping[str, Group]:
    """What the ports of each group come to, by the group's name."""
    if not wish.group:
        return {}
    known = board.answers.get(("groups", wish))
    if known is None:
        several: dict[str, list[PortNow]] = {}
        for port in ports:
            several.setdefault(group_of(port, wish.group), []).append(port)
        known = {
            name: Group(
                len(together),
                sum(port.state == "down" for port in together),
                *sum_rates(together),
            )
            for name, together in several.items()
        }
        board.remember(("groups", wish), known)
    return cast(Mapping[str, Group], known)


def sum_rates(together: Sequence[PortNow]) -> tuple[int, int]:
    """(in, out) of all, bit/s; what a LAG carries its members carry too, and counts once."""
    counted = {port.id for port in together if port.busier_bps is not None}
    alone = [port for port in together if port.lag_id not in counted]
    return sum(port.in_bps or 0 for port in alone), sum(port.out_bps or 0 for port in alone)


def point_of(month: MonthNow | None) -> int | None:
    """The percentile so far; of terms without one point what is billed."""
    if month is None:
        return None
    return month.billed_bps if month.point_bps is None else month.point_bps


def is_busy(port: PortNow) -> bool:
    shares = (port.share, port.commit_share)
    return any(share is not None and share >= BUSY for share in shares)


def tally_board(board: Board) -> Tally:
    known = board.answers.get("tally")
    if known is None:
        known = tally_ports(board.ports)
        board.remember("tally", known)
    return cast(Tally, known)


def tally_ports(ports: Iterable[PortNow]) -> Tally:
    several = list(ports)
    states = [port.state for port in several]
    return Tally(
        states.count("up"),
        states.count("down"),
        states.count("unknown"),
        sum(is_busy(port) for port in several),
    )


def name_customer(port: PortNow) -> str:
    return pick_text(port.customer_name, port.customer_name_en)


noc.add_app_template_filter(name_customer, "port_customer")
