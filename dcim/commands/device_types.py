"""`dcim device-type`: bring in device types from files and from the program's catalogue."""

from pathlib import Path

import click

from dcim.commands.output import print_table, remarks, session_of
from dcim.errors import InvalidError
from dcim.inventory.devices.type_descriptions import CATEGORIES
from dcim.inventory.devices.type_files import ReadType, read_type_file
from dcim.inventory.devices.type_import import MOST_FILES, Outcome, import_types
from dcim.inventory.devices.type_import import load_catalogue as load
from dcim.inventory.devices.type_yaml import LARGEST


@click.group("device-type")
def device_type() -> None:
    """Bring in device types from files and the catalogue."""


@device_type.command("import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--dry-run", is_flag=True, help="Say what would be done; write nothing.")
@click.option("--skip-existing", is_flag=True, help="Leave types that are here as they are.")
@click.option("--category", type=click.Choice(CATEGORIES), help="Of files that name none.")
@click.option("--quiet", is_flag=True, help="Name problems only, not what is left out.")
@click.pass_context
def import_files(
    ctx: click.Context,
    paths: tuple[Path, ...],
    dry_run: bool,
    skip_existing: bool,
    category: str | None,
    quiet: bool,
) -> None:
    """Bring in the YAML files of PATHS, folders with all that is in them.

    They are written in the community's device-type format. Every problem of every file is named;
    refused files stay out, the others go in. The exit status is 1 where one was refused.
    """
    reads: list[ReadType] = []
    for name, path in find_files(paths):
        with path.open("rb") as file:
            # One octet more than may be tells that it is too large.
            reads += read_type_file(name, file.read(LARGEST + 1), category=category or "")
    with session_of(ctx, "device-type import") as (_instance, session, scope):
        outcomes = import_types(
            session,
            scope,
            reads,
            existing="skip" if skip_existing else "update",
            dry_run=dry_run,
        )
    _tell(outcomes, dry_run=dry_run, quiet=quiet)
    if any(one.action == "refuse" for one in outcomes):
        ctx.exit(1)


@device_type.command("load-catalogue")
@click.option("--dry-run", is_flag=True, help="Say what would be done; write nothing.")
@click.pass_context
def load_catalogue(ctx: click.Context, dry_run: bool) -> None:
    """Load the common IDC devices that come with the program.

    What somebody here has described stays as it is; a second time changes nothing.
    """
    with session_of(ctx, "device-type load-catalogue") as (_instance, session, scope):
        outcomes = load(session, scope, dry_run=dry_run)
    _tell(outcomes, dry_run=dry_run, quiet=False)


def find_files(paths: tuple[Path, ...]) -> list[tuple[str, Path]]:
    """(name to tell, path) of each YAML file; links out of a folder are not followed."""
    found: list[tuple[str, Path]] = []
    for path in paths:
        if path.is_dir():
            found += [
                (str(one.relative_to(path)), one)
                for one in sorted(path.rglob("*"))
                if one.suffix.lower() in {".yaml", ".yml"}
                and one.is_file()
                and not one.is_symlink()
            ]
        else:
            found.append((path.name, path))
    if not found:
        raise InvalidError("No YAML file is there.")
    if len(found) > MOST_FILES:
        raise InvalidError("At most %(count)s device types at once.", count=MOST_FILES)
    return found


def _tell(outcomes: list[Outcome], *, dry_run: bool, quiet: bool) -> None:
    for one in outcomes:
        for problem in one.problems:
            remarks.print(f"{one.name}: {problem}", markup=False)
        for remark in () if quiet else one.remarks:
            remarks.print(f"{one.name}: note: {remark}", markup=False)
    words = {
        "create": "new",
        "update": "changed",
        "same": "as it is",
        "skip": "left as it is",
        "refuse": "refused",
    }
    rows = [(word, sum(one.action == action for one in outcomes)) for action, word in words.items()]
    print_table("Nothing was written." if dry_run else "", ("result", "types"), rows)
