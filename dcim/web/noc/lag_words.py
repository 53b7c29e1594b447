"""How the state of a LAG is said and looks."""

from flask_babel import lazy_gettext as _l

LAG_STATES = {
    "ok": _l("Whole"),
    "degraded": _l("Degraded"),
    "down": _l("Down"),
    "unknown": _l("Unknown"),
}
LAG_LOOKS = {"ok": "ok", "degraded": "warning", "down": "down", "unknown": "unknown"}
