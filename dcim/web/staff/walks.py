"""The audit walk on a phone: a checklist per cabinet, each tap kept, certified at the end."""

from collections.abc import Sequence

from flask import Response, flash, make_response, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import contains_eager, selectinload
from werkzeug.wrappers import Response as BaseResponse

from dcim.columns import utc_now
from dcim.errors import ConflictError, InvalidError, NotFoundError
from dcim.http.database import current_scope, db_session
from dcim.i18n import gettext as _
from dcim.i18n import pick_text
from dcim.inventory.models import Cabinet, Device, Rack, Room, Row
from dcim.inventory.numbering import first_unit, name_stretch, name_units, turn_place
from dcim.inventory.walks.checklist import Finding, Standing
from dcim.inventory.walks.models import CabinetWalk
from dcim.inventory.walks.walking import (
    drop_finding,
    find_last_walks,
    find_open_walk,
    find_walk,
    finish_walk,
    note_extra,
    note_line,
    read_finding,
    read_walk,
    start_walk,
)
from dcim.web.staff.answers import go_on
from dcim.web.staff.blueprint import staff


@staff.route("/cabinets/<int:cabinet_id>/audit", methods=["GET", "POST"])
def walk_cabinet(cabinet_id: int) -> str | BaseResponse:
    """The open walk's checklist; without one, what was certified last and the way to begin."""
    session, scope = db_session(), current_scope()
    if request.method == "POST":
        start_walk(session, scope, cabinet_id)
        return go_on(url_for("staff.walk_cabinet", cabinet_id=cabinet_id))
    cabinet = find_cabinet(cabinet_id)
    walk = find_open_walk(session, scope, cabinet_id)
    # Without a walk the list is drawn as it would begin.
    reading = read_walk(session, scope, walk or CabinetWalk(id=0, cabinet_id=cabinet_id))
    return render_template(
        "staff/walk.html",
        cabinet=cabinet,
        walk=walk,
        checklist=reading.checklist,
        last=find_last_walks(session, scope, [cabinet_id]).get(cabinet_id),
        crumbs=crumbs(cabinet),
        **words(cabinet.racks),
    )


@staff.post("/walks/<int:walk_id>/devices/<int:device_id>")
def walk_line(walk_id: int, device_id: int) -> Response | BaseResponse:
    session, scope = db_session(), current_scope()
    problem, status = "", 200
    try:
        note_line(
            session, scope, walk_id, device_id,
            verdict=request.form.get("verdict", ""), found=read_form("found"),
            note=read_form("note", 4000),
        )  # fmt: skip
    except InvalidError as error:
        problem, status = say(error), 422
        session.rollback()
    walk = find_walk(session, scope, walk_id)
    if not request.headers.get("HX-Request"):
        if problem:
            flash(problem, "error")
        target = url_for("staff.walk_cabinet", cabinet_id=walk.cabinet_id)
        return go_on(f"{target}#line-{device_id}")
    checklist = read_walk(session, scope, walk).checklist
    line = next((one for one in checklist.lines if one.standing.device_id == device_id), None)
    if line is None:
        raise NotFoundError("This device is no longer recorded in this cabinet.")
    page = render_template(
        "staff/walk_line.html",
        walk=walk,
        line=line,
        checklist=checklist,
        problem=problem,
        **words(find_cabinet(walk.cabinet_id).racks),
    )
    return make_response(page, status)


@staff.post("/walks/<int:walk_id>/extras")
def walk_extra(walk_id: int) -> BaseResponse:
    session, scope = db_session(), current_scope()
    walk = find_walk(session, scope, walk_id)
    cabinet_id = walk.cabinet_id
    u, units = read_half_units("u"), read_half_units("units")
    number = read_form("rack_id", 18)
    rack = session.get(Rack, int(number)) if number.isascii() and number.isdigit() else None
    if u is None or units is None or rack is None:
        flash(_("Whole and half U only: 1 or 1.5."), "error")
    else:
        try:
            note_extra(
                session, scope, walk_id, rack.id, u_low=turn_place(rack, u - 2, units),
                height=units,
                face=request.form.get("face", "full"), found=read_form("found"),
                note=read_form("note", 4000),
            )  # fmt: skip
        except InvalidError as error:
            session.rollback()
            flash(say(error), "error")
    return go_on(f"{url_for('staff.walk_cabinet', cabinet_id=cabinet_id)}#extras")


