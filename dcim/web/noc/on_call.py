"""Who is on call, the month, standing in; and the policies of whom to tell next."""

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

from flask import flash, render_template, url_for
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.alarms.oncall.calendars import (
    YEARS,
    change_calendar,
    create_calendar,
    delete_calendar,
    end_stand_in,
    stand_in,
)
from dcim.alarms.oncall.policies import change_policy, create_policy, delete_policy
from dcim.alarms.oncall.queries import (
    AHEAD,
    find_calendar,
    find_policy,
    list_calendars,
    list_month,
    list_policies,
)
from dcim.columns import utc_now
from dcim.http.database import current_scope, db_session
from dcim.i18n import gettext as _
from dcim.web import alarm_words, on_call_words
from dcim.web.local_times import house_today, local_zone, to_instant, to_local
from dcim.web.noc.blueprint import noc
from dcim.web.noc.on_call_forms import CalendarForm, PolicyForm, StandInForm
from dcim.web.staff.answers import answer_form, go_on
from dcim.web.staff.arguments import read_text


@noc.get("/on-call")
def on_call() -> str:
    session, scope = db_session(), current_scope()
    return render_template(
        "noc/on_call.html",
        calendars=list_calendars(session, scope, utc_now()),
        policies=list_policies(session, scope),
        ahead=AHEAD,
        words=on_call_words,
        alarm_words=alarm_words,
        crumbs=_crumbs(),
    )


@noc.get("/on-call/<int:on_call_calendar_id>")
def on_call_calendar(on_call_calendar_id: int) -> str:
    session, scope = db_session(), current_scope()
    now = utc_now()
    row = find_calendar(session, scope, on_call_calendar_id, now)
    zone = ZoneInfo(row.timezone)
    today = now.astimezone(zone).date()
    month = _read_month(read_text("month"), today)
    return render_template(
        "noc/on_call_calendar.html",
        calendar=row,
        month=month,
        before=(month - dt.timedelta(days=1)).replace(day=1),
        after=(month + dt.timedelta(days=32)).replace(day=1),
        weeks=list_month(session, scope, row.id, month),
        today=today,
        zoned=lambda at: at.astimezone(zone),
        ahead=AHEAD,
        words=on_call_words,
        crumbs=_crumbs(row.name),
    )


def _read_month(text: str, today: dt.date) -> dt.date:
    """Of "2026-11" the first day; of today's month for what is none."""
    try:
        month = dt.date.fromisoformat(f"{text}-01")
    except ValueError:
        month = today.replace(day=1)
    return month if month.year in YEARS else today.replace(day=1)


@noc.route("/on-call/new", methods=["GET", "POST"])
def new_on_call_calendar() -> Any:
    form = CalendarForm()

    def fill() -> None:
        form.timezone.data, form.days.data = str(local_zone()), 7
        form.handover.data, form.first_day.data = dt.time(9), house_today()

    def enter() -> str:
        row = create_calendar(db_session(), current_scope(), form.read())
        flash(_("The calendar is entered."), "success")
        return url_for("noc.on_call_calendar", on_call_calendar_id=row.id)

    title = _("New on-call calendar")
    return answer_form(
        "noc/act.html", form, enter, fill=fill,
        title=title, sub="", submit=_("Enter"), back=url_for("noc.on_call"), crumbs=_crumbs(title),
    )  # fmt: skip


@noc.route("/on-call/<int:on_call_calendar_id>/edit", methods=["GET", "POST"])
def edit_on_call_calendar(on_call_calendar_id: int) -> Any:
    session, scope = db_session(), current_scope()
    row = find_calendar(session, scope, on_call_calendar_id, utc_now())
    form, back = CalendarForm(), _show(on_call_calendar_id)

    def save() -> str:
        change_calendar(session, scope, on_call_calendar_id, form.read())
        flash(_("The calendar is changed."), "success")
        return back

    return answer_form(
        "noc/act.html", form, save, fill=lambda: form.fill(row),
        title=_("Edit the calendar"), sub=row.name, submit=_("Save"), back=back,
        crumbs=_crumbs(row.name, back, _("Edit")),
    )  # fmt: skip


