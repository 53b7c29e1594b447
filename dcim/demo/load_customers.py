"""Write the demo's customers: contracts, terms, items, space, services, notices, tickets."""

import datetime as dt
from dataclasses import asdict
from importlib import resources

from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.customers.models import (
    CatalogueItem,
    Contact,
    Contract,
    ContractItem,
    ContractTerms,
    Customer,
)
from dcim.demo.load_sales import load_catalogue, sell_by
from dcim.demo.plan_parts import (
    ContractPlan,
    CustomerPlan,
    DemoPlan,
    ItemPlan,
    MaintenancePlan,
    TicketPlan,
)
from dcim.demo.records import Records
from dcim.demo.sales_plan import plan_identity, plan_term
from dcim.inventory.space.allocating import allocate_space
from dcim.inventory.space.areas import allocate_area
from dcim.inventory.space.barring import bar_space
from dcim.inventory.space.holding import hold_space
from dcim.network.models import BandwidthService, ServiceMembership
from dcim.operations.models import (
    Maintenance,
    MaintenanceNotice,
    MaintenanceTarget,
    Ticket,
    TicketEvent,
)
from dcim.sla.rules.language.loading import load_terms


def read_terms(name: str) -> str:
    """The text of one of the demo's terms, e.g. "gold"."""
    return (resources.files("dcim.demo") / "terms" / f"{name}.yaml").read_text("utf-8")


def load_customers(session: Session, plan: DemoPlan, records: Records) -> None:
    """Customers with their contacts, contracts, terms and items."""
    began = {contract.customer: contract.starts_on for contract in plan.contracts}
    ended = {contract.customer: contract.ends_on for contract in plan.contracts}
    premium = {contract.customer for contract in plan.contracts if contract.terms == "premium"}
    offers = load_catalogue(session)
    for customer in plan.customers:
        row = Customer(
            code=customer.code,
            name=customer.name,
            name_en=customer.name_en,
            language=customer.language,
            state="active" if ended[customer.code] is None else "left",
            created_at=_morning(began[customer.code]),
            identity_kind="credit_code",
            **_identity(customer, premium=customer.code in premium),
        )
        row.contacts = [
            Contact(
                name=contact.name,
                email=contact.email,
                phone=contact.phone,
                may_order=contact.may_order,
                may_enter=contact.may_enter,
                gets_statements=contact.gets_statements,
                title="运维负责人" if contact.may_order else "财务",
                may_ticket=contact.may_order,
                may_see_bills=not contact.may_order,
                document_kind="id_card" if contact.may_enter else "",
                document_hint=customer.code[-4:] if contact.may_enter else "",
            )
            for contact in customer.contacts
        ]
        records.customers[customer.code] = row
    session.add_all(records.customers.values())
    session.flush()
    for contract in plan.contracts:
        _load_contract(session, contract, records, offers)


def _identity(customer: CustomerPlan, *, premium: bool) -> dict[str, str]:
    first, *_ = customer.contacts
    identity = asdict(plan_identity(customer.code, customer.name, first.name, premium))
    return identity | {
        "security_contact": first.name,
        "security_phone": first.phone,
        "security_email": first.email,
    }


def _load_contract(
    session: Session, plan: ContractPlan, records: Records, offers: dict[str, CatalogueItem]
) -> None:
    customer = records.customers[plan.customer]
    contract = Contract(
        customer_id=customer.id,
        number=plan.number,
        starts_on=plan.starts_on,
        ends_on=plan.ends_on,
        signed_at=_morning(plan.starts_on) - dt.timedelta(days=9),
        state="signed" if plan.ends_on is None else "ended",
        **asdict(plan_term(plan.customer)),
    )
    session.add(contract)
    session.flush()
    document = read_terms(plan.terms)
    session.add(
        ContractTerms(
            contract_id=contract.id,
            customer_id=customer.id,
            version=1,
            effective_from=plan.starts_on,
            document=document,
            sha256=load_terms(document).sha256,
        )
    )
    for item in plan.items:
        records.items[item.code] = ContractItem(
            contract_id=contract.id,
            customer_id=customer.id,
            code=item.code,
            kind=item.kind,
            label=item.label,
            label_en=item.label_en,
            monthly_fee=item.monthly_fee,
            contracted_w=item.contracted_w,
            starts_on=item.starts_on,
            ends_on=item.ends_on,
        )
    for item in plan.items:
        sell_by(records.items[item.code], offers)
    session.add_all(records.items[item.code] for item in plan.items)
    session.flush()


