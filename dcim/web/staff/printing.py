"""Elevations on paper: one cabinet a page with room for notes, or four side by side."""

from flask import Response, request
from sqlalchemy import select

from dcim.errors import InvalidError, NotFoundError
from dcim.http.database import current_scope, db_session
from dcim.inventory.drawing.paper import hatch_path
from dcim.inventory.models import Cabinet, Row
from dcim.web.staff.arguments import read_int
from dcim.web.staff.blueprint import staff
from dcim.web.staff.paper import answer_sheet, read_ids
from dcim.web.staff.rows import draw_several, load_cabinets
from reports.svg import clipped, text_width

# A long row; laying out more than this as a PDF would keep the reader waiting.
MOST = 24


@staff.get("/print/cabinets")
def print_cabinets() -> Response:
    """`?cabinet=` several times, or `?row=`; `per` is 1 or 4 cabinets a page."""
    ids = read_ids("cabinet", MOST)
    row_id = read_int("row")
    if row_id is not None:
        ids = list(
            db_session().scalars(
                select(Cabinet.id)
                .join(Row, Row.id == Cabinet.row_id)
                .where(Row.id == row_id)
                .order_by(Cabinet.position)
                .limit(MOST)
            )
        )
    if not ids:
        if row_id is not None:
            raise NotFoundError("No cabinet stands in this row.")
        raise InvalidError("Choose at least one cabinet.", {"cabinet": ["required"]})
    drawn = draw_several(current_scope(), load_cabinets(ids), "customer")
    if not drawn:
        raise NotFoundError("No such cabinet.")
    per = 4 if request.args.get("per") == "4" else 1
    pages = [drawn[at : at + per] for at in range(0, len(drawn), per)]
    name = drawn[0].cabinet.code if len(drawn) == 1 else f"row-{drawn[0].cabinet.row.code}"
    safe = "".join(sign if sign.isascii() and sign.isalnum() else "-" for sign in name)
    return answer_sheet(
        "print/cabinets.html", f"elevation-{safe}.pdf", pages=pages, per=per,
        hatch=hatch_path, clip=clipped, measure=text_width,
    )  # fmt: skip
