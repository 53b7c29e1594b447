"""Every resource of the API, in the order they are described."""

from dcim.api.record_resources import make_resource, name_resource
from dcim.api.spec import Resource
from dcim.api.v1.addresses import addresses, cabling, memberships, traces
from dcim.api.v1.alarm_rules import alarm_recipients, alarm_rules
from dcim.api.v1.alarms import alarms
from dcim.api.v1.allocations import allocations, area_claims
from dcim.api.v1.boards import aggregates, environment, link_map, power_board, pue
from dcim.api.v1.cabinets import cabinets
from dcim.api.v1.capacity import capacity
from dcim.api.v1.contracts import contracts
from dcim.api.v1.credit_claims import credit_claims
from dcim.api.v1.credits_at_risk import credits_at_risk
from dcim.api.v1.cross_connects import files, orders
from dcim.api.v1.deletions import deletions
from dcim.api.v1.deliveries import deliveries
from dcim.api.v1.device_life import device_life
from dcim.api.v1.devices import devices
from dcim.api.v1.discovery import discovery
from dcim.api.v1.endpoints import robots, syslog_servers, webhooks
from dcim.api.v1.handovers import handovers
from dcim.api.v1.held_months import held_months, issue_proposals
from dcim.api.v1.holds import holds
from dcim.api.v1.imports import imports
from dcim.api.v1.incident_rulings import contests, links, overrules
from dcim.api.v1.incidents import incidents
from dcim.api.v1.maintenance import maintenance
from dcim.api.v1.me import me
from dcim.api.v1.meters import meter_readings, meters
from dcim.api.v1.metrics import metrics
from dcim.api.v1.moves import moves
from dcim.api.v1.on_call import escalation_policies, on_call_calendars
from dcim.api.v1.passes import passes
from dcim.api.v1.plugging import plugging
from dcim.api.v1.ports import ports, services
from dcim.api.v1.power_outages import power_outages
from dcim.api.v1.power_readings import power_readings
from dcim.api.v1.racks import racks
from dcim.api.v1.review_decisions import review_decisions
from dcim.api.v1.series import series
from dcim.api.v1.snmp import agents, credentials
from dcim.api.v1.statement_revisions import statement_revisions
from dcim.api.v1.statements import ledger, statements
from dcim.api.v1.syslog import syslog
from dcim.api.v1.tickets import tickets
from dcim.api.v1.traps import traps
from dcim.kinds import KINDS

RESOURCES: tuple[Resource, ...] = (
    me,
    allocations,
    area_claims,
    holds,
    moves,
    device_life,
    passes,
    power_readings,
    power_outages,
    power_board,
    environment,
    pue,
    link_map,
    plugging,
    capacity,
    ports,
    aggregates,
    metrics,
    services,
    series,
    agents,
    credentials,
    discovery,
    alarms,
    alarm_rules,
    alarm_recipients,
    on_call_calendars,
    escalation_policies,
    handovers,
    incidents,
    contests,
    overrules,
    links,
    maintenance,
    statements,
    ledger,
    deliveries,
    webhooks,
    robots,
    syslog_servers,
    credit_claims,
    meter_readings,
    credits_at_risk,
    syslog,
    traps,
    review_decisions,
    statement_revisions,
    held_months,
    issue_proposals,
    tickets,
    deletions,
    imports,
    orders,
    files,
    addresses,
    traces,
    cabling,
    memberships,
)
# Special operations of a kind stand beside those that every kind has.
OWN = {resource.name: resource for resource in (cabinets, racks, devices, contracts, meters)}
RESOURCES += tuple(make_resource(kind, KINDS, OWN.get(name_resource(kind))) for kind in KINDS)
