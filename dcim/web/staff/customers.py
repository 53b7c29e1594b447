"""Customers: who they are, what they bought, by which terms, where it is, what it came to."""

from flask import render_template, url_for

from dcim.accounts.roles import Right
from dcim.columns import utc_now
from dcim.customers.kinds import (
    CONTRACT_STATE_WORDS,
    CUSTOMER_STATE_WORDS,
    DOCUMENT_WORDS,
    IDENTITY_WORDS,
    TIER_WORDS,
)
from dcim.customers.models import Customer
from dcim.customers.queries import find_customer, list_contacts, list_contracts
from dcim.http.database import current_scope, db_session
from dcim.http.policy import has_right
from dcim.i18n import gettext as _
from dcim.i18n import pick_text
from dcim.inventory.space.contents import list_claims
from dcim.network.queries import PortFilter, list_ports, list_services
from dcim.operations.kinds import ORDER_STATE_WORDS, ORDER_WORDS
from dcim.operations.queries import list_orders
from dcim.paging import EVERYTHING, Paging
from dcim.sla.agreed import tell_terms
from dcim.sla.queries import IncidentFilter, list_incidents
from dcim.statements.queries import StatementFilter, list_statements
from dcim.statements.risk_queries import RiskFilter, list_risks
from dcim.web.staff.blueprint import staff
from dcim.web.staff.names import ITEM_KINDS


@staff.get("/customers/<int:customer_id>")
def customer(customer_id: int) -> str:
    session, scope = db_session(), current_scope()
    found = find_customer(session, scope, customer_id)
    contracts = list_contracts(session, scope, EVERYTHING, customer_id=customer_id).items
    may_read = has_right(Right.SEE_STATEMENTS)
    identity = session.get_one(Customer, customer_id)
    return render_template(
        "staff/customer.html",
        customer=found,
        identity=identity,
        orders=list_orders(session, scope, customer_id),
        contacts=list_contacts(session, scope, customer_id),
        contracts=contracts,
        terms=tell_terms(session, scope, [contract.id for contract in contracts]),
        claims=list_claims(session, scope, customer_id=customer_id),
        services=list_services(session, scope, EVERYTHING, customer_id=customer_id).items,
        ports=list_ports(session, scope, PortFilter(customer_id=customer_id), EVERYTHING).items,
        incidents=list_incidents(
            session, scope, IncidentFilter(customer_id=customer_id), Paging(1, 8)
        ),
        statements=list_statements(
            session, scope, StatementFilter(customer_id=customer_id), Paging(1, 12)
        )
        if may_read
        else None,
        risks=list_risks(session, scope, RiskFilter(customer_id=customer_id), EVERYTHING).items
        if has_right(Right.SEE_NETWORK, Right.SEE_STATEMENTS)
        else [],
        now=utc_now(),
        kinds=ITEM_KINDS,
        states_of=CUSTOMER_STATE_WORDS,
        tiers=TIER_WORDS,
        identities=IDENTITY_WORDS,
        documents=DOCUMENT_WORDS,
        contract_states=CONTRACT_STATE_WORDS,
        order_words=ORDER_WORDS,
        order_states=ORDER_STATE_WORDS,
        crumbs=[
            (_("Customers"), url_for("staff.list_customer")),
            (pick_text(found.name, found.name_en), ""),
        ],
    )
