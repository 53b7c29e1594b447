"""Find space: what is wished in the URL, proposals drawn in place, and a hold in one click."""

import datetime as dt
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response, flash, render_template, url_for
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_login import current_user
from werkzeug.wrappers import Response as BaseResponse

from dcim.capacity.holding import Spot, hold_places
from dcim.capacity.masks import iterate_stretches
from dcim.capacity.proposals import Place, Proposal
from dcim.capacity.refusals import Gain
from dcim.capacity.search import Answer, RefusedGroup, search_capacity
from dcim.capacity.snapshot import current_board
from dcim.columns import utc_now
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from dcim.http.database import current_scope, db_session
from dcim.i18n import gettext as _
from dcim.records.views import list_views
from dcim.web.local_times import local_zone
from dcim.web.staff.answers import go_on, refuse, show_form
from dcim.web.staff.arguments import read_int, read_text
from dcim.web.staff.blueprint import staff
from dcim.web.staff.capacity_wish import (
    GIGABIT,
    HoldFoundForm,
    WishForm,
    read_spots,
    read_wish,
    write_spots,
    write_wish,
)
from dcim.web.staff.capacity_words import FACE, REASONS, tell_detail

HOLD_DAYS = 14
SHOWN_IN_GROUP, SHOWN_OF_ONE = 3, 200
DRAWN = 6
KINDS = {
    "units": _l("Units in a row"),
    "rack": _l("Whole rack"),
    "half": _l("Half cabinet"),
    "quarter": _l("Quarter cabinet"),
    "cabinet": _l("Whole cabinet"),
}
RELATIONS = {
    "any": _l("anywhere"),
    "same_row": _l("in one row"),
    "adjacent": _l("side by side"),
    "same_cabinet": _l("in one cabinet"),
}
FEEDS = {"both": _l("A and B"), "single": _l("One feed")}
SCOPES = {"row": _l("in the row"), "room": _l("in the room")}
CHANGES = {
    "units": _l("Units"),
    "watts": _l("Power"),
    "feeds": _l("Feeds"),
    "weight_kg": _l("Weight"),
    "ports": _l("Ports"),
    "relation": _l("Position"),
    "count": _l("Places"),
    "carrier": _l("Carrier"),
    "near_customer_id": _l("Near the customer"),
    "room_id": _l("Room"),
    "cage_id": _l("Cage"),
    "starts_on": _l("From"),
}


@dataclass(frozen=True, slots=True)
class Box:
    """A stretch in a drawn rack, half units from its top; kind: taken, held, barred or place."""

    kind: str
    top: int
    height: int


@dataclass(frozen=True, slots=True)
class Drawn:
    place: Place
    rows: int
    boxes: list[Box]


@dataclass(frozen=True, slots=True)
class Card:
    """A proposal as it is shown, with its own form."""

    proposal: Proposal
    drawn: list[Drawn]
    form: HoldFoundForm
    number: int
    row_code: str
    room_code: str

    @property
    def title(self) -> str:
        return str(_(" and ")).join(dict.fromkeys(one.place.rack.code for one in self.drawn))


@staff.get("/capacity")
def capacity() -> str:
    session, scope = db_session(), current_scope()
    form = read_wish(session, scope)
    reason = read_text("reason", 20)
    board = current_board(session, scope)
    answer = None
    if form.asked and not form.errors:
        answer = search_capacity(
            session, scope, form.wish, zone=local_zone(),
            shown=SHOWN_OF_ONE if reason else SHOWN_IN_GROUP,
        )  # fmt: skip
    rooms = sorted(board.rooms.values(), key=lambda room: (room.site_code, room.code))
    return render_template(
        "staff/capacity.html",
        form=form,
        wish=form.wish,
        speed=form.wish.port_bps // GIGABIT,
        answer=answer,
        cards=[] if answer is None else _cards(answer, form),
        groups=[] if answer is None else _groups(answer, reason),
        reason=reason,
        rooms=rooms,
        carriers=sorted({code for room in rooms for code in room.carriers}),
        kinds=KINDS,
        relations=RELATIONS,
        feeds=FEEDS,
        scopes=SCOPES,
        reasons=REASONS,
        told=tell_detail,
        gain_words=_gain_words,
        query=write_wish(form.wish, form.near),
        gain_query=lambda gain: write_wish(gain.wish, form.near),
        drawn_cards=DRAWN,
        favourites=list_views(session, current_user.id, FACE),
    )


