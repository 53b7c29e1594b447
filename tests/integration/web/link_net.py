"""Switches with cables, panels and LLDP between them, for the map of links and the port's page."""

import datetime as dt

from dcim.columns import utc_now
from dcim.inventory.models import Cabinet, Device, Installation, Rack
from dcim.metering.models import Series
from dcim.network.models import Cable, CableEnd, Carrier, Circuit, Port
from dcim.network.tracing import FRONT, REAR
from dcim.snmp.agents.models import HeardNeighbour, SnmpAgent, SnmpCredential
from tests.integration.web.boards import House, Row_

GIG = 10**9


class Net:
    """Devices by name; "spine-1 Te1" is a port, made when it is first named."""

    def __init__(self, house: House) -> None:
        self.house, self.session = house, house.session
        self.credential = self._add(SnmpCredential(name="c", version="2c"))
        self.devices: dict[str, Device] = {}
        self.agents: dict[str, SnmpAgent] = {}
        self.ports: dict[str, Port] = {}

    def _add(self, row: Row_) -> Row_:
        self.session.add(row)
        self.session.flush()
        return row

    def device(self, name: str) -> Device:
        if name not in self.devices:
            one = Device(device_type_id=self.house.kind_id, name=name, role="switch")
            self.devices[name] = self._add(one)
        return self.devices[name]

    def port(self, words: str, kind: str = "switch") -> Port:
        if words not in self.ports:
            device, name = words.split(" ")
            if device.startswith("odf"):
                kind = "panel"
            one = Port(device_id=self.device(device).id, name=name, speed_bps=GIG, kind=kind)
            self.ports[words] = self._add(one)
        return self.ports[words]

    def cable(self, a: str, z: str, faces: tuple[str, str] = (FRONT, FRONT)) -> None:
        cable = self._add(Cable(media="smf"))
        for side, words, face in (("a", a, faces[0]), ("z", z, faces[1])):
            self._add(
                CableEnd(cable_id=cable.id, side=side, port_id=self.port(words).id, face=face)
            )

    def cable_by_panels(self, a: str, z: str, near: str, far: str) -> None:
        self.cable(a, near)
        self.cable(near, far, (REAR, REAR))
        self.cable(far, z)

    def agent(self, device: str) -> SnmpAgent:
        if device not in self.agents:
            number = len(self.agents) + 1
            self.agents[device] = self._add(
                SnmpAgent(
                    device_id=self.device(device).id,
                    credential_id=self.credential.id,
                    address=f"10.9.0.{number}",
                    last_check_at=utc_now() - dt.timedelta(hours=number),
                )
            )
        return self.agents[device]

    def hear(
        self, at: str, other: str, *, doubt: str = "", ago: dt.timedelta = dt.timedelta(hours=2)
    ) -> HeardNeighbour:
        """That `at` hears the port `other`; with a doubt only its device is known, or not even
        that."""
        (own, own_port), (device, port) = at.split(" "), other.split(" ")
        known = doubt in ("", "unknown_port")
        now = utc_now()
        return self._add(
            HeardNeighbour(
                agent_id=self.agent(own).id,
                key=f"{at}|{other}"[:255],
                port_id=self.port(at).id,
                other_device_id=self.device(device).id if known else None,
                other_port_id=None if doubt else self.port(other).id,
                doubt=doubt,
                local_port=own_port,
                chassis="02:00:4c:00:00:01",
                sys_name=device,
                sys_descr="an operating system",
                remote_port=port,
                remote_descr="",
                addresses=["10.9.1.1"],
                first_heard_at=now - dt.timedelta(days=9),
                last_heard_at=now - ago,
            )
        )

    def measure(self, words: str, share: float, state: int = 1) -> None:
        """A minute at this share of the speed, in."""
        port = self.port(words)
        now_ms = round(self.house.now.timestamp() * 1000)
        octets = round(GIG * share * 60 / 8)
        for family, values in (("traffic", (octets, 0, 0, 0)), ("state", (state,))):
            series = self._add(
                Series(
                    family=family, device_id=port.device_id, slot=f"{family}-{port.id}",
                    port_id=port.id,
                )
            )  # fmt: skip
            span = 60_000 if family == "traffic" else 0
            self.house.store.append(self.session, family, [(series.id, now_ms, span, 0, *values)])

    def stand(self, name: str) -> None:
        """The device stands in a cabinet of the house's room, made now."""
        cabinet = self._add(Cabinet(row_id=self.house.row_id, code=f"C-{name}", position=9))
        rack = self._add(Rack(cabinet_id=cabinet.id, code="1", u_count=42))
        self._add(
            Installation(
                device_id=self.device(name).id, rack_id=rack.id, u_low=0, height=2,
                installed_at=self.house.now,
            )
        )  # fmt: skip

    def uplink(self, words: str, carrier: str) -> None:
        one = self._add(Carrier(code=carrier, name=f"{carrier} line"))
        self._add(
            Circuit(
                number=f"CT-{carrier}", carrier_id=one.id, kind="transit",
                site_id=self.house.site.id, capacity_bps=GIG, monthly_fee=0,
                starts_on=dt.date(2020, 1, 1), port_id=self.port(words).id,
            )
        )  # fmt: skip
