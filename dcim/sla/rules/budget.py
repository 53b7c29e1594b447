"""How much may still go wrong: what a target leaves of a month, and when that is used up; pure."""

from collections.abc import Iterable
from fractions import Fraction

from dcim.sla.rules.facts import Period
from dcim.sla.rules.outcomes import Event
from dcim.sla.rules.results import MetricResult


def allowed_ms(result: MetricResult, month: Period) -> int | None:
    """What the target leaves of the whole month, less what is excluded so far; None where the
    target is no length of time."""
    target, item = result.metric.target, result.item
    service = min(item.end, month.end) - max(item.start, month.start)
    parts: list[int] = []
    if target.availability is not None and target.governs != "minutes":
        share = (100 - Fraction(target.availability)) / 100
        parts.append((share * (service - result.outcome.excluded_ms)).__floor__())
    if target.downtime_ms is not None and (
        target.governs != "percent" or target.availability is None
    ):
        parts.append(target.downtime_ms)
    return min(parts) if parts else None


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
