"""Keeping whom devices hear by LLDP, as their checks find it: for the map of links and a port's
page. What differs from the cables is a finding besides (`checking`)."""

import datetime as dt
import hashlib
from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.snmp.agents.models import HeardNeighbour
from dcim.snmp.discovery.neighbours import Sighting

_LONGEST = 255


def keep_neighbours(
    session: Session, agent_id: int, sightings: Iterable[Sighting], now: dt.datetime
) -> None:
    """Make the rows of an agent say what it hears now; the caller has locked the agent's row.

    A neighbour keeps its `first_heard_at` while the same port hears the same one.
    """
    kept = {
        one.key: one
        for one in session.scalars(
            select(HeardNeighbour).where(HeardNeighbour.agent_id == agent_id)
        )
    }
    done: set[str] = set()
    for sighting in sightings:
        told = sighting.neighbour
        key = fit_key(told.key)
        if key in done:  # told twice, by two addresses or descriptions
            continue
        done.add(key)
        row = kept.pop(key, None)
        if row is None:
            row = HeardNeighbour(agent_id=agent_id, key=key, first_heard_at=now)
            session.add(row)
        row.port_id = sighting.port_id
        row.other_device_id = sighting.device_id
        row.other_port_id = sighting.other_port_id
        row.doubt = str(sighting.doubt)
        row.local_port = (told.local_port or told.local_label)[:_LONGEST]
        row.chassis = told.chassis.text[:_LONGEST]
        row.sys_name = told.sys_name[:_LONGEST]
        row.sys_descr = told.sys_descr[:_LONGEST]
        row.remote_port = told.port.text[:_LONGEST]
        row.remote_descr = told.port_descr[:_LONGEST]
        row.addresses = sorted(told.addresses)
        row.last_heard_at = now
    for row in kept.values():
        session.delete(row)
    session.flush()


def fit_key(key: str) -> str:
    """A key that fits its column; a longer one by its beginning and its SHA-256."""
    if len(key) <= _LONGEST:
        return key
    digest = hashlib.sha256(key.encode()).hexdigest()
    return f"{key[: _LONGEST - len(digest) - 1]}~{digest}"
