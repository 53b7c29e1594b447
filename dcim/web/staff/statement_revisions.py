"""One statement with its revisions; proposing to correct it, and deciding about that."""

import datetime as dt
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, cast

from flask import Response, current_app, flash, render_template, request, url_for
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response as BaseResponse
from wtforms import StringField
from wtforms.validators import DataRequired, Length

from dcim import jobs
from dcim.config import Settings
from dcim.errors import JifangError
from dcim.http.database import current_scope, db_session
from dcim.http.problems import say
from dcim.i18n import gettext as _
from dcim.paging import Paging
from dcim.statements.queries import (
    StatementFilter,
    find_statement,
    list_statements,
    read_document,
)
from dcim.statements.revising import (
    LONGEST_REASON,
    Preview,
    decide_revision,
    preview_revision,
    propose_revision,
    withdraw_revision,
)
from dcim.statements.revision_queries import (
    RevisionProposalFilter,
    RevisionProposalRow,
    find_revision_proposal,
    list_revision_proposals,
)
from dcim.web.incident_words import OVERRULE_WORDS
from dcim.web.staff.answers import answer_form
from dcim.web.staff.blueprint import staff
from dcim.web.staff.incident_forms import DecisionForm, ReasonForm
from dcim.web.staff.placing_forms import MISSING, strip
from dcim.web.statement_words import PART_WORDS, TOTAL_WORDS

ALL_OF_A_MONTH = Paging(1, 100)
# What somebody has to look at comes first.
CONCERN = {"needs_review": 0, "breached": 1, "met": 3}
WORDS: dict[str, Any] = {
    "part_words": PART_WORDS,
    "total_words": TOTAL_WORDS,
    "state_words": OVERRULE_WORDS,
}


class CorrectionForm(FlaskForm):  # type: ignore[misc]
    reason = StringField(
        _l("Reason, which stands on the first page of the statement"),
        filters=[strip],
        validators=[DataRequired(MISSING), Length(max=LONGEST_REASON)],
    )


@staff.get("/statements/<int:statement_id>")
def statement(statement_id: int) -> str:
    session, scope = db_session(), current_scope()
    one = find_statement(session, scope, statement_id)
    asked = RevisionProposalFilter(contract_id=one.contract_id, period=one.period)
    proposals = list_revision_proposals(session, scope, asked, ALL_OF_A_MONTH).items
    month = StatementFilter(contract_id=one.contract_id, period=one.period)
    document = read_document(session, scope, statement_id)
    return render_template(
        "staff/statement.html",
        one=one,
        replaces=document.get("replaces"),
        metrics=sorted(
            document.get("metrics", []), key=lambda metric: CONCERN.get(metric["result"], 2)
        ),
        ledger=document.get("ledger", []),
        totals=document.get("totals", {}),
        approval=_read_approval(document),
        revisions=list_statements(session, scope, month, ALL_OF_A_MONTH).items,
        proposals=proposals,
        can_correct=not one.is_replaced
        and one.pdf_sha256 is not None
        and not any(row.state == "open" for row in proposals),
        crumbs=[(_("Statements"), url_for("staff.statements")), (one.number, "")],
        **WORDS,
    )


def _read_approval(document: Mapping[str, Any]) -> dict[str, Any] | None:
    """Who approved it before it was issued, with times as instants."""
    approval = document.get("approval")
    if approval is None:
        return None
    times = {
        key: dt.datetime.fromisoformat(approval[key]) for key in ("proposed_at", "approved_at")
    }
    return {**approval, **times}


@staff.route("/statements/<int:statement_id>/correct", methods=["GET", "POST"])
def correct_statement(statement_id: int) -> Response | BaseResponse:
    """What the next revision would change, and proposing it with a reason."""
    session, scope, form = db_session(), current_scope(), CorrectionForm()
    one = find_statement(session, scope, statement_id)
    back = url_for("staff.statement", statement_id=one.id)

    def deed() -> str:
        seen = request.form.get("seen", "")
        propose_revision(session, scope, _settings(), one.id, seen, form.reason.data)
        flash(_("The correction is proposed and waits for someone else."), "success")
        return back

    title = _("Correct a statement")
    return answer_form(
        "staff/statement_correct.html",
        form,
        deed,
        title=title,
        sub=f"{one.number} · {one.period}",
        back=back,
        # When it is shown: after a refusal, what would change now.
        look=cache(lambda: _look(one.id)),
        crumbs=_crumbs(one.number, back, title),
        **WORDS,
    )


def _look(statement_id: int) -> Preview | str:
    """What would change, or what stands in the way of a revision."""
    try:
        return preview_revision(db_session(), current_scope(), _settings(), statement_id)
    except JifangError as error:
        return say(error)


@staff.route("/revision-proposals/<int:revision_proposal_id>/decide", methods=["GET", "POST"])
def decide_revision_proposal(revision_proposal_id: int) -> Response | BaseResponse:
    session, scope, form = db_session(), current_scope(), DecisionForm()

    def deed(row: RevisionProposalRow) -> str:
        decided = decide_revision(
            session, scope, _settings(), row.id, form.state.data, form.reason.data
        )
        if decided.issued_id is None:
            flash(_("The proposal is decided."), "success")
            return url_for("staff.statement", statement_id=row.statement_id)
        jobs.defer_print(session, decided.issued_id)
        flash(_("The revision is issued; its PDF is being made."), "success")
        return url_for("staff.statement", statement_id=decided.issued_id)

    return _answer(form, revision_proposal_id, _("Decide about a correction"), _("Decide"), deed)


@staff.route("/revision-proposals/<int:revision_proposal_id>/withdraw", methods=["GET", "POST"])
def withdraw_revision_proposal(revision_proposal_id: int) -> Response | BaseResponse:
    session, scope, form = db_session(), current_scope(), ReasonForm()

    def deed(row: RevisionProposalRow) -> str:
        withdraw_revision(session, scope, row.id, form.reason.data)
        flash(_("The proposal is withdrawn."), "success")
        return url_for("staff.statement", statement_id=row.statement_id)

    return _answer(form, revision_proposal_id, _("Withdraw the proposal"), _("Withdraw"), deed)


def _answer(
    form: FlaskForm,
    proposal_id: int,
    title: str,
    submit: str,
    deed: Callable[[RevisionProposalRow], str],
) -> Response | BaseResponse:
    row = find_revision_proposal(db_session(), current_scope(), proposal_id)
    back = url_for("staff.statement", statement_id=row.statement_id)
    return answer_form(
        "staff/statement_decide.html",
        form,
        lambda: deed(row),
        title=title,
        submit=submit,
        sub=f"{row.number} · {row.period}",
        row=row,
        back=back,
        crumbs=_crumbs(row.number, back, title),
        **WORDS,
    )


def _crumbs(number: str, back: str, title: str) -> list[tuple[str, str]]:
    return [(_("Statements"), url_for("staff.statements")), (number, back), (title, "")]


def _settings() -> Settings:
    return cast(Settings, current_app.config["JIFANG"])
