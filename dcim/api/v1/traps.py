"""Traps that were received. What they mean is a kind of record: trap mappings."""

from typing import Any

from marshmallow import fields
from marshmallow.validate import Length, Regexp

from dcim.api.fields import Instant, PageQuery, choice, query_id, take_paging
from dcim.api.shapes import answer_of, page_of
from dcim.api.spec import Resource
from dcim.http.database import db_session
from dcim.snmp.reading.profiles import SEVERITIES, TRAP_CLASSES
from dcim.snmp.traps import queries

traps = Resource("traps", "Traps", prefix="traps")


class TrapQuery(PageQuery):
    device_id = query_id()
    who = fields.String(
        validate=Length(1, 100), metadata={"description": "A part of a name or an address."}
    )
    oid = fields.String(
        validate=[Length(1, 1_500), Regexp(r"[0-9]+(\.[0-9]+)*\Z")],
        metadata={"description": "One OID, or the beginning of one, in numbers."},
    )
    alarm_class = choice((*sorted(TRAP_CLASSES), queries.UNKNOWN))
    severity = choice(tuple(sorted(SEVERITIES)))
    since = Instant()
    until = Instant()


@traps.get("")
@traps.arguments(TrapQuery, location="query")
@traps.response(200, page_of(queries.TrapRow))
def list_traps(query: dict[str, Any]) -> Any:
    """List traps, the newest first; what came again within a minute is counted in one row."""
    paging = take_paging(query)
    return queries.list_traps(db_session(), queries.TrapFilter(**query), paging)


@traps.get("/<int:trap_id>")
@traps.response(200, answer_of(queries.TrapDetail))
def show_trap(trap_id: int) -> Any:
    """Show one trap with its varbinds: OID, BER tag and text, octets as hexadecimal digits."""
    return queries.find_trap(db_session(), trap_id)


@traps.get("/unknown")
@traps.arguments(PageQuery, location="query")
@traps.response(200, page_of(queries.UnknownTrapRow))
def list_unknown(query: dict[str, Any]) -> Any:
    """List the OIDs of traps whose meaning nothing says, what came most of first."""
    return queries.list_unknown(db_session(), take_paging(query))
