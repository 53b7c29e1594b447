"""Codes of alarms and their rules as people call them."""

from flask_babel import lazy_gettext as _l

SEVERITIES = {
    "critical": _l("Critical alarm"),
    "major": _l("Major alarm"),
    "warning": _l("Warning alarm"),
}
LOOKS = {"critical": "down", "major": "down", "warning": "warning"}
KINDS = {
    "threshold": _l("Limit"),
    "state": _l("State"),
    "rate": _l("Change per hour"),
    "absence": _l("No data"),
    "forecast": _l("Forecast"),
    "burn": _l("Burn rate"),
}
QUANTITIES = {
    "port_share": _l("Port utilisation, busier direction"),
    "port_in_share": _l("Port utilisation, in"),
    "port_out_share": _l("Port utilisation, out"),
    "port_commit_share": _l("Traffic against the commit"),
    "port_errors": _l("Errors on the port"),
    "port_discards": _l("Packets dropped on the port"),
    "port_down": _l("Port down"),
    "port_light": _l("Light, from the nearest threshold"),
    "lag_lost": _l("Members that a LAG has lost"),
    "lag_capacity": _l("Capacity that a LAG has left"),
    "node_load": _l("Load against the derated breaker"),
    "node_dead": _l("No voltage"),
    "node_silence": _l("Power meter without data"),
    "temperature": _l("Temperature"),
    "humidity": _l("Relative humidity"),
    "sensor_silence": _l("Sensor without data"),
    "agent_silence": _l("Device without an answer"),
    "item_burn": _l("Error budget burns"),
}
SUBJECTS = {
    "port": _l("Port"),
    "node": _l("Power node"),
    "sensor": _l("Sensor"),
    "agent": _l("Device"),
    "item": _l("Contract item"),
}
WAYS = {"above": _l("above"), "below": _l("below")}
SHOWS = {
    "causes": _l("Open, causes alone"),
    "open": _l("Open, all"),
    "unacknowledged": _l("Not acknowledged"),
    "silent": _l("Told to nobody"),
    "over": _l("Over"),
    "all": _l("All"),
}
SCOPES = {
    "subject": _l("One port, node, sensor, device or item"),
    "device": _l("A device"),
    "customer": _l("A customer"),
    "class": _l("A class"),
    "site": _l("A site"),
}
CLASSES = {
    "customer": _l("Customer port"),
    "uplink": _l("Uplink"),
    "internal": _l("Internal port"),
    "utility": _l("Utility"),
    "generator": _l("Generator"),
    "transformer": _l("Transformer"),
    "switchgear": _l("Switchgear"),
    "ats": _l("Transfer switch"),
    "ups": _l("UPS"),
    "panel": _l("Panel"),
    "breaker": _l("Breaker"),
    "pdu": _l("PDU"),
    "bank": _l("PDU bank"),
}
# How a customer is hit by an alarm and all that follows from it (`correlation.hits.HOWS`).
HOWS = {
    "down": _l("Down"),
    "machines": _l("Machines of its own"),
    "no_redundancy": _l("No redundancy"),
    "unknown": _l("Not known"),
}
HOW_LOOKS = {"down": "down", "machines": "down", "no_redundancy": "warning", "unknown": "unknown"}
EVENTS = {
    "raised": _l("Raised"),
    "cleared": _l("Over"),
    "flapping": _l("It flaps; told as one alarm"),
    "steady": _l("It flaps no more"),
    "ended": _l("Ended: no rule holds for it any more"),
    "silenced": _l("Silent: maintenance"),
    "unsilenced": _l("Maintenance is over, the alarm isn't"),
    "notified": _l("Mailed"),
    "folded": _l("Follows from"),
    "unfolded": _l("Stands on its own: what it followed from is over"),
    "acknowledged": _l("Acknowledged"),
    "assigned": _l("Assigned"),
    "noted": _l("Note"),
    "snoozed": _l("Put off"),
    "unsnoozed": _l("No longer put off"),
    "incident": _l("Incident"),
    "customers_told": _l("Customers who are hit are told"),
    "escalated": _l("Escalated"),
    "unreached": _l("Escalation reached nobody"),
}
TRIALS = {
    "waiting": _l("Waits for a worker"),
    "running": _l("Being worked on"),
    "done": _l("Done"),
    "failed": _l("Failed"),
}
