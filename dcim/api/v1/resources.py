"""Every resource of the API, in the order they are described."""

from dcim.api.record_resources import make_resource
from dcim.api.spec import Resource
from dcim.api.v1.cabinets import cabinets
from dcim.api.v1.customers import contracts, customers, items
from dcim.api.v1.deletions import deletions
from dcim.api.v1.devices import device_types, devices
from dcim.api.v1.incidents import incidents, maintenance
from dcim.api.v1.me import me
from dcim.api.v1.ports import ports, services
from dcim.api.v1.power_nodes import power_nodes
from dcim.api.v1.series import series
from dcim.api.v1.sites import rooms, sites
from dcim.api.v1.snmp import agents, credentials
from dcim.api.v1.statements import ledger, statements
from dcim.kinds import KINDS

RESOURCES: tuple[Resource, ...] = (
    me,
    sites,
    rooms,
    cabinets,
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
    deletions,
)
RESOURCES += tuple(make_resource(kind, KINDS) for kind in KINDS)
