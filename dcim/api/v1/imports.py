"""Imports of sheets: checked whole and written whole, at once or, when large, by a worker."""

from typing import Any

from flask import Response, g, url_for
from flask_login import current_user
from marshmallow import Schema, fields

from dcim.api.fields import Flag, Instant, Text, choice
from dcim.api.spec import Resource
from dcim.api.v1.cross_connects import decode_base64
from dcim.errors import ForbiddenError, NotFoundError
from dcim.http.database import current_scope, db_session
from dcim.http.problems import say
from dcim.i18n import gettext as _
from dcim.jobs import CARE, defer
from dcim.kinds import BY_NAME, BY_PLURAL
from dcim.records.fields import ChoiceType
from dcim.records.import_plan import SKIP, UPDATE
from dcim.records.imports import (
    AT_ONCE,
    check_import,
    find_import,
    open_import,
    read_error,
    write_import,
)
from dcim.records.kinds import Kind
from dcim.records.models import ImportRun
from dcim.records.sheet_reading import MOST_BYTES
from dcim.records.sheets import column_names, write_csv, write_template

imports = Resource("imports", "Imports of sheets")
PLURALS = tuple(kind.plural for kind in BY_NAME.values() if kind.importable)
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class NewImport(Schema):
    """A CSV or XLSX file, whose first line names the columns by field names or labels."""

    kind = choice(
        PLURALS, required=True,
        metadata={"description": "As in addresses and in `dcim import`: devices, device-types."},
    )  # fmt: skip
    file_name = Text(load_default="import.csv")
    content = fields.String(required=True, metadata={"description": "Base64.", "format": "byte"})
    existing = choice(
        (UPDATE, SKIP), load_default=UPDATE,
        metadata={"description": "What happens to rows whose record exists already."},
    )  # fmt: skip
    dry_run = Flag(
        load_default=False, metadata={"description": "Say what would happen; write nothing."}
    )


class ImportProblem(Schema):
    row = fields.Integer(required=True, metadata={"description": "The header is row 1."})
    column = fields.String(required=True, metadata={"description": "Empty for a whole row."})
    value = fields.String(required=True)
    message = fields.String(required=True)


class ImportAnswer(Schema):
    """`state`: checking, refused (nothing is written), ready (a dry run that would be written),
    writing, done, failed."""

    id = fields.Integer(required=True)
    kind = fields.String(required=True)
    file_name = fields.String(required=True)
    existing = fields.String(required=True)
    state = fields.String(required=True)
    actor = fields.String(required=True)
    rows = fields.Integer(required=True)
    done = fields.Integer(required=True, metadata={"description": "Rows written so far."})
    created = fields.Integer(required=True)
    updated = fields.Integer(required=True)
    skipped = fields.Integer(required=True)
    problems = fields.List(fields.Nested(ImportProblem), required=True)
    created_at = Instant(required=True)
    finished_at = Instant(required=True, allow_none=True)


class TemplateQuery(Schema):
    format = choice(("csv", "xlsx"), load_default="csv")


@imports.post("")
@imports.arguments(NewImport)
@imports.response(201, ImportAnswer)
@imports.alt_response(202, schema=ImportAnswer, description="A worker is at it: ask again.")
def create_import(body: dict[str, Any]) -> Any:
    """Bring a sheet in: all rows, or none; with `dry_run` only say what would happen.

    Everything that is wrong is in one answer, whose `state` is then "refused". More than 500 rows
    are a worker's: the answer is 202 with the address to ask.
    """
    kind = BY_PLURAL[body["kind"]]
    if kind.change not in g.rights:
        raise ForbiddenError("This takes the right to change such records.")
    session, scope = db_session(), current_scope()
    run = open_import(
        session,
        scope,
        kind,
        body["file_name"],
        decode_base64(body["content"], MOST_BYTES),
        existing=body["existing"],
        user_id=current_user.id,
    )
    headers = {"Location": url_for("api_imports.show_import", import_run_id=run.id)}
    if run.rows > AT_ONCE:
        write = not body["dry_run"]
        defer(session, "import_sheet", queue=CARE, run_id=run.id, write=write)
        return _answer(kind, run), 202, headers
    check_import(session, scope, kind, run)
    if run.state == "ready" and not body["dry_run"]:
        write_import(session, scope, kind, run)
    return _answer(kind, run), headers


@imports.get("/<int:import_run_id>")
@imports.response(200, ImportAnswer)
def show_import(import_run_id: int) -> Any:
    """Show how far an import is, and everything that is wrong with it."""
    run = find_import(db_session(), current_scope(), import_run_id)
    kind = BY_NAME.get(run.kind)
    if kind is None or kind.see not in g.rights:
        raise NotFoundError("There is no such import.")
    return _answer(kind, run)


@imports.get("/templates/<plural>")
@imports.arguments(TemplateQuery, location="query")
@imports.response(
    200, {"type": "string", "format": "binary"}, content_type="text/csv",
    description="CSV with the columns' names, or a workbook with their labels and choices.",
)  # fmt: skip
def show_template(query: dict[str, Any], plural: str) -> Response:
    """Download a sheet to fill in; it holds no records, only what the API's description tells."""
    kind = BY_PLURAL.get(plural)
    if kind is None or not kind.importable:
        raise NotFoundError("There is no kind of this name to import.")
    if query["format"] == "csv":
        file, media_type = write_csv([column_names(kind)]), "text/csv"
    else:
        choices = [one.type for one in kind.fields if isinstance(one.type, ChoiceType)]
        words = {word: _(word) for each in choices for word in each.words.values()}
        labels = {one.name: _(one.label) for one in kind.fields}
        file, media_type = write_template(kind, labels, words), XLSX
    with file:
        response = Response(file.read(), mimetype=media_type)
    name = f"{kind.plural}-template.{query['format']}"
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


def _answer(kind: Kind, run: ImportRun) -> dict[str, Any]:
    return {
        "id": run.id,
        "kind": kind.plural,
        "file_name": run.file_name,
        "existing": run.existing,
        "state": run.state,
        "actor": run.actor,
        "rows": run.rows,
        "done": run.done,
        "created": run.created,
        "updated": run.updated,
        "skipped": run.skipped,
        "problems": [
            {
                "row": one["row"],
                "column": one["column"],
                "value": one["value"],
                "message": say(read_error(one)),
            }
            for one in run.problems
        ],
        "created_at": run.created_at,
        "finished_at": run.finished_at,
    }
