"""`dcim import`: bring a sheet in from the command line, by the same rules as the pages."""

from pathlib import Path

import click

from dcim.accounts.scope import Scope
from dcim.commands.output import instance_of, print_table, remarks
from dcim.db import transaction
from dcim.errors import InvalidError
from dcim.kinds import BY_PLURAL
from dcim.records.imports import check_import, open_import, read_error, write_import


@click.command("import")
@click.argument("kind")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--existing", type=click.Choice(["update", "skip"]), default="update",
              help="What happens to records that exist already.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Say what would happen; write nothing.")
@click.pass_context
def import_sheet(ctx: click.Context, kind: str, file: Path, existing: str, dry_run: bool) -> None:
    """Bring in FILE (CSV or XLSX) of records of KIND, e.g. "devices": all rows, or none.

    Every problem is listed; the exit code is 1 when there is one.
    """
    if kind not in BY_PLURAL:
        raise click.BadParameter(f"one of: {', '.join(sorted(BY_PLURAL))}", param_hint="KIND")
    found = BY_PLURAL[kind]
    scope = Scope.system("import")
    with instance_of(ctx) as instance:
        sessions = instance.make_sessions(pool_size=2)
        try:
            with transaction(sessions, scope) as session:
                run = open_import(
                    session, scope, found, file.name, file.read_bytes(), existing=existing
                )
                remarks.print(f"Checking {run.rows} rows")
                check_import(session, scope, found, run)
                if run.state == "ready" and not dry_run:
                    write_import(
                        session,
                        scope,
                        found,
                        run,
                        lambda done: remarks.print(f"{done} of {run.rows} rows"),
                    )
        except InvalidError as error:
            raise click.ClickException(str(error)) from error
        finally:
            sessions.kw["bind"].dispose()
    if run.problems:
        rows = [
            (one["row"], one["column"], one["value"], str(read_error(one))) for one in run.problems
        ]
        print_table("", ("row", "column", "value", "problem"), rows)
        raise click.ClickException(f"{len(run.problems)} problems; nothing is written.")
    done = "would be" if dry_run else "are"
    click.echo(f"{run.created} {done} created, {run.updated} changed, {run.skipped} left alone.")
