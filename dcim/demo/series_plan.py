"""The series that polling the demo fills, by the names that polling gives them."""

from collections.abc import Iterator
from dataclasses import dataclass

from dcim.demo.plan_parts import DemoPlan, NodePlan, PortPlan, SensorPlan

# measuring names a thing by its place and, where it has several, the row of the table.
UPS_PHASES = ("output-01", "output-02", "output-03")


@dataclass(frozen=True)
class SeriesPlan:
    """`subject` is what it measures in the inventory."""

    family: str
    device: str
    slot: str
    subject: PortPlan | NodePlan | SensorPlan


def plan_series(plan: DemoPlan) -> Iterator[SeriesPlan]:
    for port in plan.ports:
        for family in ("traffic", "state", "discards"):
            yield SeriesPlan(family, port.device, port.name, port)
    for node in plan.nodes:
        if node.meter_device is not None:
            slots = UPS_PHASES if node.kind == "ups" else (node.meter_place or "",)
            for slot in slots:
                yield SeriesPlan("power", node.meter_device, slot, node)
    for sensor in plan.sensors:
        yield SeriesPlan("climate", sensor.device, sensor.slot, sensor)
