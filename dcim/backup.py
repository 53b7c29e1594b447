"""Backup of a running instance and its restore into an empty place, verified row by row."""

import contextlib
import hashlib
import os
import re
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TypeAlias

import psycopg
from alembic.script import ScriptDirectory
from psycopg import sql
from psycopg.conninfo import make_conninfo
from sqlalchemy import create_engine, make_url
from sqlalchemy.pool import NullPool

from dcim import schema
from dcim.archive import (
    BackupError,
    FileEntry,
    Manifest,
    TableEntry,
    describe,
    open_archive,
    unpack,
    write_archive,
)
from dcim.escrow import collect_secrets, read_key_file, write_key_file
from dcim.postgres import APP, EmbeddedServer, plain_environment, program

DUMP = "database.dump"
SAVED_FOLDERS = ("statements",)
# Row security hides tenants' rows from everybody; a backup reads and writes all of them, as staff
# does. The rest fixes how COPY writes values: equal rows have equal hashes on any server.
SESSION_SETTINGS = {
    "jifang.staff": "yes",
    "timezone": "UTC",
    "datestyle": "ISO,YMD",
    "intervalstyle": "iso_8601",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
}

Connection: TypeAlias = psycopg.Connection[tuple[object, ...]]
Say: TypeAlias = Callable[[str], None]


@dataclass(frozen=True)
class Backup:
    archive: Path
    key_file: Path
    manifest: Manifest


def backup(
    data: Path,
    database_url: str,
    target: Path,
    *,
    keys_target: Path | None = None,
    passphrase: str | None = None,
    say: Say = lambda _: None,
) -> Backup:
    """Save the instance in `data` while it runs: two files, in `target` and in `keys_target`.

    `database_url` is the owner's (or the administrator's). The archive holds the database as of one
    snapshot and the statements' files, and no key; the key file, sealed when there is a
    `passphrase`, must be kept apart from it. Raises BackupError.
    """
    keys_target = keys_target or target
    for directory in (target, keys_target):
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    now = datetime.now(UTC)
    stem = f"jifang-{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    keys_id = secrets.token_hex(16)
    with tempfile.TemporaryDirectory(prefix=".backup-", dir=target) as work:
        dump = Path(work) / DUMP
        with _connect(database_url) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            snapshot = _one(connection, "SELECT pg_export_snapshot()")
            say("Saving the database")
            _dump(database_url, dump, snapshot)
            say("Counting and hashing the tables")
            tables = fingerprint_tables(connection)
            revision = _revision(connection)
            version = _one(connection, "SHOW server_version")
        say("Saving the files")
        sources = {DUMP: dump, **_saved_files(data)}
        manifest = Manifest(
            created_at=now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            revision=revision,
            server_version=version,
            keys_id=keys_id,
            tables=tables,
            files=tuple(describe(path, name) for name, path in sources.items()),
        )
        key_file = keys_target / f"{stem}.keys"
        write_key_file(key_file, keys_id, collect_secrets(data), passphrase)
        archive = target / f"{stem}.tar"
        write_archive(archive, manifest, sources)
    return Backup(archive, key_file, manifest)


def verify(archive: Path) -> Manifest:
    """Read the whole archive and compare every file with the manifest. Raises BackupError."""
    with open_archive(archive) as (manifest, tar), tempfile.TemporaryDirectory() as work:
        for number, entry in enumerate(manifest.files):
            place = Path(work) / str(number)
            unpack(tar, entry, place)
            place.unlink()
    return manifest


def restore(
    archive: Path,
    data: Path,
    *,
    key_file: Path | None = None,
    passphrase: str | None = None,
    owner_url: str | None = None,
    app_role: str = APP,
    say: Say = lambda _: None,
) -> Manifest:
    """Make an instance in `data` (absent or empty) out of a backup, and stop it again.

    `key_file` is looked for beside the archive when not named. `owner_url` names an empty external
    database; without it the embedded one is created in `data`. Every table is counted and hashed
    again and compared with the manifest, then the schema is brought up to date. When anything is
    wrong, BackupError is raised and `data` is left empty.
    """
    _refuse_occupied(data)
    say("Checking the archive")
    with open_archive(archive) as (manifest, tar):
        _refuse_newer(manifest)
        key_file = key_file or archive.with_suffix(".keys")
        secret_files = read_key_file(key_file, manifest.keys_id, passphrase)
        try:
            _write_secrets(data, secret_files)
            with tempfile.TemporaryDirectory(prefix=".restore-", dir=data) as work:
                dump = Path(work) / DUMP
                say("Unpacking the files")
                for entry in manifest.files:
                    unpack(tar, entry, dump if entry.name == DUMP else _inside(data, entry))
                with _database(data, owner_url) as url:
                    say("Loading the database")
                    _load(url, dump)
                    say("Comparing every table with the manifest")
                    _compare(url, manifest)
                    _bring_up_to_date(url, manifest, app_role)
        except BaseException:
            _empty(data)
            raise
    return manifest


