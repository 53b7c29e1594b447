"""Every resource of the API, in the order they are described."""

from dcim.api.v1.allocations import allocations, area_claims
from dcim.api.v1.cabinets import cabinets
from dcim.api.v1.capacity import capacity
from dcim.api.v1.customers import contracts, customers, items
from dcim.api.v1.devices import device_types, devices
from dcim.api.v1.holds import holds
from dcim.api.v1.incidents import incidents, maintenance
from dcim.api.v1.me import me
from dcim.api.v1.moves import moves
from dcim.api.v1.ports import ports, services
from dcim.api.v1.power_nodes import power_nodes
from dcim.api.v1.series import series
from dcim.api.v1.sites import rooms, sites
from dcim.api.v1.snmp import agents, credentials
from dcim.api.v1.statements import ledger, statements

RESOURCES = (
    me,
    sites,
    rooms,
    cabinets,
    capacity,
    allocations,
    area_claims,
    holds,
    moves,
    device_types,
    devices,
    power_nodes,
    ports,
    services,
    series,
    agents,
    credentials,
    customers,
    contracts,
    items,
    incidents,
    maintenance,
    statements,
    ledger,
)
