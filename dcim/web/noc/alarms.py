"""The list of alarms, one alarm with its history, and what people do with it."""

import datetime as dt
from collections.abc import Callable
from typing import Any, cast

from flask import current_app, flash, make_response, render_template, request, url_for
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms import SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length

from dcim.accounts.scope import Scope
from dcim.alarms.burns import list_unknown
from dcim.alarms.handling import (
    LONGEST_NOTE,
    acknowledge,
    add_note,
    assign,
    end_snooze,
    list_assignees,
    snooze,
)
from dcim.alarms.oncall.plans import list_deeds, list_plans
from dcim.alarms.queries import (
    SHOWS,
    SORTS,
    AlarmFilter,
    AlarmRow,
    find_alarm,
    find_port_users,
    find_rule,
    list_alarms,
    list_events,
    tally_alarms,
)
from dcim.alarms.reading_words import say_detail, say_value
from dcim.alarms.rooting import find_hit_customers
from dcim.alarms.rounds import BEAT_S, RoundRow, read_round
from dcim.alarms.rules.limits import SEVERITIES
from dcim.alarms.rules.quantities import SUBJECT_KINDS
from dcim.columns import utc_now
from dcim.config import Settings
from dcim.errors import NotFoundError
from dcim.http.database import current_scope, db_session
from dcim.i18n import gettext as _
from dcim.i18n import pick_text
from dcim.inventory.queries import list_sites
from dcim.paging import EVERYTHING, Paging, count_pages
from dcim.sla.burn_progress import find_unjudged
from dcim.sla.burned_stretches import BurnedRow, list_burned
from dcim.snmp.agents.queries import find_agent
from dcim.web import alarm_words, on_call_words
from dcim.web.local_times import LocalTimeField, to_instant, to_local
from dcim.web.noc.blueprint import noc
from dcim.web.refreshing import answer_part, tag_of, wants_part
from dcim.web.staff.answers import answer_form, go_on
from dcim.web.staff.arguments import read_int, read_listing, read_text
from dcim.web.staff.placing_forms import MISSING, strip

# A round that is so old wasn't followed by the next: nobody evaluates.
STALLED_AFTER = dt.timedelta(seconds=90)
SHOWN_BEFORE = 10
SHOWN_BELOW = Paging(1, 100)


@noc.get("/alarms")
def alarms() -> Response:
    session, scope, now = db_session(), current_scope(), utc_now()
    listing = read_listing(SORTS)
    wanted = _read_filter()
    page = list_alarms(
        session, scope, wanted, listing.paging,
        now=now, sort=listing.sort, descending=listing.descending,
    )  # fmt: skip
    tally = tally_alarms(session, scope, now)
    done = read_round(session)
    is_stalled = has_stalled(done, now)
    users = find_port_users(
        session, scope, [one.subject_id for one in page.items if one.subject_kind == "port"], now
    )
    unknown = list_unknown(session, scope, now)
    tag = tag_of(scope, page, tally, is_stalled, users, unknown)

    def render(quoted: str) -> str:
        part = wants_part()
        return render_template(
            "noc/alarms_part.html" if part else "noc/alarms.html",
            page=page,
            pages=count_pages(page.total, page.size),
            listing=listing,
            wanted=wanted,
            tally=tally,
            done=done,
            is_stalled=is_stalled,
            unknown=unknown,
            users=users,
            filters=[] if part else _offer(session, scope, wanted),
            beat=BEAT_S,
            words=alarm_words,
            say_value=say_value,
            say_detail=say_detail,
            tag=quoted,
            now=now,
        )

    if wants_part():
        return answer_part(tag, render)
    return make_response(render(f'"{tag}"'))


def has_stalled(done: RoundRow | None, now: dt.datetime) -> bool:
    """Whether nobody evaluates: what isn't raised then says nothing."""
    return done is None or now - done.at > STALLED_AFTER


