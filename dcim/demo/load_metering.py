"""Bring the demo's devices under polling: credentials, agents, and the series that they fill."""

import datetime as dt

from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.config import Settings
from dcim.demo.instance import DemoInstance
from dcim.demo.optic_trees import LIMITS
from dcim.demo.optics import VENDOR, plan_modules
from dcim.demo.plan_parts import DemoPlan, NodePlan, PortPlan, SensorPlan
from dcim.demo.records import Records
from dcim.demo.series_plan import plan_series
from dcim.metering.families import OPTICS
from dcim.metering.models import Series
from dcim.snmp.agents.models import Transceiver
from dcim.snmp.agents.registration import UsmSecrets, register_agent, store_credential
from dcim.snmp.polling.optic_recording import name_lane
from dcim.snmp.wire.target import AuthProtocol, PrivProtocol

V2C_CREDENTIAL, V3_CREDENTIAL = "demo v2c", "demo v3"
AUTH_PROTOCOL: AuthProtocol = "SHA-256"
PRIV_PROTOCOL: PrivProtocol = "AES-128"


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
    for one in plan_series(plan):
        series = Series(family=one.family, device_id=records.devices[one.device].id, slot=one.slot)
        match one.subject:
            case PortPlan():
                series.port_id = records.ports[one.subject.key].id
            case NodePlan():
                series.power_node_id = records.nodes[one.subject.code].id
            case SensorPlan():
                series.room_id = records.rooms[one.subject.room].id
        session.add(series)
    session.flush()
    _load_optics(session, plan, records)


def _load_optics(session: Session, plan: DemoPlan, records: Records) -> None:
    """Modules as polling would have found them when the past began, with series of their lanes."""
    began = dt.datetime.fromtimestamp(plan.month_start_ms / 1000, dt.UTC)
    for module in plan_modules(plan):
        device_id, name = records.devices[module.port.device].id, module.port.name
        lanes = [
            Series(family=OPTICS.name, device_id=device_id, slot=name_lane(name, lane), step_s=300)
            for lane in range(1, module.lanes + 1)
        ]
        session.add_all(lanes)
        session.flush()
        session.add(
            Transceiver(
                device_id=device_id,
                port_name=name,
                vendor=VENDOR,
                part=module.part,
                serial=module.serial,
                limits={
                    quantity: {limit: raw * 10 for limit, raw in limits.items()}
                    for quantity, limits in LIMITS.items()
                },
                lanes=[one.id for one in lanes],
                rx_lit_ms=[plan.month_start_ms] * len(lanes),
                tx_lit_ms=[plan.month_start_ms] * len(lanes),
                since=began,
                read_at=began,
            )
        )
