"""A switch and a hub of sensors that call everything by a hostile text, met as any device is.

They are checked, half of what was found is accepted, they are polled, and they send traps: each
text comes by the wire, through the decoders and services that take it in.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import select

from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.db import transaction
from dcim.demo import trees
from dcim.demo.responder import Agent, LiveTree, Responder
from dcim.inventory.models import Device, DeviceType
from dcim.kinds import KINDS
from dcim.network.models import Port
from dcim.snmp.agents.models import DiscoveryFinding, Sensor, SnmpAgent
from dcim.snmp.agents.registration import register_agent, store_credential
from dcim.snmp.discovery import lldp
from dcim.snmp.discovery.checking import check_agent
from dcim.snmp.discovery.findings import accept_findings
from dcim.snmp.polling.room import PollingRoom
from dcim.snmp.polling.shards import poll_shard
from dcim.snmp.traps.decoding import decode
from dcim.snmp.traps.entries import Spooled, make_entry
from dcim.snmp.traps.mappings import read_mappings
from dcim.snmp.traps.meanings import shipped_meanings
from dcim.snmp.traps.models import Trap
from dcim.snmp.traps.recording import record
from dcim.snmp.wire import ber
from dcim.snmp.wire.ber import Oid, VarBind
from dcim.syslog import entries as syslog_entries
from dcim.syslog.message import parse
from dcim.syslog.models import SyslogMessage
from dcim.syslog.recording import record as record_syslog
from dcim.syslog.rules import shipped_rules
from tests.agents.trap_sender import v1, v2c
from tests.e2e.crowd import SYSTEM, Crowd
from tests.hostile_texts import OCTETS, TEXTS
from tests.integration.matrix.world import Tenant

PERSON = Scope.staff("li@idc.example")
GIG = 1_000_000_000
SHARD = 7
PRIVATE: Oid = (1, 3, 6, 1, 4, 1, 99_998)
SAID = (*(one.encode() for one in TEXTS), *OCTETS)


def let_in(crowd: Crowd) -> None:
    """Fill the world's tenant "N" with what the two devices brought."""
    agents = _register(crowd)
    switch, hub = Agent(LiveTree(_switch())), Agent(LiveTree(_hub()))

    async def work() -> None:
        async with Responder([switch, hub]):
            with transaction(crowd.sessions, SYSTEM) as session:
                for agent_id, served in zip(agents, (switch, hub), strict=True):
                    session.get_one(SnmpAgent, agent_id).udp_port = served.port
            for agent_id in agents:
                report = await check_agent(crowd.settings, crowd.sessions, agent_id)
                assert report.problem == "", report
            _accept(crowd)
            await check_agent(crowd.settings, crowd.sessions, agents[0])
            room = PollingRoom(crowd.settings, crowd.sessions)
            try:
                for _ in range(2):
                    assert await poll_shard(room, SHARD) == len(agents)
            finally:
                await room.close()

    # In a thread of its own: Playwright has a loop in this one.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(work())).result()
    traps, messages = _send_traps(crowd, agents[0]), _send_syslog(crowd, agents[0])
    with transaction(crowd.sessions, SYSTEM) as session:
        device_id = session.get_one(SnmpAgent, agents[0]).device_id
        ports = session.scalars(select(Port.id).where(Port.device_id == device_id)).all()
        assert len(ports) > len(TEXTS) // 3
        assert session.scalars(select(Sensor.id)).all()
        crowd.world.tenants["N"] = Tenant(
            "N",
            {
                "device_id": device_id,
                "agent_id": agents[0],
                "port_id": ports[0],
                "network_port_id": ports[1],
                "trap_id": traps[0],
                "syslog_message_id": messages[0],
            },
        )


def _register(crowd: Crowd) -> list[int]:
    made = []
    with transaction(crowd.sessions, SYSTEM) as session:
        kind = DeviceType(manufacturer="m", model="network", height=2)
        session.add(kind)
        credential = store_credential(
            session, SYSTEM, crowd.settings.encryption, name="hostile", version="2c",
            community="public",
        )  # fmt: skip
        session.flush()
        for number, role in enumerate(("switch", "sensor")):
            device = Device(name=f"hostile-{role}", role=role, device_type_id=kind.id)
            session.add(device)
            session.flush()
            agent = register_agent(
                session, SYSTEM, crowd.settings, device=device, address="127.0.0.1",
                credential=credential, udp_port=20_000 + number,
            )  # fmt: skip
            agent.shard = SHARD
            made.append(agent.id)
    return made


