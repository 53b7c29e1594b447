"""The cabinet: drawn front and rear, four kinds of kW, what survives the loss of a feed."""

import datetime as dt
from dataclasses import replace
from zoneinfo import ZoneInfo

from flask import render_template, request, url_for

from dcim.columns import utc_now
from dcim.http.database import current_scope, db_session
from dcim.i18n import gettext as _
from dcim.i18n import pick_text
from dcim.inventory.drawing.elevation import lay_out
from dcim.inventory.drawing.elevation_parts import Elevation
from dcim.inventory.walks.walking import find_last_walks
from dcim.web.local_times import local_zone
from dcim.web.staff.blueprint import staff
from dcim.web.staff.cabinet_drawing import draw_cabinet
from dcim.web.staff.cabinet_reading import read_cabinet
from dcim.web.staff.overlays import choose_layer, make_legend, name_layers


@staff.get("/cabinets/<int:cabinet_id>")
def cabinet(cabinet_id: int) -> str:
    now = utc_now()
    zone = local_zone()
    found = read_cabinet(db_session(), current_scope(), cabinet_id, now, month_start(now, zone))
    layer = choose_layer(request.args.get("layer"))
    elevation = unmark_dividers(lay_out(*draw_cabinet(found, layer)))
    room = found.cabinet.row.room
    return render_template(
        "staff/cabinet.html",
        view=found,
        cabinet=found.cabinet,
        elevation=elevation,
        layer=layer,
        layers=name_layers(url_for("staff.cabinet", cabinet_id=cabinet_id), layer),
        keys=make_legend(layer, [elevation]),
        last_walk=find_last_walks(db_session(), current_scope(), [cabinet_id]).get(cabinet_id),
        now=now,
        crumbs=[
            (_("Overview"), url_for("staff.home")),
            (room.site.code, url_for("staff.home")),
            (pick_text(room.name, room.name_en), url_for("staff.room", room_id=room.id)),
            (
                _("Row %(code)s", code=found.cabinet.row.code),
                url_for("staff.row", row_id=found.cabinet.row_id),
            ),
            (found.cabinet.code, ""),
        ],
    )


def unmark_dividers(drawing: Elevation) -> Elevation:
    """A divider between two doors is no U of either."""
    if not drawing.sections:
        return drawing
    inside = {top for span in drawing.sections for top in range(span.top, span.top + span.height)}
    return replace(drawing, units=tuple(mark for mark in drawing.units if mark.top in inside))


def month_start(now: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    local = now.astimezone(zone)
    return dt.datetime(local.year, local.month, 1, tzinfo=zone).astimezone(dt.UTC)
