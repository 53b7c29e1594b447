"""Codes of the data model as people call them."""

from flask_babel import lazy_gettext as _l

ROLES = {
    "app": _l("Application server"),
    "web": _l("Web server"),
    "db": _l("Database server"),
    "cache": _l("Cache server"),
    "node": _l("Compute node"),
    "gpu": _l("GPU server"),
    "server": _l("Server"),
    "storage": _l("Storage"),
    "switch": _l("Switch"),
    "core": _l("Core switch"),
    "access": _l("Access switch"),
    "router": _l("Router"),
    "firewall": _l("Firewall"),
    "hsm": _l("Encryption module"),
    "odf": _l("Patch panel"),
    "cable_manager": _l("Cable manager"),
    "pdu": _l("PDU"),
    "ups": _l("UPS"),
    "branch_meter": _l("Branch meter"),
    "grid_meter": _l("Grid meter"),
    "sensor": _l("Sensor"),
}
STATES = {
    "planned": _l("Planned"),
    "in_stock": _l("In stock"),
    "installed": _l("Installed"),
    "in_service": _l("In service"),
    "in_repair": _l("In repair"),
    "removed": _l("Removed"),
    "returned": _l("Returned"),
    "destroyed": _l("Destroyed"),
}
# Of half units and of racks: dcim.inventory.space.states.UnitState.
UNIT_STATES = {
    "free": _l("Free"),
    "held": _l("Held"),
    "allocated": _l("Sold, empty"),
    "occupied": _l("Occupied"),
    "blocked": _l("Blocked"),
    "absent": _l("Absent"),
}
CATEGORY_NAMES = {
    "server": _l("Server"),
    "storage": _l("Storage"),
    "switch": _l("Switch"),
    "router": _l("Router"),
    "firewall": _l("Firewall"),
    "pdu": _l("PDU"),
    "ups": _l("UPS"),
    "panel": _l("Patch panel"),
    "blank": _l("Blanking panel"),
    "cable_manager": _l("Cable manager"),
    "chassis": _l("Chassis"),
    "other": _l("Other"),
}
AIRFLOW_NAMES = {
    "front-to-rear": _l("Front to rear"),
    "rear-to-front": _l("Rear to front"),
    "left-to-right": _l("Left to right"),
    "right-to-left": _l("Right to left"),
    "side-to-rear": _l("Side to rear"),
    "passive": _l("Passive"),
    "mixed": _l("Mixed"),
}
NODE_KINDS = {
    "utility": _l("Utility"),
    "generator": _l("Generator"),
    "transformer": _l("Transformer"),
    "switchgear": _l("Switchgear"),
    "ats": _l("Transfer switch"),
    "ups": _l("UPS"),
    "panel": _l("Panel"),
    "breaker": _l("Breaker"),
    "pdu": _l("PDU"),
    "bank": _l("Bank"),
}
OUTCOMES = {
    "down": _l("Down"),
    "overloaded": _l("Overloaded next"),
    "battery": _l("On battery"),
    "no_redundancy": _l("No redundancy"),
    "devices": _l("Devices off"),
}
LOAD_BASES = {
    "measured_max": _l("this month's maximum"),
    "measured": _l("load now"),
    "allocated": _l("nameplates"),
    "contracted": _l("contracted"),
    "unknown": _l("unknown"),
}
ITEM_KINDS = {
    "cabinet": _l("Cabinet"),
    "rack": _l("Rack"),
    "space": _l("Space"),
    "server": _l("Server rental"),
    "bandwidth": _l("Bandwidth"),
    "cross_connect": _l("Cross-connect"),
    "address": _l("Addresses"),
    "service": _l("Service"),
}
LAYOUTS = {
    "full": _l("Whole cabinet"),
    "halves": _l("Split in two halves, each with its own door"),
    "quarters": _l("Split in four quarters, each with its own door"),
}


def role_name(role: str) -> str:
    """The role in words; one that isn't known stands for itself."""
    return str(ROLES.get(role, role))
