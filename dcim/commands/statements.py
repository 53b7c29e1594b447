"""`dcim statement`: issue, list, export, look at corrections, and verify."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import click
from sqlalchemy import func, select

from dcim.accounts.audit import record
from dcim.columns import utc_now
from dcim.commands.output import print_json, print_table, remarks, session_of
from dcim.commands.statement_issuing import issue
from dcim.commands.verify import verify
from dcim.customers.models import Contract, Customer
from dcim.errors import InvalidError, NotFoundError
from dcim.paging import EVERYTHING
from dcim.records.sheets import write_csv
from dcim.statements.accounting import COLUMNS as LINE_COLUMNS
from dcim.statements.accounting import list_lines
from dcim.statements.approval_rules import say_reasons
from dcim.statements.held_queries import HeldMonthFilter, list_held
from dcim.statements.issuing import (
    month_bounds,
)
from dcim.statements.models import Statement, StatementFile
from dcim.statements.monthly_run import last_closed_month
from dcim.statements.queries import read_documents
from dcim.statements.summaries import last_months, read_span, summarise, tell_summary
from reports.evidence import hash_file

# Exit code of a preview that shows nothing.
NOTHING_DIFFERS = 3
COLUMNS = ("number", "customer", "result", "credits", "total", "currency")


@click.group()
def statement() -> None:
    """Issue, list, export and verify statements."""


statement.add_command(issue)


@statement.command("list")
@click.option("--month", help="Like 2026-10. Default: all.")
@click.pass_context
def list_statements(ctx: click.Context, month: str | None) -> None:
    """Statements issued so far."""
    with session_of(ctx, "statement list") as (_instance, session, _scope):
        month_of = (Statement.contract_id, Statement.period)
        newest = func.max(Statement.revision).over(partition_by=month_of)
        query = (
            select(Statement, Customer.name, StatementFile.sha256, newest)
            .join(Customer, Customer.id == Statement.customer_id)
            .outerjoin(StatementFile, StatementFile.statement_id == Statement.id)
            .order_by(Statement.period.desc(), Customer.code, *month_of, Statement.revision.desc())
        )
        if month:
            query = query.where(Statement.period == month)
        print_table(
            "",
            (*COLUMNS, "SHA-256 of the PDF", "replaced by"),
            [
                (
                    one.number,
                    name,
                    one.verdict,
                    one.credits,
                    one.total,
                    one.currency,
                    sha256,
                    f"revision {last}" if last > one.revision else "",
                )
                for one, name, sha256, last in session.execute(query)
            ],
        )


@statement.command("held")
@click.option("--month", help="Like 2026-10. Default: all.")
@click.pass_context
def list_held_months(ctx: click.Context, month: str | None) -> None:
    """Months that wait for approval, and why; two people decide about them on their pages."""
    with session_of(ctx, "statement held") as (_instance, session, scope):
        wanted = HeldMonthFilter(period=month, state="held")
        print_table(
            "",
            ("month", "contract", "customer", "result", "credits", "total", "currency", "why",
             "proposed by"),
            [
                (
                    one.period, one.contract_number, one.customer_name, one.verdict, one.credits,
                    one.total, one.currency, " ".join(say_reasons(one.reasons, one.currency)),
                    one.proposed_by,
                )
                for one in list_held(session, scope, wanted, EVERYTHING).items
            ],
        )  # fmt: skip


@statement.command("draft")
@click.argument("contract")
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--month", help="Like 2026-10. Default: the last closed month.")
@click.pass_context
def draft(ctx: click.Context, contract: str, target: Path, month: str | None) -> None:
    """Write the closed month of CONTRACT as it would be issued now to TARGET (a file or a folder).

    Every page says that it is a draft; it isn't signed, and nothing is kept of it.
    """
    from dcim.statements.drafts import draw_draft

    with session_of(ctx, "statement draft") as (instance, session, scope):
        found = session.scalar(select(Contract.id).where(Contract.number == contract))
        if found is None:
            raise NotFoundError("No contract has the number %(number)s.", number=contract)
        period = month or last_closed_month(instance.settings.timezone)
        name, content = draw_draft(session, scope, instance.settings, found, period)
    path = target / name if target.is_dir() else target
    path.write_bytes(content)
    click.echo(str(path))


@statement.command("export")
@click.argument("number", required=False)
@click.argument("target", type=click.Path(path_type=Path), required=False)
@click.option("--month", help="All of a month, like 2026-10.")
@click.option("--customer", help="With --month: one customer's, by its code. Default: all.")
@click.option("--to", "folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--every-revision", is_flag=True, help="With --month. Default: the newest.")
@click.option("--samples", is_flag=True, help="The raw samples behind its bins (ZIP) instead.")
@click.pass_context
def export(
    ctx: click.Context,
    number: str | None,
    target: Path | None,
    month: str | None,
    customer: str | None,
    folder: Path | None,
    every_revision: bool,
    samples: bool,
) -> None:
    """Write the PDF of statement NUMBER to TARGET (a file or a folder), or with --month all of a
    month into the folder --to, with index.csv telling their SHA-256.

    Files are whole or not there; run again it writes what is missing or differs.
    """
    one, all_of = (number, target), (month, folder)
    if all(all_of) and not any((*one, samples)):
        _export_month(ctx, str(month), cast(Path, folder), customer, every_revision=every_revision)
    elif all(one) and not any((*all_of, customer, every_revision)):
        _export_one(ctx, str(number), cast(Path, target), samples=samples)
    else:
        raise InvalidError("Say NUMBER TARGET, or --month MONTH --to FOLDER.")


def _export_one(ctx: click.Context, number: str, target: Path, *, samples: bool) -> None:
    from dcim.statements.files import read_file
    from dcim.statements.sample_files import check_samples

    with session_of(ctx, "statement export") as (instance, session, scope):
        found = session.scalar(select(Statement.id).where(Statement.number == number))
        if found is None:
            raise NotFoundError("No statement has the number %(number)s.", number=number)
        if samples:
            checked = check_samples(session, scope, instance.settings, found)
            name, parts = checked.name, checked.read_parts()
        else:
            content = read_file(session, scope, instance.settings, found)
            name, parts = f"{number}.pdf", iter([content])
    path = target / name if target.is_dir() else target
    with path.open("w+b") as written:
        written.writelines(parts)
        sha256, _size = hash_file(written)
    click.echo(f"{path}  SHA-256 {sha256}")


def _export_month(
    ctx: click.Context, month: str, folder: Path, customer: str | None, *, every_revision: bool
) -> None:
    from dcim.statements.month_files import INDEX, export_month, list_month_files

    with session_of(ctx, "statement export") as (instance, session, scope):
        customer_id = None
        if customer is not None:
            customer_id = session.scalar(select(Customer.id).where(Customer.code == customer))
            if customer_id is None:
                raise NotFoundError("No customer has the code %(code)s.", code=customer)
        files = list_month_files(
            session,
            scope,
            instance.settings,
            month,
            customer_id=customer_id,
            every_revision=every_revision,
        )
        done = export_month(files, folder)
    click.echo(f"{folder / INDEX}: {done.written} written, {done.unchanged} there already")


@statement.command("lines")
@click.option("--month", required=True, help="Like 2026-10.")
@click.option("--customer", help="One customer's, by its code. Default: all.")
@click.option("--format", "form", type=click.Choice(["csv", "json"]), default="csv")
@click.option("--bom/--no-bom", default=True, help="CSV: the mark by which Excel knows UTF-8.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path))
@click.pass_context
def lines(
    ctx: click.Context, month: str, customer: str | None, form: str, bom: bool, output: Path | None
) -> None:
    """Write a month's lines for the accounting system to OUTPUT or stdout, sums to stderr.

    Of each contract the newest revision, by customer and contract. Exit code 1 when nothing was
    issued. Columns: docs/statement.md.
    """
    month_bounds(month)
    rows: list[dict[str, str]] = []
    with session_of(ctx, "statement lines") as (_instance, session, scope):
        count = 0
        for document in read_documents(session, scope, month, customer):
            rows += list_lines(document)
            count += 1
        if not count:
            raise NotFoundError("No statement of %(month)s is issued: nothing to write.",
                                month=month)  # fmt: skip
        record(
            session, scope, "statement.lines", f"month/{month}", customer=customer, rows=len(rows)
        )
    content = write_lines(rows, form, bom=bom)
    if output is None:
        click.echo(content, nl=False)
    else:
        try:
            output.write_bytes(content)
        except OSError as error:
            raise InvalidError(
                "%(file)s can't be written: %(why)s.", file=output, why=error.strerror
            ) from error
    for said in say_sums(rows, count):
        remarks.print(said)


@statement.command("summary")
@click.option("--first", help="Like 2026-01. Default: twelve closed months.")
@click.option("--last", help="Like 2026-12.")
@click.option("--customer", help="One customer's, by its code. Default: all.")
@click.pass_context
def summary(ctx: click.Context, first: str | None, last: str | None, customer: str | None) -> None:
    """Issued months added up, as JSON: promises kept by kind, credits by cause, site, customer."""
    usual = last_months(utc_now().date())
    span = read_span(first or usual.first, last or usual.last)
    with session_of(ctx, "statement summary") as (_instance, session, scope):
        if customer is not None:
            known = session.scalar(select(Customer.id).where(Customer.code == customer))
            if known is None:
                raise NotFoundError("No customer has the code %(code)s.", code=customer)
            span = replace(span, customer_id=known)
        print_json(tell_summary(summarise(session, scope, span)))


def write_lines(rows: list[dict[str, str]], form: str, *, bom: bool) -> bytes:
    if form == "json":
        said = {"columns": LINE_COLUMNS, "lines": rows}
        return (json.dumps(said, ensure_ascii=False, indent=2) + "\n").encode()
    with write_csv([LINE_COLUMNS, *(tuple(row.values()) for row in rows)], bom=bom) as file:
        return file.read()


def say_sums(rows: list[dict[str, str]], statements: int) -> list[str]:
    """The total of each currency, to be compared with what the accounting system took over."""
    sums: dict[str, Decimal] = {}
    for row in rows:
        sums[row["currency"]] = sums.get(row["currency"], Decimal(0)) + Decimal(row["amount"] or 0)
    open_ones = sum(not row["amount"] for row in rows)
    said = [f"{statements} statements, {len(rows)} lines"]
    said += [f"{currency} {amount}" for currency, amount in sorted(sums.items())]
    if open_ones:
        said.append(f"{open_ones} lines without a price: not in the sums")
    return said


@statement.command("revise")
@click.argument("number")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def revise(ctx: click.Context, number: str, as_json: bool) -> None:
    """Show what the next revision of statement NUMBER would change, from all that is known now.

    Nothing is written: correcting takes two people, on the statement's page or by the API. Exit
    code 0: something would change; 3: nothing differs.
    """
    from dcim.statements.revising import preview_revision

    with session_of(ctx, "statement revise") as (instance, session, scope):
        found = session.scalar(select(Statement.id).where(Statement.number == number))
        if found is None:
            raise NotFoundError("No statement has the number %(number)s.", number=number)
        seen = preview_revision(session, scope, instance.settings, found)
    if as_json:
        print_json(asdict(seen))
    elif not seen.changes:
        click.echo(f"Nothing differs from {number}.")
    else:
        _show_differences(seen.number, seen.differences)
    raise SystemExit(0 if seen.changes else NOTHING_DIFFERS)


def _show_differences(number: str, found: Mapping[str, Any]) -> None:
    def said(value: dict[str, Any] | None) -> str | None:
        return None if value is None else f"{value['result']}, credit {value['credit']}"

    results = [(one["id"], said(one["before"]), said(one["after"])) for one in found["results"]]
    if results:
        print_table(f"{number} would say", ("result", "before", "after"), results)
    lines = [*found["lines"], *found["totals"]]
    print_table(
        "" if results else f"{number} would say",
        ("line", "before", "after", "difference"),
        [(one["key"], one["before"], one["after"], one["difference"]) for one in lines],
    )
    click.echo(f"Parts that say something else: {', '.join(found['parts'])}")


statement.add_command(verify)


@statement.command("trace")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.pass_context
def trace(ctx: click.Context, file: Path) -> None:
    """Say for whom the marked copy FILE was made, by the code hidden in its pages.

    Needs neither its attachments nor its signature. Exit code 1: no code of a copy made here.
    """
    from dcim.statements.marked_copies import trace_copies

    content = file.read_bytes()
    with session_of(ctx, "statement trace") as (_instance, session, scope):
        rows = [
            (one.recipient, one.statement.number, one.created_at, one.made_by, one.code)
            for one in trace_copies(session, scope, content)
        ]
        record(session, scope, "statement.trace", f"file/{hash_file(BytesIO(content))[0]}",
               codes=[row[-1] for row in rows])  # fmt: skip
    if not rows:
        raise NotFoundError("%(file)s hides no code of a copy made here.", file=file)
    print_table("", ("for", "statement", "made", "by", "code"), rows)


@statement.command("signer")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def signer(ctx: click.Context, as_json: bool) -> None:
    """Whose key signs: its fingerprint for customers to trust, and where its certificate lies.

    Makes the key when there is none yet.
    """
    from dcim.statements.signer import obtain_signer
    from reports.sign import CERTIFICATE_NAME

    with session_of(ctx, "statement signer") as (instance, session, scope):
        found = obtain_signer(session, scope, instance.settings)
        path = instance.settings.keys_folder / CERTIFICATE_NAME
    if as_json:
        print_json({"fingerprint": found.fingerprint, "certificate": str(path)})
        return
    click.echo(f"Fingerprint (SHA-256)  {found.fingerprint}")
    click.echo(f"Certificate            {path}")
    click.echo("Give either to your customers: dcim statement verify FILE --trust FINGERPRINT")
