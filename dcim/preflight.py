"""What must hold before an instance starts: directory, disk, port, and nobody runs it yet."""

import contextlib
import fcntl
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

DISK_REFUSE = 200 * 1000**2  # bytes free
DISK_WARN = 1000**3


class StartRefusedError(RuntimeError):
    """The instance cannot start here and now; the text says why and the way out."""


def check_directory(data: Path) -> None:
    """Create `data` and see that files can be written in it. Raises StartRefusedError."""
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=data) as probe:
            probe.write(b"x" * 4096)
            probe.flush()
    except OSError as error:
        raise StartRefusedError(
            f"The data directory {data} cannot be written: {error.strerror or error}.\n"
            "Choose another with --data DIR (or DCIM_DATA), or give this user the right to write."
        ) from error


def check_disk(data: Path) -> str | None:
    """A warning when little space is left. Raises StartRefusedError when there is next to none:
    a database that runs full stops in the middle of its work."""
    free = shutil.disk_usage(data).free
    if free < DISK_REFUSE:
        raise StartRefusedError(
            f"Only {free / 1e6:.0f} MB are free on the disk of {data}; {DISK_REFUSE / 1e6:.0f} MB "
            "are the least to start with. Free some space, or choose another disk with --data DIR."
        )
    if free < DISK_WARN:
        return (
            f"Only {free / 1e6:.0f} MB are free on the disk of {data}: free some space soon "
            f"(below {DISK_REFUSE / 1e6:.0f} MB it will not start)."
        )
    return None


def check_port(host: str, port: int) -> None:
    """See that `host`:`port` can be listened on. Raises StartRefusedError naming a free port."""
    try:
        families = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise StartRefusedError(f"{host!r} is no address to listen on: {error}.") from error
    family, kind, protocol, _, address = families[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            probe.listen(1)
        except PermissionError as error:
            raise StartRefusedError(
                f"This user may not listen on port {port}: choose one from 1024 on with --port N."
            ) from error
        except OSError as error:
            raise StartRefusedError(
                f"Port {port} on {host} cannot be used: {error.strerror}.\nSomething else listens "
                f"there; stop it, or choose another port: --port {_free_port(family, address)}"
            ) from error


def _free_port(family: int, address: tuple[object, ...]) -> int:
    taken = int(str(address[1]))
    for candidate in (*range(taken + 1, min(taken + 50, 65536)), 0):
        with socket.socket(family, socket.SOCK_STREAM) as probe, contextlib.suppress(OSError):
            probe.bind((str(address[0]), candidate))
            return int(probe.getsockname()[1])
    return 0


@contextlib.contextmanager
def instance_lock(data: Path, address: str) -> Iterator[None]:
    """Hold the instance for this process. Raises StartRefusedError saying who holds it.

    The kernel drops the lock with the process, so a crash leaves nothing to clean up.
    """
    path = data / "instance.lock"
    with path.open("a+", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.seek(0)
            holder = handle.read().strip() or "another process"
            raise StartRefusedError(
                f"Jifang already runs on {data} ({holder}).\n"
                "Use that one, stop it with Ctrl-C, or start another with --data DIR --port N."
            ) from None
        handle.truncate(0)
        handle.write(f"process {os.getpid()}, {address}")
        handle.flush()
        try:
            yield
        finally:
            handle.truncate(0)
