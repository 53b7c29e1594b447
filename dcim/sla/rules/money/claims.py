"""Until when a credit may be claimed, and whether it was, by deadlines in days or business days."""

from collections.abc import Iterable
from dataclasses import dataclass

from dcim.sla.rules.business_days import end_of_business_day
from dcim.sla.rules.facts import Calendar, Claim, Facts, Period
from dcim.sla.rules.outcomes import Event
from dcim.sla.rules.terms import Settle, Text

CALENDAR: Text = {
    "zh": "节假日历，用以计算工作日 (calendar)",
    "en": "the calendar of holidays, to count business days (calendar)",
}


@dataclass(frozen=True)
class Standing:
    """Outages by whether their credit was claimed in time, may still be, or may not any more."""

    claimed: tuple[Event, ...]
    open: tuple[Event, ...]
    lost: tuple[Event, ...]
    until: int  # of the open ones the first, else of all the last; last millisecond in time
    claimed_at: int | None  # the first claim in time, else the first one too late
    refused: Claim | None = None  # the last one that was refused


def find_deadline(settle: Settle, since: int, zone: str, calendar: Calendar | None) -> int | None:
    """Last millisecond in which a claim is in time; None when business days can't be counted.

    Business days are the days after the local day in which `since` lies.
    """
    if not settle.business_days:
        return since + settle.within_ms
    if calendar is None:
        return None
    return end_of_business_day(since, settle.business_days, zone, calendar) - 1


def find_standing(
    settle: Settle, name: str, events: Iterable[Event], facts: Facts, period: Period, zone: str
) -> Standing | None:
    """How the outages of one result stand; None when business days can't be counted."""
    about = sorted(
        (
            claim
            for claim in facts.claims
            if (not claim.results or name in claim.results)
            and (facts.as_of is None or claim.made_at <= facts.as_of)
        ),
        key=lambda claim: (claim.made_at, claim.id),
    )
    made = [claim.made_at for claim in about if claim.refused is None]
    refused = [claim for claim in about if claim.refused is not None]
    claimed, still, lost = [], [], []
    deadlines, open_until, in_time, too_late = [], [], [], []
    for event in events:
        # A month that ended at midnight ended on its last day.
        since = period.end - (1 if settle.business_days else 0)
        begun = period.start
        if settle.since == "event_end":
            since, begun = event.end, event.start
        deadline = find_deadline(settle, since, zone, facts.calendar)
        if deadline is None:
            return None
        deadlines.append(deadline)
        asked = [at for at in made if at >= begun]
        timely = [at for at in asked if at <= deadline]
        if timely:
            claimed.append(event)
            in_time.append(timely[0])
        elif facts.as_of is not None and facts.as_of <= deadline:
            still.append(event)
            open_until.append(deadline)
        else:
            lost.append(event)
            too_late += asked[:1]
    until = min(open_until) if open_until else max(deadlines, default=period.end)
    first = min(in_time or too_late, default=None)
    last = refused[-1] if refused else None
    return Standing(tuple(claimed), tuple(still), tuple(lost), until, first, last)
