"""How long a panel's outage takes to simulate in a house of 20,000 racks and 200,000 machines.

Run by hand: python -m tests.benchmarks.outage_of_20000_racks. Prints seconds, and the ratio to the
same outage in a house of 2,000 racks: above 10 it grows faster than the house.
"""

import sys
import time

from dcim.power.outage import Machine, RackDraw, add_machines, simulate
from dcim.power.tree import Node

RACKS_ON_A_PANEL, PANELS_ON_A_UPS, MACHINES_IN_A_RACK = 24, 5, 10


def build(racks: int) -> tuple[dict[int, Node], int]:
    """The chain of both feeds, and the id of a panel."""
    nodes: dict[int, Node] = {}

    def add(
        parent: int | None, kind: str, feed: str, amps: int, phases: int = 3,
        rack: int | None = None, phase: str = "", second: int | None = None,
    ) -> int:  # fmt: skip
        number = len(nodes) + 1
        volts = 380 if phases == 3 else 220
        nodes[number] = Node(
            number, parent, kind, f"N{number}", feed, rack, volts, amps, phases, 80,
            second_parent_id=second, phase=phase,
        )  # fmt: skip
        return number

    panel = 0
    for feed in "AB":
        utility = add(None, "utility", feed, 32_000)
        generator = add(None, "generator", feed, 32_000)
        switch = add(utility, "ats", feed, 32_000, second=generator)
        ups = 0
        for first in range(1, racks + 1, RACKS_ON_A_PANEL):
            if first // RACKS_ON_A_PANEL % PANELS_ON_A_UPS == 0:
                ups = add(switch, "ups", feed, 1200)
            panel = add(ups, "panel", feed, 250)
            for rack in range(first, min(first + RACKS_ON_A_PANEL, racks + 1)):
                phase = f"L{rack % 3 + 1}"
                breaker = add(panel, "breaker", feed, 32, 1, rack, phase)
                add(breaker, "pdu", feed, 32, 1, rack)
    return nodes, panel


def measure(racks: int) -> float:
    nodes, panel = build(racks)
    pdus: dict[int, list[int]] = {}
    for node in nodes.values():
        if node.kind == "pdu" and node.rack_id is not None:
            pdus.setdefault(node.rack_id, []).append(node.id)
    draws = {
        rack: RackDraw(rack, 4_000_000, dict.fromkeys(own, 2_000_000), "measured")
        for rack, own in pdus.items()
    }
    machines = [
        Machine(rack * MACHINES_IN_A_RACK + place, rack, rack % 1000, tuple(own))
        for rack, own in pdus.items()
        for place in range(MACHINES_IN_A_RACK)
    ]
    began = time.perf_counter()
    outage = add_machines(simulate(nodes, [panel], draws), machines, draws)
    took = time.perf_counter() - began
    if not outage.racks:
        raise AssertionError("the panel feeds nobody")
    return took


if __name__ == "__main__":
    small, large = (min(measure(racks) for _ in range(3)) for racks in (2_000, 20_000))
    sys.stdout.write(f"20,000 racks: {large:.2f} s; {large / small:.1f} × that of 2,000\n")
