"""All pages of the NOC face, registered by being imported."""

from dcim.web.noc import (
    alarm_rules,
    alarms,
    credits,
    events,
    handovers,
    on_call,
    plant,
    port,
    ports,
    traps,
    wall,
)
from dcim.web.noc.blueprint import noc

__all__ = [
    "alarm_rules",
    "alarms",
    "credits",
    "events",
    "handovers",
    "noc",
    "on_call",
    "plant",
    "port",
    "ports",
    "traps",
    "wall",
]
