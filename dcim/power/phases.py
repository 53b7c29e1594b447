"""Pure: what a meter that tells its phases apart shows of all of them together."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from dcim.metering.families import DAY_MS, NOT_REPORTED

Ints = NDArray[np.int64]


def join_phases(ts: Ints, at: Ints, values: Mapping[str, Ints]) -> dict[str, Ints]:
    """At each of the instants `ts` (n, UTC epoch ms) what the phases told last, of arrays (phases,
    n): `at` when each did (0: never), `values` their mv, ma and mw then.

    `ma` and `mw` are of all phases together, `most_ma` and `most_mw` of the one that carries most:
    NOT_REPORTED where one isn't reported, or was told within a day before and not at that instant:
    two phases of three are no sum, and what was told longer ago is no phase of it any more. `mv` is
    the highest that was told, `phases` how many told; `whole` is 1 where none of them is missing.
    """
    here = at == ts
    whole = (here | (ts - at >= DAY_MS)).all(axis=0)
    joined = {
        "mv": np.where(here, values["mv"], NOT_REPORTED).max(axis=0),
        "phases": here.sum(axis=0),
        "whole": whole.astype(np.int64),
    }
    for name in ("ma", "mw"):
        told = np.where(here, values[name], 0)
        known = whole & (told != NOT_REPORTED).all(axis=0)
        joined[name] = np.where(known, told.sum(axis=0), NOT_REPORTED)
        joined[f"most_{name}"] = np.where(known, told.max(axis=0), NOT_REPORTED)
    return joined
