"""Every kind of record there is, in the order of the navigation."""

from dcim.power import kinds as power
from dcim.records.kinds import Kind

KINDS: tuple[Kind, ...] = (*inventory.KINDS,)
from dcim.inventory.device_kinds import DEVICE_TRANSITION, EQUIPMENT_PASS
from dcim.records.kinds import Kind

KINDS: tuple[Kind, ...] = (
    DEVICE_TRANSITION,
    EQUIPMENT_PASS,
)
KINDS: tuple[Kind, ...] = (*power.KINDS,)
from dcim.network import kinds as network
from dcim.records.kinds import Kind

KINDS: tuple[Kind, ...] = (*network.KINDS,)
BY_NAME = {kind.name: kind for kind in KINDS}
BY_PLURAL = {kind.plural: kind for kind in KINDS}
