"""The demo data centre as a whole: one anchor instant and one seed give one plan."""

import datetime as dt
from zoneinfo import ZoneInfo

from dcim.demo.customer_plan import (
    SALES,
    plan_contracts,
    plan_customers,
    plan_services,
    racks_sold,
)
from dcim.demo.equipment_plan import PDU_32, TYPES, plan_devices, plan_loads, plan_rack_pdus
from dcim.demo.events import (
    DAY_MS,
    Calendar,
    plan_events,
    plan_maintenance,
    plan_tickets,
    shift_start_ms,
    to_ms,
)
from dcim.demo.network_plan import ACCESS, CORES, NARROW_SWITCH, plan_ports
from dcim.demo.noise import fraction
from dcim.demo.plan_parts import AgentPlan, DemoPlan, DevicePlan, HoldPlan
from dcim.demo.site_plan import (
    BARRED,
    CAGES,
    FEEDS,
    NETWORK_RACKS,
    ROOMS,
    ROWS,
    SENSORS,
    SITE,
    branch_meter,
    grid_meter,
    panel_code,
    pdu_code,
    plan_cabinets,
    plan_power,
    plan_racks,
    ups_device,
)

SEED = 20_250_815
HOLDS = (("A-11", 1, 45, "筑巢设计 Nestwork Design", 12), ("B-11", 1, 20, "海岬证券 Headland", 5),
         ("C-12-2", 1, 22, "拾光影业 Gleaner Films", 19))  # fmt: skip
HOLD_AHEAD = ("D-08", 1, 45, "蓝雨燕游戏 Blue Swift Games", 30, 75)
SALESPERSON = "销售 07"


def make_plan(anchor_ms: int, seed: int = SEED) -> DemoPlan:
    """Describe the demo; `anchor_ms` (UTC) is when it was made: the month before it is closed."""
    zone = ZoneInfo(SITE.timezone)
    calendar = Calendar(anchor_ms, zone)
    cabinets = plan_cabinets()
    sold = racks_sold()
    nodes = plan_power((*sold, *NETWORK_RACKS))
    pdus = plan_rack_pdus(seed, sold)
    devices = (*plan_devices(seed), *pdus)
    ports = plan_ports()
    agents = _agents(seed, calendar, pdus)
    contracts = plan_contracts(calendar.month_start)
    return DemoPlan(
        seed=seed,
        anchor_ms=anchor_ms,
        month_start_ms=to_ms(calendar.at(calendar.month_start, "00:00")),
        month_end_ms=to_ms(calendar.at(calendar.month_end, "00:00")),
        site=SITE,
        rooms=ROOMS,
        rows=ROWS,
        cabinets=cabinets,
        cages=CAGES,
        racks=plan_racks(cabinets),
        barred=BARRED,
        nodes=nodes,
        types=TYPES,
        devices=devices,
        ports=ports,
        sensors=SENSORS,
        agents=agents,
        customers=plan_customers(seed),
        contracts=contracts,
        services=plan_services(contracts, zone),
        holds=_holds(calendar),
        maintenance=plan_maintenance(calendar, ports, _on_panels(), _on_switches()),
        tickets=plan_tickets(calendar),
        events=plan_events(calendar, ports, tuple(agent.device for agent in agents)),
        loads=plan_loads(seed, devices, shift_start_ms(calendar)),
        nodes_by_code={node.code: node for node in nodes},
    )  # fmt: skip


def _holds(calendar: Calendar) -> tuple[HoldPlan, ...]:
    """Some that bind now, and one that begins later."""

    def at(days: int) -> dt.datetime:
        return calendar.at(calendar.today + dt.timedelta(days=days), "18:00")

    now = [
        HoldPlan(rack, prospect, SALESPERSON, "商机洽谈中 in negotiation", low, count, at(days))
        for rack, low, count, prospect, days in HOLDS
    ]
    rack, low, count, prospect, begins, days = HOLD_AHEAD
    reason = "扩容意向 expansion next quarter"
    later = HoldPlan(rack, prospect, SALESPERSON, reason, low, count, at(days), at(begins))
    return (*now, later)


def _on_panels() -> dict[str, tuple[str, ...]]:
    """Which customers a panel feeds."""
    fed: dict[str, list[str]] = {panel_code(row.code, feed): [] for row in ROWS for feed in FEEDS}
    for sale in SALES:
        rows = {rack[0] for rack in (*sale.racks, *(rack for rack, _, _ in sale.space))}
        for row in sorted(rows):
            for feed in FEEDS:
                fed[panel_code(row, feed)].append(sale.code)
    return {panel: tuple(codes) for panel, codes in fed.items()}


def _on_switches() -> dict[str, tuple[str, ...]]:
    return {
        switch: tuple(
            sale.code for sale in SALES if any(port.switch == switch for port in sale.ports)
        )
        for switch in ACCESS
    }


def _agents(seed: int, calendar: Calendar, pdus: tuple[DevicePlan, ...]) -> tuple[AgentPlan, ...]:
    """Every device that answers SNMP. Only rack PDUs live on what they measure."""
    found: list[tuple[str, str, str, str | None]] = [
        *((core, "switch", "3", None) for core in CORES),
        *((name, "narrow_switch" if name == NARROW_SWITCH else "switch", "2c", None)
          for name in ACCESS),
        *((branch_meter(row.code, feed), "branch_meter", "2c", None)
          for row in ROWS for feed in FEEDS),
        *((ups_device(room.code, feed), "ups", "2c", None) for room in ROOMS for feed in FEEDS),
        *((sensor.device, "sensor", "2c", None) for sensor in SENSORS),
        *((pdu.name, "pdu" if pdu.model == PDU_32 else "coarse_pdu", "2c",
           pdu_code(pdu.rack or "", pdu.name[-1].upper()))
          for pdu in pdus),
        *((grid_meter(feed), "grid_meter", "2c", None) for feed in FEEDS),
    ]  # fmt: skip
    start = to_ms(calendar.at(calendar.month_start, "00:00"))
    return tuple(
        AgentPlan(
            device,
            family,
            number,
            version,
            booted_ms=start - int((20 + 300 * fraction(seed, "boot", device)) * DAY_MS),
            powered_by=node,
        )
        for number, (device, family, version, node) in enumerate(found)
    )
