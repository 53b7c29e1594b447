"""Two tenants of one shape; every text of a tenant is a canary, every secret says SECRET."""

import datetime as dt
import hashlib
import secrets
import zlib
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any

import numpy as np
from sqlalchemy import JSON, String, Text, TextClause, select, text
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from dcim.accounts.models import ApiToken, CalendarFeed, Role, User
from dcim.accounts.people import ensure_roles
from dcim.accounts.roles import ROLES
from dcim.accounts.scope import Scope
from dcim.accounts.secrets import seal_secret
from dcim.alarms.governing import rule_of
from dcim.alarms.models import (
    Alarm,
    AlarmEvent,
    AlarmOverride,
    AlarmRecipient,
    AlarmRule,
    AlarmTrial,
)
from dcim.alarms.oncall.models import (
    EscalationDeed,
    EscalationPolicy,
    EscalationStep,
    OnCallCalendar,
    OnCallStandIn,
    OnCallTurn,
)
from dcim.config import Settings
from dcim.customers.models import (
    CalendarDay,
    CatalogueItem,
    Contact,
    Contract,
    ContractAmendment,
    ContractItem,
    ContractTerms,
    Customer,
    ItemVersion,
)
from dcim.db import Base
from dcim.handovers.freezing import freeze_open
from dcim.handovers.models import HandoverItem, HandoverNote, ShiftHandover
from dcim.inventory import models as inventory
from dcim.inventory.devices.models import (
    DeviceSupply,
    DeviceTransition,
    EquipmentPass,
    EquipmentPassLine,
)
from dcim.inventory.space.claims import AreaClaim
from dcim.inventory.walks.models import CabinetWalk, WalkFinding
from dcim.metering.bins import Bins
from dcim.metering.day_bins import pack_day
from dcim.metering.models import Series
from dcim.metering.store import PostgresSampleStore
from dcim.meters.models import Meter, MeterReading
from dcim.network import address_models as addresses
from dcim.network import models as network
from dcim.network import order_models as orders
from dcim.network.models import BandwidthService, Port, ServiceMembership
from dcim.notices.models import NoticeChoice
from dcim.operations.models import (
    Maintenance,
    MaintenanceConsent,
    MaintenanceNotice,
    MaintenanceTarget,
    OrderStep,
    ServiceOrder,
    Ticket,
    TicketEvent,
    TicketSubject,
)
from dcim.outbox.models import Endpoint, OutboxMessage
from dcim.power.models import Outlet, PowerNode
from dcim.probing.models import ProbeTarget
from dcim.records.models import DeletedRecord, ImportRun
from dcim.schema import TENANT_TABLES
from dcim.sla.burn_models import BurnedStretch, BurnProgress
from dcim.sla.decision_models import ReviewDecision
from dcim.sla.models import Incident, IncidentImpact, ToldIncident
from dcim.sla.ruling_models import IncidentContest, IncidentLink, IncidentOverrule
from dcim.sla.traffic_day_models import TrafficDay
from dcim.sla.usage_month_models import UsageMonth
from dcim.snmp.agents.models import (
    DiscoveryFinding,
    HeardNeighbour,
    LagMember,
    Sensor,
    SnmpAgent,
    SnmpCredential,
    Transceiver,
)
from dcim.snmp.traps.models import Trap, TrapDrop, TrapEngine, TrapMapping
from dcim.statements.approval_models import ApprovalRule, HeldMonth, IssueProposal
from dcim.statements.claim_models import CreditClaim
from dcim.statements.models import LedgerEntry, MarkedCopy, Statement, StatementFile
from dcim.statements.revision_models import RevisionProposal
from dcim.statements.risk_models import CreditRisk
from dcim.statements.tally_models import StatementCause, StatementResult
from dcim.syslog.models import SyslogDrop, SyslogMapping, SyslogMessage

NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)
SINCE = NOW - dt.timedelta(days=60)
LONG_AGO = dt.date(2020, 1, 1)
# Columns whose words are given by a rule (an enumeration, a zone, a hash), by table.
RULED = {
    "customer": {"language", "timezone", "kind", "identity_kind", "tier", "state"},
    "contact": {"document_kind", "document_hint"},
    "contract": {"currency", "timezone", "state", "approve_open"},
    "contract_terms": {"sha256"},
    "contract_item": {"kind", "unit"},
    "service_order": {"kind", "state"},
    "order_step": {"kind", "state", "subject_kind"},
    "device": {"state"},
    "device_transition": {"from_state", "to_state"},
    # Four characters of the bearer's document hold no canary.
    "equipment_pass": {"direction", "state", "bearer_document_hint"},
    "equipment_pass_line": {"kind"},
    "allocation": {"turn"},
    "area_claim": {"extent", "turn"},
    "incident_impact": {"severity"},
    "incident_contest": {"state"},
    "incident_overrule": {"state", "ruling"},
    "review_decision": {"period", "state", "treat_unknown"},
    "revision_proposal": {"state"},
    # Staff alone read them: no customer's page or answer has any of it.
    "held_month": {"period", "currency", "verdict", "state", "sha256"},
    "issue_proposal": {"verdict", "state", "sha256"},
    "ticket": {"kind", "channel"},
    "ticket_event": {"kind", "time"},
    "maintenance_notice": {"channel", "language"},
    "maintenance_consent": {"decision"},
    "statement": {
        "period",
        "currency",
        "verdict",
        "document_sha256",
        "inputs_sha256",
        "samples_sha256",
    },
    # Staff alone read copies: no customer's page or answer has any of it.
    "marked_copy": {"code", "original_sha256", "sha256", "unsigned_sha256", "signer"},
    # The signer is the operator's certificate, which the verify page tells everybody.
    "statement_result": {"kind", "verdict"},
    "statement_cause": {"kind"},
    "outbox_message": {"channel", "event", "state", "fault"},
    "notice_choice": {"kind"},
    "told_incident": {"event"},
    "statement_file": {"sha256", "unsigned_sha256", "signer"},
    "ledger_entry": {"kind", "currency"},
    "credit_claim": {"period", "state", "results"},
    "credit_risk": {"period", "currency"},
    "usage_month": {"period", "currency", "percentile", "line"},
    "bandwidth_service": {"direction", "charging_mode"},
    "dedicated_line": {"media", "state"},
    "cross_connect": {"media", "connector", "state"},
    "cross_connect_end": {"side"},
    "stored_file": {"kind", "media_type", "sha256"},
    "prefix": {"role"},
    "probe_target": {"address", "method"},
    "meter_reading": {"state", "doubts", "photo_sha256"},
    "walk_finding": {"verdict", "face", "side"},
}


