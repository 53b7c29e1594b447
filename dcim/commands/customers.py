"""`dcim customer`: who our customers are."""

import click
from sqlalchemy import func, select

from dcim.commands.output import print_table, session_of
from dcim.customers.models import Contract, ContractItem, Customer


@click.group()
def customer() -> None:
    """List customers and their contracts."""


@customer.command("list")
@click.pass_context
def list_customers(ctx: click.Context) -> None:
    """Customers, their contracts, and what is paid a month."""
    with session_of(ctx, "customer list") as (_instance, session, _scope):
        rows = session.execute(
            select(
                Customer.code,
                Customer.name,
                Customer.name_en,
                Contract.number,
                Contract.starts_on,
                Contract.ends_on,
                func.coalesce(func.sum(ContractItem.monthly_fee), 0),
                Contract.currency,
            )
            .outerjoin(Contract, Contract.customer_id == Customer.id)
            .outerjoin(ContractItem, ContractItem.contract_id == Contract.id)
            .group_by(Customer.id, Contract.id)
            .order_by(Customer.code, Contract.number)
        ).all()
        print_table(
            "",
            ("code", "name", "English name", "contract", "from", "until", "fee total", "currency"),
            [tuple(row) for row in rows],
        )
