"""The log of shifts handed over: read."""

from typing import Any

from dcim.api.fields import Flag, Instant, PageQuery, Text, take_paging
from dcim.api.shapes import answer_of, page_of
from dcim.api.spec import Resource
from dcim.handovers.queries import (
    HandoverFilter,
    HandoverItemRow,
    HandoverNoteRow,
    HandoverRow,
    find_handover,
    list_handovers,
    list_items,
    list_notes,
)
from dcim.http.database import current_scope, db_session

handovers = Resource("handovers", "Shifts handed over", prefix="handovers")


class HandoverQuery(PageQuery):
    since = Instant()
    until = Instant()
    waiting = Flag(load_default=False)
    text = Text(low=0, high=100, load_default="")


@handovers.get("")
@handovers.arguments(HandoverQuery, location="query")
@handovers.response(200, page_of(HandoverRow))
def list_all_handovers(query: dict[str, Any]) -> Any:
    """List handovers, newest first, each with what was open at its instant."""
    paging = take_paging(query)
    return list_handovers(db_session(), current_scope(), HandoverFilter(**query), paging)


@handovers.get("/<int:handover_id>")
@handovers.response(200, answer_of(HandoverRow))
def show_handover(handover_id: int) -> Any:
    """Show one handover: who, when, notes, and what was open then."""
    return find_handover(db_session(), current_scope(), handover_id)


@handovers.get("/<int:handover_id>/items")
@handovers.response(200, answer_of(HandoverItemRow)(many=True))
def list_handover_items(handover_id: int) -> Any:
    """What it left to be done, and what came of that."""
    session, scope = db_session(), current_scope()
    find_handover(session, scope, handover_id)
    return list_items(session, scope, handover_id)


@handovers.get("/<int:handover_id>/notes")
@handovers.response(200, answer_of(HandoverNoteRow)(many=True))
def list_handover_notes(handover_id: int) -> Any:
    """What was said of it afterwards, corrections among it."""
    session, scope = db_session(), current_scope()
    find_handover(session, scope, handover_id)
    return list_notes(session, scope, handover_id)
