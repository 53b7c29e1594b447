"""Incidents that are open or recent, and maintenance that runs or comes."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flask import make_response, render_template
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.customers.queries import list_customers
from dcim.http.database import current_scope, db_session
from dcim.i18n import pick_text
from dcim.operations.queries import STANDING_STATES, list_maintenance
from dcim.paging import EVERYTHING, Paging, count_pages
from dcim.sla.queries import IncidentFilter, IncidentRow, list_incidents
from dcim.web import maintenance_words
from dcim.web.noc.blueprint import noc
from dcim.web.refreshing import STALE_S, answer_part, tag_of, wants_part
from dcim.web.staff.arguments import read_listing, read_text

KINDS = {
    "power": _l("Power lost"),
    "power_feed": _l("One feed lost"),
    "network": _l("Port down"),
    "temperature": _l("Temperature"),
    "telemetry": _l("No readings"),
}
# What it looks like on a board: telemetry is unknown, never down.
LOOKS = {
    "power": "down",
    "network": "down",
    "power_feed": "warning",
    "temperature": "warning",
    "telemetry": "unknown",
}
SOON = dt.timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Hit:
    """A customer that an incident concerns; `is_down` where it interrupts a service."""

    id: int
    code: str
    name: str
    items: list[str]
    is_down: bool


@noc.get("/events")
def events() -> Response:
    session, scope, now = db_session(), current_scope(), utc_now()
    kind = read_text("kind")
    wanted = IncidentFilter(kind=kind if kind in KINDS else None)
    listing = read_listing(size=30)
    open_ones = list_incidents(
        session, scope, IncidentFilter(kind=wanted.kind, open_only=True), EVERYTHING
    )
    page = list_incidents(session, scope, wanted, listing.paging)
    works = list_maintenance(
        session, scope, Paging(1, 50), since=now, until=now + SOON, states=STANDING_STATES,
        soonest_first=True,
    )  # fmt: skip
    names = name_customers(session, scope)
    tag = tag_of(scope, page, open_ones, works, now.replace(second=0, microsecond=0))

    def render(quoted: str) -> str:
        return render_template(
            "noc/events_part.html" if wants_part() else "noc/events.html",
            open_ones=open_ones.items,
            page=page,
            pages=count_pages(page.total, page.size),
            listing=listing,
            works=works.items,
            kind=wanted.kind or "",
            kinds=KINDS,
            looks=LOOKS,
            words_of_works=maintenance_words.STATES,
            looks_of_works=maintenance_words.LOOKS,
            hits=lambda incident: hits_of(incident, names),
            tag=quoted,
            stale_after=STALE_S,
            now=now,
        )

    if wants_part():
        return answer_part(tag, render)
    return make_response(render(f'"{tag}"'))


def hits_of(incident: IncidentRow, names: Mapping[int, str]) -> list[Hit]:
    """Customers, those interrupted first, each with the items concerned."""
    found: dict[int, Hit] = {}
    for impact in incident.impacts:
        known = found.get(impact.customer_id)
        items = [*(known.items if known else []), *([impact.item_code] if impact.item_code else [])]
        is_down = impact.severity == "down" or (known is not None and known.is_down)
        found[impact.customer_id] = Hit(
            impact.customer_id,
            impact.customer_code,
            names.get(impact.customer_id, impact.customer_name),
            items,
            is_down,
        )
    return sorted(found.values(), key=lambda hit: (not hit.is_down, hit.code))


def name_customers(session: Session, scope: Scope) -> dict[int, str]:
    """In the reader's language."""
    customers = list_customers(session, scope, EVERYTHING).items
    return {one.id: pick_text(one.name, one.name_en) for one in customers}


def count_hits(incidents: Iterable[IncidentRow]) -> tuple[int, int]:
    """(customers interrupted, customers concerned without interruption) by these together."""
    down: set[int] = set()
    told: set[int] = set()
    for incident in incidents:
        for impact in incident.impacts:
            (down if impact.severity == "down" else told).add(impact.customer_id)
    return len(down), len(told - down)
