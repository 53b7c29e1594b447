"""`dcim export`: sheets for others."""

from pathlib import Path

import click

from dcim.commands.output import print_table, session_of
from dcim.operations.regulator import export_regulator, write_sheet


@click.group()
def export() -> None:
    """Write sheets for others: the report to the regulator."""


@export.command("regulator")
@click.option(
    "--folder", required=True, type=click.Path(file_okay=False, path_type=Path),
    help="Where the CSV files go; made when it isn't there.",
)  # fmt: skip
@click.pass_context
def regulator(ctx: click.Context, folder: Path) -> None:
    """Rooms, cabinets, users and bandwidth as CSV with Chinese heads; audited."""
    with session_of(ctx, "export regulator") as (instance, session, scope):
        sheets = export_regulator(session, scope, instance.settings.timezone)
        folder.mkdir(parents=True, exist_ok=True)
        for sheet in sheets:
            (folder / f"{sheet.name}.csv").write_bytes(write_sheet(sheet))
    print_table("", ("file", "rows"), [(f"{sheet.name}.csv", len(sheet.rows)) for sheet in sheets])
