"""The words a demo plan is written in: plain records, named by codes, without a database."""

import datetime as dt
from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True)
class SitePlan:
    code: str
    name: str
    name_en: str
    timezone: str
    address: str


@dataclass(frozen=True)
class RoomPlan:
    code: str
    name: str
    name_en: str


@dataclass(frozen=True)
class RowPlan:
    room: str
    code: str
    position: int


@dataclass(frozen=True)
class CabinetPlan:
    row: str
    code: str
    position: int
    layout: str = "full"
    # The floor tile under its front left corner, and where the front looks.
    grid_x: int = 0
    grid_y: int = 0
    facing: str = "S"


@dataclass(frozen=True)
class CagePlan:
    """What stands in a cage is sold with it, as one area."""

    room: str
    code: str
    name: str
    cabinets: tuple[str, ...]


@dataclass(frozen=True)
class BarredPlan:
    rack: str
    u_from: int
    u_count: int
    face: str
    kind: str
    reason: str


@dataclass(frozen=True)
class RackPlan:
    """`code` is unique in the whole site; a split cabinet's racks are numbered from the top."""

    cabinet: str
    code: str
    position: int
    u_count: int


@dataclass(frozen=True)
class NodePlan:
    """A thing current flows through; `parent` is the code of where it comes from.

    `phase`, `poles`, `position` say where a breaker sits in its panel; `bank` of an outlet is told
    by `bank_of` (first and last socket) on the bank's own node.
    """

    code: str
    kind: str
    feed: str
    parent: str | None
    rated_a: int
    volts: int = 230
    phases: int = 1
    derate_pct: int = 80
    rack: str | None = None
    meter_device: str | None = None
    meter_place: str | None = None
    outlets: int = 0
    second_parent: str | None = None
    capacity_w: int | None = None
    power_factor_pct: int = 100
    phase: str = ""
    poles: int | None = None
    position: str = ""
    bank_of: tuple[int, int] | None = None


@dataclass(frozen=True)
class TypePlan:
    """`height` in half units, `rated_w` the nameplate draw; `supplies` are (inlet, watts at most),
    named PSU1, PSU2 and so on."""

    manufacturer: str
    model: str
    height: int
    weight_g: int
    rated_w: int
    full_depth: bool = True
    half_width: bool = False
    category: str = "other"
    airflow: str = ""
    supplies: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class DevicePlan:
    """`u_low` in half units from the rack's bottom; None on the side rail or outside any rack."""

    name: str
    model: str
    role: str
    serial: str
    customer: str | None = None
    rack: str | None = None
    u_low: int | None = None
    face: str = "full"
    side: str = "full"
    # (PDU node, outlet number)
    cords: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class PortPlan:
    """A switch port. Its own traffic has a mean per direction and a daily `rhythm`; one that passes
    on the traffic of others names them in `carries`, each with the share that comes this way.
    `swapped`: what they take in, it gives out (an uplink). `lag` is the LAG of its device that it
    is a member of."""

    device: str
    name: str
    index: int
    speed_bps: int
    role: str
    alias: str
    mean_in_bps: int = 0
    mean_out_bps: int = 0
    rhythm: str = "office"
    carries: tuple[tuple[str, float], ...] = ()
    swapped: bool = False
    lag: str = ""

    @property
    def key(self) -> str:
        return f"{self.device}:{self.name}"


@dataclass(frozen=True)
class SensorPlan:
    """A temperature and humidity probe in a room; `mean_mc` in thousandths of a degree Celsius."""

    device: str
    slot: str
    label: str
    room: str
    mean_mc: int
    mean_rh: int


@dataclass(frozen=True)
class AgentPlan:
    """A device that answers SNMP. `family` chooses its OID tree, `number` its UDP port."""

    device: str
    family: str
    number: int
    version: str = "2c"
    booted_ms: int = 0
    # The node whose loss silences it; none for what has its own supply from both feeds.
    powered_by: str | None = None


@dataclass(frozen=True)
class ContactPlan:
    name: str
    email: str
    phone: str
    may_order: bool = False
    may_enter: bool = False
    gets_statements: bool = True


