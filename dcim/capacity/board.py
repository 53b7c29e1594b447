"""Pure: all racks as columns, and the same as it will be at an instant. Never changed: what differs
makes a new one, which takes over what is still right."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from dcim.capacity.chain import Chain, Spread, Watts
from dcim.capacity.facts import RackFacts, RoomFacts, When
from dcim.capacity.masks import TALLEST_U, find_runs

Numbers: TypeAlias = npt.NDArray[Any]
# Instants for which the evaluated columns are kept.
MOMENTS_KEPT = 4


def count_runs(free: int, u_count: int, into: Numbers) -> None:
    """How many of the longest possible free stretches have which length in U."""
    into[:] = 0
    for _, length in find_runs(free, u_count):
        into[length] += 1


@dataclass(frozen=True, slots=True)
class Moment:
    """The racks as asked for at one instant from another on; right for all of both in the same
    stretch between two ends of claims.

    `runs[rack, n]`: free stretches of n U; `unheld` the same if holds were not there. `left_w` is
    the headroom on A and on B, `load_w` what each node must carry, `draw_w` what each rack draws.
    """

    when: When
    stretch: tuple[int, int]
    runs: Numbers
    unheld: Numbers
    empty: npt.NDArray[np.bool_]
    draw_w: Watts
    load_w: Watts
    left_w: Watts
    # By the U of one place: how many there are, what the tightest stretch keeps, whether there
    # would be one if holds were not there. Filled as wishes ask.
    by_units: dict[int, tuple[Numbers, Numbers, npt.NDArray[np.bool_]]]

    def places(self, units: int) -> tuple[Numbers, Numbers, npt.NDArray[np.bool_]]:
        found = self.by_units.get(units)
        if found is None:
            fitting = self.runs[:, units:]
            # At most 60 places of 1 U: a byte holds them.
            each = (np.arange(units, TALLEST_U + 1) // units).astype(np.uint8)
            would: npt.NDArray[np.bool_] = np.any(self.unheld[:, units:] > 0, axis=1)
            leftover: Numbers = np.argmax(fitting > 0, axis=1)
            found = ((fitting @ each).astype(np.int64), leftover, would)
            self.by_units[units] = found
        return found


class Board:
    """Everything that is looked for in, in the order of rooms, rows, cabinets, racks."""

    def __init__(
        self, racks: Iterable[RackFacts], rooms: Mapping[int, RoomFacts], chain: Chain
    ) -> None:
        self.racks: list[RackFacts] = sorted(
            racks,
            key=lambda one: (
                one.site_id, one.room_id, one.row_position, one.row_id,
                one.position, one.cabinet_id, one.place, one.rack_id,
            ),
        )  # fmt: skip
        self.rooms = rooms
        self.chain = chain
        self.at: dict[int, int] = {rack.rack_id: at for at, rack in enumerate(self.racks)}
        self.spread: Spread = chain.spread([rack.rack_id for rack in self.racks])
        self.site = self._column(lambda one: one.site_id)
        self.room = self._column(lambda one: one.room_id)
        self.row = self._column(lambda one: one.row_id)
        self.cabinet = self._column(lambda one: one.cabinet_id)
        self.cage = self._column(lambda one: one.cage_id or 0)
        self.position = self._column(lambda one: one.position)
        self.u_count = self._column(lambda one: one.u_count)
        self.first = self._column(lambda one: one.place == 0).astype(bool)
        self.closed = self._column(lambda one: bool(one.closed)).astype(bool)
        self.layout = np.array([one.layout for one in self.racks], dtype="U8")
        self.cabinet_index = _number(self.cabinet)
        self.row_index = _number(self.row)
        self.room_index = _number(self.room)
        self._fill()

    def _column(self, of: Any) -> Numbers:
        return np.array([of(rack) for rack in self.racks], dtype=np.int64)

    def _fill(self) -> None:
        """What follows from the facts that change from day to day."""
        self.moments: list[Moment] = []
        self.weights = np.array([rack.weight_g for rack in self.racks], dtype=np.int64)
        self.limits = np.array([rack.weight_limit_g for rack in self.racks], dtype=np.int64)
        self.ends: Counter[int] = Counter()
        for rack in self.racks:
            self.ends.update(_ends_of(rack))
        self._sum_up()

    def _sum_up(self) -> None:
        self.weight_left = self.limits - _sum_by(self.cabinet_index, self.weights)
        self.bounds = np.array(
            sorted(end for end, count in self.ends.items() if count > 0), np.int64
        )
        self._ports: dict[int, tuple[Numbers, Numbers]] = {}

    def replace(self, changed: Mapping[int, RackFacts]) -> "Board":
        """A board with these racks' facts instead; places, cabinets and chain must be the same."""
        new = object.__new__(Board)
        new.__dict__.update(self.__dict__)
        new.racks = list(self.racks)
        spots = [self.at[rack_id] for rack_id in changed]
        new.weights, new.ends = self.weights.copy(), self.ends.copy()
        for at in spots:
            before, after = self.racks[at], changed[self.racks[at].rack_id]
            new.racks[at] = after
            new.weights[at] = after.weight_g
            new.ends.subtract(_ends_of(before))
            new.ends.update(_ends_of(after))
        new._sum_up()
        new.moments = [new._evaluate(moment.when, moment, spots) for moment in self.moments]
        return new

    def moment(self, when: When) -> Moment:
        stretch = self._stretch(when)
        for moment in self.moments:
            if moment.stretch == stretch:
                return moment
        made = self._evaluate(when, None, range(len(self.racks)))
        self.moments = [made, *self.moments][:MOMENTS_KEPT]
        return made

    def _stretch(self, when: When) -> tuple[int, int]:
        """Between two ends of claims nothing changes by itself."""
        at, now = np.searchsorted(self.bounds, [when.at_ms, when.now_ms], side="right")
        return int(at), int(now)

    def _evaluate(self, when: When, before: Moment | None, spots: Sequence[int]) -> Moment:
        count = len(self.racks)
        if before is None:
            runs = np.zeros((count, TALLEST_U + 1), dtype=np.uint8)
            unheld = np.zeros_like(runs)
            empty = np.zeros(count, dtype=bool)
            draw = np.zeros(count, dtype=np.int64)
        else:
            runs, unheld = before.runs.copy(), before.unheld.copy()
            empty, draw = before.empty.copy(), before.draw_w.copy()
        for at in spots:
            rack = self.racks[at]
            count_runs(rack.free(when), rack.u_count, runs[at])
            if any(claim.kind == "hold" for claim in rack.claims):
                count_runs(rack.free(when, despite_holds=True), rack.u_count, unheld[at])
            else:
                unheld[at] = runs[at]
            empty[at] = rack.is_empty(when)
            draw[at] = rack.draw_w(when)
        load = self.spread.load(draw)
        return Moment(
            when=when,
            stretch=self._stretch(when),
            runs=runs,
            unheld=unheld,
            empty=empty,
            draw_w=draw,
            load_w=load,
            left_w=self.spread.headroom(load, count),
            by_units={},
        )

    def ports(self, speed: int) -> tuple[Numbers, Numbers]:
        """Free switch ports of a speed in each rack's row, and in its room."""
        found = self._ports.get(speed)
        if found is None:
            own = np.array([rack.ports.get(speed, 0) for rack in self.racks], dtype=np.int64)
            found = _sum_by(self.row_index, own), _sum_by(self.room_index, own)
            self._ports[speed] = found
        return found

    def racks_of(self, cabinet_id: int) -> list[RackFacts]:
        return [self.racks[at] for at in np.flatnonzero(self.cabinet == cabinet_id)]


def _ends_of(rack: RackFacts) -> list[int]:
    return [claim.until_ms for claim in rack.claims if claim.until_ms is not None]


def _number(ids: Numbers) -> Numbers:
    """Each id as its place among the different ones."""
    return np.unique(ids, return_inverse=True)[1].astype(np.int64)


def _sum_by(groups: Numbers, values: Numbers) -> Numbers:
    """For each row the sum of its group."""
    if not len(groups):
        return values
    return np.bincount(groups, weights=values).astype(np.int64)[groups]