@staff.post("/walks/<int:walk_id>/findings/<int:finding_id>/drop")
def walk_drop(walk_id: int, finding_id: int) -> BaseResponse:
    session, scope = db_session(), current_scope()
    walk = find_walk(session, scope, walk_id)
    drop_finding(session, scope, walk_id, finding_id)
    return go_on(url_for("staff.walk_cabinet", cabinet_id=walk.cabinet_id))


@staff.get("/walks/<int:walk_id>")
def walk_summary(walk_id: int) -> str:
    """The differences with what to do about each; an open walk is certified from here."""
    session, scope = db_session(), current_scope()
    walk = find_walk(session, scope, walk_id)
    checklist = read_walk(session, scope, walk).checklist
    if walk.finished_at is None:
        differing = checklist.differing
        checked, agreeing = checklist.checked, checklist.agreeing
    else:
        # As it was certified, whatever has happened to the devices since.
        noted = [read_finding(one) for one in walk.findings]
        differing = [one for one in noted if one.differs]
        checked = sum(bool(one.subject) for one in noted)
        agreeing = sum(not one.differs for one in noted)
    cabinet = find_cabinet(walk.cabinet_id)
    return render_template(
        "staff/walk_summary.html",
        walk=walk,
        cabinet=cabinet,
        checklist=checklist,
        differing=differing,
        checked=checked,
        agreeing=agreeing,
        actions=suggest_actions(cabinet, differing),
        crumbs=crumbs(cabinet),
        **words(cabinet.racks),
    )


@staff.post("/walks/<int:walk_id>/certify")
def walk_certify(walk_id: int) -> BaseResponse:
    session, scope = db_session(), current_scope()
    cabinet_id = find_walk(session, scope, walk_id).cabinet_id
    try:
        done = finish_walk(session, scope, walk_id, note=read_form("note", 4000))
    except ConflictError as error:
        session.rollback()
        flash(say(error), "error")
        return go_on(url_for("staff.walk_cabinet", cabinet_id=cabinet_id))
    count = len(done.checklist.differing)
    flash(
        _("Certified with %(count)s differences.", count=count)
        if count
        else _("Certified: everything stands as recorded."),
        "success",
    )
    return go_on(url_for("staff.walk_summary", walk_id=walk_id))


@staff.get("/walks")
def walks() -> str:
    """Every cabinet by the age of its last audit: never looked at first, then the oldest."""
    session, scope = db_session(), current_scope()
    rows = session.execute(
        select(Cabinet.id, Cabinet.code, Row.code, Room.name, Room.name_en, Room.id)
        .join(Row, Row.id == Cabinet.row_id)
        .join(Room, Room.id == Row.room_id)
        .order_by(Room.code, Row.position, Cabinet.position)
    ).all()
    last = find_last_walks(session, scope)
    ordered = sorted(
        rows,
        key=lambda row: (
            (one := last.get(row[0])) is not None and one.finished_at is not None,
            one.finished_at.timestamp() if one and one.finished_at else 0.0,
        ),
    )
    return render_template(
        "staff/walks.html",
        rows=[(row, last.get(row[0])) for row in ordered],
        now=utc_now(),
        crumbs=[(_("Overview"), url_for("staff.home")), (_("Audits by age"), "")],
    )


