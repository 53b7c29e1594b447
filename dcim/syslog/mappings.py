"""What operators say that messages mean, as services of a kind of record; kept ones follow."""

import json
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.errors import InvalidError
from dcim.records.kinds import Values
from dcim.snmp.traps.meanings import Meaning
from dcim.syslog.message import name_event
from dcim.syslog.models import SyslogMapping
from dcim.syslog.rules import Rules, shipped_rules

# The first of the rules that fits an event and its text, as `rules.find_meaning` finds it.
_REMAP = text(
    "UPDATE syslog_message AS kept"
    " SET alarm_class = meant.alarm_class, severity = meant.severity, rule = meant.rule"
    " FROM (SELECT one.id, coalesce(r.alarm_class, '') AS alarm_class,"
    " coalesce(r.severity, '') AS severity, coalesce(r.rule, '') AS rule"
    " FROM syslog_message one LEFT JOIN LATERAL ("
    " SELECT * FROM jsonb_to_recordset(CAST(:rules AS jsonb)) AS r (place integer, event text,"
    " contains text, alarm_class text, severity text, rule text)"
    " WHERE r.event = one.event"
    ' AND strpos(lower(one.text COLLATE "C"), r.contains) > 0 ORDER BY r.place LIMIT 1'
    " ) r ON true WHERE one.event = ANY(CAST(:events AS text[]))) AS meant"
    " WHERE meant.id = kept.id AND (kept.alarm_class, kept.severity, kept.rule)"
    " <> (meant.alarm_class, meant.severity, meant.rule)"
)


def read_mappings(session: Session) -> Rules:
    """What operators say. One statement."""
    rules = Rules()
    for one in session.scalars(select(SyslogMapping).order_by(SyslogMapping.id)):
        meaning = Meaning(
            one.alarm_class, one.severity, one.meaning, one.meaning_en, f"mapping {one.id}"
        )
        rules.add(one.event, one.contains, meaning)
    return rules


def settle_mappings(session: Session, rows: Sequence[Values]) -> None:
    """Events as they are kept, so that a sheet finds what it is about however it writes them."""
    for values in rows:
        values["event"] = name_event(str(values.get("event") or ""))
        values["contains"] = str(values.get("contains") or "").strip()


def check_mapping(session: Session, scope: Scope, before: Values | None, after: Values) -> None:
    """The event is written without what isn't of its name. Raises InvalidError."""
    after["event"] = _read(str(after["event"]))
    after["contains"] = str(after.get("contains") or "").strip()


def _read(words: str) -> str:
    event = name_event(words)
    if not event:
        raise InvalidError(
            "Say which messages are meant: a name like LINK-3-UPDOWN, or a program's.",
            {"event": ["a name"]},
        )
    return event


def create_mapping(session: Session, scope: Scope, values: Values) -> SyslogMapping:
    mapping = SyslogMapping(**values | {"event": _read(values["event"])})
    session.add(mapping)
    session.flush()
    remap(session, {mapping.event}, (read_mappings(session), shipped_rules()))
    return mapping


def update_mapping(session: Session, scope: Scope, mapping: Any, values: Values) -> None:
    before = mapping.event
    for name, value in values.items():
        setattr(mapping, name, _read(value) if name == "event" else value)
    session.flush()
    remap(session, {before, mapping.event}, (read_mappings(session), shipped_rules()))


def delete_mapping(session: Session, scope: Scope, mapping: Any) -> None:
    event = mapping.event
    session.delete(mapping)
    session.flush()
    remap(session, {event}, (read_mappings(session), shipped_rules()))


def remap(session: Session, events: Collection[str], layers: Sequence[Rules]) -> None:
    """Give the messages of these events that are kept what they mean now."""
    rules = [
        {
            "event": event,
            "contains": rule.contains,
            "alarm_class": rule.meaning.alarm_class,
            "severity": rule.meaning.severity,
            "rule": rule.meaning.rule,
        }
        for layer in layers
        for event in sorted(events)
        for rule in layer.of.get(event, ())
    ]
    told = [{"place": place} | rule for place, rule in enumerate(rules)]
    session.execute(_REMAP, {"rules": json.dumps(told), "events": sorted(events)})
