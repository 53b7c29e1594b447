"""Keeping what transceivers said: what they are, and a sample of each lane."""

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from dcim.metering.families import NO_LIGHT, OPTICS
from dcim.metering.models import Series
from dcim.metering.store import PostgresSampleStore
from dcim.snmp.reading.optics import Transceiver

# A reading every so many seconds (`polling.port_walking`).
_STEP_S = 300
# What the database takes of a text of the network.
_LONGEST = 255


@dataclass(frozen=True, slots=True)
class OpticsRead:
    """All that a device told of its optics at `at_ms`, UTC epoch ms; empty: that it has none."""

    agent_id: int
    device_id: int
    at_ms: int
    found: Sequence[Transceiver]


def name_lane(port_name: str, lane: int) -> str:
    """The slot of a lane's series; the number stands first, so that no port's name is another's."""
    return f"lane {lane} {port_name}"


def record_optics(session: Session, reads: Sequence[OpticsRead]) -> None:
    """Keep readings in the caller's transaction; again, or later than a newer one, changes nothing
    but the samples of that time.
    """
    if not reads:
        return
    lanes = _find_series(session, reads)
    PostgresSampleStore().append(
        session,
        OPTICS.name,
        [
            (
                lanes[read.device_id, name_lane(one.port, lane)].id,
                read.at_ms, 0, 0, *(values[column] for column in OPTICS.columns),
            )
            for read in reads
            for one in read.found
            for lane, values in enumerate(one.lanes, start=1)
            if _fits(one)
        ],
    )  # fmt: skip
    told = [(read, one) for read in reads for one in read.found if _fits(one)]
    session.execute(
        text(
            "INSERT INTO transceiver AS t"
            " (device_id, port_name, vendor, part, serial, limits, lanes, rx_lit_ms, tx_lit_ms,"
            " since, read_at)"
            " SELECT n.device_id, n.port_name, n.vendor, n.part, n.serial, n.limits,"
            " ARRAY(SELECT jsonb_array_elements_text(n.lanes)::integer),"
            " ARRAY(SELECT jsonb_array_elements_text(n.rx)::bigint),"
            " ARRAY(SELECT jsonb_array_elements_text(n.tx)::bigint), n.at, n.at"
            " FROM unnest(CAST(:devices AS bigint[]), CAST(:ports AS text[]),"
            " CAST(:vendors AS text[]), CAST(:parts AS text[]), CAST(:serials AS text[]),"
            " CAST(:limits AS jsonb[]), CAST(:lanes AS jsonb[]), CAST(:rx AS jsonb[]),"
            " CAST(:tx AS jsonb[]), CAST(:times AS timestamptz[]))"
            " AS n (device_id, port_name, vendor, part, serial, limits, lanes, rx, tx, at)"
            " ORDER BY n.device_id, n.port_name"
            " ON CONFLICT (device_id, port_name) DO UPDATE SET vendor = excluded.vendor,"
            " part = excluded.part, serial = excluded.serial, limits = excluded.limits,"
            " lanes = excluded.lanes, read_at = excluded.read_at,"
            " rx_lit_ms = ARRAY(SELECT coalesce(t.rx_lit_ms[place], excluded.rx_lit_ms[place])"
            " FROM generate_subscripts(excluded.lanes, 1) AS place ORDER BY place),"
            " tx_lit_ms = ARRAY(SELECT coalesce(t.tx_lit_ms[place], excluded.tx_lit_ms[place])"
            " FROM generate_subscripts(excluded.lanes, 1) AS place ORDER BY place),"
            " since = CASE WHEN (t.vendor, t.part, t.serial)"
            " = (excluded.vendor, excluded.part, excluded.serial)"
            " THEN t.since ELSE excluded.since END"
            " WHERE t.read_at < excluded.read_at"
        ),
        {
            "devices": [read.device_id for read, _ in told],
            "ports": [one.port for _, one in told],
            "vendors": [one.vendor[:_LONGEST] for _, one in told],
            "parts": [one.part[:_LONGEST] for _, one in told],
            "serials": [one.serial[:_LONGEST] for _, one in told],
            "limits": [json.dumps(one.limits) for _, one in told],
            "lanes": [
                json.dumps(
                    [
                        lanes[read.device_id, name_lane(one.port, lane)].id
                        for lane in range(1, len(one.lanes) + 1)
                    ]
                )
                for read, one in told
            ],
            **{
                way: [json.dumps(_find_lit(read, one, f"{way}_mdbm")) for read, one in told]
                for way in ("rx", "tx")
            },
            "times": [_instant(read) for read, _ in told],
        },
    )
    session.execute(
        text(
            "UPDATE snmp_agent a SET last_optics_at = n.at"
            " FROM unnest(CAST(:ids AS bigint[]), CAST(:times AS timestamptz[])) AS n (id, at)"
            " WHERE a.id = n.id AND (a.last_optics_at IS NULL OR a.last_optics_at < n.at)"
        ),
        {"ids": [read.agent_id for read in reads], "times": [_instant(read) for read in reads]},
    )


def _fits(one: Transceiver) -> bool:
    """Whether it has lanes, and the names of their series are ones that the database takes."""
    return bool(one.lanes) and len(name_lane(one.port, len(one.lanes))) <= _LONGEST


def _find_lit(read: OpticsRead, one: Transceiver, column: str) -> list[int | None]:
    """Of each lane when it had light, which is now or not."""
    return [read.at_ms if lane[column] > NO_LIGHT else None for lane in one.lanes]


def _instant(read: OpticsRead) -> dt.datetime:
    return dt.datetime.fromtimestamp(read.at_ms / 1000, dt.UTC)


def _find_series(session: Session, reads: Sequence[OpticsRead]) -> dict[tuple[int, str], Series]:
    """Series of all lanes, made where they are missing; the caller has locked the agents."""
    devices = {read.device_id for read in reads}
    rows = session.scalars(
        select(Series).where(Series.device_id.in_(devices), Series.family == OPTICS.name)
    )
    found = {(one.device_id, one.slot): one for one in rows if one.device_id is not None}
    for read in reads:
        for one in read.found:
            for lane in range(1, len(one.lanes) + 1):
                key = read.device_id, name_lane(one.port, lane)
                if key not in found and _fits(one):
                    found[key] = Series(
                        family=OPTICS.name, device_id=read.device_id, slot=key[1], step_s=_STEP_S
                    )
                    session.add(found[key])
    session.flush()
    return found
