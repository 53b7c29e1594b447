"""The air outside, what cooling takes for it, and what is lost on the way: the house beyond its IT.

Pure functions of the minute (since the Unix epoch). The climate is that of a city on the lower
Yangtze; losses and cooling are those of a plant of a hundred kilowatts with free cooling.
"""

import numpy as np

from dcim.demo.noise import Floats, Ints, salt_of, wander
from dcim.demo.rhythm import DAY_MINUTES

YEAR_MINUTES = 365.2425 * DAY_MINUTES
# °C: the year's mean, how far its seasons and its days swing, and what the weather adds.
MEAN_C, SEASON_C, DAY_C, WEATHER_C = 16.5, 11.5, 4.5, 3.0
# The coldest day, and the warmest hour of a day by the site's clock.
COLDEST_DAY, WARMEST_HOUR = 20, 15
WEATHER_MINUTES = 2_160
# W that cooling takes for each W of heat, by the temperature outside: free cooling alone up to the
# first, compressors alone from the last on.
COOLING_C = (6.0, 14.0, 24.0, 38.0)
COOLING_W = (0.15, 0.19, 0.27, 0.36)
# A UPS's own draw, mW, and what else it and the transformer lose of what passes.
UPS_IDLE_MW = 1_500_000
UPS_LOSS, TRANSFORMER_LOSS = 0.03, 0.01
# Light, doors, the control room: mW of each feed.
HOUSE_MW = 1_000_000


def outside_c(seed: int, minutes: Ints, offset_minutes: int) -> Floats:
    """°C; `offset_minutes`: the zone's distance from UTC."""
    local = minutes + offset_minutes
    season = np.cos(2 * np.pi * (local / YEAR_MINUTES - COLDEST_DAY / 365.2425))
    hour = (local % DAY_MINUTES) / 60
    day = np.cos(2 * np.pi * (hour - WARMEST_HOUR) / 24)
    weather = wander(salt_of(seed, "weather") >> 8, minutes, WEATHER_MINUTES)
    return MEAN_C - SEASON_C * season + DAY_C * day + WEATHER_C * weather


def draw_from_grid(output_mw: Floats, ups: int, outside: Floats) -> Floats:
    """mW at a feed's utility, of what its `ups` UPSs put out together.

    Each feed cools the heat that it makes: together they cool all of it.
    """
    heat = output_mw * (1 + UPS_LOSS) + ups * UPS_IDLE_MW
    cooling = heat * np.interp(outside, COOLING_C, COOLING_W)
    return (heat + cooling + HOUSE_MW) * (1 + TRANSFORMER_LOSS)
