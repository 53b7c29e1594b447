"""One field that finds anything; an exact hit opens at once."""

import re

from flask import redirect, render_template, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response

from dcim.accounts.roles import Right
from dcim.http.database import current_scope, db_session
from dcim.http.policy import has_right
from dcim.i18n import gettext as _
from dcim.operations.search import AGENT, Hit
from dcim.operations.search import search as find
from dcim.web.staff.arguments import read_text
from dcim.web.staff.blueprint import staff
from dcim.web.staff.records.addresses import all_kinds, record_url, seen_kinds


@staff.get("/search")
def search() -> str | Response:
    text = read_text("q")
    agents = has_right(Right.SEE_NETWORK)
    hits = find(db_session(), current_scope(), text, seen_kinds(), agents=agents)
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
        kinds={AGENT: _("SNMP agents")}
        | {kind.name: _(kind.label_plural) for kind in seen_kinds()},
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
    if hit.kind == AGENT:
        return url_for("staff.device", device_id=hit.id)
    return record_url(next(kind for kind in all_kinds() if kind.name == hit.kind), hit.id)
