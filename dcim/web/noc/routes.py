"""All pages of the NOC face, registered by being imported."""

from dcim.web.noc import (
    alarm_rules,
    alarms,
    credits,
    environment,
    events,
    plant,
    port,
    ports,
    pue,
    traps,
    wall,
)
from dcim.web.noc.blueprint import noc

__all__ = [
    "alarm_rules",
    "alarms",
    "credits",
    "environment",
    "events",
    "noc",
    "plant",
    "port",
    "ports",
    "pue",
    "traps",
    "wall",
]
