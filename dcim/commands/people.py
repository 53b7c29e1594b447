"""`dcim person` and `dcim token`: accounts and API tokens."""

import datetime as dt

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.models import User
from dcim.accounts.people import create_person, reset_password
from dcim.accounts.roles import ROLES
from dcim.accounts.tokens import PURPOSES, create_token
from dcim.commands.output import print_table, remarks, session_of
from dcim.customers.models import Customer
from dcim.errors import NotFoundError


@click.group()
def person() -> None:
    """Make accounts; the first administrator starts here."""


@person.command("create")
@click.argument("email")
@click.option("--name", required=True, help="As shown on pages and in the audit log.")
@click.option("--role", required=True, type=click.Choice(sorted(ROLES)))
@click.option("--customer", "customer_code", help="The customer's code, for a customer's person.")
@click.option("--language", type=click.Choice(["zh", "en"]), default="zh", show_default=True)
@click.pass_context
def create(
    ctx: click.Context, email: str, name: str, role: str, customer_code: str | None, language: str
) -> None:
    """Make an account and print its one-time password, to be changed at the first sign-in."""
    with session_of(ctx, "person create") as (_instance, session, scope):
        customer_id = None
        if customer_code:
            customer_id = session.scalar(select(Customer.id).where(Customer.code == customer_code))
            if customer_id is None:
                raise NotFoundError("No customer has the code %(code)s.", code=customer_code)
        made = create_person(
            session,
            scope,
            email=email,
            name=name,
            role=role,
            customer_id=customer_id,
            language=language,
        )
    remarks.print(f"Made {email} ({role}). The one-time password, shown only now:")
    click.echo(made.one_time_password)


@person.command("reset-password")
@click.argument("email")
@click.pass_context
def reset(ctx: click.Context, email: str) -> None:
    """Give a person a new one-time password and end their sessions."""
    with session_of(ctx, "person reset-password") as (_instance, session, scope):
        password = reset_password(session, scope, find_person(session, email))
    remarks.print(f"The new one-time password of {email}, shown only now:")
    click.echo(password)


def find_person(session: Session, email: str) -> User:
    user = session.scalar(select(User).where(User.email == email.strip().lower()))
    if user is None:
        raise NotFoundError("No account has the address %(email)s.", email=email)
    return user


@person.command("list")
@click.pass_context
def list_people(ctx: click.Context) -> None:
    """Who may sign in."""
    with session_of(ctx, "person list") as (_instance, session, _scope):
        people = session.scalars(select(User).order_by(User.email)).all()
        customers = dict(session.execute(select(Customer.id, Customer.code)).tuples().all())
        print_table(
            "",
            ("address", "name", "roles", "customer", "active"),
            [
                (
                    user.email,
                    user.name,
                    ", ".join(role.name for role in user.roles),
                    customers.get(user.customer_id or 0, ""),
                    "yes" if user.active else "no",
                )
                for user in people
            ],
        )


@click.group()
def token() -> None:
    """API tokens."""


@token.command("create")
@click.argument("email")
@click.option("--name", required=True, help="What it is for.")
@click.option("--days", type=click.IntRange(1, 365), default=90, show_default=True)
@click.option(
    "--purpose",
    type=click.Choice(PURPOSES),
    default="all",
    show_default=True,
    help="readings: it fetches the current readings and opens nothing else.",
)
@click.pass_context
def create_for(ctx: click.Context, email: str, name: str, days: int, purpose: str) -> None:
    """Make a token with this person's rights; it is shown once."""
    with session_of(ctx, "token create") as (_instance, session, scope):
        user = find_person(session, email)
        made = create_token(session, scope, user, name, dt.timedelta(days=days), purpose)
    remarks.print(f"A token of {email} for {days} days, shown only now:")
    click.echo(made.plaintext)
