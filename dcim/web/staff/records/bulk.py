"""Changing or deleting many records at once: the form, what it would do, then all or none."""

import hashlib
from dataclasses import dataclass
from typing import Any

from flask import Response, flash, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from dcim.errors import InvalidError, JifangError, StaleError
from dcim.http.database import current_scope, db_session
from dcim.http.problems import say, say_fields
from dcim.i18n import gettext as _
from dcim.records.bulk import delete_many
from dcim.records.fields import Field, FlagType, ReferenceType
from dcim.records.kinds import Kind, Values
from dcim.records.record import Record, etag_of
from dcim.records.titles import find_paths, find_titles
from dcim.records.values import InvalidValuesError, RefusedRecordsError
from dcim.records.writing import change_many, find_changes
from dcim.web.staff.records.addresses import all_kinds, kind_url, record_url
from dcim.web.staff.records.choosing import choose_records
from dcim.web.staff.records.inputs import Input, RecordForm, make_form, read_values, take
from dcim.web.staff.records.showing import Shown, show_field, show_value


@dataclass(frozen=True, slots=True)
class Change:
    """What one record would become: (field, before, after)."""

    path: str
    url: str
    fields: list[tuple[Field, Shown, Shown]]


def change_in_bulk(kind: Kind) -> Response | BaseResponse:
    """One address for the steps: `deed` is edit, diff, apply, delete or remove."""
    session, scope = db_session(), current_scope()
    deed = request.form.get("deed", "edit")
    try:
        chosen = choose_records(session, scope, kind)
    except InvalidError as error:
        flash(say(error), "error")
        return redirect(_way_back(kind), code=303)
    if deed in {"delete", "remove"}:
        return _delete(kind, chosen, confirmed=deed == "remove")
    form = make_form(kind, [one for one in kind.fields if one.bulk and not one.fixed])
    for one in form.inputs:
        _offer_unchanged(one)
    if deed == "edit":
        return _show_form(kind, form, chosen)
    take(form, request.form)
    if deed == "again":
        return _show_form(kind, form, chosen)
    return _check(kind, form, chosen, applied=deed == "apply")


def _check(
    kind: Kind, form: RecordForm, chosen: list[Record], *, applied: bool
) -> Response | BaseResponse:
    """Judge what was typed, show what it would do, and do it when that was seen before."""
    values = read_values(db_session(), current_scope(), form, wanted=_is_given)
    if values == {}:
        form.problems.append(_("Nothing is to be changed: fill in at least one field."))
    if not values:
        return _show_form(kind, form, chosen, 422)
    try:
        changes, unchanged = _preview(kind, chosen, values)
    except InvalidValuesError as error:
        form.tell(say_fields(error))
        return _show_form(kind, form, chosen, 422)
    seen = digest_of(kind, chosen)
    context: dict[str, Any] = {
        "form": form, "seen": seen, "changes": changes, "unchanged": unchanged
    }  # fmt: skip
    if not applied:
        return _show("diff", kind, chosen, 200, **context)
    if request.form.get("seen") != seen:
        return _show("diff", kind, chosen, StaleError.status, stale=True, **context)
    return _apply(kind, chosen, values, **context)


def _apply(
    kind: Kind, chosen: list[Record], values: Values, **context: Any
) -> Response | BaseResponse:
    session, scope = db_session(), current_scope()
    try:
        change_many(session, scope, kind, [one.id for one in chosen], values)
    except RefusedRecordsError as error:
        return _refuse("diff", kind, chosen, error, **context)
    except JifangError as error:
        session.rollback()
        context["form"].problems.append(say(error))
        return _show_form(kind, context["form"], chosen, error.status)
    flash(_("%(count)s records are changed.", count=len(context["changes"])), "success")
    return redirect(_way_back(kind), code=303)


def _offer_unchanged(one: Input) -> None:
    """A flag is asked as a choice here: there is a third answer, to leave it."""
    if isinstance(one.field.type, FlagType):
        one.how = "choice"
        one.choices = [("yes", _("yes")), ("no", _("no"))]


def _is_given(one: Input) -> bool:
    return one.nothing or bool(one.text.strip())


def _preview(kind: Kind, chosen: list[Record], values: Values) -> tuple[list[Change], int]:
    """Every record and field that would change. A statement for each reference changed."""
    session, scope = db_session(), current_scope()
    paths = find_paths(session, scope, kind, [one.id for one in chosen])
    titles: dict[str, dict[int, str]] = {}
    for name, value in values.items():
        one = kind.field(name)
        if isinstance(one.type, ReferenceType) and value is not None:
            titles[name] = find_titles(session, scope, one.type.kind(), [value])
    changes = []
    for each in chosen:
        differing = find_changes(kind, each, values)
        if differing:
            fields = [
                (
                    kind.field(name),
                    show_field(kind, kind.field(name), each),
                    show_value(kind.field(name), value, titles.get(name)),
                )
                for name, value in differing.items()
            ]
            changes.append(Change(paths[each.id], record_url(kind, each.id), fields))
    return changes, len(chosen) - len(changes)


def digest_of(kind: Kind, chosen: list[Record]) -> str:
    """Changes when any of the records has changed."""
    text = "".join(etag_of(kind, one) for one in chosen)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _delete(kind: Kind, chosen: list[Record], *, confirmed: bool) -> Response | BaseResponse:
    session, scope = db_session(), current_scope()
    if confirmed:
        ids = [one.id for one in chosen]
        try:
            delete_many(session, scope, kind, ids, kinds=all_kinds())
        except RefusedRecordsError as error:
            return _refuse("bulk_delete", kind, chosen, error)
        flash(_("%(count)s records are deleted.", count=len(ids)), "success")
        return redirect(_way_back(kind), code=303)
    return _show("bulk_delete", kind, chosen, 200)


def _refuse(
    template: str, kind: Kind, chosen: list[Record], error: RefusedRecordsError, **context: Any
) -> Response:
    """Which record refuses, and why; what was typed is carried on."""
    db_session().rollback()
    return _show(
        template, kind, chosen, error.status,
        refusal=say(error), refusals=say_fields(error), **context,
    )  # fmt: skip


def _show_form(kind: Kind, form: RecordForm, chosen: list[Record], status: int = 200) -> Response:
    return _show("bulk", kind, chosen, status, form=form)


def _show(template: str, kind: Kind, chosen: list[Record], status: int, **context: Any) -> Response:
    ids = [one.id for one in chosen]
    page = render_template(
        f"staff/records/{template}.html",
        kind=kind,
        ids=",".join(str(one) for one in ids),
        count=len(ids),
        paths=find_paths(db_session(), current_scope(), kind, ids[:100]),
        action=kind_url(kind, "bulk"),
        query=request.form.get("query", ""),
        back=_way_back(kind),
        crumbs=[
            (_(kind.label_plural), kind_url(kind, "list")),
            (_("%(count)s chosen", count=len(ids)), ""),
        ],
        **context,
    )
    return Response(page, status)


def _way_back(kind: Kind) -> str:
    query = request.form.get("query", "").replace("\0", "").lstrip("?")
    return f"{kind_url(kind, 'list')}?{query or 'view=0'}"