@dataclass
class Person:
    """Someone who calls: by session cookie, by token, or not at all."""

    role: str
    tenant: str | None
    user_id: int | None = None
    cookie: str = ""
    token: str = ""

    @property
    def label(self) -> str:
        way = "token" if self.token else "session" if self.cookie else "nobody"
        return f"{self.role}/{self.tenant or '-'}/{way}"


@dataclass
class Tenant:
    """Ids by the name a route or a field would give them."""

    tag: str
    ids: dict[str, int] = field(default_factory=dict)


@dataclass
class World:
    tenants: dict[str, Tenant]
    people: list[Person]
    plain_tokens: list[str]


def make(session: Session, model: type[Base], tag: str, **given: Any) -> Any:
    """A row of `model`: texts that aren't given become canaries, or secrets in `app_user`."""
    for column in model.__table__.columns:
        if column.name in given or column.foreign_keys or column.primary_key:
            continue
        if isinstance(column.type, String | Text) and not isinstance(column.type, JSON):
            given[column.name] = canary(tag, model.__tablename__, column.name)
    row = model(**given)
    session.add(row)
    session.flush()
    return row


def canary(tag: str, table: str, column: str) -> str:
    return f"CANARY-{tag}-{table}-{column}"[:64]


def seed_world(session: Session, settings: Settings) -> World:
    """Two tenants, a person of every role, tokens for the API."""
    ensure_roles(session)
    tenants = {tag: seed_tenant(session, settings, tag) for tag in "AB"}
    # What the port was called when it still was B's: an alias may name its last user.
    session.get_one(Port, tenants["A"].ids["port_id"]).alias = canary("B", "port", "alias")
    _mix_incident(session, tenants)
    world = World(tenants, [Person("anonymous", None)], [])
    for role, spec in ROLES.items():
        for tag in "AB" if spec.for_customers else (None,):
            _add_person(session, world, role, tag)
    return world


def _add_person(session: Session, world: World, role: str, tag: str | None) -> None:
    tenant = world.tenants[tag] if tag else None
    mark = f"{role}-{tag or 'staff'}"
    user = User(
        email=f"CANARY-{tag}-app_user-email-{role}@example.com" if tag else f"{role}@example.com",
        username=f"CANARY-{tag}-app_user-{role}" if tag else None,
        name=f"CANARY-{tag}-app_user-name" if tag else role,
        password=f"SECRET-app_user-password-{mark}",
        fs_uniquifier=f"SECRET-uniquifier-{mark}",
        tf_totp_secret=f"SECRET-totp-{mark}",
        mf_recovery_codes=[f"SECRET-recovery-{mark}"],
        customer_id=tenant.ids["customer_id"] if tenant else None,
        language="en",
        roles=[session.query(Role).filter_by(name=role).one()],
    )
    session.add(user)
    session.flush()
    plain = "jf_" + secrets.token_urlsafe(32)
    token = ApiToken(
        user_id=user.id,
        name=f"CANARY-{tag}-api_token-name" if tag else "staff",
        digest=hashlib.sha256(plain.encode()).hexdigest(),
        hint=f"CANARY-{tag}-hint" if tag else plain[:7],
        expires_at=NOW + dt.timedelta(days=1),
        # Just used: looking it up writes nothing.
        last_used_at=NOW + dt.timedelta(hours=1),
    )
    session.add(token)
    session.flush()
    world.plain_tokens += [plain, token.digest]
    world.people.append(Person(role, tag, user.id, cookie=user.fs_uniquifier))
    if role in {"administrator", "customer_administrator"}:
        world.people.append(Person(role, tag, user.id, token=plain))
    if tenant is not None:
        secret = "jfcal_" + secrets.token_urlsafe(32)
        feed = CalendarFeed(
            user_id=user.id,
            digest=hashlib.sha256(secret.encode()).hexdigest(),
            hint=f"CANARY-{tag}-feed",
        )
        choice = NoticeChoice(
            user_id=user.id, kind="ticket.any", customer_id=tenant.ids["customer_id"],
            wanted=True, chosen_at=SINCE,
        )  # fmt: skip
        session.add_all([feed, choice])
        world.plain_tokens += [secret, feed.digest]
        tenant.ids[f"token_id/{user.id}"] = token.id
        tenant.ids["token_id"] = token.id
        tenant.ids["user_id"] = user.id


def seed_tenant(session: Session, settings: Settings, tag: str, *, place: int = 0) -> Tenant:
    """One of everything; `place` keeps the agents' addresses apart, by default of A and B."""
    tenant = Tenant(tag)
    _seed_contract(session, tenant)
    _seed_space(session, tenant)
    _seed_areas(session, tenant)
    _seed_measured(session, settings, tenant, place or ord(tag[0]) - ord("A") + 1)
    _seed_walk(session, tenant)
    _seed_operations(session, tenant)
    _seed_statement(session, settings, tenant)
    _seed_equipment(session, tenant)
    _seed_network(session, tenant, place or ord(tag[0]) - ord("A") + 1)
    # A wish may name a customer to be near to.
    tenant.ids["near_customer_id"] = tenant.ids["customer_id"]
    _seed_alarms(session, tenant)
    _seed_on_call(session, tenant)
    _seed_records(session, tenant)
    return tenant


def _seed_contract(session: Session, tenant: Tenant) -> None:
    tag, ids = tenant.tag, tenant.ids
    customer = make(
        session, Customer, tag, language="en", timezone="Asia/Shanghai", kind="enterprise",
        identity_kind="other", tier="standard", state="active",
    )  # fmt: skip
    ids["customer_id"] = customer.id
    own = {"customer_id": customer.id}
    contact = make(session, Contact, tag, **own, document_kind="", document_hint="")
    ids["contact_id"] = contact.id
    contract = make(
        session, Contract, tag, **own, currency="CNY", timezone="Asia/Shanghai",
        starts_on=LONG_AGO, signed_at=SINCE, state="signed", approve_open="",
    )  # fmt: skip
    ids["contract_id"] = contract.id
    make(
        session, ContractTerms, tag, **own, contract_id=contract.id, version=1,
        effective_from=LONG_AGO, sha256="0" * 64,
    )  # fmt: skip
    item = make(
        session, ContractItem, tag, **own, contract_id=contract.id, kind="cabinet", unit="cabinet",
        monthly_fee=Decimal(100), contracted_w=1000, starts_on=LONG_AGO,
    )  # fmt: skip
    ids["contract_item_id"] = ids["item_id"] = item.id
    _seed_sold(session, tenant)


