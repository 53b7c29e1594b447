"""An independent evaluator: one cell per second, no interval algebra. Slow; for comparison only."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

UP, DOWN, UNKNOWN = 0, 1, 2
Mask = npt.NDArray[np.bool_]
Cells = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Clause:
    """A contract in numbers of seconds."""

    combine: str  # single | any | all | at_least
    at_least: int
    qualify_s: int
    strictly: bool
    from_threshold: bool
    bridge_s: int
    by_ticket: bool
    rounding: str  # none | up | down
    unit_s: int
    notice_s: int
    effect: str  # out_of_both | not_down
    target_pct: Fraction | None  # None: no downtime
    increment_s: int
    started: bool
    each_pct: int
    cap_pct: int
    clock: str = "ticket"  # where by_ticket: ticket | notice | detected
    report_s: int | None = None  # reported so soon after the outage's end
    short_s: int | None = None  # works excuse only outages this long at most


@dataclass(frozen=True)
class Works:
    start: int
    end: int
    announced: int
    resources: tuple[int, ...]  # indexes; empty = all


@dataclass(frozen=True)
class World:
    states: list[Cells]  # per resource over the horizon, cell i = second i
    works: list[Works]
    tickets: list[tuple[int, int, tuple[int, ...]]]  # opened, closed, resources
    service: tuple[int, int]
    kinds: tuple[str, ...] = ()  # of the tickets: ticket | notice | detection; rest are tickets

    def reports(self) -> list[tuple[int, int, tuple[int, ...], str]]:
        rest = ("ticket",) * (len(self.tickets) - len(self.kinds))
        kinds = (*self.kinds, *rest)
        return [(*one, kind) for one, kind in zip(self.tickets, kinds, strict=False)]


@dataclass(frozen=True)
class Answer:
    downtime_s: int
    unknown_s: int
    excluded_s: int
    denominator_s: int
    missed: bool | None
    credit_pct: int


def runs(mask: Mask) -> list[tuple[int, int]]:
    found, start = [], -1
    for at, on in enumerate([*mask.tolist(), False]):
        if on and start < 0:
            start = at
        if not on and start >= 0:
            found.append((start, at))
            start = -1
    return found


def bridged(cells: Cells, longest: int) -> Cells:
    cells = cells.copy()
    for start, end in runs(cells == UNKNOWN):
        inside = start > 0 and end < len(cells)
        if inside and end - start <= longest and cells[start - 1] == cells[end] == DOWN:
            cells[start:end] = DOWN
    return cells


def clocked(mask: Mask, world: World, resource: int, clock: str) -> Mask:
    on = np.zeros_like(mask)
    wanted = {"detected": "detection"}.get(clock, clock)
    for start, end in runs(mask):
        opened = [
            o
            for o, closed, names, kind in world.reports()
            if kind == wanted and (not names or resource in names) and o < end and closed > start
        ]
        if opened:
            on[max(start, min(opened)) : end] = True
        elif clock == "detected":
            on[start:end] = True
    return on


def reported(clause: Clause, world: World, start: int, end: int) -> bool:
    """Second by second: was a ticket or notice open in [start, end + allowed]?"""
    if clause.report_s is None:
        return True
    resources = set(range(len(world.states)))
    for opened, closed, names, kind in world.reports():
        if kind == "detection" or (names and not resources & set(names)):
            continue
        if opened <= end + clause.report_s and closed > start:
            return True
    return False


def excusable(clause: Clause, down: Mask) -> Mask:
    """Where works may excuse: everywhere, or in outages that are short enough."""
    if clause.short_s is None:
        return np.ones_like(down)
    brief = np.zeros_like(down)
    for low, high in runs(down):
        if high - low <= clause.short_s:
            brief[low:high] = True
    return brief


def rounded(clause: Clause, seconds: int) -> int:
    if clause.rounding == "up":
        return (seconds + clause.unit_s - 1) // clause.unit_s * clause.unit_s
    if clause.rounding == "down":
        return seconds // clause.unit_s * clause.unit_s
    return seconds


def answer(clause: Clause, world: World, treatment: str) -> Answer:
    horizon = len(world.states[0])
    n = len(world.states)
    need = {"all": n, "at_least": clause.at_least}.get(clause.combine, 1)
    service = np.zeros(horizon, dtype=bool)
    service[world.service[0] : world.service[1]] = True
    states = [bridged(cells, clause.bridge_s) for cells in world.states]
    downs, unknowns = [], []
    for index, cells in enumerate(states):
        bad = (cells == DOWN) | ((cells == UNKNOWN) & (treatment == "down"))
        downs.append(clocked(bad, world, index, clause.clock) if clause.by_ticket else bad)
        unknowns.append((cells == UNKNOWN) & (treatment == "left_out"))
    down: Mask = np.sum(np.array(downs), axis=0) >= need
    maybe = sum((d | u).astype(int) for d, u in zip(downs, unknowns, strict=True)) >= need
    window = np.zeros(horizon, dtype=bool)
    spared = [d.copy() for d in downs]
    for works in world.works:
        if works.start - works.announced < clause.notice_s:
            continue
        inside = np.zeros(horizon, dtype=bool)
        inside[max(works.start, 0) : works.end] = True
        inside &= service & excusable(clause, down)
        window |= inside
        for index in range(n):
            if not works.resources or index in works.resources:
                spared[index] &= ~inside
    # While anything fails outside its works, works elsewhere excuse nothing.
    excluded = window & ~(down & np.any(np.array(spared), axis=0))
    counted = 0
    for start, end in runs(down):
        length = end - start
        short = length < clause.qualify_s or (clause.strictly and length == clause.qualify_s)
        if short or not reported(clause, world, start, end):
            continue
        begin = start + clause.qualify_s if clause.from_threshold else start
        part = np.zeros(horizon, dtype=bool)
        part[begin:end] = True
        counted += rounded(clause, int((part & ~excluded & service).sum()))
    unknown = int((maybe & ~down & ~excluded & service).sum())
    denominator = int(service.sum()) - unknown
    if clause.effect == "out_of_both":
        denominator -= int(excluded.sum())
    missed = _missed(clause, counted, denominator, unknown)
    credit = 0
    if missed:
        share = Fraction(counted, clause.increment_s)
        times = -(-share.numerator // share.denominator) if clause.started else int(share)
        credit = min(times * clause.each_pct, clause.cap_pct)
    return Answer(counted, unknown, int(excluded.sum()), denominator, missed, credit)


def _missed(clause: Clause, counted: int, denominator: int, unknown: int) -> bool | None:
    if clause.target_pct is None:
        if denominator <= 0 and unknown and not counted:
            return None
        return counted > 0
    if denominator <= 0:
        return None if unknown else False
    up = max(denominator - counted, 0)
    return Fraction(100 * up, denominator) < clause.target_pct
