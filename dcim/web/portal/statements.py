"""Own statements: the list, the signed PDF and the frozen JSON, as they were issued."""

import json
from collections.abc import Iterator, Sequence
from decimal import Decimal

from flask import Response, current_app, render_template

from dcim.accounts.audit import record
from dcim.errors import NotFoundError
from dcim.http.database import current_scope, db_session
from dcim.http.downloads import send_samples
from dcim.i18n import gettext as _
from dcim.i18n import pick_text
from dcim.paging import count_pages
from dcim.records.sheets import Cell, write_csv
from dcim.sla.rules.quantities import say_share
from dcim.statements.claimable import find_claiming
from dcim.statements.files import read_file
from dcim.statements.queries import find_statement, list_statements, read_document
from dcim.statements.sample_files import check_samples
from dcim.statements.summaries import PromiseLine, list_years, summarise_year, year_of
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
        years=list_years(db_session(), current_scope()),
    )


@portal.get("/statements/years/<int:year>")
def statement_year(year: int) -> str:
    """All of a year's statements added up, promise by promise."""
    session, scope = db_session(), current_scope()
    years = list_years(session, scope)
    if year not in years:
        raise NotFoundError("No statement of %(year)s.", year=year)
    months, promises = summarise_year(session, scope, year_of(year))
    return render_template(
        "portal/year.html",
        year=year,
        years=years,
        months=months,
        promises=promises,
        say_share=say_share,
    )


@portal.get("/statements/years/<int:year>.csv")
def statement_year_csv(year: int) -> Response:
    session, scope = db_session(), current_scope()
    if year not in list_years(session, scope):
        raise NotFoundError("No statement of %(year)s.", year=year)
    _months, promises = summarise_year(session, scope, year_of(year))
    with write_csv(_year_rows(promises)) as file:
        return _attach(file.read(), f"service-levels-{year}.csv", "text/csv")


def _year_rows(promises: Sequence[PromiseLine]) -> Iterator[list[Cell]]:
    yield [
        _("Promise"), _("Service"), "ID", _("Months"), _("Missed"), _("To review"),
        _("Availability %"), _("Downtime, s"), _("Credits"), _("Currency"),
    ]  # fmt: skip
    for one in promises:
        yield [
            pick_text(one.title, one.title_en), pick_text(one.name, one.name_en), one.result,
            one.months, " ".join(one.missed), " ".join(one.open),
            say_share(one.availability, 4) or "", str(Decimal(one.downtime_ms) / 1000),
            one.credit, one.currency,
        ]  # fmt: skip


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
    return send_samples(check_samples(db_session(), current_scope(), settings, statement_id))


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
