"""Windows of planned work: the list by day, one with whom it concerns, planning and telling."""

import datetime as dt
from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Any

from flask import Response, flash, render_template, url_for
from flask_wtf import FlaskForm
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse
from wtforms.fields.choices import SelectChoice

from dcim.accounts.roles import Right
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.errors import JifangError
from dcim.http.database import current_scope, db_session
from dcim.http.policy import has_right
from dcim.http.problems import say
from dcim.i18n import gettext as _
from dcim.i18n import pick_text
from dcim.inventory.models import Device, Room
from dcim.network.models import Port
from dcim.operations.maintenance import (
    Plan,
    approve_maintenance,
    begin_maintenance,
    cancel_maintenance,
    change_maintenance,
    find_work,
    finish_maintenance,
    plan_maintenance,
)
from dcim.operations.queries import MaintenanceRow, find_maintenance, list_maintenance
from dcim.operations.targets import read_targets
from dcim.paging import Paging
from dcim.power.models import PowerNode
from dcim.sla.announcing import TELLING_STATES, announce, read_due, word_notice
from dcim.web import maintenance_words as words
from dcim.web.local_times import local_zone, to_instant, to_local
from dcim.web.staff.answers import answer_form, go_on
from dcim.web.staff.arguments import read_int, read_listing, read_text
from dcim.web.staff.blueprint import staff
from dcim.web.staff.maintenance_forms import AnnounceForm, PlanForm, ReasonForm

VIEWS = {
    "coming": ("planned", "approved", "announced"),
    "running": ("under_way",),
    "past": ("done", "cancelled"),
}
MOST_COMING = 200


def group_by_day(rows: Iterable[MaintenanceRow]) -> list[tuple[dt.date, list[MaintenanceRow]]]:
    """By the local day on which each starts, in the order given."""
    zone = local_zone()
    return [
        (day, list(found))
        for day, found in groupby(rows, key=lambda one: one.starts_at.astimezone(zone).date())
    ]


@staff.get("/maintenance")
def maintenance_windows() -> str:
    """What is under way and what comes, by day; what is past, a page at a time."""
    session, scope = db_session(), current_scope()
    view = "past" if read_text("view") == "past" else "coming"
    listing = read_listing()
    coming = list_maintenance(
        session, scope, Paging(1, MOST_COMING), states=VIEWS["coming"] + VIEWS["running"],
        soonest_first=True,
    )  # fmt: skip
    past = list_maintenance(session, scope, listing.paging, states=VIEWS["past"])
    running = [one for one in coming.items if one.state == "under_way"]
    waiting = [one for one in coming.items if one.state != "under_way"]
    return render_template(
        "staff/maintenance_windows.html",
        view=view,
        running=running,
        days=group_by_day(past.items if view == "past" else waiting),
        waiting=waiting,
        past=past,
        listing=listing,
        words=words,
        now=utc_now(),
    )


@staff.get("/maintenance/<int:maintenance_id>")
def maintenance(maintenance_id: int) -> str:
    return _show(maintenance_id)


@staff.route("/maintenance/new", methods=["GET", "POST"])
def plan_maintenance_window() -> Response | BaseResponse:
    session, scope = db_session(), current_scope()
    form = PlanForm()
    context = _describe_form(
        _("Plan maintenance"), _("Plan it"), url_for("staff.maintenance_windows")
    )

    def fill() -> None:
        form.targets.data = _name_asked(session)

    return _save(
        form, context, fill,
        lambda: plan_maintenance(session, scope, Plan(**_read_form(session, scope, form))).id,
        _("It waits for another person's approval."),
    )  # fmt: skip


@staff.route("/maintenance/<int:maintenance_id>/edit", methods=["GET", "POST"])
def edit_maintenance(maintenance_id: int) -> Response | BaseResponse:
    session, scope = db_session(), current_scope()
    row = find_maintenance(session, scope, maintenance_id)
    form = PlanForm()
    context = _describe_form(
        _("Change %(code)s", code=row.code), _("Save"),
        url_for("staff.maintenance", maintenance_id=maintenance_id),
    )  # fmt: skip
    context["row"] = row

    def change() -> int:
        wanted = _read_form(session, scope, form)
        for name in ("starts_at", "ends_at"):
            # A browser sends whole minutes: what wasn't touched stays as it is.
            if wanted[name] == getattr(row, name).replace(second=0, microsecond=0):
                wanted[name] = getattr(row, name)
        return change_maintenance(session, scope, maintenance_id, wanted).id

    return _save(form, context, lambda: _fill(form, row), change, _("Saved."))


@staff.post("/maintenance/<int:maintenance_id>/approve")
def approve_window(maintenance_id: int) -> Response | BaseResponse:
    return _change(maintenance_id, approve_maintenance)


@staff.post("/maintenance/<int:maintenance_id>/begin")
def begin_window(maintenance_id: int) -> Response | BaseResponse:
    return _change(maintenance_id, begin_maintenance)


@staff.post("/maintenance/<int:maintenance_id>/finish")
def finish_window(maintenance_id: int) -> Response | BaseResponse:
    return _change(maintenance_id, finish_maintenance)


