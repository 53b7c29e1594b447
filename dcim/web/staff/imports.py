"""Importing sheets: send a file, see everything that is wrong or what would happen, write it."""

import csv
import io
from collections.abc import Callable, Sequence
from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from werkzeug.wrappers import Response as BaseResponse

from dcim.accounts.roles import Right
from dcim.errors import ConflictError, ForbiddenError, JifangError, NotFoundError
from dcim.http.bodies import takes_files_of
from dcim.http.database import current_scope, db_session
from dcim.http.policy import Access, has_right, needs
from dcim.http.problems import say
from dcim.i18n import gettext as _
from dcim.jobs import CARE, defer
from dcim.kinds import BY_NAME, KINDS
from dcim.records.fields import ChoiceType, Field, FieldValueError, ReferenceType
from dcim.records.imports import (
    AT_ONCE,
    check_import,
    find_import,
    list_imports,
    open_import,
    read_error,
    write_import,
)
from dcim.records.kinds import Kind
from dcim.records.models import ImportRun
from dcim.records.sheet_reading import MOST_BYTES
from dcim.web.staff.arguments import read_listing
from dcim.web.staff.blueprint import staff
from dcim.web.traffic_csv import safe_name

SHOWN = 1000
# How a run's state looks, and what it is called.
STATES = {
    "checking": ("unknown", _l("Being checked")),
    "refused": ("down", _l("Refused")),
    "ready": ("ok", _l("Ready to be written")),
    "writing": ("unknown", _l("Being written")),
    "done": ("ok", _l("Written")),
    "failed": ("down", _l("Failed")),
}
ANY_CHANGE = needs(
    Right.CHANGE_SPACE,
    Right.CHANGE_DEVICES,
    Right.CHANGE_POWER,
    Right.CHANGE_NETWORK,
    Right.CHANGE_CUSTOMERS,
    Right.CHANGE_CONTRACTS,
)


def list_import_policy(kinds: Sequence[Kind]) -> dict[str, Access]:
    policy = dict.fromkeys(
        ("staff.imports", "staff.import_run", "staff.write_import_run", "staff.import_problems"),
        ANY_CHANGE,
    )
    for kind in kinds:
        if kind.importable:
            policy |= {
                f"staff.import_{kind.name}": needs(kind.change),
                f"staff.template_{kind.name}": needs(kind.change),
            }
    return policy


def add_import_routes(kind: Kind) -> None:
    """The kind's upload page and its template, each an address of its own."""
    base = f"/{kind.plural}/import"
    staff.add_url_rule(base, f"import_{kind.name}", _upload_view(kind), methods=["GET", "POST"])
    staff.add_url_rule(
        f"{base}/template.csv", f"template_{kind.name}", _template_view(kind), methods=["GET"]
    )


def _upload_view(kind: Kind) -> Callable[[], str | Response | BaseResponse]:
    @takes_files_of(MOST_BYTES)
    def upload() -> str | Response | BaseResponse:
        if request.method == "GET":
            return _show_upload(kind, None)
        sent = request.files.get("file")
        existing = request.form.get("existing", "update")
        if sent is None or not sent.filename:
            problem = say(FieldValueError("Choose a file."))
            return Response(_show_upload(kind, problem, existing), 422)
        session, scope = db_session(), current_scope()
        try:
            run = open_import(
                session,
                scope,
                kind,
                sent.filename,
                sent.read(),
                existing=existing,
                user_id=current_user.id,
            )
            if run.rows > AT_ONCE:
                defer(session, "import_sheet", queue=CARE, run_id=run.id)
            else:
                check_import(session, scope, kind, run)
        except JifangError as error:
            session.rollback()
            return Response(_show_upload(kind, say(error), existing), error.status)
        return redirect(url_for("staff.import_run", import_run_id=run.id), code=303)

    return upload


def _show_upload(kind: Kind, problem: str | None, existing: str = "update") -> str:
    return render_template(
        "staff/import_new.html",
        kind=kind,
        fields=[one for one in kind.fields if one.writable],
        problem=problem,
        existing=existing,
        example=example_of,
        crumbs=[(_(kind.label_plural), f"/staff/{kind.plural}"), (_("Import"), "")],
    )


def example_of(one: Field) -> str:
    """What a cell of this column may look like."""
    if isinstance(one.type, ReferenceType):
        names = [_(part) for part in _path_words(one.type.kind())]
        return "/".join(names)
    if isinstance(one.type, ChoiceType):
        return " | ".join(str(_(word)) for word in one.type.words.values())
    return {
        "integer": "1",
        "decimal": "100.00",
        "flag": str(_("yes")),
        "day": "2026-11-25",
        "instant": "2026-11-25T08:00:00+08:00",
        "half_units": "2",
        "rate": "10G",
        "network": "192.0.2.0/24",
    }.get(one.type.name, "")


