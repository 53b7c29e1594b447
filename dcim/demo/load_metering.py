"""Bring the demo's devices under polling: credentials, agents, and the series that they fill."""

from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.config import Settings
from dcim.demo.instance import DemoInstance
from dcim.demo.plan_parts import DemoPlan
from dcim.demo.records import Records
from dcim.metering.models import Series
from dcim.snmp.registration import UsmSecrets, register_agent, store_credential

V2C_CREDENTIAL, V3_CREDENTIAL = "demo v2c", "demo v3"
AUTH_PROTOCOL, PRIV_PROTOCOL = "SHA-256", "AES-128"


def load_agents(
    session: Session,
    scope: Scope,
    settings: Settings,
    demo: DemoInstance,
    plan: DemoPlan,
    records: Records,
) -> None:
    """Two credentials and one polled address per agent. Loopback must be an allowed network."""
    keys = settings.encryption
    by_version = {
        "2c": store_credential(
            session, scope, keys, name=V2C_CREDENTIAL, version="2c", community=demo.community
        ),
        "3": store_credential(
            session,
            scope,
            keys,
            name=V3_CREDENTIAL,
            version="3",
            username=demo.v3_user,
            auth_protocol=AUTH_PROTOCOL,
            priv_protocol=PRIV_PROTOCOL,
            secrets=UsmSecrets(demo.v3_auth_password, demo.v3_priv_password),
        ),
    }
    for agent in plan.agents:
        register_agent(
            session,
            scope,
            settings,
            device=records.devices[agent.device],
            address=demo.host,
            credential=by_version[agent.version],
            udp_port=demo.base_port + agent.number,
        )


def load_series(session: Session, plan: DemoPlan, records: Records) -> None:
    """Every series of the plan, bound to what it measures."""
    found: list[Series] = []
    for port in plan.ports:
        device_id, port_id = records.devices[port.device].id, records.ports[port.key].id
        found += [
            Series(family=family, device_id=device_id, slot=port.name, port_id=port_id)
            for family in ("traffic", "state")
        ]
    for node in plan.nodes:
        if node.meter_device is not None:
            found.append(
                Series(
                    family="power",
                    device_id=records.devices[node.meter_device].id,
                    slot=node.meter_place or "",
                    power_node_id=records.nodes[node.code].id,
                )
            )
    found += [
        Series(
            family="climate",
            device_id=records.devices[sensor.device].id,
            slot=sensor.slot,
            room_id=records.rooms[sensor.room].id,
        )
        for sensor in plan.sensors
    ]
    session.add_all(found)
    session.flush()