def suggest_actions(cabinet: Cabinet, differing: list[Finding]) -> dict[int, list[tuple[str, str]]]:
    """(label, URL) by finding: what would bring the books and the room together again."""
    ids = [int(one.subject.split("/")[1]) for one in differing if one.subject]
    session = db_session()
    known = {
        device.id: device
        for device in session.scalars(
            select(Device).options(selectinload(Device.installation)).where(Device.id.in_(ids))
        )
    }
    found: dict[int, list[tuple[str, str]]] = {}
    for one in differing:
        own: list[tuple[str, str]] = []
        device = known.get(int(one.subject.split("/")[1])) if one.subject else None
        if device is not None:
            if device.installation is None:
                own.append((_("It is out of the rack now"), device_url(device.id)))
            else:
                own.append((_("Take it out of the books"), device_url(device.id)))
                own.append((_("It stands elsewhere: move it"), move_url(device.id)))
        if one.verdict in ("extra", "other"):
            target = url_for("staff.install", cabinet_id=cabinet.id)
            own.append((_("Install what is known"), target + _spot_of(cabinet, one)))
            own.append((_("Register a new device"), url_for("staff.add_device")))
        found[one.id] = own
    return found


def _spot_of(cabinet: Cabinet, one: Finding) -> str:
    """The query of the form to install: the rack, and the unit as printed."""
    rack = next((rack for rack in cabinet.racks if rack.id == one.rack_id), None)
    if rack is None or one.u_low is None:
        return ""
    return f"?rack={rack.id}&u={first_unit(rack, one.u_low, one.height).removesuffix('.5')}"


def device_url(device_id: int) -> str:
    return url_for("staff.device", device_id=device_id)


def move_url(device_id: int) -> str:
    return url_for("staff.move", device_id=device_id)


def find_cabinet(cabinet_id: int) -> Cabinet:
    found = db_session().scalar(
        select(Cabinet)
        .join(Cabinet.row)
        .join(Row.room)
        .join(Room.site)
        .options(
            contains_eager(Cabinet.row).contains_eager(Row.room).contains_eager(Room.site),
            selectinload(Cabinet.racks),
        )
        .where(Cabinet.id == cabinet_id)
    )
    if found is None:
        raise NotFoundError("No such cabinet.")
    return found


def crumbs(cabinet: Cabinet) -> list[tuple[str, str]]:
    room = cabinet.row.room
    return [
        (_("Overview"), url_for("staff.home")),
        (pick_text(room.name, room.name_en), url_for("staff.room", room_id=room.id)),
        (cabinet.code, url_for("staff.cabinet", cabinet_id=cabinet.id)),
        (_("Audit"), ""),
    ]


def words(racks: Sequence[Rack]) -> dict[str, object]:
    by_id = {rack.id: rack for rack in racks}

    def place_text(one: Standing | Finding) -> str:
        """As printed on the rack; of one that is gone since, as counted from the bottom."""
        if one.u_low is None:
            return str(_("Side rail"))
        rack = by_id.get(one.rack_id or 0)
        if rack is None:
            return name_stretch(one.u_low, one.height)
        return name_units(rack, one.u_low, one.height)

    return {
        "faces": {"front": _("Front"), "rear": _("Rear"), "full": _("Front and rear")},
        "verdicts": {
            "as_recorded": _("As recorded"),
            "absent": _("Not there"),
            "other": _("Something else there"),
            "extra": _("Not recorded"),
        },
        "place_text": place_text,
    }


def read_form(name: str, longest: int = 255) -> str:
    return request.form.get(name, "").replace("\0", "").strip()[:longest]


def read_half_units(name: str) -> int | None:
    """Half units of a number of U as typed; none for what isn't a whole or half U."""
    text = read_form(name, 8).upper().removeprefix("U").removesuffix("U").strip()
    try:
        halves = float(text) * 2
    except ValueError:
        return None
    return int(halves) if halves.is_integer() and abs(halves) < 1000 else None


def say(error: InvalidError | ConflictError) -> str:
    return str(_(error.message) % error.places if error.places else _(error.message))
