"""Commands of administrators: schema, audit, secrets, settings, backup and restore."""

import os
from decimal import Decimal
from pathlib import Path

import click
from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import aliased

from dcim.accounts.audit import verify_chain
from dcim.accounts.scope import Scope
from dcim.accounts.secrets import rotate_secrets
from dcim.alarms.defaults import ensure_rules
from dcim.commands.output import print_json, remarks, session_of
from dcim.config import load_settings
from dcim.db import transaction
from dcim.instance import open_instance
from dcim.outbox.queueing import hold_restored
from dcim.statements.issuing import CORRECTION
from dcim.statements.models import LedgerEntry, Statement


@click.group()
def db() -> None:
    """Migrate and check the database schema."""


@db.command("upgrade")
@click.pass_context
def upgrade(ctx: click.Context) -> None:
    """Bring the schema up to date. Refuses a database that a newer program has migrated."""
    with open_instance(ctx.find_root().obj) as instance:
        revision = instance.upgrade()
        with transaction(instance.make_sessions(), Scope.system("db upgrade")) as session:
            ensure_rules(session)
        click.echo(f"Schema is at revision {revision}.")


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
@click.option(
    "--keys",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the key file. Keep it apart from the backup. Default: TARGET.",
)
@click.pass_context
def backup(ctx: click.Context, target: Path, keys: Path | None) -> None:
    """Write a backup of the instance, running or not, into TARGET.

    With DCIM_BACKUP_PASSPHRASE set, the key file is sealed with it.
    """
    from dcim.backup import backup as write_backup

    with open_instance(ctx.find_root().obj) as instance:
        written = write_backup(
            instance.settings.data,
            instance.owner_url,
            target,
            keys_target=keys,
            passphrase=os.environ.get("DCIM_BACKUP_PASSPHRASE"),
            say=remarks.print,
        )
    click.echo(f"{written.archive}\n{written.key_file}")


@click.command()
@click.argument("archive", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--keys", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def restore(archive: Path, folder: Path, keys: Path | None) -> None:
    """Restore ARCHIVE into the empty FOLDER and check it there."""
    from dcim.backup import restore as restore_into

    manifest = restore_into(
        archive,
        folder.absolute(),
        key_file=keys,
        passphrase=os.environ.get("DCIM_BACKUP_PASSPHRASE"),
        say=remarks.print,
    )
    scope = Scope.system("restore")
    with open_instance(folder) as instance:
        sessions = instance.make_sessions(pool_size=1)
        with transaction(sessions, scope) as session:
            chain = verify_chain(session)
            statements = session.scalar(select(func.count()).select_from(Statement))
            unbalanced = session.scalars(find_unbalanced()).all()
            held = hold_restored(session, scope)
        sessions.kw["bind"].dispose()
    rows = sum(table.rows for table in manifest.tables.values())
    click.echo(
        f"Restored into {folder}: {len(manifest.tables)} tables, {rows} rows, each compared;"
        f" audit chain {'whole' if chain.intact else 'BROKEN'} ({chain.entries} entries);"
        f" ledger of {statements} statements"
        f" {'adds up' if not unbalanced else 'DOES NOT ADD UP: ' + ', '.join(unbalanced)}."
    )
    if held:
        click.echo(f"{held} messages waited to be sent and are held: look at Delivery.")
    if unbalanced or not chain.intact:
        raise SystemExit(1)


def find_unbalanced() -> Select[str]:
    """Numbers of the statements whose ledger lines don't sum to their total, or that don't take
    back the total of the revision before."""
    before = aliased(Statement)
    back = LedgerEntry.kind == CORRECTION

    def lines_sum(which: ColumnElement[bool]) -> ColumnElement[Decimal]:
        return func.coalesce(func.sum(LedgerEntry.amount).filter(which), 0)

    return (
        select(Statement.number)
        .outerjoin(LedgerEntry, LedgerEntry.statement_id == Statement.id)
        .outerjoin(
            before,
            (before.contract_id == Statement.contract_id)
            & (before.period == Statement.period)
            & (before.revision == Statement.revision - 1),
        )
        .group_by(Statement.id, before.id)
        .having(
            or_(
                lines_sum(~back) != Statement.total,
                lines_sum(back) != -func.coalesce(before.total, 0),
            )
        )
    )
