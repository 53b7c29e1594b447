"""One field that finds anything; an exact hit opens at once."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flask import redirect, render_template, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response

from dcim.accounts.roles import Right
from dcim.http.database import current_scope, db_session
from dcim.http.policy import has_right
from dcim.i18n import gettext as _
from dcim.operations.search import AGENT, Hit
from dcim.operations.search import search as find
from dcim.records.kinds import Kind
from dcim.web.staff.arguments import read_text
from dcim.web.staff.blueprint import staff
from dcim.web.staff.records.addresses import all_kinds, record_urls, seen_kinds
from dcim.web.staff.records.showing import escape_all


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
    mark = make_marker(text)
    return render_template(
        "staff/search.html",
        text=text,
        groups=[(heading_of(kind), show_hits(found, mark)) for kind, found in groups.items()],
    )


@dataclass(frozen=True, slots=True)
class Line:
    """A hit as the page shows it; `label` is the field's name where `value` is what fitted."""

    url: str
    name: str
    label: str
    value: str


def show_hits(hits: Sequence[Hit], mark: Callable[[str], Markup]) -> list[Line]:
    """Hits of one kind."""
    url_of = pages_of(hits[0].kind)
    labels = {field: _(field) for field in {one.field for one in hits} if field}
    return [
        Line(url_of(one.id), one.name, labels[one.field], mark(one.value))
        if one.field
        else Line(url_of(one.id), one.name, "", one.value)
        for one in hits
    ]


def leave_out_parts(hits: list[Hit]) -> list[Hit]:
    """A cabinet and the one rack in it have the same code: the cabinet is meant."""
    whole = any(hit.kind == "cabinet" for hit in hits)
    return [hit for hit in hits if not (whole and hit.kind == "rack")]


def make_marker(text: str) -> Callable[[str], Markup]:
    """Marks what was looked for in a value, wherever it stands."""
    words = text.strip()
    if not words:
        return Markup.escape
    wanted = re.compile(f"({re.escape(words)})", re.IGNORECASE)

    def mark(value: str) -> Markup:
        parts = escape_all(wanted.split(value))
        marked = [f"<mark>{one}</mark>" if n % 2 else one for n, one in enumerate(parts)]
        return Markup("".join(marked))  # noqa: S704  escaped above

    return mark


def page_of(hit: Hit) -> str:
    return pages_of(hit.kind)(hit.id)


def pages_of(kind: str) -> Callable[[int], str]:
    """The pages of the hits of a kind, by their ids."""
    if kind == AGENT:
        return lambda device_id: url_for("staff.device", device_id=device_id)
    return record_urls(kind_called(kind))


def heading_of(kind: str) -> str:
    return _("SNMP agents") if kind == AGENT else _(kind_called(kind).label_plural)


def kind_called(name: str) -> Kind:
    return next(one for one in all_kinds() if one.name == name)
