"""`dcim snmp names` and `dcim snmp mibs`: what OIDs are called, and which MIB files say so."""

from typing import TYPE_CHECKING

import click

from dcim.commands.output import print_json, print_table, remarks
from dcim.config import choose_data_folder

if TYPE_CHECKING:
    from dcim.snmp.mibs.sources import MibCollection


def known_names(ctx: click.Context) -> "MibCollection":
    """All names: the program's, those of the instance's folder `snmp_mibs`, the profiles'."""
    from dcim.snmp.mibs import known

    return known.known_names(choose_data_folder(ctx.find_root().obj) / "snmp_mibs")


def tell_problems(found: "MibCollection") -> None:
    for problem in found.problems:
        remarks.print(str(problem), markup=False, soft_wrap=True)


@click.command("names")
@click.argument("what", metavar="OID-or-NAME...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def show_names(ctx: click.Context, what: tuple[str, ...], as_json: bool) -> None:
    """Numbers and names of objects, whichever is given: 1.3.6.1…, MODULE::name.index or name.index.

    Names come with the program, from MIB files in the folder snmp_mibs of the instance, and from
    the device profiles. The exit status is 1 where one is not known; names like it are told.
    """
    from dcim.snmp.mibs.names import MibNameError
    from dcim.snmp.wire.ber import format_oid

    found = known_names(ctx)
    tell_problems(found)
    rows: list[dict[str, str]] = []
    for words in what:
        try:
            oid = found.names.oid_of(words)
        except MibNameError as error:
            alike = ", ".join(map(str, found.names.alike(words)))
            hint = f"; alike: {alike}" if alike else ""
            remarks.print(f"{words}: {error}{hint}", markup=False, soft_wrap=True)
        else:
            rows.append({"oid": format_oid(oid), "name": found.names.name_of(oid)})
    if as_json:
        print_json(rows)
    else:
        for row in rows:
            click.echo(f"{row['oid']}  {row['name']}")
    ctx.exit(0 if len(rows) == len(what) else 1)


@click.command("mibs")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def list_mibs(ctx: click.Context, as_json: bool) -> None:
    """Modules whose names are known, where they come from, and what is wrong with MIB files.

    The exit status is 1 where a file has a problem.
    """
    found = known_names(ctx)
    if as_json:
        print_json(
            {
                "modules": [
                    {"module": one.module, "origin": one.origin, "names": one.names}
                    for one in found.sources
                ],
                "problems": [
                    {"file": one.file, "line": one.line, "reason": one.reason}
                    for one in found.problems
                ],
            }
        )
    else:
        print_table(
            "",
            ("module", "from", "names total"),
            [(one.module, one.origin, one.names) for one in found.sources],
        )
        tell_problems(found)
    ctx.exit(1 if found.problems else 0)
