"""A small house for folding alarms: two feeds, four racks, a ring of switches, two servers.

    utility 1 ─ UPS 2 ─ panel 3 ─┬ breaker 4 ─ PDU 5   rack 1, A
                                 ├ breaker 6 ─ PDU 7   rack 2, A
                                 └ breaker 8 ─ PDU 9   rack 3, A alone
    utility 11 ─ UPS 12 ─ panel 13 ─┬ breaker 14 ─ PDU 15   rack 1, B
                                    └ breaker 16 ─ PDU 17   rack 2, B
    panel 23 ─ PDU 25   rack 4, A, of its own

Devices: 100 core (rack 4, the carrier's line in port 1000), 101 and 102 access switches with two
uplinks each, to the core and to one another (a ring); 101 hangs on A in rack 1, 102 on both feeds
of rack 2. Servers 201 (rack 1, both cords) on 101, and 202 (rack 3, one cord) on 102. 305 is
PDU 5's own card.
"""

from dcim.alarms.correlation.dependencies import Dependencies, Link, PortAt
from dcim.alarms.correlation.subjects import Raised, Subject
from dcim.power.outage import Machine
from dcim.power.tree import Node

MINUTE = 60_000


def node(
    node_id: int, parent: int | None, kind: str, feed: str = "A", *, rack: int | None = None,
    second: int | None = None, closed: bool = True,
) -> Node:  # fmt: skip
    return Node(
        node_id, parent, kind, f"N{node_id}", feed, rack, 220, 32, 1, 80,
        second_parent_id=second, closed=closed,
    )  # fmt: skip


def build(*nodes: Node) -> dict[int, Node]:
    return {one.id: one for one in nodes}


NODES = build(
    node(1, None, "utility"),
    node(2, 1, "ups"),
    node(3, 2, "panel"),
    node(4, 3, "breaker", rack=1),
    node(5, 4, "pdu", rack=1),
    node(6, 3, "breaker", rack=2),
    node(7, 6, "pdu", rack=2),
    node(8, 3, "breaker", rack=3),
    node(9, 8, "pdu", rack=3),
    node(11, None, "utility", "B"),
    node(12, 11, "ups", "B"),
    node(13, 12, "panel", "B"),
    node(14, 13, "breaker", "B", rack=1),
    node(15, 14, "pdu", "B", rack=1),
    node(16, 13, "breaker", "B", rack=2),
    node(17, 16, "pdu", "B", rack=2),
    node(23, None, "panel"),
    node(25, 23, "pdu", rack=4),
)
MACHINES = {
    100: Machine(100, 4, None, (25,)),
    101: Machine(101, 1, None, (5,)),
    102: Machine(102, 2, None, (7, 17)),
    201: Machine(201, 1, 7, (5, 15)),
    202: Machine(202, 3, 8, (9,)),
    305: Machine(305, 1, None, (5,)),
}
PORTS = {
    1000: PortAt(100, leads_up=True),
    1001: PortAt(100),
    1002: PortAt(100),
    1011: PortAt(101, leads_up=True),
    1012: PortAt(101, leads_up=True),
    1013: PortAt(101),
    1021: PortAt(102, leads_up=True),
    1022: PortAt(102, leads_up=True),
    1023: PortAt(102),
    2011: PortAt(201, leads_up=True),
    2021: PortAt(202, leads_up=True),
}
LINKS = (
    Link(1001, 1011), Link(1002, 1021), Link(1012, 1022), Link(1013, 2011), Link(1023, 2021),
)  # fmt: skip
# Agents have the numbers of their devices and 5000.
AGENTS = {5000 + device_id: device_id for device_id in MACHINES}
HOUSE = Dependencies(
    nodes=NODES,
    machines=MACHINES,
    ports=PORTS,
    links=LINKS,
    exits=frozenset({100}),
    agents=AGENTS,
    sensors={7001: 305},
    meters={5: 305},
    circuits={9001: 1000},
    services={8001: (1013,), 8002: (1013, 1023)},
)


def alarm(
    key: int, kind: str, subject_id: int, trouble: str = "down", at: int = 0, rank: int = 0
) -> Raised:
    """`at` in minutes."""
    return Raised(key, Subject(kind, subject_id), trouble, at * MINUTE, rank)
