"""Deleting a record after a question, and bringing back what was deleted in the last 30 days."""

from flask import Response, flash, redirect, render_template, request, url_for
from flask_wtf.csrf import generate_csrf
from markupsafe import Markup
from werkzeug.exceptions import Forbidden
from werkzeug.wrappers import Response as BaseResponse

from dcim.errors import ConflictError, NotFoundError, StaleError
from dcim.http.database import current_scope, db_session
from dcim.http.problems import say
from dcim.i18n import gettext as _
from dcim.paging import Paging
from dcim.records.deletions import KEPT, find_deleted, list_deleted, restore_record
from dcim.records.kinds import Kind
from dcim.records.listing import find_record
from dcim.records.record import etag_of
from dcim.records.related import count_related
from dcim.records.titles import find_paths
from dcim.records.writing import delete_record
from dcim.web.staff.answers import go_on
from dcim.web.staff.arguments import read_listing
from dcim.web.staff.records.addresses import (
    all_kinds,
    kind_url,
    may_change,
    may_see,
    record_url,
    safe_way_back,
    seen_kinds,
)


def delete_one(kind: Kind, record_id: int) -> Response | BaseResponse:
    session, scope = db_session(), current_scope()
    found = find_record(session, scope, kind, record_id)
    path = find_paths(session, scope, kind, [record_id]).get(record_id, "")
    problem, status = "", 200
    version = etag_of(kind, found)
    if request.method == "POST":
        try:
            kept = delete_record(
                session, scope, kind, record_id,
                kinds=all_kinds(), expected=request.form.get("version"),
            )  # fmt: skip
        except (ConflictError, StaleError) as error:
            session.rollback()
            problem, status = say(error), error.status
        else:
            _offer_undo(_("%(name)s is deleted.", name=path), kept)
            return go_on(safe_way_back(f"{kind_url(kind, 'list')}?view=0"))
    related = count_related(session, scope, all_kinds(), kind, record_id)
    page = render_template(
        "staff/records/delete.html",
        kind=kind,
        record_id=record_id,
        path=path,
        version=version,
        problem=problem,
        days=KEPT.days,
        obstacles=[one for one in related if one.count and one.obstacle],
        along=[one for one in related if one.count and not one.obstacle],
        may_see=may_see,
        kind_url=kind_url,
        cancel=record_url(kind, record_id),
        back=request.values.get("back", ""),
        crumbs=[
            (_(kind.label_plural), kind_url(kind, "list")),
            (path, record_url(kind, record_id)),
            (_("Delete"), ""),
        ],
    )
    return Response(page, status)


def _offer_undo(text: str, kept: int) -> None:
    """A message with the way back in it: undoing changes something, so it is a form."""
    form = Markup(
        '{text} <form class="inline" method="post" action="{url}">'
        '<input type="hidden" name="csrf_token" value="{token}">'
        '<button class="btn btn-link" type="submit">{undo}</button></form>'
    ).format(
        text=text,
        url=url_for("staff.restore", deletion_id=kept),
        token=generate_csrf(),
        undo=_("Undo"),
    )
    flash(form, "success")


def show_deleted() -> str:
    """What can be brought back, of the kinds this reader may see."""
    kinds = {kind.name: kind for kind in seen_kinds()}
    listing = read_listing()
    found = list_deleted(
        db_session(), current_scope(), Paging(listing.paging.page, 50), kinds=list(kinds)
    )
    return render_template(
        "staff/records/deleted.html",
        found=found,
        listing=listing,
        kinds=kinds,
        kept=KEPT,
        may_change=may_change,
        crumbs=[(_("Deleted records"), "")],
    )


def restore(deletion_id: int) -> BaseResponse:
    session, scope = db_session(), current_scope()
    kept = find_deleted(session, scope, deletion_id)
    kind = next((one for one in all_kinds() if one.name == kept.kind), None)
    if kind is None:
        raise NotFoundError("There is nothing to bring back.")
    if not may_change(kind):
        raise Forbidden
    title = kept.title
    try:
        record_id = restore_record(session, scope, all_kinds(), deletion_id)
    except ConflictError as error:
        session.rollback()
        flash(say(error), "error")
        return redirect(url_for("staff.deleted"), code=303)
    flash(_("%(name)s is back.", name=title), "success")
    return redirect(record_url(kind, record_id) if may_see(kind) else "/", code=303)
