"""Issued statements: list, frozen document, signed PDF; and the ledger."""

from typing import Any

from flask import Response, current_app, jsonify
from marshmallow import Schema, fields
from marshmallow.validate import OneOf, Regexp

from dcim.api.fields import Flag, PageQuery, Text, choice, query_id, take_paging
from dcim.api.shapes import answer_of, page_of
from dcim.api.spec import Resource
from dcim.columns import utc_now
from dcim.http.database import current_scope, db_session
from dcim.http.downloads import send_samples
from dcim.records.sheets import write_csv
from dcim.statements import queries
from dcim.statements.accounting import COLUMNS, list_lines
from dcim.statements.files import read_file
from dcim.statements.marked_copies import (
    LONGEST,
    CopyRow,
    find_copy,
    list_copies,
    make_copy,
    read_copy,
)
from dcim.statements.month_files import list_month_files, stream_archive
from dcim.statements.sample_files import check_samples
from dcim.statements.summaries import last_months, read_span, summarise, tell_summary

statements = Resource("statements", "Statements")
ledger = Resource("ledger", "Ledger")

VERDICTS = ("met", "breached", "needs_review")
KINDS = ("rent", "usage", "credit", "cap", "carried", "tax", "correction")


MONTH = Regexp(r"^[0-9]{4}-(0[1-9]|1[0-2])\Z", error="Write a month as 2026-10.")


class StatementQuery(PageQuery):
    customer_id = query_id()
    contract_id = query_id()
    period = fields.String(validate=MONTH)
    verdict = choice(VERDICTS)


class SummaryQuery(Schema):
    """Months like 2026-01, both included; without them the last twelve that are over."""

    first = fields.String()
    last = fields.String()
    customer_id = query_id()


class ArchiveQuery(Schema):
    period = fields.String(required=True, validate=MONTH)
    customer_id = query_id()
    every_revision = Flag(load_default=False)


class NewCopy(Schema):
    recipient = Text(
        high=LONGEST,
        required=True,
        metadata={"description": "For whom; it stands across every page."},
    )


class LinesQuery(Schema):
    format = fields.String(load_default="json", validate=OneOf(("json", "csv")))


class LedgerQuery(PageQuery):
    customer_id = query_id()
    contract_id = query_id()
    statement_id = query_id()
    kind = choice(KINDS)


@statements.get("")
@statements.arguments(StatementQuery, location="query")
@statements.response(200, page_of(queries.StatementRow))
def list_statements(query: dict[str, Any]) -> Any:
    """List the issued statements, newest month first."""
    paging = take_paging(query)
    return queries.list_statements(
        db_session(), current_scope(), queries.StatementFilter(**query), paging
    )


@statements.get("/summary")
@statements.arguments(SummaryQuery, location="query")
@statements.response(200, {"type": "object"}, description="Months, service levels, credits.")
def show_summary(query: dict[str, Any]) -> Response:
    """Add up issued months: promises kept by kind, credits by cause, site and customer."""
    usual = last_months(utc_now().date())
    span = read_span(
        query.get("first") or usual.first, query.get("last") or usual.last, query.get("customer_id")
    )
    return jsonify(tell_summary(summarise(db_session(), current_scope(), span)))


@statements.get("/archive")
@statements.arguments(ArchiveQuery, location="query")
@statements.response(
    200,
    {"type": "string", "format": "binary"},
    content_type="application/zip",
    description="The signed PDFs of a month and `index.csv` with their SHA-256.",
)
def download_archive(query: dict[str, Any]) -> Response:
    """Download a month's PDFs, of each contract the newest revision; it is audited."""
    period = query.pop("period")
    files = list_month_files(
        db_session(), current_scope(), current_app.config["JIFANG"], period, **query
    )
    return Response(
        stream_archive(files),
        mimetype="application/zip",
        headers={"Content-Disposition": f'attachment; filename="statements-{period}.zip"'},
    )


@statements.get("/<int:statement_id>")
@statements.response(200, answer_of(queries.StatementRow))
def show_statement(statement_id: int) -> Any:
    """Show one statement's figures."""
    return queries.find_statement(db_session(), current_scope(), statement_id)