def _read_filter() -> AlarmFilter:
    show, severity, kind = read_text("show"), read_text("severity"), read_text("kind")
    return AlarmFilter(
        show=show if show in SHOWS else "causes",
        severity=severity if severity in SEVERITIES else None,
        rule_id=read_int("rule"),
        site_id=read_int("site"),
        subject_kind=kind if kind in SUBJECT_KINDS else None,
        subject_id=read_int("subject"),
        text=read_text("q"),
    )


Filter = tuple[str, Any, list[tuple[str, Any]], str]


def _offer(session: Session, scope: Scope, wanted: AlarmFilter) -> list[Filter]:
    """(name in the URL, label, choices, chosen)."""
    sites = list_sites(session, scope, EVERYTHING).items
    everything = ("", _("All"))
    return [
        ("show", _("Show"), list(alarm_words.SHOWS.items()), wanted.show),
        (
            "severity",
            _("Severity"),
            [everything, *alarm_words.SEVERITIES.items()],
            wanted.severity or "",
        ),
        ("kind", _("On"), [everything, *alarm_words.SUBJECTS.items()], wanted.subject_kind or ""),
        (
            "site",
            _("Site"),
            [
                everything,
                *((str(one.id), f"{one.code} {pick_text(one.name, one.name_en)}") for one in sites),
            ],
            str(wanted.site_id or ""),
        ),
    ]


@noc.get("/alarms/<int:alarm_id>")
def alarm(alarm_id: int) -> str:
    session, scope, now = db_session(), current_scope(), utc_now()
    found = find_alarm(session, scope, alarm_id)
    same = AlarmFilter(
        rule_id=found.rule_id, subject_kind=found.subject_kind, subject_id=found.subject_id
    )
    before = list_alarms(
        session, scope, same, Paging(1, SHOWN_BEFORE + 1), now=now, sort="since", descending=True
    )
    below = list_alarms(
        session, scope, AlarmFilter(show="open", root_id=found.id), SHOWN_BELOW, now=now
    )
    return render_template(
        "noc/alarm.html",
        alarm=found,
        events=list_events(session, scope, alarm_id),
        plans=list_plans(
            session, scope, cast(Settings, current_app.config["JIFANG"]), alarm_id, now
        ),
        deeds={one.event_id: one for one in list_deeds(session, scope, alarm_id)},
        on_call=on_call_words,
        before=[one for one in before.items if one.id != found.id][:SHOWN_BEFORE],
        total=before.total,
        below=below,
        hits=find_hit_customers(session, scope, found.id, now),
        where=_link_subject(session, found),
        burned=_read_burned(session, scope, found, now),
        unjudged=(
            find_unjudged(session, scope, found.subject_id, now)
            if found.kind == "burn" and not found.cleared_at
            else None
        ),
        words=alarm_words,
        say_value=say_value,
        say_detail=say_detail,
        now=now,
        crumbs=[(_("Alarms"), url_for("noc.alarms")), (found.label, "")],
    )


def _link_subject(session: Session, found: AlarmRow) -> str:
    """Where its measurements are shown; "" when it is gone."""
    if found.subject_kind == "port":
        return url_for("noc.port", port_id=found.subject_id)
    if found.subject_kind == "node":
        return url_for("staff.power_node", node_id=found.subject_id)
    if found.subject_kind == "sensor":
        return url_for("noc.environment")
    if found.subject_kind == "item":
        return url_for("staff.show_contract_item", contract_item_id=found.subject_id)
    try:
        agent = find_agent(session, found.subject_id)
    except NotFoundError:
        return ""
    return url_for("staff.device_polling", device_id=agent.device_id)


def _read_burned(
    session: Session, scope: Scope, found: AlarmRow, now: dt.datetime
) -> list[BurnedRow]:
    """What counted within the window in which it was raised, and since; of other rules nothing."""
    if found.kind != "burn":
        return []
    window = dt.timedelta(seconds=find_rule(session, scope, found.rule_id).window_s)
    until = found.cleared_at or now
    return list_burned(session, scope, found.subject_id, found.raised_at - window, until)


