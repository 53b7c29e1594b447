"""The log of shifts: the list, one handover, giving and taking one, what is still to be done."""

import datetime as dt
from typing import Any

from flask import flash, render_template, url_for
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from flask_wtf import FlaskForm
from wtforms import SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, Length

from dcim.alarms.handling import list_assignees
from dcim.columns import utc_now
from dcim.handovers.freezing import freeze_open
from dcim.handovers.handing_over import (
    LONGEST_TEXT,
    add_handover_note,
    hand_over,
    take_over,
    tick_off,
)
from dcim.handovers.queries import (
    HandoverFilter,
    find_handover,
    find_item,
    list_handovers,
    list_items,
    list_notes,
)
from dcim.http.database import current_scope, db_session
from dcim.i18n import gettext as _
from dcim.paging import count_pages
from dcim.web import alarm_words
from dcim.web.local_times import begin_of
from dcim.web.noc.blueprint import noc
from dcim.web.staff.answers import answer_form, go_on
from dcim.web.staff.arguments import read_day, read_listing, read_text
from dcim.web.staff.placing_forms import MISSING, strip


@noc.get("/handovers")
def handovers() -> str:
    session, scope = db_session(), current_scope()
    listing = read_listing()
    since, until = read_day("since"), read_day("until")
    wanted = HandoverFilter(
        since=begin_of(since),
        until=None if until is None else begin_of(until + dt.timedelta(days=1)),
        text=read_text("q"),
    )
    page = list_handovers(session, scope, wanted, listing.paging)
    waiting = list_handovers(session, scope, HandoverFilter(waiting=True))
    return render_template(
        "noc/handovers.html",
        page=page,
        pages=count_pages(page.total, page.size),
        listing=listing,
        since=since,
        until=until,
        text=wanted.text,
        waiting=waiting.items,
        items=list_items(session, scope),
        own_id=current_user.id,
        crumbs=_crumbs(),
    )


@noc.get("/handovers/<int:handover_id>")
def handover(handover_id: int) -> str:
    session, scope = db_session(), current_scope()
    row = find_handover(session, scope, handover_id)
    return render_template(
        "noc/handover.html",
        handover=row,
        frozen=row.items,
        items=list_items(session, scope, handover_id),
        notes=list_notes(session, scope, handover_id),
        is_own=row.giver_id == current_user.id,
        instant=dt.datetime.fromisoformat,
        words=alarm_words,
        crumbs=_crumbs(_name(handover_id)),
    )


class HandoverForm(FlaskForm):  # type: ignore[misc]
    meant_for = SelectField(_l("Who takes over"), filters=[strip], validate_choice=False)
    notes = TextAreaField(
        _l("Notes"), filters=[strip], validators=[Length(max=LONGEST_TEXT)], render_kw={"rows": 6}
    )
    items = TextAreaField(
        _l("New items to be done"),
        filters=[strip],
        validators=[Length(max=40_000)],
        description=_l("One on each line; they are carried on until somebody ticks them off."),
        render_kw={"rows": 4},
    )


class HandoverNoteForm(FlaskForm):  # type: ignore[misc]
    text = TextAreaField(
        _l("Note"), filters=[strip], validators=[DataRequired(MISSING), Length(max=LONGEST_TEXT)],
        description=_l("What was handed over stays as it was; a correction is a note."),
    )  # fmt: skip


class TickForm(FlaskForm):  # type: ignore[misc]
    outcome = StringField(
        _l("What came of it"), filters=[strip], validators=[Length(max=LONGEST_TEXT)]
    )


@noc.route("/handovers/new", methods=["GET", "POST"])
def new_handover() -> Any:
    session, scope = db_session(), current_scope()
    form = HandoverForm()
    own = current_user.email
    form.meant_for.choices = [
        SelectChoice(one, one) for one in list_assignees(session, scope) if one != own
    ]

    def give() -> str:
        row = hand_over(
            session, scope, current_user, form.meant_for.data or "", form.notes.data or "",
            (form.items.data or "").splitlines(),
        )  # fmt: skip
        flash(_("It is handed over and waits for %(who)s.", who=row.meant_for), "success")
        return url_for("noc.handover", handover_id=row.id)

    title = _("Hand the shift over")
    return answer_form(
        "noc/handover_form.html", form, give,
        title=title, back=url_for("noc.handovers"), submit=_("Hand over"), crumbs=_crumbs(title),
        freeze=lambda: freeze_open(session, scope, utc_now()), instant=dt.datetime.fromisoformat,
        words=alarm_words,
    )  # fmt: skip


@noc.post("/handovers/<int:handover_id>/take")
def take_handover(handover_id: int) -> Any:
    take_over(db_session(), current_scope(), current_user, handover_id)
    flash(_("The shift is yours."), "success")
    return go_on(url_for("noc.handover", handover_id=handover_id))


@noc.route("/handovers/<int:handover_id>/note", methods=["GET", "POST"])
def note_handover(handover_id: int) -> Any:
    session, scope = db_session(), current_scope()
    row = find_handover(session, scope, handover_id)
    form, back = HandoverNoteForm(), url_for("noc.handover", handover_id=handover_id)

    def save() -> str:
        add_handover_note(session, scope, row.id, form.text.data or "")
        flash(_("The note is kept."), "success")
        return back

    title = _("Write a note")
    return answer_form(
        "noc/act.html", form, save,
        title=title, sub=_name(row.id), submit=_("Save"), back=back,
        crumbs=[*_crumbs(), (_name(row.id), back), (title, "")],
    )  # fmt: skip


@noc.route("/handovers/items/<int:handover_item_id>/tick", methods=["GET", "POST"])
def tick_handover_item(handover_item_id: int) -> Any:
    session, scope = db_session(), current_scope()
    row = find_item(session, scope, handover_item_id)
    form, back = TickForm(), url_for("noc.handovers")

    def tick() -> str:
        tick_off(session, scope, row.id, form.outcome.data or "")
        flash(_("It is done and carried on no more."), "success")
        return back

    title = _("Tick off")
    return answer_form(
        "noc/act.html", form, tick,
        title=title, sub=row.text, submit=title, back=back, crumbs=_crumbs(title),
    )  # fmt: skip


def _name(handover_id: int) -> str:
    return _("Handover %(number)s", number=handover_id)


def _crumbs(name: str = "") -> list[tuple[str, str]]:
    path = [(_("Shift handover"), url_for("noc.handovers"))]
    return [*path, *([(name, "")] if name else [])]
