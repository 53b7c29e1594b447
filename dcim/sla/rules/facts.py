"""What was observed and agreed, as the rules take it: states, values, windows, tickets, items."""

from dataclasses import dataclass, field
from datetime import date
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
    """A service item of the contract; fees in the currency of the terms.

    What isn't known is None or absent, and a clause that needs it is then left to a person.
    """

    id: str
    kind: str
    mrc: Decimal
    rent: Decimal
    start: int
    end: int
    conditions: dict[str, bool] = field(default_factory=dict)  # "dual_fed": True
    figures: dict[str, Decimal] = field(default_factory=dict)  # percent, "draw": Decimal("71.5")
    site: str = ""
    units: Decimal | None = None  # what is sold by the piece: amperes of a circuit, ports
    area: Decimal | None = None  # square metres, of the customer's own
    usage: Decimal | None = None  # charged by measurement in the period
    paid: Decimal | None = None  # received in money for the period, vouchers left out


@dataclass(frozen=True)
class Notice:
    """That the customer was told at `at` of a window from `start` to `end`."""

    at: int
    start: int
    end: int


@dataclass(frozen=True)
class Window:
    """Maintenance or another class of time the terms may exclude; no resources = all.

    With `notices` each part of it is judged by those that told of it, without by `announced_at`.
    """

    id: str
    kind: str
    start: int
    end: int
    announced_at: int | None
    resources: tuple[str, ...] = ()
    approved: bool | None = None  # by the customer
    evidence: str = ""  # what proves its class: a report, a decree
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True)
class Ticket:
    """When a clock may start: a ticket opened, the customer's notice, our own detection.

    No resources = concerns all.
    """

    id: str
    opened_at: int
    closed_at: int | None
    resources: tuple[str, ...] = ()
    kind: Literal["ticket", "notice", "detection"] = "ticket"


@dataclass(frozen=True)
class Request:
    """Something that had to be answered in time: an urgent call, remote hands, a fault's notice.

    No items = concerns all; None = not answered yet.
    """

    id: str
    kind: str
    opened_at: int
    answered_at: int | None
    items: tuple[str, ...] = ()


@dataclass(frozen=True)
class Claim:
    """The customer asked for credits; no results = for all of the period."""

    id: str
    made_at: int
    results: tuple[str, ...] = ()  # "power.A05"
    refused: str | None = None  # why it was; it then gives nothing


@dataclass(frozen=True)
class PastResult:
    """What an earlier period said of one metric of one item."""

    missed: bool
    credited: Decimal
    events: tuple[tuple[int, int], ...] = ()  # counted outages, UTC ms


@dataclass(frozen=True)
class Past:
    """An earlier period of the contract, as settled."""

    start: int
    end: int
    results: dict[str, PastResult] = field(default_factory=dict)  # by "power.A05"
    credited: Decimal = Decimal(0)
    capped: bool = False


@dataclass(frozen=True)
class Calendar:
    """Business days are Monday to Friday but for `holidays`, and the days `worked` beside."""

    holidays: frozenset[date] = frozenset()
    worked: frozenset[date] = frozenset()


@dataclass(frozen=True)
class Merged:
    """Outages of these resources that touch these times are one event, as a person decided."""

    resources: tuple[str, ...]
    parts: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Cut:
    """An outage of these resources is two events, before and from this instant on."""

    resources: tuple[str, ...]
    at: int


@dataclass(frozen=True)
class Facts:
    items: tuple[Item, ...]
    resources: tuple[Resource, ...]
    windows: tuple[Window, ...] = ()
    tickets: tuple[Ticket, ...] = ()
    # metric id ("power.A05") -> how a person decided that its unknown time counts
    decisions: dict[str, Literal["up", "down", "left_out"]] = field(default_factory=dict)
    days_in_period: int = 30
    requests: tuple[Request, ...] = ()
    request_kinds: frozenset[str] | None = None  # kinds that are recorded at all; None = every
    claims: tuple[Claim, ...] = ()
    past: tuple[Past, ...] = ()  # the period before last, … in any order
    calendar: Calendar | None = None  # None: not known, business days can't be counted
    as_of: int | None = None  # when it is judged; None = long after every deadline
    good_standing: bool | None = None  # no bill overdue
    invoice: Decimal | None = None  # everything billed for the period before credits
    next_invoice: Decimal | None = None  # and for the period after it
    site_areas: dict[str, Decimal] = field(default_factory=dict)  # square metres sold at a site
    merged: tuple[Merged, ...] = ()
    cuts: tuple[Cut, ...] = ()
