"""`dcim demo`: a simulated data centre, and what `up` does to have one."""

import time
from collections.abc import Callable

import click
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dcim import supervisor
from dcim.accounts.models import User
from dcim.accounts.people import create_person, reset_password
from dcim.accounts.scope import Scope
from dcim.commands.output import instance_of, remarks
from dcim.config import choose_data_folder
from dcim.customers.models import Contract, Customer
from dcim.db import transaction
from dcim.demo.backfill import backfill, catch_up
from dcim.demo.estate.load import load_estate
from dcim.demo.instance import create_demo, open_demo
from dcim.demo.load import load_demo
from dcim.errors import ConflictError
from dcim.instance import Instance
from dcim.statements.models import Statement
from dcim.statements.monthly_run import Failed, Held, Outcome, issue_month, last_closed_month

# A demo polls its own agents and nobody else; its operator is invented.
SETTINGS = {
    "DCIM_SNMP_ALLOWED": "127.0.0.0/8",
    "DCIM_OPERATOR_NAME": "云栈示范数据中心",
    "DCIM_OPERATOR_NAME_EN": "Yunzhan Demo Data Centre",
    "DCIM_OPERATOR_CONTACT": "sla@dc.example",
}
SCOPE = Scope.system("demo")


@click.group()
def demo() -> None:
    """A simulated data centre: load it, run its agents."""


@demo.command()
@click.option("--racks", type=int, help="A large estate of so many racks instead, without a past.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of the large estate.")
@click.pass_context
def load(ctx: click.Context, racks: int | None, seed: int) -> None:
    """Write the demo into an empty instance, with its past and the closed month's statements.

    With --racks a large estate is written instead: ten devices a rack, a customer for twenty.
    """
    with instance_of(ctx) as instance:
        if racks is not None:
            sessions = instance.make_sessions(pool_size=1)
            with transaction(sessions, SCOPE) as session:
                counts = load_estate(session, racks, seed, remarks.print, scope=SCOPE)
            with transaction(sessions, SCOPE) as session:
                for line in make_logins(session):
                    remarks.print(line)
            sessions.kw["bind"].dispose()
            remarks.print(", ".join(f"{count} {name}" for name, count in counts.items()))
            return
        for preparation in prepare(lambda: instance, []):
            remarks.print(preparation.title)
            preparation.action(remarks.print)


@demo.command()
@click.pass_context
def agents(ctx: click.Context) -> None:
    """Answer SNMP on loopback for every simulated device, until stopped."""
    from dcim.demo.agents import run_agents

    found = open_demo(choose_data_folder(ctx.find_root().obj))
    if found is None:
        raise ConflictError("There is no demo here; load one: dcim demo load")
    run_agents(found, lambda count: click.echo(f"{count} simulated agents answer", err=True))


def prepare(instance: Callable[[], Instance], announced: list[str]) -> list[supervisor.Preparation]:
    """What a demo needs before its processes start; each step finds what is done already.

    Appends to `announced` the lines to show once everything is up: the logins.
    """

    def load_plan(say: supervisor.Say) -> None:
        found = instance()
        plan = create_demo(found.settings.data, time.time_ns() // 1_000_000)
        sessions = found.make_sessions(pool_size=1)
        with transaction(sessions, SCOPE) as session:
            load_demo(session, found.settings, plan, say, scope=SCOPE)
        sessions.kw["bind"].dispose()

    def write_past(say: supervisor.Say) -> None:
        found = instance()
        plan = create_demo(found.settings.data, time.time_ns() // 1_000_000)
        sessions = found.make_sessions(pool_size=2)
        backfill(sessions, plan, say)
        sessions.kw["bind"].dispose()

    def issue(say: supervisor.Say) -> None:
        found = instance()
        sessions = found.make_sessions(pool_size=2)
        period = last_closed_month(found.settings.timezone)
        if not is_complete(found):
            issue_month(
                sessions,
                SCOPE,
                found.settings,
                period,
                progress=lambda one, done, of: say(f"{done}/{of} {tell(one)}"),
            )
        plan = open_demo(found.settings.data)
        if plan is not None:
            catch_up(sessions, plan, say)
        with transaction(sessions, SCOPE) as session:
            announced[:] = make_logins(session)
        sessions.kw["bind"].dispose()

    return [
        supervisor.Preparation("Building the demo data centre", load_plan),
        supervisor.Preparation("Writing the past months' readings", write_past),
        supervisor.Preparation("Issuing the closed month's statements", issue),
    ]


def tell(one: Outcome) -> str:
    if isinstance(one, Failed):
        return f"{one.contract} failed: {one.why}"
    return f"{one.contract} held" if isinstance(one, Held) else f"{one.number} {one.verdict}"


def is_complete(instance: Instance) -> bool:
    """Whether the first month was issued with every file; the clock issues the later ones."""
    sessions = instance.make_sessions(pool_size=1)
    with sessions() as session:
        session.use_scope(SCOPE)
        issued = session.scalar(select(func.count()).select_from(Statement))
        without_file = session.scalar(
            select(func.count()).select_from(Statement).where(~Statement.file.has())
        )
    sessions.kw["bind"].dispose()
    return bool(issued) and not without_file


def make_logins(session: Session) -> list[str]:
    """Three people to sign in as. Who never signed in gets a new one-time password each start."""
    wanted: list[tuple[str, str, str, int | None, str]] = [
        ("staff@dc.example", "值班工程师", "administrator", None, "IDC staff"),
        ("noc@dc.example", "网管值班", "noc", None, "NOC"),
    ]
    customer = session.execute(
        select(Customer)
        .join(Contract, Contract.customer_id == Customer.id)
        .join(Statement, Statement.contract_id == Contract.id)
        .order_by(Statement.credits, Customer.code)
        .limit(1)
    ).scalar_one_or_none()
    if customer is not None:
        address = f"viewer@{customer.code.lower()}.example"
        wanted.append(
            (
                address,
                customer.name,
                "customer_administrator",
                customer.id,
                f"Customer {customer.name}",
            )
        )
    lines = ["Sign in with one of these (the one-time password must be changed at once):"]
    for email, name, role, customer_id, title in wanted:
        user = session.scalar(select(User).where(User.email == email))
        if user is None:
            password = create_person(
                session, SCOPE, email=email, name=name, role=role, customer_id=customer_id
            ).one_time_password
        elif user.must_change_password:
            password = reset_password(session, SCOPE, user)
        else:
            password = "(the password you chose)"  # noqa: S105
        lines.append(f"  {title:<24} {email:<28} {password}")
    return lines
