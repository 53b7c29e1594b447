"""Pure: how far a module's light is within its thresholds, lane by lane; the worst lane counts.

Facts of lanes: `rx_low`, `rx_high`, `tx_low`, `tx_high` in thousandths of a dBm, and `rx_lit`,
`tx_lit`: since when it has had light at all (UTC epoch ms); NaN where there is none.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from dcim.alarms.rules.parts import Facts, Floats, Told
from dcim.metering.families import NO_LIGHT, NO_POWER

# What no light counts as, dB.
FLOOR_DB = -40.0
# A laser that is on draws more, in microamperes.
OFF_UA = 1_000
WAYS = ("rx", "tx")


def find_margins(told: Told, facts: Facts) -> Mapping[str, Floats]:
    """`margin`: dB to the nearest threshold, below 0 beyond it, of the lane and direction that has
    least; FLOOR_DB without light. Unknown where some lane that has had light isn't told, unless
    another is beyond its threshold anyhow, and where the port's own lasers are all off, without
    light or current: somebody shut it. What never had light, or has no threshold, isn't judged.
    """
    left = _measure_lanes(told, facts)
    least = np.nanmin(np.where(np.isnan(left), np.inf, left), axis=0)
    is_sure = (least < 0) | ~np.isnan(left).any(axis=0)
    known = is_sure & np.isfinite(least) & ~_is_off(told)
    return {"margin": np.where(known, least, np.nan)}


def tell_light(told: Told, facts: Facts) -> dict[str, Any] | None:
    """Of one instant: which lane has least, its light in thousandths of a dBm (None: no light) and
    the threshold that is nearest (None: it has none)."""
    left = _measure_lanes(told, facts)[:, 0]
    if not np.isfinite(left).any():
        return None
    worst = int(np.argmin(np.where(np.isnan(left), np.inf, left)))
    lane, way = worst % len(told.at), WAYS[worst // len(told.at)]
    mdbm = int(told.values[f"{way}_mdbm"][lane, 0])
    low, high = (float(facts[f"{way}_{side}"][lane, 0]) for side in ("low", "high"))
    # Not even NaN is nearer than what is told.
    is_low = mdbm <= NO_LIGHT or not high - mdbm < mdbm - low
    limit = low if is_low and not np.isnan(low) else high
    return {
        "lane": lane + 1,
        "way": way,
        "mdbm": None if mdbm <= NO_LIGHT else mdbm,
        "limit_mdbm": None if np.isnan(limit) else int(limit),
        "is_low": limit == low,
    }


def _measure_lanes(told: Told, facts: Facts) -> Floats:
    """dB of each lane, received and then sent (2 × lanes, n): infinite where it isn't judged, NaN
    where it isn't told."""
    here, ways = told.at == told.ts, []
    for way in WAYS:
        mdbm = told.values[f"{way}_mdbm"]
        left = np.fmin(mdbm - facts[f"{way}_low"], facts[f"{way}_high"] - mdbm) / 1000
        left = np.where(np.isnan(left), np.inf, left)
        left = np.where(mdbm <= NO_LIGHT, FLOOR_DB, left)
        left = np.where(here & (mdbm > NO_POWER), left, np.nan)
        ways.append(np.where(told.ts >= facts[f"{way}_lit"], left, np.inf))
    return np.concatenate(ways)


def _is_off(told: Told) -> Any:
    here, sent = told.at == told.ts, told.values["tx_mdbm"]
    is_told = here & (sent > NO_POWER)
    burns = (is_told & (sent > NO_LIGHT)) | (here & (told.values["bias_ua"] > OFF_UA))
    return is_told.any(axis=0) & ~burns.any(axis=0)
