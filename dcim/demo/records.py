"""The rows that loading the demo has made so far, by the plan's names."""

from dataclasses import dataclass, field

from dcim.customers.models import ContractItem, Customer
from dcim.inventory.models import Cabinet, Cage, Device, Rack, Room, Row
from dcim.network.models import Port
from dcim.power.models import PowerNode


@dataclass
class Records:
    site_id: int = 0
    rooms: dict[str, Room] = field(default_factory=dict)
    rows: dict[str, Row] = field(default_factory=dict)
    # By the code of the cabinet that stands in it.
    cages: dict[str, Cage] = field(default_factory=dict)
    cabinets: dict[str, Cabinet] = field(default_factory=dict)
    racks: dict[str, Rack] = field(default_factory=dict)
    devices: dict[str, Device] = field(default_factory=dict)
    ports: dict[str, Port] = field(default_factory=dict)
    nodes: dict[str, PowerNode] = field(default_factory=dict)
    customers: dict[str, Customer] = field(default_factory=dict)
    items: dict[str, ContractItem] = field(default_factory=dict)
