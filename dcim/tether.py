"""Start a program that dies with its parent and, where asked, as another user.

Run as a script it ends in `exec`, so the process id stays: the caller's Popen is the program
itself. It is a script because Python's `preexec_fn` is unsafe in a process with threads.
"""

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

PR_SET_PDEATHSIG = 1  # linux/prctl.h
UNTIED = 0


def tethered(
    argv: Sequence[str],
    *,
    death_signal: int = signal.SIGTERM,
    account: tuple[int, int] | None = None,
) -> list[str]:
    """The command line that runs `argv` tied to the calling process.

    `death_signal` reaches the program when the *thread* that started it ends (prctl(2)): start it
    from the main thread. `UNTIED` lets it live on. `account` is the (uid, gid) it runs as.
    Outside Linux there is no such signal and the program is only executed.
    """
    uid, gid = account or (-1, -1)
    return [
        sys.executable,
        "-I",
        "-S",
        str(Path(__file__).resolve()),
        *(str(number) for number in (os.getpid(), int(death_signal), uid, gid)),
        "--",
        *argv,
    ]


def _die_with_parent(parent: int, death_signal: int) -> None:
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    if os.getppid() != parent:  # it died before the line above
        os.kill(os.getpid(), signal.SIGKILL)


def main(arguments: Sequence[str]) -> None:
    parent, death_signal, uid, gid = (int(number) for number in arguments[:4])
    argv = list(arguments[5:])
    if death_signal != UNTIED and sys.platform == "linux":
        import ctypes  # noqa: F401  loaded before the rights to read it may be gone
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if death_signal != UNTIED and sys.platform == "linux":
        _die_with_parent(parent, death_signal)  # after setuid, which clears the signal
    os.execv(argv[0], argv)  # noqa: S606  the caller names the program by its full path


if __name__ == "__main__":
    main(sys.argv[1:])
