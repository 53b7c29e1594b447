"""Codes of on-call calendars and escalation as people call them."""

from flask_babel import lazy_gettext as _l

BY = {
    "rotation": _l("by rotation"),
    "holiday": _l("for the holiday"),
    "override": _l("standing in"),
    "gap": _l("nobody"),
}
STEP_KINDS = {
    "calendar": _l("Who is on call"),
    "person": _l("Person"),
    "endpoint": _l("Endpoint"),
}
# Why a step reached nobody (`dcim.alarms.oncall.models.OUTCOMES`).
MISSED = {
    "gap": _l("nobody is on call"),
    "inactive": _l("the account is off or has no mail address"),
    "no_mail": _l("mail isn't set up"),
    "endpoint_off": _l("the endpoint is off or deleted"),
}
WEEKDAYS = (_l("Mon"), _l("Tue"), _l("Wed"), _l("Thu"), _l("Fri"), _l("Sat"), _l("Sun"))
