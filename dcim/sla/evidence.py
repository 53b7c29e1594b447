"""Pure: from samples to states. Unknown is not down; downtime is shown, never supposed."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from dcim.metering.batch import Columns, Ints
from dcim.metering.families import DOWN, NO_TEMPERATURE, UP
from dcim.sla.rules.facts import State
from dcim.sla.rules.intervals import (
    Interval,
    Intervals,
    clip,
    complement,
    intersect,
    subtract,
    union,
)

# A state holds from its sample to the next, at most so long at polls of 60 s.
HOLDS_MS = 90_000
# Below half of the nominal voltage nothing runs; between there and nominal lies a sag, not a loss.
DEAD_BELOW_PCT = 50


@dataclass(frozen=True, slots=True)
class Observed:
    """What one meter showed, and when.

    `firm` is the part of `alive` that a next good sample confirms; the rest, from the last sample
    before silence, is only held and yields to newer evidence. `carrying` is where current flowed.
    """

    alive: Intervals = field(default_factory=list)
    dead: Intervals = field(default_factory=list)
    firm: Intervals = field(default_factory=list)
    carrying: Intervals = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Link:
    """A node above a PDU. `sole` when nothing but this PDU hangs on it."""

    name: str
    observed: Observed
    own_source: bool = False
    sole: bool = False


@dataclass(frozen=True, slots=True)
class FeedStates:
    """Sorted and without holes; `shown_by` says which node showed each down."""

    states: list[tuple[int, int, State]]
    shown_by: list[tuple[int, int, str]]

    def of(self, state: State) -> Intervals:
        return [(start, end) for start, end, found in self.states if found == state]


def hold(ts: Ints, states: Ints, holds_ms: int | Ints = HOLDS_MS) -> list[tuple[int, int, int]]:
    """(start, end, state): a sample holds until the next, at most `holds_ms`; equal ones join.

    `holds_ms` is for all, or one for each sample.
    """
    if not len(ts):
        return []
    latest = ts + holds_ms
    ends = np.minimum(np.append(ts[1:], latest[-1]), latest)
    # A run ends where the state changes or the hold ran out before the next sample.
    breaks = np.flatnonzero((states[1:] != states[:-1]) | (ends[:-1] != ts[1:])) + 1
    firsts = np.append(0, breaks)
    lasts = np.append(breaks, len(ts)) - 1
    return list(
        zip(ts[firsts].tolist(), ends[lasts].tolist(), states[firsts].tolist(), strict=True)
    )


def judge_power(columns: Columns, nominal_v: int) -> Ints:
    """1 alive, 2 dead, 0 not to be told: voltage decides, and without a voltmeter current does.

    No current without a voltmeter may be an idle load: not to be told.
    """
    mv, ma, mw = (columns.values[name] for name in ("mv", "ma", "mw"))
    by_voltage = np.where(mv * 100 >= nominal_v * 1000 * DEAD_BELOW_PCT, UP, DOWN)
    by_current = np.where((ma > 0) | (mw > 0), UP, 0)
    return np.asarray(np.where(mv >= 0, by_voltage, by_current), dtype=np.int64)


def observe_states(ts: Ints, states: Ints, carrying: Ints, holds_ms: int = HOLDS_MS) -> Observed:
    """`states` 1 alive, 2 dead, 0 not to be told; `carrying` 1 where current was measured."""
    held = hold(ts, states, holds_ms)
    # From each good sample to the next good one; those that follow each other are one.
    good = (states[:-1] == UP) & (states[1:] == UP) & (np.diff(ts) <= holds_ms)
    turns = np.flatnonzero(np.diff(good.astype(np.int8), prepend=0, append=0))
    confirmed = list(zip(ts[turns[::2]].tolist(), ts[turns[1::2]].tolist(), strict=True))
    return Observed(
        alive=union((start, end) for start, end, state in held if state == UP),
        dead=union((start, end) for start, end, state in held if state == DOWN),
        firm=union(confirmed),
        carrying=union(
            (start, end) for start, end, flows in hold(ts, carrying, holds_ms) if flows == 1
        ),
    )


def observe_power(columns: Columns, nominal_v: int, holds_ms: int = HOLDS_MS) -> Observed:
    states = judge_power(columns, nominal_v)
    flows = (columns.values["ma"] > 0) | (columns.values["mw"] > 0)
    return observe_states(columns.ts, states, flows.astype(np.int64) * (states == UP), holds_ms)


def combine(meters: Sequence[Observed]) -> Observed:
    """Several meters on one node: alive where one is; dead where one is and none is alive."""
    if len(meters) == 1:
        return meters[0]
    alive = union(part for meter in meters for part in meter.alive)
    return Observed(
        alive=alive,
        dead=subtract([part for meter in meters for part in meter.dead], alive),
        firm=union(part for meter in meters for part in meter.firm),
        carrying=union(part for meter in meters for part in meter.carrying),
    )


def decide_feed(
    start: int,
    end: int,
    pdu: Link,
    above: Sequence[Link],
    refute: Callable[[int, Intervals], Iterable[Interval]] = lambda place, doubted: (),
) -> FeedStates:
    """Whether a PDU's feed was up, in [start, end); `above` is nearest first.

    The PDU's own input decides where it was measured. Where it is silent, the nearest node above
    that was measured decides, and only for the worse: dead means down; alive leaves the feed
    unknown, unless that node feeds nothing else and current flowed through it. Nodes with a source
    of their own (a UPS on battery) end the search. `refute(place, doubted)` returns when anything
    else below `above[place]` was firmly alive: then its dead reading is the meter's own fault.
    """
    firm = pdu.observed.firm
    undecided = subtract([(start, end)], [*firm, *pdu.observed.dead])
    down = [(a, b, pdu.name) for a, b in clip(pdu.observed.dead, start, end)]
    held = subtract(pdu.observed.alive, firm)
    up = clip(firm, start, end)
    # What is silent or only held is open to evidence from above.
    reach = undecided
    for place, link in enumerate(above):
        shown = intersect(reach, link.observed.dead)
        if shown:
            shown = subtract(shown, union(refute(place, shown)))
            down.extend((a, b, link.name) for a, b in shown)
        if link.sole and place == 0:
            up = union([*up, *intersect(reach, link.observed.carrying)])
        # What this node only held yields to what is measured further up.
        reach = subtract(reach, [*link.observed.dead, *link.observed.firm])
        if link.own_source or not reach:
            break
    down_at = union((a, b) for a, b, _ in down)
    up = subtract([*up, *clip(held, start, end)], down_at)
    unknown = complement([*up, *down_at], start, end)
    states: list[tuple[int, int, State]] = [(a, b, "up") for a, b in up]
    states += [(a, b, "down") for a, b in down_at]
    states += [(a, b, "unknown") for a, b in unknown]
    return FeedStates(sorted(states), sorted(down))


def port_states(columns: Columns, start: int, end: int) -> list[tuple[int, int, State]]:
    """Family `state` to states over [start, end), unknown filled in."""
    return fill_states(hold(columns.ts, columns.values["state"]), start, end)


def fill_states(
    held: Sequence[tuple[int, int, int]], start: int, end: int
) -> list[tuple[int, int, State]]:
    """States as they held (see `hold`) as those over [start, end), unknown filled in."""
    up = clip(((a, b) for a, b, state in held if state == UP), start, end)
    down = clip(((a, b) for a, b, state in held if state == DOWN), start, end)
    states: list[tuple[int, int, State]] = [(a, b, "up") for a, b in up]
    states += [(a, b, "down") for a, b in down]
    states += [(a, b, "unknown") for a, b in complement([*up, *down], start, end)]
    return sorted(states)


def temperature_values(columns: Columns, start: int, end: int) -> list[tuple[int, int, int]]:
    """(start, end, milli-degC) within [start, end); nothing where nothing was measured."""
    held = hold(columns.ts, columns.values["mc"])
    return [
        (max(a, start), min(b, end), value)
        for a, b, value in held
        if value != NO_TEMPERATURE and max(a, start) < min(b, end)
    ]


def all_down(feeds: Sequence[FeedStates]) -> Intervals:
    """When every feed was shown to be down."""
    if not feeds:
        return []
    found = feeds[0].of("down")
    for feed in feeds[1:]:
        found = intersect(found, feed.of("down"))
    return found
