"""What is done with passes: ask, decide, count at the gate. Lists and answers come of the kind."""

from typing import Any

from marshmallow import Schema, fields

from dcim.api.fields import Text, Whole, choice
from dcim.api.shapes import answer_of
from dcim.api.spec import Resource
from dcim.http.database import current_scope, db_session
from dcim.inventory.devices.gate import check_pass as let_through
from dcim.inventory.devices.models import DIRECTIONS, LINE_KINDS
from dcim.inventory.devices.pass_queries import (
    PassLineRow,
    PassRow,
    find_pass_row,
    list_pass_lines,
)
from dcim.inventory.devices.passes import (
    LineRequest,
    approve_pass,
    cancel_pass,
    refuse_pass,
    request_pass,
)

passes = Resource("pass_deeds", "Deeds on passes", prefix="equipment-passes")


class NewPassLine(Schema):
    kind = choice(LINE_KINDS, required=True)
    device_id = Whole(allow_none=True, load_default=None)
    description = Text(low=0, load_default="")
    serial = Text(low=0, high=64, load_default="")
    quantity = Whole(1, 10_000, load_default=1)


class NewPass(Schema):
    direction = choice(DIRECTIONS, required=True)
    site_id = Whole(required=True)
    customer_id = Whole(
        allow_none=True, load_default=None, metadata={"description": "None: the operator's own."}
    )
    bearer = Text(required=True)
    bearer_document_hint = Text(
        low=0,
        high=4,
        load_default="",
        metadata={"description": "The last four characters of the document; never all of it."},
    )
    planned_on = fields.Date(required=True)
    note = Text(low=0, load_default="")
    lines = fields.List(fields.Nested(NewPassLine), required=True)


class Decision(Schema):
    deed = choice(("approve", "refuse", "cancel"), required=True)
    reason = Text(
        low=0, load_default="", metadata={"description": "Needed to refuse and to cancel."}
    )


class LineCount(Schema):
    line_id = Whole(required=True)
    counted = Whole(0, 10_000, required=True)


class GateCheck(Schema):
    counts = fields.List(fields.Nested(LineCount), required=True)


@passes.get("/<int:equipment_pass_id>/lines")
@passes.response(200, answer_of(PassLineRow)(many=True))
def show_pass_lines(equipment_pass_id: int) -> Any:
    """List the things on a pass."""
    session, scope = db_session(), current_scope()
    find_pass_row(session, scope, equipment_pass_id)
    return list_pass_lines(session, scope, equipment_pass_id)


@passes.post("")
@passes.arguments(NewPass)
@passes.response(201, answer_of(PassRow))
def create_pass(body: dict[str, Any]) -> Any:
    """Ask for a pass."""
    session, scope = db_session(), current_scope()
    lines = [LineRequest(**line) for line in body.pop("lines")]
    made = request_pass(session, scope, lines=lines, **body)
    return find_pass_row(session, scope, made.id)


@passes.post("/<int:equipment_pass_id>/decision")
@passes.arguments(Decision)
@passes.response(200, answer_of(PassRow))
def decide_pass(body: dict[str, Any], equipment_pass_id: int) -> Any:
    """Approve, refuse or cancel a pass."""
    session, scope = db_session(), current_scope()
    if body["deed"] == "approve":
        approve_pass(session, scope, equipment_pass_id)
    elif body["deed"] == "refuse":
        refuse_pass(session, scope, equipment_pass_id, body["reason"])
    else:
        cancel_pass(session, scope, equipment_pass_id, body["reason"])
    return find_pass_row(session, scope, equipment_pass_id)


@passes.post("/<int:equipment_pass_id>/gate")
@passes.arguments(GateCheck)
@passes.response(200, answer_of(PassRow))
def check_pass(body: dict[str, Any], equipment_pass_id: int) -> Any:
    """Let through what the gate counted, line by line."""
    session, scope = db_session(), current_scope()
    counts = {one["line_id"]: one["counted"] for one in body["counts"]}
    let_through(session, scope, equipment_pass_id, counts)
    return find_pass_row(session, scope, equipment_pass_id)
