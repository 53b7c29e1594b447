"""Pure: what an alarm is about, as far as folding alarms under their causes asks."""

from dataclasses import dataclass

# Ids are those of the tables of the same names; "agent" is an `snmp_agent`, "service" a
# `bandwidth_service`, "sensor" the `series` that it measures, "item" a `contract_item`. Breakers,
# PDUs, banks and all else of the chain are power nodes.
KINDS = ("power_node", "rack", "device", "port", "agent", "sensor", "circuit", "service", "item")
# Shown to be dead. Silence shows nothing: unknown is not down.
DOWN, SILENT = "down", "silent"
# Lives, with less to spare: a rack or machine on its other feed; a UPS on its battery, a transfer
# switch on its second source, a service on what is left of its ports, a LAG of its members.
LOST_FEED, DEGRADED = "lost_feed", "degraded"
OVERLOAD = "overload"
# A port's light is weak, too strong or gone.
DIM = "dim"
# What was promised of it breaks: never a cause.
BURNING = "burning"
WEAKENED = (LOST_FEED, DEGRADED)


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """Raises ValueError for a kind that is none of KINDS."""

    kind: str
    id: int

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no such kind of subject: {self.kind}")


@dataclass(frozen=True, slots=True)
class Raised:
    """An alarm that stands. `key` is the caller's own name of it; `at` UTC epoch ms. A `trouble`
    that isn't named above ("hot") is folded under nothing and explains nothing. `rank` 0 is the
    gravest; an alarm is folded under none that is less grave."""

    key: int
    subject: Subject
    trouble: str
    at: int
    rank: int = 0

    @property
    def turn(self) -> tuple[int, int]:
        """Who came first; the key decides between those of one instant."""
        return self.at, self.key
