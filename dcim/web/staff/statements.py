"""Statements: the list by month, the signed PDF, and issuing the month that has closed."""

from typing import cast

from flask import Response, current_app, flash, render_template, request, url_for
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as BaseResponse

from dcim import jobs
from dcim.accounts.audit import record
from dcim.accounts.roles import Right
from dcim.config import Settings
from dcim.errors import ConflictError, InvalidError
from dcim.http.database import current_scope, db_session
from dcim.http.downloads import send_samples
from dcim.http.policy import has_right
from dcim.http.problems import say
from dcim.i18n import gettext as _
from dcim.outbox.queries import count_by_statement
from dcim.paging import Paging
from dcim.statements.drafts import draw_draft
from dcim.statements.files import read_file
from dcim.statements.held_queries import count_held
from dcim.statements.issue_times import list_waiting
from dcim.statements.issuing import month_bounds
from dcim.statements.month_files import list_month_files, stream_archive
from dcim.statements.monthly_run import last_closed_month
from dcim.statements.progress import Progress, find_progress, list_months
from dcim.statements.queries import StatementFilter, find_statement, list_statements
from dcim.statements.revision_queries import RevisionProposalFilter, list_revision_proposals
from dcim.statements.sample_files import check_samples
from dcim.web.incident_words import OVERRULE_WORDS
from dcim.web.staff.answers import go_on
from dcim.web.staff.arguments import read_int, read_listing, read_text
from dcim.web.staff.blueprint import staff

WAITING = Paging(1, 50)
VERDICTS = ("met", "breached", "needs_review")


@staff.get("/statements")
def statements() -> str:
    session, scope = db_session(), current_scope()
    months = list_months(session, scope)
    listing = read_listing(size=100)
    wanted = StatementFilter(
        customer_id=read_int("customer"),
        period=_read_period(),
        verdict=read_text("verdict") if read_text("verdict") in VERDICTS else None,
    )
    last = _last_month()
    found = list_statements(session, scope, wanted, listing.paging)
    return render_template(
        "staff/statements.html",
        found=found,
        delivered=count_by_statement(session, scope, [one.id for one in found.items]),
        wanted=wanted,
        listing=listing,
        months=months,
        shown=[month for month in months if wanted.period in (None, month.period)],
        verdicts=VERDICTS,
        last_month=last,
        progress=_find_progress(last) if has_right(Right.ISSUE_STATEMENTS) else None,
        waiting=list_waiting(session, scope, last),
        held=count_held(session, scope),
        corrections=list_revision_proposals(
            session,
            scope,
            RevisionProposalFilter(customer_id=wanted.customer_id, state="open"),
            WAITING,
        ),
        state_words=OVERRULE_WORDS,
    )


@staff.get("/statements/<int:statement_id>.pdf")
def statement_pdf(statement_id: int) -> Response:
    """The file as it was issued, byte for byte. The download is audited."""
    session, scope = db_session(), current_scope()
    found = find_statement(session, scope, statement_id)
    content = read_file(session, scope, _settings(), statement_id)
    return Response(
        content,
        mimetype="application/pdf",
        headers={"Content-Disposition": f'attachment; filename="{found.number}.pdf"'},
    )


@staff.get("/statements/archive/<period>.zip")
def statements_archive(period: str) -> Response:
    """Of each contract of the month the newest PDF, and an index. It is audited."""
    try:
        files = list_month_files(
            db_session(), current_scope(), _settings(), period, customer_id=read_int("customer")
        )
    except InvalidError as error:
        raise NotFound from error
    return Response(
        stream_archive(files),
        mimetype="application/zip",
        headers={"Content-Disposition": f'attachment; filename="statements-{period}.zip"'},
    )


@staff.get("/statements/<int:statement_id>.samples.zip")
def statement_samples(statement_id: int) -> Response:
    """The raw samples behind the bins, as they were frozen. The download is audited."""
    return send_samples(check_samples(db_session(), current_scope(), _settings(), statement_id))


@staff.get("/contracts/<int:contract_id>/drafts/<period>.pdf")
def statement_draft(contract_id: int, period: str) -> Response | BaseResponse:
    """The closed month as it would be issued now, marked as a draft; the reading is audited. Where
    there is none, the list says why."""
    try:
        month_bounds(period)
    except InvalidError as error:
        raise NotFound from error
    try:
        name, content = draw_draft(db_session(), current_scope(), _settings(), contract_id, period)
    except (ConflictError, InvalidError) as error:
        flash(say(error), "warning")
        return go_on(url_for("staff.statements", period=period))
    return Response(
        content,
        mimetype="application/pdf",
        headers={"Content-Disposition": f'inline; filename="{name}"'},
    )


@staff.post("/statements/issue")
def issue() -> BaseResponse:
    """Start the last closed month as a job: what is issued already stays as it is."""
    session, period = db_session(), _last_month()
    if not _find_progress(period).under_way:
        jobs.claim_run(session, "issue-statements", period)
        deferred = jobs.defer(
            session,
            "issue_statements",
            queue=jobs.BILL,
            lock="issue-statements",
            queueing_lock=f"issue-statements:{period}",
            period=period,
            everyone=True,
        )
        record(session, current_scope(), "statement.start", f"period/{period}", job=deferred)
    if request.headers.get("HX-Request"):
        return Response(_render_progress(_find_progress(period)))
    flash(_("Issuing %(period)s has been started.", period=period), "success")
    return go_on(url_for("staff.statements", period=period))


@staff.get("/statements/issue/<period>")
def issuing(period: str) -> str:
    """How far it is; the part of the page that refreshes itself."""
    try:
        return _render_progress(_find_progress(period))
    except InvalidError as error:
        raise NotFound from error


def _render_progress(progress: Progress) -> str:
    return render_template("staff/issuing.html", progress=progress, last_month=_last_month())


def _find_progress(period: str) -> Progress:
    first, after = month_bounds(period)
    return find_progress(db_session(), current_scope(), period, first, after)


def _last_month() -> str:
    return last_closed_month(_settings().timezone)


def _read_period() -> str | None:
    text = read_text("period", 7)
    try:
        month_bounds(text)
    except InvalidError:
        return None
    return text


def _settings() -> Settings:
    return cast(Settings, current_app.config["JIFANG"])
