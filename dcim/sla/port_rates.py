"""Pure: the rate of the ports that carry a service, together."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Held:
    """A port in its time as a member of a service, UTC ms; a speed of 0 isn't known."""

    port_id: int
    start: int
    end: int
    speed_bps: int


def sum_rates(held: Iterable[Held], start: int, end: int) -> int | None:
    """The highest sum of ports that carried the service at once within [start, end), bit/s.

    None where no port did, or the speed of one isn't known.
    """
    inside = [one for one in held if one.start < end and one.end > start]
    if not inside or any(not one.speed_bps for one in inside):
        return None
    return max(
        sum(one.speed_bps for one in inside if one.start <= max(each.start, start) < one.end)
        for each in inside
    )
