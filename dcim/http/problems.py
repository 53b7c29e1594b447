"""Every error as a page with the way out, or as RFC 9457 problem JSON for the API."""

import re
from typing import Any, cast

import structlog
from flask import Flask, current_app, g, jsonify, render_template, request
from flask_babel import lazy_gettext as _l
from psycopg.errors import (
    DeadlockDetected,
    DiskFull,
    ForeignKeyViolation,
    NotNullViolation,
    SerializationFailure,
)
from sqlalchemy import inspect
from sqlalchemy.exc import DataError, IntegrityError, OperationalError
from werkzeug.exceptions import HTTPException, InternalServerError
from werkzeug.wrappers import Response

from dcim.errors import Counts, InvalidError, JifangError, Messages, Named, name_in_brackets
from dcim.http.bodies import say_largest
from dcim.http.database import db_session
from dcim.http.field_messages import say_field_messages
from dcim.i18n import choose_language, say_message
from dcim.i18n import gettext as _
from dcim.observability import request_id
from dcim.records.fields import FieldValueError
from dcim.records.values import InvalidValuesError, RefusedRecordsError

log = structlog.get_logger()

# What a violated constraint means to the person who ran into it.
CONSTRAINTS = {
    "pk_installation_slot": _l("Something already stands in one of these rack units."),
    "pk_allocation_slot": _l("One of these rack units is already allocated."),
    "pk_hold_slot": _l("One of these rack units is already held."),
    "uq_app_user_email": _l("This address can't be used here; take another, or ask us."),
    "uq_device_name": _l("A device of this name exists already."),
    "uq_device_serial": _l("A device with this serial number exists already."),
    "uq_device_asset_tag": _l("A device with this asset tag exists already."),
    "uq_snmp_agent_address_udp_port": _l("This address and port are already polled."),
    "uq_snmp_agent_device_id": _l("This device already has an SNMP agent."),
    "uq_statement_contract_id_period_revision": _l("This statement is already issued."),
    "uq_revision_proposal_open": _l("Someone proposes to correct this statement already."),
    "uq_alarm_rule_code": _l("A rule with this code exists already."),
    "uq_alarm_override_rule_id_scope_target_id_target_class": _l(
        "The rule has an exception for this already."
    ),
    "uq_alarm_recipient_address_site_id": _l("This address is told already."),
    "uq_on_call_calendar_name": _l("An on-call calendar of this name exists already."),
    "uq_escalation_policy_name": _l("An escalation policy of this name exists already."),
    "uq_shift_handover_waiting": _l("A handover of yours still waits to be taken over."),
    "append_only": _l("Issued records never change; write a correction instead."),
}
TITLES = {
    400: _l("The request can't be read"),
    401: _l("Please sign in"),
    403: _l("You don't have the right to do this"),
    404: _l("Nothing is here"),
    405: _l("This can't be done here"),
    409: _l("Someone else has it"),
    412: _l("It was changed in the meantime"),
    413: _l("This is too large"),
    415: _l("This kind of content isn't accepted"),
    422: _l("Please check what you entered"),
    429: _l("Too many attempts"),
    500: _l("Something broke on our side"),
    503: _l("The database can't be reached"),
}


def init_problems(app: Flask) -> None:
    app.register_error_handler(JifangError, _from_domain)
    app.register_error_handler(IntegrityError, _from_constraint)
    app.register_error_handler(DataError, _from_data)
    app.register_error_handler(OperationalError, _from_operation)
    app.register_error_handler(HTTPException, _from_http)
    app.register_error_handler(Exception, _from_bug)


def answer_problem(
    status: int,
    detail: str,
    *,
    fields: Any = None,
    headers: Any = None,
) -> Response:
    """The one shape of an error: problem JSON under /api/, else a page (a fragment for htmx)."""
    title = str(TITLES.get(status, _("Error")))
    if request.path.startswith("/api/") or request.accept_mimetypes.best == "application/json":
        body: dict[str, Any] = {
            "type": "about:blank",
            "title": title,
            "status": status,
            "detail": detail,
            "instance": request.path,
            "request_id": request_id.get(),
        }
        if fields:
            body["errors"] = fields
        response = jsonify(body)
        response.mimetype = "application/problem+json"
    else:
        response = current_app.make_response(
            render_template(
                "errors/problem.html",
                status=status,
                title=title,
                detail=detail,
                fields=fields or {},
                request_id=request_id.get(),
            )
        )
    response.status_code = status
    for name, value in headers or []:
        # werkzeug's own page is replaced, so are the headers that described it.
        if name.lower() not in {"content-type", "content-length"}:
            response.headers.add(name, value)
    return response


def _from_domain(error: JifangError) -> Response:
    _undo()
    if error.status >= 500:
        log.error("refused", error=str(error))
    detail = say(error)
    fields = say_fields(error) if isinstance(error, InvalidError) else None
    return answer_problem(error.status, detail, fields=fields)


def say(error: JifangError | FieldValueError) -> str:
    """What went wrong, in the reader's language; places that are msgids themselves are said too."""
    if not error.places:
        return str(_(error.message))
    return str(_(error.message) % {name: _say_place(name, v) for name, v in error.places.items()})


