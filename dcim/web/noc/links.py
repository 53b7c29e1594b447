"""The map of links: what is cabled and what devices hear, of a place or around a device."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from flask import Response as FileResponse
from flask import make_response, render_template, url_for
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from dcim.columns import utc_now
from dcim.errors import NotFoundError
from dcim.http.database import current_scope, db_session
from dcim.http.problems import say
from dcim.i18n import gettext as _
from dcim.inventory.drawing.link_map import Box, Edge, Node, Path, Picture, lay_out_links
from dcim.inventory.queries import list_rooms, list_sites
from dcim.paging import EVERYTHING
from dcim.sla.link_rows import DeviceLinkRow, describe_link, sort_links
from dcim.sla.links import (
    HOPS,
    USUAL_HOPS,
    LinkMap,
    MapBundle,
    MapDevice,
    MapLink,
    Wish,
    bundle_links,
    find_linked_device,
    read_link_map,
)
from dcim.web.board_csv import answer_rows
from dcim.web.noc.blueprint import noc
from dcim.web.noc.kept_boards import Shelf, keep_board, list_kept
from dcim.web.refreshing import answer_part, tag_of, wants_part
from dcim.web.staff.arguments import read_int, read_text

SHELF = Shelf("link_board", "noc.links", "noc.keep_links")
# Loads change by the minute, what is heard by the day.
REFRESH_S = 30
# Who makes up neighbours makes up thousands: so many are drawn and listed, those that want a person
# first, and of the rest how many there are.
MOST_LINKS = 1000
VERDICTS = {
    "agrees": _l("Recorded and heard"),
    "recorded": _l("Recorded, not heard"),
    "heard": _l("Heard, no cable recorded"),
    "contradicts": _l("Record and LLDP contradict"),
}
VERDICT_LOOKS = {
    "agrees": "ok",
    "recorded": "unknown",
    "heard": "warning",
    "contradicts": "down",
}
LOADS = {
    "down": _l("Down"),
    "unknown": _l("Load unknown"),
    "low": _l("Below %(share)s %%", share=50),
    "half": _l("%(low)s – %(high)s %%", low=50, high=75),
    "high": _l("%(low)s – %(high)s %%", low=75, high=90),
    "full": _l("From %(share)s %%", share=90),
}


@dataclass(frozen=True, slots=True)
class Drawn:
    """A link, or those of a LAG, with the line; `mark` stands at its middle, so that no colour is
    needed to see it. `one` gives the line its look."""

    one: MapLink
    bundle: MapBundle
    path: Path
    mark: str


@noc.get("/links")
def links() -> Response:
    session, scope, now = db_session(), current_scope(), utc_now()
    text, problem, status = read_text("q"), "", 200
    on_wall = read_text("wall") == "1"
    try:
        wish = find_wish()
    except NotFoundError as error:
        wish, problem, status = read_wish(), str(say(error)), 404
    found = read_link_map(session, scope, wish, now)
    listed = sort_links(found.links)[:MOST_LINKS]
    bundles = bundle_links(listed)
    picture = lay_out_links(
        [Node(one.id, one.name, bool(one.carriers)) for one in found.devices],
        [
            Edge((one.link.a.id, one.link.z.id), one.link.a.device_id, one.link.z.device_id)
            for one in (bundle.first for bundle in bundles)
        ],
    )
    shown = [(one.link, one.state, one.load, _told(one), one.lag_names) for one in listed]
    # Readings go in as they are shown: one that came again the same makes no new page.
    tag = tag_of(
        scope, found.devices, shown, len(found.links), found.linked, found.left_out,
        found.oldest_check, found.newest_check,
    )  # fmt: skip

    def render(quoted: str) -> str:
        sites = list_sites(session, scope, EVERYTHING).items
        return render_template(
            "noc/links_part.html" if wants_part() else "noc/links.html",
            found=found,
            picture=picture,
            boxes=_boxes(found, picture),
            listed=listed,
            drawn=_draw(bundles, picture),
            told=_told,
            wish=wish,
            hops=[(_("Hops: %(n)s", n=n), _url(wish, hops=n), n == wish.hops) for n in HOPS],
            machines=[
                (_("Switches"), _url(wish, machines=None), not wish.with_machines),
                (_("With machines"), _url(wish, machines="1"), wish.with_machines),
            ],
            center_url=lambda device_id: _url(wish, device=device_id),
            place_url=_url(wish, device=None),
            sites=sites,
            rooms=list_rooms(session, scope, EVERYTHING).items,
            summary=_summarise(found),
            problem=problem,
            text=text,
            verdicts=VERDICTS,
            verdict_looks=VERDICT_LOOKS,
            loads=LOADS,
            refresh_s=REFRESH_S,
            kept=None if on_wall or wants_part() else list_kept(SHELF, _take(wish)),
            wall=on_wall,
            csv_url=_url(wish, "noc.links_csv"),
            wall_url=_url(wish, wall="1"),
            board_url=_url(wish),
            tag=quoted,
        )

    if wants_part():
        return answer_part(tag, render)
    return make_response(render(f'"{tag}"'), status)


@noc.get("/links.csv")
def links_csv() -> FileResponse:
    """All links of the map, in the table's order, those that it has no room for too."""
    now = utc_now()
    found = read_link_map(db_session(), current_scope(), find_wish(), now)
    rows = [describe_link(one) for one in sort_links(found.links)]
    return answer_rows(DeviceLinkRow, rows, "links", now)


