"""Every kind of record as a resource: list, show, create, change, delete; one at a time or many."""

from collections.abc import Sequence
from typing import Any

from flask import Response, g, request

from dcim.api.fields import PageQuery, take_paging
from dcim.api.record_schemas import (
    DeedPageSchema,
    KeptSchema,
    NewNoteSchema,
    NoteSchema,
    answer_schema,
    changes_schema,
    list_schema,
    many_changes_schema,
    many_new_schema,
    new_schema,
    page_schema,
    query_schema,
)
from dcim.api.spec import Resource
from dcim.errors import InvalidError
from dcim.http.database import current_scope, db_session
from dcim.http.policy import Access, needs
from dcim.http.problems import say
from dcim.records.fields import ReferenceType
from dcim.records.journal import add_note, list_history, list_notes
from dcim.records.kinds import Kind
from dcim.records.listing import find_record, list_records, make_records, read_wish, select_records
from dcim.records.record import Record, etag_of
from dcim.records.writing import change_many, change_record, create_record, delete_record

MOST_EXPANDED = 5


def list_policy(kinds: Sequence[Kind]) -> dict[str, Access]:
    """Who may call which operation of these kinds' resources."""
    policy: dict[str, Access] = {}
    for kind in kinds:
        base = name_resource(kind)
        see = needs(kind.see, *((kind.own,) if kind.own else ()))
        policy |= {f"{base}.list_{kind.name}": see, f"{base}.show_{kind.name}": see}
        policy |= {
            f"{base}.history_{kind.name}": needs(kind.see),
            f"{base}.notes_{kind.name}": needs(kind.see),
            f"{base}.note_{kind.name}": needs(kind.change),
        }
        writes = ["change", "change_many"]
        writes += ["create", "create_many"] if kind.creatable else []
        writes += ["delete"] if kind.deletable else []
        policy |= {f"{base}.{deed}_{kind.name}": needs(kind.change) for deed in writes}
        if kind.own_change is not None:
            policy |= {
                f"{base}.{deed}_{kind.name}": needs(kind.change, kind.own_change)
                for deed in writes
                if deed != "delete"
            }
    return policy


def name_resource(kind: Kind) -> str:
    """The blueprint of a kind's resource, the first part of its endpoints' names."""
    return f"api_{kind.plural.replace('-', '_')}"


def answer(kind: Kind, record: Record) -> dict[str, Any]:
    """A record as its schema writes it."""
    return {"id": record.id, **record.values, "titles": dict(record.titles)}


def make_resource(kind: Kind, kinds: Sequence[Kind], resource: Resource | None = None) -> Resource:
    """The kind's resource; or `resource`, which has operations of its own, with these added."""
    if resource is None:
        name = name_resource(kind).removeprefix("api_")
        resource = Resource(name, kind.label_plural, prefix=kind.plural)
    _add_reading(resource, kind)
    if kind.creatable:
        _add_creating(resource, kind)
    _add_changing(resource, kind)
    if kind.deletable:
        _add_deleting(resource, kind, kinds)
    _add_history(resource, kind)
    return resource


def _one(kind: Kind, rest: str = "") -> str:
    return f"/<int:{kind.name}_id>{rest}"


def _id_of(kind: Kind, given: dict[str, Any]) -> int:
    return int(given.pop(f"{kind.name}_id"))


