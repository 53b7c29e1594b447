"""Every kind of record there is, in the order of the navigation."""

from dcim.customers import kinds as customers
from dcim.operations import kinds as operations
from dcim.records.kinds import Kind

KINDS: tuple[Kind, ...] = (
    *customers.KINDS,
    *operations.KINDS,
)
BY_NAME = {kind.name: kind for kind in KINDS}
BY_PLURAL = {kind.plural: kind for kind in KINDS}
