"""What the parts and sums of a statement are called where its revisions are compared."""

from flask_babel import lazy_gettext as _l

PART_WORDS = {
    "levels": _l("Service levels"),
    "items": _l("Service items"),
    "incidents": _l("Incidents"),
    "maintenance": _l("Maintenance"),
    "decisions": _l("Decisions"),
    "usage": _l("Usage"),
    "power": _l("Power"),
    "environment": _l("Environment"),
    "charges": _l("Charges"),
    "settlement": _l("What becomes of credits"),
    "termination": _l("Rights to terminate"),
    "terms": _l("Contract and terms"),
    "measured": _l("Measured data"),
}
TOTAL_WORDS = {
    "rent": _l("Rent"),
    "usage": _l("Usage"),
    "credits": _l("Credits"),
    "carried": _l("Carried"),
    "tax": _l("Tax"),
    "total": _l("Total"),
}
