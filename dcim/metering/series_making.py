"""Series that polls of ports need and that aren't there yet, made for many devices at once."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from dcim.metering.families import Family

# Whether nothing ever measured port `p` in the family `{family}`, a word of SQL.
UNMEASURED = (
    "NOT EXISTS (SELECT FROM series o WHERE o.port_id = p.id AND o.family = {family})"
    " AND NOT EXISTS (SELECT FROM former_binding f JOIN series o ON o.id = f.series_id"
    " WHERE f.port_id = p.id AND o.family = {family})"
)


def make_series(
    session: Session, family: Family, devices: Sequence[int], slots: Sequence[str]
) -> None:
    """Series for (device, slot); those that are there stay. Each measures the port of its name at
    once, where nothing did: to bind it afterwards would be to write each row twice."""
    session.execute(
        text(
            "INSERT INTO series (family, device_id, slot, step_s, port_id)"  # noqa: S608
            " SELECT :family, w.device_id, w.slot, 60, p.id"
            " FROM unnest(CAST(:devices AS bigint[]), CAST(:slots AS text[]))"
            " AS w (device_id, slot)"
            " LEFT JOIN port p ON p.device_id = w.device_id AND p.name = w.slot"
            f" AND {UNMEASURED.format(family=':family')}"
            # In key order: two writers of the same series wait for each other, never in a ring.
            " ORDER BY w.device_id, w.slot"
            " ON CONFLICT (family, device_id, slot) DO NOTHING"
        ),
        {"family": family.name, "devices": list(devices), "slots": list(slots)},
    )