@statements.get("/<int:statement_id>/document")
@statements.response(200, {"type": "object"}, description="The frozen statement JSON.")
def show_document(statement_id: int) -> Response:
    """Read the frozen document, exactly as issued."""
    return jsonify(queries.read_document(db_session(), current_scope(), statement_id))


@statements.get("/<int:statement_id>/lines")
@statements.arguments(LinesQuery, location="query")
@statements.response(200, {"type": "object"}, description="`lines`, or the same as CSV.")
def show_lines(query: dict[str, Any], statement_id: int) -> Response:
    """Read the lines for an accounting system: all text, amounts add up to the total."""
    rows = list_lines(queries.read_document(db_session(), current_scope(), statement_id))
    if query["format"] == "json":
        return jsonify({"columns": COLUMNS, "lines": rows})
    with write_csv([COLUMNS, *(tuple(row.values()) for row in rows)]) as file:
        return Response(
            file.read(),
            mimetype="text/csv",
            headers={"Content-Disposition": f'attachment; filename="statement-{statement_id}.csv"'},
        )


@statements.get("/<int:statement_id>/pdf")
@statements.response(
    200,
    {"type": "string", "format": "binary"},
    content_type="application/pdf",
    description="The signed PDF.",
)
def download_pdf(statement_id: int) -> Response:
    """Download the signed PDF; the download is audited."""
    session, scope = db_session(), current_scope()
    row = queries.find_statement(session, scope, statement_id)
    content = read_file(session, scope, current_app.config["JIFANG"], statement_id)
    return Response(
        content,
        mimetype="application/pdf",
        headers={"Content-Disposition": f'attachment; filename="{row.number}.pdf"'},
    )


@statements.get("/<int:statement_id>/samples")
@statements.response(
    200,
    {"type": "string", "format": "binary"},
    content_type="application/zip",
    description="The raw samples behind the bins, as named in the document's manifest.",
)
def download_samples(statement_id: int) -> Response:
    """Download the raw samples behind the bins; the download is audited."""
    settings = current_app.config["JIFANG"]
    return send_samples(check_samples(db_session(), current_scope(), settings, statement_id))


@statements.get("/<int:statement_id>/copies")
@statements.arguments(PageQuery, location="query")
@statements.response(200, page_of(CopyRow))
def list_marked_copies(query: dict[str, Any], statement_id: int) -> Any:
    """List the marked copies of a statement, newest first."""
    session, scope = db_session(), current_scope()
    queries.find_statement(session, scope, statement_id)
    return list_copies(session, scope, statement_id, take_paging(query))


@statements.post("/<int:statement_id>/copies")
@statements.arguments(NewCopy)
@statements.response(201, answer_of(CopyRow))
def create_marked_copy(body: dict[str, Any], statement_id: int) -> Any:
    """Draw, sign and register one more copy for somebody; it takes some seconds."""
    session, scope = db_session(), current_scope()
    settings = current_app.config["JIFANG"]
    copy = make_copy(session, scope, settings, statement_id, body["recipient"])
    return find_copy(session, scope, copy.id)


@statements.get("/copies/<int:marked_copy_id>/pdf")
@statements.response(
    200,
    {"type": "string", "format": "binary"},
    content_type="application/pdf",
    description="The copy as it was registered, byte for byte.",
)
def download_marked_copy(marked_copy_id: int) -> Response:
    """Download a marked copy; the download is audited."""
    settings = current_app.config["JIFANG"]
    name, content = read_copy(db_session(), current_scope(), settings, marked_copy_id)
    return Response(
        content,
        mimetype="application/pdf",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@ledger.get("")
@ledger.arguments(LedgerQuery, location="query")
@ledger.response(200, page_of(queries.LedgerRow))
def list_ledger(query: dict[str, Any]) -> Any:
    """List the ledger's lines, newest first; credits are negative."""
    return queries.list_ledger(db_session(), current_scope(), take_paging(query), **query)
