"""Small invented data centres, and the search done the slow way: one unit, one node at a time."""

import itertools
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

from dcim.capacity.board import Board
from dcim.capacity.chain import Chain, ChainNode
from dcim.capacity.facts import Claim, RackFacts, RoomFacts, Tenant, When
from dcim.capacity.proposals import Proposal
from dcim.capacity.wish import LAYOUT_OF, Wish

NOW = 1_000_000
SPEED = 10_000_000_000


@dataclass(frozen=True)
class World:
    racks: list[RackFacts]
    rooms: dict[int, RoomFacts]
    nodes: list[ChainNode]

    @property
    def board(self) -> Board:
        return Board(self.racks, self.rooms, Chain(self.nodes))


def ranges(half_units: int) -> st.SearchStrategy[int]:
    """A mask of some half units in one piece."""
    return st.tuples(st.integers(0, half_units - 1), st.integers(1, half_units)).map(
        lambda pair: ((1 << min(pair[1], half_units - pair[0])) - 1) << pair[0]
    )


@st.composite
def racks(draw: st.DrawFn, rack_id: int, cabinet_id: int, layout: str, place: int) -> RackFacts:
    u_count = draw(st.integers(2, 6))
    mask = ranges(2 * u_count)
    customer = st.sampled_from([None, 1, 2])
    return RackFacts(
        rack_id=rack_id,
        code=f"R{rack_id}",
        u_count=u_count,
        place=place,
        cabinet_id=cabinet_id,
        cabinet_code=f"C{cabinet_id}",
        layout=layout,
        position=0,
        weight_limit_g=0,
        closed="",
        row_id=0,
        row_code="",
        row_position=0,
        room_id=0,
        site_id=1,
        barred=draw(st.one_of(st.just(0), mask)) if draw(st.booleans()) else 0,
        tenants=tuple(
            draw(
                st.lists(
                    st.builds(Tenant, customer, mask, st.integers(0, 9000), st.integers(0, 900)),
                    max_size=2,
                )
            )
        ),
        claims=tuple(
            draw(
                st.lists(
                    st.builds(
                        Claim,
                        kind=st.sampled_from(["allocation", "hold"]),
                        mask=mask,
                        until_ms=st.sampled_from([None, NOW - 1, NOW, NOW + 1, NOW + 50]),
                        watts=st.integers(0, 2000),
                        holder=st.just("Reed"),
                        customer_id=st.sampled_from([1, 2]),
                        item_id=st.sampled_from([None, 7, 8]),
                        starts_ms=st.sampled_from([0, NOW, NOW + 1, NOW + 60]),
                    ),
                    max_size=2,
                )
            )
        ),
        ports=draw(st.dictionaries(st.sampled_from([SPEED, 1]), st.integers(0, 4), max_size=2)),
    )


@st.composite
def worlds(draw: st.DrawFn) -> World:
    found: list[RackFacts] = []
    nodes: list[ChainNode] = []
    watts = st.integers(0, 9000)
    common = st.integers(0, 20_000)
    nodes.append(ChainNode(1, None, "utility", "U", "AB", None, draw(common)))
    nodes.append(ChainNode(2, 1, "ups", "UA", "A", None, draw(common)))
    nodes.append(ChainNode(3, 1, "ups", "UB", "B", None, draw(common)))
    for cabinet_id in range(1, draw(st.integers(1, 6)) + 1):
        layout = draw(st.sampled_from(["full", "full", "halves"]))
        row = draw(st.integers(1, 2))
        cabinet: dict[str, Any] = {
            "row_id": row, "row_position": row, "room_id": (row + 1) // 2, "position": cabinet_id,
            "weight_limit_g": draw(st.integers(0, 40_000)),
            "closed": draw(st.sampled_from(["", "", "", "blocked"])),
        }  # fmt: skip
        for place in range(2 if layout == "halves" else 1):
            rack_id = len(found) + 1
            found.append(replace(draw(racks(rack_id, cabinet_id, layout, place)), **cabinet))
            for feed in draw(st.sampled_from(["AB", "AB", "AB", "A", "B", "", "AAB"])):
                above = len(nodes) + 1
                parent = 2 if feed == "A" else 3
                nodes.append(
                    ChainNode(above, parent, "breaker", f"k{above}", feed, None, draw(watts))
                )
                nodes.append(
                    ChainNode(above + 1, above, "pdu", f"p{above}", feed, rack_id, draw(watts))
                )
    rooms = {
        1: RoomFacts(1, "M1", "一", "One", 1, "S1", frozenset({"CT"})),
    }
    return World(found, rooms, nodes)