@staff.post("/capacity/hold")
def hold_found() -> Response | BaseResponse:
    number = min(read_int("n") or 1, 99)
    form = HoldFoundForm(prefix=f"p{number}-")
    if not form.validate():
        return _show_hold(form, number, 422)
    zone = local_zone()
    ends = dt.datetime.combine(form.until.data + dt.timedelta(days=1), dt.time(), zone)
    try:
        held = hold_places(
            db_session(), current_scope(), read_spots(form.places.data),
            prospect=form.prospect.data, expires_at=ends, starts_at=_start(form.starts.data, zone),
        )  # fmt: skip
    except (ConflictError, InvalidError, ForbiddenError, NotFoundError) as error:
        return _show_hold(form, number, refuse(form, error))
    flash(
        ngettext(
            "%(num)s place is held for %(name)s.",
            "%(num)s places are held for %(name)s.",
            len(held),
            name=form.prospect.data,
        ),
        "success",
    )
    return go_on(url_for("staff.cabinet", cabinet_id=held[0].rack.cabinet_id))


def _show_hold(form: HoldFoundForm, number: int, status: int) -> Response:
    return show_form("staff/capacity_hold.html", form, status, number=number)


def _start(text: str | None, zone: ZoneInfo) -> dt.datetime | None:
    try:
        day = dt.date.fromisoformat(text or "")
        return dt.datetime.combine(day, dt.time(), zone).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None


def _cards(answer: Answer, form: WishForm) -> list[Card]:
    until = utc_now().astimezone(local_zone()).date()
    if answer.wish.starts_on is not None:
        until = max(until, answer.wish.starts_on)
    cards = []
    for number, proposal in enumerate(answer.proposals, 1):
        hold = HoldFoundForm(formdata=None, prefix=f"p{number}-")
        hold.until.data = until + dt.timedelta(days=HOLD_DAYS)
        hold.starts.data = answer.wish.starts_on.isoformat() if answer.wish.starts_on else ""
        hold.places.data = write_spots(
            [Spot(one.rack.rack_id, one.u_low, one.height) for one in proposal.places]
        )
        first = proposal.places[0].rack
        cards.append(
            Card(
                proposal=proposal,
                drawn=[_draw(place, answer) for place in proposal.places[:DRAWN]],
                form=hold,
                number=number,
                row_code=first.row_code,
                room_code=answer.judged.board.rooms[first.room_id].code,
            )
        )
    return cards


def _draw(place: Place, answer: Answer) -> Drawn:
    rack, when = place.rack, answer.when
    rows = 2 * rack.u_count
    held = rack.taken(when) & ~rack.taken(when, despite_holds=True)
    layers = (
        ("taken", rack.taken(when, despite_holds=True)),
        ("held", held),
        ("barred", rack.barred),
    )
    boxes = [
        Box(kind, rows - low - height, height)
        for kind, mask in layers
        for low, height in iterate_stretches(mask)
    ]
    boxes.append(Box("place", rows - place.u_low - place.height, place.height))
    return Drawn(place, rows, boxes)


def _groups(answer: Answer, reason: str) -> list[RefusedGroup]:
    return [one for one in answer.groups if not reason or one.reason == reason]


def _gain_words(gain: Gain) -> str:
    """The one wish that would be loosened, from what to what."""
    name = CHANGES[gain.change]
    return f"{name}{_(': ')}{_value(gain, gain.before)} → {_value(gain, gain.after)}"


def _value(gain: Gain, value: Any) -> str:
    if gain.change == "watts":
        return f"{value / 1000:g} kW"
    if gain.change in {"room_id", "cage_id", "near_customer_id"}:
        return str(_("required") if value is not None else _("any"))
    words: dict[Any, Any] = {**RELATIONS, **FEEDS, "": _("any")}
    unit = {"units": "U", "weight_kg": " kg"}.get(gain.change, "")
    return f"{words.get(value, value)}{unit}"
