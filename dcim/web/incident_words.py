"""What incidents, contests, rulings and decisions are called on every face."""

from flask_babel import lazy_gettext as _l

CONTEST_WORDS = {"open": _l("waiting"), "upheld": _l("Upheld"), "refused": _l("Refused")}
OVERRULE_WORDS = {
    "open": _l("waiting"),
    "accepted": _l("Accepted"),
    "refused": _l("Refused"),
    "withdrawn": _l("Withdrawn"),
}
RULING_WORDS = {
    "did_not_happen": _l("It did not happen"),
    "times": _l("Other times"),
    "cause": _l("Another cause"),
    "as_measured": _l("As measured: take the ruling back"),
}
# How time nobody measured counts.
TREATMENT_WORDS = {"up": _l("as up"), "down": _l("as down"), "left_out": _l("left out")}
LINK_WORDS = {
    "during_maintenance": _l("During maintenance"),
    "consequence": _l("Consequence of another"),
    "merge": _l("One event with another"),
    "split": _l("Two events"),
}
SUBJECT_WORDS = {
    "power_node": _l("Feed or panel"),
    "port": _l("Port"),
    "item": _l("Contract item"),
}
# Classes that terms usually exclude; what the contract's terms don't name has no effect.
CAUSE_CLASSES = {
    "": _l("none: it counts as before"),
    "customer_caused": _l("Caused by the customer"),
    "force_majeure": _l("Force majeure"),
    "maintenance": _l("Maintenance"),
}
