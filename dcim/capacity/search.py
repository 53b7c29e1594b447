"""Capacity search: a wish in; proposals with their grounds, refusals with numbers, gains out."""

import datetime as dt
import time
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.capacity.facts import When
from dcim.capacity.judging import REASONS, Judgement, judge
from dcim.capacity.proposals import Proposal, propose
from dcim.capacity.refusals import Gain, Refusal, explain, find_gains
from dcim.capacity.snapshot import current_board
from dcim.capacity.wish import Wish, check_wish
from dcim.columns import utc_now
from dcim.paging import Page, Paging

MOST_PROPOSALS = 12
# Of each reason this many racks are explained at once.
SHOWN_OF_EACH = 3


@dataclass(frozen=True, slots=True)
class RefusedGroup:
    """Racks that are refused by the same first reason: how many, and some of them."""

    reason: str
    racks: int
    refusals: list[Refusal]


@dataclass(frozen=True, slots=True)
class Answer:
    """`looked_at` racks (cabinets when whole ones are wished), `fitting` of them can take a place.

    `took_ms` is the search itself, with the check for what changed.
    """

    wish: Wish
    judged: Judgement
    when: When
    looked_at: int
    fitting: int
    proposals: list[Proposal]
    groups: list[RefusedGroup]
    gains: list[Gain]
    took_ms: float

    @property
    def refused(self) -> int:
        return self.looked_at - self.fitting


def search_capacity(
    session: Session,
    scope: Scope,
    wish: Wish,
    *,
    zone: ZoneInfo,
    now: dt.datetime | None = None,
    most: int = MOST_PROPOSALS,
    shown: int = SHOWN_OF_EACH,
) -> Answer:
    """Raises InvalidError for a wish that can't be, ForbiddenError for others than staff."""
    began = time.perf_counter()
    check_wish(wish)
    moment = now or utc_now()
    when = _when(wish.starts_on, moment, zone)
    day = dt.datetime.fromtimestamp(when.at_ms / 1000, zone).date()
    board = current_board(session, scope)
    judged = judge(board, wish, when)
    looked_at = int(judged.looked_at.sum())
    fitting = int(judged.fits.sum())
    proposals = propose(judged, when, most)
    return Answer(
        wish=wish,
        judged=judged,
        when=when,
        looked_at=looked_at,
        fitting=fitting,
        proposals=proposals,
        groups=_group(judged, when, shown),
        gains=find_gains(judged, board, when, day),
        took_ms=(time.perf_counter() - began) * 1000,
    )


def _when(starts_on: dt.date | None, now: dt.datetime, zone: ZoneInfo) -> When:
    """From the midnight that the wished day begins with; a day that has begun is now."""
    now_ms = round(now.timestamp() * 1000)
    if starts_on is None:
        return When(now_ms, now_ms)
    midnight = round(dt.datetime.combine(starts_on, dt.time(), zone).timestamp() * 1000)
    return When(max(now_ms, midnight), now_ms)


def _group(judged: Judgement, when: When, shown: int) -> list[RefusedGroup]:
    first = judged.first_reasons()
    return [
        RefusedGroup(
            name,
            count,
            explain(judged, np.flatnonzero(first == REASONS.index(name))[:shown].tolist(), when),
        )
        for name, count in judged.count_by_reason().items()
    ]


def page_refusals(answer: Answer, paging: Paging, reason: str | None = None) -> Page[Refusal]:
    """All refused racks with all that speaks against each, or those of one first reason."""
    first = answer.judged.first_reasons()
    wanted = first >= 0 if reason is None else first == REASONS.index(reason)
    spots = np.flatnonzero(wanted)
    part = spots[paging.offset : paging.offset + paging.size]
    items = explain(answer.judged, part.tolist(), answer.when)
    return Page(items, len(spots), paging.page, paging.size)
