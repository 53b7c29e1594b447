"""One field that finds anything; an exact hit opens at once."""

import re

from flask import redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup
from werkzeug.wrappers import Response

from dcim.accounts.roles import Right
from dcim.http.database import current_scope, db_session
from dcim.http.policy import has_right
from dcim.operations.search import Hit
from dcim.operations.search import search as find
from dcim.web.staff.arguments import read_text
from dcim.web.staff.blueprint import staff
from dcim.web.staff.records.addresses import all_kinds, record_url, seen_kinds

KINDS = {
    "device": _l("Devices"),
    "cabinet": _l("Cabinets"),
    "customer": _l("Customers"),
    "contract": _l("Contracts"),
    "service": _l("Bandwidth services"),
    "agent": _l("SNMP agents"),
}
# What each kind's page asks for: one who may not open it isn't shown the hit.
RIGHTS = {
    "device": Right.SEE_SPACE,
    "cabinet": Right.SEE_SPACE,
    "agent": Right.SEE_NETWORK,
    "customer": Right.SEE_CUSTOMERS,
    "contract": Right.SEE_CUSTOMERS,
    "service": Right.SEE_CUSTOMERS,
}


@staff.get("/search")
def search() -> str | Response:
    text = read_text("q")
    described = {kind.name: kind for kind in all_kinds()}
    hits = [
        hit
        for hit in find(db_session(), current_scope(), text, seen_kinds(), described)
        if hit.kind in described or has_right(RIGHTS[hit.kind])
    ]
    exact = {page_of(hit) for hit in leave_out_parts([hit for hit in hits if hit.exact])}
    if len(exact) == 1:
        return redirect(exact.pop(), code=303)
    groups: dict[str, list[Hit]] = {}
    for hit in hits:
        groups.setdefault(hit.kind, []).append(hit)
    return render_template(
        "staff/search.html",
        text=text,
        groups=groups,
        kinds=KINDS | {name: _(kind.label_plural) for name, kind in described.items()},
        page_of=page_of,
        mark_found=mark_found,
    )


def leave_out_parts(hits: list[Hit]) -> list[Hit]:
    """A cabinet and the one rack in it have the same code: the cabinet is meant."""
    whole = any(hit.kind == "cabinet" for hit in hits)
    return [hit for hit in hits if not (whole and hit.kind == "rack")]


def mark_found(value: str, text: str) -> Markup:
    """The value with what was looked for marked in it, wherever it stands."""
    words = text.strip()
    parts = re.split(f"({re.escape(words)})", value, flags=re.IGNORECASE) if words else [value]
    return Markup("").join(
        Markup("<mark>{}</mark>").format(part) if place % 2 else part
        for place, part in enumerate(parts)
    )


def page_of(hit: Hit) -> str:
    kind = next((one for one in all_kinds() if one.name == hit.kind), None)
    if kind is not None:
        return record_url(kind, hit.id)
    if hit.kind in {"device", "agent"}:
        return url_for("staff.device", device_id=hit.id)
    if hit.kind == "cabinet":
        return url_for("staff.cabinet", cabinet_id=hit.id)
    return url_for("staff.customer", customer_id=hit.id)