def _seed_sold(session: Session, tenant: Tenant) -> None:
    """What is sold to all, an amendment of the tenant's own, and an order under way."""
    tag, ids = tenant.tag, tenant.ids
    own = {"customer_id": ids["customer_id"]}
    offer = CatalogueItem(
        code=f"OFFER-{tag}", kind="cabinet", name="Cabinet", unit="cabinet", list_price=Decimal(9)
    )
    # Known to all of staff; each tenant's routes get a day of their own.
    day = dt.date(2026, 1, 1) + dt.timedelta(days=ids["customer_id"])
    holiday = CalendarDay(day=day, name="春节")
    session.add_all([offer, holiday])
    amendment = make(
        session, ContractAmendment, tag, **own, contract_id=ids["contract_id"],
        effective_from=LONG_AGO,
    )  # fmt: skip
    version = make(
        session, ItemVersion, tag, **own, item_id=ids["item_id"], effective_from=LONG_AGO,
        quantity=Decimal(1), monthly_fee=Decimal(100), contracted_w=1000,
        amendment_id=amendment.id,
    )  # fmt: skip
    order = make(
        session, ServiceOrder, tag, **own, contract_id=ids["contract_id"], kind="suspend",
        state="approved", effective_on=LONG_AGO,
    )  # fmt: skip
    step = make(
        session, OrderStep, tag, **own, order_id=order.id, position=1, kind="notify", state="open",
        subject_kind="",
    )  # fmt: skip
    session.flush()
    ids |= {
        "calendar_day_id": holiday.id,
        "catalogue_item_id": offer.id,
        "amendment_id": amendment.id,
        "contract_amendment_id": amendment.id,
        "version_id": version.id,
        "supersedes_id": ids["contract_id"],
        "service_order_id": order.id,
        "step_id": step.id,
    }
    tenant.ids = ids


def _seed_space(session: Session, tenant: Tenant) -> None:
    """Each tenant has a site of its own, so that a room's name can be told from the other's."""
    tag, ids = tenant.tag, tenant.ids
    site = make(session, inventory.Site, tag, timezone="Asia/Shanghai")
    room = make(session, inventory.Room, tag, site_id=site.id)
    row = make(session, inventory.Row, tag, room_id=room.id, position=1)
    cabinet = make(
        session, inventory.Cabinet, tag, row_id=row.id, position=1, layout="full", facing="S",
        state="in_service",
    )  # fmt: skip
    rack = make(session, inventory.Rack, tag, cabinet_id=cabinet.id, u_count=42, numbering="up")
    kind = inventory.DeviceType(manufacturer="Maker", model=f"Model {tag}", height=2)
    session.add(kind)
    session.flush()
    device = make(
        session, inventory.Device, tag, device_type_id=kind.id, state="in_service",
        customer_id=ids["customer_id"],
    )  # fmt: skip
    session.add(
        inventory.Installation(
            device_id=device.id, rack_id=rack.id, u_low=0, height=2, installed_at=SINCE
        )
    )
    allocation = make(
        session, inventory.Allocation, tag, customer_id=ids["customer_id"], turn="current",
        contract_item_id=ids["contract_item_id"], rack_id=rack.id, u_low=0, height=84,
        starts_on=LONG_AGO,
    )  # fmt: skip
    hold = make(
        session, inventory.Hold, tag, rack_id=rack.id, u_low=80, height=2,
        expires_at=NOW + dt.timedelta(days=9),
    )  # fmt: skip
    ids |= {
        "site_id": site.id,
        "room_id": room.id,
        "row_id": row.id,
        "cabinet_id": cabinet.id,
        "rack_id": rack.id,
        "device_type_id": kind.id,
        "device_id": device.id,
        "allocation_id": allocation.id,
        "hold_id": hold.id,
    }
    tenant.ids = ids


def _seed_areas(session: Session, tenant: Tenant) -> None:
    """A building, a cage sold whole, with a cabinet in it, and a barred unit."""
    tag, ids = tenant.tag, tenant.ids
    building = make(session, inventory.Building, tag, site_id=ids["site_id"])
    cage = make(session, inventory.Cage, tag, room_id=ids["room_id"])
    session.get_one(inventory.Room, ids["room_id"]).building_id = building.id
    session.get_one(inventory.Cabinet, ids["cabinet_id"]).cage_id = cage.id
    session.flush()
    barred = make(
        session, inventory.BarredSpace, tag, rack_id=ids["rack_id"], u_low=60, height=2,
        face="full", kind="blocked",
    )  # fmt: skip
    session.add_all(
        inventory.InstallationSlot(
            rack_id=ids["rack_id"], barred_id=barred.id, u=u, face=face, side=side
        )
        for u in (60, 61)
        for face in inventory.FACES
        for side in inventory.SIDES
    )
    claim = make(
        session, AreaClaim, tag, customer_id=ids["customer_id"], extent="cage", cage_id=cage.id,
        contract_item_id=ids["contract_item_id"], turn="current", starts_on=LONG_AGO,
    )  # fmt: skip
    ids |= {
        "building_id": building.id,
        "cage_id": cage.id,
        "barred_space_id": barred.id,
        "area_id": cage.id,
        "area_claim_id": claim.id,
    }


