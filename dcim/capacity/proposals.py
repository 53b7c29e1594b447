"""Pure: from racks that fit to proposals: which places together, in which order, and why."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dcim.capacity.bearing import bears, doors_of, feeds_for
from dcim.capacity.board import Board, Moment, Numbers
from dcim.capacity.chain import FEEDS
from dcim.capacity.facts import RackFacts, When
from dcim.capacity.judging import Judgement, customer_racks, domains
from dcim.capacity.masks import choose_places, longest_run, mask_of
from dcim.capacity.wish import Wish

# What each ground for the rank is worth at most.
FIT_POINTS, POWER_POINTS, NEARNESS_POINTS = 40, 40, 20
# Groups looked into before we stop: what comes later only repeats what shared nodes refuse.
MOST_TRIES = 400
NOBODY_NEAR = 10**6


@dataclass(frozen=True, slots=True)
class PathLoad:
    """What one feed of the rack carries alone when the other is lost: before, added, and what its
    own circuit may carry; and the node up the chain that limits it, with what that has left."""

    feed: str
    draw_w: int
    added_w: int
    limit_w: int
    limited_by: str
    left_w: int

    @property
    def share(self) -> float:
        return (self.draw_w + self.added_w) / self.limit_w if self.limit_w else 1.0


@dataclass(frozen=True, slots=True)
class Place:
    """`u_low` and `height` in half units. `leftover_u`: the U that stay free in one piece beside it
    in the rack; `weight_left_g` of the cabinet, after; `free_ports` near it of the wished speed,
    before."""

    rack: RackFacts
    u_low: int
    height: int
    watts: int
    loads: tuple[PathLoad, ...]
    leftover_u: int
    weight_left_g: int
    free_ports: int | None


@dataclass(frozen=True, slots=True)
class Proposal:
    """`points` of 100 are the sum of its grounds. `gap`: cabinets between its outermost ones when
    all lie in one row, else none; `rows` and `rooms` count how many it is spread over. `near`:
    cabinets from the wished customer's nearest rack in the same row, none when in another row."""

    places: tuple[Place, ...]
    points: int
    fit: int
    power: int
    nearness: int
    gap: int | None
    rows: int
    rooms: int
    near: int | None


def propose(judged: Judgement, when: When, most: int) -> list[Proposal]:
    """The best proposals, best first, no two with a rack in common; at most `most`."""
    scores = _Scores(judged, when)
    found: list[Proposal] = []
    used: set[int] = set()
    for tried, group in enumerate(_order_groups(judged, scores)):
        if len(found) >= most or tried >= MOST_TRIES:
            break
        if used.intersection(group):
            continue
        made = _build(judged, group, when, scores)
        if made is not None:
            found.append(made)
            used.update(group)
    return sorted(found, key=lambda one: -one.points)


