"""The families of samples: their columns, in order, and what the numbers mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

# A reading that the device doesn't give (a PDU without a voltmeter): never zero, which would be a
# measurement. No column of power, climate, traffic or discards can be negative otherwise, except
# `mc`.
NOT_REPORTED = -1
# Milli-degC can be -1, so a sensor without a thermometer needs a value below absolute zero.
NO_TEMPERATURE = -1_000_000

# Light in thousandths of a dBm: what no receiver or laser has, and the least that one can tell
# (SFF-8472: 0.1 µW); whatever is at or below that is told as no light.
NO_POWER, NO_LIGHT = -1_000_000, -40_000

# States of family `state`; in SLA facts they are called "up", "down" and "unknown".
UP, DOWN, UNKNOWN = 1, 2, 0

# Bits of a sample's `flags`.
FLAG_FIRST = 1  # first after a gap: earlier time is not covered by this delta
FLAG_MANUAL = 2  # read by a person
FLAG_LOADED = 4  # back-filled, not polled
FLAG_UNWITNESSED = 8  # echoes that nobody answered, references neither: who knows who was cut off

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Family:
    """`number` goes into each block's hash, so it never changes."""

    name: str
    number: int
    columns: tuple[str, ...]

    @property
    def hot_table(self) -> str:
        return f"{self.name}_hot"


TRAFFIC = Family("traffic", 1, ("in_octets", "out_octets", "in_errors", "out_errors"))
POWER = Family("power", 2, ("mv", "ma", "mw", "wh"))
CLIMATE = Family("climate", 3, ("mc", "rh"))
STATE = Family("state", 4, ("state",))
# A round of echoes (dcim.probing): counts, then microseconds of round trips, NOT_REPORTED where
# too few were answered; `way` is BY_ICMP or BY_TCP. `span_ms` is the time to the next round.
PROBE = Family(
    "probe",
    5,
    ("sent", "received", "unsent", "min_us", "mean_us", "max_us", "jitter_us", "pdv_us", "way"),
)
BY_ICMP, BY_TCP = 1, 2
# Packets that a port dropped although nothing was wrong with them (IF-MIB ifInDiscards,
# ifOutDiscards), since the sample before; NOT_REPORTED where a way isn't counted. Beside traffic,
# not in it: a block's hash goes over its family's columns, and statements quote traffic's hashes.
DISCARDS = Family("discards", 6, ("in_discards", "out_discards"))
# One lane of a transceiver (dcim.snmp.reading.optics): thousandths of a dBm (NO_POWER,
# NO_LIGHT), microamperes (NOT_REPORTED), thousandths of a degree Celsius (NO_TEMPERATURE),
# millivolts (NOT_REPORTED). What a module has once stands with its first lane.
OPTICS = Family("optics", 7, ("rx_mdbm", "tx_mdbm", "bias_ua", "mc", "mv"))
# What each of them is where it isn't told.
NO_OPTICS: Mapping[str, int] = MappingProxyType(
    dict(
        zip(
            OPTICS.columns,
            (NO_POWER, NO_POWER, NOT_REPORTED, NO_TEMPERATURE, NOT_REPORTED),
            strict=True,
        )
    )
)

FAMILY_BY_NAME: Mapping[str, Family] = MappingProxyType(
    {family.name: family for family in (TRAFFIC, POWER, CLIMATE, STATE, PROBE, DISCARDS, OPTICS)}
)


def find_family(name: str) -> Family:
    """Raises ValueError naming the families there are."""
    try:
        return FAMILY_BY_NAME[name]
    except KeyError:
        known = ", ".join(FAMILY_BY_NAME)
        raise ValueError(f"no family of samples is called {name!r}; there are {known}") from None
