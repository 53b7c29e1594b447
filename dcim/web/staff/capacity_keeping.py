"""What is kept of a search for space: the wish under a name, the answer as a sheet."""

from collections.abc import Iterator

import numpy as np
from flask import Response, flash, redirect, request, send_file, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as BaseResponse

from dcim.capacity.facts import RackFacts
from dcim.capacity.search import Answer, search_capacity
from dcim.columns import utc_now
from dcim.errors import InvalidError, JifangError
from dcim.http.database import current_scope, db_session
from dcim.http.problems import say
from dcim.i18n import format_local
from dcim.i18n import gettext as _
from dcim.inventory.numbering import first_unit
from dcim.records.sheets import Cell, write_csv
from dcim.records.views import delete_view, save_view
from dcim.web.local_times import local_zone
from dcim.web.staff.blueprint import staff
from dcim.web.staff.capacity_wish import read_wish
from dcim.web.staff.capacity_words import FACE, REASONS, tell_detail

# Every rack there may be: the sheet leaves none out.
EVERY = 10**6


@staff.post("/capacity/views")
def keep_search() -> BaseResponse:
    """Keep the wish of this page under a name, or forget one."""
    session = db_session()
    query = request.form.get("query", "").replace("\0", "")[:4000].removeprefix("?")
    try:
        if request.form.get("deed") == "forget":
            number = request.form.get("view", "")
            known = number.isascii() and number.isdigit() and len(number) < 19
            delete_view(session, current_user.id, int(number) if known else 0)
            flash(_("The favourite is deleted."), "success")
        else:
            shared = "shared" in request.form
            name = request.form.get("name", "")
            made = save_view(session, current_user.id, FACE, name, query, shared=shared)
            flash(_("The favourite “%(name)s” is saved.", name=made.name), "success")
    except JifangError as error:
        session.rollback()
        flash(say(error), "error")
    target = url_for("staff.capacity")
    return redirect(f"{target}?{query}" if query else target, code=303)


@staff.get("/capacity/answer.csv")
def capacity_csv() -> Response:
    """Every rack looked at: proposed, fitting, or refused with all that speaks against it."""
    session, scope = db_session(), current_scope()
    form = read_wish(session, scope)
    if form.errors:
        raise InvalidError("The wish can't be understood. Search again.")
    zone = local_zone()
    answer = search_capacity(session, scope, form.wish, zone=zone, shown=EVERY)
    sheet: Response = send_file(
        write_csv(_make_rows(answer)),
        mimetype="text/csv; charset=utf-8",
        as_attachment=True,
        download_name=f"capacity-{format_local(utc_now(), 'yyyyMMdd-HHmm')}.csv",
        max_age=0,
    )
    return sheet


def _make_rows(answer: Answer) -> Iterator[list[Cell]]:
    yield [
        _("Answer"), _("Proposal"), _("Points"), _("Site"), _("Room"), _("Cabinet row"),
        _("Cabinet"), _("Rack"), _("Lowest U"), _("Height (U)"), _("Power left (kW)"),
        _("Left in one piece (U)"), _("Weight left (kg)"), _("Reason"), _("Why not"),
    ]  # fmt: skip
    proposed: set[int] = set()
    for number, one in enumerate(answer.proposals, 1):
        for place in one.places:
            proposed.add(place.rack.rack_id)
            left = min((load.left_w for load in place.loads), default=None)
            yield [
                _("Proposed"), number, one.points, *_where(answer, place.rack),
                first_unit(place.rack, place.u_low, place.height), f"{place.height / 2:g}",
                None if left is None else f"{left / 1000:.1f}",
                place.leftover_u, place.weight_left_g // 1000, None, None,
            ]  # fmt: skip
    racks = answer.judged.board.racks
    for at in np.flatnonzero(answer.judged.fits).tolist():
        if racks[at].rack_id not in proposed:
            yield [_("Fits"), None, None, *_where(answer, racks[at]), *[None] * 7]
    for group in answer.groups:
        for refusal in group.refusals:
            told = "; ".join(tell_detail(one) for one in refusal.details)
            yield [
                _("Refused"), None, None, *_where(answer, refusal.rack), *[None] * 5,
                str(REASONS[group.reason]), told,
            ]  # fmt: skip


def _where(answer: Answer, rack: RackFacts) -> list[Cell]:
    room = answer.judged.board.rooms[rack.room_id]
    return [room.site_code, room.code, rack.row_code, rack.cabinet_code, rack.code]
