"""The embedded PostgreSQL: set-up, walls between roles, races, crashes, odd paths."""

import contextlib
import json
import os
import pwd
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from dcim.postgres import EmbeddedServer, PostgresError, program
from dcim.privileges import Account, PrivilegeError, allow_search
from dcim.tether import tethered
from tests.servers import FAST_OPTIONS, build_template, fresh_database, scratch_server

ROOT = Path(__file__).parents[2]
OWN_OPTIONS = {**FAST_OPTIONS, "synchronous_commit": "on"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    with scratch_server(tmp_path_factory.mktemp("servers")) as running:
        yield running


@contextlib.contextmanager
def own_server(directory: Path) -> Iterator[EmbeddedServer]:
    """For tests that break it. Commits reach the kernel: what a killed server must keep."""
    running = EmbeddedServer(directory, options=OWN_OPTIONS)
    try:
        yield running
    finally:
        running.stop()


def ask(url: str, statement: str) -> list[tuple[object, ...]]:
    engine = sa.create_engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        result = connection.execute(sa.text(statement))
        return [tuple(row) for row in result] if result.returns_rows else []


def wait_until_gone(pid: int, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while Path(f"/proc/{pid}/cwd").is_symlink() and time.monotonic() < deadline:
        try:
            Path(f"/proc/{pid}/cwd").readlink()
        except FileNotFoundError:
            return  # a zombie: ended, its parent has not looked yet
        time.sleep(0.02)
    assert not Path(f"/proc/{pid}/cwd").exists(), f"process {pid} still runs"


def test_server_speaks_utf8_with_checksums_and_scram_and_listens_nowhere(
    server: EmbeddedServer,
) -> None:
    names = (
        "server_encoding",
        "data_checksums",
        "password_encryption",
        "listen_addresses",
        "timezone",
    )
    columns = ", ".join(f"current_setting('{name}')" for name in names)
    assert ask(server.app_url, f"SELECT {columns}") == [("UTF8", "on", "scram-sha-256", "", "UTC")]
    locale = "SELECT datlocprovider, datlocale FROM pg_database WHERE datname = 'jifang'"
    assert ask(server.app_url, locale) == [("b", "C.UTF-8")]
    assert ask(server.app_url, "SELECT version()")[0][0].__str__().startswith("PostgreSQL 18")


@pytest.mark.parametrize("role", ["owner", "app"])
def test_roles_have_no_power_over_the_server(server: EmbeddedServer, role: str) -> None:
    rights = "rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls"
    query = f"SELECT {rights} FROM pg_roles WHERE rolname = current_user"  # noqa: S608  fixed words
    found = ask(server.url(role), query)
    assert found == [(False,) * 5]


def test_owner_makes_tables_and_app_may_not(server: EmbeddedServer) -> None:
    ask(server.owner_url, "CREATE TABLE made_by_owner (n int)")
    ask(server.owner_url, "GRANT SELECT ON made_by_owner TO app")
    assert ask(server.app_url, "SELECT * FROM made_by_owner") == []
    with pytest.raises(sa.exc.ProgrammingError, match="permission denied"):
        ask(server.app_url, "INSERT INTO made_by_owner VALUES (1)")
    with pytest.raises(sa.exc.ProgrammingError, match="permission denied"):
        ask(server.app_url, "CREATE TABLE made_by_app (n int)")


def test_wrong_or_missing_password_is_refused(server: EmbeddedServer) -> None:
    url = sa.make_url(server.owner_url)
    with pytest.raises(sa.exc.OperationalError, match="password authentication failed"):
        ask(url.set(password="guess").render_as_string(hide_password=False), "SELECT 1")
    with pytest.raises(sa.exc.OperationalError, match="no password supplied"):
        ask(sa.URL.create(**{**url._asdict(), "password": None}).render_as_string(), "SELECT 1")


def test_app_cannot_enter_other_databases(server: EmbeddedServer) -> None:
    for name in ("postgres", "template1"):
        with pytest.raises(sa.exc.OperationalError, match="permission denied"):
            ask(server.url("app", name), "SELECT 1")


def test_directories_and_secrets_are_private(server: EmbeddedServer) -> None:
    for name in ("pg", "run", "keys", "statements", "spool", "log"):
        assert stat.S_IMODE((server.data / name).stat().st_mode) == 0o700, name
    assert stat.S_IMODE(server.data.stat().st_mode) & 0o067 == 0  # group: search at most
    assert stat.S_IMODE((server.data / "keys" / "database.json").stat().st_mode) == 0o600
    socket = server.data / "run" / ".s.PGSQL.5432"
    assert stat.S_IMODE(socket.stat().st_mode) == 0o700
    assert not (server.data / "initdb-password").exists()


def test_passwords_are_in_no_log_and_no_command_line(server: EmbeddedServer) -> None:
    passwords = json.loads((server.data / "keys" / "database.json").read_text(encoding="utf-8"))
    written = "".join(
        path.read_text(encoding="utf-8", errors="replace") for path in server.data.rglob("*.log")
    )
    pid = server.ensure_started().pid
    written += Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8")
    written += (server.cluster / "postmaster.opts").read_text(encoding="utf-8")
    assert "listen_addresses" in written  # the search looks at something
    for role, password in passwords.items():
        assert len(password) >= 40
        assert password not in written, role


def test_running_server_is_reused_even_by_another_object(server: EmbeddedServer) -> None:
    first = server.ensure_started()
    assert EmbeddedServer(server.data).ensure_started() == first


def test_two_processes_racing_get_one_server(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from dcim.postgres import EmbeddedServer; "
        "print(EmbeddedServer(Path(sys.argv[1]), options={'fsync': 'off'}).ensure_started().pid)"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "i")]
    racers = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    answers = {racer.communicate(timeout=60)[0].strip() for racer in racers}
    with own_server(tmp_path / "i") as server:
        assert answers == {str(server.ensure_started().pid)}


def test_killed_server_is_recovered_with_what_was_committed(tmp_path: Path) -> None:
    with own_server(tmp_path / "i") as server:
        first = server.ensure_started()
        ask(server.owner_url, "CREATE TABLE kept AS SELECT 42 AS n")
        os.kill(first.pid, signal.SIGKILL)
        wait_until_gone(first.pid)
        assert (server.cluster / "postmaster.pid").exists()  # stale
        assert not server.is_running()
        second = EmbeddedServer(server.data, options=OWN_OPTIONS).ensure_started()
        assert second.pid != first.pid
        assert ask(server.owner_url, "SELECT n FROM kept") == [(42,)]


class Leaving(subprocess.Popen[bytes]):
    """Ended, but the kernel doesn't tell its parent yet: that takes a moment under load."""

    def poll(self) -> int | None:
        return self.returncode


def test_killed_child_on_its_way_out_does_not_run(tmp_path: Path) -> None:
    with own_server(tmp_path / "i") as server:
        server.ensure_started()
        pid_file = server.cluster / "postmaster.pid"
        lines = pid_file.read_text(encoding="utf-8").splitlines()
        server.stop()
        child = Leaving(["/bin/sleep", "60"], cwd=server.cluster)
        server._children[child.pid] = child
        pid_file.write_text("\n".join([str(child.pid), *lines[1:]]) + "\n", encoding="utf-8")
        assert server.is_running()  # by all that can be seen
        child.kill()
        wait_until_gone(child.pid)
        assert child.poll() is None
        assert not server.is_running()
        assert child.returncode == -signal.SIGKILL
        del server._children[child.pid]


def test_stale_pid_file_naming_a_foreign_process_is_cleared(tmp_path: Path) -> None:
    """After a reboot the number may belong to anything; PostgreSQL alone would refuse to start."""
    with own_server(tmp_path / "i") as server:
        server.ensure_started()
        pid_file = server.cluster / "postmaster.pid"
        lines = pid_file.read_text(encoding="utf-8").splitlines()
        server.stop()
        owner = server.cluster.stat()
        sleeper = subprocess.Popen(
            tethered(
                ["/bin/sleep", "60"],
                account=(owner.st_uid, owner.st_gid) if os.geteuid() == 0 else None,
            )
        )
        try:
            pid_file.write_text("\n".join([str(sleeper.pid), *lines[1:]]) + "\n", encoding="utf-8")
            assert not server.is_running()
            assert server.ensure_started().pid != sleeper.pid
            assert sleeper.poll() is None, "the foreign process must not be touched"
        finally:
            sleeper.kill()
            sleeper.wait()


def test_interrupted_first_start_is_redone(tmp_path: Path) -> None:
    data = tmp_path / "i"
    (data / "pg.new" / "base").mkdir(parents=True)
    (data / "pg.new" / "PG_VERSION").write_text("18\n", encoding="utf-8")
    with own_server(data) as server:
        server.ensure_started()
        (data / "postgres.ready").unlink()  # killed between start and roles: done again, no harm
        server.ensure_started()
        assert ask(server.app_url, "SELECT current_user") == [("app",)]
        assert not (data / "pg.new").exists()


@pytest.mark.parametrize("name", ["a name with spaces", "院区 机房", 'quo"te,comma', "x" * 120])
def test_odd_and_long_paths(tmp_path: Path, name: str) -> None:
    with own_server(tmp_path / name) as server:
        address = server.ensure_started()
        assert ask(server.app_url, "SELECT 1") == [(1,)]
        socket = address.socket_directory / ".s.PGSQL.5432"
        assert len(os.fsencode(socket)) <= 107
        assert stat.S_IMODE(address.socket_directory.stat().st_mode) == 0o700
        server.stop()
        own = address.socket_directory == server.data / "run"
        assert own or not address.socket_directory.exists()


def test_lease_ends_with_its_last_user(tmp_path: Path) -> None:
    first = EmbeddedServer(tmp_path / "i", options=FAST_OPTIONS)
    second = EmbeddedServer(tmp_path / "i", options=FAST_OPTIONS)
    with first.lease() as address:
        with second.lease() as same:
            assert same == address
        assert first.is_running()
    assert not first.is_running()


def test_tied_server_ends_with_its_starter_and_a_detached_one_does_not(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path; "
        "from dcim.postgres import EmbeddedServer; "
        "server = EmbeddedServer(Path(sys.argv[1]), options={'fsync': 'off'}); "
        "print(server.ensure_started(tied=sys.argv[2] == 'tied').pid, flush=True); "
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    with own_server(tmp_path / "detached") as detached:
        command = [sys.executable, "-c", script, str(tmp_path / "detached"), "detached"]
        subprocess.run(command, cwd=ROOT, capture_output=True, check=False, timeout=60)
        assert detached.is_running()
    command = [sys.executable, "-c", script, str(tmp_path / "tied"), "tied"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    wait_until_gone(int(done.stdout))


def test_other_major_version_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with own_server(tmp_path / "i") as server:
        server.ensure_started()
        server.stop()
        (server.cluster / "PG_VERSION").write_text("17\n", encoding="ascii")
        with pytest.raises(PostgresError, match=r"PostgreSQL 17.*backup"):
            server.ensure_started()


def test_lost_password_file_is_named(tmp_path: Path) -> None:
    with own_server(tmp_path / "i") as server:
        server.ensure_started()
        (server.data / "keys" / "database.json").unlink()
        with pytest.raises(PostgresError, match=r"database\.json is missing"):
            _ = server.app_url


def test_unusable_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(PostgresError, match="cannot be used"):
        EmbeddedServer(tmp_path / "file" / "i").ensure_started()


def test_broken_server_shows_its_last_words(tmp_path: Path) -> None:
    broken = EmbeddedServer(tmp_path / "i", options={"no_such_setting": "1"})
    with pytest.raises(PostgresError, match="no_such_setting"):
        broken.ensure_started()


def test_template_is_built_once_and_databases_are_apart(server: EmbeddedServer) -> None:
    builds = []

    def build(database: object) -> None:
        builds.append(database)
        ask(server.url("owner", "stencil"), "CREATE TABLE t AS SELECT 7 AS n")

    for _ in range(2):
        build_template(server, "stencil", build)
    assert len(builds) == 1
    with (
        fresh_database(server, "one", template="stencil") as one,
        fresh_database(server, "two", template="stencil") as two,
    ):
        ask(one.owner_url, "INSERT INTO t VALUES (8)")
        assert len(ask(one.owner_url, "SELECT * FROM t")) == 2
        assert len(ask(two.owner_url, "SELECT * FROM t")) == 1
    with pytest.raises(sa.exc.OperationalError, match="does not exist"):
        ask(one.owner_url, "SELECT 1")


def test_backup_programs_come_with_the_server() -> None:
    for name in ("pg_dump", "pg_restore"):
        done = subprocess.run(
            [program(name), "--version"], capture_output=True, text=True, check=True
        )
        assert " 18." in done.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act for another user")
def test_search_is_granted_to_the_account_and_to_nobody_else(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    (closed / "inner").mkdir(parents=True)
    closed.chmod(0o700)
    (closed / "inner").chmod(0o755)
    nobody, daemon = pwd.getpwnam("nobody"), pwd.getpwnam("daemon")

    def may_enter(entry: pwd.struct_passwd) -> bool:
        line = ["/bin/sh", "-c", 'cd "$0"', str(closed / "inner")]
        command = tethered(line, account=(entry.pw_uid, entry.pw_gid))
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    for entry in (nobody, daemon):
        allow_search(tmp_path / "closed", Account(entry.pw_uid, entry.pw_gid, entry.pw_name))
        assert not may_enter(entry)
    account = Account(nobody.pw_uid, nobody.pw_gid, "nobody")
    assert allow_search(closed / "inner", account) == [closed]
    assert may_enter(nobody)
    assert not may_enter(daemon)
    assert allow_search(closed / "inner", account) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act for another user")
def test_directory_without_access_lists_is_refused_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "setxattr", unsupported)
    tmp_path.chmod(0o700)
    with pytest.raises(PrivilegeError, match="chmod o\\+x"):
        allow_search(tmp_path / "inner", Account(65534, 65534, "nobody"))


def test_psycopg_speaks_to_it_directly(server: EmbeddedServer) -> None:
    url = sa.make_url(server.app_url)
    with psycopg.connect(
        host=str(url.query["host"]), user="app", password=url.password, dbname="jifang"
    ) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
