"""From single polls to stretches of time: what of a window was measured, what not, and why. Pure.

A sample tells of the time since the poll before it, so what it lacks is missing there: a gap begins
at the poll before its first bad one, or one interval before it where polls are missing too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dcim.snmp.counting.counter_arrays import REASONS

Ints = NDArray[np.int64]

# No poll was kept: the agent was silent, or nobody polled it.
SILENT: Final = "silent"
# Codes in the order of time and things: of a sample, of a thing that wasn't there to be polled, of
# a poll that is missing; the others are 1 + the place of the reason in REASONS.
SAMPLE, ABSENT, MISSED = 0, -1, 255
# A poll that is under way isn't missing: it may take this share of the interval and is kept then.
_UNDER_WAY = 0.85
# Two polls farther apart than so many intervals have others missing between them.
_APART = 1.5


@dataclass(frozen=True, slots=True)
class GapSpan:
    """A stretch without samples, UTC epoch ms; `polls` is how many were due in it."""

    reason: str
    begin_ms: int
    end_ms: int
    polls: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of what was due of one thing is there."""

    name: str
    due: int
    got: int
    gaps: list[GapSpan]

    @property
    def missing(self) -> int:
        return self.due - self.got


@dataclass(frozen=True, slots=True)
class Window:
    """The time looked at, UTC epoch ms, and how often is polled.

    `polled_before`: polls were due from its beginning on, not only from the first that is kept.
    """

    begin_ms: int
    end_ms: int
    interval_ms: int
    polled_before: bool


@dataclass(frozen=True, slots=True)
class Timeline:
    """Polls and the spaces where some are missing, in order, without overlap.

    `poll` is a poll's place, -1 of a space; `weight` is how many polls were due.
    """

    begin: Ints
    end: Ints
    weight: Ints
    poll: Ints


def lay_out(times: Ints, window: Window) -> Timeline:
    """Find the spaces between polls at these times, which rise and lie in the window."""
    step = window.interval_ms
    rows: list[tuple[int, int, int, int]] = []
    before = window.begin_ms if window.polled_before else None
    for place, at in enumerate(times.tolist()):
        begin = at - step if before is None else before
        if before is not None:
            missed = _missed(at - before, step, inner=place > 0)
            if missed:
                begin = at - step
                rows.append((before, begin, missed, -1))
        rows.append((max(begin, window.begin_ms), at, 1, place))
        before = at
    if before is not None:
        missed = max(0, int((window.end_ms - before - _UNDER_WAY * step) // step))
        if missed:
            rows.append((before, window.end_ms, missed, -1))
    table = np.array(rows, dtype=np.int64).reshape(-1, 4).T
    return Timeline(*table)


def _missed(distance: int, step: int, *, inner: bool) -> int:
    """How many polls fit into a distance to the next one."""
    if distance < (_APART if inner else 1) * step:
        return 0
    return max(1, round(distance / step) - 1) if inner else max(0, (distance - 1) // step)


def join_gaps(names: Sequence[str], codes: NDArray[np.int16], line: Timeline) -> list[Coverage]:
    """Join what is missing for the same reason; `codes` has a row per poll, a column per name."""
    told = _with_spaces(codes, line)
    found = []
    for column, name in enumerate(names):
        mine = told[:, column]
        due = mine != ABSENT
        bad = due & (mine != SAMPLE)
        weights = line.weight
        found.append(
            Coverage(
                name,
                int(weights[due].sum()),
                int(weights[due & ~bad].sum()),
                _join(mine, line) if bad.any() else [],
            )
        )
    return found


def _with_spaces(codes: NDArray[np.int16], line: Timeline) -> NDArray[np.int16]:
    """A row per row of the timeline: in a space are those missed that the poll before it had, or,
    where there is none before it, the poll behind it.
    """
    told = np.full((len(line.poll), codes.shape[1]), MISSED, dtype=np.int16)
    if len(codes):
        polled = line.poll >= 0
        told[polled] = codes[line.poll[polled]]
        last = np.maximum.accumulate(np.where(polled, line.poll, -1))
        for row in np.flatnonzero(~polled).tolist():
            near = codes[max(int(last[row]), 0)]
            told[row] = np.where(near == ABSENT, ABSENT, MISSED)
    return told


def _join(codes: NDArray[np.int16], line: Timeline) -> list[GapSpan]:
    ends = np.flatnonzero(np.diff(codes)) + 1
    spans = []
    for rows in np.split(np.arange(len(codes)), ends):
        code = int(codes[rows[0]])
        if code not in (SAMPLE, ABSENT):
            spans.append(
                GapSpan(
                    SILENT if code == MISSED else name_reason(code),
                    int(line.begin[rows[0]]),
                    int(line.end[rows[-1]]),
                    int(line.weight[rows].sum()),
                )
            )
    return spans


def name_reason(code: int) -> str:
    """The reason that a frame's code stands for; a newer program's is "unknown"."""
    return str(REASONS[code - 1]) if 0 < code <= len(REASONS) else "unknown"
