"""Why time wasn't measured: of each stretch to review, which device said nothing, and how."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.inventory.models import Device
from dcim.sla.meters import Meter, Meters
from dcim.snmp.agents.models import SnmpAgent
from dcim.snmp.health.gaps import SILENT
from dcim.snmp.health.report import explain_gap

# Of a longer stretch the beginning tells why.
LOOKED_MS = 86_400_000
# Samples are there, and they don't tell whether the feed was alive.
UNDECIDED, UNPOLLED = "undecided", "unpolled"


def tell_reasons(
    session: Session, reviews: Iterable[dict[str, Any]], meters: Meters, interval_s: int
) -> None:
    """Add to each gap its `causes`: device, its id, and a reason as polling names them, or
    "undecided" (it answered) and "unpolled" (it has no agent)."""
    reviews = [each for each in reviews if each["gaps"]]
    names = {
        resource["name"]: _find_devices(resource["name"], meters)
        for each in reviews
        for resource in each["resources"]
    }
    if not names:
        return
    wanted = {device for found in names.values() for device, _, _ in found}
    ids: dict[str, tuple[int, bool]] = {
        name: (device_id, bool(polled))
        for device_id, name, polled in session.execute(
            select(Device.id, Device.name, SnmpAgent.enabled)
            .outerjoin(SnmpAgent, SnmpAgent.device_id == Device.id)
            .where(Device.name.in_(wanted))
        )
    }
    for each in reviews:
        for gap in each["gaps"]:
            causes: dict[tuple[str, str], int | None] = {}
            for resource in each["resources"]:
                for device, port, meter in names[resource["name"]]:
                    device_id, polled = ids.get(device, (None, False))
                    reasons = (
                        _explain(session, device_id, port, meter, meters, gap, interval_s)
                        if polled and device_id is not None
                        else [UNPOLLED]
                    )
                    causes |= {(device, reason): device_id for reason in reasons}
            gap["causes"] = [
                {"device": device, "device_id": device_id, "reason": reason}
                for (device, reason), device_id in causes.items()
            ]


def _find_devices(resource: str, meters: Meters) -> list[tuple[str, str, Meter | None]]:
    """(device, its port or none, the meter of a gauge): what measures a resource by its name."""
    kind, _, rest = resource.partition("/")
    if kind == "port":
        device, _, port = rest.partition("/")
        return [(device, port, None)]
    if kind == "feed":
        nodes = [node for node in meters.tree.nodes.values() if node.code == rest]
        found = [meter for node in nodes for meter in meters.by_node.get(node.id, [])]
    elif kind == "climate":
        found = [each for some in meters.by_room.values() for each in some if each.name == rest]
    else:  # echoes of our own have no device behind them
        found = []
    return [(meter.name.partition("/")[0], "", meter) for meter in found]


def _explain(
    session: Session,
    device_id: int,
    port: str,
    meter: Meter | None,
    meters: Meters,
    gap: dict[str, Any],
    interval_s: int,
) -> list[str]:
    begin, end = gap["start"], min(gap["end"], gap["start"] + LOOKED_MS)
    if meter is None:
        found = explain_gap(session, device_id, port, begin, end, interval_s)
        return list(dict.fromkeys(span.reason for span in found)) or [UNDECIDED]
    columns = meters.columns(meter, begin, end)
    return [UNDECIDED] if len(columns) else [SILENT]
