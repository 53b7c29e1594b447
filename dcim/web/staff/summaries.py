"""Issued months added up for management: credits by cause, site and customer, promises by month."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction

from flask import Response, render_template

from dcim.errors import InvalidError
from dcim.http.database import current_scope, db_session
from dcim.i18n import gettext as _
from dcim.i18n import pick_text
from dcim.records.sheets import Cell, write_csv
from dcim.sla.rules.quantities import say_share
from dcim.statements.summaries import ShareLine, Span, Summary, last_months, read_span, summarise
from dcim.web.local_times import house_today
from dcim.web.staff.arguments import read_int, read_text
from dcim.web.staff.blueprint import staff


@staff.get("/statements/summary")
def statement_summary() -> tuple[str, int]:
    problem = ""
    try:
        span = _read()
    except InvalidError as error:
        span, problem = last_months(house_today()), str(error)
    found = summarise(db_session(), current_scope(), span)
    page = render_template(
        "staff/summary.html",
        found=found,
        span=span,
        problem=problem,
        kinds=_by_kind(found),
        say_share=say_share,
    )
    return page, 422 if problem else 200


@staff.get("/statements/summary.csv")
def statement_summary_csv() -> Response:
    found = summarise(db_session(), current_scope(), _read())
    with write_csv(_rows(found)) as file:
        name = f"summary-{found.span.first}-{found.span.last}.csv"
        return Response(
            file.read(),
            mimetype="text/csv",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )


def _read() -> Span:
    usual = last_months(house_today())
    return read_span(
        read_text("first", 7) or usual.first,
        read_text("last", 7) or usual.last,
        read_int("customer"),
    )


def _by_kind(found: Summary) -> dict[str, dict[str, object]]:
    """Kind -> month -> its line."""
    kinds: dict[str, dict[str, object]] = {}
    for line in found.kinds:
        kinds.setdefault(line.kind, {})[line.period] = line
    return kinds


def _rows(found: Summary) -> Iterator[list[Cell]]:
    yield [
        _("What"), _("Name"), _("Month"), _("Currency"), _("Statements"), _("Promises"),
        _("Missed"), _("To review"), _("Availability %"), _("Downtime, s"), _("Incidents"),
        _("Credits"), _("Taken back by caps"), _("Total"),
    ]  # fmt: skip
    for month in found.months:
        yield [
            _("Month"), "", month.period, month.currency, month.statements, month.promises,
            month.missed, month.open, "", "", "", month.credits, month.caps, month.total,
        ]  # fmt: skip
    for kind in found.kinds:
        yield [
            _("Promises"), kind.kind, kind.period, "", "", kind.promises, kind.missed, kind.open,
            _percent(kind.availability), str(Decimal(kind.downtime_ms) / 1000), "", "", "", "",
        ]  # fmt: skip
    shares: tuple[tuple[str, Sequence[ShareLine]], ...] = (
        (_("Cause"), found.by_cause),
        (_("Site"), found.by_site),
        (_("Customer"), found.by_customer),
    )
    for what, lines in shares:
        for line in lines:
            name = pick_text(line.name, line.name_en)
            if line.rest:
                name = _("%(count)s others", count=line.rest)
            yield [
                what, name, "", line.currency, "", "", "", "", "", "", line.incidents,
                line.credit, "", "",
            ]  # fmt: skip


def _percent(share: Fraction | None) -> str:
    return say_share(share, 4) or ""
