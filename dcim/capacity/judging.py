"""Pure: which racks can take one place of a wish, and what speaks against the others."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dcim.capacity.board import Board, Moment, Numbers
from dcim.capacity.facts import When
from dcim.capacity.wish import LAYOUT_OF, Wish

# What can speak against a rack, the first that does names it. One bit each.
REASONS = (
    "closed", "layout", "space", "held", "feed", "unjudged", "power", "weight", "ports", "carrier",
    "near", "together",
)  # fmt: skip
BIT = {name: 1 << at for at, name in enumerate(REASONS)}

Bits = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Judgement:
    """In the order of the board. `against` has a bit for each reason; racks outside `looked_at`
    (another site, room or cage than wished) are neither answers nor refused.

    `places`: how many places of the wish a rack can take. `leftover`: U that the best
    stretch keeps.
    """

    board: Board
    moment: Moment
    wish: Wish
    looked_at: npt.NDArray[np.bool_]
    against: Bits
    places: Numbers
    leftover: Numbers

    @property
    def fits(self) -> npt.NDArray[np.bool_]:
        fitting: npt.NDArray[np.bool_] = self.looked_at & (self.against == 0)
        return fitting

    def count_by_reason(self) -> dict[str, int]:
        """How many racks are refused by which first reason."""
        first = self.first_reasons()
        counts = np.bincount(first[first >= 0], minlength=len(REASONS))
        return {name: int(counts[at]) for at, name in enumerate(REASONS) if counts[at]}

    def first_reasons(self) -> Numbers:
        """The place in REASONS of the first reason against each rack, -1 for none."""
        bits = np.where(self.looked_at, self.against, 0)
        lowest = bits & -bits
        return np.where(bits > 0, np.log2(np.maximum(lowest, 1)).astype(np.int64), -1)


def judge(board: Board, wish: Wish, when: When) -> Judgement:
    """Decide about every rack for one place of the wish; how places lie together comes last."""
    moment = board.moment(when)
    count = len(board.racks)
    against = np.zeros(count, dtype=np.int32)
    against[board.closed] |= BIT["closed"]
    places, leftover = _judge_space(board, moment, wish, against)
    if wish.watts:
        places = np.minimum(places, _judge_power(board, moment, wish, against))
    elif wish.feeds == "both":
        against[~board.spread.has.all(axis=1)] |= BIT["feed"]
    if wish.weight_g:
        per_cabinet = board.weight_left // wish.weight_g
        against[per_cabinet < 1] |= BIT["weight"]
        places = np.minimum(places, np.maximum(per_cabinet, 0))
    if wish.ports:
        near = board.ports(wish.port_bps)[0 if wish.port_scope == "row" else 1]
        against[near < wish.ports] |= BIT["ports"]
        places = np.minimum(places, near // wish.ports)
    if wish.carrier:
        reached = [
            room_id for room_id, room in board.rooms.items() if wish.carrier in room.carriers
        ]
        against[~np.isin(board.room, reached)] |= BIT["carrier"]
    if wish.near_customer_id is not None:
        rooms = board.room[customer_racks(board, wish.near_customer_id, when)]
        against[~np.isin(board.room, rooms)] |= BIT["near"]
    looked_at = _look_at(board, wish)
    fits = looked_at & (against == 0)
    places = np.where(fits, places, 0)
    gathered = np.bincount(domains(board, wish, fits), weights=places, minlength=count + 1)
    lonely = fits & (gathered[domains(board, wish, fits)] < wish.count)
    against[lonely] |= BIT["together"]
    return Judgement(board, moment, wish, looked_at, against, places, leftover)


def _look_at(board: Board, wish: Wish) -> npt.NDArray[np.bool_]:
    looked_at = np.ones(len(board.racks), dtype=bool)
    for column, value in (
        (board.site, wish.site_id),
        (board.room, wish.room_id),
        (board.cage, wish.cage_id),
    ):
        if value is not None:
            looked_at &= column == value
    if wish.kind == "cabinet":
        # One answer for each cabinet: its first rack stands for it.
        looked_at &= board.first
    return looked_at


def _judge_space(
    board: Board, moment: Moment, wish: Wish, against: Bits
) -> tuple[Numbers, Numbers]:
    """How many places there are in each rack, and what the tightest stretch would keep."""
    count = len(board.racks)
    if wish.takes_all:
        empty = moment.empty
        if wish.kind == "cabinet":
            taken = np.bincount(board.cabinet_index, weights=~empty)[board.cabinet_index]
            empty = taken == 0
        else:
            against[board.layout != LAYOUT_OF[wish.kind]] |= BIT["layout"]
        against[~empty] |= BIT["space"]
        return empty.astype(np.int64), np.zeros(count, dtype=np.int64)
    places, leftover, would = moment.places(wish.units)
    short = places == 0
    against[short & would] |= BIT["held"]
    against[short & ~would] |= BIT["space"]
    return places, leftover


def _judge_power(board: Board, moment: Moment, wish: Wish, against: Bits) -> Numbers:
    """How many places the feeds bear, each alone when the other is lost."""
    has = board.spread.has
    against[~has.any(axis=1)] |= BIT["unjudged"]
    if wish.feeds == "both":
        against[has.any(axis=1) & ~has.all(axis=1)] |= BIT["feed"]
        left = moment.left_w.min(axis=1)
    else:
        left = moment.left_w.max(axis=1)
    watts = wish.watts
    if wish.kind == "cabinet":
        # Each door gets its share of what the cabinet is to have.
        doors = np.bincount(board.cabinet_index)[board.cabinet_index]
        left = _least_by(board.cabinet_index, left) * doors
    judged = has.all(axis=1) if wish.feeds == "both" else has.any(axis=1)
    against[judged & (left < watts)] |= BIT["power"]
    return np.where(judged, np.maximum(left // watts, 0), 0)


def _least_by(groups: Numbers, values: Numbers) -> Numbers:
    least = np.full(int(groups.max(initial=-1)) + 1, 2**61, dtype=np.int64)
    np.minimum.at(least, groups, values)
    return least[groups]


def domains(board: Board, wish: Wish, fits: npt.NDArray[np.bool_]) -> Numbers:
    """A number for each rack: places may lie together only in racks with the same number."""
    if wish.relation == "same_row":
        return board.row_index
    if wish.relation == "same_cabinet":
        return board.cabinet_index
    if wish.relation == "adjacent":
        return _neighbourhoods(board, fits)
    return np.zeros(len(board.racks), dtype=np.int64)


def _neighbourhoods(board: Board, fits: npt.NDArray[np.bool_]) -> Numbers:
    """Cabinets side by side in a row, all of which fit, are one; those that don't are alone."""
    numbers = np.zeros(len(board.racks), dtype=np.int64)
    spots = np.flatnonzero(fits)
    if not len(spots):
        return numbers
    same_row = board.row[spots][1:] == board.row[spots][:-1]
    close = np.diff(board.position[spots]) <= 1
    numbers[spots] = np.concatenate([[1], 1 + np.cumsum(~(same_row & close))])
    return numbers


def customer_racks(board: Board, customer_id: int, when: When) -> list[int]:
    """Places on the board of the racks a customer has a claim or a device in."""
    return [
        at
        for at, rack in enumerate(board.racks)
        if any(claim.customer_id == customer_id and claim.stands(when) for claim in rack.claims)
        or any(tenant.customer_id == customer_id for tenant in rack.tenants)
    ]
