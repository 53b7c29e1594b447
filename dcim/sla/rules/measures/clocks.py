"""From when to when the clock of the terms runs, and which outages were reported in time."""

from dcim.sla.rules.business_days import end_of_business_day
from dcim.sla.rules.facts import Calendar, Ticket
from dcim.sla.rules.intervals import Interval, Intervals, union
from dcim.sla.rules.terms import Metric, Within

KINDS = {"ticket": "ticket", "notice": "notice", "detected": "detection"}


def run_clock(
    metric: Metric, name: str, down: Intervals, tickets: tuple[Ticket, ...], until: int
) -> Intervals:
    """The part of each outage during which the clock of the terms runs; where the closing of a
    ticket stops it, one that is still open lets it run `until` the service's end in the period.

    Without a ticket, or the customer's notice, it never starts; without a record of our detection
    it starts with the outage, which was measured.
    """
    if metric.clock_start == "event" and metric.clock_stop == "restored":
        return down
    kind = KINDS.get(metric.clock_start, "ticket")
    running: Intervals = []
    for start, end in union(down):
        mine = sorted(
            (
                ticket
                for ticket in tickets
                if (not ticket.resources or name in ticket.resources)
                and ticket.opened_at < end
                and (ticket.closed_at is None or ticket.closed_at > start)
            ),
            key=lambda ticket: (ticket.opened_at, ticket.id),
        )
        starting = [ticket for ticket in mine if ticket.kind == kind]
        begin = start
        if metric.clock_start != "event":
            if starting:
                begin = max(start, starting[0].opened_at)
            elif metric.clock_start != "detected":
                continue
        stop = end
        # What was told by a notice alone is closed with the notice.
        closing = [ticket for ticket in mine if ticket.kind == "ticket"] or starting
        if metric.clock_stop == "ticket_closed" and closing:
            closed = closing[0].closed_at
            stop = max(end, until) if closed is None else max(begin, closed)
        running.append((begin, stop))
    return union(running)


def deadline(ms: int, within: Within, zone: str, calendar: Calendar | None) -> int | None:
    """The instant before which it must have happened; None: business days, and no calendar."""
    if not within.business_days:
        return ms + within.ms
    if calendar is None:
        return None
    return end_of_business_day(ms, within.business_days, zone, calendar)


def is_reported(
    metric: Metric,
    outage: Interval,
    names: tuple[str, ...],
    tickets: tuple[Ticket, ...],
    zone: str,
    calendar: Calendar | None,
) -> bool | None:
    """Whether a ticket or notice about one of the resources came in time; None: can't be told."""
    if metric.report is None:
        return True
    start, end = outage
    last = deadline(
        start if metric.report.since == "start" else end, metric.report.within, zone, calendar
    )
    came = [
        ticket.opened_at
        for ticket in tickets
        if ticket.kind != "detection"
        and (ticket.closed_at is None or ticket.closed_at > start)
        and (not ticket.resources or set(ticket.resources) & set(names))
    ]
    if last is None:
        return None if came else False
    return any(at <= last for at in came)
