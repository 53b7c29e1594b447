"""What state each half unit of a rack is in, and the rack as a whole. Pure: rows in, states out.

One answer for search, drawing and API. The rows are those the layers keep: anything with `u_low`
and `height` in half units; devices and barred space also have a `face`, devices a `side`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

FACES = ("front", "rear")


class UnitState(StrEnum):
    """`ALLOCATED` is sold and empty; `BLOCKED` and `ABSENT` are barred."""

    FREE = "free"
    HELD = "held"
    ALLOCATED = "allocated"
    OCCUPIED = "occupied"
    BLOCKED = "blocked"
    ABSENT = "absent"


class Stretch(Protocol):
    """`u_low` none is no unit at all: what hangs on a side rail."""

    @property
    def u_low(self) -> int | None: ...
    @property
    def height(self) -> int: ...


class Faced(Stretch, Protocol):
    @property
    def face(self) -> str: ...


class Standing(Faced, Protocol):
    @property
    def side(self) -> str: ...


class Barred(Faced, Protocol):
    @property
    def kind(self) -> str: ...


@dataclass(frozen=True, slots=True)
class RackState:
    """`half_units`: how many are in each state; `state`: the one that tells the most."""

    state: UnitState
    half_units: Mapping[UnitState, int]


def find_states(
    u_count: int,
    *,
    installed: Iterable[Standing] = (),
    barred: Iterable[Barred] = (),
    allocations: Iterable[Stretch] = (),
    holds: Iterable[Stretch] = (),
    face: str | None = None,
) -> tuple[UnitState, ...]:
    """The state of each half unit, from the bottom; allocations and holds are those that bind now.

    A half unit with anything in it is occupied; one barred on any face is barred. `face`: as one
    sees it from there, what stands only on the other face left out.
    """
    states = [UnitState.FREE] * (2 * u_count)
    seen = FACES if face is None else (face,)
    for rows, state in ((holds, UnitState.HELD), (allocations, UnitState.ALLOCATED)):
        for row in rows:
            _paint(states, row, state)
    for bar in barred:
        if bar.face == "full" or bar.face in seen:
            _paint(states, bar, UnitState.ABSENT if bar.kind == "absent" else UnitState.BLOCKED)
    for thing in installed:
        if thing.face == "full" or thing.face in seen:
            _paint(states, thing, UnitState.OCCUPIED)
    return tuple(states)


def sum_up(states: Sequence[UnitState]) -> RackState:
    """A rack is occupied if anything stands in it, else sold, else held if any of it is; it is free
    if any unit is left, and barred if none is."""
    counts = Counter(states)
    order = (UnitState.OCCUPIED, UnitState.ALLOCATED, UnitState.HELD, UnitState.FREE,
             UnitState.BLOCKED)  # fmt: skip
    told = next((state for state in order if counts[state]), UnitState.ABSENT)
    return RackState(told, {state: counts[state] for state in UnitState})


def _paint(states: list[UnitState], row: Stretch, state: UnitState) -> None:
    if row.u_low is None:
        return
    for u in range(max(row.u_low, 0), min(row.u_low + row.height, len(states))):
        states[u] = state
