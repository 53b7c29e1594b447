"""Device types from uploaded files: what each would do first, then the same written."""

from typing import Any

from flask import flash, render_template, request, url_for
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response as BaseResponse

from dcim.errors import InvalidError
from dcim.http.database import current_scope, db_session
from dcim.i18n import gettext as _
from dcim.inventory.devices.type_descriptions import CATEGORIES, Problem
from dcim.inventory.devices.type_files import ReadType, read_type_file
from dcim.inventory.devices.type_import import Outcome, import_types, load_catalogue
from dcim.inventory.devices.type_yaml import LARGEST
from dcim.records.fields import mark
from dcim.web.staff.answers import go_on
from dcim.web.staff.blueprint import staff
from dcim.web.staff.names import CATEGORY_NAMES

MOST_UPLOADS = 500
# All files of one upload together.
LARGEST_UPLOAD = 16_000_000
ENDINGS = (".yaml", ".yml")


@staff.get("/type-files")
def type_files() -> str:
    return _show([], dry_run=True)


@staff.post("/type-files")
def import_type_files() -> str | tuple[str, int]:
    """A dry run unless `write` was pressed. Refused files stay out, the others go in."""
    session, scope = db_session(), current_scope()
    dry_run = "write" not in request.form
    category = request.form.get("category", "")
    if category and category not in CATEGORIES:
        raise InvalidError("There is no such category.", {"category": ["unknown"]})
    existing = "skip" if request.form.get("existing") == "skip" else "update"
    uploads = [one for one in request.files.getlist("files") if one.filename]
    if not uploads:
        return _show([], dry_run=True, problem=_("Choose at least one file.")), 422
    if len(uploads) > MOST_UPLOADS:
        text = _("At most %(count)s files at once; the command line takes folders.",
                 count=MOST_UPLOADS)  # fmt: skip
        return _show([], dry_run=True, problem=text), 422
    reads: list[ReadType] = []
    left = LARGEST_UPLOAD
    for one in uploads:
        found, size = _read(one, category, left)
        left -= size
        reads += found
    outcomes = import_types(
        session, scope, reads, existing="skip" if existing == "skip" else "update", dry_run=dry_run
    )
    return _show(outcomes, dry_run=dry_run)


def _read(one: FileStorage, category: str, left: int) -> tuple[list[ReadType], int]:
    """One file read, and its size; nothing is read past what may be."""
    name = (one.filename or "").rsplit("/", 1)[-1].rsplit("\\", 1)[-1][:255]
    if not name.lower().endswith(ENDINGS):
        refusal = Problem("file", mark("Only .yaml and .yml files; unpack archives first."))
        return [ReadType(name, None, (refusal,))], 0
    content = one.stream.read(min(LARGEST, max(left, 0)) + 1)
    if len(content) > left:
        refusal = Problem("file", mark("The files are too large together."))
        return [ReadType(name, None, (refusal,))], len(content)
    return read_type_file(name, content, category=category), len(content)


@staff.post("/type-files/catalogue")
def load_type_catalogue() -> BaseResponse:
    outcomes = load_catalogue(db_session(), current_scope())
    written = sum(one.action in {"create", "update"} for one in outcomes)
    flash(
        _("%(count)s of %(total)s types of the catalogue were written.",
          count=written, total=len(outcomes)),
        "success",
    )  # fmt: skip
    return go_on(url_for("staff.type_files"))


def say_problem(one: Problem) -> str:
    """A problem or remark in the reader's language, with where it is."""
    words = _(one.message) % one.places if one.places else _(one.message)
    if one.line:
        return str(
            _("Line %(line)s, %(place)s: %(why)s", line=one.line, place=one.place, why=words)
        )
    return str(_("%(place)s: %(why)s", place=one.place, why=words))


def _show(outcomes: list[Outcome], *, dry_run: bool, problem: str = "") -> str:
    counts: dict[str, Any] = {}
    for one in outcomes:
        counts[one.action] = counts.get(one.action, 0) + 1
    return render_template(
        "staff/type_files.html",
        outcomes=sorted(outcomes, key=lambda one: one.action != "refuse"),
        counts=counts,
        dry_run=dry_run,
        problem=problem,
        categories=CATEGORIES,
        categories_named=CATEGORY_NAMES,
        say_problem=say_problem,
        crumbs=[(_("Devices"), url_for("staff.list_device")), (_("Device types from files"), "")],
    )
