"""PUE of a site over a stretch of time: which stretches there are, and flat rows of one."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dcim.metering.downsampling import listed
from dcim.metering.families import DAY_MS
from dcim.sla.pue import Pue
from dcim.sla.pue_meters import PueMeters
from dcim.sla.rules.periods import to_ms

MINUTE_MS = 60_000
# How far back, and by which steps.
WINDOWS = {
    "24h": (DAY_MS, 15 * MINUTE_MS),
    "30d": (30 * DAY_MS, 60 * MINUTE_MS),
    "12m": (365 * DAY_MS, DAY_MS),
}


@dataclass(frozen=True, slots=True)
class PueNow:
    """`found` of [start, end), UTC epoch ms, in steps of `step_ms`; none where the meters don't
    tell."""

    meters: PueMeters
    found: Pue | None
    start: int
    end: int
    step_ms: int

    @property
    def newest(self) -> dt.datetime | None:
        """The end of the last step in which both sides were read."""
        if self.found is None:
            return None
        there = np.flatnonzero(~np.isnan(self.found.total) & ~np.isnan(self.found.it))
        return _moment(self.start + (int(there[-1]) + 1) * self.step_ms) if there.size else None


def find_window(name: str, now: dt.datetime) -> tuple[int, int, int]:
    """(start, end, step), UTC epoch ms: whole steps that are over, of UTC."""
    length, step = WINDOWS[name]
    end = to_ms(now) // step * step
    return end - length, end, step


@dataclass(frozen=True, slots=True)
class PueStepRow:
    """Mean W of the site and of its IT, none where a meter was read for less than 90 % of the
    step; no PUE where either isn't known or the site showed less than its IT."""

    starts_at: dt.datetime
    ends_at: dt.datetime
    site_w: float | None
    it_w: float | None
    pue: float | None


@dataclass(frozen=True, slots=True)
class PueRow:
    """`value` is energy by energy over the known steps, none where fewer than 90 % are; of less
    than a year it is an interim PUE. `unmetered` utilities and `loose` nodes stand in its way."""

    site_id: int
    window: str
    category: int
    is_annual: bool
    value: float | None
    coverage: float
    unmetered: list[str]
    loose: list[str]
    steps: list[PueStepRow]


def describe_pue(site_id: int, window: str, now: PueNow) -> PueRow:
    found = now.found
    return PueRow(
        site_id,
        window,
        now.meters.category,
        found is not None and found.is_annual,
        found.value if found else None,
        found.coverage if found else 0.0,
        list(now.meters.unmetered),
        list(now.meters.loose),
        list(describe_steps(now)),
    )


def describe_steps(now: PueNow) -> Iterator[PueStepRow]:
    if now.found is None:
        return
    columns = (listed(each) for each in (now.found.total, now.found.it, now.found.values))
    for place, values in enumerate(zip(*columns, strict=True)):
        start = now.start + place * now.step_ms
        yield PueStepRow(_moment(start), _moment(start + now.step_ms), *values)


def _moment(ms: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(ms / 1000, dt.UTC)
