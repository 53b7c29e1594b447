"""How far rows, rooms, panels and UPSs are sold, the tightest first and why."""

from flask import render_template, url_for

from dcim.columns import utc_now
from dcim.http.database import current_scope, db_session
from dcim.i18n import gettext as _
from dcim.inventory.queries import list_rooms, list_sites
from dcim.paging import EVERYTHING
from dcim.sla.budgets import read_budgets
from dcim.sla.feeds import load_supply
from dcim.web.staff.arguments import read_int
from dcim.web.staff.blueprint import staff
from dcim.web.staff.names import NODE_KINDS
from dcim.web.staff.overview import find_newest

# Circuits are as many as racks: the tightest are enough, and those over their limit are all shown.
SHOWN_CIRCUITS = 20


@staff.get("/power/budgets")
def power_budgets() -> str:
    session, scope, now = db_session(), current_scope(), utc_now()
    sites = list_sites(session, scope, EVERYTHING).items
    site = next((one for one in sites if one.id == read_int("site")), sites[0] if sites else None)
    budgets = supply = None
    if site is not None:
        supply = load_supply(session, now, site_id=site.id)
        budgets = read_budgets(session, scope, now, site_id=site.id, supply=supply)
    circuits = budgets.circuits if budgets else ()
    over = sum(one.share > 1 for one in circuits)
    return render_template(
        "staff/power_budgets.html",
        budgets=budgets,
        circuits=circuits[: max(SHOWN_CIRCUITS, over)],
        over=[one for one in (budgets.trunks if budgets else ()) if one.share > 1],
        circuits_over=over,
        rooms={room.id: room for room in list_rooms(session, scope, EVERYTHING).items},
        newest=find_newest(supply) if supply else None,
        site=site,
        sites=sites,
        kinds=NODE_KINDS,
        crumbs=[(_("Power"), url_for("staff.power")), (_("Budgets"), "")],
    )
