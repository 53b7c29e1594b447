"""Deciding how time nobody measured counts: one proposes, another accepts or refuses."""

from collections.abc import Callable
from typing import Any

from flask import Response, flash, url_for
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response as BaseResponse
from wtforms import RadioField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length

from dcim.columns import utc_now
from dcim.customers.queries import find_contract
from dcim.http.database import current_scope, db_session
from dcim.i18n import format_money, pick_text
from dcim.i18n import gettext as _
from dcim.statements.review_decisions import (
    NewDecision,
    ReviewDecisionRow,
    decide_proposal,
    find_decision,
    propose_decision,
    withdraw_proposal,
)
from dcim.statements.reviews import ReviewRow, list_reviews
from dcim.web.incident_words import TREATMENT_WORDS
from dcim.web.staff.answers import answer_form
from dcim.web.staff.blueprint import staff
from dcim.web.staff.incident_forms import DecisionForm, ReasonForm, why
from dcim.web.staff.placing_forms import MISSING, strip

RESULT_WORDS = {
    "met": _l("met"),
    "breached": _l("missed"),
    "needs_review": _l("to review"),
    "unpriced": _l("missed, no credit agreed"),
    "not_eligible": _l("not eligible"),
}


class ProposalForm(FlaskForm):  # type: ignore[misc]
    treat_unknown = RadioField(
        _l("The time nobody measured counts"), validators=[InputRequired(MISSING)]
    )
    reason = why(_l("Reason, which the statement tells"))
    evidence = StringField(
        _l("What shows it, which the statement tells (may be empty)"),
        filters=[strip],
        validators=[Length(max=4000)],
    )


def _answer(
    form: FlaskForm, title: str, sub: str, submit: str, deed: Callable[[], str]
) -> Response | BaseResponse:
    """The form, or what is wrong with it, or the deed and back to the queue with what it says."""
    back = url_for("staff.reviews")
    context: dict[str, Any] = {
        "title": title, "sub": sub, "submit": submit, "back": back,
        "crumbs": [(_("To review"), back), (title, "")],
    }  # fmt: skip

    def act() -> str:
        flash(deed(), "success")
        return back

    return answer_form("staff/act.html", form, act, **context)


@staff.route("/reviews/<int:contract_id>/<period>/<path:result>/decide", methods=["GET", "POST"])
def propose_review_decision(contract_id: int, period: str, result: str) -> Response | BaseResponse:
    session, scope, form = db_session(), current_scope(), ProposalForm()
    contract = find_contract(session, scope, contract_id)
    review = _find_open(contract_id, period, result)
    form.treat_unknown.choices = [
        SelectChoice(name, _mean(review, name)) for name in TREATMENT_WORDS
    ]

    def deed() -> str:
        propose_decision(
            session,
            scope,
            NewDecision(
                contract_id, period, result, form.treat_unknown.data, form.reason.data,
                form.evidence.data,
            ),
        )  # fmt: skip
        return _("It is proposed and waits for someone else.")

    name = result if review is None else f"{pick_text(review.title)} · {pick_text(review.name)}"
    sub = f"{name} · {contract.number} · {period}"
    return _answer(form, _("Decide unmeasured time"), sub, _("Propose"), deed)


def _find_open(contract_id: int, period: str, result: str) -> ReviewRow | None:
    """The result as the queue has it."""
    found = list_reviews(db_session(), current_scope(), utc_now(), contract_id=contract_id)
    return next((one for one in found if (one.period, one.id) == (period, result)), None)


def _mean(review: ReviewRow | None, treat_unknown: str) -> str:
    """A treatment, with the verdict and the credit that it would mean where that is known."""
    said = str(TREATMENT_WORDS[treat_unknown])
    for meant in review.meanings if review is not None else ():
        if review is not None and meant.treat_unknown == treat_unknown:
            credit = format_money(meant.amount, review.currency)
            verdict = RESULT_WORDS[meant.result]
            told = _("%(verdict)s, credit %(amount)s", verdict=verdict, amount=credit)
            said += _(": ") + told
    return said


def _say(row: ReviewDecisionRow) -> str:
    """What was proposed, what it would mean, by whom and why, for whoever decides about it."""
    review = _find_open(row.contract_id, row.period, row.result) if row.state == "open" else None
    told = [row.result, row.contract_number, row.period, _mean(review, row.treat_unknown)]
    because = " · ".join(part for part in (row.reason, row.evidence) if part)
    return f"{' · '.join(told)} · {row.proposed_by}{_(': ')}{because}"


@staff.route("/review-decisions/<int:review_decision_id>/decide", methods=["GET", "POST"])
def decide_review_decision(review_decision_id: int) -> Response | BaseResponse:
    session, scope, form = db_session(), current_scope(), DecisionForm()
    row = find_decision(session, scope, review_decision_id)

    def deed() -> str:
        decide_proposal(session, scope, review_decision_id, form.state.data, form.reason.data)
        return _("The proposal is decided.")

    return _answer(form, _("Decide the proposal"), _say(row), _("Decide"), deed)


@staff.route("/review-decisions/<int:review_decision_id>/withdraw", methods=["GET", "POST"])
def withdraw_review_decision(review_decision_id: int) -> Response | BaseResponse:
    session, scope, form = db_session(), current_scope(), ReasonForm()
    row = find_decision(session, scope, review_decision_id)

    def deed() -> str:
        withdraw_proposal(session, scope, review_decision_id, form.reason.data)
        return _("The proposal is withdrawn.")

    return _answer(form, _("Withdraw the proposal"), _say(row), _("Withdraw"), deed)
