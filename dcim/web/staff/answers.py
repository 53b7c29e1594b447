"""Answering a form: the fragment again with what is wrong, or on to where the result is seen."""

from collections.abc import Callable
from typing import Any

from flask import Response, make_response, redirect, render_template, request
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response as BaseResponse

from dcim.errors import InvalidError, JifangError
from dcim.http.database import db_session
from dcim.http.problems import say, say_fields
from dcim.i18n import gettext as _
from dcim.records.values import InvalidValuesError


def show_form(template: str, form: FlaskForm, status: int = 200, **context: Any) -> Response:
    """The page, or for htmx the form alone (`template` chooses by `fragment`)."""
    fragment = request.method == "POST" and bool(request.headers.get("HX-Request"))
    page = render_template(template, form=form, fragment=fragment, **context)
    return make_response(page, status)


def go_on(url: str) -> BaseResponse:
    if request.headers.get("HX-Request"):
        return Response("", headers={"HX-Redirect": url})
    return redirect(url, code=303)


def refuse(form: FlaskForm, error: JifangError) -> int:
    """Undo what was begun and say in the form what stood in the way; the status to answer with.

    Fields that the error names get their own mark.
    """
    db_session().rollback()
    form.form_errors.append(say(error))
    if isinstance(error, InvalidError):
        words = say_fields(error) if isinstance(error, InvalidValuesError) else {}
        for name in error.fields:
            if name in form._fields:
                told = words.get(name) or [_("Please check this.")]
                form._fields[name].errors = [*form._fields[name].errors, *told]
    return error.status


def answer_form(
    template: str,
    form: FlaskForm,
    deed: Callable[[], str],
    *,
    fill: Callable[[], None] | None = None,
    refusing: Callable[[FlaskForm, JifangError], int] = refuse,
    **context: Any,
) -> Response | BaseResponse:
    """The form, prepared by `fill`; or 422 for what can't be, 409 for what another has; else the
    deed, and on to the address that it gives."""
    if request.method == "GET":
        if fill is not None:
            fill()
        return show_form(template, form, **context)
    if not form.validate():
        return show_form(template, form, 422, **context)
    try:
        url = deed()
    except JifangError as error:
        return show_form(template, form, refusing(form, error), **context)
    return go_on(url)
