"""Pure: what speaks against a rack, in words with numbers; and what loosening a wish would gain."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np

from dcim.capacity.board import Board
from dcim.capacity.chain import FEEDS
from dcim.capacity.facts import RackFacts, When
from dcim.capacity.judging import BIT, REASONS, Judgement, domains, judge
from dcim.capacity.masks import longest_run
from dcim.capacity.wish import Wish
from dcim.records.fields import mark

LATER_DAYS = 30
DAY_MS = 86_400_000
Told: TypeAlias = tuple[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Detail:
    """One reason with its numbers: English msgid material with %(name)s places."""

    reason: str
    message: str
    numbers: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.message % self.numbers


@dataclass(frozen=True, slots=True)
class Refusal:
    """A rack and everything that speaks against it, the first reason first."""

    rack: RackFacts
    details: tuple[Detail, ...]


@dataclass(frozen=True, slots=True)
class Gain:
    """How many more racks could take a place if this alone were loosened. `wish` is the other
    wish; `change` names the field, `before` and `after` its values."""

    change: str
    before: Any
    after: Any
    racks: int
    wish: Wish


def explain(judged: Judgement, spots: Sequence[int], when: When) -> list[Refusal]:
    """The reasons against the racks at these places of the board."""
    return [
        Refusal(
            judged.board.racks[at],
            tuple(
                _explain_one(judged, at, name, when)
                for name in REASONS
                if judged.against[at] & BIT[name]
            ),
        )
        for at in spots
    ]


def _explain_one(judged: Judgement, at: int, reason: str, when: When) -> Detail:
    message, numbers = TELLERS[reason](judged, at, when)
    return Detail(reason, message, numbers)


def _tell_layout(judged: Judgement, at: int, when: When) -> Told:
    return {
        "full": mark("The cabinet has one door for all of it."),
        "halves": mark("The cabinet is split in halves."),
        "quarters": mark("The cabinet is split in quarters."),
    }[judged.board.racks[at].layout], {}


def _tell_feed(judged: Judgement, at: int, when: When) -> Told:
    has = judged.board.spread.has[at]
    if not has.any():
        return mark("No feed is recorded for it."), {}
    return mark("Only feed %(feed)s reaches it."), {"feed": FEEDS[0 if has[0] else 1]}


def _tell_unjudged(judged: Judgement, at: int, when: When) -> Told:
    return mark("No power chain is recorded: it can't be judged."), {}


def _tell_weight(judged: Judgement, at: int, when: When) -> Told:
    left = int(judged.board.weight_left[at]) // 1000
    return mark("The cabinet bears %(left)s kg more, %(needed)s kg needed."), {
        "left": left,
        "needed": judged.wish.weight_kg,
    }


def _tell_ports(judged: Judgement, at: int, when: When) -> Told:
    wish = judged.wish
    free = judged.board.ports(wish.port_bps)[0 if wish.port_scope == "row" else 1][at]
    return mark("%(free)s free ports near it, %(needed)s needed."), {
        "free": int(free),
        "needed": wish.ports,
    }


def _tell_carrier(judged: Judgement, at: int, when: When) -> Told:
    return mark("%(carrier)s is not in the room."), {"carrier": judged.wish.carrier}


def _tell_near(judged: Judgement, at: int, when: When) -> Told:
    return mark("The customer has no rack in this room."), {}


def _tell_together(judged: Judgement, at: int, when: When) -> Told:
    return mark("Together with its neighbours %(racks)s racks fit, for %(needed)s places."), {
        "racks": _companions(judged, at),
        "needed": judged.wish.count,
    }


def _companions(judged: Judgement, at: int) -> int:
    """How many racks could take a place together, this one with them."""
    alone = judged.looked_at & ((judged.against & ~BIT["together"]) == 0)
    groups = domains(judged.board, judged.wish, alone)
    return int((alone & (groups == groups[at])).sum())


def _tell_closed(judged: Judgement, at: int, when: When) -> Told:
    rack = judged.board.racks[at]
    if rack.closed == "planned":
        return mark("The cabinet is only planned."), {}
    return mark("The cabinet is blocked."), {}


def _tell_space(judged: Judgement, at: int, when: When) -> Told:
    rack, wish = judged.board.racks[at], judged.wish
    free = rack.free(when)
    free_u = sum((free >> 2 * u) & 3 == 3 for u in range(rack.u_count))
    if wish.takes_all:
        return (
            mark("%(free)s of %(all)s U are free, all are needed."),
            {"free": free_u, "all": rack.u_count},
        )
    return (
        mark("Longest free run %(longest)s U of %(needed)s, %(free)s U free in all."),
        {"longest": longest_run(free, rack.u_count), "needed": wish.units, "free": free_u},
    )


def _tell_held(judged: Judgement, at: int, when: When) -> Told:
    rack = judged.board.racks[at]
    holds = [one for one in rack.claims if one.kind == "hold" and one.stands(when)]
    last = max(holds, key=lambda one: one.until_ms or 0)
    until = dt.datetime.fromtimestamp((last.until_ms or 0) / 1000, dt.UTC)
    return (
        mark("Held for %(prospect)s until %(until)s; longest free run %(longest)s U."),
        {
            "prospect": last.holder,
            "until": until.strftime("%Y-%m-%d"),
            "longest": rack.longest(when),
        },
    )


def _tell_power(judged: Judgement, at: int, when: When) -> Told:
    """The feed that bears the least, which node limits it, what is left there, what was needed."""
    board, moment, wish = judged.board, judged.moment, judged.wish
    rack = board.racks[at]
    sides = [side for side in range(2) if board.spread.has[at, side]]
    best = min if wish.feeds == "both" else max
    side = best(sides, key=lambda one: int(moment.left_w[at, one]))
    weakest = board.spread.weakest(moment.load_w, rack.rack_id, FEEDS[side])
    node, left = ("", 0) if weakest is None else (weakest[0].code, weakest[1])
    return (
        mark("%(feed)s path: %(node)s has %(left)s kW left, %(needed)s needed, %(short)s short."),
        {
            "feed": FEEDS[side],
            "node": node,
            "left": f"{left / 1000:.1f}",
            "needed": f"{wish.watts / 1000:.1f}",
            "short": f"{(wish.watts - left) / 1000:.1f}",
        },
    )


TELLERS: dict[str, Callable[[Judgement, int, When], Told]] = {
    "closed": _tell_closed,
    "layout": _tell_layout,
    "space": _tell_space,
    "held": _tell_held,
    "feed": _tell_feed,
    "unjudged": _tell_unjudged,
    "power": _tell_power,
    "weight": _tell_weight,
    "ports": _tell_ports,
    "carrier": _tell_carrier,
    "near": _tell_near,
    "together": _tell_together,
}


def loosen(wish: Wish) -> list[tuple[str, Any, Any, Wish]]:
    """Each wish made a step smaller, alone: (field, before, after, the other wish)."""
    steps: list[tuple[str, Any]] = []
    if wish.kind == "units" and wish.units > 1:
        steps.append(("units", wish.units - 1))
    if wish.watts:
        steps.append(("watts", wish.watts - 500 if wish.watts > 500 else 0))
    if wish.feeds == "both":
        steps.append(("feeds", "single"))
    if wish.weight_kg:
        steps.append(("weight_kg", wish.weight_kg * 3 // 4))
    if wish.ports:
        steps.append(("ports", wish.ports - 1))
    if wish.count > 1 and wish.relation != "any":
        steps.append(("relation", "any" if wish.relation == "same_row" else "same_row"))
    elif wish.count > 1:
        steps.append(("count", wish.count - 1))
    if wish.carrier:
        steps.append(("carrier", ""))
    if wish.near_customer_id is not None:
        steps.append(("near_customer_id", None))
    if wish.cage_id is not None:
        steps.append(("cage_id", None))
    if wish.room_id is not None:
        steps.append(("room_id", None))
    return [
        (name, getattr(wish, name), value, replace(wish, **{name: value})) for name, value in steps
    ]


def find_gains(judged: Judgement, board: Board, when: When, day: dt.date) -> list[Gain]:
    """What loosening each wish alone would gain, most first; what gains nothing is left out.

    `day` is the wished one: coming later is one of the ways.
    """
    before = judged.fits
    later = day + dt.timedelta(days=LATER_DAYS)
    tried = [(when, *step) for step in loosen(judged.wish)]
    waiting = replace(judged.wish, starts_on=later)
    much_later = When(when.at_ms + LATER_DAYS * DAY_MS, when.now_ms)
    tried.append((much_later, "starts_on", day, later, waiting))
    gains = []
    for instant, name, old, new, other in tried:
        after = judge(board, other, instant).fits
        more = int(np.count_nonzero(after & ~before))
        if more:
            gains.append(Gain(name, old, new, more, other))
    return sorted(gains, key=lambda one: -one.racks)
