"""Creating, copying and changing one record by its form."""

from typing import Any

from flask import Response, flash, render_template, request
from sqlalchemy import UniqueConstraint
from werkzeug.wrappers import Response as BaseResponse

from dcim.errors import InvalidError, JifangError, NotFoundError, StaleError
from dcim.http.database import current_scope, db_session
from dcim.http.problems import say, say_fields
from dcim.i18n import gettext as _
from dcim.records.fields import ReferenceType
from dcim.records.kinds import Kind
from dcim.records.listing import find_record
from dcim.records.record import etag_of
from dcim.records.titles import find_paths
from dcim.records.values import InvalidValuesError
from dcim.records.writing import change_record, create_record
from dcim.web.staff.answers import go_on
from dcim.web.staff.records.addresses import kind_url, record_url, safe_way_back
from dcim.web.staff.records.inputs import (
    RecordForm,
    fill_defaults,
    fill_query,
    fill_record,
    make_form,
    read_values,
    take,
)
from dcim.web.staff.records.showing import show_field


def new_record(kind: Kind) -> Response | BaseResponse:
    session, scope = db_session(), current_scope()
    form = make_form(kind, kind.fields)
    if request.method == "GET":
        fill_defaults(form)
        source = request.args.get("clone", "")
        if source.isascii() and source.isdigit() and len(source) < 19:
            _fill_copy(form, int(source))
        fill_query(session, scope, form, request.args)
        return _answer(form)
    take(form, request.form)
    values = read_values(session, scope, form, wanted=lambda one: True)
    if values is None:
        return _answer(form, 422)
    try:
        made = create_record(session, scope, kind, values)
        path = find_paths(session, scope, kind, [made.id]).get(made.id, "")
    except JifangError as error:
        return _answer(form, refuse_form(form, error))
    flash(_("%(kind)s %(name)s is entered.", kind=_(kind.label), name=path), "success")
    if "another" in request.form:
        parents = {one.name: made[one.name] for one in kind.references if made[one.name]}
        kept: dict[str, Any] = {name: value for name, value in parents.items() if name in kind.key}
        if back := safe_way_back(""):
            kept["back"] = back
        return go_on(kind_url(kind, "new", **kept))
    return go_on(safe_way_back(record_url(kind, made.id)))


def _fill_copy(form: RecordForm, source: int) -> None:
    """All but what no two records may share, the own code and every unique mark, and what is one
    thing's alone: where it stands, its lock."""
    session, scope, kind = db_session(), current_scope(), form.kind
    fill_record(session, scope, form, find_record(session, scope, kind, source))
    alone = unique_fields(kind) | {kind.key[-1]}
    alone |= {one.name for one in kind.fields if not one.copied}
    for one in form.inputs:
        if one.field.name in alone and not isinstance(one.field.type, ReferenceType):
            one.text, one.checked = "", False


def unique_fields(kind: Kind) -> set[str]:
    """Fields whose value only one record may have, alone or with others ("position in the row")."""
    table: Any = kind.model.__table__
    found = {column.name for column in table.columns if column.unique}
    for one in table.constraints:
        if isinstance(one, UniqueConstraint):
            found |= {column.name for column in one.columns} - set(kind.key[:-1])
    return found


def edit_record(kind: Kind, record_id: int) -> Response | BaseResponse:
    session, scope = db_session(), current_scope()
    before = find_record(session, scope, kind, record_id)
    form = make_form(kind, kind.fields, changing=True)
    fill_record(session, scope, form, before)
    path = find_paths(session, scope, kind, [record_id]).get(record_id, "")
    context: dict[str, Any] = {
        "record_id": record_id,
        "path": path,
        "version": etag_of(kind, before),
    }
    if request.method == "GET":
        return _answer(form, **context)
    take(form, request.form)
    seen = request.form.get("version", "")
    values = read_values(session, scope, form, wanted=lambda one: True)
    if values is None:
        return _answer(form, 422, **{**context, "version": seen or context["version"]})
    try:
        change_record(session, scope, kind, record_id, values, expected=seen)
    except StaleError:
        return _answer(form, _tell_stale(form, record_id), **context)
    except NotFoundError:
        raise
    except JifangError as error:
        return _answer(form, refuse_form(form, error), **{**context, "version": seen})
    flash(_("%(name)s is changed.", name=path), "success")
    return go_on(safe_way_back(record_url(kind, record_id)))


def _tell_stale(form: RecordForm, record_id: int) -> int:
    """Both values beside each other: what was typed stays, what stands there now is told."""
    session, scope, kind = db_session(), current_scope(), form.kind
    session.rollback()
    current = find_record(session, scope, kind, record_id)
    standing = make_form(kind, kind.fields, changing=True)
    fill_record(session, scope, standing, current)
    for typed, now in zip(form.inputs, standing.inputs, strict=True):
        if (typed.text.strip(), typed.checked) != (now.text, now.checked):
            typed.now = show_field(kind, now.field, current).text
    form.problems.append(
        _(
            "Someone changed this in the meantime. What stands there now is told at each field"
            " that differs; saving again writes what you typed."
        )
    )
    return StaleError.status


def refuse_form(form: RecordForm, error: JifangError) -> int:
    """Undo what was begun, and say what stood in the way; the status to answer with."""
    db_session().rollback()
    if isinstance(error, InvalidValuesError):
        form.tell(say_fields(error))
    elif isinstance(error, InvalidError) and error.fields:
        form.problems.append(say(error))
        for name in error.fields:
            if (one := form.input(name)) is not None:
                one.errors.append(_("Please check this."))
    else:
        form.problems.append(say(error))
    return error.status


def _answer(form: RecordForm, status: int = 200, **context: Any) -> Response:
    kind, record_id = form.kind, context.get("record_id")
    here = kind_url(kind, "edit" if record_id else "new", record_id)
    parent = record_url(kind, record_id) if record_id else kind_url(kind, "list")
    context = {
        "kind": kind,
        "form": form,
        "action": here,
        "back": request.values.get("back", ""),
        "cancel": safe_way_back(parent),
        "fragment": request.method == "POST" and bool(request.headers.get("HX-Request")),
        "crumbs": [
            (_(kind.label_plural), kind_url(kind, "list")),
            *([(context["path"], parent)] if record_id else []),
            (_("Edit") if record_id else _("New"), ""),
        ],
        **context,
    }
    return Response(render_template("staff/records/form.html", **context), status)