def _seed_measured(session: Session, settings: Settings, tenant: Tenant, place: int) -> None:
    tag, ids = tenant.tag, tenant.ids
    own = {"customer_id": ids["customer_id"]}
    device_id = ids["device_id"]
    panel = make(
        session, PowerNode, tag, site_id=ids["site_id"], kind="panel", feed="A", rated_a=400,
        phase="",
        code=f"CANARY-{tag}-power_node-panel",
    )  # fmt: skip
    pdu = make(
        session, PowerNode, tag, site_id=ids["site_id"], parent_id=panel.id, kind="pdu", feed="A",
        rated_a=32, rack_id=ids["rack_id"], meter_device_id=device_id, phase="",
    )  # fmt: skip
    bank = make(
        session, PowerNode, tag, site_id=ids["site_id"], parent_id=pdu.id, kind="bank", feed="A",
        rated_a=16, phase="", code=f"CANARY-{tag}-power_node-bank",
    )  # fmt: skip
    supply = make(session, DeviceSupply, tag, device_id=device_id, maximum_w=100)
    outlet = make(session, Outlet, tag, pdu_id=pdu.id, number=1, device_id=device_id, phase="")
    port = make(
        session, Port, tag, device_id=device_id, speed_bps=10**9, role="customer", kind="switch",
        media="", mac=None,
    )  # fmt: skip
    service = make(
        session, BandwidthService, tag, **own, contract_item_id=ids["contract_item_id"],
        commit_bps=10**7, ceiling_bps=10**8, direction="max", charging_mode="p95",
    )  # fmt: skip
    make(
        session, UsageMonth, tag, **own, service_id=service.id, period="2026-11", currency="CNY",
        starts_at=SINCE, ends_at=NOW + dt.timedelta(days=20), tried_at=NOW, as_of=NOW,
        percentile="95", interval_s=300, min_cover=Decimal(50), ports=1, line="out",
        point_bps=10**6, billed_bps=10**7, forecast_bps=10**6, over_amount=Decimal(0),
    )  # fmt: skip
    make(
        session, TrafficDay, tag, **own, day=NOW.date(), measured_at=NOW, members=1, unmeasured=0,
        bins=pack_day(Bins(0, 300_000, *np.zeros((3, 288), dtype=np.int64))),
    )  # fmt: skip
    membership = make(
        session, ServiceMembership, tag, **own, service_id=service.id, port_id=port.id,
        starts_at=SINCE,
    )  # fmt: skip
    series = {}
    for family, subject in (
        ("traffic", {"port_id": port.id}),
        ("power", {"power_node_id": pdu.id}),
        ("climate", {"room_id": ids["room_id"]}),
        ("optics", {}),
    ):
        series[family] = make(
            session, Series, tag, family=family, device_id=device_id,
            slot=f"CANARY-{tag}-series-slot-{family}", **subject,
        )  # fmt: skip
    stamp = round(NOW.timestamp() * 1000) - 60_000
    # Numbers that nothing else has: a neighbour's reading would show.
    mark = 7_310_000_000 if tag == "A" else 9_870_000_000
    store = PostgresSampleStore()
    store.append(session, "traffic", [(series["traffic"].id, stamp, 60_000, 0, mark, mark, 0, 0)])
    store.append(session, "power", [(series["power"].id, stamp, 0, 0, 230_000, 1, mark, 1)])
    store.append(
        session, "optics", [(series["optics"].id, stamp, 0, 0, -3_000, -2_000, mark, 40_000, 3_300)]
    )
    credential = make(session, SnmpCredential, tag, version="2c")
    seal_secret(
        session, settings.encryption, f"snmp-credential/{credential.id}", f"SECRET-community-{tag}"
    )
    agent = make(
        session, SnmpAgent, tag, device_id=device_id, credential_id=credential.id,
        address=f"127.0.0.{place}",
    )  # fmt: skip
    make(session, Sensor, tag, device_id=device_id, family="climate")
    oid = f"1.3.6.1.4.1.99999.0.{place}"
    trap = make(
        session, Trap, tag, agent_id=agent.id, device_id=device_id, received_at=NOW, last_at=NOW,
        version="2c", is_inform=False, oid=oid, enterprise="", varbinds=[], alarm_class="",
        severity="", rule="",
    )  # fmt: skip
    make(
        session, TrapEngine, tag, source=trap.source, engine_id=trap.uid.encode(), boots=1,
        time_s=1, heard_at=NOW,
    )  # fmt: skip
    mapping = make(session, TrapMapping, tag, oid=oid, severity="info", alarm_class="notice")
    make(session, TrapDrop, tag, agent_id=agent.id, day=20_000, count=1)
    written = make(
        session, SyslogMessage, tag, agent_id=agent.id, device_id=device_id, received_at=NOW,
        last_at=NOW, form="5424", level=3, data=[["e", "n", canary(tag, "syslog_message", "data")]],
        alarm_class="", severity="", rule="",
    )  # fmt: skip
    said = make(session, SyslogMapping, tag, severity="info", alarm_class="notice")
    make(session, SyslogDrop, tag, agent_id=agent.id, day=20_000, count=1)
    make(
        session, DiscoveryFinding, tag, agent_id=agent.id, kind="new", subject="port", decision="",
        details={"alias": canary(tag, "discovery_finding", "details"), "descr": "", "speed_bps": 0},
        first_seen_at=SINCE, last_seen_at=SINCE,
    )  # fmt: skip
    make(
        session, HeardNeighbour, tag, agent_id=agent.id, port_id=port.id, doubt="unknown_device",
        addresses=[canary(tag, "heard_neighbour", "addresses")], first_heard_at=SINCE,
        last_heard_at=NOW,
    )  # fmt: skip
    make(
        session, Transceiver, tag, device_id=device_id, port_name=series["traffic"].slot,
        since=SINCE, read_at=NOW, lanes=[series["optics"].id], limits={},
        rx_lit_ms=[stamp], tx_lit_ms=[None],
    )  # fmt: skip
    make(session, LagMember, tag, device_id=agent.device_id, port_name=port.name, starts_at=SINCE)
    _seed_meter(session, tenant, pdu.id)
    ids |= {
        "node_id": pdu.id,
        "power_node_id": pdu.id,
        "parent_id": panel.id,
        "second_parent_id": panel.id,
        "pdu_id": pdu.id,
        "bank_id": bank.id,
        "supply_id": supply.id,
        "outlet_id": outlet.id,
        "port_id": port.id,
        "service_id": service.id,
        "series_id": series["traffic"].id,
        "credential_id": credential.id,
        "agent_id": agent.id,
        "syslog_message_id": written.id,
        "syslog_mapping_id": said.id,
        "trap_id": trap.id,
        "trap_mapping_id": mapping.id,
        "membership_id": membership.id,
    }


def _seed_meter(session: Session, tenant: Tenant, node_id: int) -> None:
    """A meter at the PDU, with a reading that waits and its photo, and one that was refused."""
    tag, ids = tenant.tag, tenant.ids
    own = {"customer_id": ids["customer_id"]}
    meter = make(
        session, Meter, tag, **own, contract_item_id=ids["contract_item_id"],
        room_id=ids["room_id"], power_node_id=node_id, installed_at=SINCE,
    )  # fmt: skip
    content = b"\xff\xd8\xff" + f"CANARY-{tag}-photo".encode()
    digest = hashlib.sha256(content).hexdigest()
    photo = make(
        session, orders.StoredFile, tag, **own, kind="photo", media_type="image/jpeg",
        size=len(content), sha256=digest, content=content, uploaded_at=SINCE,
    )  # fmt: skip
    reading = make(
        session, MeterReading, tag, **own, meter_id=meter.id, read_at=SINCE, value=7_310,
        estimated=True, doubts=[], photo_id=photo.id, photo_sha256=digest, state="entered",
        decided_by="", decided_at=None,
    )  # fmt: skip
    make(
        session, MeterReading, tag, **own, meter_id=meter.id, read_at=NOW, value=7_320,
        estimated=True, doubts=[], photo_sha256=None, state="refused", decided_at=NOW,
    )  # fmt: skip
    ids |= {
        "meter_id": meter.id,
        "meter_reading_id": reading.id,
        "reading_id": reading.id,
        "corrects_id": reading.id,
        "photo_id": photo.id,
    }


