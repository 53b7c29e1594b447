"""Codes of tickets as people call them; on staff pages and in the portal."""

from typing import Any

from flask_babel import lazy_gettext as _l

TICKET_KINDS = {
    "fault": _l("Fault"),
    "remote_hands": _l("Remote hands"),
    "visit": _l("Visit"),
    "question": _l("Question"),
}
TICKET_STATES = {
    "open": _l("Not answered"),
    "answered": _l("In hand"),
    "waiting": _l("Waiting for the customer"),
    "resolved": _l("Resolved"),
    "closed": _l("Ticket closed"),
}
# How a state looks: what waits for us is a warning, what is over is quiet.
TICKET_LOOKS = {
    "open": "warning",
    "answered": "maintenance",
    "waiting": "unknown",
    "resolved": "ok",
    "closed": "unknown",
}
CHANNELS = {
    "phone": _l("Phone"),
    "mail": _l("By mail"),
    "portal": _l("Customer portal"),
}
TICKET_ACTIONS = {
    "answer": _l("Answer the ticket"),
    "wait": _l("Wait for the customer"),
    "resume": _l("Go on"),
    "resolve": _l("Resolve"),
    "close": _l("Close the ticket"),
    "reopen": _l("Open again"),
}
TICKET_EVENTS = {
    "open": _l("Ticket opened"),
    "answer": _l("Answered"),
    "wait": _l("Waiting for the customer"),
    "resume": _l("Waiting is over"),
    "resolve": _l("Resolved"),
    "close": _l("Ticket closed"),
    "reopen": _l("Opened again"),
    "comment": _l("Comment"),
    "correct": _l("Time corrected"),
}
TICKET_TIMES = {
    "opened_at": _l("Opened"),
    "responded_at": _l("Answered"),
    "resolved_at": _l("Resolved"),
    "closed_at": _l("Ticket closed"),
}
EVERY_TICKET_NAME = {
    "ticket_kinds": TICKET_KINDS,
    "ticket_states": TICKET_STATES,
    "ticket_looks": TICKET_LOOKS,
    "ticket_channels": CHANNELS,
    "ticket_actions": TICKET_ACTIONS,
    "ticket_events": TICKET_EVENTS,
    "ticket_times": TICKET_TIMES,
}
# The same to the customer: whoever reads "waiting for the customer" there looks for a third party.
EVERY_OWN_TICKET_NAME: dict[str, Any] = EVERY_TICKET_NAME | {
    "ticket_states": TICKET_STATES | {"waiting": _l("Waiting for you")},
    "ticket_events": TICKET_EVENTS | {"wait": _l("Waiting for you")},
}