class _Scores:
    """What each rack is worth by itself, 0 to 80, and how near it is to the wished customer."""

    def __init__(self, judged: Judgement, when: When) -> None:
        board, moment, wish = judged.board, judged.moment, judged.wish
        left = np.minimum(judged.leftover, 40)
        self.fit = FIT_POINTS - left * FIT_POINTS // 40
        limit = _limits(board, wish)
        after = moment.draw_w + wish.watts
        share = np.minimum(np.maximum(limit - after, 0) * POWER_POINTS // np.maximum(limit, 1), 40)
        self.power = np.where(limit > 0, share, 0)
        self.near = np.full(len(board.racks), NOBODY_NEAR, dtype=np.int64)
        if wish.near_customer_id is not None:
            self._measure(board, customer_racks(board, wish.near_customer_id, when))

    def _measure(self, board: Board, theirs: Sequence[int]) -> None:
        for row_id in set(board.row[list(theirs)].tolist()):
            mates = np.flatnonzero(board.row == row_id)
            own = board.position[[at for at in theirs if board.row[at] == row_id]]
            away = np.abs(board.position[mates][:, None] - own[None, :]).min(axis=1)
            self.near[mates] = away

    @property
    def alone(self) -> Numbers:
        near = np.maximum(NEARNESS_POINTS - self.near, 0)
        total: Numbers = self.fit + self.power + near
        return total


def _limits(board: Board, wish: Wish) -> Numbers:
    """What the weaker circuit of each rack carries (single feed: the stronger); 0: no circuit."""
    own, has = board.spread.own_limit_w, board.spread.has
    if wish.feeds == "both":
        limits: Numbers = np.where(has.all(axis=1), own.min(axis=1), 0)
        return limits
    stronger: Numbers = own.max(axis=1)
    return stronger


def _order_groups(judged: Judgement, scores: _Scores) -> Iterator[list[int]]:
    """Groups of racks that could take all places together, the most promising first.

    One place in each rack where there are enough racks, else as many as each takes.
    """
    wish, fits = judged.wish, judged.fits
    spots = np.flatnonzero(fits)
    if not len(spots):
        return
    alone = scores.alone
    if wish.count == 1:
        for spot in _best_first(alone[spots]):
            yield [int(spots[spot])]
        return
    domain = domains(judged.board, wish, fits)
    if wish.relation == "any":
        yield from _gather_anywhere(judged, spots[_best_first(alone[spots])])
        return
    if wish.relation == "same_cabinet":
        spots = spots[np.lexsort((spots, domain[spots]))]
    members = domain[spots]
    last = wish.count - 1
    windows = (
        np.flatnonzero(members[: len(spots) - last] == members[last:])
        if last < len(spots)
        else np.zeros(0, dtype=np.int64)
    )
    sums = np.concatenate([[0], np.cumsum(alone[spots])])
    worth = (sums[windows + wish.count] - sums[windows]) // wish.count
    positions = judged.board.position[spots]
    between = positions[windows + last] - positions[windows] - last
    worth = worth + np.maximum(NEARNESS_POINTS - np.maximum(between, 0), 0)
    for window in windows[_best_first(worth)]:
        yield [int(spot) for spot in spots[window : window + wish.count]]
    # Domains with too few racks, but room for several places in one.
    _, firsts, counts = np.unique(members, return_index=True, return_counts=True)
    for first, size in zip(firsts, counts, strict=True):
        if size < wish.count:
            yield from _gather_anywhere(
                judged, np.sort(spots[members == members[first]]), once=True
            )


def _best_first(worth: Numbers) -> Numbers:
    """The order by worth; equals stay in the order of rooms, rows and positions."""
    order: Numbers = np.argsort(-worth, kind="stable")
    return order


def _gather_anywhere(
    judged: Judgement, spots: Numbers, *, once: bool = False
) -> Iterator[list[int]]:
    """Consecutive groups in the given order: a rack a place where racks suffice, else filled up."""
    count = judged.wish.count
    if len(spots) >= count:
        for start in range(0, len(spots) - count + 1, 1 if once else count):
            yield [int(spot) for spot in spots[start : start + count]]
        return
    group: list[int] = []
    for spot in spots:
        group += [int(spot)] * min(int(judged.places[spot]), count - len(group))
    if len(group) == count:
        yield group


def _build(judged: Judgement, group: Sequence[int], when: When, scores: _Scores) -> Proposal | None:
    """The proposal on these racks, or None where they can't bear it together."""
    board, wish = judged.board, judged.wish
    wanted: dict[int, int] = {}
    for at in group:
        wanted[at] = wanted.get(at, 0) + 1
    feeds = {at: feeds_for(judged, at) for at in wanted}
    if not bears(judged, wanted, feeds):
        return None
    places: list[Place] = []
    for at, count in wanted.items():
        made = _places_in(judged, at, count, wanted, feeds[at], when)
        if made is None:
            return None
        places += made
    racks = list(wanted)
    rows = {int(board.row[at]) for at in racks}
    positions = [int(board.position[at]) for at in racks]
    gap = max(max(positions) - min(positions) - 1, 0) if len(rows) == 1 else None
    near = min(int(scores.near[at]) for at in racks)
    fit = sum(int(scores.fit[at]) for at in racks) // len(racks)
    power = _power_points(places) if wish.watts else 0
    nearness = _nearness(wish, gap, len(set(positions)), near)
    return Proposal(
        places=tuple(places),
        points=fit + power + nearness,
        fit=fit,
        power=power,
        nearness=nearness,
        gap=gap,
        rows=len(rows),
        rooms=len({int(board.room[at]) for at in racks}),
        near=None if near >= NOBODY_NEAR else near,
    )


def _power_points(places: Sequence[Place]) -> int:
    worst = max((load.share for place in places for load in place.loads), default=1.0)
    return max(0, int(POWER_POINTS * (1 - worst)))


def _nearness(wish: Wish, gap: int | None, cabinets: int, near: int) -> int:
    if wish.near_customer_id is not None:
        return max(0, NEARNESS_POINTS - near)
    if wish.count == 1:
        return 0
    if gap is None:
        return 0
    return max(0, NEARNESS_POINTS - max(0, gap + 2 - max(cabinets, 2)))


def _places_in(
    judged: Judgement,
    at: int,
    count: int,
    wanted: dict[int, int],
    feeds: Sequence[str],
    when: When,
) -> list[Place] | None:
    board, wish = judged.board, judged.wish
    mates = sum(n for other, n in wanted.items() if board.cabinet[other] == board.cabinet[at])
    weight_left = int(board.weight_left[at]) - mates * wish.weight_g
    free_ports = (
        int(board.ports(wish.port_bps)[0 if wish.port_scope == "row" else 1][at])
        if wish.ports
        else None
    )
    found: list[Place] = []
    for rack, watts in doors_of(board, at, wish):
        free = rack.free(when)
        if wish.takes_all:
            if count != 1 or not rack.is_empty(when):
                return None
            lows, units = [0], rack.u_count
        else:
            lows, units = choose_places(free, rack.u_count, wish.units, count), wish.units
            if len(lows) < count:
                return None
        rest = free
        for low in lows:
            rest &= ~mask_of(2 * low, 2 * units)
        loads = tuple(_load(board, judged.moment, rack, feed, watts * count) for feed in feeds)
        found += [
            Place(
                rack=rack,
                u_low=2 * low,
                height=2 * units,
                watts=watts,
                loads=loads if wish.watts else (),
                leftover_u=longest_run(rest, rack.u_count),
                weight_left_g=weight_left,
                free_ports=free_ports,
            )
            for low in sorted(lows)
        ]
    return found


def _load(board: Board, moment: Moment, rack: RackFacts, feed: str, watts: int) -> PathLoad:
    at = board.at[rack.rack_id]
    weakest = board.spread.weakest(moment.load_w, rack.rack_id, feed)
    return PathLoad(
        feed=feed,
        draw_w=int(moment.draw_w[at]),
        added_w=watts,
        limit_w=int(board.spread.own_limit_w[at, FEEDS.index(feed)]),
        limited_by="" if weakest is None else weakest[0].code,
        left_w=0 if weakest is None else weakest[1] - watts,
    )