def _seed_equipment(session: Session, tenant: Tenant) -> None:
    """A step of the device's life, and a pass that names it."""
    tag, ids = tenant.tag, tenant.ids
    own = {"customer_id": ids["customer_id"]}
    step = make(
        session, DeviceTransition, tag, **own, device_id=ids["device_id"], at=SINCE,
        from_state="installed", to_state="in_service",
        detail={"fault": canary(tag, "device_transition", "detail")},
    )  # fmt: skip
    one = make(
        session, EquipmentPass, tag, **own, site_id=ids["site_id"], direction="out",
        state="requested", bearer_document_hint="7X", planned_on=NOW.date(), requested_at=SINCE,
    )  # fmt: skip
    line = make(
        session, EquipmentPassLine, tag, **own, pass_id=one.id, kind="device",
        device_id=ids["device_id"], quantity=1,
    )  # fmt: skip
    ids |= {
        "pass_id": one.id,
        "equipment_pass_id": one.id,
        "line_id": line.id,
        "device_transition_id": step.id,
    }


def _seed_walk(session: Session, tenant: Tenant) -> None:
    tag, ids = tenant.tag, tenant.ids
    walk = make(session, CabinetWalk, tag, cabinet_id=ids["cabinet_id"], started_at=SINCE)
    finding = make(
        session, WalkFinding, tag, walk_id=walk.id, rack_id=ids["rack_id"], u_low=0, height=2,
        subject=f"device/{ids['device_id']}", face="full", side="full", verdict="as_recorded",
        noted_at=SINCE,
    )  # fmt: skip
    ids |= {"walk_id": walk.id, "cabinet_walk_id": walk.id, "finding_id": finding.id}


def _seed_operations(session: Session, tenant: Tenant) -> None:
    tag, ids = tenant.tag, tenant.ids
    own = {"customer_id": ids["customer_id"]}
    incident = make(
        session, Incident, tag, kind="power", started_at=SINCE, manual=False, subject="", reason="",
        evidence=[{"series": ids["series_id"], "name": canary(tag, "incident", "evidence")}],
    )  # fmt: skip
    make(
        session, IncidentImpact, tag, **own, incident_id=incident.id, severity="down",
        contract_item_id=ids["contract_item_id"],
    )  # fmt: skip
    maintenance = make(
        session, Maintenance, tag, starts_at=NOW, ends_at=NOW + dt.timedelta(hours=4),
        announced_at=SINCE, state="announced", kind="maintenance", risk="low",
    )  # fmt: skip
    make(
        session, MaintenanceTarget, tag, maintenance_id=maintenance.id,
        power_node_id=ids["parent_id"],
    )  # fmt: skip
    make(
        session, MaintenanceNotice, tag, **own, maintenance_id=maintenance.id, sent_at=SINCE,
        starts_at=maintenance.starts_at, ends_at=maintenance.ends_at, channel="portal",
        language="en",
    )  # fmt: skip
    make(
        session, MaintenanceConsent, tag, **own, maintenance_id=maintenance.id, decided_at=SINCE,
        decision="objected", starts_at=maintenance.starts_at, ends_at=maintenance.ends_at,
    )  # fmt: skip
    _seed_rulings(session, tenant, incident.id)
    ticket = make(session, Ticket, tag, **own, kind="fault", channel="portal", opened_at=SINCE)
    of_ticket = {**own, "ticket_id": ticket.id}
    make(
        session, TicketSubject, tag, **of_ticket, contract_item_id=ids["contract_item_id"],
        rack_id=ids["rack_id"],
    )  # fmt: skip
    make(
        session, TicketEvent, tag, **of_ticket, kind="comment", at=SINCE, by_customer=True, time=""
    )
    ids |= {
        "incident_id": incident.id,
        "subject_id": ids["port_id"],
        "maintenance_id": maintenance.id,
        "ticket_id": ticket.id,
    }


def _seed_rulings(session: Session, tenant: Tenant, incident_id: int) -> None:
    """A contest; an overrule and a decision by two people, both accepted; a link."""
    tag, ids = tenant.tag, tenant.ids
    own = {"customer_id": ids["customer_id"], "incident_id": incident_id}
    people = []
    for who in ("proposer", "decider"):
        user = User(
            email=f"{who}-{tag}@example.com", name=who, password=f"SECRET-{who}-{tag}",
            fs_uniquifier=f"SECRET-uniquifier-{who}-{tag}", language="en",
        )  # fmt: skip
        session.add(user)
        session.flush()
        people.append(user.id)
    contest = make(
        session, IncidentContest, tag, **own, made_at=SINCE, state="refused", answered_at=NOW
    )
    overrule = make(
        session, IncidentOverrule, tag, **own, ruling="cause", measured_from=SINCE,
        measured_to=NOW, resources=[canary(tag, "incident_overrule", "resources")],
        proposed_at=SINCE, proposer_id=people[0], state="accepted", decided_at=NOW,
        decider_id=people[1],
    )  # fmt: skip
    decision = make(
        session, ReviewDecision, tag, customer_id=ids["customer_id"],
        contract_id=ids["contract_id"], period="2026-10", treat_unknown="up", proposed_at=SINCE,
        proposer_id=people[0], state="accepted", decided_at=NOW, decider_id=people[1],
    )  # fmt: skip
    other = make(
        session, Incident, tag, key=f"other-{tag}", kind="network", started_at=SINCE, manual=False,
        subject="", reason="", evidence=[],
    )  # fmt: skip
    link = IncidentLink(
        kind="consequence", incident_id=incident_id, other_id=other.id,
        reason=canary(tag, "incident_link", "reason"), made_at=SINCE, made_by="x",
    )  # fmt: skip
    session.add(link)
    session.flush()
    ids |= {
        "incident_contest_id": contest.id,
        "incident_overrule_id": overrule.id,
        "review_decision_id": decision.id,
        "incident_link_id": link.id,
        "other_id": other.id,
    }


