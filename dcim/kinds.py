"""Every kind of record there is, in the order of the navigation."""

from dcim.inventory import kinds as inventory
from dcim.records.kinds import Kind

KINDS: tuple[Kind, ...] = (*inventory.KINDS,)
BY_NAME = {kind.name: kind for kind in KINDS}
BY_PLURAL = {kind.plural: kind for kind in KINDS}
