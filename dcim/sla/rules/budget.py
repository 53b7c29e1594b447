"""How much may still go wrong: what a target leaves of a month, and when that is used up; pure."""

from collections.abc import Iterable
from fractions import Fraction

from dcim.sla.rules.facts import Period
from dcim.sla.rules.outcomes import Event
from dcim.sla.rules.results import MetricResult
from dcim.sla.rules.terms import Target


def allowed(target: Target, denominator_ms: int) -> Fraction | None:
    """Milliseconds of downtime that the target leaves of the denominator, by the governing or the
    stricter part; None where it is no length of time."""
    parts: list[Fraction] = []
    if target.availability is not None and target.governs != "minutes":
        parts.append((100 - Fraction(target.availability)) / 100 * denominator_ms)
    if target.downtime_ms is not None and (
        target.governs != "percent" or target.availability is None
    ):
        parts.append(Fraction(target.downtime_ms))
    return min(parts, default=None)


def allowed_ms(result: MetricResult, month: Period) -> int | None:
    """What the target leaves of the whole month's denominator, less what is out of it so far."""
    base = _denominator(result, month)
    left = allowed(result.metric.target, max(base - result.outcome.out_of_both_ms, 0))
    return None if left is None else left.__floor__()


def share_left(result: MetricResult, month: Period) -> Fraction | None:
    """The share of the whole month's denominator that may be down, however much of it is out;
    None where the target is no length of time."""
    base = _denominator(result, month)
    left = allowed(result.metric.target, base)
    return None if left is None or base <= 0 else left / base


def _denominator(result: MetricResult, month: Period) -> int:
    metric, item = result.metric, result.item
    return {
        "service": min(item.end, month.end) - max(item.start, month.start),
        "period": month.length,
        "fixed": metric.fixed_ms,
    }[metric.denominator]


def find_runout(events: Iterable[Event], allowed: int) -> int | None:
    """The instant (UTC ms) from which counted downtime is more than what is allowed; None: never.

    By the counted parts: where the terms round each outage it may be a little earlier.
    """
    used = 0
    for start, end in sorted(part for event in events for part in event.parts):
        if used + end - start > allowed:
            return start + allowed - used
        used += end - start
    return None
