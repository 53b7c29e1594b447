"""Pure: what around some subjects hangs on what, by the power chain and the recorded links."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from dcim.alarms.correlation.subjects import Subject
from dcim.power.flow import Grid
from dcim.power.outage import Machine
from dcim.power.tree import Node, PowerTree


@dataclass(frozen=True, slots=True)
class PortAt:
    """`leads_up`: towards the core. A switch's uplinks do, and every port of a machine."""

    device_id: int
    leads_up: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """What carries two ports' traffic: a line of cables through any panels, or an LLDP sighting."""

    a_port_id: int
    z_port_id: int


@dataclass(frozen=True, slots=True)
class Dependencies:
    """All by id. `machines` are devices that draw power: their cords, or what they measure at
    themselves (a rack PDU, a UPS); rack 0 is none. `exits` are devices with a carrier's circuit.
    `meters` are the devices that measure a node; `services` the ports that carry each now; `items`
    the racks and ports that a contract's item is at now; `lags` the ports that are in each LAG."""

    nodes: Mapping[int, Node] = field(default_factory=dict)
    machines: Mapping[int, Machine] = field(default_factory=dict)
    ports: Mapping[int, PortAt] = field(default_factory=dict)
    links: Collection[Link] = ()
    exits: Collection[int] = frozenset()
    agents: Mapping[int, int] = field(default_factory=dict)
    sensors: Mapping[int, int] = field(default_factory=dict)
    meters: Mapping[int, int] = field(default_factory=dict)
    circuits: Mapping[int, int] = field(default_factory=dict)
    services: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    items: Mapping[int, tuple[Subject, ...]] = field(default_factory=dict)
    lags: Mapping[int, tuple[int, ...]] = field(default_factory=dict)

    def device_meant(self, subject: Subject) -> int | None:
        """The device that is silent when this is: itself, or the one an agent speaks for."""
        if subject.kind == "agent":
            return self.agents.get(subject.id)
        return subject.id if subject.kind == "device" else None


@dataclass(frozen=True, slots=True)
class Way:
    """A way up from a device: by its own port to the far one."""

    port_id: int
    far_port_id: int
    far_device_id: int


class Graph:
    """The same, ready to be asked. Whom a node, rack or machine draws from is taken as it is while
    nothing is dead: what an open breaker cuts off carries nobody, and a loop feeds nobody."""

    def __init__(self, given: Dependencies) -> None:
        self.given = given
        self.grid = Grid(given.nodes)
        self._before = self.grid.energize()
        self._far: dict[int, list[int]] = {}
        self._ways: dict[int, list[Way]] = {}
        for link in given.links:
            self._join(link.a_port_id, link.z_port_id)
            self._join(link.z_port_id, link.a_port_id)
        for several in self._far.values():
            several.sort()
        for ways in self._ways.values():
            ways.sort(key=lambda way: (way.port_id, way.far_port_id))

    def _join(self, port_id: int, far_id: int) -> None:
        here, there = (self.given.ports.get(each) for each in (port_id, far_id))
        if here is None or there is None or here.device_id == there.device_id:
            return
        if far_id in self._far.setdefault(port_id, []):
            return
        self._far[port_id].append(far_id)
        if here.leads_up:
            way = Way(port_id, far_id, there.device_id)
            self._ways.setdefault(here.device_id, []).append(way)

    @cached_property
    def tree(self) -> PowerTree:
        return PowerTree(self.given.nodes)

    def sources_of(self, node_id: int) -> list[int]:
        """What the node may draw from, the preferred source first."""
        at = self.grid.place.get(node_id)
        if at is None or not self._before.live[at]:
            return []
        # Of a loop in the data, what comes later in it draws from the node, and feeds it not.
        return self._living([each for each in self.grid.parents[at] if each < at])

    def lives_alone(self, node_id: int) -> bool:
        return self.grid.lives_alone(self.given.nodes[node_id])

    def feeds_of(self, rack_id: int) -> list[int]:
        """The PDUs that bring feeds into the rack."""
        return self._living(self.grid.feeds_of_rack.get(rack_id, ()))

    def cords_of(self, device_id: int) -> list[int]:
        """The nodes it hangs on; where none is recorded its rack's feeds stand for them."""
        machine = self.given.machines.get(device_id)
        if machine is None:
            return []
        places = [self.grid.place[each] for each in machine.cords if each in self.grid.place]
        return self._living(dict.fromkeys(places)) if places else self.feeds_of(machine.rack_id)

    def rack_of(self, device_id: int) -> int | None:
        machine = self.given.machines.get(device_id)
        return None if machine is None else machine.rack_id

    def far_ports(self, port_id: int) -> list[int]:
        return self._far.get(port_id, [])

    @cached_property
    def _lag_of(self) -> dict[int, int]:
        return {port_id: lag_id for lag_id, ports in self.given.lags.items() for port_id in ports}

    def lag_of(self, port_id: int) -> int | None:
        return self._lag_of.get(port_id)

    def members_of(self, port_id: int) -> tuple[int, ...]:
        return self.given.lags.get(port_id, ())

    def far_lags(self, port_id: int) -> list[int]:
        """The LAGs at the other ends of a LAG's members."""
        far = [each for member in self.members_of(port_id) for each in self.far_ports(member)]
        return sorted({lag for each in far if (lag := self.lag_of(each)) is not None})

    def device_of(self, port_id: int) -> int | None:
        port = self.given.ports.get(port_id)
        return None if port is None else port.device_id

    def ways_up(self, device_id: int) -> list[Way]:
        return self._ways.get(device_id, [])

    def is_top(self, device_id: int) -> bool:
        """From where the world is reached: a carrier's line, or nothing recorded further up."""
        return device_id in self.given.exits or not self.ways_up(device_id)

    def leads_out(self, device_id: int, avoid: Collection[int]) -> bool:
        """Whether a top is reached from the device without passing these."""
        waiting, seen = [device_id], set(avoid)
        while waiting:
            at = waiting.pop()
            if at in seen:
                continue
            if self.is_top(at):
                return True
            seen.add(at)
            waiting.extend(way.far_device_id for way in self.ways_up(at))
        return False

    def _living(self, places: Collection[int]) -> list[int]:
        return [self.grid.nodes[at].id for at in places if self._before.live[at]]
