"""Own racks at full size, and the power of each feed now and over 30 days."""

from flask import render_template

from dcim.columns import utc_now
from dcim.customers.queries import find_customer
from dcim.http.database import current_scope, db_session
from dcim.i18n import pick_text
from dcim.sla.own_racks import HISTORY_DAYS, read_own_racks
from dcim.web.portal.blueprint import portal
from dcim.web.portal.drawing import draw_own_rack
from dcim.web.portal.home import own_id
from dcim.web.refreshing import STALE_S


@portal.get("/cabinets")
def cabinets() -> str:
    session, scope, now = db_session(), current_scope(), utc_now()
    customer = find_customer(session, scope, own_id(scope))
    name = pick_text(customer.name, customer.name_en)
    racks = read_own_racks(session, scope, now, history=True)
    instants = [f.measured_at for rack in racks for f in rack.feeds if f.measured_at is not None]
    return render_template(
        "portal/cabinets.html",
        racks=[(own, draw_own_rack(own, customer.id, name)) for own in racks],
        newest=max(instants, default=None),
        days=HISTORY_DAYS,
        stale_after=STALE_S,
    )
