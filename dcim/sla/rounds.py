"""Rounds: what is due is gone through within a budget of time, each in a transaction of its own;
and which days are due where sums are kept by the UTC day."""

import datetime as dt
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import structlog
from sqlalchemy import ColumnElement, func
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.db import SessionFactory, transaction

log = structlog.get_logger(__name__)

# Late samples come until then; afterwards a day or month that is over isn't looked at again.
SETTLED = dt.timedelta(hours=6)
ONE_DAY = dt.timedelta(days=1)

Due = TypeVar("Due")


@dataclass(slots=True)
class RoundReport:
    """`left` wait for the next round."""

    done: int = 0
    failed: int = 0
    left: int = 0


def go_through(
    sessions: SessionFactory,
    scope: Scope,
    due: Sequence[Due],
    measure: Callable[[Session, Due], None],
    deadline: float,
) -> RoundReport:
    """`measure` each until the deadline (monotonic, s). One that fails keeps its older figures and
    stops no other."""
    report = RoundReport()
    for number, one in enumerate(due):
        if time.monotonic() > deadline:
            report.left = len(due) - number
            log.warning("a round is out of time", of=scope.actor, left=report.left)
            break
        try:
            with transaction(sessions, scope) as session:
                measure(session, one)
            report.done += 1
        except Exception:
            log.exception("a round failed at this", of=scope.actor, at=str(one))
            report.failed += 1
    return report


def today_of(now: dt.datetime) -> dt.date:
    """The UTC day."""
    return now.astimezone(dt.UTC).date()


def settles_at(day: Any) -> ColumnElement[dt.datetime]:
    """Of a column of days: from when on what was measured of one is final."""
    return func.timezone("UTC", day + (ONE_DAY + SETTLED))


def choose_days(
    today: dt.date,
    days: int,
    serving: Callable[[dt.date], Collection[Any]],
    settled: Mapping[dt.date, set[Any]],
    at_once: int,
) -> list[dt.date]:
    """Today, and the newest few of the `days` up to it on which somebody served who isn't settled;
    the newest first."""
    past = (today - back * ONE_DAY for back in range(1, days))
    due = (day for day in past if set(serving(day)) - settled.get(day, set()))
    return [*([today] if serving(today) else []), *islice(due, at_once)]
