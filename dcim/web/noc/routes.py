"""All pages of the NOC face, registered by being imported."""

from dcim.web.noc import (
    aggregates,
    alarm_incidents,
    alarm_rules,
    alarms,
    credits,
    environment,
    events,
    handovers,
    links,
    on_call,
    overview,
    plant,
    port,
    ports,
    pue,
    traps,
    wall,
)
from dcim.web.noc.blueprint import noc

__all__ = [
    "aggregates",
    "alarm_incidents",
    "alarm_rules",
    "alarms",
    "credits",
    "environment",
    "events",
    "handovers",
    "links",
    "noc",
    "on_call",
    "overview",
    "plant",
    "port",
    "ports",
    "pue",
    "traps",
    "wall",
]
