"""Making the inventory say what a device says, through the services that write it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.errors import ConflictError
from dcim.inventory.models import Device
from dcim.network.cables import CableNotes, connect_ports
from dcim.network.kinds import PORT
from dcim.network.models import Port
from dcim.network.tracing import Plug
from dcim.power.kinds import OUTLET
from dcim.power.metering import unmeter_node
from dcim.power.models import Outlet
from dcim.records.kinds import Kind
from dcim.records.writing import change_record, create_record, delete_record
from dcim.snmp.agents.models import DiscoveryFinding, Sensor, SnmpAgent
from dcim.snmp.agents.registration import FoundPort, accept_ports
from dcim.snmp.discovery.inventory_view import find_pdu

# What frees a name or a place comes before what takes one.
_ORDER = ("gone", "renamed", "changed", "new")


@dataclass(slots=True)
class Acceptance:
    """Applies findings in the caller's transaction; raises ConflictError for the first that the
    inventory, as it is now, doesn't allow. The caller takes everything back then."""

    session: Session
    scope: Scope
    media: str
    kinds: Sequence[Kind] = ()

    def apply(self, findings: Sequence[DiscoveryFinding]) -> None:
        deeds: dict[str, Callable[[DiscoveryFinding, SnmpAgent], None]] = {
            "identity": self._identity,
            "port": self._port,
            "outlet": self._outlet,
            "sensor": self._sensor,
            "meter": self._meter,
            "neighbour": self._neighbour,
        }
        new_ports: dict[int, list[FoundPort]] = {}
        laid: set[str] = set()
        ordered = sorted(
            findings, key=lambda one: (one.subject == "link", _ORDER.index(one.kind), one.id)
        )
        agents = {
            agent.id: agent
            for agent in self.session.scalars(
                select(SnmpAgent).where(SnmpAgent.id.in_({one.agent_id for one in findings}))
            )
        }
        for finding in ordered:
            agent = agents[finding.agent_id]
            if finding.subject == "port" and finding.kind == "new":
                new_ports.setdefault(agent.device_id, []).append(self._new_port(finding, agent))
            elif finding.subject == "link":
                if finding.key not in laid:
                    self._link(finding)
                laid.add(finding.key)
            else:
                deeds[finding.subject](finding, agent)
        for device_id, ports in new_ports.items():
            device = self.session.get_one(Device, device_id)
            accept_ports(self.session, self.scope, device, ports)

    def _identity(self, finding: DiscoveryFinding, agent: SnmpAgent) -> None:
        for name, (before, after) in finding.details.items():
            if getattr(agent, name) != before:
                # A poll that identified the device meanwhile has written the same.
                if getattr(agent, name) == after:
                    continue
                raise _outdated(agent.device.name)
            setattr(agent, name, str(after)[: 64 if name == "profile" else 255])

    def _find_port(self, agent: SnmpAgent, name: str) -> Port | None:
        return self.session.scalar(
            select(Port)
            .where(Port.device_id == agent.device_id, Port.name == name)
            .with_for_update(of=Port)
        )

    def _new_port(self, finding: DiscoveryFinding, agent: SnmpAgent) -> FoundPort:
        if self._find_port(agent, finding.key) is not None:
            raise _outdated(f"{agent.device.name} {finding.key}")
        details = finding.details
        return FoundPort(finding.key, int(details["speed_bps"]), str(details["alias"]))

    def _port(self, finding: DiscoveryFinding, agent: SnmpAgent) -> None:
        port = self._find_port(agent, finding.key)
        label = f"{agent.device.name} {finding.key}"
        if port is None:
            raise _outdated(label)
        if finding.kind == "gone":
            delete_record(self.session, self.scope, PORT, port.id, kinds=self.kinds)
            return
        changes: dict[str, Any] = {}
        for name, (before, after) in finding.details.items():
            now = getattr(port, name)
            # A poll follows the alias by itself.
            if now != before and not (name == "alias" and now == after):
                raise _outdated(label)
            changes[name] = after
        if "alias" in changes:
            port.alias = changes.pop("alias")
            self.session.flush()
        if "name" in changes and self._find_port(agent, changes["name"]) is not None:
            raise _outdated(f"{agent.device.name} {changes['name']}")
        if changes:
            change_record(self.session, self.scope, PORT, port.id, changes)

    def _outlet(self, finding: DiscoveryFinding, agent: SnmpAgent) -> None:
        pdu_id = find_pdu(self.session, agent.device_id)
        number = int(finding.details["number"])
        if pdu_id is None:
            raise _outdated(agent.device.name)
        outlet = self.session.scalar(
            select(Outlet)
            .where(Outlet.pdu_id == pdu_id, Outlet.number == number)
            .with_for_update(of=Outlet)
        )
        if (outlet is None) is (finding.kind == "gone"):
            raise _outdated(f"{agent.device.name} {number}")
        if outlet is None:
            values = {"pdu_id": pdu_id, "number": number}
            create_record(self.session, self.scope, OUTLET, values)
            return
        if outlet.device_id is not None:
            plugged = self.session.get_one(Device, outlet.device_id)
            raise ConflictError(
                "%(device)s is plugged into outlet %(number)s; pull it out first.",
                device=plugged.name,
                number=number,
            )
        delete_record(self.session, self.scope, OUTLET, outlet.id, kinds=self.kinds)

    def _sensor(self, finding: DiscoveryFinding, agent: SnmpAgent) -> None:
        details = finding.details
        sensor = self.session.scalar(
            select(Sensor).where(
                Sensor.device_id == agent.device_id,
                Sensor.family == details["family"],
                Sensor.name == details["name"],
            )
        )
        if (sensor is None) is (finding.kind == "gone"):
            raise _outdated(f"{agent.device.name} {details['name']}")
        if sensor is not None:
            self.session.delete(sensor)
        else:
            self.session.add(
                Sensor(
                    device_id=agent.device_id,
                    family=details["family"],
                    name=details["name"],
                    place=details["place"],
                )
            )
        self.session.flush()

    def _meter(self, finding: DiscoveryFinding, agent: SnmpAgent) -> None:
        unmeter_node(
            self.session,
            self.scope,
            node_code=finding.details["node"],
            device_id=agent.device_id,
            place=finding.details["place"],
        )

    def _link(self, finding: DiscoveryFinding) -> None:
        ends = sorted(one for one in (finding.port_id, finding.other_port_id) if one is not None)
        ports = self.session.scalars(select(Port).where(Port.id.in_(ends))).all()
        media = next((port.media for port in ports if port.media), self.media)
        low, high = (Plug(port_id) for port_id in ends)
        # Refuses by itself, naming the cable, where one of the ports is taken.
        connect_ports(self.session, self.scope, low, high, CableNotes(media, note="LLDP"))

    def _neighbour(self, finding: DiscoveryFinding, agent: SnmpAgent) -> None:
        raise ConflictError(
            "What %(device)s hears at %(port)s isn't in the inventory: enter it there, or dismiss"
            " this.",
            device=agent.device.name,
            port=finding.details["port"] or "?",
        )


def _outdated(what: str) -> ConflictError:
    return ConflictError(
        "%(what)s has changed in the inventory since it was compared. Check the device again.",
        what=what,
    )
