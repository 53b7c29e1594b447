"""Reading meters on a phone: rooms to walk, a room's sheet, and the second person's queue."""

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response, flash, make_response, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from dcim.columns import utc_now
from dcim.errors import InvalidError, JifangError, NotFoundError
from dcim.http.bodies import takes_files_of
from dcim.http.database import current_scope, db_session
from dcim.http.problems import say
from dcim.i18n import gettext as _
from dcim.i18n import pick_text
from dcim.inventory.models import Room
from dcim.meters.doubts import DoubtsError
from dcim.meters.entering import NewReading, Photo, decide_reading, enter_reading
from dcim.meters.queries import (
    MeterReadingRow,
    MeterRow,
    ReadingFilter,
    count_waiting,
    find_meter,
    find_reading,
    list_meter_rooms,
    list_readings,
    list_sheet,
)
from dcim.network.files import LARGEST, describe_download, read_file
from dcim.paging import Paging
from dcim.web.staff.answers import go_on
from dcim.web.staff.arguments import read_listing
from dcim.web.staff.blueprint import staff

# What a meter's page shows: eight years of months.
HISTORY = Paging(1, 100)


@staff.get("/meter-walks")
def meter_rooms() -> str:
    session, scope, now = db_session(), current_scope(), utc_now()
    return render_template(
        "staff/meter_rooms.html",
        rooms=list_meter_rooms(session, scope, now),
        waiting=count_waiting(session, scope),
        crumbs=[(_("Meter reading"), "")],
    )


@staff.get("/meter-walks/<int:room_id>")
def meter_sheet(room_id: int) -> str:
    """The room's meters in the order one comes past them; each is saved for itself."""
    return _show_sheet(room_id)


@staff.post("/meters/<int:meter_id>/readings")
@takes_files_of(LARGEST)
def read_meter(meter_id: int) -> Response | BaseResponse:
    """The line as it is now. What was refused leaves the line as it is and says why beside it."""
    session, scope = db_session(), current_scope()
    meter = find_meter(session, scope, meter_id)
    fragment = bool(request.headers.get("HX-Request"))
    try:
        enter_reading(session, scope, _read_form(meter))
    except JifangError as error:
        session.rollback()
        said, doubtful = say_refusal(error)
        context = {"meter": meter, "said": said, "doubtful": doubtful, "given": request.form}
        if fragment:
            return make_response(render_template("staff/meter_said.html", **context), error.status)
        return make_response(_show_sheet(meter.room_id, context), error.status)
    if not fragment:
        flash(_("%(meter)s is saved.", meter=meter.serial), "success")
        return go_on(f"{url_for('staff.meter_sheet', room_id=meter.room_id)}#meter-{meter_id}")
    lines = list_sheet(session, scope, meter.room_id)
    line = next((one for one in lines if one.id == meter_id), None)
    if line is None:
        raise NotFoundError("This meter was taken down in the meantime.")
    return make_response(
        render_template("staff/meter_line.html", line=line, **_describe_sheet(lines))
    )


@staff.get("/meters/<int:meter_id>")
def meter(meter_id: int) -> str:
    session, scope = db_session(), current_scope()
    one = find_meter(session, scope, meter_id)
    readings = list_readings(session, scope, ReadingFilter(meter_id=meter_id), HISTORY)
    return render_template(
        "staff/meter.html",
        meter=one,
        readings=readings,
        curve=draw_use(readings.items),
        crumbs=[
            (_("Meter reading"), url_for("staff.meter_rooms")),
            (one.room_code, url_for("staff.meter_sheet", room_id=one.room_id)),
            (one.serial, ""),
        ],
    )


@staff.get("/meter-readings/waiting")
def waiting_readings() -> str:
    """What a second person looks at: the number beside the photo, oldest first."""
    listing = read_listing(size=20)
    found = list_readings(
        db_session(),
        current_scope(),
        ReadingFilter(state="entered", oldest_first=True),
        listing.paging,
    )
    return render_template(
        "staff/meter_waiting.html",
        found=found,
        listing=listing,
        me=current_scope().actor.lower(),
        crumbs=[(_("Meter reading"), url_for("staff.meter_rooms")), (_("To confirm"), "")],
    )


