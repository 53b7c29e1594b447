"""The demo's network: two core switches, an access switch per row, and what flows between them."""

from dcim.demo.customer_plan import MBPS, SALES, PortSale, Sale, port_key, port_name
from dcim.demo.plan_parts import PortPlan
from dcim.demo.site_plan import ROWS

CORES = ("core-1", "core-2")
ACCESS = tuple(f"acc-{row.code.lower()}" for row in ROWS)
# Old iron without ifXTable: its 32-bit octet counters wrap several times a day.
NARROW_SWITCH = "acc-d"

# A 32-bit counter of a faster port could wrap twice between two polls, so nobody could read it.
UPLINK_SPEED = {True: 100 * MBPS, False: 10_000 * MBPS}
TRANSIT_SPEED = 40_000 * MBPS
CARRIERS = {"core-1": "Carrier A 电信 AS64500", "core-2": "Carrier B 联通 AS64501"}
# The busier direction carries the mean, the other this much of it.
LESSER_SHARE = 0.18
# Somebody noted these two cables the wrong way round at their upper ends.
CROSSED = ("acc-b:xge1/0/50", "acc-c:xge1/0/50")


def plan_ports() -> tuple[PortPlan, ...]:
    customer = [_customer_port(sale, port) for sale in SALES for port in sale.ports]
    trunks = [trunk for switch in ACCESS for trunk in _trunks(switch, customer)]
    transit = [
        PortPlan(
            core, "xle1/1/1", 57, TRANSIT_SPEED, "uplink", CARRIERS[core],
            carries=tuple((port.key, 0.5) for port in customer), swapped=True,
        )
        for core in CORES
    ]  # fmt: skip
    return tuple(customer + trunks + transit)


def plan_trunks() -> tuple[tuple[str, str], ...]:
    """The keys of the two ports that each cable between an access switch and a core joins."""
    return tuple(
        (f"{switch}:{low}", f"{core}:{high}")
        for switch in ACCESS
        for core, low, high in _trunk_names(switch)
    )


def plan_cables() -> tuple[tuple[str, str], ...]:
    """The trunks as they are recorded: all but the CROSSED as they are."""
    upper = dict(plan_trunks())
    one, other = CROSSED
    return tuple((upper | {one: upper[other], other: upper[one]}).items())


def _customer_port(sale: Sale, port: PortSale) -> PortPlan:
    busy, quiet = port.mean * MBPS, int(port.mean * MBPS * LESSER_SHARE)
    taken, given = (busy, quiet) if port.mostly == "in" else (quiet, busy)
    return PortPlan(
        port.switch,
        port_name(port.speed, port.number),
        port.number,
        port.speed * MBPS,
        "customer",
        f"{sale.code} {sale.name_en}",
        mean_in_bps=taken,
        mean_out_bps=given,
        rhythm=port.rhythm,
    )


def _trunks(switch: str, customer: list[PortPlan]) -> list[PortPlan]:
    """Both ends of the two links from an access switch to the cores."""
    here = tuple((port.key, 0.5) for port in customer if port.device == switch)
    speed = UPLINK_SPEED[switch == NARROW_SWITCH]
    trunks = []
    for number, (core, low, high) in enumerate(_trunk_names(switch), start=1):
        trunks.append(
            PortPlan(
                switch, low, 48 + number, speed, "uplink", f"to {core} {high}",
                carries=here, swapped=True,
            )
        )  # fmt: skip
        trunks.append(
            PortPlan(
                core, high, 1 + ACCESS.index(switch), speed, "internal", f"to {switch} {low}",
                carries=here,
            )
        )  # fmt: skip
    return trunks


def _trunk_names(switch: str) -> list[tuple[str, str, str]]:
    """Each core, the port that leads there, and the one that it ends on."""
    speed = UPLINK_SPEED[switch == NARROW_SWITCH] // MBPS
    high = port_name(speed, 1 + ACCESS.index(switch))
    return [(core, port_name(speed, 48 + number), high) for number, core in enumerate(CORES, 1)]


__all__ = [
    "ACCESS",
    "CORES",
    "NARROW_SWITCH",
    "plan_cables",
    "plan_ports",
    "plan_trunks",
    "port_key",
]
