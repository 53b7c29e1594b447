"""Pure: what is measured part by part: a meter's phases, a module's lanes, a LAG's members."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dcim.metering.batch import Columns

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
# A number of each subject (its speed, its rating), or of the one; of parts an array (parts, n) or
# (parts, 1), NaN where a part has none, or isn't there.
Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """At the instants `ts` (n, UTC epoch ms) what each part told last: arrays (parts, n), `at` when
    that was, 0 where it never was; `span_ms` (n) is the first part's."""

    ts: Ints
    span_ms: Ints
    at: Ints
    values: Mapping[str, Ints]


def align(several: Sequence[Columns]) -> Told:
    """Of each part its samples, at every instant at which any of them told something."""
    if len(several) == 1:
        [one] = several
        values = {name: column[np.newaxis] for name, column in one.values.items()}
        return Told(one.ts, one.span_ms, one.ts[np.newaxis], values)
    ts = np.unique(np.concatenate([one.ts for one in several]))
    places = [np.searchsorted(one.ts, ts, side="right") - 1 for one in several]

    def spread(columns: Sequence[Ints]) -> Ints:
        return np.stack(
            [
                np.where(place >= 0, column[np.maximum(place, 0)], 0) if len(column) else ts * 0
                for column, place in zip(columns, places, strict=True)
            ]
        )

    return Told(
        ts,
        spread([one.span_ms for one in several])[0],
        spread([one.ts for one in several]),
        {name: spread([one.values[name] for one in several]) for name in several[0].values},
    )
