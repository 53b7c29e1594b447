"""Months that wait for approval: the list, one of them, proposing to issue it and deciding."""

from collections.abc import Callable
from functools import cache
from typing import Any, cast

from flask import Response, current_app, flash, render_template, request, url_for
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response as BaseResponse

from dcim import jobs
from dcim.config import Settings
from dcim.errors import ConflictError, JifangError
from dcim.http.database import current_scope, db_session
from dcim.http.problems import say
from dcim.i18n import gettext as _
from dcim.paging import Paging
from dcim.statements.approval_models import HELD_STATES
from dcim.statements.approving import (
    HeldPreview,
    decide_issue,
    preview_held,
    propose_issue,
    release_month,
    withdraw_issue,
)
from dcim.statements.held_queries import (
    HeldMonthFilter,
    IssueProposalFilter,
    IssueProposalRow,
    find_held_month,
    find_issue_proposal,
    list_held,
    list_issue_proposals,
)
from dcim.web.incident_words import OVERRULE_WORDS
from dcim.web.staff.answers import answer_form, go_on
from dcim.web.staff.arguments import read_int, read_listing, read_text
from dcim.web.staff.blueprint import staff
from dcim.web.staff.incident_forms import DecisionForm, ReasonForm, why

ALL_OF_A_MONTH = Paging(1, 100)
HELD_WORDS = {
    "held": _l("waiting for approval"),
    "approved": _l("issued by two people"),
    "freed": _l("issued: nothing held it any more"),
}
PROPOSAL_WORDS = {**OVERRULE_WORDS, "lapsed": _l("Lapsed")}
WORDS: dict[str, Any] = {"held_words": HELD_WORDS, "state_words": PROPOSAL_WORDS}


class IssueForm(FlaskForm):  # type: ignore[misc]
    reason = why(_l("Reason, which the statement tells"))


@staff.get("/statements/held")
def held_months() -> str:
    """What waits, the longest first; others by state."""
    state = read_text("state") or "held"
    listing = read_listing()
    wanted = HeldMonthFilter(
        customer_id=read_int("customer"), state=state if state in HELD_STATES else None
    )
    return render_template(
        "staff/held_months.html",
        found=list_held(db_session(), current_scope(), wanted, listing.paging),
        listing=listing,
        state=state,
        crumbs=[(_("Statements"), url_for("staff.statements")), (_("Waiting for approval"), "")],
        **WORDS,
    )


@staff.get("/statements/held/<int:held_month_id>")
def held_month(held_month_id: int) -> str:
    session, scope = db_session(), current_scope()
    one = find_held_month(session, scope, held_month_id)
    asked = IssueProposalFilter(held_month_id=one.id)
    return render_template(
        "staff/held_month.html",
        one=one,
        proposals=list_issue_proposals(session, scope, asked, ALL_OF_A_MONTH).items,
        crumbs=_crumbs(f"{one.contract_number} · {one.period}"),
        **WORDS,
    )


@staff.route("/statements/held/<int:held_month_id>/propose", methods=["GET", "POST"])
def propose_held_month(held_month_id: int) -> Response | BaseResponse:
    """What would be issued now, and proposing exactly that with a reason."""
    session, scope, form = db_session(), current_scope(), IssueForm()
    one = find_held_month(session, scope, held_month_id)
    back = url_for("staff.held_month", held_month_id=one.id)

    def deed() -> str:
        seen = request.form.get("seen", "")
        propose_issue(session, scope, _settings(), one.id, seen, form.reason.data)
        flash(_("It is proposed and waits for someone else."), "success")
        return back

    title = _("Propose to issue a month")
    return answer_form(
        "staff/held_month_propose.html",
        form,
        deed,
        title=title,
        sub=f"{one.contract_number} · {one.period}",
        one=one,
        back=back,
        # When it is shown: after a refusal, what would be issued now.
        look=cache(lambda: _look(one.id)),
        crumbs=_crumbs(f"{one.contract_number} · {one.period}", back, title),
        **WORDS,
    )


@staff.post("/statements/held/<int:held_month_id>/issue")
def release_held_month(held_month_id: int) -> BaseResponse:
    """Issue a month that nothing holds any more."""
    session = db_session()
    try:
        issued = release_month(session, current_scope(), _settings(), held_month_id)
    except ConflictError as error:
        session.rollback()
        flash(say(error), "warning")
        return go_on(url_for("staff.held_month", held_month_id=held_month_id))
    jobs.defer_print(session, issued.id)
    flash(_("The month is issued; its PDF is being made."), "success")
    return go_on(url_for("staff.statement", statement_id=issued.id))


@staff.route("/issue-proposals/<int:issue_proposal_id>/decide", methods=["GET", "POST"])
def decide_issue_proposal(issue_proposal_id: int) -> Response | BaseResponse:
    session, scope, form = db_session(), current_scope(), DecisionForm()

    def deed(row: IssueProposalRow) -> str:
        decided = decide_issue(
            session, scope, _settings(), row.id, form.state.data, form.reason.data
        )
        if decided.issued_id is None:
            flash(_("The proposal is refused; the month goes on waiting."), "success")
            return url_for("staff.held_month", held_month_id=row.held_month_id)
        jobs.defer_print(session, decided.issued_id)
        flash(_("The month is issued; its PDF is being made."), "success")
        return url_for("staff.statement", statement_id=decided.issued_id)

    return _answer(form, issue_proposal_id, _("Decide about issuing a month"), _("Decide"), deed)


@staff.route("/issue-proposals/<int:issue_proposal_id>/withdraw", methods=["GET", "POST"])
def withdraw_issue_proposal(issue_proposal_id: int) -> Response | BaseResponse:
    session, scope, form = db_session(), current_scope(), ReasonForm()

    def deed(row: IssueProposalRow) -> str:
        withdraw_issue(session, scope, row.id, form.reason.data)
        flash(_("The proposal is withdrawn."), "success")
        return url_for("staff.held_month", held_month_id=row.held_month_id)

    return _answer(form, issue_proposal_id, _("Withdraw the proposal"), _("Withdraw"), deed)


def _answer(
    form: FlaskForm,
    proposal_id: int,
    title: str,
    submit: str,
    deed: Callable[[IssueProposalRow], str],
) -> Response | BaseResponse:
    row = find_issue_proposal(db_session(), current_scope(), proposal_id)
    back = url_for("staff.held_month", held_month_id=row.held_month_id)
    return answer_form(
        "staff/held_month_decide.html",
        form,
        lambda: deed(row),
        title=title,
        submit=submit,
        sub=f"{row.contract_number} · {row.period}",
        row=row,
        back=back,
        look=cache(lambda: _look(row.held_month_id)),
        crumbs=_crumbs(f"{row.contract_number} · {row.period}", back, title),
        **WORDS,
    )


def _look(held_month_id: int) -> HeldPreview | str:
    """What would be issued, or what stands in the way."""
    try:
        return preview_held(db_session(), current_scope(), _settings(), held_month_id)
    except JifangError as error:
        return say(error)


def _crumbs(name: str, link: str = "", title: str = "") -> list[tuple[str, str]]:
    found = [
        (_("Statements"), url_for("staff.statements")),
        (_("Waiting for approval"), url_for("staff.held_months")),
        (name, link),
    ]
    return [*found, (title, "")] if title else found


def _settings() -> Settings:
    return cast(Settings, current_app.config["JIFANG"])