def _switch() -> trees.Objects:
    who = trees.Identity("x", "x", trees.HUAWEI_SWITCH_ID, lambda: 4242)
    ports = [
        trees.SwitchPort(number, f"Te{number}", GIG, lambda: 1, lambda: 1, "")
        for number in range(1, len(SAID) + 1)
    ]
    tree = trees.switch_tree(who, ports)
    system: Oid = (1, 3, 6, 1, 2, 1, 1)
    tree[(*system, 1, 0)] = ber.octet_string(b" ".join(SAID)[:250])
    tree[(*system, 5, 0)] = ber.octet_string(SAID[0] + SAID[-1])
    tree[(*system, 6, 0)] = ber.octet_string(SAID[1])
    for number, words in enumerate(SAID, 1):
        # ifDescr, ifName and ifAlias, each another one's.
        tree[(1, 3, 6, 1, 2, 1, 2, 2, 1, 2, number)] = ber.octet_string(words)
        tree[(1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 1, number)] = ber.octet_string(
            words[:200] + b" %d" % number
        )
        tree[(1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 18, number)] = ber.octet_string(SAID[-number])
        index: Oid = (0, number, 1)
        tree[(*lldp.LOCAL_SUBTYPE, number)] = ber.integer(5)
        tree[(*lldp.LOCAL_ID, number)] = ber.octet_string(words[:200] + b" %d" % number)
        tree[(*lldp.CHASSIS_SUBTYPE, *index)] = ber.integer(7)
        tree[(*lldp.CHASSIS_ID, *index)] = ber.octet_string(words)
        tree[(*lldp.PORT_SUBTYPE, *index)] = ber.integer(5)
        tree[(*lldp.PORT_ID, *index)] = ber.octet_string(words)
        tree[(*lldp.SYS_NAME, *index)] = ber.octet_string(words)
    return tree


def _hub() -> trees.Objects:
    who = trees.Identity(TEXTS[3], TEXTS[4], trees.SENSOR_ID, lambda: 4242)
    return trees.temperature_tree(
        who,
        [
            trees.Sensor(f"{words} {number}", "temperature", lambda: 22.0)
            for number, words in enumerate(TEXTS)
        ],
    )


def _accept(crowd: Crowd) -> None:
    with transaction(crowd.sessions, PERSON) as session:
        found = session.scalars(
            select(DiscoveryFinding.id)
            .join(SnmpAgent, SnmpAgent.id == DiscoveryFinding.agent_id)
            .where(
                SnmpAgent.shard == SHARD,
                DiscoveryFinding.decision == "",
                DiscoveryFinding.subject.in_(("identity", "port", "sensor")),
            )
            .order_by(DiscoveryFinding.id)
        ).all()
        assert len(found) > len(TEXTS)
        accept_findings(session, PERSON, found[::2], kinds=KINDS)


def _send_traps(crowd: Crowd, agent_id: int) -> list[int]:
    binds = tuple(
        VarBind((*PRIVATE, 1, number), ber.octet_string(words))
        for number, words in enumerate(SAID, 1)
    )
    aliases = tuple(
        VarBind((1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 18, number), ber.octet_string(words))
        for number, words in enumerate(SAID, 1)
    )
    packets = [
        v1(PRIVATE, binds=binds, community=SAID[0]),
        v1(binds=aliases),
        v2c((*PRIVATE, 0, 9), community=SAID[2]),
        v2c(),
    ]
    at_ms = int(utc_now().timestamp() * 1000)
    with transaction(crowd.sessions, SYSTEM) as session:
        device_id = session.get_one(SnmpAgent, agent_id).device_id
        entries = [
            make_entry(f"hostile-{n}", at_ms, "127.0.0.1", agent_id, device_id, decode(packet))
            for n, packet in enumerate(packets)
        ]
        record(session, Spooled(entries, [], []), (read_mappings(session), shipped_meanings()))
        uids = [one.uid for one in entries]
        return list(session.scalars(select(Trap.id).where(Trap.uid.in_(uids)).order_by(Trap.uid)))


def _send_syslog(crowd: Crowd, agent_id: int) -> list[int]:
    """In each place of a message where a device may write what it likes."""
    packets = []
    for number, words in enumerate(SAID):
        word = words.replace(b" ", b"_")
        packets += [
            b'<187>1 2026-11-01T00:00:00Z %s %s %s %s [e@1 n="%s"] %s'
            % (word, word, word, word, words.replace(b'"', b'\\"'), words),
            b"<189>%d: Nov  1 00:00:00 %s %%%%01IFNET/4/X%d(l)[1]:%s"
            % (number, word, number, words),
            b"<13>%s" % words,
        ]
    at_ms = int(utc_now().timestamp() * 1000)
    with transaction(crowd.sessions, SYSTEM) as session:
        device_id = session.get_one(SnmpAgent, agent_id).device_id
        entries = [
            syslog_entries.make_entry(
                f"syslog-{n:03}", at_ms, "127.0.0.1", agent_id, device_id, parse(packet)
            )
            for n, packet in enumerate(packets)
        ]
        record_syslog(session, syslog_entries.Spooled(entries, []), (shipped_rules(),))
        uids = [one.uid for one in entries]
        wanted = select(SyslogMessage.id).where(SyslogMessage.uid.in_(uids))
        return list(session.scalars(wanted.order_by(SyslogMessage.uid)))
