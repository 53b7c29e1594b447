"""The main navigation: pages and the lists of all kinds, gathered into sections."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import current_app, g, request, url_for
from flask_babel import lazy_gettext as _l

from dcim.accounts.roles import Right
from dcim.http.policy import has_right
from dcim.i18n import gettext as _

# The sections of staff's navigation, as kinds name them, and what stands outside of the kinds.
SECTION_LABELS = {
    "space": _l("Space"),
    "devices": _l("Devices"),
    "power": _l("Power"),
    "network": _l("Network"),
    "customers": _l("Customers"),
    "log": _l("Log"),
}
# Those of the customers' portal, which lists no kinds.
PORTAL_LABELS = {
    "own_space": _l("Space and power"),
    "own_network": _l("Network"),
    "own_service": _l("Service"),
    "own_contract": _l("Contract"),
}
# Pages written by hand that belong to a section; any other stands in the bar by itself.
SECTION_OF = {
    "portal.cabinets": "own_space",
    "portal.power": "own_space",
    "portal.meters": "own_space",
    "portal.bandwidth": "own_network",
    "portal.cross_connects": "own_network",
    "portal.addresses": "own_network",
    "portal.tickets": "own_service",
    "portal.incidents": "own_service",
    "portal.maintenance_windows": "own_service",
    "portal.calendar": "own_service",
    "portal.passes": "own_service",
    "portal.contracts": "own_contract",
    "portal.contacts": "own_contract",
    "portal.people": "own_contract",
    "portal.notices": "own_contract",
    "staff.capacity": "space",
    "staff.walks": "space",
    "staff.list_device": "devices",
    "staff.passes": "devices",
    "staff.type_files": "devices",
    "staff.power": "power",
    "staff.power_budgets": "power",
    "staff.meter_rooms": "power",
    "staff.waiting_readings": "power",
    "noc.overview": "network",
    "noc.plant": "power",
    "noc.environment": "power",
    "noc.pue": "power",
    "noc.home": "network",
    "noc.aggregates": "network",
    "noc.alarms": "network",
    "noc.on_call": "network",
    "noc.handovers": "network",
    "noc.events": "network",
    "noc.links": "network",
    "noc.traps": "network",
    "noc.syslog": "network",
    "staff.incidents": "network",
    "staff.maintenance_windows": "network",
    "staff.agents": "network",
    "staff.discovery": "network",
    "staff.introduce_agent": "network",
    "staff.list_cross_connect": "network",
    "staff.prefixes": "network",
    "staff.address_lookup": "network",
    "staff.list_customer": "customers",
    "staff.tickets": "customers",
    "staff.renewals": "customers",
    "staff.regulator": "customers",
    "staff.statements": "customers",
    "staff.held_months": "customers",
    "staff.statement_summary": "customers",
    "staff.deliveries": "customers",
    "noc.credit_risks": "customers",
    "staff.reviews": "customers",
    "staff.credit_claims": "customers",
    "staff.audit": "log",
    "staff.imports": "log",
    "staff.deleted": "log",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A link, or with `entries` a menu of them. `new_url`: where another of its kind is made."""

    label: str
    url: str
    active: bool
    entries: tuple["Entry", ...] = ()
    new_url: str = ""
    new_label: str = ""


Pages = Sequence[tuple[str, str, bool]]


def gather(pages: Pages, sections: Mapping[str, str], *, with_kinds: bool = True) -> list[Entry]:
    """Entries of the pages (label, endpoint, allowed) in their order, then the kinds' lists.

    A section with one page is a plain link.
    """
    endpoint = request.endpoint or ""
    here = (endpoint, g.get("section"))
    known = current_app.view_functions
    alone: list[Entry] = []
    grouped: dict[str, list[Entry]] = {name: [] for name in sections}
    for label, name, allowed in pages:
        if not allowed or name not in known:
            continue
        entry = Entry(label, url_for(name), name in here)
        grouped.get(SECTION_OF.get(name, ""), alone).append(entry)
    if with_kinds:
        _add_kinds(grouped, endpoint)
        if has_right(*_rights_of_kinds()):
            deleted = Entry(_("Deleted records"), url_for("staff.deleted"), "staff.deleted" in here)
            grouped["log"].append(deleted)
    found = list(alone)
    for name, entries in grouped.items():
        if len(entries) == 1:
            found.append(entries[0])
        elif entries:
            active = any(entry.active for entry in entries)
            found.append(Entry(sections[name], entries[0].url, active, tuple(entries)))
    return found


def _rights_of_kinds() -> set[Right]:
    return {kind.see for kind in current_app.extensions.get("jifang_kinds", ())}


def _add_kinds(grouped: dict[str, list[Entry]], endpoint: str) -> None:
    """Each kind's list; a page written by hand at the same address stands for it already."""
    taken = {entry.url for entries in grouped.values() for entry in entries}
    for kind in current_app.extensions.get("jifang_kinds", ()):
        url = url_for(f"staff.list_{kind.name}")
        if not has_right(kind.see) or url in taken or kind.section not in grouped:
            continue
        may_create = kind.creatable and has_right(kind.change)
        grouped[kind.section].append(
            Entry(
                _(kind.label_plural),
                url,
                endpoint.endswith(f"_{kind.name}") and endpoint.startswith("staff."),
                new_url=url_for(f"staff.new_{kind.name}") if may_create else "",
                new_label=_("New: %(kind)s", kind=_(kind.label)),
            )
        )
