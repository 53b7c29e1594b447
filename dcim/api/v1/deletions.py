"""What was deleted in the last 30 days, and bringing it back."""

from typing import Any

from flask import g
from marshmallow import Schema, fields

from dcim.api.fields import Instant, PageQuery, choice, take_paging
from dcim.api.spec import Resource
from dcim.errors import ForbiddenError, NotFoundError
from dcim.http.database import current_scope, db_session
from dcim.kinds import BY_NAME, KINDS
from dcim.records.deletions import find_deleted, list_deleted, restore_record

deletions = Resource("deletions", "Deletions")


class DeletionQuery(PageQuery):
    kind = choice(tuple(BY_NAME) or ("none",))


class KeptRecord(Schema):
    id = fields.Integer(required=True)
    kind = fields.String(required=True)
    record_id = fields.Integer(required=True)
    title = fields.String(required=True)
    at = Instant(required=True)
    actor = fields.String(required=True)


class KeptRecordList(Schema):
    items = fields.List(fields.Nested(KeptRecord), required=True)
    total = fields.Integer(required=True)
    page = fields.Integer(required=True)
    size = fields.Integer(required=True)


class Restored(Schema):
    record_id = fields.Integer(required=True)


@deletions.get("")
@deletions.arguments(DeletionQuery, location="query")
@deletions.response(200, KeptRecordList)
def list_all(query: dict[str, Any]) -> Any:
    """List what can be brought back, newest first."""
    names = [kind.name for kind in KINDS if kind.see in g.rights]
    return list_deleted(
        db_session(), current_scope(), take_paging(query), kind=query.get("kind"), kinds=names
    )


@deletions.post("/<int:deletion_id>/restoration")
@deletions.response(200, Restored)
def restore(deletion_id: int) -> Any:
    """Bring a deleted record back under its old number."""
    session, scope = db_session(), current_scope()
    kind = BY_NAME.get(find_deleted(session, scope, deletion_id).kind)
    if kind is None or kind.see not in g.rights:
        raise NotFoundError("There is nothing to bring back.")
    if kind.change not in g.rights:
        raise ForbiddenError("Bringing it back takes the right to change such records.")
    return {"record_id": restore_record(session, scope, KINDS, deletion_id)}