def _document(number: str) -> dict[str, Any]:
    """What readers of a frozen document take out of it."""
    line = {"key": number, "item": number, "kind": "rent", "amount": "90.00", "clause": "1"}
    return {
        "number": number, "revision": 1, "usage": [], "ledger": [line],
        "contract": {"number": number, "currency": "CNY"}, "period": {"label": "2026-10"},
        "metrics": [], "totals": {"total": "90.00"}, "frozen_at": "2026-11-01T01:00:00Z",
    }  # fmt: skip


def _seed_statement(session: Session, settings: Settings, tenant: Tenant) -> None:
    tag, ids = tenant.tag, tenant.ids
    own = {"customer_id": ids["customer_id"], "contract_id": ids["contract_id"]}
    samples = f"PK CANARY-{tag}-samples".encode()
    statement = make(
        session, Statement, tag, **own, period="2026-10", currency="CNY", total=Decimal(90),
        credits=Decimal(-10), verdict="breached", document_sha256="1" * 64,
        # Whole, though nothing can be drawn of them.
        inputs=zlib.compress(b"{}"), inputs_sha256=hashlib.sha256(b"{}").hexdigest(),
        document=_document(canary(tag, "statement", "document")),
        samples_sha256=hashlib.sha256(samples).hexdigest(), samples_size=len(samples),
    )  # fmt: skip
    (settings.statements_folder / f"{statement.number}.samples.zip").write_bytes(samples)
    pdf = f"%PDF-1.7 CANARY-{tag}-pdf".encode()
    (settings.statements_folder / f"{statement.number}.pdf").write_bytes(pdf)
    make(
        session, StatementFile, tag, statement_id=statement.id, customer_id=ids["customer_id"],
        sha256=hashlib.sha256(pdf).hexdigest(), unsigned_sha256="3" * 64, size=len(pdf), pages=1,
        signer="4" * 64,
    )  # fmt: skip
    copy = make(
        session, MarkedCopy, tag, statement_id=statement.id, customer_id=ids["customer_id"],
        code=(tag.lower() * 20)[:20], original_sha256=hashlib.sha256(pdf).hexdigest(),
        sha256=hashlib.sha256(pdf + b"copy").hexdigest(), unsigned_sha256="3" * 64,
        size=len(pdf) + 4, pages=1, signer="4" * 64,
    )  # fmt: skip
    name = f"{statement.number}.copy-{copy.code}.pdf"
    (settings.statements_folder / name).write_bytes(pdf + b"copy")
    ids["marked_copy_id"] = copy.id
    line = make(
        session, LedgerEntry, tag, **own, contract_item_id=ids["contract_item_id"],
        statement_id=statement.id, kind="rent", amount=Decimal(100), currency="CNY",
    )  # fmt: skip
    for table in (StatementResult, StatementCause):
        make(
            session, table, tag, statement_id=statement.id, customer_id=ids["customer_id"],
            kind="power", credit=Decimal(10),
            **({"verdict": "breached", "downtime_ms": 1, "denominator_ms": 2}
               if table is StatementResult else {}),
        )  # fmt: skip
    claim = make(
        session, CreditClaim, tag, **own, period="2026-10", made_at=SINCE, entered_at=SINCE,
        results=[canary(tag, "credit_claim", "results")], state="refused", decided_at=NOW,
    )  # fmt: skip
    ids["credit_claim_id"] = claim.id
    message = make(
        session, OutboxMessage, tag, customer_id=ids["customer_id"], statement_id=statement.id,
        channel="mail", event="statement.issued", state="failed", fault="refused", next_at=NOW,
    )  # fmt: skip
    # The operator's own; each tenant's routes get one.
    endpoints = [
        Endpoint(name=f"{kind} {ids['customer_id']}", kind=kind, url=url, events=[])
        for kind, url in (
            ("webhook", "https://hooks.example.com/"),
            ("dingtalk", "https://oapi.dingtalk.com/robot/send"),
            ("syslog", "udp://logs.example.com:514"),
        )
    ]
    session.add_all(endpoints)
    session.flush()
    ids["message_id"] = message.id
    ids["endpoint_id"], ids["robot_id"], ids["syslog_server_id"] = (one.id for one in endpoints)
    proposer, decider = (
        session.scalars(select(User.id).where(User.email == f"{who}-{tag}@example.com")).one()
        for who in ("proposer", "decider")
    )
    proposal = make(
        session, RevisionProposal, tag, **own, statement_id=statement.id, issued_id=statement.id,
        differences={"results": [], "lines": [], "totals": [], "parts": [],
                     "said": canary(tag, "revision_proposal", "differences")},
        proposed_at=SINCE, proposer_id=proposer, state="accepted", decided_at=NOW,
        decider_id=decider,
    )  # fmt: skip
    ids["revision_proposal_id"] = proposal.id
    held = make(
        session, HeldMonth, tag, **own, period="2026-09", currency="CNY", verdict="needs_review",
        total=Decimal(90), credits=Decimal(-10), sha256="5" * 64,
        reasons={"open": 0, "results": [], "without": [_texts(canary(tag, "held_month", "why"))]},
        state="held",
    )  # fmt: skip
    waiting = make(
        session, IssueProposal, tag, customer_id=ids["customer_id"], held_month_id=held.id,
        verdict="needs_review", total=Decimal(90), credits=Decimal(-10), sha256="5" * 64,
        proposed_at=SINCE, proposer_id=proposer, state="refused", decided_at=NOW,
        decider_id=decider,
    )  # fmt: skip
    ids |= {"held_month_id": held.id, "issue_proposal_id": waiting.id}
    # One a currency, the operator's: a pair for the two tenants of the matrix.
    if tag in (currencies := {"A": "CNY", "B": "USD"}):
        rule = ApprovalRule(currency=currencies[tag], credits_above=Decimal(10**6))
        session.add(rule)
        session.flush()
        ids["approval_rule_id"] = rule.id
    _seed_risk(session, tenant)
    ids |= {"statement_id": statement.id, "ledger_id": line.id, "entry_id": line.id}


def _texts(name: str) -> dict[str, str]:
    return {"zh": name, "en": name}


