"""Pure: what a LAG has lost of its members, as they were at each instant.

Facts of members: `start`, `end` and `detached` (UTC epoch ms, NaN: not yet), `speed` in bit/s,
`holds_ms` how long a state of it holds, 0 where nothing measures it.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from dcim.alarms.rules.parts import Facts, Floats, Told
from dcim.metering.families import DOWN, UP

# So many lost ones are named.
NAMED = 8


def count_members(told: Told, facts: Facts) -> Mapping[str, Floats]:
    """`lost`: members that are down or that LACP left out; `left`: percent of the speed of all that
    is left. Unknown without members; where nothing is lost that is known, but of one that is
    measured nothing is; and `left` without any speed."""
    within, lost, unknown = _judge(told, facts)
    known = within.any(axis=0) & (lost.any(axis=0) | ~unknown.any(axis=0))
    speeds = np.nan_to_num(facts["speed"])
    whole = np.where(within, speeds, 0).sum(axis=0)
    gone = np.where(lost, speeds, 0).sum(axis=0)
    left = 100 * (1 - gone / np.where(whole > 0, whole, np.nan))
    return {
        "lost": np.where(known, lost.sum(axis=0), np.nan),
        "left": np.where(known, left, np.nan),
    }


def tell_members(told: Told, facts: Facts) -> dict[str, Any] | None:
    """Of one instant: how many members there are, and the places of those that are lost."""
    within, lost, _unknown = _judge(told, facts)
    places = [int(place) for place in np.flatnonzero(lost[:, 0])]
    return {"members": int(within.sum()), "lost": len(places), "places": places[:NAMED]}


def _judge(told: Told, facts: Facts) -> tuple[Any, Any, Any]:
    """(is a member, is lost, may be), each of (members, n)."""
    fresh = told.ts - told.at <= facts["holds_ms"]
    state = np.where(fresh, told.values["state"], 0)
    within = (told.ts >= facts["start"]) & ~(told.ts >= facts["end"])
    lost = within & ((told.ts >= facts["detached"]) | (state == DOWN))
    unknown = within & ~lost & (state != UP) & (np.asarray(facts["holds_ms"]) > 0)
    return within, lost, unknown
