"""What a wall shows by the clock: page after page of a board, and board after board of a tour."""

import datetime as dt
import re
from dataclasses import dataclass
from typing import Self

from dcim.paging import Paging, count_pages
from dcim.web.staff.arguments import read_text

# A page of a board stands so long on a wall.
WALL_S = 20
# A board of a tour; multiples of WALL_S, so that no page is cut short.
STAYS_S = (20, 40, 60, 120, 300)
MOST_BOARDS = 30

_BOARD = re.compile(r"[a-z]{1,20}|[1-9]\d{0,17}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Tour:
    """Boards that a wall shows one after another, `stay_s` seconds each. As a text, for a URL:
    `40-wall-12-7`. A number is a kept board, a word one of those that need no keeping.

    All goes by the clock: walls that show the same turn together, and one that was off falls in.
    """

    boards: tuple[str, ...]
    stay_s: int

    @classmethod
    def read(cls, text: str) -> Self | None:
        stay, *boards = text.split("-")
        return cls.of(boards, stay)

    @classmethod
    def of(cls, boards: list[str], stay: str) -> Self | None:
        """Nothing where it makes no tour. A board named twice is shown once."""
        several = tuple(dict.fromkeys(boards))
        if not 1 <= len(several) <= MOST_BOARDS or not all(map(_BOARD.fullmatch, several)):
            return None
        stay_s = next((one for one in STAYS_S if str(one) == stay), None)
        return None if stay_s is None else cls(several, stay_s)

    def __str__(self) -> str:
        return "-".join((str(self.stay_s), *self.boards))

    def place(self, now: dt.datetime) -> int:
        """Which of `boards` it is at."""
        return self._stays(now) % len(self.boards)

    def left_s(self, now: dt.datetime) -> float:
        """Seconds until the next board's turn."""
        return self.stay_s - now.timestamp() % self.stay_s

    def count_turns(self, now: dt.datetime) -> int:
        """How many pages a board of it has been shown: none is left out, however many there are."""
        within = now.timestamp() % self.stay_s // WALL_S
        return self._stays(now) // len(self.boards) * (self.stay_s // WALL_S) + int(within)

    def _stays(self, now: dt.datetime) -> int:
        return int(now.timestamp() // self.stay_s)


def asked_tour() -> Tour | None:
    """The one that the request's board is a stop of."""
    return Tour.read(read_text("tour", 1000))


def turn_wall(paging: Paging, total: int, now: dt.datetime, tour: Tour | None = None) -> Paging:
    """Page after page, by the clock: all walls that show a board turn together."""
    turns = tour.count_turns(now) if tour else int(now.timestamp()) // WALL_S
    return Paging(turns % count_pages(total, paging.size) + 1, paging.size)
