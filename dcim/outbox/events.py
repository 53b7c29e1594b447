"""What somebody outside can be told of, as data; pure. An event is added here and nowhere else
but for its word in `dcim/web/delivery_words.py`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    """`severity`: syslog's (RFC 5424 6.2.1) where the message doesn't say one of its own."""

    name: str
    severity: int
    # A test goes wherever it is sent; nobody subscribes to it.
    subscribed: bool = True


_ALL = (
    Event("statement.issued", severity=6),
    Event("alarm.raised", severity=4),
    Event("alarm.cleared", severity=5),
    # Told to whom a step of an escalation names, and to nobody else.
    Event("alarm.escalated", severity=3, subscribed=False),
    # Told to people by mail alone, who choose them one by one (dcim.notices).
    *(
        Event(name, severity=6, subscribed=False)
        for name in (
            "statement.corrected",
            "incident.interruption",
            "incident.redundancy",
            "incident.information",
            "maintenance.announced",
            "maintenance.cancelled",
            "maintenance.done",
            "ticket.own",
            "ticket.any",
            "claim.decided",
            "budget.low",
        )
    ),
    Event("test", severity=5, subscribed=False),
)
BY_NAME = {event.name: event for event in _ALL}
EVENTS = tuple(BY_NAME)
SUBSCRIBED = tuple(event.name for event in _ALL if event.subscribed)
