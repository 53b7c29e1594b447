"""Pure: what a round of echoes comes to: loss, round-trip time, jitter. Integers throughout.

All times are microseconds. A mean is rounded to the nearest, a half up; loss is rounded to the
nearest part per million, a half up, but never to 0 or 1,000,000 where not none or not all are lost.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Figures:
    """Times are None where no answer gives them; `loss_ppm` is None where nothing was sent.

    `jitter_us`: the mean difference in transit of successive answers, |D| of RFC 3550, 6.4.1
    without its smoothing, which a round of a few echoes is too short for; it needs two answers.
    `smoothed_jitter_us`: J of RFC 3550 over the round, by the arithmetic of its A.8.
    `pdv_us`: the packet delay variation of RFC 5481, 4.2, of the slowest: its time less the least.
    Round-trip times stand for one-way transit, which takes clocks at both ends.
    """

    sent: int
    received: int
    loss_ppm: int | None
    min_us: int | None
    mean_us: int | None
    max_us: int | None
    jitter_us: int | None
    smoothed_jitter_us: int | None
    pdv_us: int | None


def figure_round(rtts_us: Sequence[int | None]) -> Figures:
    """One entry for each echo that was sent, in order; None where no answer came in time.

    Raises ValueError for a negative time.
    """
    times = [rtt for rtt in rtts_us if rtt is not None]
    if times and min(times) < 0:
        raise ValueError("a round trip takes no negative time")
    sent, received = len(rtts_us), len(times)
    differences = [abs(after - before) for before, after in pairwise(times)]
    return Figures(
        sent=sent,
        received=received,
        loss_ppm=measure_loss(sent, received) if sent else None,
        min_us=min(times, default=None),
        mean_us=_mean(times),
        max_us=max(times, default=None),
        jitter_us=_mean(differences),
        smoothed_jitter_us=_smooth(differences) if differences else None,
        pdv_us=max(times) - min(times) if times else None,
    )


def measure_loss(sent: int, received: int) -> int:
    """Parts per million of the echoes sent that weren't answered. Raises ValueError for none."""
    if not 0 <= received <= sent or not sent:
        raise ValueError(f"{received} answers to {sent} echoes")
    lost = sent - received
    nearest = (2 * MILLION * lost + sent) // (2 * sent)
    if lost and received:
        return min(max(nearest, 1), MILLION - 1)
    return nearest


def _mean(numbers: Sequence[int]) -> int | None:
    if not numbers:
        return None
    return (2 * sum(numbers) + len(numbers)) // (2 * len(numbers))


def _smooth(differences: Sequence[int]) -> int:
    """RFC 3550, A.8: kept sixteenfold, so that integers lose little; begins at 0."""
    scaled = 0
    for difference in differences:
        scaled += difference - ((scaled + 8) >> 4)
    return scaled >> 4
