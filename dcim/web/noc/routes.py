"""All pages of the NOC face, registered by being imported."""

from dcim.web.noc import (
    alarm_incidents,
    alarm_rules,
    alarms,
    credits,
    events,
    plant,
    port,
    ports,
    traps,
    wall,
)
from dcim.web.noc.blueprint import noc

__all__ = [
    "alarm_incidents",
    "alarm_rules",
    "alarms",
    "credits",
    "events",
    "noc",
    "plant",
    "port",
    "ports",
    "traps",
    "wall",
]
