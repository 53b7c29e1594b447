"""Every kind of record there is, in the order of the navigation."""

from dcim.network import kinds as network
from dcim.records.kinds import Kind

KINDS: tuple[Kind, ...] = (*network.KINDS,)
BY_NAME = {kind.name: kind for kind in KINDS}
BY_PLURAL = {kind.plural: kind for kind in KINDS}
