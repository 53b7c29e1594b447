"""Delivery: what went to whom, what waits and what was given up; trying again, and tests."""

from typing import cast
from urllib.parse import urlencode

from flask import Response, current_app, flash, render_template, url_for
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response as BaseResponse
from wtforms import StringField
from wtforms.validators import DataRequired, Length

from dcim.config import Settings
from dcim.errors import JifangError
from dcim.http.database import current_scope, db_session
from dcim.http.problems import say
from dcim.i18n import gettext as _
from dcim.outbox.models import CHANNELS, STATES
from dcim.outbox.queries import DeliveryFilter, count_states, list_deliveries, list_failed
from dcim.outbox.queueing import queue_test_mail, retry_messages
from dcim.statements.queries import find_statement
from dcim.statements.sending import send_statement
from dcim.web.delivery_words import CHANNEL_WORDS, EVENT_WORDS, FAULT_WORDS, STATE_WORDS
from dcim.web.staff.answers import answer_form, go_on
from dcim.web.staff.arguments import read_int, read_listing, read_text
from dcim.web.staff.blueprint import staff
from dcim.web.staff.placing_forms import MISSING, strip


class TestMailForm(FlaskForm):  # type: ignore[misc]
    recipient = StringField(
        _l("Mail"), filters=[strip], validators=[DataRequired(MISSING), Length(max=254)]
    )


@staff.get("/deliveries")
def deliveries() -> str:
    session, scope = db_session(), current_scope()
    listing, wanted = read_listing(), _read_filter()
    found = list_deliveries(session, scope, wanted, listing.paging)
    return render_template(
        "staff/deliveries.html",
        found=found,
        listing=listing,
        wanted=wanted,
        query=_write_filter(wanted),
        counts=count_states(session, scope),
        statement=find_statement(session, scope, wanted.statement_id)
        if wanted.statement_id
        else None,
        mail_is_set_up=bool(settings().smtp_host),
        channels=CHANNEL_WORDS,
        states=STATE_WORDS,
        events=EVENT_WORDS,
        faults=FAULT_WORDS,
    )


@staff.post("/deliveries/retry")
def retry_deliveries() -> BaseResponse:
    """All that were given up among those that the list shows."""
    wanted = _read_filter()
    ids = list_failed(db_session(), current_scope(), wanted)
    if not ids:
        flash(_("None of these was given up."), "error")
        return go_on(_list_of(wanted))
    return _retry(ids, wanted)


@staff.post("/deliveries/<int:message_id>/retry")
def retry_delivery(message_id: int) -> BaseResponse:
    return _retry([message_id], _read_filter())


def _retry(ids: list[int], wanted: DeliveryFilter) -> BaseResponse:
    try:
        count = retry_messages(db_session(), current_scope(), ids)
    except JifangError as error:
        if error.status == 404:
            raise
        db_session().rollback()
        flash(say(error), "error")
    else:
        flash(_("%(count)s messages are tried again.", count=count), "success")
    return go_on(_list_of(wanted))


def _list_of(wanted: DeliveryFilter) -> str:
    return url_for("staff.deliveries") + _write_filter(wanted)


@staff.route("/deliveries/test-mail", methods=["GET", "POST"])
def test_mail() -> Response | BaseResponse:
    form, back = TestMailForm(), url_for("staff.deliveries")

    def fill() -> None:
        form.recipient.data = current_user.email

    def deed() -> str:
        queue_test_mail(db_session(), current_scope(), settings(), form.recipient.data)
        flash(_("The test mail is queued; below it shows what becomes of it."), "success")
        return url_for("staff.deliveries", event="test")

    return answer_form(
        "staff/act.html",
        form,
        deed,
        fill=fill,
        title=_("Send a test mail"),
        sub=_("It goes the way every mail goes, by the worker."),
        submit=_("Send"),
        back=back,
        crumbs=[(_("Delivery"), back), (_("Send a test mail"), "")],
    )


@staff.post("/statements/<int:statement_id>/send")
def send(statement_id: int) -> BaseResponse:
    """To whoever wasn't told of it yet."""
    try:
        count = send_statement(db_session(), current_scope(), settings(), statement_id)
    except JifangError as error:
        if error.status == 404:
            raise
        db_session().rollback()
        flash(say(error), "error")
    else:
        flash(_("%(count)s messages are queued.", count=count), "success")
    return go_on(url_for("staff.deliveries", statement=statement_id))


def _read_filter() -> DeliveryFilter:
    channel, state, event = (read_text(name) for name in ("channel", "state", "event"))
    return DeliveryFilter(
        who=read_text("who"),
        customer_id=read_int("customer"),
        statement_id=read_int("statement"),
        channel=channel if channel in CHANNELS else None,
        state=state if state in STATES else None,
        event=event if event in EVENT_WORDS else None,
    )


def _write_filter(wanted: DeliveryFilter) -> str:
    kept = {
        "who": wanted.who or None,
        "customer": wanted.customer_id,
        "statement": wanted.statement_id,
        "channel": wanted.channel,
        "state": wanted.state,
        "event": wanted.event,
    }
    query = urlencode({name: value for name, value in kept.items() if value is not None})
    return f"?{query}" if query else ""


def settings() -> Settings:
    return cast(Settings, current_app.config["JIFANG"])
