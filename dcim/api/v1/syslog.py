"""Syslog messages that were received. What they mean is a kind of record: syslog mappings."""

from typing import Any

from marshmallow import fields
from marshmallow.validate import Length

from dcim.api.fields import Instant, PageQuery, Whole, choice, query_id, take_paging
from dcim.api.shapes import answer_of, page_of
from dcim.api.spec import Resource
from dcim.columns import utc_now
from dcim.http.database import db_session
from dcim.snmp.reading.profiles import SEVERITIES, TRAP_CLASSES
from dcim.syslog import queries

syslog = Resource("syslog", "Syslog", prefix="syslog")


class SyslogQuery(PageQuery):
    device_id = query_id()
    who = fields.String(
        validate=Length(1, 100),
        metadata={"description": "A part of a device's name, an address, or the sender's name."},
    )
    event = fields.String(
        validate=Length(1, 200),
        metadata={"description": "A part of what the message is called, or of its program."},
    )
    text = fields.String(
        validate=Length(1, 200), metadata={"description": "A part of what it says."}
    )
    level = Whole(
        0, 7, in_query=True, metadata={"description": "This severity (0 emergency) and worse."}
    )
    alarm_class = choice((*sorted(TRAP_CLASSES), queries.UNKNOWN))
    severity = choice(tuple(sorted(SEVERITIES)))
    since = Instant()
    until = Instant()


@syslog.get("")
@syslog.arguments(SyslogQuery, location="query")
@syslog.response(200, page_of(queries.SyslogRow))
def list_messages(query: dict[str, Any]) -> Any:
    """List messages, the newest 10,000 at most; what came again within a minute is in one row."""
    paging = take_paging(query)
    return queries.list_messages(db_session(), queries.SyslogFilter(**query), paging)


@syslog.get("/<int:syslog_message_id>")
@syslog.response(200, answer_of(queries.SyslogDetail))
def show_message(syslog_message_id: int) -> Any:
    """Show one message with its structured data."""
    return queries.find_message(db_session(), syslog_message_id)


@syslog.get("/unknown")
@syslog.arguments(PageQuery, location="query")
@syslog.response(200, page_of(queries.UnknownSyslogRow))
def list_unknown(query: dict[str, Any]) -> Any:
    """List what the newest messages of 7 days are called whose meaning nothing says."""
    return queries.list_unknown(db_session(), utc_now(), take_paging(query))
