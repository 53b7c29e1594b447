"""`dcim statement issue`: a month's statements, all or some, or how they would be."""

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.commands.output import instance_of, print_table, remarks
from dcim.config import Settings
from dcim.customers.models import Contract, Customer
from dcim.db import SessionFactory, transaction
from dcim.errors import InvalidError, JifangError, NotFoundError
from dcim.statements.held_months import HeldError, judge_month, say_why
from dcim.statements.issuing import issue_statement, month_bounds
from dcim.statements.monthly_run import (
    Failed,
    Held,
    Outcome,
    issue_month,
    last_closed_month,
)

COLUMNS = ("number", "customer", "result", "credits", "total", "currency")
Row = tuple[object, ...]
Result = tuple[list[Row], list[Held], list[Failed]]
Named = tuple[str | None, str | None]  # a customer's code, a contract's number


@click.command("issue")
@click.option("--all", "everyone", is_flag=True, help="Every contract in force in that month.")
@click.option("--customer", "code", help="Every contract of one customer, by its code.")
@click.option("--contract", "number", help="One contract, by its number.")
@click.option("--month", help="Like 2026-10. Default: the last closed month.")
@click.option("--dry-run", is_flag=True, help="Only say what would be issued; nothing is kept.")
@click.pass_context
def issue(
    ctx: click.Context,
    everyone: bool,
    code: str | None,
    number: str | None,
    month: str | None,
    dry_run: bool,
) -> None:
    """Freeze, book, render and sign a month. What is issued already stays as it is.

    What two people must approve first is held, and told; that is no failure.
    """
    if [everyone, code is not None, number is not None].count(True) != 1:
        raise InvalidError("Say which: --all, --customer CODE, or --contract NUMBER.")
    scope = Scope.system("statement issue")
    with instance_of(ctx) as instance:
        sessions, settings = instance.make_sessions(pool_size=2), instance.settings
        period = month or last_closed_month(settings.timezone)
        month_bounds(period)
        with transaction(sessions, scope) as session:
            _check_named(session, code, number)
        if dry_run:
            rows, held, failed = _rehearse(sessions, scope, settings, period, (code, number))
        else:
            rows, held, failed = _issue(sessions, scope, settings, period, (code, number))
        sessions.kw["bind"].dispose()
    print_table(
        f"Statements of {period}" + (", as they would be" if dry_run else ""), COLUMNS, rows
    )
    if held:
        remarks.print(
            f"{len(held)} wait{'s' if len(held) == 1 else ''} for approval by two people, under "
            "Statements, Waiting for approval; dcim statement held lists them."
            if not dry_run
            else f"{len(held)} would be held for approval."
        )
    if failed:
        raise click.ClickException(
            f"{len(failed)} of {len(failed) + len(held) + len(rows)} could not be issued: "
            + "; ".join(f"{one.contract}: {one.why}" for one in failed)
            + ". The others are. Mend what is said, then run it again."
        )


def _check_named(session: Session, code: str | None, number: str | None) -> None:
    if code is not None and not session.scalar(select(Customer.id).where(Customer.code == code)):
        raise NotFoundError("No customer has the code %(code)s.", code=code)
    if number is not None and not session.scalar(
        select(Contract.id).where(Contract.number == number)
    ):
        raise NotFoundError("No contract has the number %(number)s.", number=number)


def _issue(
    sessions: SessionFactory, scope: Scope, settings: Settings, period: str, named: Named
) -> Result:
    code, number = named

    def show(one: Outcome, done: int, of: int) -> None:
        if isinstance(one, Failed):
            remarks.print(f"{done}/{of} {one.contract} FAILED: {one.why}")
            return
        if isinstance(one, Held):
            remarks.print(f"{done}/{of} {one.contract} HELD for approval: {one.why}")
            return
        word = "issued" if one.new else "already issued"
        remarks.print(f"{done}/{of} {one.number} {word}: {one.verdict}")

    if number is None:
        run = issue_month(sessions, scope, settings, period, customer=code, progress=show)
        issued, held, failed = run.issued, run.held, run.failed
    else:
        issued, held, failed = [], [], []
        with transaction(sessions, scope) as session:
            found = session.execute(
                select(Contract.id, Customer.name)
                .join(Customer, Customer.id == Contract.customer_id)
                .where(Contract.number == number)
            ).one()
        try:
            issued = [issue_statement(sessions, scope, settings, found.id, period)]
        except HeldError as error:
            held = [Held(number, found.name, say_why(error.finding))]
            show(held[0], 1, 1)
    rows: list[Row] = [
        (i.number, i.customer, i.verdict, i.credits, i.total, i.currency) for i in issued
    ]
    return rows, held, failed


def _rehearse(
    sessions: SessionFactory, scope: Scope, settings: Settings, period: str, named: Named
) -> Result:
    """What would be issued of what isn't yet; each contract by itself, nothing kept."""
    from dcim.statements.drafts import compose_draft
    from dcim.statements.issue_times import list_waiting

    code, number = named
    rows: list[Row] = []
    held: list[Held] = []
    failed: list[Failed] = []
    with transaction(sessions, scope) as session:
        waiting = [
            one
            for one in list_waiting(session, scope, period)
            if number in (None, one.contract_number) and code in (None, one.customer_code)
        ]
    for done, one in enumerate(waiting, 1):
        try:
            with transaction(sessions, scope) as session:
                data = compose_draft(session, scope, settings, one.contract_id, period).data
                contract = session.get_one(Contract, one.contract_id)
                finding = judge_month(session, contract, period, data)
        except JifangError as error:
            failed.append(Failed(one.contract_number, one.customer_name, str(error)))
            remarks.print(f"{done}/{len(waiting)} {one.contract_number} WOULD FAIL: {error}")
            continue
        if finding is not None:
            held.append(Held(one.contract_number, one.customer_name, say_why(finding)))
            remarks.print(
                f"{done}/{len(waiting)} {one.contract_number} WOULD BE HELD for approval: "
                f"{held[-1].why}"
            )
            continue
        totals, result = data["totals"], data["verdict"]["result"]
        remarks.print(f"{done}/{len(waiting)} {one.contract_number}: {result}")
        rows.append(
            (
                one.contract_number, one.customer_name, result, totals["credits"],
                totals["total"], data["contract"]["currency"],
            )
        )  # fmt: skip
    return rows, held, failed
