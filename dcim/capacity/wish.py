"""Pure: what is looked for."""

import datetime as dt
from dataclasses import dataclass

from dcim.errors import InvalidError

# What one place is: a stretch of U, or all of a rack, a half, a quarter, a whole cabinet.
KINDS = ("units", "rack", "half", "quarter", "cabinet")
LAYOUT_OF = {"rack": "full", "half": "halves", "quarter": "quarters"}
# How the places lie to each other.
RELATIONS = ("any", "same_row", "adjacent", "same_cabinet")
FEEDS = ("both", "single")
PORT_SCOPES = ("row", "room")
MOST_PLACES = 50
MOST_UNITS = 60


@dataclass(frozen=True, slots=True)
class Wish:
    """`count` places, each of `units` U (kind "units") with `watts`, `weight_kg` and `ports` free
    switch ports of `port_bps` (in its row or room); none or 0: not asked for.

    `near_customer_id`: in a room where this customer has a rack. `carrier`: its code.
    `starts_on`: free from this day on; none is today.
    """

    kind: str = "units"
    units: int = 1
    count: int = 1
    watts: int = 0
    feeds: str = "both"
    weight_kg: int = 0
    ports: int = 0
    port_bps: int = 10_000_000_000
    port_scope: str = "row"
    relation: str = "any"
    site_id: int | None = None
    room_id: int | None = None
    cage_id: int | None = None
    near_customer_id: int | None = None
    carrier: str = ""
    starts_on: dt.date | None = None

    @property
    def weight_g(self) -> int:
        return self.weight_kg * 1000

    @property
    def takes_all(self) -> bool:
        return self.kind != "units"


def check_wish(wish: Wish) -> None:
    """Raises InvalidError that names each field with something wrong."""
    wrong: dict[str, list[str]] = {}
    for name, choices in (
        ("kind", KINDS),
        ("relation", RELATIONS),
        ("feeds", FEEDS),
        ("port_scope", PORT_SCOPES),
    ):
        if getattr(wish, name) not in choices:
            wrong[name] = ["unknown"]
    for name, low, high in (
        ("units", 1, MOST_UNITS),
        ("count", 1, MOST_PLACES),
        ("watts", 0, 200_000),
        ("weight_kg", 0, 20_000),
        ("ports", 0, 500),
        ("port_bps", 1, 10**13),
    ):
        if not low <= getattr(wish, name) <= high:
            wrong[name] = ["out of range"]
    if wrong:
        raise InvalidError("This can't be looked for.", wrong)