def _seed_risk(session: Session, tenant: Tenant) -> None:
    """A running month with one promise that is open, and that a person must decide."""
    tag, ids = tenant.tag, tenant.ids
    name = canary(tag, "credit_risk", "lines")
    said = {"zh": name, "en": name}
    amounts = {"likely": "10.00", "least": "0.00", "most": "30.00"}
    line = {
        "id": name, "title": said, "item": name, "label": said, "place": name, "clause": name,
        "target": said, "state": "short", "figure": None, "allowed_ms": 60_000, "used_ms": 50_000,
        "used_max_ms": 70_000, "unknown_ms": 20_000, "owed": amounts, "at_rate": amounts,
        "if_open": amounts, "open_since": 1_790_784_000_000, "is_dark": False,
        "runs_out_at": 1_790_784_900_000, "step": {"after_ms": 900_000, "amount": "10.00"},
    }  # fmt: skip
    cause = {"device": name, "device_id": ids["device_id"], "reason": "silent"}
    review = {
        "id": name, "title": said, "item": name, "name": said, "clause": name,
        "result": "needs_review", "least": "0.00", "most": "30.00", "notes": [said],
        "gaps_in_all": 1, "unknown_ms": 20_000,
        "gaps": [{"start": 0, "end": 20_000, "reason": said, "causes": [cause]}],
    }  # fmt: skip
    risk = make(
        session, CreditRisk, tag, customer_id=ids["customer_id"], contract_id=ids["contract_id"],
        period="2026-11", currency="CNY", tried_at=NOW, as_of=NOW, at_risk=Decimal(30),
        open_since=SINCE, step_s=900, step_amount=Decimal(10), lines=[line], reviews=[review],
    )  # fmt: skip
    ids["credit_risk_id"] = risk.id
    make(
        session, BurnedStretch, tag, customer_id=ids["customer_id"],
        contract_item_id=ids["contract_item_id"], left_share=0.001, started_at=SINCE,
        ended_at=SINCE + dt.timedelta(minutes=20), known_at=SINCE,
    )  # fmt: skip
    make(
        session, BurnProgress, tag, customer_id=ids["customer_id"], contract_id=ids["contract_id"],
        until=SINCE, problem=canary(tag, "burn_progress", "problem"),
    )  # fmt: skip


def _seed_network(session: Session, tenant: Tenant, place: int) -> None:
    """Carriers, lines, a cross-connect with a file, and addresses of a prefix of its own."""
    tag, ids = tenant.tag, tenant.ids
    own = {"customer_id": ids["customer_id"]}
    item = {**own, "contract_item_id": ids["contract_item_id"]}
    carrier = make(session, network.Carrier, tag, kind="other")
    presence = make(
        session, network.RoomCarrier, tag, room_id=ids["room_id"], carrier_id=carrier.id
    )
    circuit = make(
        session, network.Circuit, tag, carrier_id=carrier.id, kind="transit",
        site_id=ids["site_id"], capacity_bps=10**10, monthly_fee=Decimal(9), state="active",
        charging_mode="flat", starts_on=LONG_AGO,
    )  # fmt: skip
    line = make(
        session, network.DedicatedLine, tag, **item, capacity_bps=10**9, media="smf",
        state="active",
    )  # fmt: skip
    order = make(
        session, orders.CrossConnect, tag, **item, media="smf", connector="lc",
        state="requested", requested_at=SINCE,
    )  # fmt: skip
    make(
        session, orders.CrossConnectEnd, tag, **own, cross_connect_id=order.id, side="a",
        port_id=ids["port_id"],
    )  # fmt: skip
    make(
        session, orders.CrossConnectStep, tag, **own, cross_connect_id=order.id, at=SINCE,
        detail={"ports": canary(tag, "cross_connect_step", "detail")},
    )  # fmt: skip
    content = f"%PDF-1.7 CANARY-{tag}-letter".encode()
    file = make(
        session, orders.StoredFile, tag, **own, kind="loa", media_type="application/pdf",
        size=len(content), sha256=hashlib.sha256(content).hexdigest(), content=content,
        uploaded_at=SINCE,
    )  # fmt: skip
    make(
        session, orders.CrossConnectFile, tag, **own, cross_connect_id=order.id,
        stored_file_id=file.id,
    )  # fmt: skip
    cable = make(session, network.Cable, tag, media="smf", state="connected", code=None)
    panel = make(
        session, Port, tag, device_id=ids["device_id"], speed_bps=0, role="internal",
        kind="panel", media="smf", mac=None, name=f"CANARY-{tag}-panel",
    )  # fmt: skip
    for side, port_id in (("a", ids["port_id"]), ("z", panel.id)):
        session.add(network.CableEnd(cable_id=cable.id, side=side, port_id=port_id, face="front"))
    group = make(session, addresses.VlanGroup, tag, site_id=ids["site_id"])
    vlan = make(session, addresses.Vlan, tag, **own, group_id=group.id, vid=100)
    asn = make(session, addresses.Asn, tag, **own, number=64_511 + place)
    prefix = make(
        session, addresses.Prefix, tag, **own, network=f"10.{place}.0.0/24", role="assignable",
        site_id=ids["site_id"],
    )  # fmt: skip
    assignment = make(
        session, addresses.AddressAssignment, tag, **item, network=f"10.{place}.0.7/32",
        period=Range(SINCE, None),
    )  # fmt: skip
    target = make(
        session, ProbeTarget, tag, **item, address=f"10.{place}.0.7", method="icmp",
    )  # fmt: skip
    ids |= {
        "probe_target_id": target.id,
        "carrier_id": carrier.id,
        "room_carrier_id": presence.id,
        "circuit_id": circuit.id,
        "dedicated_line_id": line.id,
        "bandwidth_service_id": ids["service_id"],
        "network_port_id": ids["port_id"],
        "cross_connect_id": order.id,
        "order_id": order.id,
        "file_id": file.id,
        "stored_file_id": file.id,
        "cable_id": cable.id,
        "a_port_id": ids["port_id"],
        "z_port_id": panel.id,
        "vlan_group_id": group.id,
        "group_id": group.id,
        "vlan_id": vlan.id,
        "asn_id": asn.id,
        "prefix_id": prefix.id,
        "address_assignment_id": assignment.id,
        "assignment_id": assignment.id,
    }
    session.flush()


