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
from dcim.statements.issuing import Issued, issue_statement, month_bounds
from dcim.statements.monthly_run import Failed, issue_month, last_closed_month

COLUMNS = ("number", "customer", "result", "credits", "total", "currency")
Row = tuple[object, ...]
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
    """Freeze, book, render and sign a month. What is issued already stays as it is."""
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
            rows, failed = _rehearse(sessions, scope, settings, period, (code, number))
        else:
            rows, failed = _issue(sessions, scope, settings, period, (code, number))
        sessions.kw["bind"].dispose()
    print_table(
        f"Statements of {period}" + (", as they would be" if dry_run else ""), COLUMNS, rows
    )
    if failed:
        raise click.ClickException(
            f"{len(failed)} of {len(failed) + len(rows)} could not be issued: "
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
) -> tuple[list[Row], list[Failed]]:
    code, number = named

    def show(one: Issued | Failed, done: int, of: int) -> None:
        if isinstance(one, Failed):
            remarks.print(f"{done}/{of} {one.contract} FAILED: {one.why}")
            return
        word = "issued" if one.new else "already issued"
        remarks.print(f"{done}/{of} {one.number} {word}: {one.verdict}")

    failed: list[Failed] = []
    if number is None:
        run = issue_month(sessions, scope, settings, period, customer=code, progress=show)
        issued, failed = run.issued, run.failed
    else:
        with transaction(sessions, scope) as session:
            found = session.scalars(select(Contract.id).where(Contract.number == number)).one()
        issued = [issue_statement(sessions, scope, settings, found, period)]
    rows: list[Row] = [
        (i.number, i.customer, i.verdict, i.credits, i.total, i.currency) for i in issued
    ]
    return rows, failed


def _rehearse(
    sessions: SessionFactory, scope: Scope, settings: Settings, period: str, named: Named
) -> tuple[list[Row], list[Failed]]:
    """What would be issued of what isn't yet; each contract by itself, nothing kept."""
    from dcim.statements.drafts import compose_draft
    from dcim.statements.issue_times import list_waiting

    code, number = named
    rows: list[Row] = []
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
        except JifangError as error:
            failed.append(Failed(one.contract_number, one.customer_name, str(error)))
            remarks.print(f"{done}/{len(waiting)} {one.contract_number} WOULD FAIL: {error}")
            continue
        totals, result = data["totals"], data["verdict"]["result"]
        remarks.print(f"{done}/{len(waiting)} {one.contract_number}: {result}")
        rows.append(
            (
                one.contract_number, one.customer_name, result, totals["credits"],
                totals["total"], data["contract"]["currency"],
            )
        )  # fmt: skip
    return rows, failed