def _path_words(kind: Kind) -> list[str]:
    words = []
    for name in kind.key:
        one = kind.field(name)
        if isinstance(one.type, ReferenceType):
            words += _path_words(one.type.kind())
        else:
            words.append(kind.label if one is kind.field(kind.key[-1]) else one.label)
    return words


def _template_view(kind: Kind) -> Callable[[], Response]:
    def template() -> Response:
        columns = [one for one in kind.fields if one.writable]
        lines = [[_(one.label) + ("*" if one.required else "") for one in columns]]
        return _answer_csv(lines, f"{kind.plural}-template")

    return template


def _answer_csv(lines: list[list[str]], name: str) -> Response:
    """With a byte order mark: without one, a Chinese Excel takes UTF-8 for GB18030."""
    out = io.StringIO()
    csv.writer(out).writerows(lines)
    return Response(
        "\ufeff" + out.getvalue(),
        mimetype="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{safe_name(name)}.csv"'},
    )


@staff.get("/imports")
def imports() -> str:
    listing = read_listing()
    names = [kind.name for kind in KINDS if has_right(kind.see)]
    found = list_imports(db_session(), current_scope(), names, listing.paging)
    return render_template(
        "staff/imports.html",
        found=found,
        listing=listing,
        kinds=BY_NAME,
        states=STATES,
        crumbs=[(_("Imports"), "")],
    )


@staff.get("/imports/<int:import_run_id>")
def import_run(import_run_id: int) -> str:
    """The check's outcome, or how far it is; while a worker is at it the page asks again."""
    run, kind = _find(import_run_id)
    part = bool(request.headers.get("HX-Request"))
    return render_template(
        "staff/import_run_part.html" if part else "staff/import_run.html",
        run=run,
        kind=kind,
        problems=_tell(kind, run.problems[:SHOWN]),
        shown=SHOWN,
        rows_wrong=len({one["row"] for one in run.problems}),
        states=STATES,
        may_write=has_right(kind.change),
        crumbs=[
            (_("Imports"), url_for("staff.imports")),
            (_(kind.label_plural), f"/staff/{kind.plural}"),
            (run.file_name, ""),
        ],
    )


@staff.post("/imports/<int:import_run_id>/write")
def write_import_run(import_run_id: int) -> BaseResponse:
    run, kind = _find(import_run_id)
    if not has_right(kind.change):
        raise ForbiddenError("This takes the right to change such records.")
    session, scope = db_session(), current_scope()
    session.refresh(run, with_for_update=True)
    if run.state != "ready":
        raise ConflictError("This import is not ready to be written.")
    if run.rows > AT_ONCE:
        run.state = "writing"
        defer(session, "import_sheet", queue=CARE, run_id=run.id)
    else:
        write_import(session, scope, kind, run)
        if run.state == "done":
            flash(_("All %(count)s rows are written.", count=run.rows), "success")
    return redirect(url_for("staff.import_run", import_run_id=run.id), code=303)


@staff.get("/imports/<int:import_run_id>/problems.csv")
def import_problems(import_run_id: int) -> Response:
    """Everything that is wrong, to work through beside the sheet."""
    run, kind = _find(import_run_id)
    lines = [[_("Row"), _("Column"), _("Value"), _("Problem")]]
    lines += [
        [str(row), column, _guard(value), problem]
        for row, column, value, problem in _tell(kind, run.problems)
    ]
    return _answer_csv(lines, f"{kind.plural}-problems-{run.id}")


def _guard(text: str) -> str:
    """A cell that a spreadsheet would run as a formula gets an apostrophe before it."""
    return f"'{text}" if text[:1] in set("=+-@\t\r") else text


def _find(run_id: int) -> tuple[ImportRun, Kind]:
    run = find_import(db_session(), current_scope(), run_id)
    kind = BY_NAME.get(run.kind)
    if kind is None or not has_right(kind.see):
        raise NotFoundError("There is no such import.")
    return run, kind


def _tell(kind: Kind, problems: Sequence[dict[str, Any]]) -> list[tuple[int, str, str, str]]:
    """(row, column, value, what is wrong) in the reader's language."""
    told = []
    for one in problems:
        column = one["column"]
        label = _(kind.field(column).label) if kind.has(column) else column
        told.append((one["row"], label, one["value"], say(read_error(one))))
    return told


for each in KINDS:
    if each.importable:
        add_import_routes(each)
