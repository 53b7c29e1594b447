"""How use rises and falls: by the hour of the day, by the day of the week, and by chance."""

import numpy as np

from dcim.demo.noise import Floats, Ints, uniform, wander

DAY_MINUTES = 1_440

# Weight of each hour of the local day; scaled to a mean of 1.
_CURVES = {
    "office": (3, 2, 2, 2, 2, 3, 4, 7, 13, 18, 19, 17, 13, 15, 18, 19, 17, 15, 11, 9, 8, 7, 5, 4),
    "evening": (9, 5, 3, 2, 2, 2, 3, 4, 6, 7, 8, 9, 12, 11, 9, 9, 10, 11, 14, 18, 21, 22, 20, 15),
    "steady": (9, 9, 9, 9, 9, 9, 10, 10, 10, 11, 11, 11, 10, 11, 11, 11, 11, 10, 10, 10, 10, 10,
               9, 9),
    "night": (14, 24, 26, 25, 17, 7, 3, 3, 4, 5, 5, 5, 5, 5, 5, 5, 5, 4, 4, 4, 4, 4, 5, 8),
}  # fmt: skip
# Weight of Saturday and Sunday against a working day.
_WEEKEND = {"office": 0.5, "evening": 1.18, "steady": 0.97, "night": 1.0}

_HOURS = np.arange(-0.5, 25.0) / 24.0


def daily(name: str, minutes: Ints, offset_minutes: int) -> Floats:
    """The weight of each minute (since the Unix epoch), 1 on average over a working day.

    `offset_minutes`: the zone's distance from UTC.
    """
    curve = np.array(_CURVES[name], dtype=np.float64)
    curve /= curve.mean()
    local = minutes + offset_minutes
    clock = (local % DAY_MINUTES) / DAY_MINUTES
    weight: Floats = np.interp(clock, _HOURS, [curve[-1], *curve, curve[0]])
    weekday = (local // DAY_MINUTES + 3) % 7  # 1970-01-01 was a Thursday
    return weight * np.where(weekday >= 5, _WEEKEND[name], 1.0)


def traffic(name: str, salt: int, minutes: Ints, offset_minutes: int) -> Floats:
    """Relative traffic of each minute: the day's curve, drift, jitter, and a burst now and then."""
    weight = daily(name, minutes, offset_minutes)
    weight *= 1.0 + 0.16 * wander(salt, minutes, 37) + 0.10 * (uniform(salt + 1, minutes) - 0.5)
    burst = uniform(salt + 2, minutes // 18) > 0.988
    return np.maximum(weight * np.where(burst, 1.7, 1.0), 0.01)


def load(salt: int, minutes: Ints, offset_minutes: int) -> Floats:
    """Relative power draw of a rack: servers idle at much of what they draw at work."""
    day = daily("office", minutes, offset_minutes)
    drift = 0.035 * wander(salt, minutes, 53) + 0.02 * (uniform(salt + 1, minutes) - 0.5)
    return 0.93 + 0.07 * day + drift
