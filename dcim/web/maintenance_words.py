"""Codes of planned work as people call them, for every face."""

from flask_babel import lazy_gettext as _l

STATES = {
    "planned": _l("Waits for approval"),
    "approved": _l("Approved"),
    "announced": _l("Announced"),
    "under_way": _l("Under way"),
    "done": _l("Done"),
    "cancelled": _l("Cancelled"),
}
LOOKS = {
    "planned": "warning",
    "approved": "warning",
    "announced": "maintenance",
    "under_way": "maintenance",
    "done": "ok",
    "cancelled": "unknown",
}
KINDS = {
    "maintenance": _l("Planned maintenance"),
    "emergency": _l("Emergency maintenance"),
    "force_majeure": _l("Force majeure"),
    "customer_caused": _l("Customer's own cause"),
}
RISKS = {"low": _l("Low"), "medium": _l("Medium"), "high": _l("High")}
CHANNELS = {
    "email": _l("E-mail"),
    "phone": _l("Phone"),
    "portal": _l("Portal"),
    "letter": _l("Letter"),
}
LOSSES = {
    "down": _l("All power lost"),
    "overloaded": _l("The other feed may trip"),
    "port": _l("Port down"),
    "battery": _l("On battery"),
    "no_redundancy": _l("One of two feeds lost"),
    "devices": _l("Some devices stop"),
    "room": _l("Work in the room"),
}
LOSS_LOOKS = {
    "down": "down",
    "overloaded": "down",
    "port": "down",
    "battery": "warning",
    "no_redundancy": "warning",
    "devices": "warning",
    "room": "maintenance",
}
STANDINGS = {
    "late": _l("Too late: it counts"),
    "counts": _l("Counts by its terms"),
    "part": _l("Told of a part only"),
    "unknown": _l("No calendar of holidays"),
    "due": _l("To be told"),
    "told": _l("Told in time"),
    "free": _l("No notice asked for"),
}
STANDING_LOOKS = {
    "late": "down",
    "counts": "down",
    "part": "down",
    "unknown": "unknown",
    "due": "warning",
    "told": "ok",
    "free": "ok",
}
CONSENTS = {"approved": _l("Agreed"), "objected": _l("Objected")}
