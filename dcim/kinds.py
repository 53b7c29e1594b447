"""Every kind of record there is, in the order of the navigation."""

from dcim.customers import kinds as customers
from dcim.inventory.devices.kinds import DEVICE_TRANSITION, DEVICE_TYPE, EQUIPMENT_PASS
from dcim.inventory.space import kinds as inventory
from dcim.inventory.walks.kinds import CABINET_WALK
from dcim.meters import kinds as meters
from dcim.network import address_kinds as addresses
from dcim.network import kinds as network
from dcim.network.equipping import DEVICE
from dcim.operations import kinds as operations
from dcim.power import kinds as power
from dcim.probing import kinds as probing
from dcim.records.kinds import Kind
from dcim.snmp.traps import kinds as traps
from dcim.statements import kinds as statements
from dcim.syslog import kinds as syslog

KINDS: tuple[Kind, ...] = (
    *inventory.KINDS,
    CABINET_WALK,
    DEVICE_TYPE,
    DEVICE,
    DEVICE_TRANSITION,
    EQUIPMENT_PASS,
    *power.KINDS,
    *meters.KINDS,
    *network.KINDS,
    *addresses.KINDS,
    *probing.KINDS,
    *traps.KINDS,
    *syslog.KINDS,
    *customers.KINDS,
    *statements.KINDS,
    *operations.KINDS,
)
BY_NAME = {kind.name: kind for kind in KINDS}
BY_PLURAL = {kind.plural: kind for kind in KINDS}