def _say_place(name: str, value: object) -> object:
    if isinstance(value, Counts):
        return _(", ").join(f"{count} × {_(word)}" for count, word in value)
    if isinstance(value, Messages):
        return "\n".join(say_message(one) for one in value)
    if isinstance(value, Named):
        if request.path.startswith("/api/"):
            # A program's author looks for the words of the API's description.
            return str(value)
        return _(", ").join(name_in_brackets(_(word), name) for word, name in value)
    return _(value) if name in {"field", "kind"} and isinstance(value, str) else value


def say_fields(error: InvalidError) -> dict[str, list[str]]:
    """What is wrong with which field (or record), in the reader's language."""
    if isinstance(error, InvalidValuesError):
        return {name: [say(one) for one in found] for name, found in error.problems.items()}
    if isinstance(error, RefusedRecordsError):
        return {
            path: [text for found in say_fields(one).values() for text in found] or [say(one)]
            if isinstance(one, InvalidError)
            else [say(one)]
            for path, one in error.refusals.items()
        }
    return {name: [say_message(one) for one in told] for name, told in error.fields.items()}


def _from_constraint(error: IntegrityError) -> Response:
    _undo()
    diagnosis = getattr(error.orig, "diag", None)
    name = getattr(diagnosis, "constraint_name", None) or ""
    log.info("constraint", constraint=name)
    if isinstance(error.orig, NotNullViolation):
        column = getattr(diagnosis, "column_name", "") or ""
        return answer_problem(422, _("%(field)s is missing.", field=column))
    if name in CONSTRAINTS:
        return answer_problem(409, str(CONSTRAINTS[name]))
    if isinstance(error.orig, ForeignKeyViolation):
        return answer_problem(409, _("Something else still refers to this, or it is gone."))
    if name.startswith("ck_"):
        return answer_problem(
            422, _("This breaks the rule %(rule)s.", rule=re.sub(r"^ck_", "", name))
        )
    return answer_problem(409, _("This exists already (%(rule)s).", rule=name))


def _from_data(error: DataError) -> Response:
    """A number out of range, a NUL in a text: the database refused the value."""
    _undo()
    return answer_problem(422, _("A value is too large, too long or not of its kind."))


def _from_operation(error: OperationalError) -> Response:
    _undo()
    if isinstance(error.orig, DeadlockDetected | SerializationFailure):
        return answer_problem(409, _("Someone changed the same thing just now. Please try again."))
    if isinstance(error.orig, DiskFull):
        log.critical("disk full")
        return answer_problem(503, _("The disk is full; nothing was changed."))
    log.error("database lost", error=type(error.orig).__name__)
    return answer_problem(
        503,
        _("Nothing was changed. Please try again in a minute."),
        headers=[("Retry-After", "30")],
    )


def _from_http(error: HTTPException) -> Response:
    _undo()
    if error.response is not None and error.code is None:
        return cast(Response, error.response)
    status = error.code or 500
    data = getattr(error, "data", None) or {}
    fields = data.get("messages") if isinstance(data, dict) else None
    if fields:
        # webargs nests by location; the person wants the field.
        fields = {
            field: messages
            for location in fields.values()
            for field, messages in (
                location.items() if isinstance(location, dict) else [("_", location)]
            )
        }
        fields = say_field_messages(fields)
    return answer_problem(
        status, _explain(status, error), fields=fields, headers=error.get_headers()
    )


EXPLANATIONS = {
    400: _l("Something in the address or the form is malformed. Go back and try again."),
    401: _l("Sign in, or send an API token as a bearer."),
    403: _l("Ask an administrator for the right, or sign in as someone who has it."),
    404: _l("It doesn't exist, or it isn't yours."),
    405: _l("This address does not take this kind of request."),
    413: _l("Send less at once."),
    415: _l("Send JSON."),
    422: _l("One or more fields can't be accepted."),
    429: _l("Wait a little before the next attempt."),
}


def _explain(status: int, error: HTTPException) -> str:
    if status == 400 and "CSRF" in (error.description or ""):
        return str(_("The page was open too long. Reload it and try again."))
    if status == 413 and (largest := say_largest()):
        return str(_("At most %(size)s can be sent here. Send less at once.", size=largest))
    return str(EXPLANATIONS.get(status, error.description or ""))


def _from_bug(error: Exception) -> Response:
    _undo()
    if isinstance(error, HTTPException):
        return _from_http(error)
    log.error("unexpected error", exc_info=error)
    if current_app.testing and current_app.config.get("PROPAGATE_BUGS"):
        raise error
    answer = InternalServerError()
    return answer_problem(
        500,
        _("It has been noted under the number below. Nothing was changed."),
        headers=answer.get_headers(),
    )


def _undo() -> None:
    """Roll back; what was read of the person is forgotten with the transaction. The reader's
    language is taken from it before, or it would be read anew for that one word."""
    person = inspect(g.get("_login_user"), raiseerr=False)  # where flask_login keeps who it is
    if person is not None and {"active", "language"} <= person.dict.keys():
        choose_language()
    db_session().rollback()
