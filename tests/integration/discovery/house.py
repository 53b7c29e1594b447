"""Two simulated switches on a cable and a PDU with sockets, in a house that is to learn of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from ipaddress import ip_network

from sqlalchemy import select

from dcim.accounts.scope import Scope
from dcim.config import Settings
from dcim.db import SessionFactory, transaction
from dcim.demo import trees
from dcim.demo.responder import Agent, LiveTree, Responder
from dcim.inventory.models import Device, DeviceType, Site
from dcim.network.models import Port
from dcim.power.models import Outlet, PowerNode
from dcim.snmp.agents.models import DiscoveryFinding, SnmpAgent
from dcim.snmp.agents.registration import register_agent, store_credential
from dcim.snmp.discovery import lldp
from dcim.snmp.discovery.checking import CheckReport, check_agent
from dcim.snmp.wire import ber
from dcim.snmp.wire.ber import Oid

SYSTEM = Scope.system("test")
PERSON = Scope.staff("li@idc.example")
GIG = 1_000_000_000


@dataclass
class Switch:
    """What a switch will say; change it between checks."""

    name: str
    ports: dict[str, int] = field(default_factory=dict)  # ifIndex by name
    aliases: dict[str, str] = field(default_factory=dict)
    speeds: dict[str, int] = field(default_factory=dict)
    heard: dict[str, tuple[str, str]] = field(default_factory=dict)  # by port: sysName, its port

    def tree(self) -> trees.Objects:
        who = trees.Identity(self.name, "a switch", trees.HUAWEI_SWITCH_ID, lambda: 4242)
        tree = trees.switch_tree(
            who,
            [
                trees.SwitchPort(
                    index, name, self.speeds.get(name, GIG), lambda: 1, lambda: 1,
                    self.aliases.get(name, ""),
                )
                for name, index in self.ports.items()
            ],
        )  # fmt: skip
        for number, name in enumerate(self.ports, 1):
            tree[(*lldp.LOCAL_SUBTYPE, number)] = ber.integer(5)
            tree[(*lldp.LOCAL_ID, number)] = ber.text(name)
            if name in self.heard:
                index: Oid = (0, number, 1)
                sys_name, port = self.heard[name]
                tree[(*lldp.CHASSIS_SUBTYPE, *index)] = ber.integer(7)
                tree[(*lldp.CHASSIS_ID, *index)] = ber.text(sys_name)
                tree[(*lldp.PORT_SUBTYPE, *index)] = ber.integer(5)
                tree[(*lldp.PORT_ID, *index)] = ber.text(port)
                tree[(*lldp.SYS_NAME, *index)] = ber.text(sys_name)
        return tree


@dataclass
class House:
    settings: Settings
    sessions: SessionFactory
    leaf: Switch
    spine: Switch
    outlets: list[int] = field(default_factory=lambda: [1, 2])
    agents: dict[str, int] = field(default_factory=dict)
    silent: bool = False

    def check(self, *names: str) -> list[CheckReport]:
        """Check these devices, in this order, as they are now."""
        served = {
            "leaf": Agent(LiveTree(self.leaf.tree())),
            "spine": Agent(LiveTree(self.spine.tree())),
            "pdu": Agent(LiveTree(self._pdu())),
        }
        for agent in served.values():
            agent.silent = self.silent

        async def work() -> list[CheckReport]:
            async with Responder(list(served.values())):
                with transaction(self.sessions, SYSTEM) as session:
                    for name, agent_id in self.agents.items():
                        session.get_one(SnmpAgent, agent_id).udp_port = served[name].port
                return [
                    await check_agent(self.settings, self.sessions, self.agents[name])
                    for name in names
                ]

        return asyncio.run(work())

    def _pdu(self) -> trees.Objects:
        return trees.apc_rpdu2_tree(
            trees.Identity("pdu", "a pdu", trees.APC_RPDU2_ID, lambda: 4242),
            lambda: 2_000.0,
            lambda: 1_000.0,
            [trees.Phase(lambda: 230.0, lambda: 9.0, lambda: 2_000.0)],
            [
                trees.Outlet(number, f"o{number}", lambda: 1.0, lambda: 200.0, lambda: 10.0)
                for number in self.outlets
            ],
        )

    def findings(self, *subjects: str) -> dict[tuple[str, str], DiscoveryFinding]:
        """Open ones by subject and key."""
        with transaction(self.sessions, SYSTEM) as session:
            found = session.scalars(
                select(DiscoveryFinding).where(DiscoveryFinding.decision == "")
            ).all()
            session.expunge_all()
            return {
                (one.subject, one.key): one
                for one in found
                if not subjects or one.subject in subjects
            }

    def ids(self, *subjects: str) -> list[int]:
        """All open ones, also those that two devices tell alike."""
        with transaction(self.sessions, SYSTEM) as session:
            found = session.execute(
                select(DiscoveryFinding.id, DiscoveryFinding.subject).where(
                    DiscoveryFinding.decision == ""
                )
            )
            return [one for one, subject in found if not subjects or subject in subjects]

    def port_ids(self) -> dict[tuple[str, str], int]:
        with transaction(self.sessions, SYSTEM) as session:
            return {
                (device, name): port_id
                for device, name, port_id in session.execute(
                    select(Device.name, Port.name, Port.id).join(
                        Device, Device.id == Port.device_id
                    )
                )
            }


def build_house(settings: Settings, sessions: SessionFactory) -> House:
    settings = replace(settings, snmp_allowed=(ip_network("127.0.0.0/8"),))
    house = House(
        settings,
        sessions,
        Switch("leaf", {"Te1": 1, "Te2": 2}, {"Te1": "to spine"}, heard={"Te1": ("spine", "Te9")}),
        Switch("spine", {"Te8": 8, "Te9": 9}, heard={"Te9": ("leaf", "Te1")}),
    )
    with transaction(sessions, SYSTEM) as session:
        kind = DeviceType(manufacturer="m", model="m", height=2)
        site = Site(code="S", name="站", name_en="Site")
        session.add_all([kind, site])
        session.flush()
        credential = store_credential(
            session, SYSTEM, settings.encryption, name="c", version="2c", community="public"
        )
        for number, name in enumerate(("leaf", "spine", "pdu")):
            device = Device(name=name, role="switch", device_type_id=kind.id)
            session.add(device)
            session.flush()
            agent = register_agent(
                session, SYSTEM, settings, device=device, address="127.0.0.1",
                credential=credential, udp_port=20_000 + number,
            )  # fmt: skip
            house.agents[name] = agent.id
            if name == "pdu":
                node = PowerNode(
                    site_id=site.id, kind="pdu", code="PDU-A", feed="A", rated_a=32,
                    meter_device_id=device.id, meter_place="input",
                )  # fmt: skip
                session.add(node)
                session.flush()
                session.add(Outlet(pdu_id=node.id, number=2))
    return house


Make = Callable[[], House]
