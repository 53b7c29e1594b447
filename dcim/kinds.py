"""Every kind of record there is, in the order of the navigation."""

from dcim.customers.kinds import KINDS as CUSTOMER_KINDS
from dcim.inventory.device_kinds import KINDS as DEVICE_KINDS
from dcim.network.equipping import DEVICE
from dcim.records.kinds import Kind

KINDS: tuple[Kind, ...] = (
    DEVICE,
    *DEVICE_KINDS,
    *CUSTOMER_KINDS,
)
BY_NAME = {kind.name: kind for kind in KINDS}
BY_PLURAL = {kind.plural: kind for kind in KINDS}