wishes = st.builds(
    Wish,
    kind=st.sampled_from(["units", "units", "units", "rack", "half"]),
    units=st.integers(1, 4),
    count=st.integers(1, 4),
    watts=st.sampled_from([0, 1, 300, 1500]),
    feeds=st.sampled_from(["both", "single"]),
    weight_kg=st.sampled_from([0, 3, 12]),
    ports=st.sampled_from([0, 1, 3]),
    port_bps=st.just(SPEED),
    port_scope=st.sampled_from(["row", "room"]),
    relation=st.sampled_from(["any", "same_row", "adjacent", "same_cabinet"]),
    near_customer_id=st.sampled_from([None, None, 1]),
    carrier=st.sampled_from(["", "CT", "CM"]),
)


whens = st.tuples(st.sampled_from([NOW - 1, NOW, NOW + 1]), st.sampled_from([0, 1, 100])).map(
    lambda pair: When(pair[0] + pair[1], pair[0])
)


# --- the slow way ---------------------------------------------------------------------------------


def stays(rack: RackFacts, tenant: Tenant, when: When) -> bool:
    """Whether a customer's devices are still there: one half unit outside what ends is enough."""
    ending = [
        one for one in rack.claims
        if one.kind == "allocation" and one.customer_id == tenant.customer_id
        and one.until_ms is not None and when.now_ms < one.until_ms <= when.at_ms
    ]  # fmt: skip
    halves = [half for half in range(120) if tenant.mask >> half & 1]
    if tenant.customer_id is None or not halves:
        return True
    return not all(any(one.mask >> half & 1 for one in ending) for half in halves)


def is_nobodys(rack: RackFacts, half: int, when: When) -> bool:
    if any(tenant.mask >> half & 1 and stays(rack, tenant, when) for tenant in rack.tenants):
        return False
    return not any(
        claim.mask >> half & 1 and (claim.until_ms is None or claim.until_ms > when.at_ms)
        for claim in rack.claims
    )


def is_free(rack: RackFacts, half: int, when: When) -> bool:
    return not rack.barred >> half & 1 and is_nobodys(rack, half, when)


def most_places(rack: RackFacts, units: int, when: When) -> int:
    """The most places by trying every start from the bottom up, with and without taking it."""

    def best(u: int) -> int:
        if u + units > rack.u_count:
            return 0
        skip = best(u + 1)
        if all(is_free(rack, half, when) for half in range(2 * u, 2 * (u + units))):
            return max(skip, 1 + best(u + units))
        return skip

    return best(0)


def draw_of(rack: RackFacts, when: When) -> int:
    def agreed_at(instant: int) -> int:
        live = [
            one for one in rack.claims
            if one.starts_ms <= instant and (one.until_ms is None or one.until_ms > instant)
        ]  # fmt: skip
        items = {one.item_id for one in live if one.item_id is not None}
        total = sum(max(one.watts for one in live if one.item_id == item) for item in items)
        return total + sum(one.watts for one in live if one.item_id is None)

    standing = [one for one in rack.claims if one.until_ms is None or one.until_ms > when.at_ms]
    agreed = {one.customer_id for one in standing if one.watts > 0}
    plates = sum(
        one.plate_w for one in rack.tenants
        if one.customer_id not in agreed and stays(rack, one, when)
    )  # fmt: skip
    # Nothing begins later than this.
    return plates + max(agreed_at(instant) for instant in range(when.at_ms, NOW + 110))


def shares(world: World, rack: RackFacts, feed: str) -> dict[int, tuple[int, int]]:
    """Which part of what the rack draws on a feed goes through which node, as a fraction."""
    by_id = {node.id: node for node in world.nodes}
    paths = []
    for end in world.nodes:
        if end.kind == "pdu" and end.rack_id == rack.rack_id and end.feed == feed:
            path = [end]
            while path[-1].parent_id is not None:
                path.append(by_id[path[-1].parent_id])
            if all(node.closed for node in path):
                paths.append(path)
    total = sum(path[0].derated_w for path in paths)
    found: dict[int, tuple[int, int]] = {}
    for path in paths:
        for node in path:
            part = found.get(node.id, (0, 0))[0] + (path[0].derated_w if total else 1)
            found[node.id] = (part, total or len(paths))
    return {node_id: part for node_id, part in found.items() if part[0]}


