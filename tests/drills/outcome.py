"""What a drill hands back: figures in the order they are to be read, and whether it passed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol, TypeAlias

Say: TypeAlias = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    passed: bool
    figures: Sequence[tuple[str, str]]


class Drill(Protocol):
    """A module of this package: its docstring says what it proves, `run` does it.

    Everything random comes from `draw`, so that the same seed gives the same drill.
    """

    def run(self, draw: Random, rounds: int | None, say: Say) -> Outcome: ...
