"""The demo's network: two core switches, an access switch per row, and what flows between them.

The cores are one pair to the access switches: each of these joins its two uplinks to a LAG, but for
the one that knows nothing of layers. Between the cores there is a LAG whose members are unequal.
"""

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
# The LAG of an access switch's uplinks, and the cores' own: what share of all flows on its members.
UPLINK_LAG, PEER_LAG = ("Eth-Trunk1", 1001), ("Eth-Trunk10", 1010)
PEERS = ((47, 0.05), (48, 0.02))
PEER_SPEED = 10_000 * MBPS
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
    lags = [_uplink_lag(switch, customer) for switch in ACCESS if switch != NARROW_SWITCH]
    peers = [port for core in CORES for port in _peers(core, customer)]
    return tuple(customer + trunks + transit + lags + peers)


def plan_trunks() -> tuple[tuple[str, str], ...]:
    """The keys of the two ports that each cable joins between an access switch and a core, and
    between the cores."""
    return tuple(
        (f"{switch}:{low}", f"{core}:{high}")
        for switch in ACCESS
        for core, low, high in _trunk_names(switch)
    ) + tuple(
        (f"{CORES[0]}:{name}", f"{CORES[1]}:{name}")
        for name in (port_name(PEER_SPEED // MBPS, number) for number, _ in PEERS)
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
                carries=here, swapped=True, lag="" if switch == NARROW_SWITCH else UPLINK_LAG[0],
            )
        )  # fmt: skip
        trunks.append(
            PortPlan(
                core, high, 1 + ACCESS.index(switch), speed, "internal", f"to {switch} {low}",
                carries=here,
            )
        )  # fmt: skip
    return trunks


def _uplink_lag(switch: str, customer: list[PortPlan]) -> PortPlan:
    name, index = UPLINK_LAG
    return PortPlan(
        switch, name, index, 2 * UPLINK_SPEED[False], "uplink", f"to {' and '.join(CORES)}",
        carries=tuple((port.key, 1.0) for port in customer if port.device == switch), swapped=True,
    )  # fmt: skip


def _peers(core: str, customer: list[PortPlan]) -> list[PortPlan]:
    """The LAG to the other core and its members; what one gives the other takes."""
    swapped = core != CORES[0]
    other = CORES[not swapped]
    lag, index = PEER_LAG

    def carry(share: float) -> tuple[tuple[str, float], ...]:
        return tuple((port.key, share) for port in customer)

    members = [
        PortPlan(
            core, port_name(PEER_SPEED // MBPS, number), number, PEER_SPEED, "internal",
            f"to {other}", carries=carry(share), swapped=swapped, lag=lag,
        )
        for number, share in PEERS
    ]  # fmt: skip
    own = PortPlan(
        core, lag, index, len(PEERS) * PEER_SPEED, "internal", f"peer link to {other}",
        carries=carry(sum(share for _, share in PEERS)), swapped=swapped,
    )  # fmt: skip
    return [*members, own]


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