@staff.post("/meter-readings/<int:meter_reading_id>/decision")
def decide_meter_reading(meter_reading_id: int) -> Response | BaseResponse:
    session, scope = db_session(), current_scope()
    reading = find_reading(session, scope, meter_reading_id)
    note = _read_text("note")
    try:
        decide_reading(session, scope, meter_reading_id, request.form.get("state", ""), note)
    except JifangError as error:
        session.rollback()
        if not request.headers.get("HX-Request"):
            flash(say(error), "error")
            return go_on(url_for("staff.waiting_readings"))
        page = render_template(
            "staff/meter_decision.html", one=reading, problem=say(error), note=note,
            me=scope.actor.lower(),
        )  # fmt: skip
        return make_response(page, error.status)
    if not request.headers.get("HX-Request"):
        return go_on(url_for("staff.waiting_readings"))
    page = render_template(
        "staff/meter_decision.html",
        one=find_reading(session, scope, meter_reading_id),
        me=scope.actor.lower(),
    )
    return make_response(page)


@staff.get("/meter-readings/<int:meter_reading_id>/photo")
def meter_photo(meter_reading_id: int) -> Response:
    return show_photo(find_reading(db_session(), current_scope(), meter_reading_id))


def show_photo(reading: MeterReadingRow) -> Response:
    """In place, as the picture that its first bytes say it is, and as nothing else."""
    if reading.photo_id is None:
        raise NotFoundError("No such file.")
    file = read_file(db_session(), current_scope(), reading.photo_id)
    response = Response(file.content, mimetype=file.media_type)
    response.headers.set("Content-Disposition", "inline", filename=file.name)
    for name, value in describe_download():
        response.headers.set(name, value)
    return response


def say_refusal(error: JifangError) -> tuple[list[str], bool]:
    """(sentences, whether a reason is enough to keep it all the same)."""
    if isinstance(error, DoubtsError):
        return [_(message) % places for message, places in error.said], True
    return [say(error)], False


def draw_use(readings: list[MeterReadingRow]) -> list[float | None]:
    """kWh between one reading and the next, oldest first; what doesn't stand is left out."""
    standing = [one for one in readings if one.state != "refused" and not one.corrected]
    return [
        None if one.used_kwh is None else float(one.used_kwh.replace(",", ""))
        for one in reversed(standing)
        if one.previous_at is not None
    ]


def read_local(text: str, zone: str) -> dt.datetime | None:
    """What a form says by the site's clocks; None for nothing. Raises InvalidError."""
    if not text:
        return None
    try:
        return dt.datetime.fromisoformat(text[:19]).replace(tzinfo=ZoneInfo(zone))
    except (ValueError, OverflowError) as error:
        raise InvalidError("Write a time as 2026-11-25 08:00.", {"read_at": ["no time"]}) from error


def read_photo(name: str) -> Photo | None:
    file = request.files.get(name)
    if file is None or not file.filename:
        return None
    return Photo(file.filename, file.read())


def _read_form(meter: MeterRow) -> NewReading:
    return NewReading(
        meter_id=meter.id,
        value=_read_text("value", 40),
        read_at=read_local(_read_text("read_at", 32), meter.site_timezone),
        rolled_over=request.form.get("rolled_over") == "yes",
        estimate_reason=_read_text("estimate_reason"),
        doubt_reason=_read_text("doubt_reason"),
        note=_read_text("note"),
        photo=read_photo("photo"),
    )


def _read_text(name: str, longest: int = 4000) -> str:
    return request.form.get(name, "").replace("\0", "").strip()[:longest]


def _show_sheet(room_id: int, refused: dict[str, Any] | None = None) -> str:
    session, scope = db_session(), current_scope()
    room = session.get(Room, room_id)
    if room is None:
        raise NotFoundError("No such room.")
    name = pick_text(room.name, room.name_en)
    return render_template(
        "staff/meter_sheet.html",
        room=room,
        room_name=name,
        refused=refused,
        crumbs=[(_("Meter reading"), url_for("staff.meter_rooms")), (name, "")],
        **_describe_sheet(list_sheet(session, scope, room_id)),
    )


def _describe_sheet(lines: list[MeterRow]) -> dict[str, Any]:
    now = utc_now()
    return {"lines": lines, "now": now, "done": sum(line.is_fresh(now) for line in lines)}