@staff.post("/maintenance/<int:maintenance_id>/cancel")
def cancel_window(maintenance_id: int) -> Response | BaseResponse:
    reason = ReasonForm().reason.data or ""
    return _change(
        maintenance_id, lambda session, scope, one: cancel_maintenance(session, scope, one, reason)
    )


@staff.post("/maintenance/<int:maintenance_id>/announce")
def announce_window(maintenance_id: int) -> Response | BaseResponse:
    form = AnnounceForm()
    form.customers.choices = [SelectChoice(one, "") for one in form.customers.data or []]
    if not form.validate():
        problem = " ".join(str(error) for errors in form.errors.values() for error in errors)
        return Response(_show(maintenance_id, problem), status=422)

    def tell(session: Session, scope: Scope, one: int) -> None:
        told = announce(
            session, scope, one, form.channel.data, form.customers.data,
            to_instant(form.sent_at.data),
        )  # fmt: skip
        flash(_("%(count)s notices are recorded.", count=len(told.notices)), "success")
        if told.unreached:
            flash(
                _("Nobody to tell this way at: %(customers)s.",
                  customers=", ".join(told.unreached)),
                "warning",
            )  # fmt: skip

    return _change(maintenance_id, tell)


def _change(
    maintenance_id: int, act: Callable[[Session, Scope, int], object]
) -> Response | BaseResponse:
    """Back to the window; a refusal is told there."""
    session, scope = db_session(), current_scope()
    try:
        act(session, scope, maintenance_id)
    except JifangError as error:
        if error.status == 404:
            raise
        session.rollback()
        return Response(_show(maintenance_id, say(error)), status=error.status)
    return go_on(url_for("staff.maintenance", maintenance_id=maintenance_id))


def _show(maintenance_id: int, problem: str = "") -> str:
    session, scope, now = db_session(), current_scope(), utc_now()
    row = find_maintenance(session, scope, maintenance_id)
    work = find_work(session, scope, maintenance_id, lock=False)
    due = read_due(session, scope, work, now)
    telling = row.state in TELLING_STATES and has_right(Right.PLAN_MAINTENANCE)
    names = {one.customer.code: pick_text(one.customer.name, one.customer.name_en) for one in due}
    return render_template(
        "staff/maintenance.html",
        row=row,
        due=due,
        late=[one for one in due if one.standing in ("late", "counts", "part")],
        waiting=[one for one in due if not one.is_told],
        texts={one.customer.id: word_notice(work, one) for one in due} if telling else {},
        telling=telling,
        form=AnnounceForm(),
        names=names,
        problem=problem,
        words=words,
        now=now,
        crumbs=[(_("Maintenance"), url_for("staff.maintenance_windows")), (row.code, "")],
    )


def _describe_form(title: str, submit: str, back: str) -> dict[str, Any]:
    return {
        "title": title,
        "submit": submit,
        "back": back,
        "crumbs": [(_("Maintenance"), url_for("staff.maintenance_windows")), (title, "")],
    }


def _save(
    form: FlaskForm,
    context: dict[str, Any],
    fill: Callable[[], None],
    act: Callable[[], int],
    done: str,
) -> Response | BaseResponse:
    def deed() -> str:
        maintenance_id = act()
        flash(done, "success")
        return url_for("staff.maintenance", maintenance_id=maintenance_id)

    return answer_form("staff/maintenance_plan.html", form, deed, fill=fill, **context)


def _read_form(session: Session, scope: Scope, form: PlanForm) -> dict[str, Any]:
    names = ("title", "title_en", "kind", "risk", "reason", "reason_en", "work_plan", "evidence")
    return {
        **{name: getattr(form, name).data or "" for name in names},
        "starts_at": to_instant(form.starts_at.data),
        "ends_at": to_instant(form.ends_at.data),
        "targets": read_targets(session, scope, form.targets.data),
    }


def _fill(form: PlanForm, row: MaintenanceRow) -> None:
    for name in ("title", "title_en", "kind", "risk", "reason", "reason_en", "work_plan",
                 "evidence"):  # fmt: skip
        getattr(form, name).data = getattr(row, name)
    form.starts_at.data = to_local(row.starts_at)
    form.ends_at.data = to_local(row.ends_at)
    form.targets.data = "\n".join(one.name for one in row.targets)


def _name_asked(session: Session) -> str:
    """The things that the address asks for (`power_node`, `device`, `port`, `room`), by name."""
    found: list[str] = []
    for name, statement in (
        ("power_node", select(PowerNode.code).where(PowerNode.id == read_int("power_node"))),
        ("room", select(Room.code).where(Room.id == read_int("room"))),
        ("device", select(Device.name).where(Device.id == read_int("device"))),
        (
            "port",
            select(Device.name + " " + Port.name)
            .join(Port, Port.device_id == Device.id)
            .where(Port.id == read_int("port")),
        ),
    ):
        if read_int(name) is not None:
            found += session.scalars(statement).all()
    return "\n".join(found)