@dataclass(frozen=True)
class CustomerPlan:
    code: str
    slug: str
    name: str
    name_en: str
    language: str
    contacts: tuple[ContactPlan, ...]


@dataclass(frozen=True)
class ItemPlan:
    """A contract line; for space: which rack, from which U upwards, how many (all when 0)."""

    code: str
    kind: str
    label: str
    label_en: str
    monthly_fee: Decimal
    starts_on: dt.date
    ends_on: dt.date | None = None
    contracted_w: int | None = None
    rack: str | None = None
    u_from: int = 1
    u_count: int = 0


@dataclass(frozen=True)
class ContractPlan:
    number: str
    customer: str
    starts_on: dt.date
    ends_on: dt.date | None
    terms: str
    items: tuple[ItemPlan, ...]


@dataclass(frozen=True)
class ServicePlan:
    """A bandwidth service and the ports (device:name) that carry it from when to when."""

    code: str
    customer: str
    item: str
    carrier: str
    commit_bps: int
    ceiling_bps: int
    ports: tuple[str, ...]
    starts_at: dt.datetime
    ends_at: dt.datetime | None = None


@dataclass(frozen=True)
class HoldPlan:
    rack: str
    prospect: str
    held_by: str
    reason: str
    u_from: int
    u_count: int
    expires_at: dt.datetime
    starts_at: dt.datetime | None = None


@dataclass(frozen=True)
class MaintenancePlan:
    """`nodes`, `ports` and `rooms` are what is worked on; everyone in `customers` was told."""

    code: str
    title: str
    title_en: str
    starts_at: dt.datetime
    ends_at: dt.datetime
    announced_at: dt.datetime
    approved_by: str
    nodes: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    customers: tuple[str, ...] = ()


@dataclass(frozen=True)
class TicketPlan:
    number: str
    customer: str
    kind: str
    title: str
    opened_at: dt.datetime
    responded_at: dt.datetime | None = None
    closed_at: dt.datetime | None = None
    urgent: bool = False
    channel: str = "phone"


@dataclass(frozen=True)
class EventPlan:
    """Something that befalls the site in `[start_ms, end_ms)`.

    kind: "node_dead" (targets: power nodes; all below them is dead too), "port_down" (ports),
    "reboot" (devices: silent meanwhile, counters begin again at the end), "blind" (devices that the
    poller can't reach), "hot" (rooms).
    """

    kind: str
    targets: tuple[str, ...]
    start_ms: int
    end_ms: int
    cause: str
    cause_en: str


@dataclass(frozen=True)
class LoadPlan:
    """What a rack draws, W; `share_a` is feed A's part while both live.

    From `shift_ms` on the A cords carry `share_a_then` instead (someone plugged in on one side).
    """

    rack: str
    mean_w: int
    share_a: float
    shift_ms: int | None = None
    share_a_then: float = 0.0


@dataclass(frozen=True)
class DemoPlan:
    """The whole demo. The same anchor and seed give the same plan, to the last serial number."""

    seed: int
    anchor_ms: int
    month_start_ms: int
    month_end_ms: int
    site: SitePlan
    rooms: tuple[RoomPlan, ...]
    rows: tuple[RowPlan, ...]
    cabinets: tuple[CabinetPlan, ...]
    cages: tuple[CagePlan, ...]
    racks: tuple[RackPlan, ...]
    barred: tuple[BarredPlan, ...]
    nodes: tuple[NodePlan, ...]
    types: tuple[TypePlan, ...]
    devices: tuple[DevicePlan, ...]
    ports: tuple[PortPlan, ...]
    sensors: tuple[SensorPlan, ...]
    agents: tuple[AgentPlan, ...]
    customers: tuple[CustomerPlan, ...]
    contracts: tuple[ContractPlan, ...]
    services: tuple[ServicePlan, ...]
    holds: tuple[HoldPlan, ...]
    maintenance: tuple[MaintenancePlan, ...]
    tickets: tuple[TicketPlan, ...]
    events: tuple[EventPlan, ...]
    loads: tuple[LoadPlan, ...]
    nodes_by_code: dict[str, NodePlan] = field(compare=False, repr=False)
