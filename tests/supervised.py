"""A small instance for the supervisor's tests: `python -m tests.supervised DATA PORT CHILD...`.

A CHILD is NAME=BEHAVIOUR; every child writes its process id to DATA/NAME.pid at each start.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from dcim import supervisor
from dcim.postgres import EmbeddedServer
from dcim.supervisor import Preparation, Process
from tests.servers import FAST_OPTIONS

BEHAVIOURS = {
    "steady": "time.sleep(600)",
    "hangs": "[signal.signal(n, signal.SIG_IGN) for n in (2, 15)]; time.sleep(600)",
    "parent": (
        "p = subprocess.Popen(['/bin/sleep', '600']); "
        "open(sys.argv[1] + '.grandchild', 'w').write(str(p.pid)); time.sleep(600)"
    ),
    "crashes": "time.sleep(0.7); sys.exit(3)",
    "stillborn": "print('no such setting: FROG', flush=True); sys.exit(2)",
    "serves": (
        "import http.server as h; "
        "H = type('H', (h.SimpleHTTPRequestHandler,), {'do_GET': lambda s: "
        "(s.send_response(200), s.end_headers())}); "
        "time.sleep(0.3); h.HTTPServer(('127.0.0.1', int(sys.argv[2])), H).serve_forever()"
    ),
}
HEAD = (
    "import os, signal, subprocess, sys, time; "
    "open(sys.argv[1] + '.new', 'w').write(str(os.getpid())); "
    "os.replace(sys.argv[1] + '.new', sys.argv[1] + '.pid'); "
)


def child(data: Path, port: int, text: str) -> Process:
    name, _, behaviour = text.partition("=")
    argv = [sys.executable, "-c", HEAD + BEHAVIOURS[behaviour], str(data / name), str(port)]
    ready_url = f"http://127.0.0.1:{port}/" if behaviour == "serves" else None
    return Process(name, argv, ready_url=ready_url)


def prepare_slowly(show: Callable[[str], None]) -> None:
    show("half-way")
    time.sleep(600)


def main() -> int:
    data, port = Path(sys.argv[1]), int(sys.argv[2])
    supervisor.STOP_GRACE = 0.7
    supervisor.LOOK_AROUND = 0.2
    preparations = []
    if os.environ.get("SLOW_PREPARATION"):
        preparations.append(Preparation("Slow work", prepare_slowly))
    with_database = not os.environ.get("NO_DATABASE")
    return supervisor.run(
        data,
        host="127.0.0.1",
        port=port,
        server=EmbeddedServer(data, options=FAST_OPTIONS) if with_database else None,
        preparations=preparations,
        processes=[child(data, port, text) for text in sys.argv[3:]],
        announce=lambda: "READY",
        say=lambda text: print(text, flush=True),  # noqa: T201  the test reads it
    )


if __name__ == "__main__":
    sys.exit(main())