def _add_reading(resource: Resource, kind: Kind) -> None:
    shape = answer_schema(kind)

    def list_all(query: dict[str, Any]) -> Any:
        session, scope = db_session(), current_scope()
        paging = take_paging(query)
        pairs = [
            (name, value) for name, value in request.args.items(multi=True) if name != "expand"
        ]
        wish = read_wish(kind, pairs, internal=scope.is_staff)
        if wish.problems:
            raise InvalidError(
                "Some filters make no sense.",
                {name: [say(error)] for name, error in wish.problems.items()},
            )
        found = list_records(session, scope, kind, wish, paging)
        items = [answer(kind, one) for one in found.items]
        _expand(kind, query.get("expand", ""), items)
        return {"items": items, "total": found.total, "page": found.page, "size": found.size}

    def show(**given: Any) -> Any:
        record = find_record(db_session(), current_scope(), kind, _id_of(kind, given))
        tag = etag_of(kind, record)
        if request.if_none_match.contains(tag):
            return Response(status=304, headers={"ETag": f'"{tag}"'})
        return answer(kind, record), {"ETag": f'"{tag}"'}

    list_all.__doc__ = f"List {kind.label_plural.lower()}: filtered, sorted, in pages."
    show.__doc__ = (
        f"Show one {kind.label.lower()}. The answer's ETag is its version: send it as `If-Match`"
        " with a change, as `If-None-Match` to ask whether there is a newer one."
    )
    described = resource.arguments(query_schema(kind), location="query")(list_all)
    described = resource.response(200, page_schema(kind))(described)
    resource.route("", methods=["GET"], endpoint=f"list_{kind.name}")(described)
    shown = resource.response(200, shape)(show)
    resource.route(_one(kind), methods=["GET"], endpoint=f"show_{kind.name}")(shown)


def _expand(kind: Kind, wanted: str, items: list[dict[str, Any]]) -> None:
    """Put the records referred to beside the items, as far as the scope reaches them.

    One statement for each reference, and some for what those refer to.
    """
    names = [name.strip() for name in wanted.split(",") if name.strip()]
    known = {one.name: one for one in kind.references}
    unknown = [name for name in names if name not in known]
    if unknown or len(names) > MOST_EXPANDED:
        raise InvalidError(
            "Not one of the choices: %(choices)s.",
            {"expand": [", ".join(unknown) or str(MOST_EXPANDED)]},
            choices=", ".join(known),
        )
    session, scope = db_session(), current_scope()
    for name in names:
        field_type = known[name].type
        if not isinstance(field_type, ReferenceType):
            continue
        other = field_type.kind()
        if not {other.see, other.own} & g.rights:
            continue
        ids = {item[name] for item in items if item.get(name) is not None}
        model: Any = other.model
        rows = session.execute(select_records(other, scope).where(model.id.in_(ids))).all()
        found = {
            one.id: answer_schema(other)().dump(answer(other, one))
            for one in make_records(session, scope, other, rows)
        }
        for item in items:
            if item.get(name) in found:
                item.setdefault("expanded", {})[name] = found[item[name]]


def _add_creating(resource: Resource, kind: Kind) -> None:
    shape = answer_schema(kind)

    def create(body: dict[str, Any]) -> Any:
        record = create_record(db_session(), current_scope(), kind, body)
        return answer(kind, record), {"ETag": f'"{etag_of(kind, record)}"'}

    def create_many(body: dict[str, Any]) -> Any:
        session, scope = db_session(), current_scope()
        made = [create_record(session, scope, kind, one) for one in body["items"]]
        return {"items": [answer(kind, one) for one in made]}

    create.__doc__ = f"Enter a new {kind.label.lower()}."
    create_many.__doc__ = f"Enter many {kind.label_plural.lower()}, all or none."
    described = resource.arguments(new_schema(kind))(create)
    described = resource.response(201, shape)(described)
    resource.route("", methods=["POST"], endpoint=f"create_{kind.name}")(described)
    many = resource.arguments(many_new_schema(kind))(create_many)
    many = resource.response(201, list_schema(shape, name_list(kind, "Made")))(many)
    resource.route("/many", methods=["POST"], endpoint=f"create_many_{kind.name}")(many)


def name_list(kind: Kind, word: str) -> str:
    return word + "".join(part.capitalize() for part in kind.plural.split("-"))


