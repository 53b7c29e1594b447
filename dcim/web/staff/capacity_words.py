"""What the search for space answers, in the reader's language."""

from flask_babel import lazy_gettext as _l

from dcim.capacity.refusals import Detail
from dcim.i18n import gettext as _

# Under which name saved views keep this page's searches; no kind of record is called so.
FACE = "capacity"
REASONS = {
    "closed": _l("Cabinet not open"),
    "layout": _l("Divided otherwise"),
    "space": _l("Not enough free space"),
    "held": _l("Held for others"),
    "feed": _l("Not on both feeds"),
    "unjudged": _l("Power not judged"),
    "power": _l("One feed can't carry it alone"),
    "weight": _l("Too heavy"),
    "ports": _l("Too few free ports"),
    "carrier": _l("Carrier not in the room"),
    "near": _l("Not near the customer"),
    "together": _l("Not enough together"),
}


def tell_detail(detail: Detail) -> str:
    words = _(detail.message)
    return str(words % detail.numbers if detail.numbers else words)
