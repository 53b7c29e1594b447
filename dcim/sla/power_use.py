"""What sites and rooms draw by the day, beside what is sold there, and when their power runs out.

Measured figures come from the days that the rounds have added up (`power_rounds`).
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.errors import ForbiddenError
from dcim.sla.power_day_models import PowerDay
from dcim.sla.power_rounds import DAYS, Key
from dcim.sla.power_sums import BINS
from dcim.sla.pue import MIN_COVER
from dcim.sla.rules.runout import RunOut, find_run_outs

# So many bins of a day must be known for it to count.
LEAST_BINS = MIN_COVER * BINS
# A place whose newest day is older than this isn't added up any more: nothing is fed there.
GONE = dt.timedelta(days=2)


@dataclass(frozen=True, slots=True)
class PowerUse:
    """W. `peak_w` and `mean_w` are of `day`, the newest that counts: over, and known for
    LEAST_BINS; `days` such are kept. `contracted_w` is what is sold there and `derated_w` what one
    feed may carry for long, as of `measured_at`; none where only earlier days are added up.
    `run_outs` are of SHARES of the derated, by the days' peaks; none where that is nothing."""

    measured_at: dt.datetime
    feeds: int
    unmeasured: int
    day: dt.date | None
    mean_w: int | None
    peak_w: int | None
    days: int
    contracted_w: int | None
    derated_w: int | None
    run_outs: Sequence[RunOut]

    @property
    def measured_share(self) -> float | None:
        return self.peak_w / self.derated_w if self.derated_w and self.peak_w is not None else None

    @property
    def sold_share(self) -> float | None:
        if not self.derated_w or self.contracted_w is None:
            return None
        return self.contracted_w / self.derated_w

    @property
    def runs_out(self) -> RunOut | None:
        """All of it."""
        return self.run_outs[-1] if self.run_outs else None


def stamp_power_use(session: Session) -> tuple[dt.datetime | None, int]:
    """Another whenever a round has written. One statement."""
    found = session.execute(select(func.max(PowerDay.measured_at), func.count())).one()
    return found[0], int(found[1])


def read_power_use(
    session: Session, scope: Scope, now: dt.datetime, *, rooms: bool = True
) -> dict[Key, PowerUse]:
    """By place: sites, and their rooms. One statement; staff only."""
    if not scope.is_staff:
        raise ForbiddenError("Only staff see the power of the house.")
    today = now.astimezone(dt.UTC).date()
    statement = (
        select(
            PowerDay.site_id, PowerDay.room_id, PowerDay.day, PowerDay.measured_at, PowerDay.feeds,
            PowerDay.unmeasured, PowerDay.known, PowerDay.mean_w, PowerDay.peak_w,
            PowerDay.contracted_w, PowerDay.derated_w,
        )
        .where(PowerDay.day >= today - dt.timedelta(days=DAYS))
        .order_by(PowerDay.site_id, PowerDay.room_id, PowerDay.day)
    )  # fmt: skip
    if not rooms:
        statement = statement.where(PowerDay.site_id.is_not(None))
    return dict(_tell(session.execute(statement), today))


def _tell(rows: Any, today: dt.date) -> Iterator[tuple[Key, PowerUse]]:
    for (site_id, room_id), several in groupby(rows, key=lambda row: (row.site_id, row.room_id)):
        days = list(several)
        newest = days[-1]
        if newest.day < today - GONE:
            continue
        # Today isn't over: its peak may be to come.
        whole = [row for row in days if row.day < today and row.known >= LEAST_BINS]
        last = whole[-1] if whole else None
        run_outs: list[RunOut] = []
        if newest.derated_w:
            peaks = {row.day: float(row.peak_w) for row in whole}
            run_outs = find_run_outs(peaks, newest.derated_w, today)
        yield (
            ("site_id", site_id) if room_id is None else ("room_id", room_id),
            PowerUse(
                newest.measured_at, newest.feeds, newest.unmeasured,
                last.day if last else None, last.mean_w if last else None,
                last.peak_w if last else None, len(whole), newest.contracted_w, newest.derated_w,
                run_outs,
            ),
        )  # fmt: skip
