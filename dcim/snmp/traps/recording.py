"""What was received goes into the database; recording it again changes nothing."""

import datetime as dt
import json
import time
from collections.abc import Sequence

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from dcim.snmp.agents.received import grow, prune
from dcim.snmp.traps.entries import EngineNote, Spooled
from dcim.snmp.traps.meanings import Meanings, find_meaning
from dcim.snmp.traps.models import Trap, TrapDrop, TrapEngine
from dcim.snmp.traps.v3 import SenderEngine
from dcim.snmp.wire.ber import parse_oid
from dcim.snmp.wire.v3_reply import EngineClock

_INSERT = text(
    "INSERT INTO trap (uid, received_at, last_at, agent_id, device_id, source, version, is_inform,"
    " oid, enterprise, generic, specific, agent_address, uptime_ticks, varbinds, count,"
    " alarm_class, severity, rule)"
    " SELECT t.uid, to_timestamp(t.at_ms / 1000.0), to_timestamp(t.last_ms / 1000.0), a.id, d.id,"
    " t.source, t.version, t.is_inform, t.oid, t.enterprise, t.generic, t.specific,"
    " t.agent_address, t.uptime_ticks, t.varbinds, t.count, t.alarm_class, t.severity, t.rule"
    " FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS t (uid text, at_ms bigint, last_ms bigint,"
    " agent_id bigint, device_id bigint, source text, version text, is_inform boolean, oid text,"
    " enterprise text, generic integer, specific integer, agent_address text,"
    " uptime_ticks bigint, varbinds jsonb, count bigint, alarm_class text, severity text,"
    " rule text)"
    # Either may be gone by now.
    " LEFT JOIN snmp_agent a ON a.id = t.agent_id LEFT JOIN device d ON d.id = t.device_id"
    " ON CONFLICT (uid) DO NOTHING"
)
_MOVE = text(
    "INSERT INTO trap_engine (source, engine_id, boots, time_s, heard_at)"
    " VALUES (:source, :engine_id, :boots, :time_s, :heard_at)"
    " ON CONFLICT (source) DO UPDATE SET boots = excluded.boots, time_s = excluded.time_s,"
    " heard_at = excluded.heard_at WHERE trap_engine.engine_id = excluded.engine_id"
    " AND (trap_engine.boots, trap_engine.time_s) < (excluded.boots, excluded.time_s)"
)


def record(session: Session, spooled: Spooled, layers: Sequence[Meanings]) -> None:
    """Record what one spool file holds, with what its traps mean."""
    if spooled.entries:
        meant: dict[str, dict[str, str]] = {}
        for oid in {entry.oid for entry in spooled.entries}:
            found = find_meaning(parse_oid(oid), layers)
            meant[oid] = {
                "alarm_class": found.alarm_class if found else "",
                "severity": found.severity if found else "",
                "rule": found.rule if found else "",
            }
        rows = [
            {name: getattr(entry, name) for name in entry.__slots__} | meant[entry.oid]
            for entry in spooled.entries
        ]
        session.execute(_INSERT, {"rows": json.dumps(rows)})
    if spooled.grown:
        grow(session, Trap, spooled.grown)
    for note in spooled.engines:
        _move(session, note)


def _move(session: Session, note: EngineNote) -> None:
    taken = session.scalar(
        select(TrapEngine.source).where(TrapEngine.engine_id == bytes.fromhex(note.engine_id))
    )
    if taken in (None, note.source):
        heard_at = dt.datetime.fromtimestamp(note.heard_ms / 1000, dt.UTC)
        told = note._asdict() | {"engine_id": bytes.fromhex(note.engine_id), "heard_at": heard_at}
        session.execute(_MOVE, told)


def read_engines(session: Session) -> dict[str, SenderEngine]:
    """The senders' engines by source, their clocks gone on since they were heard."""
    engines = {}
    now_s, at = time.monotonic(), dt.datetime.now(dt.UTC)
    for row in session.scalars(select(TrapEngine)):
        # A clock of ours that was set back must not make what is old new.
        ago_s = max(0.0, (at - row.heard_at).total_seconds())
        clock = EngineClock(row.boots, row.time_s, now_s - ago_s)
        engines[row.source] = SenderEngine(row.engine_id, clock, (row.boots, row.time_s))
    return engines


def prune_traps(session: Session, keep_days: int) -> int:
    """Delete traps older than that, and counts of drops long gone; returns how many traps."""
    return prune(session, Trap, TrapDrop, keep_days, dt.datetime.now(dt.UTC))