def bears(world: World, feed: str, added: dict[int, int], when: When) -> bool:
    """Whether with the other feed lost every node of this one carries all that hangs on it and
    what is added; only nodes above what is added are asked."""
    limits = {node.id: node.derated_w for node in world.nodes}
    loads: dict[int, int] = {}
    touched: set[int] = set()
    for rack in world.racks:
        through = shares(world, rack, "B") | shares(world, rack, "A")
        for node_id, (part, whole) in through.items():
            loads[node_id] = loads.get(node_id, 0) - (-draw_of(rack, when) * part // whole)
        for node_id, (part, whole) in shares(world, rack, feed).items():
            if added.get(rack.rack_id):
                loads[node_id] = loads.get(node_id, 0) - (-added[rack.rack_id] * part // whole)
                touched.add(node_id)
    return all(loads[node_id] <= limits[node_id] for node_id in touched)


def feeds_of(world: World, rack: RackFacts) -> set[str]:
    return {feed for feed in "AB" if shares(world, rack, feed)}


def weight_left(world: World, rack: RackFacts) -> int:
    return rack.weight_limit_g - sum(
        tenant.weight_g
        for other in world.racks
        if other.cabinet_id == rack.cabinet_id
        for tenant in other.tenants
    )


def ports_near(world: World, rack: RackFacts, wish: Wish) -> int:
    return sum(
        other.ports.get(wish.port_bps, 0)
        for other in world.racks
        if (other.row_id == rack.row_id if wish.port_scope == "row" else True)
        and other.room_id == rack.room_id
    )


def takes(world: World, rack: RackFacts, wish: Wish, when: When) -> bool:  # noqa: PLR0911
    """Whether the rack can take one place of the wish."""
    if rack.closed:
        return False
    if wish.takes_all:
        halves = range(2 * rack.u_count)
        if rack.layout != LAYOUT_OF[wish.kind]:
            return False
        if not all(is_nobodys(rack, half, when) for half in halves):
            return False
        if all(rack.barred >> half & 1 for half in halves):
            return False
    elif most_places(rack, wish.units, when) < 1:
        return False
    fed = feeds_of(world, rack)
    if wish.feeds == "both" and fed != {"A", "B"}:
        return False
    if wish.watts:
        able = [feed for feed in fed if bears(world, feed, {rack.rack_id: wish.watts}, when)]
        if len(able) < (2 if wish.feeds == "both" else 1):
            return False
    if wish.weight_g > 0 and wish.weight_g > weight_left(world, rack):
        return False
    if wish.ports and ports_near(world, rack, wish) < wish.ports:
        return False
    if wish.carrier and wish.carrier not in world.rooms[rack.room_id].carriers:
        return False
    return wish.near_customer_id is None or any(
        other.room_id == rack.room_id and belongs(other, wish.near_customer_id, when)
        for other in world.racks
    )


def belongs(rack: RackFacts, customer_id: int, when: When) -> bool:
    return any(
        one.customer_id == customer_id and (one.until_ms is None or one.until_ms > when.at_ms)
        for one in rack.claims
    ) or any(one.customer_id == customer_id for one in rack.tenants)


def is_good(  # noqa: PLR0911, PLR0912
    world: World, wish: Wish, made: Proposal, when: When
) -> bool:
    """Whether a proposal keeps every promise of the wish, all its places together."""
    taken: set[tuple[int, int]] = set()
    added: dict[int, int] = {}
    for place in made.places:
        if not takes(world, place.rack, wish, when):
            return False
        for half in range(place.u_low, place.u_low + place.height):
            free = is_nobodys if wish.takes_all else is_free
            if (place.rack.rack_id, half) in taken or not free(place.rack, half, when):
                return False
            taken.add((place.rack.rack_id, half))
        added[place.rack.rack_id] = added.get(place.rack.rack_id, 0) + place.watts
    racks = {place.rack.rack_id: place.rack for place in made.places}
    if wish.watts:
        for feed in "AB":
            on = {
                place.rack.rack_id: added[place.rack.rack_id]
                for place in made.places
                if any(load.feed == feed for load in place.loads)
            }
            if not bears(world, feed, on, when):
                return False
    for rack in racks.values():
        mates = [one for one in made.places if one.rack.cabinet_id == rack.cabinet_id]
        if wish.weight_g and len(mates) * wish.weight_g > weight_left(world, rack):
            return False
        same = [
            one for one in made.places
            if (one.rack.row_id == rack.row_id if wish.port_scope == "row" else True)
            and one.rack.room_id == rack.room_id
        ]  # fmt: skip
        if wish.ports and len(same) * wish.ports > ports_near(world, rack, wish):
            return False
    if wish.relation == "same_cabinet":
        return len({rack.cabinet_id for rack in racks.values()}) == 1
    if wish.relation in {"same_row", "adjacent"} and len({r.row_id for r in racks.values()}) != 1:
        return False
    if wish.relation == "adjacent":
        spots = sorted({rack.position for rack in racks.values()})
        return all(right - left == 1 for left, right in itertools.pairwise(spots))
    return True