def _add_changing(resource: Resource, kind: Kind) -> None:
    shape = answer_schema(kind)

    def change(body: dict[str, Any], **given: Any) -> Any:
        record = change_record(
            db_session(), current_scope(), kind, _id_of(kind, given), body, expected=_expected()
        )
        return answer(kind, record), {"ETag": f'"{etag_of(kind, record)}"'}

    def change_several(body: dict[str, Any]) -> Any:
        changed = change_many(db_session(), current_scope(), kind, body["ids"], body["changes"])
        return {"items": [answer(kind, one) for one in changed]}

    change.__doc__ = (
        f"Change fields of one {kind.label.lower()}; those not named stay. With `If-Match` a change"
        " that someone else made meanwhile answers 412."
    )
    change_several.__doc__ = (
        f"Change the same fields of many {kind.label_plural.lower()}: all or none."
    )
    described = resource.arguments(changes_schema(kind))(change)
    described = resource.response(200, shape)(described)
    resource.route(_one(kind), methods=["PATCH"], endpoint=f"change_{kind.name}")(described)
    many = resource.arguments(many_changes_schema(kind))(change_several)
    many = resource.response(200, list_schema(shape, name_list(kind, "Changed")))(many)
    resource.route("", methods=["PATCH"], endpoint=f"change_many_{kind.name}")(many)


def _expected() -> str | None:
    """The version in If-Match; several can't be meant."""
    if "If-Match" not in request.headers or request.if_match.star_tag:
        return None
    tags = list(request.if_match.as_set())
    # A tag that is none of ours fits nothing.
    return tags[0] if len(tags) == 1 else ""


def _add_deleting(resource: Resource, kind: Kind, kinds: Sequence[Kind]) -> None:
    def delete(**given: Any) -> Any:
        kept = delete_record(
            db_session(),
            current_scope(),
            kind,
            _id_of(kind, given),
            kinds=kinds,
            expected=_expected(),
        )
        return {"deletion_id": kept}

    delete.__doc__ = (
        f"Delete one {kind.label.lower()}; for 30 days it can be brought back under /deletions."
    )
    described = resource.response(200, KeptSchema)(delete)
    resource.route(_one(kind), methods=["DELETE"], endpoint=f"delete_{kind.name}")(described)


def _add_history(resource: Resource, kind: Kind) -> None:
    def history(query: dict[str, Any], **given: Any) -> Any:
        session, scope, record_id = db_session(), current_scope(), _id_of(kind, given)
        find_record(session, scope, kind, record_id)
        found = list_history(session, scope, kind, record_id, take_paging(query))
        return {
            "items": [
                {
                    "at": row.at,
                    "actor": row.actor,
                    "action": row.action,
                    "changes": [
                        {"field": name, "before": before, "after": after}
                        for name, before, after in row.changes
                    ],
                }
                for row in found.items
            ],
            "total": found.total,
            "page": found.page,
            "size": found.size,
        }

    def notes(**given: Any) -> Any:
        session, scope, record_id = db_session(), current_scope(), _id_of(kind, given)
        find_record(session, scope, kind, record_id)
        return {"items": list_notes(session, scope, kind, record_id)}

    def note(body: dict[str, Any], **given: Any) -> Any:
        session, scope, record_id = db_session(), current_scope(), _id_of(kind, given)
        find_record(session, scope, kind, record_id)
        return add_note(session, scope, kind, record_id, body["text"])

    history.__doc__ = (
        f"List what was done to one {kind.label.lower()}, field by field, newest first."
    )
    notes.__doc__ = f"List what staff noted about one {kind.label.lower()}."
    note.__doc__ = f"Note something about one {kind.label.lower()}."
    told = resource.arguments(PageQuery, location="query")(history)
    told = resource.response(200, DeedPageSchema)(told)
    resource.route(_one(kind, "/history"), methods=["GET"], endpoint=f"history_{kind.name}")(told)
    listed = resource.response(200, list_schema(NoteSchema, name_list(kind, "NotesOf")))(notes)
    resource.route(_one(kind, "/notes"), methods=["GET"], endpoint=f"notes_{kind.name}")(listed)
    noted = resource.arguments(NewNoteSchema)(note)
    noted = resource.response(201, NoteSchema)(noted)
    resource.route(_one(kind, "/notes"), methods=["POST"], endpoint=f"note_{kind.name}")(noted)
