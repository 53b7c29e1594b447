"""What may happen to a ticket in which state, and in which order its times lie; pure."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

STATES = ("open", "answered", "waiting", "resolved", "closed")
# Later than so long after closing, it is another matter and gets a ticket of its own.
REOPENING = dt.timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Times:
    """`waiting_since`: we wait for the customer; None when we don't."""

    opened_at: dt.datetime
    responded_at: dt.datetime | None = None
    waiting_since: dt.datetime | None = None
    resolved_at: dt.datetime | None = None
    closed_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class TicketAction:
    """`needs_text`: what we wait for, why it is reopened; the customer reads it."""

    name: str
    states: tuple[str, ...]
    by_customer: bool = False
    needs_text: bool = False


ACTIONS: dict[str, TicketAction] = {
    action.name: action
    for action in (
        TicketAction("answer", ("open",)),
        TicketAction("wait", ("answered",), needs_text=True),
        TicketAction("resume", ("waiting",)),
        TicketAction("resolve", ("answered", "waiting")),
        TicketAction("close", ("answered", "waiting", "resolved"), by_customer=True),
        TicketAction("reopen", ("resolved", "closed"), by_customer=True, needs_text=True),
    )
}


def find_state(times: Times) -> str:
    if times.closed_at is not None:
        return "closed"
    if times.resolved_at is not None:
        return "resolved"
    if times.waiting_since is not None:
        return "waiting"
    return "open" if times.responded_at is None else "answered"


def list_actions(times: Times, by_customer: bool, now: dt.datetime) -> list[TicketAction]:
    state = find_state(times)
    return [
        action
        for action in ACTIONS.values()
        if state in action.states
        and (action.by_customer or not by_customer)
        and not (action.name == "reopen" and is_past_reopening(times, now))
    ]


def is_past_reopening(times: Times, now: dt.datetime) -> bool:
    return times.closed_at is not None and now > times.closed_at + REOPENING


def apply_action(times: Times, action: str, at: dt.datetime) -> Times:
    """The times after an action that is allowed; `at` isn't before any of them."""
    responded, resolved = times.responded_at, times.resolved_at
    if action == "answer":
        return Times(times.opened_at, at)
    if action == "wait":
        return Times(times.opened_at, responded, waiting_since=at)
    if action == "resolve":
        return Times(times.opened_at, responded, resolved_at=at)
    if action == "close":
        return Times(times.opened_at, responded, resolved_at=resolved or at, closed_at=at)
    return Times(times.opened_at, responded)


def are_ordered(times: Mapping[str, dt.datetime | None]) -> bool:
    """Each of them, in the order of the mapping, not before the one that comes before it."""
    known = [at for at in times.values() if at is not None]
    return all(one <= other for one, other in pairwise(known))