def _seed_alarms(session: Session, tenant: Tenant) -> None:
    """Staff's own, whatever a label tells of a tenant."""
    tag, ids = tenant.tag, tenant.ids
    rule = make(
        session, AlarmRule, tag, kind="state", quantity="port_down", way="above", raise_at=1,
        clear_at=0, severity="major", subject_class="",
    )  # fmt: skip
    override = make(
        session, AlarmOverride, tag, rule_id=rule.id, scope="subject", target_id=ids["port_id"],
        target_class="", severity=None,
    )  # fmt: skip
    alarm = make(
        session, Alarm, tag, rule_id=rule.id, subject_kind="port", subject_id=ids["port_id"],
        site_id=ids["site_id"], severity="major", began_at=SINCE, raised_at=SINCE, seen_at=SINCE,
        ending="", value=1, limit=1, acknowledged_by="", silenced_by=ids["maintenance_id"],
        snoozed_until=NOW + dt.timedelta(hours=1),
    )  # fmt: skip
    make(session, AlarmEvent, tag, alarm_id=alarm.id, at=SINCE, kind="noted")
    recipient = make(session, AlarmRecipient, tag, language="zh", severity="major")
    typed = asdict(rule_of(rule))
    trial = make(
        session, AlarmTrial, tag, rule_id=rule.id, rule=typed, starts_at=SINCE, ends_at=NOW,
        state="waiting",
    )  # fmt: skip
    ids |= {
        "alarm_id": alarm.id,
        "alarm_rule_id": rule.id,
        "rule_id": rule.id,
        "alarm_override_id": override.id,
        "alarm_recipient_id": recipient.id,
        "alarm_trial_id": trial.id,
        "target_id": ids["port_id"],
    }


def _seed_on_call(session: Session, tenant: Tenant) -> None:
    """Staff's own, whatever an alarm's label tells of a tenant."""
    tag, ids = tenant.tag, tenant.ids
    person = session.scalars(select(User).where(User.customer_id.is_(None))).first()
    if person is None:
        person = make(
            session, User, tag, email=f"call-{tag.lower()}@example.com", name="On call",
            username=None, language="zh", timezone="", fs_uniquifier=f"call-{tag}", active=True,
            password="x", customer_id=None, tf_primary_method=None, tf_totp_secret=None,
            mf_recovery_codes=None,
        )  # fmt: skip
    calendar = make(
        session, OnCallCalendar, tag, timezone="Asia/Shanghai", handover=dt.time(9),
        first_day=LONG_AGO, days=7,
    )  # fmt: skip
    session.add(OnCallTurn(calendar_id=calendar.id, position=0, user_id=person.id))
    standing = make(
        session, OnCallStandIn, tag, calendar_id=calendar.id, user_id=person.id, starts_at=SINCE,
        ends_at=NOW + dt.timedelta(days=30),
    )  # fmt: skip
    policy = make(
        session, EscalationPolicy, tag, severity="major", site_id=ids["site_id"],
        counts_from=SINCE, enabled=True,
    )  # fmt: skip
    session.add(
        EscalationStep(
            policy_id=policy.id, number=0, after_min=5, kind="calendar", calendar_id=calendar.id
        )
    )
    make(
        session, EscalationDeed, tag, alarm_id=ids["alarm_id"], policy_id=policy.id,
        counted_from=SINCE, number=0, at=SINCE, done_at=SINCE, outcome="told", by="rotation",
    )  # fmt: skip
    other = make(
        session, User, tag, email=f"giver-{tag.lower()}@example.com", name="Giver",
        username=None, language="zh", timezone="", fs_uniquifier=f"giver-{tag}", active=True,
        password="x", customer_id=None, tf_primary_method=None, tf_totp_secret=None,
        mf_recovery_codes=None,
    )  # fmt: skip
    handover = make(
        session, ShiftHandover, tag, given_at=SINCE, giver_id=other.id, meant_for_id=person.id,
        items=freeze_open(session, Scope.system("matrix"), NOW), taken_by="",
    )  # fmt: skip
    item = make(
        session, HandoverItem, tag, handover_id=handover.id, entered_at=SINCE, ticked_by="",
    )  # fmt: skip
    make(session, HandoverNote, tag, handover_id=handover.id, at=SINCE)
    ids |= {
        "handover_id": handover.id,
        "handover_item_id": item.id,
        "on_call_calendar_id": calendar.id,
        "stand_in_id": standing.id,
        "escalation_policy_id": policy.id,
    }
    session.flush()


def _seed_records(session: Session, tenant: Tenant) -> None:
    """What surrounds records of every kind: staff's own, whatever the record tells of a tenant."""
    tag, ids = tenant.tag, tenant.ids
    kept = make(session, DeletedRecord, tag, kind="site", record_id=ids["site_id"], rows=[])
    # Of a kind that everyone sees who may import any.
    run = make(
        session, ImportRun, tag, kind="customer", content=b"", existing="skip", state="refused",
        problems=[],
    )  # fmt: skip
    ids |= {"deletion_id": kept.id, "import_run_id": run.id}


def _mix_incident(session: Session, tenants: dict[str, Tenant]) -> None:
    """One that hit both: each may learn of it, neither whom else it hit."""
    incident = Incident(key="both", kind="power_feed", started_at=SINCE, what="x", what_en="x")
    incident.evidence = [{"name": "CANARY-A-evidence CANARY-B-evidence"}]
    session.add(incident)
    session.flush()
    for tenant in tenants.values():
        session.add(
            IncidentImpact(
                incident_id=incident.id,
                customer_id=tenant.ids["customer_id"],
                severity="information",
            )
        )
        session.add(
            ToldIncident(
                incident_id=incident.id, customer_id=tenant.ids["customer_id"], times=1,
                event="incident.redundancy", items=[], started_at=SINCE,
            )
        )  # fmt: skip
    session.flush()


def hash_rows(connection: Connection, customer_id: int) -> str:
    """One hash over every row of this tenant, its people and tokens; seen as staff, as is whatever
    follows in the transaction."""
    connection.execute(text("SELECT set_config('jifang.staff', 'yes', true)"))
    rows = connection.execute(_select_hashes(), {"id": customer_id})
    return repr(sorted((name, value) for name, value in rows))


@cache
def _select_hashes() -> TextClause:
    parts = [
        f"SELECT '{table}' AS t, md5(string_agg(md5(x::text), '' ORDER BY md5(x::text))) AS h"  # noqa: S608
        f" FROM {table} x WHERE {column} = :id"
        for table, column in TENANT_TABLES.items()
    ]
    parts.append("SELECT 'app_user', md5(string_agg(x::text, '' ORDER BY id)) FROM app_user x"
                 " WHERE customer_id = :id")  # fmt: skip
    for table, key in (("api_token", "id"), ("calendar_feed", "user_id")):
        parts.append(
            f"SELECT '{table}', md5(string_agg(x::text, '' ORDER BY x.{key})) FROM {table} x"  # noqa: S608
            " JOIN app_user u ON u.id = x.user_id WHERE u.customer_id = :id"
        )
    return text(" UNION ALL ".join(parts))
