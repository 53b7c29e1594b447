"""Own contracts: items and what they cost now and later, terms in words; who may ask for what."""

from flask import render_template

from dcim.accounts.roles import Right
from dcim.customers.overview import list_views
from dcim.customers.queries import list_contacts
from dcim.http.database import current_scope, db_session
from dcim.http.policy import has_right
from dcim.sla.agreed import tell_terms
from dcim.web.portal.blueprint import portal
from dcim.web.staff.names import ITEM_KINDS


@portal.get("/contracts")
def contracts() -> str:
    session, scope = db_session(), current_scope()
    views = list_views(session, scope)
    return render_template(
        "portal/contracts.html",
        views=views,
        terms=tell_terms(session, scope, [view.contract.id for view in views]),
        contacts=list_contacts(session, scope, scope.customer_id or 0),
        kinds=ITEM_KINDS,
        may_see_prices=has_right(Right.OWN_STATEMENTS),
    )
