"""What a large estate consists of, decided by one seed: racks, who has which units, what stands
there, what it may draw. Pure; a rack at a time, so that nothing large is kept."""

import datetime as dt
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from dcim.demo.estate.names import TYPES

CABINETS_IN_ROW, ROWS_IN_ROOM, ROOMS_IN_SITE = 20, 15, 10
U_OF = {"full": 42, "halves": 20, "quarters": 10}
RACKS_IN = {"full": 1, "halves": 2, "quarters": 4}
RACKS_PER_CUSTOMER = 20
DEVICES_PER_RACK = 10
STRIPS_PER_RACK = 2
# Single-phase breakers of 32 A at 220 V carry 5632 W for long; a row's panel three times 250 A.
BREAKER_A, PANEL_A, UPS_A = 32, 250, 2_500
RACK_LIMIT_W = 5_600
ROW_LIMIT_W = 120_000
WATTS_SOLD = (1000, 1500, 2000, 2500, 3000, 3500, 4500)


@dataclass(frozen=True, slots=True)
class Standing:
    """A server: its place in TYPES, lowest half unit, owner (a customer's number)."""

    kind: int
    u_low: int
    customer: int


@dataclass(frozen=True, slots=True)
class Sale:
    """Half units `[u_low, u_low + height)` of a customer; days from the estate's day."""

    customer: int
    u_low: int
    height: int
    watts: int
    starts: int
    ends: int | None
    turn: str = "current"


@dataclass(frozen=True, slots=True)
class Promise:
    """A hold; hours from the estate's day."""

    prospect: str
    u_low: int
    height: int
    expires: int


@dataclass(slots=True)
class RackPlan:
    """`network`: the operator's own, with two switches; `barred` is a half unit or none."""

    site: int
    room: int
    row: int
    cabinet: int
    place: int
    layout: str
    network: bool
    sales: list[Sale] = field(default_factory=list)
    holds: list[Promise] = field(default_factory=list)
    devices: list[Standing] = field(default_factory=list)
    barred: int | None = None

    @property
    def u_count(self) -> int:
        return U_OF[self.layout]


def count_customers(racks: int) -> int:
    return max(2, racks // RACKS_PER_CUSTOMER)


def plan_racks(racks: int, seed: int) -> Iterator[RackPlan]:
    """`racks` racks in the order of sites, rooms, rows and cabinets; the same for the same seed."""
    chance = random.Random(seed)
    customers = count_customers(racks)
    left, cabinet = racks, 0
    row_watts = 0
    while left:
        in_row = cabinet % CABINETS_IN_ROW
        row_watts = 0 if in_row == 0 else row_watts
        layout = (
            "full" if in_row == 0 else chance.choices(("full", "halves", "quarters"), (90, 6, 4))[0]
        )
        if RACKS_IN[layout] > left:
            layout = "full"
        row = cabinet // CABINETS_IN_ROW
        for place in range(RACKS_IN[layout]):
            plan = RackPlan(
                site=row // (ROWS_IN_ROOM * ROOMS_IN_SITE),
                room=row // ROWS_IN_ROOM,
                row=row,
                cabinet=cabinet,
                place=place,
                layout=layout,
                network=in_row == 0,
            )
            spare = min(RACK_LIMIT_W if layout == "full" else 1_400, ROW_LIMIT_W - row_watts)
            row_watts += _occupy(plan, chance, customers, spare)
            yield plan
        left -= RACKS_IN[layout]
        cabinet += 1


def _occupy(plan: RackPlan, chance: random.Random, customers: int, spare_w: int) -> int:
    """Sell, hold and fill a rack; returns the watts that were sold."""
    if plan.network:
        return 0
    if chance.random() < 0.05:
        plan.barred = 2 * chance.randrange(plan.u_count)
    use = chance.random()
    if use < 0.55:
        return _sell_whole(plan, chance, customers, spare_w)
    if use < 0.85:
        return _sell_parts(plan, chance, customers, spare_w)
    if use < 0.91:
        _hold_part(plan, chance)
    return 0


def _sell_whole(plan: RackPlan, chance: random.Random, customers: int, spare_w: int) -> int:
    owner = chance.randrange(customers)
    watts = min(chance.choice(WATTS_SOLD), spare_w // 100 * 100)
    if watts <= 0:
        return 0
    ends = chance.choice((None, None, None, None, 40, 200, 400))
    height = 2 * plan.u_count
    plan.sales.append(Sale(owner, 0, height, watts, -chance.randrange(30, 1500), ends))
    if ends is not None and chance.random() < 0.2:
        follower = chance.randrange(customers)
        plan.sales.append(Sale(follower, 0, height, watts, ends, None, "next"))
    _fill(plan, chance, owner, 0, plan.u_count, chance.randrange(6, 16))
    return watts


def _sell_parts(plan: RackPlan, chance: random.Random, customers: int, spare_w: int) -> int:
    sold, u = 0, chance.choice((0, 0, 2))
    while u + 4 <= plan.u_count and chance.random() < 0.8:
        units = min(chance.choice((4, 5, 6, 8, 10)), plan.u_count - u)
        watts = min(100 * units, (spare_w - sold) // 100 * 100)
        barred = plan.barred is not None and u <= plan.barred // 2 < u + units
        if watts <= 0 or barred:
            break
        owner = chance.randrange(customers)
        plan.sales.append(
            Sale(
                owner,
                2 * u,
                2 * units,
                watts,
                -chance.randrange(30, 900),
                chance.choice((None, 90)),
            )
        )
        sold += watts
        _fill(plan, chance, owner, u, u + units, chance.randrange(1, 5))
        u += units + chance.choice((0, 0, 1, 3))
    return sold


def _fill(
    plan: RackPlan, chance: random.Random, owner: int, low: int, high: int, count: int
) -> None:
    """Up to `count` servers of the owner from U `low` (counted from 0) below `high`."""
    u = low
    for _ in range(count):
        kind = chance.choices(range(len(TYPES)), (50, 35, 5, 10))[0]
        units = TYPES[kind][2] // 2
        if plan.barred is not None and u <= plan.barred // 2 < u + units:
            u = plan.barred // 2 + 1
        if u + units > high:
            break
        plan.devices.append(Standing(kind, 2 * u, owner))
        u += units + chance.choice((0, 0, 0, 0, 1))


def _hold_part(plan: RackPlan, chance: random.Random) -> None:
    units = chance.choice((4, 8, plan.u_count))
    units = min(units, plan.u_count)
    if units < plan.u_count and plan.barred is not None and plan.barred // 2 < units:
        return
    number = chance.randrange(500)
    plan.holds.append(
        Promise(f"意向客户 {number:03}（演示）", 0, 2 * units, chance.randrange(24, 24 * 30))
    )


def day_of(anchor: dt.date, days: int | None) -> dt.date | None:
    return None if days is None else anchor + dt.timedelta(days=days)
