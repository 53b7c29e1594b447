"""Labels with QR codes for cabinets, racks and devices: chosen in a list, printed on a sheet."""

from dataclasses import dataclass
from typing import Any, cast

from flask import Response, current_app, redirect, render_template, request, url_for
from markupsafe import Markup
from sqlalchemy import Select, select
from werkzeug.wrappers import Response as BaseResponse

from dcim.accounts.roles import Right
from dcim.errors import InvalidError, NotFoundError
from dcim.http.database import current_scope, db_session
from dcim.http.policy import has_right
from dcim.i18n import gettext as _
from dcim.i18n import pick_text
from dcim.inventory.drawing.paper import SHEETS, share_out
from dcim.inventory.models import Cabinet, Device, DeviceType, Installation, Rack, Room, Row, Site
from dcim.records.kinds import Kind
from dcim.records.listing import Wish, conditions_of, select_records
from dcim.web.staff.arguments import read_int
from dcim.web.staff.blueprint import staff
from dcim.web.staff.paper import answer_sheet, read_ids
from reports.drawings import draw_code

KINDS = ("cabinet", "rack", "device")
# Ten sheets of A4; who needs more prints a room at a time.
MOST = 240


@dataclass(frozen=True, slots=True)
class Label:
    """What is printed: the code to read from afar, then what it is and where it belongs."""

    id: int
    code: str
    name: str
    place: str
    address: str = ""

    def draw(self) -> Markup:
        return draw_code(self.address, self.code)


@staff.get("/labels")
def labels() -> str:
    """The things of a room (or one row of it) to choose from."""
    session = db_session()
    kind = choose_kind()
    rooms = session.execute(
        select(Room.id, Site.code, Room.name, Room.name_en)
        .join(Site, Site.id == Room.site_id)
        .order_by(Site.code, Room.code)
    ).all()
    room_id = read_int("room") or (rooms[0][0] if rooms else 0)
    row_id = read_int("row")
    statement = select_things(kind).where(Room.id == room_id)
    if row_id is not None:
        statement = statement.where(Row.id == row_id)
    # One more than can be printed tells that there are more.
    found = [read_label(kind, row) for row in session.execute(statement.limit(MOST + 1)).all()]
    return render_template(
        "staff/labels.html",
        kind=kind,
        rooms=[(one, f"{site} · {pick_text(zh, en)}") for one, site, zh, en in rooms],
        rows=session.execute(
            select(Row.id, Row.code).where(Row.room_id == room_id).order_by(Row.position)
        ).all(),
        room_id=room_id,
        row_id=row_id,
        found=found[:MOST],
        is_cut=len(found) > MOST,
        most=MOST,
        crumbs=[(_("Overview"), url_for("staff.home")), (_("Labels"), "")],
    )


@staff.get("/labels/sheet")
def label_sheet() -> Response:
    kind = choose_kind()
    ids = read_ids("id", MOST)
    if not ids:
        raise InvalidError("Choose at least one thing to label.", {"id": ["required"]})
    rows = db_session().execute(select_things(kind, ids=ids)).all()
    found = [read_label(kind, row) for row in rows]
    if not found:
        raise NotFoundError("None of these exists any more.")
    sheet = SHEETS.get(request.args.get("size", "a4"), SHEETS["a4"])
    skipped = read_int("skip") or 0
    pages = share_out(found, sheet, skipped)
    return answer_sheet(
        "print/labels.html",
        f"labels-{kind}-{sheet.name}.pdf",
        pages=[
            [page[at : at + sheet.columns] for at in range(0, len(page), sheet.columns)]
            for page in pages
        ],
        sheet=sheet,
    )


def select_things(kind: str, ids: list[int] | None = None) -> Select[tuple[object, ...]]:
    """(id, code, second line, site, room, room in English, row, cabinet)."""
    place = (Site.code, Room.name, Room.name_en, Row.code, Cabinet.code)
    order = (Site.code, Room.code, Row.position, Cabinet.position)
    chosen = ids is not None
    if kind == "device":
        statement = (
            select(Device.id, Device.name, Device.serial, *place, DeviceType.model)
            .join(DeviceType, DeviceType.id == Device.device_type_id)
            # One that is chosen by itself gets its label before it stands anywhere.
            .join(Installation, Installation.device_id == Device.id, isouter=chosen)
            .join(Rack, Rack.id == Installation.rack_id, isouter=chosen)
            .join(Cabinet, Cabinet.id == Rack.cabinet_id, isouter=chosen)
        )
        key, order = Device.id, (*order, Device.name)  # type: ignore[assignment]
    elif kind == "rack":
        statement = select(Rack.id, Rack.code, Cabinet.code, *place, Cabinet.layout).join(
            Cabinet, Cabinet.id == Rack.cabinet_id
        )
        key, order = Rack.id, (*order, Rack.position)  # type: ignore[assignment]
    else:
        statement = select(Cabinet.id, Cabinet.code, Cabinet.asset_tag, *place, Cabinet.layout)
        key = Cabinet.id
    statement = (
        statement.join(Row, Row.id == Cabinet.row_id, isouter=chosen)
        .join(Room, Room.id == Row.room_id, isouter=chosen)
        .join(Site, Site.id == Room.site_id, isouter=chosen)
        .order_by(*order)
    )
    return statement if ids is None else statement.where(key.in_(ids))  # type: ignore[return-value]


def read_label(kind: str, row: tuple[object, ...]) -> Label:
    number, code, second, site, room, room_en, row_code, cabinet, more = row
    places = [site, pick_text(room, str(room_en or "")), _("Row %(code)s", code=row_code), cabinet]
    places = places[:3] if kind == "cabinet" else places
    name = " · ".join(str(part) for part in ((second, more) if kind == "device" else ()) if part)
    base = current_app.config["JIFANG"].base_url
    return Label(
        id=int(str(number)),
        code=str(code),
        name=name or {"cabinet": _("Cabinet"), "rack": _("Rack"), "device": _("Device")}[kind],
        place=" · ".join(str(one) for one in places) if site else "",
        address=f"{base}/o/{kind}/{number}",
    )


def can_be_labelled(kind: Kind) -> bool:
    return kind.name in KINDS and has_right(Right.SEE_SPACE)


def print_labels(kind: Kind, wish: Wish, ids: list[int] | None) -> BaseResponse:
    """Labels for the rows chosen in a list; `ids` None is all that fit `wish`."""
    if kind.name not in KINDS:
        raise InvalidError("There are no labels for records of this kind.")
    if ids is None:
        session, model = db_session(), cast(Any, kind.model)
        statement = select_records(kind, current_scope(), []).where(*conditions_of(kind, wish))
        ids = list(session.scalars(statement.with_only_columns(model.id).limit(MOST + 1)))
    if len(ids) > MOST:
        raise InvalidError("At most %(count)s labels at once.", count=MOST)
    return redirect(url_for("staff.label_sheet", kind=kind.name, id=ids), code=303)


def choose_kind() -> str:
    kind = request.args.get("kind", KINDS[0])
    return kind if kind in KINDS else KINDS[0]
