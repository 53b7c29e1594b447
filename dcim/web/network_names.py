"""Codes of the network's records as people call them; on staff pages and in the portal."""

import math
from typing import Any

from flask_babel import lazy_gettext as _l

# Why it can't be told which port of ours an LLDP neighbour is.
NEIGHBOUR_DOUBTS = {
    "own_port": _l("Which of this device's ports that is can't be told."),
    "unknown_device": _l("No device of the inventory fits what it says."),
    "several_devices": _l("Several devices of the inventory fit what it says."),
    "unknown_port": _l("The device is known, its port isn't."),
    "itself": _l("The port hears itself."),
}
ORDER_STATES = {
    "requested": _l("Requested"),
    "approved": _l("Approved"),
    "patched": _l("Patched"),
    "tested": _l("Tested"),
    "billing": _l("In billing"),
    "disconnected": _l("Disconnected"),
    "refused": _l("Refused"),
    "cancelled": _l("Cancelled"),
}
# How a state looks: what waits for someone is a warning, what is over is quiet.
ORDER_LOOKS = {
    "requested": "warning",
    "approved": "warning",
    "patched": "maintenance",
    "tested": "maintenance",
    "billing": "ok",
    "disconnected": "unknown",
    "refused": "down",
    "cancelled": "unknown",
}
ORDER_STEPS = {
    "request": _l("Requested"),
    "choose_ends": _l("Ports chosen"),
    "approve": _l("Approve"),
    "refuse": _l("Refuse"),
    "cancel": _l("Cancel the order"),
    "patch": _l("Patch"),
    "test": _l("Record the test"),
    "bill": _l("Put into billing"),
    "disconnect": _l("Disconnect"),
}
MEDIA = {
    "smf": _l("Single-mode fibre"),
    "mmf": _l("Multi-mode fibre"),
    "utp": _l("Twisted pair"),
    "dac": _l("DAC"),
    "aoc": _l("AOC"),
    "coax": _l("Coaxial"),
}
CONNECTORS = {
    "lc": "LC",
    "sc": "SC",
    "fc": "FC",
    "mpo": "MPO",
    "rj45": "RJ45",
    "bnc": "BNC",
}
FILE_KINDS = {
    "loa": _l("Letter of authorisation (LOA)"),
    "cfa": _l("Assignment of the far end (CFA)"),
    "other": _l("Other"),
}
PREFIX_ROLES = {
    "container": _l("Container"),
    "assignable": _l("For customers"),
    "infrastructure": _l("For our own devices"),
}
SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def count_text(value: int) -> str:
    """A number of addresses; beyond a billion as the nearest power of two, as one thinks of it."""
    if value < 10**9:
        return f"{value:,}"
    return f"≈ 2{str(round(math.log2(value))).translate(SUPERSCRIPTS)}"


EVERY_NAME: dict[str, Any] = {
    "count": count_text,
    "order_states": ORDER_STATES,
    "order_looks": ORDER_LOOKS,
    "order_steps": ORDER_STEPS,
    "media_names": MEDIA,
    "connector_names": CONNECTORS,
    "file_kinds": FILE_KINDS,
    "prefix_roles": PREFIX_ROLES,
}