def fingerprint_tables(connection: Connection) -> dict[str, TableEntry]:
    """Rows and hash of every table of the schema `public`, as this transaction sees them."""
    names = connection.execute(
        "SELECT c.relname FROM pg_class c WHERE c.relkind = 'r' "
        "AND c.relnamespace = 'public'::regnamespace ORDER BY 1"
    ).fetchall()
    return {str(name): _fingerprint(connection, str(name)) for (name,) in names}


def _fingerprint(connection: Connection, name: str) -> TableEntry:
    columns = connection.execute(
        "SELECT a.attname, a.attcollation <> 0 FROM pg_index i "
        "CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k (attnum, place) "
        "JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum "
        "WHERE i.indrelid = %s::regclass AND i.indisprimary ORDER BY k.place",
        [sql.Identifier("public", name).as_string(connection)],
    ).fetchall()
    # COLLATE "C": servers may sort words by different languages.
    order = sql.SQL(", ").join(
        sql.Identifier(str(column)) + sql.SQL(' COLLATE "C"' if is_text else "")
        for column, is_text in columns
    )
    statement = sql.SQL("COPY (SELECT * FROM {table} t ORDER BY {order}) TO STDOUT").format(
        table=sql.Identifier("public", name),
        order=order if columns else sql.SQL('t::text COLLATE "C"'),
    )
    rows, digest = 0, hashlib.sha256()
    with connection.cursor().copy(statement) as copy:
        for block in copy:
            digest.update(block)
            rows += bytes(block).count(b"\n")  # in a value it is written as \n, two characters
    return TableEntry(rows, digest.hexdigest())


# -- connections and PostgreSQL's programs


def _parameters(url: str) -> dict[str, str]:
    """libpq's parameters of a SQLAlchemy URL."""
    parsed = make_url(url)
    parameters = {key: str(value) for key, value in parsed.query.items()}
    fields = {
        "host": parsed.host,
        "port": parsed.port,
        "user": parsed.username,
        "password": parsed.password,
        "dbname": parsed.database,
    }
    return parameters | {key: str(value) for key, value in fields.items() if value is not None}


def _session_options() -> str:
    return " ".join(f"-c {name}={value}" for name, value in SESSION_SETTINGS.items())


@contextlib.contextmanager
def _connect(url: str) -> Iterator[Connection]:
    try:
        connection = psycopg.connect(**{**_parameters(url), "options": _session_options()})  # type: ignore[arg-type]
    except psycopg.OperationalError as error:
        raise BackupError(f"The database cannot be reached: {error}") from error
    with connection:
        yield connection


def _one(connection: Connection, statement: str) -> str:
    row = connection.execute(statement.encode()).fetchone()
    return str(row[0]) if row else ""


def _revision(connection: Connection) -> str | None:
    if _one(connection, "SELECT to_regclass('public.alembic_version') IS NULL") == "True":
        return None
    return _one(connection, "SELECT version_num FROM public.alembic_version") or None


