"""What operators say that traps mean, as services of a kind of record; kept traps follow."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.errors import InvalidError
from dcim.records.kinds import Values
from dcim.snmp.traps.meanings import Meaning, Meanings, find_meaning, shipped_meanings
from dcim.snmp.traps.models import Trap, TrapMapping
from dcim.snmp.wire.ber import BerError, Oid, format_oid, parse_oid

_OF_OID = text("SELECT DISTINCT oid FROM trap WHERE oid = :oid OR (:below AND oid LIKE :pattern)")
_REMAP = text(
    "UPDATE trap SET alarm_class = m.alarm_class, severity = m.severity, rule = m.rule"
    " FROM unnest(CAST(:oids AS text[]), CAST(:classes AS text[]), CAST(:severities AS text[]),"
    " CAST(:rules AS text[])) AS m (oid, alarm_class, severity, rule)"
    " WHERE trap.oid = m.oid AND (trap.alarm_class, trap.severity, trap.rule)"
    " <> (m.alarm_class, m.severity, m.rule)"
)


def read_mappings(session: Session) -> Meanings:
    """What operators say, of all OIDs. One statement."""
    meanings = Meanings()
    for one in session.scalars(select(TrapMapping).order_by(TrapMapping.id)):
        meaning = Meaning(
            one.alarm_class, one.severity, one.meaning, one.meaning_en, f"mapping {one.id}"
        )
        meanings.add(parse_oid(one.oid), meaning, below=one.below)
    return meanings


def check_mapping(session: Session, scope: Scope, before: Values | None, after: Values) -> None:
    """The OID is one; it is written without a leading dot. Raises InvalidError."""
    after["oid"] = format_oid(_read(str(after["oid"])))


def _read(words: str) -> Oid:
    try:
        return parse_oid(words)
    except BerError as error:
        raise InvalidError(
            "%(oid)s is no OID; write it in numbers, like 1.3.6.1.4.1.318.0.5.",
            {"oid": ["numbers and dots"]},
            oid=words,
        ) from error


def create_mapping(session: Session, scope: Scope, values: Values) -> TrapMapping:
    mapping = TrapMapping(**values | {"oid": format_oid(_read(values["oid"]))})
    session.add(mapping)
    session.flush()
    _follow(session, mapping.oid, below=mapping.below)
    return mapping


def update_mapping(session: Session, scope: Scope, mapping: Any, values: Values) -> None:
    before = mapping.oid, mapping.below
    for name, value in values.items():
        setattr(mapping, name, format_oid(_read(value)) if name == "oid" else value)
    session.flush()
    for oid, below in {before, (mapping.oid, mapping.below)}:
        _follow(session, oid, below=below)


def delete_mapping(session: Session, scope: Scope, mapping: Any) -> None:
    oid, below = mapping.oid, mapping.below
    session.delete(mapping)
    session.flush()
    _follow(session, oid, below=below)


def _follow(session: Session, oid: str, *, below: bool) -> None:
    """Give the traps of an OID that are kept what they mean now."""
    found = session.scalars(_OF_OID, {"oid": oid, "below": below, "pattern": f"{oid}.%"}).all()
    _remap(session, found, (read_mappings(session), shipped_meanings()))


def remap_all(session: Session, layers: Sequence[Meanings]) -> None:
    """Give all traps that are kept what they mean to this program and the site's own profiles."""
    _remap(session, session.scalars(select(Trap.oid).distinct()).all(), layers)


def _remap(session: Session, oids: Sequence[str], layers: Sequence[Meanings]) -> None:
    meanings = [find_meaning(parse_oid(oid), layers) for oid in oids]
    if oids:
        session.execute(
            _REMAP,
            {
                "oids": list(oids),
                "classes": [one.alarm_class if one else "" for one in meanings],
                "severities": [one.severity if one else "" for one in meanings],
                "rules": [one.rule if one else "" for one in meanings],
            },
        )
