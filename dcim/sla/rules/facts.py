"""What was observed and agreed, as the rules take it: states, values, windows, tickets, items."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

State = Literal["up", "down", "unknown"]


@dataclass(frozen=True)
class Period:
    """Half-open, UTC epoch milliseconds."""

    start: int
    end: int

    @property
    def length(self) -> int:
        return self.end - self.start


@dataclass(frozen=True)
class Resource:
    """Something observed; either states or values (stored integers, for example milli-degC)."""

    name: str
    kind: str
    items: tuple[str, ...]
    states: tuple[tuple[int, int, State], ...] = ()
    values: tuple[tuple[int, int, int], ...] | None = None


@dataclass(frozen=True)
class Item:
    """A service item of the contract; fees in the currency of the terms."""

    id: str
    kind: str
    mrc: Decimal
    rent: Decimal
    start: int
    end: int
    conditions: dict[str, bool] = field(default_factory=dict)


@dataclass(frozen=True)
class Window:
    """Maintenance or another class of time the terms may exclude; no resources = all."""

    id: str
    kind: str
    start: int
    end: int
    announced_at: int | None
    resources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ticket:
    """No resources = concerns all."""

    id: str
    opened_at: int
    closed_at: int | None
    resources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Facts:
    items: tuple[Item, ...]
    resources: tuple[Resource, ...]
    windows: tuple[Window, ...] = ()
    tickets: tuple[Ticket, ...] = ()
    # metric id ("power.A05") -> how a person decided that its unknown time counts
    decisions: dict[str, Literal["up", "down", "left_out"]] = field(default_factory=dict)
    days_in_period: int = 30
