"""Pure: whether a transceiver's light is weak, by the thresholds that its device gives."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from dcim.metering.families import NO_LIGHT, NO_POWER

# So near above a low threshold, in thousandths of a dB, light is about to be weak: a connector
# more or a dirty one takes as much.
MARGIN_MDB = 1_000


class Verdict(StrEnum):
    """From the worst on; without thresholds it can't be judged, without a reading nothing known."""

    NO_LIGHT = "no_light"
    ALARM_LOW = "alarm_low"
    ALARM_HIGH = "alarm_high"
    WARNING_LOW = "warning_low"
    WARNING_HIGH = "warning_high"
    NEAR_LOW = "near_low"
    FINE = "fine"
    UNJUDGED = "unjudged"
    UNKNOWN = "unknown"


WORST_FIRST = tuple(Verdict)
# What is looked at first holds.
_LIMITS = (
    ("low_alarm", Verdict.ALARM_LOW),
    ("high_alarm", Verdict.ALARM_HIGH),
    ("low_warning", Verdict.WARNING_LOW),
    ("high_warning", Verdict.WARNING_HIGH),
)


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict and how far the light is above the low warning, or alarm where there is no warning,
    in thousandths of a dB. None without such a threshold or without light."""

    verdict: Verdict
    left_mdb: int | None = None


def find_bounds(limits: Mapping[str, int]) -> tuple[int | None, int | None]:
    """(low, high): the warnings, or the alarms where there are none."""
    low, high = (
        limits.get(f"{side}_warning", limits.get(f"{side}_alarm")) for side in ("low", "high")
    )
    return low, high


def judge_light(mdbm: int, limits: Mapping[str, int]) -> Judged:
    """`limits` as `reading.optics.Transceiver` has them of rx or tx, thousandths of a dBm."""
    if mdbm <= NO_POWER:
        return Judged(Verdict.UNKNOWN)
    if mdbm <= NO_LIGHT:
        return Judged(Verdict.NO_LIGHT)
    low, _high = find_bounds(limits)
    left = None if low is None else mdbm - low
    for name, verdict in _LIMITS:
        limit = limits.get(name)
        if limit is not None and (mdbm <= limit if name.startswith("low") else mdbm >= limit):
            return Judged(verdict, left)
    if left is not None and left <= MARGIN_MDB:
        return Judged(Verdict.NEAR_LOW, left)
    return Judged(Verdict.FINE if limits else Verdict.UNJUDGED, left)


def find_worst(several: Iterable[Judged]) -> Judged:
    """The worst of a module's lanes; of none, unknown."""
    return min(
        several,
        key=lambda one: (WORST_FIRST.index(one.verdict), one.left_mdb or 0),
        default=Judged(Verdict.UNKNOWN),
    )
