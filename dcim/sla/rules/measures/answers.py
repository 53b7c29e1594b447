"""Metrics of requests that must be answered in time: urgent calls, remote hands, fault notices."""

from datetime import date, timedelta
from fractions import Fraction

from dcim.sla.rules.business_days import is_business_day
from dcim.sla.rules.facts import Facts, Item, Period, Request
from dcim.sla.rules.intervals import Interval
from dcim.sla.rules.measures.availability import misses
from dcim.sla.rules.measures.figures import TREATMENTS, holds
from dcim.sla.rules.outcomes import Event, Measurement, Outcome, TraceLine
from dcim.sla.rules.periods import at_local, local_date
from dcim.sla.rules.terms import Answers, Metric, Text

LATEST = 400  # days looked ahead for hours that run


def measure_answers(
    metric: Metric, answers: Answers, item: Item, facts: Facts, period: Period, zone: str
) -> Measurement:
    """Requests opened while the item was in service; late ones are events as long as the delay.

    One not answered yet is late when its time is over at `facts.as_of`; before that it is open and
    counts neither way.
    """
    service = (max(period.start, item.start), min(period.end, item.end))
    asked = sorted(
        (
            request
            for request in facts.requests
            if request.kind == answers.kind
            and service[0] <= request.opened_at < service[1]
            and (not request.items or item.id in request.items)
        ),
        key=lambda request: (request.opened_at, request.id),
    )
    events, lines, doubts = [], [], []
    recorded = facts.request_kinds is None or answers.kind in facts.request_kinds
    if not recorded:
        doubts.append(say_not_recorded(answers.kind))
    judged = 0
    for request in asked:
        last = find_deadline(answers, request.opened_at, facts, zone)
        if last is None:
            doubts.append(say_no_calendar(request))
            continue
        answered = request.answered_at
        if answered is None:
            if facts.as_of is not None and facts.as_of <= last:
                continue
            answered = max(facts.as_of or period.end, last + 1)
        judged += 1
        if answered > last:
            parts: tuple[Interval, ...] = ((last, answered),)
            events.append(Event(last, answered, parts, answered - last))
            lines.append(TraceLine(last, answered, "down", say_late(request)))
    bound = metric.target.figure
    figure = Fraction((judged - len(events)) * 100, judged) if judged else None
    late = sum(event.counted_ms for event in events)
    longest = max((event.counted_ms for event in events), default=0)
    missed = misses(metric.target, late, 1, len(events), 0, longest)
    if bound is not None and figure is not None and not holds(bound, figure):
        missed = True
    verdict = missed if recorded else None
    outcome = Outcome(tuple(events), late, 0, 0, 0, verdict, figure, by_figure=True)
    return Measurement(
        service,
        dict.fromkeys(TREATMENTS, outcome),
        Fraction(1),
        tuple(lines),
        (),
        tuple(doubts),
    )


def find_deadline(answers: Answers, opened: int, facts: Facts, zone: str) -> int | None:
    """The last instant in time (UTC ms): `within` counted in the hours in which time runs.

    None when these are of business days and no calendar is on record.
    """
    if answers.hours is None and not answers.business_days:
        return opened + answers.within_ms
    if answers.business_days and facts.calendar is None:
        return None
    start, end = answers.hours or (0, 1440)
    left, day = answers.within_ms, local_date(opened, zone) - timedelta(days=1)
    for _ in range(LATEST):
        if _runs_on(day, answers, facts):
            ends_on = day if end > start else day + timedelta(days=1)
            low, high = max(at_local(day, start, zone), opened), at_local(ends_on, end, zone)
            if high > low:
                if high - low >= left:
                    return low + left
                left -= high - low
        day += timedelta(days=1)
    return opened + answers.within_ms + LATEST * 86_400_000


def _runs_on(day: date, answers: Answers, facts: Facts) -> bool:
    if not answers.business_days or facts.calendar is None:
        return True
    return is_business_day(day, facts.calendar)


def say_not_recorded(kind: str) -> Text:
    name = kind.replace("_", " ")
    return {
        "zh": f"没有“{name}”类请求的记录：须由人核定是否按时答复",
        "en": f"no record is kept of requests of the kind {name}: a person must check whether they "
        "were answered in time",
    }


def say_late(request: Request) -> Text:
    return {"zh": f"{request.id}：逾时答复", "en": f"{request.id}: answered late"}


def say_no_calendar(request: Request) -> Text:
    return {
        "zh": f"{request.id}：答复时限按工作日计，而工作日历未登记，须由人核定",
        "en": f"{request.id}: the time to answer runs in business days and no calendar of holidays "
        "is on record; a person must check",
    }
