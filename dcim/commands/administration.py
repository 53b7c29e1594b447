"""Commands of administrators: schema, audit, secrets, settings, backup and restore."""

from pathlib import Path

import click
from sqlalchemy import func, select

from dcim.accounts.audit import verify_chain
from dcim.accounts.secrets import rotate_secrets
from dcim.commands.output import print_json, remarks, session_of
from dcim.config import load_settings
from dcim.instance import open_instance
from dcim.statements.models import LedgerEntry, Statement


@click.group()
def db() -> None:
    """Migrate and check the database schema."""


@db.command("upgrade")
@click.pass_context
def upgrade(ctx: click.Context) -> None:
    """Bring the schema up to date. Refuses a database that a newer program has migrated."""
    with open_instance(ctx.find_root().obj) as instance:
        click.echo(f"Schema is at revision {instance.upgrade()}.")


@db.command("check")
@click.pass_context
def check(ctx: click.Context) -> None:
    """Say whether the schema is the one this program was built for."""
    with open_instance(ctx.find_root().obj) as instance:
        instance.check_schema()
    click.echo("The schema fits this program.")


@click.group()
def audit() -> None:
    """Verify the audit log."""


@audit.command("verify")
@click.option("--last-digest", help="A digest noted earlier: finds a cut-off tail.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def verify(ctx: click.Context, last_digest: str | None, as_json: bool) -> None:
    """Recompute the chain of hashes. Exit code 1 when it is broken."""
    with session_of(ctx, "audit verify") as (_instance, session, _scope):
        report = verify_chain(session, expected_last=last_digest)
    if as_json:
        print_json(
            {
                "intact": report.intact,
                "entries": report.entries,
                "last_digest": report.last_digest,
                "broken_at": report.broken_at,
                "problem": report.problem,
            }
        )
    elif report.intact:
        click.echo(f"{report.entries} entries, the chain is whole. Last digest:")
        click.echo(report.last_digest)
    else:
        click.echo(f"Broken at entry {report.broken_at}: {report.problem}.", err=True)
    if not report.intact:
        raise SystemExit(1)


@click.group()
def secrets() -> None:
    """Rotate the keys of sealed secrets."""


@secrets.command("rotate")
@click.pass_context
def rotate(ctx: click.Context) -> None:
    """Reseal every secret under the first key of DCIM_ENCRYPTION_KEYS."""
    with session_of(ctx, "secrets rotate") as (instance, session, scope):
        report = rotate_secrets(session, scope, instance.settings.encryption)
    click.echo(
        f"{report.resealed} secrets resealed under key {instance.settings.encryption.active},"
        f" {report.already_active} were already. Older keys may be dropped now."
    )


@click.group()
def settings() -> None:
    """Check the settings and name what is wrong."""


@settings.command("check")
@click.pass_context
def check_settings(ctx: click.Context) -> None:
    """Read the settings as every process does; nothing is started."""
    loaded = load_settings(ctx.find_root().obj)
    click.echo(f"The settings of {loaded.data} are complete.")


@click.command()
@click.argument("target", type=click.Path(path_type=Path, file_okay=False))
@click.pass_context
def backup(ctx: click.Context, target: Path) -> None:
    """Write a verified backup of the instance, running or not, into TARGET."""
    from dcim.backup import back_up

    with open_instance(ctx.find_root().obj) as instance:
        manifest = back_up(instance, target, say=remarks.print)
    click.echo(manifest)


@click.command()
@click.argument("archive", type=click.Path(path_type=Path, exists=True))
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.pass_context
def restore(ctx: click.Context, archive: Path, folder: Path) -> None:
    """Restore ARCHIVE into the empty FOLDER and check it there."""
    from dcim.backup import restore as restore_into

    restore_into(archive, folder, say=remarks.print)
    with open_instance(folder) as instance:
        from dcim.accounts.scope import Scope
        from dcim.db import transaction

        sessions = instance.make_sessions(pool_size=1)
        with transaction(sessions, Scope.system("restore")) as session:
            chain = verify_chain(session)
            statements = session.scalar(select(func.count()).select_from(Statement))
            total = session.scalar(select(func.sum(LedgerEntry.amount)))
        sessions.kw["bind"].dispose()
    click.echo(
        f"Restored into {folder}: audit chain {'whole' if chain.intact else 'BROKEN'}"
        f" ({chain.entries} entries), {statements} statements, ledger total {total or 0}."
    )
    if not chain.intact:
        raise SystemExit(1)
