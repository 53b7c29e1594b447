"""Pure: what states amount to as incidents: feed losses, outages, ports, heat, silence."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from dcim.sla.evidence import HOLDS_MS, FeedStates, all_down
from dcim.sla.rules.intervals import Interval, Intervals, clip, intersect, subtract, total, union

# Two stretches so near are one event: a sample between them was missing.
JOIN_MS = 2 * HOLDS_MS
# A shorter silence is a lost datagram, not an incident.
SILENCE_MS = 300_000
# GB 50174-2017, appendix A: cold aisle or air inlet of cabinets, milli-degC.
INLET_LOW_MC, INLET_HIGH_MC = 18_000, 27_000
HEAT_MS = 300_000


@dataclass(frozen=True, slots=True)
class FeedHistory:
    """One PDU: its states, and its path from itself up to the utility.

    `path` holds each node's code, and when it was measured dead itself; it ends with the first
    node that has a source of its own.
    """

    pdu: str
    feed: str
    rack_id: int | None
    states: FeedStates
    path: tuple[tuple[str, Intervals], ...]


@dataclass(frozen=True, slots=True)
class Loss:
    """A node and what it took down: feeds in the order given, one event each."""

    node: str
    start: int
    end: int
    pdus: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outage:
    """All feeds of racks down at once; `nodes` showed it."""

    nodes: tuple[str, ...]
    start: int
    end: int
    racks: tuple[int, ...] = field(default=())


def join(intervals: Iterable[Interval], gap_ms: int = JOIN_MS) -> Intervals:
    """Union in which gaps up to `gap_ms` are closed."""
    joined: Intervals = []
    for start, end in union(intervals):
        if joined and start - joined[-1][1] <= gap_ms:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def decider(history: FeedHistory, within: Interval) -> str:
    """Where it broke: the node nearest to the utility that was dead for most of the loss."""
    shown = {
        node for start, end, node in history.states.shown_by if intersect([(start, end)], [within])
    }
    for node, dead in reversed(history.path):
        together = total(intersect(dead, [within]))
        if 2 * together > within[1] - within[0]:
            return node
    for node, _ in reversed(history.path):
        if node in shown:
            return node
    return history.pdu


def find_losses(histories: Sequence[FeedHistory]) -> list[Loss]:
    """One loss per node and stretch, however many PDUs it took down."""
    hit: dict[str, list[tuple[int, int, str]]] = {}
    for history in histories:
        for start, end in join(history.states.of("down")):
            hit.setdefault(decider(history, (start, end)), []).append((start, end, history.pdu))
    return [
        Loss(
            node,
            start,
            end,
            tuple(sorted({pdu for a, b, pdu in found if intersect([(a, b)], [(start, end)])})),
        )
        for node, found in sorted(hit.items())
        for start, end in join((a, b) for a, b, _ in found)
    ]


def find_outages(histories: Sequence[FeedHistory]) -> list[Outage]:
    """Where every feed of a rack was down at once; racks of one event together."""
    racks: dict[int, list[FeedHistory]] = {}
    for history in histories:
        if history.rack_id is not None:
            racks.setdefault(history.rack_id, []).append(history)
    hit: dict[tuple[str, ...], list[tuple[int, int, int]]] = {}
    for rack_id, feeds in racks.items():
        for start, end in join(all_down([feed.states for feed in feeds])):
            nodes = tuple(sorted({decider(feed, (start, end)) for feed in feeds}))
            hit.setdefault(nodes, []).append((start, end, rack_id))
    return [
        Outage(
            nodes,
            start,
            end,
            tuple(sorted({rack for a, b, rack in found if intersect([(a, b)], [(start, end)])})),
        )
        for nodes, found in sorted(hit.items())
        for start, end in join((a, b) for a, b, _ in found)
    ]


def find_excursions(values: Sequence[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """(start, end, worst milli-degC) of stretches outside 18-27 °C that lasted five minutes."""
    outside = [(a, b) for a, b, value in values if not INLET_LOW_MC <= value <= INLET_HIGH_MC]
    inside = [(a, b) for a, b, value in values if INLET_LOW_MC <= value <= INLET_HIGH_MC]
    found = []
    for start, end in join(outside):
        # A good reading in between is no missing sample: it ends the excursion.
        for low, high in subtract([(start, end)], inside):
            if high - low >= HEAT_MS:
                seen = [v for a, b, v in values if clip([(a, b)], low, high)]
                worst = max(seen, key=lambda v: max(v - INLET_HIGH_MC, INLET_LOW_MC - v))
                found.append((low, high, worst))
    return found


def find_silences(unknown: Mapping[str, Intervals]) -> list[tuple[str, int, int]]:
    """(device, start, end) of stretches without telemetry longer than five minutes."""
    return [
        (device, start, end)
        for device, intervals in sorted(unknown.items())
        for start, end in union(intervals)
        if end - start > SILENCE_MS
    ]
