"""The customer's first page: promises of the month, own racks, what happened, statements."""

import datetime as dt

from flask import render_template, request, url_for
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.customers.calendar import today_in
from dcim.customers.overview import list_views
from dcim.customers.queries import ContractRow, find_customer, list_contracts
from dcim.errors import InvalidError, NotFoundError
from dcim.http.database import current_scope, db_session
from dcim.i18n import pick_text
from dcim.operations.queries import list_maintenance
from dcim.paging import EVERYTHING, Paging
from dcim.sla.own_racks import read_own_racks
from dcim.sla.queries import IncidentFilter, IncidentRow, list_incidents
from dcim.sla.rules.language.tree import TermsRefusedError
from dcim.statements.error_budgets import MonthToDate
from dcim.statements.expected_bill import expect_bills
from dcim.statements.inputs import InputsRefusedError
from dcim.statements.queries import list_statements
from dcim.web import maintenance_words
from dcim.web.portal.blueprint import portal
from dcim.web.portal.drawing import draw_own_rack
from dcim.web.portal.month_memory import months

# An incident is shared by all whom it hit: its own words name the operator's devices and the
# others' cabinets. A customer is told what it meant for them.
INCIDENT_WORDS = {
    "power": _l("All feeds of the cabinet were lost"),
    "power_feed": _l("One feed was lost; the other carried"),
    "network": _l("The port was down"),
    "temperature": _l("Temperature out of range in the room"),
    "telemetry": _l("No readings: the feed's state is unknown"),
}
LOOKS = {
    "power": "down",
    "network": "down",
    "power_feed": "warning",
    "temperature": "warning",
    "telemetry": "unknown",
}
PAST = dt.timedelta(days=45)
SOON = dt.timedelta(days=30)


@portal.get("/")
def home() -> str:
    session, scope, now = db_session(), current_scope(), utc_now()
    customer = find_customer(session, scope, own_id(scope))
    contracts = running_contracts(session, scope, now)
    racks = read_own_racks(session, scope, now)
    name = pick_text(customer.name, customer.name_en)
    incidents = list_incidents(session, scope, IncidentFilter(since=now - PAST), Paging(1, 12))
    works = list_maintenance(
        session, scope, Paging(1, 10), since=now - dt.timedelta(days=7), until=now + SOON
    )
    labels = {
        item.code: pick_text(item.label, item.label_en)
        for contract in contracts
        for item in contract.items
    }
    return render_template(
        "portal/home.html",
        customer=customer,
        customer_name=name,
        contracts=contracts,
        racks=[(own, draw_own_rack(own, customer.id, name)) for own in racks],
        incidents=incidents,
        items_of=lambda incident: name_items(incident, labels),
        words=INCIDENT_WORDS,
        looks=LOOKS,
        works=sorted(works.items, key=lambda one: one.starts_at),
        work_words=maintenance_words.STATES,
        work_looks=maintenance_words.LOOKS,
        statements=list_statements(session, scope, paging=Paging(1, 6)),
        now=now,
    )


@portal.get("/month")
def month() -> str:
    """The running month of every contract, fetched by the first page once it stands."""
    session, scope, now = db_session(), current_scope(), utc_now()
    found: list[tuple[ContractRow, MonthToDate | None]] = []
    running = running_contracts(session, scope, now)
    ids = {contract.id for contract in running}
    views = [view for view in list_views(session, scope, now) if view.contract.id in ids]
    for contract in running:
        try:
            found.append((contract, months.tell(session, scope, contract.id, now)))
        except (InvalidError, TermsRefusedError, InputsRefusedError):
            # No terms, or terms that can't be read: said on the page, the rest is shown.
            found.append((contract, None))
    return render_template(
        "portal/month_part.html" if request.headers.get("HX-Request") else "portal/month.html",
        found=found,
        expected=expect_bills(session, scope, views, now),
        crumbs=[(_l("Home"), url_for("portal.home")), (_l("Month to date"), "")],
    )


def own_id(scope: Scope) -> int:
    if scope.customer_id is None:
        raise NotFoundError("No such customer.")
    return scope.customer_id


def running_contracts(session: Session, scope: Scope, now: dt.datetime) -> list[ContractRow]:
    return [
        contract
        for contract in list_contracts(session, scope, EVERYTHING, customer_id=own_id(scope)).items
        if contract.starts_on <= (today := today_in(contract.timezone, now))
        and (contract.ends_on is None or contract.ends_on > today)
    ]


def name_items(incident: IncidentRow, labels: dict[str, str]) -> list[str]:
    """The own items that the incident concerns, by the words of the contract."""
    codes = dict.fromkeys(impact.item_code for impact in incident.impacts if impact.item_code)
    return [labels.get(code, code) for code in codes]
