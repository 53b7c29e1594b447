"""A year of own statements as a PDF, in the reader's language."""

from collections.abc import Sequence
from typing import Any

from flask import Response, current_app

from dcim.columns import utc_now
from dcim.customers.queries import find_customer
from dcim.errors import NotFoundError
from dcim.http.database import current_scope, db_session
from dcim.i18n import choose_language, format_local, pick_text
from dcim.sla.rules.quantities import say_share
from dcim.statements.summaries import (
    MonthLine,
    PromiseLine,
    list_years,
    summarise_year,
    year_of,
)
from dcim.web.portal.blueprint import portal
from dcim.web.portal.home import own_id


@portal.get("/statements/years/<int:year>.pdf")
def statement_year_pdf(year: int) -> Response:
    from reports.annual import render_annual

    session, scope = db_session(), current_scope()
    if year not in list_years(session, scope):
        raise NotFoundError("No statement of %(year)s.", year=year)
    months, promises = summarise_year(session, scope, year_of(year))
    customer = find_customer(session, scope, own_id(scope))
    settings = current_app.config["JIFANG"]
    summary = {
        "language": choose_language(),
        "operator": pick_text(settings.operator_name, settings.operator_name_en),
        "customer": pick_text(customer.name, customer.name_en),
        "year": year,
        "printed_at": format_local(utc_now(), "yyyy-MM-dd HH:mm"),
        "promises": _promises(promises),
        "months": _months(months),
    }
    return Response(
        render_annual(summary),
        mimetype="application/pdf",
        headers={"Content-Disposition": f'attachment; filename="service-levels-{year}.pdf"'},
    )


def _promises(lines: Sequence[PromiseLine]) -> list[dict[str, Any]]:
    return [
        {
            "service": pick_text(one.name, one.name_en),
            "promise": pick_text(one.title, one.title_en),
            "availability": say_share(one.availability, 4),
            "downtime_s": one.downtime_ms / 1000,
            "months": one.months,
            "kept": one.months - len(one.missed) - len(one.open),
            "missed": one.missed,
            "open": one.open,
            "credit": str(one.credit),
            "currency": one.currency,
        }
        for one in lines
    ]


def _months(lines: Sequence[MonthLine]) -> list[dict[str, Any]]:
    return [
        {
            "period": one.period,
            "statements": one.statements,
            "promises": one.promises,
            "kept": one.promises - one.missed - one.open,
            "credits": str(one.credits),
            "total": str(one.total),
            "currency": one.currency,
        }
        for one in lines
    ]
