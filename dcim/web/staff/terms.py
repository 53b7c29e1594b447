"""A contract's terms under the pen: checked while they are written, tried, replayed, attached."""

import datetime as dt
from importlib import resources
from typing import Any

from flask import Response, flash, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from dcim.customers.calendar import add_months, open_month, today_in
from dcim.customers.contracts import find_contract_row
from dcim.customers.models import Contract
from dcim.errors import JifangError
from dcim.http.database import current_scope, db_session
from dcim.http.problems import say
from dcim.i18n import gettext as _
from dcim.i18n import pick_text
from dcim.sla.agreeing import LONGEST, attach_terms
from dcim.sla.preset_terms import load_preset, preset_names
from dcim.sla.rules.drafting.beginnings import KINDS, begin_text
from dcim.sla.rules.language.loading import load_terms
from dcim.sla.rules.language.words import clause_words
from dcim.sla.rules.quantities import say_share, say_span
from dcim.sla.rules.supposing import name_lanes, tell_steps
from dcim.sla.trying import Reading, Wish, current_terms, read_draft, work_out
from dcim.statements.replaying import replay_month
from dcim.web.local_times import read_local
from dcim.web.staff.answers import go_on, refuse, show_form
from dcim.web.staff.arguments import read_text
from dcim.web.staff.blueprint import staff
from dcim.web.staff.contract_forms import TermsForm
from dcim.web.staff.contracts import REFUSALS, crumbs_of
from dcim.web.staff.terms_draft import Draft, fill_form, mark_changes, open_form
from dcim.web.staff.terms_sheet import SUGGESTIONS, act, say_word, sent_values, show_sheet

# The demo's own: whole contracts; the presets are one family of clauses each.
MODELS = ("standard", "premium", "shared")
MONTHS = 12


@staff.route("/contracts/<int:contract_id>/terms", methods=["GET", "POST"])
def terms(contract_id: int) -> Response | BaseResponse:
    """Give a contract its terms, or their next version; begun from a shipped example."""
    found = find_contract_row(db_session(), current_scope(), contract_id)
    form = TermsForm()
    if request.method == "GET":
        first = not found.terms or found.state == "draft"
        form.effective_from.data = (
            found.starts_on if first else add_months(open_month(found.timezone), 1)
        )
        return _show(found, form, _begin(found))
    draft, do = _sent(), request.form.get("do", "")
    if do == "form":
        return _show(found, form, open_form(draft.text))
    if do not in ("", "text"):
        return _show(found, form, _act(draft, do))
    if draft.lost and request.form.get("without_comments") != "yes":
        form.form_errors.append(
            _("Nothing was written: comments of the text would be lost. Look at them and confirm.")
        )
        return _show(found, form, draft, 422)
    if do == "text":
        return _show(found, form, Draft(draft.text))
    return _attach(found, form, draft)


def _attach(found: Contract, form: TermsForm, draft: Draft) -> Response | BaseResponse:
    form.document.data = draft.text
    if not form.validate():
        return _show(found, form, draft, 422)
    try:
        added = attach_terms(
            db_session(), current_scope(), found, draft.text, form.effective_from.data
        )
    except REFUSALS as error:
        return _show(found, form, draft, refuse(form, error))
    flash(
        str(
            _("Terms, version %(version)s, from %(day)s", version=added.version,
              day=added.effective_from)
        ),
        "success",
    )  # fmt: skip
    return go_on(url_for("staff.contract", contract_id=found.id))


@staff.post("/contracts/<int:contract_id>/terms/sheet")
def draft_terms(contract_id: int) -> Response:
    """The form alone after a button in it, and what it means: for htmx."""
    found = find_contract_row(db_session(), current_scope(), contract_id)
    return _show(found, TermsForm(), _act(_sent(), request.form.get("do", "")))


@staff.post("/contracts/<int:contract_id>/terms/try")
def try_terms(contract_id: int) -> str:
    """What stands beside the text: problems, the clause in words, an outage priced."""
    found = find_contract_row(db_session(), current_scope(), contract_id)
    return render_template("staff/terms_trial.html", contract=found, **_try(found, _sent()))


@staff.post("/contracts/<int:contract_id>/terms/replay")
def replay_terms(contract_id: int) -> str | tuple[str, int]:
    """A month that was, judged by the text as it stands and by what is agreed."""
    session, scope = db_session(), current_scope()
    found = find_contract_row(session, scope, contract_id)
    document = _sent().text
    month = request.form.get("month", "")
    if month not in _months(found):
        month = _months(found)[0]
    try:
        replay = replay_month(session, scope, found, document, month)
    except JifangError as error:
        return render_template("staff/terms_replay.html", replay=None, problem=say(error)), 422
    return render_template("staff/terms_replay.html", replay=replay, problem="")


