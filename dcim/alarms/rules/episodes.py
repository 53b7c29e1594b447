"""Pure: the one evaluation, of samples to alarms that begin and end.

It is a machine that is fed samples in the order of their time and can stop anywhere: fed bit by
bit, as a live run does, it says the same as fed all at once, as a test on history does.

Unknown is not a value: a sample that says nothing, or a gap longer than a sample holds, neither
raises nor ends anything; what had to last unbroken begins to count again after it.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dcim.alarms.rules.limits import Limits
from dcim.alarms.rules.parts import Floats, Ints

EventKind = Literal["raised", "cleared", "flapping", "steady"]


@dataclass(frozen=True, slots=True)
class State:
    """What is remembered of a subject between samples; instants in UTC epoch ms.

    `beyond`: the limit was passed for long enough and not yet undone. `since`: since when the
    contrary is shown without a break. `last`: the newest sample. `changes`: when `beyond` last
    changed, as far back as flapping counts. `steady`: since when samples show no change.
    """

    beyond: bool = False
    since: int | None = None
    last: int | None = None
    changes: tuple[int, ...] = ()
    flapping: bool = False
    steady: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether an alarm is on: beyond its limit, or flapping and not yet calm."""
        return self.beyond or self.flapping

    def is_calm(self, memory_ms: int) -> bool:
        """Nothing to remember: as if it had never been measured."""
        recent = self.changes and (self.last or 0) - self.changes[-1] <= memory_ms
        return not self.is_open and self.since is None and not recent


CALM = State()


@dataclass(frozen=True, slots=True)
class Event:
    """`at` is the sample that showed it; `began` the first one beyond the limit, of what is raised;
    `value` what that sample said."""

    kind: EventKind
    at: int
    began: int
    value: float


@dataclass(frozen=True, slots=True)
class Episode:
    """An alarm, [raised, cleared); not over yet where `cleared` is None. `value` raised it."""

    began: int
    raised: int
    cleared: int | None
    flapping: bool
    value: float


def advance(
    limits: Limits, state: State, ts: Ints, values: Floats, holds_ms: int
) -> tuple[State, list[Event]]:
    """Feed samples, sorted by time; those not newer than the last one fed are left out.

    A sample holds until the next one, at most `holds_ms`.
    """
    if state.last is not None:
        first = int(np.searchsorted(ts, state.last, side="right"))
        ts, values = ts[first:], values[first:]
    if not len(ts):
        return state, []
    bad, good = pass_limits(limits, values)
    stirring = np.flatnonzero(bad), np.flatnonzero(~bad), np.flatnonzero(good)
    machine = _Machine(limits, state)
    at, count = 0, len(ts)
    while at < count:
        # Nothing can happen before the next sample that isn't like those before.
        if machine.is_settled:
            ahead = stirring[2] if machine.beyond else stirring[0]
            place = int(np.searchsorted(ahead, at))
            if place == len(ahead):
                break
            at = int(ahead[place])
            machine.last = int(ts[at - 1]) if at else machine.last
        machine.feed(int(ts[at]), float(values[at]), bool(bad[at]), bool(good[at]), holds_ms)
        at += 1
    machine.last = int(ts[-1])
    return machine.remember(), machine.events


def pass_limits(limits: Limits, values: Floats) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(at the limit or beyond, at the other one or better); neither where unknown."""
    if limits.above:
        return values >= limits.raise_at, values <= limits.clear_at
    return values <= limits.raise_at, values >= limits.clear_at


class _Machine:
    def __init__(self, limits: Limits, state: State) -> None:
        self.limits = limits
        self.beyond, self.since, self.last = state.beyond, state.since, state.last
        self.changes, self.flapping, self.steady = state.changes, state.flapping, state.steady
        self.events: list[Event] = []

    @property
    def is_settled(self) -> bool:
        return self.since is None and not self.flapping

    def remember(self) -> State:
        return State(self.beyond, self.since, self.last, self.changes, self.flapping, self.steady)

    def feed(self, at: int, value: float, bad: bool, good: bool, holds_ms: int) -> None:
        unshown = self.last is not None and at - self.last > holds_ms
        if unshown or np.isnan(value):
            self.since = None
            self.steady = at if self.flapping else None
        self.last = at
        if np.isnan(value):
            return
        contrary, lasting = (
            (good, self.limits.clear_for_ms) if self.beyond else (bad, self.limits.raise_for_ms)
        )
        if not contrary:
            self.since = None
        else:
            self.since = at if self.since is None else self.since
            if at - self.since >= lasting:
                self._turn(at, value)
        calm_for = 0 if self.steady is None else at - self.steady
        if self.flapping and calm_for >= self.limits.flap_within_ms:
            self._calm_down(at, value)

    def _turn(self, at: int, value: float) -> None:
        began, self.since, was_open = self.since or at, None, self.beyond or self.flapping
        self.beyond = not self.beyond
        oldest = at - self.limits.flap_within_ms
        self.changes = (*(one for one in self.changes if one > oldest), at)
        if self.beyond and not was_open:
            self.events.append(Event("raised", at, began, value))
        if self.flapping:
            self.steady = at
        elif self.limits.flap_changes and len(self.changes) >= self.limits.flap_changes:
            self.flapping, self.steady = True, at
            self.events.append(Event("flapping", at, began, value))
        elif not self.beyond:
            self.events.append(Event("cleared", at, began, value))

    def _calm_down(self, at: int, value: float) -> None:
        self.flapping, self.steady, self.changes = False, None, ()
        kind: EventKind = "steady" if self.beyond else "cleared"
        self.events.append(Event(kind, at, at, value))


def gather(events: Iterable[Event]) -> list[Episode]:
    """The alarms these events tell of, oldest first."""
    found: list[Episode] = []
    for event in events:
        if event.kind == "raised":
            found.append(Episode(event.began, event.at, None, False, event.value))
        elif found and event.kind == "flapping":
            found[-1] = replace(found[-1], flapping=True)
        elif found and event.kind == "cleared":
            found[-1] = replace(found[-1], cleared=event.at)
    return found


def write_state(state: State) -> dict[str, Any]:
    """As JSON; `read_state` reads it back."""
    return asdict(state) | {"changes": list(state.changes)}


def read_state(body: dict[str, Any]) -> State:
    return State(**{**body, "changes": tuple(body["changes"])})
