"""Every reading that holds now, as families of labelled values for other programs' graphs.

Names and units follow Prometheus's custom: base units in the name, one help line each. Through
the same scoped queries as the pages, so a customer's token gives the customer's own. What is not
known now is absent, never 0 and never the last value: the reader's own staleness then says so.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.inventory.models import Cabinet, Installation, Rack, Room, Row, Site
from dcim.network.queries import PortFilter, PortRow, list_ports
from dcim.paging import EVERYTHING
from dcim.power.queries import NodeFilter, NodeRow, list_power_nodes
from dcim.sla.evidence import HOLDS_MS
from dcim.sla.rooms import SensorNow, read_sensors

PORT_LABELS = ("site", "device", "port", "port_id", "role", "customer", "service", "carrier")
NODE_LABELS = ("site", "node", "kind", "feed", "cabinet")
SENSOR_LABELS = ("site", "room", "sensor")
STATES = {"up": 1.0, "down": 0.0, "alive": 1.0, "dead": 0.0}


@dataclass(frozen=True, slots=True)
class Family:
    """A gauge: `samples` hold the labels' values, in the order of `labels`, and the value."""

    name: str
    help: str
    labels: tuple[str, ...]
    samples: list[tuple[tuple[str, ...], float]]


# Name, help; the values come in the same order.
PORT_FAMILIES = (
    ("jifang_port_in_bits_per_second", "Rate into the port over the last interval (ifHCInOctets)."),
    ("jifang_port_out_bits_per_second", "Rate out of it over the last interval (ifHCOutOctets)."),
    ("jifang_port_speed_bits_per_second", "What the port can carry (ifHighSpeed)."),
    ("jifang_port_commit_bits_per_second", "What the service on it commits to."),
    ("jifang_port_up", "1 up, 0 down (ifOperStatus); absent while it isn't known."),
    ("jifang_port_in_errors_per_second", "Damaged packets coming in (ifInErrors)."),
    ("jifang_port_out_errors_per_second", "Packets not sent for errors (ifOutErrors)."),
    ("jifang_port_in_discards_per_second", "Sound packets dropped coming in (ifInDiscards)."),
    ("jifang_port_out_discards_per_second", "Sound packets not sent (ifOutDiscards)."),
    ("jifang_port_sample_timestamp_seconds", "When the newest sample was received, however old."),
)  # fmt: skip
NODE_FAMILIES = (
    ("jifang_power_watts", "Active power."),
    ("jifang_power_amperes", "Current; of one phase where it has one."),
    ("jifang_power_volts", "Voltage."),
    ("jifang_power_derated_amperes", "What the circuit may carry steadily: rated times derating."),
    ("jifang_power_up", "1 live, 0 dead by its own reading; absent while it isn't known."),
    ("jifang_power_sample_timestamp_seconds", "When the newest sample was received, however old."),
)
SENSOR_FAMILIES = (
    ("jifang_temperature_celsius", "Air temperature at the sensor."),
    ("jifang_relative_humidity_ratio", "Relative humidity at the sensor, 0 to 1."),
    ("jifang_climate_sample_timestamp_seconds", "When the newest sample came, however old."),
)


def read_families(
    session: Session,
    scope: Scope,
    now: dt.datetime,
    *,
    hold_ms: int = HOLDS_MS,
    parts: Iterable[str] = ("ports", "power", "environment"),
) -> list[Family]:
    """`parts` of ports, power, environment (the last for staff). `hold_ms`: a reading that is older
    isn't known now. A fixed number of statements for each part."""
    wanted = set(parts)
    oldest = now - dt.timedelta(milliseconds=hold_ms)
    found: list[Family] = []
    if "ports" in wanted:
        ports = list_ports(session, scope, PortFilter(), EVERYTHING).items
        sites = _find_sites(session) if scope.is_staff else {}
        found += _tell(PORT_FAMILIES, PORT_LABELS, (_port(one, sites, oldest) for one in ports))
    if "power" in wanted:
        nodes = list_power_nodes(session, scope, NodeFilter(), EVERYTHING).items
        codes = {row.id: row.code for row in session.execute(select(Site.id, Site.code))}
        found += _tell(NODE_FAMILIES, NODE_LABELS, (_node(one, codes, oldest) for one in nodes))
    if "environment" in wanted and scope.is_staff:
        sensors = read_sensors(session, scope, now)
        found += _tell(SENSOR_FAMILIES, SENSOR_LABELS, (_sensor(one) for one in sensors))
    return found


Values = tuple[tuple[str, ...], Sequence[float | None]]


def _tell(
    families: Sequence[tuple[str, str]], labels: tuple[str, ...], rows: Iterator[Values]
) -> list[Family]:
    found = [Family(name, text, labels, []) for name, text in families]
    for words, values in rows:
        for family, value in zip(found, values, strict=True):
            if value is not None:
                family.samples.append((words, value))
    return found


def _port(port: PortRow, sites: Mapping[int, str], oldest: dt.datetime) -> Values:
    """A customer's own port goes by its service: device and place are the operator's."""
    fresh = port.measured_at is not None and port.measured_at >= oldest
    told = port.state_at is not None and port.state_at >= oldest
    words = (
        sites.get(port.device_id or 0, ""),
        port.device_name or "",
        port.name,
        str(port.id),
        port.role,
        port.customer_code or "",
        port.service_code or "",
        port.carrier or "",
    )
    return words, (
        port.in_bps if fresh else None,
        port.out_bps if fresh else None,
        port.speed_bps or None,
        port.commit_bps or None,
        STATES.get(port.state) if told else None,
        port.in_errors_per_s if fresh else None,
        port.out_errors_per_s if fresh else None,
        port.in_discards_per_s if fresh else None,
        port.out_discards_per_s if fresh else None,
        _seconds(port.measured_at, port.state_at),
    )


def _node(node: NodeRow, codes: Mapping[int, str], oldest: dt.datetime) -> Values:
    fresh = node.measured_at is not None and node.measured_at >= oldest
    told = node.state_at is not None and node.state_at >= oldest
    mw, ma, mv = (node.mw, node.ma, node.mv) if fresh else (None, None, None)
    words = (
        codes.get(node.site_id, ""),
        node.code,
        node.kind,
        node.feed,
        node.cabinet_code or "",
    )
    return words, (
        None if mw is None else mw / 1000,
        None if ma is None else ma / 1000,
        None if mv is None else mv / 1000,
        node.rated_a * node.derate_pct / 100 if node.rated_a else None,
        STATES.get(node.state) if told else None,
        _seconds(node.measured_at, node.state_at),
    )


def _sensor(sensor: SensorNow) -> Values:
    words = (sensor.site_code, sensor.room_code, sensor.name)
    return words, (
        None if sensor.mc is None else sensor.mc / 1000,
        None if sensor.rh is None else sensor.rh / 1000,
        _seconds(sensor.measured_at),
    )


def _seconds(*instants: dt.datetime | None) -> float | None:
    """Of the newest."""
    return max((one.timestamp() for one in instants if one is not None), default=None)


def _find_sites(session: Session) -> dict[int, str]:
    """By device, of those that stand somewhere."""
    rows = session.execute(
        select(Installation.device_id, Site.code)
        .join(Rack, Rack.id == Installation.rack_id)
        .join(Cabinet, Cabinet.id == Rack.cabinet_id)
        .join(Row, Row.id == Cabinet.row_id)
        .join(Room, Room.id == Row.room_id)
        .join(Site, Site.id == Room.site_id)
    )
    return {row.device_id: row.code for row in rows}