@noc.post("/links/boards")
def keep_links() -> Response:
    """NotFoundError where no device is called so."""
    if text := read_text("q"):
        find_linked_device(db_session(), current_scope(), text)
    return keep_board(SHELF, _take(read_wish()))


def find_wish() -> Wish:
    """What the URL asks for; a device that is named goes before a place. NotFoundError where none
    is called so."""
    wish, text = read_wish(), read_text("q")
    if not text:
        return wish
    device_id = find_linked_device(db_session(), current_scope(), text)
    return Wish(device_id=device_id, hops=wish.hops, with_machines=wish.with_machines)


def read_wish() -> Wish:
    room_id, hops = read_int("room"), read_int("hops")
    return Wish(
        # A room says more than the site it is in.
        site_id=None if room_id else read_int("site"),
        room_id=room_id,
        device_id=read_int("device"),
        hops=hops if hops in HOPS else USUAL_HOPS,
        with_machines=read_text("machines") == "1",
    )


def _take(wish: Wish) -> dict[str, object]:
    """What the URL asks for, as far as the map knows it."""
    return {
        "site": wish.site_id,
        "room": wish.room_id,
        "device": wish.device_id,
        "q": read_text("q"),
        "hops": wish.hops,
        "machines": "1" if wish.with_machines else None,
    }


def _told(one: MapLink) -> str:
    """The busier share in whole percents, or a question mark."""
    return "?" if one.share is None else f"{one.share * 100:.0f}"


def _boxes(found: LinkMap, picture: Picture) -> list[tuple[Box, MapDevice]]:
    devices = {one.id: one for one in found.devices}
    return [(box, devices[box.id]) for box in picture.boxes]


def _draw(bundles: Iterable[MapBundle], picture: Picture) -> list[Drawn]:
    """The first of a LAG's links is that which most wants a person, the fullest has its load."""
    paths = {path.key: path for path in picture.paths}
    return [
        Drawn(
            replace(one.fullest, link=one.first.link),
            one,
            paths[one.first.link.a.id, one.first.link.z.id],
            _mark(one),
        )
        for one in bundles
    ]


def _mark(bundle: MapBundle) -> str:
    """≠ contradicts, ? heard alone, × down, percents from half of the speed on; of a LAG how many
    of its links are up."""
    one = replace(bundle.fullest, link=bundle.first.link)
    marks = [{"contradicts": "≠", "heard": "?"}.get(one.link.verdict, "")]
    if one.load == "down":
        marks.append("×")
    elif one.load in ("half", "high", "full"):
        marks.append(f"{_told(one)}%")
    if len(bundle.links) > 1:
        marks.append(f"{bundle.up}/{len(bundle.links)}")
    return " ".join(filter(None, marks))


def _summarise(found: LinkMap) -> str:
    """The picture in words."""
    counts = {name: sum(one.link.verdict == name for one in found.links) for name in VERDICTS}
    return str(
        _(
            "%(devices)s devices and %(links)s links: %(agrees)s recorded and heard,"
            " %(recorded)s recorded alone, %(heard)s heard alone, %(contradicts)s contradicting.",
            devices=len(found.devices),
            links=len(found.links),
            **counts,
        )
    )


def _url(wish: Wish, page: str = "noc.links", /, **changes: object) -> str:
    """This map with something else of it."""
    values: dict[str, object] = {
        "site": wish.site_id,
        "room": wish.room_id,
        "device": wish.device_id,
        "hops": wish.hops if wish.hops != USUAL_HOPS else None,
        "machines": "1" if wish.with_machines else None,
    }
    kept = {name: value for name, value in (values | changes).items() if value is not None}
    return url_for(page, **kept)  # type: ignore[arg-type]
