"""The optics of the demo's links: what one end sends the other receives, less the line's loss.

One laser ages: what it sends has fallen since the closed month began, and what the far end receives
with it, so that it is about to be weak when the demo is made. Its bias current rises meanwhile.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dcim.demo.meters import MINUTE_MS
from dcim.demo.network_plan import ACCESS, NARROW_SWITCH, plan_trunks
from dcim.demo.noise import Floats, Ints, fraction, salt_of, wander
from dcim.demo.physics import World
from dcim.demo.plan_parts import DemoPlan, PortPlan
from dcim.demo.polls import PastPolls, Samples
from dcim.metering.families import NO_LIGHT, NO_TEMPERATURE, NOT_REPORTED, OPTICS
from dcim.snmp.polling.optic_recording import name_lane

VENDOR = "HELIOS"
# The core's end of a row's first link: its laser ages, the row's switch receives less and less.
AGEING = next(high for low, high in plan_trunks() if low.startswith(f"{ACCESS[1]}:"))
# How much less it sends when the demo is made, dB; the line takes the rest of what is missing.
FALLEN_DB, AGED_LOSS_DB = 5.8, 3.9
_MOST_LOST_DB, _OLDEST = 20.0, 2.0
# A reading in so many polls.
EVERY = 5


@dataclass(frozen=True)
class OpticPlan:
    """A module in a port; `peer` is the port at the other end of the line, if it is ours."""

    port: PortPlan
    peer: str | None
    lanes: int
    part: str
    serial: str


def plan_modules(plan: DemoPlan) -> list[OpticPlan]:
    """Both ends of each link in glass, and the carriers' ports; the old switch's are copper, and a
    LAG has none of its own."""
    pairs = dict(plan_trunks())
    pairs |= {high: low for low, high in pairs.items()}
    lags = {(port.device, port.lag) for port in plan.ports}
    found = []
    for port in plan.ports:
        if (port.device, port.name) in lags:
            continue
        peer = pairs.get(port.key)
        ends = {port.device, *([] if peer is None else [peer.split(":")[0]])}
        if port.role not in ("uplink", "internal") or NARROW_SWITCH in ends:
            continue
        lanes = 1 if port.speed_bps <= 10**10 else 4
        number = salt_of(plan.seed, "transceiver", port.key) % 10**8
        part = "SFP-10G-LR" if lanes == 1 else "QSFP-40G-LR4"
        found.append(OpticPlan(port, peer, lanes, part, f"HX{number:08d}"))
    return found


def read_module(world: World, module: OpticPlan, instants: Ints) -> list[dict[str, Ints]]:
    """Each lane's readings at each instant, in the columns of family `optics`."""
    plan, key = world.plan, module.port.key
    minutes = instants // MINUTE_MS
    lit = world.outages.port_up(key).at(instants) > 0
    salt = salt_of(plan.seed, "optics", key) >> 8
    warm = 37 + 6 * fraction(plan.seed, "optics", key) + 1.6 * wander(salt, minutes, 53)
    lanes = []
    for lane in range(1, module.lanes + 1):
        sent = _sent(plan, key, lane, instants)
        far = _sent(plan, module.peer or f"far of {key}", lane, instants)
        received = far - _loss(plan, key, module.peer, lane)
        fresh = 6.2 + 0.9 * fraction(plan.seed, "bias", key, lane)
        bias = fresh + 0.9 * _fallen(plan, key, instants)
        first, whole = lane == 1, np.zeros_like(instants)
        lanes.append(
            {
                "rx_mdbm": np.where(lit, _hundredths(received), NO_LIGHT),
                "tx_mdbm": _hundredths(sent),
                "bias_ua": _hundredths(bias),
                # Of the module as a whole, told with the first lane.
                "mc": np.rint(warm).astype(np.int64) * 1000 if first else whole + NO_TEMPERATURE,
                "mv": whole + (3_290 if first else NOT_REPORTED),
            }
        )
    return lanes


def past_optics(polls: PastPolls) -> Iterator[tuple[str, str, Samples]]:
    """(device, slot, samples) of every lane in the past."""
    for module in plan_modules(polls.world.plan):
        ts = polls.instants(module.port.device)
        ts = ts[ts // MINUTE_MS % EVERY == 0]
        for lane, values in enumerate(read_module(polls.world, module, ts), start=1):
            slot = name_lane(module.port.name, lane)
            yield module.port.device, slot, Samples(OPTICS, ts, np.zeros_like(ts), values)


def _sent(plan: DemoPlan, key: str, lane: int, instants: Ints) -> Floats:
    """dBm that a laser sends."""
    base = -2.4 + 0.6 * fraction(plan.seed, "light", key, lane)
    salt = salt_of(plan.seed, "light", key, lane) >> 8
    wandering = 0.06 * wander(salt, instants // MINUTE_MS, 131)
    return base + wandering - _fallen(plan, key, instants)


def _fallen(plan: DemoPlan, key: str, instants: Ints) -> Floats:
    """dB that a laser has lost by age: slowly first, then quicker."""
    if key != AGEING:
        return np.zeros(len(instants))
    age = (instants - plan.month_start_ms) / (plan.anchor_ms - plan.month_start_ms)
    return np.minimum(FALLEN_DB * np.clip(age, 0, _OLDEST) ** 2, _MOST_LOST_DB)


def _loss(plan: DemoPlan, key: str, peer: str | None, lane: int) -> float:
    """dB that the line takes, the same both ways."""
    if AGEING in (key, peer):
        return AGED_LOSS_DB
    ends = sorted((key, peer or ""))
    return 1.1 + 1.9 * fraction(plan.seed, "loss", *ends, lane)


def _hundredths(values: Floats) -> Ints:
    """Stored thousandths of what the devices tell in hundredths."""
    return np.rint(values * 100).astype(np.int64) * 10