@noc.post("/on-call/<int:on_call_calendar_id>/delete")
def delete_on_call_calendar(on_call_calendar_id: int) -> Any:
    delete_calendar(db_session(), current_scope(), on_call_calendar_id)
    flash(_("The calendar is deleted."), "success")
    return go_on(url_for("noc.on_call"))


@noc.route("/on-call/<int:on_call_calendar_id>/stand-in", methods=["GET", "POST"])
def add_on_call_stand_in(on_call_calendar_id: int) -> Any:
    session, scope = db_session(), current_scope()
    row = find_calendar(session, scope, on_call_calendar_id, utc_now())
    form, back = StandInForm(), _show(on_call_calendar_id)
    form.offer(session, scope)

    def fill() -> None:
        form.starts_at.data = to_local(utc_now().replace(second=0, microsecond=0))
        form.ends_at.data = to_local(row.now.ends_at)

    def enter() -> str:
        starts, ends = to_instant(form.starts_at.data), to_instant(form.ends_at.data)
        if starts is not None and ends is not None:
            stand_in(
                session, scope, on_call_calendar_id, form.person.data, starts, ends,
                form.reason.data or "",
            )  # fmt: skip
        flash(_("It is entered: whoever stands in is on call then."), "success")
        return back

    title = _("Stand in")
    return answer_form(
        "noc/act.html", form, enter, fill=fill,
        title=title, sub=row.name, submit=_("Enter"), back=back,
        crumbs=_crumbs(row.name, back, title),
    )  # fmt: skip


@noc.post("/on-call/<int:on_call_calendar_id>/stand-ins/<int:stand_in_id>/end")
def end_on_call_stand_in(on_call_calendar_id: int, stand_in_id: int) -> Any:
    end_stand_in(db_session(), current_scope(), on_call_calendar_id, stand_in_id)
    flash(_("Whose turn it is has it again."), "success")
    return go_on(_show(on_call_calendar_id))


@noc.route("/on-call/policies/new", methods=["GET", "POST"])
def new_escalation_policy() -> Any:
    session, scope = db_session(), current_scope()
    form = _policy_form(session, scope)

    def fill() -> None:
        form.enabled.data, form.severity.data, form.site_id.data = True, "major", 0

    def enter() -> str:
        create_policy(session, scope, form.read())
        flash(_("The policy is entered; alarms that are on count from now."), "success")
        return url_for("noc.on_call")

    title = _("New escalation policy")
    return answer_form(
        "noc/escalation_form.html", form, enter, fill=fill,
        title=title, sub="", submit=_("Enter"), back=url_for("noc.on_call"), crumbs=_crumbs(title),
    )  # fmt: skip


@noc.route("/on-call/policies/<int:escalation_policy_id>/edit", methods=["GET", "POST"])
def edit_escalation_policy(escalation_policy_id: int) -> Any:
    session, scope = db_session(), current_scope()
    row = find_policy(session, scope, escalation_policy_id)
    form = _policy_form(session, scope)

    def save() -> str:
        change_policy(session, scope, escalation_policy_id, form.read())
        flash(_("The policy is changed."), "success")
        return url_for("noc.on_call")

    return answer_form(
        "noc/escalation_form.html", form, save, fill=lambda: form.fill(row),
        title=_("Edit the policy"), sub=row.name, submit=_("Save"), back=url_for("noc.on_call"),
        crumbs=_crumbs(row.name),
    )  # fmt: skip


@noc.post("/on-call/policies/<int:escalation_policy_id>/delete")
def delete_escalation_policy(escalation_policy_id: int) -> Any:
    delete_policy(db_session(), current_scope(), escalation_policy_id)
    flash(_("The policy is deleted."), "success")
    return go_on(url_for("noc.on_call"))


def _policy_form(session: Session, scope: Scope) -> PolicyForm:
    form = PolicyForm()
    form.offer(session, scope)
    return form


def _show(calendar_id: int) -> str:
    return url_for("noc.on_call_calendar", on_call_calendar_id=calendar_id)


def _crumbs(name: str = "", url: str = "", last: str = "") -> list[tuple[str, str]]:
    path = [(_("Alarms"), url_for("noc.alarms")), (_("On call"), url_for("noc.on_call"))]
    return [*path, *([(name, url)] if name else []), *([(last, "")] if last else [])]
