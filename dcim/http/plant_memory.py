"""The power of the house as one look has worked it out, for all staff who look soon after."""

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

from dcim.accounts.scope import Scope
from dcim.errors import ForbiddenError
from dcim.power.heat import Base
from dcim.sla.power_board import House, Place, PowerBoard

# A house is looked at for so long, or as long as it took to work it out where that is more.
LIVES_S = 5.0
# Boards of so many places at once; their numbers come from anybody's URL.
PLACES = 32


@dataclass(frozen=True, slots=True)
class Known:
    """`digest` is another whenever anything on the board is; the same in every process."""

    board: PowerBoard
    digest: str


@dataclass(slots=True)
class _Held:
    house: House
    until: float
    boards: dict[tuple[Place, Base], Known] = field(default_factory=dict)


class PlantMemory:
    """Of one process. Who asks while another works it out waits for that."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: _Held | None = None

    def find(self, scope: Scope, place: Place, base: Base, read: Callable[[], House]) -> Known:
        """`read` may use nothing that differs between two members of staff."""
        if not scope.is_staff:
            raise ForbiddenError("Only staff see the power of the house.")
        with self._lock:
            held = self._held
            if held is None or monotonic() >= held.until:
                # The old one isn't kept while the next is made: they are large.
                self._held = held = None
                began = monotonic()
                house = read()
                # From when it is done: who waited meanwhile doesn't find it too old.
                done = monotonic()
                held = self._held = _Held(house, done + max(LIVES_S, done - began))
            known = held.boards.get((place, base))
            if known is None:
                if len(held.boards) >= PLACES:
                    held.boards.clear()
                board = held.house.show(place, base)
                digest = hashlib.sha256(repr(board).encode()).hexdigest()
                known = held.boards[place, base] = Known(board, digest)
            return known
