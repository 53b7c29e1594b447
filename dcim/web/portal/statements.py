"""Own statements: the list, the signed PDF and the frozen JSON, as they were issued."""

import json

from flask import Response, current_app, render_template

from dcim.accounts.audit import record
from dcim.http.database import current_scope, db_session
from dcim.http.downloads import send_samples
from dcim.statements.claimable import find_claiming
from dcim.statements.files import read_file
from dcim.statements.queries import find_statement, list_statements, read_document
from dcim.statements.sample_files import open_samples
from dcim.web.noc.ports import count_pages
from dcim.web.portal.blueprint import portal
from dcim.web.staff.arguments import read_listing
from dcim.web.traffic_csv import safe_name


@portal.get("/statements")
def statements() -> str:
    listing = read_listing(size=24)
    page = list_statements(db_session(), current_scope(), paging=listing.paging)
    return render_template(
        "portal/statements.html",
        page=page,
        claiming=find_claiming(db_session(), current_scope()),
        pages=count_pages(page.total, page.size),
        listing=listing,
    )


@portal.get("/statements/<int:statement_id>.pdf")
def statement_pdf(statement_id: int) -> Response:
    """The file byte for byte. The download is audited."""
    session, scope = db_session(), current_scope()
    found = find_statement(session, scope, statement_id)
    content = read_file(session, scope, current_app.config["JIFANG"], statement_id)
    return _attach(content, f"{safe_name(found.number)}.pdf", "application/pdf")


@portal.get("/statements/<int:statement_id>.samples.zip")
def statement_samples(statement_id: int) -> Response:
    """The raw samples behind the bins, as they were frozen. The download is audited."""
    settings = current_app.config["JIFANG"]
    return send_samples(open_samples(db_session(), current_scope(), settings, statement_id))


@portal.get("/statements/<int:statement_id>.json")
def statement_json(statement_id: int) -> Response:
    """The frozen document that the PDF prints; audited alike."""
    session, scope = db_session(), current_scope()
    found = find_statement(session, scope, statement_id)
    document = read_document(session, scope, statement_id)
    record(
        session,
        scope,
        "statement.download",
        f"statement/{statement_id}",
        customer_id=found.customer_id,
        sha256=found.document_sha256,
    )
    text = json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True)
    return _attach(text.encode(), f"{safe_name(found.number)}.json", "application/json")


def _attach(content: bytes, name: str, mimetype: str) -> Response:
    return Response(
        content,
        mimetype=mimetype,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
