"""What was received goes into the database; recording it again changes nothing."""

import datetime as dt
import json
from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from dcim.snmp.agents.received import grow, prune
from dcim.syslog.entries import Spooled
from dcim.syslog.models import SyslogDrop, SyslogMessage
from dcim.syslog.rules import Rules, find_meaning

_INSERT = text(
    "INSERT INTO syslog_message (uid, received_at, last_at, agent_id, device_id, source, form,"
    " facility, level, device_time, device_at, host, app, procid, msgid, event, data, text, count,"
    " alarm_class, severity, rule)"
    " SELECT t.uid, to_timestamp(t.at_ms / 1000.0), to_timestamp(t.last_ms / 1000.0), a.id, d.id,"
    " t.source, t.form, t.facility, t.level, t.device_time,"
    " to_timestamp(t.device_ms / 1000.0), t.host, t.app, t.procid, t.msgid, t.event, t.data,"
    " t.text, t.count, t.alarm_class, t.severity, t.rule"
    " FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS t (uid text, at_ms bigint, last_ms bigint,"
    " agent_id bigint, device_id bigint, source text, form text, facility smallint, level smallint,"
    " device_time text, device_ms bigint, host text, app text, procid text, msgid text, event text,"
    " data jsonb, text text, count bigint, alarm_class text, severity text, rule text)"
    # Either may be gone by now.
    " LEFT JOIN snmp_agent a ON a.id = t.agent_id LEFT JOIN device d ON d.id = t.device_id"
    " ON CONFLICT (uid) DO NOTHING"
)


def record(session: Session, spooled: Spooled, layers: Sequence[Rules]) -> set[str]:
    """Record what one spool file holds, with what it means; the sources of what means anything."""
    meant: set[str] = set()
    rows = []
    for entry in spooled.entries:
        found = find_meaning(entry.event, entry.text, layers)
        if found:
            meant.add(entry.source)
        rows.append(
            {name: getattr(entry, name) for name in entry.__slots__}
            | {
                "alarm_class": found.alarm_class if found else "",
                "severity": found.severity if found else "",
                "rule": found.rule if found else "",
            }
        )
    if rows:
        session.execute(_INSERT, {"rows": json.dumps(rows)})
    if spooled.grown:
        grow(session, SyslogMessage, spooled.grown)
    return meant


def prune_syslog(session: Session, keep_days: int) -> int:
    """Delete messages older than that, and counts of drops long gone; returns how many messages."""
    return prune(session, SyslogMessage, SyslogDrop, keep_days, dt.datetime.now(dt.UTC))
