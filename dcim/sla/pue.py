"""Pure: PUE by steps, of what meters showed; nothing is filled in.

PUE is the energy of the whole site by that of its IT over the same time (ISO/IEC 30134-2). Its
category says where IT is measured: 1 at the output of the UPSs, 2 at that of the PDUs. It is of a
year; of less it is an interim PUE, iPUE.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dcim.metering.batch import Columns
from dcim.metering.families import DAY_MS
from dcim.metering.held import cover_held

Floats = npt.NDArray[np.float64]
# So much of a step each meter must have been read, and so many of the steps be known, for a value.
MIN_COVER = 0.9
YEAR_MS = 365 * DAY_MS


@dataclass(frozen=True, slots=True)
class Pue:
    """From `start` in steps of `step_ms` (UTC epoch ms): mean W of the site and of its IT, NaN
    where a meter was read for less than MIN_COVER of the step."""

    start: int
    step_ms: int
    total: Floats
    it: Floats

    @property
    def is_known(self) -> npt.NDArray[np.bool_]:
        """Less than IT alone isn't possible: a source without a meter ran, or a meter is wrong."""
        found: npt.NDArray[np.bool_] = (self.it > 0) & (self.total >= self.it)
        return found

    @property
    def values(self) -> Floats:
        known = self.is_known
        found = np.full(len(known), np.nan)
        found[known] = self.total[known] / self.it[known]
        return found

    @property
    def coverage(self) -> float:
        """The share of the steps that are known, 0 to 1."""
        return float(self.is_known.mean()) if len(self.it) else 0.0

    @property
    def value(self) -> float | None:
        """Energy by energy over the known steps; none where too few are."""
        known = self.is_known
        if self.coverage < MIN_COVER:
            return None
        return float(self.total[known].sum() / self.it[known].sum())

    @property
    def is_annual(self) -> bool:
        return len(self.it) * self.step_ms >= YEAR_MS

    def gaps(self) -> list[tuple[int, int]]:
        """[start, end) of stretches without a value."""
        edges = np.flatnonzero(np.diff(np.concatenate(([True], self.is_known, [True]))))
        return [
            (self.start + int(low) * self.step_ms, self.start + int(high) * self.step_ms)
            for low, high in edges.reshape(-1, 2)
        ]


@dataclass(slots=True)
class Meter:
    """mW × ms and ms read, by step."""

    energy: Floats
    read_ms: Floats

    def mean_w(self, step_ms: int) -> Floats:
        known = self.read_ms >= MIN_COVER * step_ms
        found = np.full(len(known), np.nan)
        found[known] = self.energy[known] / self.read_ms[known] / 1000
        return found


def add_readings(
    meter: Meter, columns: Columns, start: int, step_ms: int, end: int, holds_ms: int
) -> None:
    """Readings of some time in [start, end), before the steps' end; a reading counts in the step
    that it was taken in, for as long as it held, at most `holds_ms`."""
    held = cover_held(columns, "mw", holds_ms, end)
    places = (held.ts - held.span_ms - start) // step_ms
    inside = (places >= 0) & (places < len(meter.energy))
    places, spans = places[inside], held.span_ms[inside].astype(np.float64)
    count = len(meter.energy)
    meter.read_ms += np.bincount(places, spans, count)
    meter.energy += np.bincount(places, spans * held.values["mw"][inside], count)


def start_meter(count: int) -> Meter:
    return Meter(np.zeros(count), np.zeros(count))


def divide(start: int, step_ms: int, total: Sequence[Meter], it: Sequence[Meter]) -> Pue:
    """Of the meters of each side, which are added up; a side without any is unknown throughout."""

    def add(meters: Sequence[Meter]) -> Floats:
        if not meters:
            return np.full(len((*total, *it)[0].energy) if (*total, *it) else 0, np.nan)
        found: Floats = np.sum([one.mean_w(step_ms) for one in meters], axis=0)
        return found

    return Pue(start, step_ms, add(total), add(it))