def load_occupancy(session: Session, scope: Scope, plan: DemoPlan, records: Records) -> None:
    """Allocations, holds and barred units, through the services that staff use."""
    now = dt.datetime.fromtimestamp(plan.anchor_ms / 1000, dt.UTC)
    for contract in plan.contracts:
        for item in contract.items:
            if item.rack is not None:
                _allocate(session, scope, item, records, now)
    for hold in plan.holds:
        hold_space(
            session,
            scope,
            records.racks[hold.rack].id,
            prospect=hold.prospect,
            held_by=hold.held_by,
            reason=hold.reason,
            u_low=2 * (hold.u_from - 1),
            height=2 * hold.u_count,
            starts_at=hold.starts_at,
            expires_at=hold.expires_at,
            now=now,
        )
    for barred in plan.barred:
        bar_space(
            session,
            scope,
            records.racks[barred.rack].id,
            u_low=2 * (barred.u_from - 1),
            height=2 * barred.u_count,
            face=barred.face,
            kind=barred.kind,
            reason=barred.reason,
        )


def _allocate(
    session: Session, scope: Scope, item: ItemPlan, records: Records, now: dt.datetime
) -> None:
    rack = records.racks[item.rack or ""]
    cage = records.cages.get(rack.cabinet.code)
    if cage is not None:
        allocate_area(
            session, scope, records.items[item.code], "cage", cage.id,
            starts_on=item.starts_on, ends_on=item.ends_on, now=now,
        )  # fmt: skip
        return
    allocate_space(
        session,
        scope,
        records.items[item.code],
        rack.id,
        u_low=2 * (item.u_from - 1),
        height=2 * (item.u_count or rack.u_count),
        starts_on=item.starts_on,
        ends_on=item.ends_on,
        now=now,
    )


def load_services(session: Session, plan: DemoPlan, records: Records) -> None:
    """Bandwidth services and the ports that carry them."""
    for service in plan.services:
        customer = records.customers[service.customer]
        row = BandwidthService(
            customer_id=customer.id,
            contract_item_id=records.items[service.item].id,
            code=service.code,
            carrier=service.carrier,
            commit_bps=service.commit_bps,
            ceiling_bps=service.ceiling_bps,
        )
        row.memberships = [
            ServiceMembership(
                customer_id=customer.id,
                port_id=records.ports[port].id,
                starts_at=service.starts_at,
                ends_at=service.ends_at,
            )
            for port in service.ports
        ]
        session.add(row)
    session.flush()


def load_operations(session: Session, plan: DemoPlan, records: Records) -> None:
    """Maintenance windows with the notices that were sent, and tickets."""
    mails = {customer.code: customer.contacts[0].email for customer in plan.customers}
    for window in plan.maintenance:
        session.add(_maintenance(window, mails, records))
    for ticket in plan.tickets:
        _add_ticket(session, ticket, records.customers[ticket.customer].id)
    session.flush()


def _add_ticket(session: Session, plan: TicketPlan, customer_id: int) -> None:
    ticket = Ticket(
        customer_id=customer_id,
        number=plan.number,
        kind=plan.kind,
        urgent=plan.urgent,
        channel=plan.channel,
        title=plan.title,
        opened_at=plan.opened_at,
        responded_at=plan.responded_at,
        resolved_at=plan.closed_at,
        closed_at=plan.closed_at,
    )
    session.add(ticket)
    session.flush()
    for kind, at in (
        ("open", plan.opened_at), ("answer", plan.responded_at), ("close", plan.closed_at),
    ):  # fmt: skip
        if at is not None:
            session.add(
                TicketEvent(
                    ticket_id=ticket.id,
                    customer_id=customer_id,
                    kind=kind,
                    at=at,
                    entered_at=at,
                    actor="demo",
                    by_customer=False,
                )
            )


def _maintenance(window: MaintenancePlan, mails: dict[str, str], records: Records) -> Maintenance:
    targets = [MaintenanceTarget(power_node_id=records.nodes[code].id) for code in window.nodes]
    targets += [MaintenanceTarget(port_id=records.ports[key].id) for key in window.ports]
    return Maintenance(
        code=window.code,
        title=window.title,
        title_en=window.title_en,
        starts_at=window.starts_at,
        ends_at=window.ends_at,
        state="done" if window.ends_at <= utc_now() else "announced",
        planned_at=window.announced_at,
        announced_at=window.announced_at,
        approved_by=window.approved_by,
        approved_at=window.announced_at,
        targets=targets,
        notices=[
            MaintenanceNotice(
                customer_id=records.customers[code].id,
                sent_at=window.announced_at + dt.timedelta(minutes=2),
                recorded_at=window.announced_at + dt.timedelta(minutes=2),
                starts_at=window.starts_at,
                ends_at=window.ends_at,
                channel="email",
                recipient=mails[code],
            )
            for code in window.customers
        ],
    )


def _morning(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(1, 30), dt.UTC)
