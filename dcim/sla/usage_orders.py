"""What an item's order names that only some ways of charging usage ask for: pure."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from dcim.power.chain import Node
from dcim.sla.port_rates import Held, sum_rates
from dcim.sla.rules.intervals import Interval
from dcim.sla.rules.quantities import plain
from dcim.sla.rules.terms import Terms, Usage
from dcim.sla.rules.usage.lines import needs_lines
from dcim.sla.subjects import ItemSubjects


def describe_order(each: ItemSubjects, terms: Terms, service: Interval) -> dict[str, Any]:
    """Keys of an item's entry, only those that its terms ask for; what isn't known is left out.

    The breaker's amperes are those of the one circuit an item has. Which of several circuits are
    charged the order would have to say, and it isn't recorded; nor is the PUE, nor a group.
    """
    usages = [u for u in terms.usage if each.item.kind in u.applies_to and needs_lines(u)]
    found: dict[str, Any] = {}
    if any(usage.method == "percentile" and usage.port == "item" for usage in usages):
        held = [
            Held(port.port_id, low, high, port.speed_bps)
            for port in each.ports
            for low, high in port.spans
        ]
        rate = sum_rates(held, *service)
        if rate is not None:
            found["port_bps"] = rate
    power = _describe_power(each, usages)
    return found | ({"power": power} if power else {})


def _describe_power(each: ItemSubjects, usages: Sequence[Usage]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    methods = {usage.method for usage in usages}
    circuits = _circuits(each)
    if "breakered" in methods and len(circuits) == 1:
        found["amperes"] = plain(Decimal(circuits[0].rated_a))
    watts = each.agreed.contracted_w
    if "committed_power" in methods and watts is not None:
        found["commit"] = {"kW": plain(Decimal(watts) / 1000)}
    return found


def _circuits(each: ItemSubjects) -> list[Node]:
    return [pdu for rack in each.racks for pdu in rack.pdus]
