"""Windows, tickets, requests, claims and earlier periods of a facts file."""

from decimal import Decimal
from typing import Any, cast

from dcim.errors import Message
from dcim.sla.rules.facts import (
    Claim,
    Notice,
    Past,
    PastResult,
    Period,
    Request,
    Resource,
    Ticket,
    Window,
)
from dcim.sla.rules.files.reading import TRUTHS, Reading, read_truth, rows_of
from dcim.sla.rules.language.tree import Reader
from dcim.sla.rules.periods import month_period

TICKET_KINDS = ("ticket", "notice", "detection")
RESOURCES = Message("resources")
REACHING = Message("reaches outside the period: only the part within counts")


def _named(words: Reader, key: str, known: tuple[str, ...], what: Message) -> tuple[str, ...]:
    names = words.texts(key)
    for name in names:
        if name not in known:
            words.refuse(
                key,
                Message("%(name)r is not among the %(what)s", name=name, what=what),
                tuple(sorted(known)),
            )
    return names


class _Ids:
    """Ids as written, else counted through: M1, M2, …"""

    def __init__(self, letter: str) -> None:
        self.letter, self.seen = letter, set[str]()

    def read(self, words: Reader, index: int) -> str:
        name = words.text("id", f"{self.letter}{index}")
        if name in self.seen:
            words.refuse("id", Message("%(name)r stands twice", name=name))
        self.seen.add(name)
        return name


def read_windows(top: Reader, reading: Reading, names: tuple[str, ...]) -> tuple[Window, ...]:
    found, ids = [], _Ids("M")
    classes = {rule.kind for metric in reading.terms.metrics for rule in metric.exclude}
    for index, words in enumerate(top.entries("windows"), 1):
        window_id = ids.read(words, index)
        kind = words.text("class")
        span = reading.span(words, "start", "end", what=Message("the window"))
        announced = words.read("announced_at", reading.moment, None)
        concerned = _named(words, "resources", names, RESOURCES)
        approved = read_truth(words, "approved")
        evidence = words.text("evidence", "")
        notices = _notices(words, reading)
        words.finish()
        if kind and kind not in classes:
            reading.warn(
                words,
                Message(
                    "no metric of these terms excludes %(kind)r: it changes nothing", kind=kind
                ),
            )
        if span and reading.within(words, *span, reaching=REACHING):
            if notices:
                announced = min(notice.at for notice in notices)
            found.append(
                Window(window_id, kind, *span, announced, concerned, approved, evidence, notices)
            )
    return tuple(found)


def _notices(words: Reader, reading: Reading) -> tuple[Notice, ...]:
    """Each with the times it told, where these changed; instead of `announced_at`."""
    found = []
    for row in words.entries("notices"):
        at = row.need("at", reading.moment, 0)
        span = reading.span(row, "start", "end", what=Message("the window it told of"))
        row.finish()
        if span:
            found.append(Notice(at, *span))
    if found and words.has("announced_at"):
        words.refuse("announced_at", Message("is what `notices` say; leave one of both out"))
    return tuple(found)


def read_tickets(top: Reader, reading: Reading, names: tuple[str, ...]) -> tuple[Ticket, ...]:
    found, ids = [], _Ids("T")
    for index, words in enumerate(top.entries("tickets"), 1):
        ticket_id = ids.read(words, index)
        kind = words.choose("kind", TICKET_KINDS, "ticket")
        opened, closed = _opened(words, reading, "closed_at")
        concerned = _named(words, "resources", names, RESOURCES)
        words.finish()
        found.append(Ticket(ticket_id, opened, closed, concerned, cast(Any, kind)))
    return tuple(found)


def _opened(words: Reader, reading: Reading, until: str) -> tuple[int, int | None]:
    opened = words.need("opened_at", reading.moment, 0)
    end = words.read(until, reading.moment, None)
    if end is not None and end < opened:
        words.refuse(
            until,
            Message(
                "%(end)s is before it was opened (%(opened)s), the clock ran back",
                end=reading.say(end),
                opened=reading.say(opened),
            ),
        )
    return opened, end


def read_requests(top: Reader, reading: Reading, items: tuple[str, ...]) -> tuple[Request, ...]:
    found, ids = [], _Ids("R")
    for index, words in enumerate(top.entries("requests"), 1):
        request_id = ids.read(words, index)
        kind = words.text("kind")
        opened, answered = _opened(words, reading, "answered_at")
        concerned = _named(words, "items", items, Message("items"))
        words.finish()
        found.append(Request(request_id, kind, opened, answered, concerned))
    return tuple(found)


def read_claims(
    top: Reader, reading: Reading, results: set[str], resources: tuple[Resource, ...]
) -> tuple[Claim, ...]:
    found, ids = [], _Ids("C")
    earliest = _first_claimable(reading, resources)
    for index, words in enumerate(top.entries("claims"), 1):
        claim_id = ids.read(words, index)
        made = words.need("made_at", reading.moment, 0)
        claimed = _named(
            words, "results", tuple(results), Message("metrics of items, like power.A05")
        )
        if made < earliest:
            reading.warn(
                words,
                Message(
                    "was made at %(made)s, before anything of the period could be claimed "
                    "(%(earliest)s): it claims nothing",
                    made=reading.say(made),
                    earliest=reading.say(earliest),
                ),
            )
        words.finish()
        found.append(Claim(claim_id, made, claimed))
    return tuple(found)


def _first_claimable(reading: Reading, resources: tuple[Resource, ...]) -> int:
    """A claim counts from the period's start on; where it is due by the outage's end, from the
    outage's own start on, and that may lie before the period."""
    starts = [reading.period.start]
    settle = reading.terms.settle
    if settle is not None and settle.since == "event_end":
        for resource in resources:
            starts += [start for start, _, state in resource.states if state != "up"]
            starts += [start for start, *_ in resource.values or ()]
    return min(starts)


def read_past(top: Reader, reading: Reading) -> tuple[Past, ...]:
    """Earlier periods; each named by its month, or from its start to its end."""
    found: list[Past] = []

    def month(text: str) -> Period:
        return month_period(text, reading.terms.timezone)

    for words in top.entries("past"):
        if words.has("period"):
            period = words.need("period", month, reading.period)
            span = (period.start, period.end)
        else:
            span = reading.span(words, "start", "end", what=Message("the earlier period")) or (0, 0)
        results = {
            name: _past_result(below, reading) for name, below in words.named_groups("results")
        }
        past = Past(
            *span,
            results=results,
            credited=words.read("credited", reading.fee, Decimal(0)),
            capped=bool(read_truth(words, "capped")),
        )
        words.finish()
        if span[1] > reading.period.start:
            words.refuse(
                "",
                Message("is no earlier period: it ends after the one that is judged begins"),
            )
        for other in found:
            if span[0] < other.end and other.start < span[1]:
                words.refuse("", Message("overlaps another of the earlier periods"))
        found.append(past)
    return tuple(found)


def _past_result(words: Reader, reading: Reading) -> PastResult:
    missed = read_truth(words, "missed")
    if missed is None:
        words.refuse("missed", Message("is missing"), TRUTHS)
    events = []
    for row in rows_of(words, "events", ("from", "to")):
        span = reading.span(row, what=Message("the outage"))
        row.finish()
        if span:
            events.append(span)
    result = PastResult(
        bool(missed), words.read("credited", reading.fee, Decimal(0)), tuple(sorted(events))
    )
    words.finish()
    return result