def _begin(contract: Contract) -> Draft:
    """The agreed text, or the example asked for: as a form, where it isn't asked for as a text."""
    model = read_text("from")
    if model in MODELS:
        text = _model(model)
    elif model in preset_names():
        text = load_preset(model).text
    else:
        text = contract.terms[-1].document if contract.terms else ""
    if read_text("mode") == "text":
        return Draft(text)
    return open_form(text or begin_text(contract.currency, contract.timezone))


def _act(draft: Draft, do: str) -> Draft:
    """After a button in the form: a promise, a usage or a row more or less, or other inputs."""
    if draft.sheet is None:
        return draft
    return fill_form(draft.base, act(draft.values, do, draft.sheet))


def _sent() -> Draft:
    """What is under the pen, as it was sent: a text, or a form over one."""
    base = request.form.get("document", "").replace("\r\n", "\n")[: LONGEST + 1]
    return fill_form(base, sent_values()) if request.form.get("mode") == "form" else Draft(base)


def _model(name: str) -> str:
    return (resources.files("dcim.demo") / "terms" / f"{name}.yaml").read_text("utf-8")


def _beginnings() -> list[tuple[str, str]]:
    """(name, title) of what a text may begin from."""
    titles = [(name, load_terms(_model(name)).title) for name in MODELS]
    titles += [(name, load_preset(name).terms.title) for name in preset_names()]
    return [(name, pick_text(title)) for name, title in titles]


def _show(contract: Contract, form: TermsForm, draft: Draft, status: int = 200) -> Response:
    form.document.data = draft.base
    title = _("Terms of contract %(number)s", number=contract.number)
    tried = _try(contract, draft)
    return show_form(
        "staff/terms.html",
        form,
        status,
        title=title,
        contract=contract,
        crumbs=crumbs_of(contract, title),
        models=_beginnings(),
        begun_from=read_text("from"),
        months=_months(contract),
        next_version=contract.terms[-1].version + 1
        if contract.terms and contract.state != "draft"
        else 1,
        blocks=show_sheet(draft.values, draft.sheet.outside, tried["reading"].problems)
        if draft.sheet
        else [],
        beginnings=KINDS,
        suggestions=SUGGESTIONS,
        say_word=say_word,
        **tried,
    )


def _months(contract: Contract) -> list[str]:
    """Months that are over, the newest first, back to the contract's start or a year."""
    this = today_in(contract.timezone).replace(day=1)
    months = [add_months(this, -back) for back in range(1, MONTHS + 1)]
    kept = [month for month in months if month >= contract.starts_on.replace(day=1)]
    return [f"{month:%Y-%m}" for month in kept or months[:1]]


def _try(contract: Contract, draft: Draft) -> dict[str, Any]:
    document = draft.text
    reading = read_draft(contract, document) if document.strip() else Reading(None)
    told: dict[str, Any] = {
        "reading": reading,
        "draft": draft,
        "without_comments": request.form.get("without_comments") == "yes",
        "source": mark_changes(contract.terms[-1].document if contract.terms else "", document)
        if draft.sheet
        else [],
        "empty": not document.strip(),
        "lines": [problem.line for problem in reading.problems],
        "clauses": [],
        "worked": None,
        "steps": [],
    }
    if reading.terms is None:
        return told
    worked = work_out(
        contract,
        reading.terms,
        _read_wish(),
        today_in(contract.timezone),
        current_terms(contract),
    )
    told["clauses"] = clause_words(reading.terms)
    told["worked"] = worked
    if worked is not None:
        told["items"] = [item for item in contract.items if item.kind in worked.metric.applies_to]
        told["lane_names"] = name_lanes(worked.metric)
        if worked.supposition is not None:
            result = worked.supposition.result
            credit = result.credit
            told["counted"] = pick_text(*say_span(result.outcome.downtime_ms))
            told["share"] = say_share(result.outcome.availability, 4)
            told["steps"] = [
                *tell_steps(worked.supposition),
                *(step for step in credit.steps if step.key != "downtime"),
            ]
    return told


def _read_wish() -> Wish:
    form = request.form
    return Wish(
        metric=form.get("metric", "")[:40],
        item=form.get("item", "")[:64],
        start=_moment(form.get("start", "")),
        end=_moment(form.get("end", "")),
        lanes=tuple(form.getlist("lane")[:10]),
    )


def _moment(text: str) -> dt.datetime | None:
    """A browser's datetime-local; None for anything else."""
    try:
        return read_local(text)
    except ValueError:
        return None