def _run(name: str, url: str, arguments: list[str], work: Path, failed: str) -> None:
    """Run pg_dump or pg_restore; the password goes through a file only we can read."""
    parameters = _parameters(url)
    password = re.sub(r"([\\:])", r"\\\1", parameters.pop("password", ""))
    password_file = work / "pgpass"
    descriptor = os.open(password_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        handle.write(f"*:*:*:*:{password}\n")
    environment = {"PGPASSFILE": str(password_file), "PGOPTIONS": _session_options()}
    try:
        done = subprocess.run(  # noqa: S603  our own program, no shell
            [
                str(program(name)),
                "--no-password",
                f"--dbname={make_conninfo(**parameters)}",
                *arguments,
            ],
            env=plain_environment() | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        password_file.unlink()
    if done.returncode != 0:
        raise BackupError(f"{failed}: {done.stderr.strip()}")


def _dump(url: str, dump: Path, snapshot: str) -> None:
    arguments = ["--format=custom", "--schema=public", "--enable-row-security", "--no-owner"]
    arguments += ["--no-privileges", f"--snapshot={snapshot}", f"--file={dump}"]
    _run("pg_dump", url, arguments, dump.parent, "The database could not be saved")


def _load(url: str, dump: Path) -> None:
    with _connect(url) as connection:
        if fingerprint_tables(connection):
            raise BackupError("The database to restore into is not empty.")
    arguments = ["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"]
    # The schema itself is there in every new database.
    listing = dump.with_suffix(".list")
    arguments += [f"--use-list={_table_of_contents(dump, listing)}", str(dump)]
    _run("pg_restore", url, arguments, dump.parent, "The database could not be loaded")


def _table_of_contents(dump: Path, listing: Path) -> Path:
    done = subprocess.run(  # noqa: S603  our own program, no shell
        [str(program("pg_restore")), "--list", str(dump)],
        env=plain_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise BackupError(f"The saved database cannot be read: {done.stderr.strip()}")
    lines = [
        line
        for line in done.stdout.splitlines()
        if not re.match(r"\d+; \d+ \d+ (SCHEMA|COMMENT) - (SCHEMA )?public ", line)
    ]
    listing.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return listing


# -- files


def _saved_files(data: Path) -> dict[str, Path]:
    paths = [path for folder in SAVED_FOLDERS for path in sorted((data / folder).rglob("*"))]
    # What begins with a dot is being written and belongs to no row yet.
    return {
        path.relative_to(data).as_posix(): path
        for path in paths
        if path.is_file() and not path.name.startswith(".")
    }


def _inside(data: Path, entry: FileEntry) -> Path:
    parts = PurePosixPath(entry.name).parts
    if ".." in parts or not parts or parts[0] not in SAVED_FOLDERS:
        raise BackupError(f"The backup names a file outside its folders: {entry.name}")
    return data.joinpath(*parts)


def _empty(data: Path) -> None:
    for leftover in data.iterdir() if data.is_dir() else ():
        if leftover.is_dir() and not leftover.is_symlink():
            shutil.rmtree(leftover)
        else:
            leftover.unlink()


def _write_secrets(data: Path, files: dict[str, bytes]) -> None:
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, content in files.items():
        parts = PurePosixPath(name).parts
        if ".." in parts or not (name == "settings.env" or parts[:1] == ("keys",)):
            raise BackupError(f"The key file names a file outside its folders: {name}")
        path = data.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(content)


# -- restore


def _refuse_occupied(data: Path) -> None:
    if data.exists() and (not data.is_dir() or any(data.iterdir())):
        raise BackupError(f"{data} is not empty: a restore goes into a new or an empty directory.")


def _refuse_newer(manifest: Manifest) -> None:
    history = ScriptDirectory.from_config(schema.alembic_config()).walk_revisions()
    if manifest.revision is not None and manifest.revision not in {s.revision for s in history}:
        raise BackupError(
            f"The backup's schema ({manifest.revision}) is newer than this program "
            f"({schema.newest_revision()}): restore it with the version that made it."
        )


@contextlib.contextmanager
def _database(data: Path, owner_url: str | None) -> Iterator[str]:
    if owner_url is not None:
        yield owner_url
        return
    server = EmbeddedServer(data)
    with server.lease(tied=True):
        yield server.owner_url


def _compare(url: str, manifest: Manifest) -> None:
    with _connect(url) as connection:
        found = fingerprint_tables(connection)
    wrong = [
        f"{name}: {manifest.tables.get(name)} saved, {found.get(name)} restored"
        for name in sorted({*found, *manifest.tables})
        if found.get(name) != manifest.tables.get(name)
    ]
    if wrong:
        raise BackupError("Restored tables differ from the saved ones:\n" + "\n".join(wrong))


def _bring_up_to_date(url: str, manifest: Manifest, app_role: str) -> None:
    if manifest.revision is None:
        return
    engine = create_engine(url, poolclass=NullPool)
    schema.upgrade(engine, app_role)
    engine.dispose()