class AcknowledgeForm(FlaskForm):  # type: ignore[misc]
    note = StringField(_l("Note"), filters=[strip], validators=[Length(max=LONGEST_NOTE)])


class AssignForm(FlaskForm):  # type: ignore[misc]
    person = SelectField(_l("Who takes care"), validate_choice=False)


class NoteForm(FlaskForm):  # type: ignore[misc]
    text = StringField(
        _l("Note"), filters=[strip], validators=[DataRequired(MISSING), Length(max=LONGEST_NOTE)]
    )


class SnoozeForm(FlaskForm):  # type: ignore[misc]
    until = LocalTimeField(
        _l("Tell nobody until"),
        format=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
        validators=[InputRequired(MISSING)],
    )
    note = StringField(_l("Why"), filters=[strip], validators=[Length(max=LONGEST_NOTE)])


@noc.route("/alarms/<int:alarm_id>/acknowledge", methods=["GET", "POST"])
def acknowledge_alarm(alarm_id: int) -> Any:
    form = AcknowledgeForm()
    return _answer(
        alarm_id,
        form,
        _("Acknowledge the alarm"),
        _("Acknowledge"),
        lambda: acknowledge(db_session(), current_scope(), alarm_id, form.note.data or ""),
        done=_("The alarm is yours."),
    )


@noc.route("/alarms/<int:alarm_id>/assign", methods=["GET", "POST"])
def assign_alarm(alarm_id: int) -> Any:
    session, scope = db_session(), current_scope()
    form = AssignForm()
    form.person.choices = [
        SelectChoice("", _("Nobody")),
        *(SelectChoice(person, person) for person in list_assignees(session, scope)),
    ]
    if request.method == "GET":
        form.person.data = find_alarm(session, scope, alarm_id).assigned_to
    return _answer(
        alarm_id,
        form,
        _("Assign the alarm"),
        _("Assign to…"),
        lambda: assign(session, scope, alarm_id, form.person.data or ""),
        done=_("The alarm is assigned."),
    )


@noc.route("/alarms/<int:alarm_id>/note", methods=["GET", "POST"])
def note_alarm(alarm_id: int) -> Any:
    form = NoteForm()
    return _answer(
        alarm_id,
        form,
        _("Write a note"),
        _("Save"),
        lambda: add_note(db_session(), current_scope(), alarm_id, form.text.data or ""),
        done=_("The note is kept."),
    )


@noc.route("/alarms/<int:alarm_id>/snooze", methods=["GET", "POST"])
def snooze_alarm(alarm_id: int) -> Any:
    form = SnoozeForm()
    if request.method == "GET":
        form.until.data = to_local((utc_now() + dt.timedelta(hours=1)).replace(second=0))

    def put_off() -> None:
        until = to_instant(form.until.data)
        if until is not None:
            snooze(db_session(), current_scope(), alarm_id, until, form.note.data or "")

    return _answer(
        alarm_id, form, _("Put the alarm off"), _("Put off"), put_off,
        done=_("Nobody is told of it until then."),
    )  # fmt: skip


@noc.post("/alarms/<int:alarm_id>/unsnooze")
def unsnooze_alarm(alarm_id: int) -> Any:
    end_snooze(db_session(), current_scope(), alarm_id)
    flash(_("People are told of it again."), "success")
    return go_on(url_for("noc.alarm", alarm_id=alarm_id))


def _answer(
    alarm_id: int,
    form: FlaskForm,
    title: str,
    submit: str,
    deed: Callable[[], object],
    *,
    done: str,
) -> Any:
    found = find_alarm(db_session(), current_scope(), alarm_id)
    back = url_for("noc.alarm", alarm_id=alarm_id)

    def act() -> str:
        deed()
        flash(done, "success")
        return back

    return answer_form(
        "noc/act.html",
        form,
        act,
        title=title,
        sub=f"{pick_text(found.rule_name, found.rule_name_en)} · {found.label}",
        submit=submit,
        back=back,
        crumbs=[(_("Alarms"), url_for("noc.alarms")), (found.label, back), (title, "")],
    )
