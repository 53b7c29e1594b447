"""A process of its own that verifies one file: what a stranger sends is opened here alone.

`python -m dcim.statements.verifier FINGERPRINT…` reads a PDF from standard input and writes the
verdict as JSON. It has no database, no secrets and bounded time and memory.
"""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import dcim

CPU_S = 90
MEMORY = 2 << 30
WALL_S = 120


class VerifierLostError(RuntimeError):
    """The file took too long, too much memory, or broke the verifier."""


def verify_apart(pdf: bytes, trust: list[str], *, wall_s: float = WALL_S) -> dict[str, Any]:
    """The verdict of `verify_file` as JSON. Raises VerifierLostError when it didn't come back."""
    root = Path(dcim.__file__ or "").parents[1]
    # Nothing of our environment but where to find programs and fonts: no secrets, no database.
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and module, no shell
            [sys.executable, "-m", "dcim.statements.verifier", *trust],
            input=pdf,
            capture_output=True,
            timeout=wall_s,
            check=True,
            cwd=root,
            env={**kept, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"},
        )
        verdict: dict[str, Any] = json.loads(done.stdout)
    except (subprocess.SubprocessError, OSError, ValueError) as error:
        raise VerifierLostError(type(error).__name__) from error
    return verdict


def main() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 << 20, 64 << 20))
    from dcim.statements.verifying import verify_file

    # Whatever a library prints must not stand in the verdict.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    verdict = verify_file(sys.stdin.buffer.read(), trust=sys.argv[1:])
    json.dump(verdict.as_json(), out)
    out.flush()


if __name__ == "__main__":
    main()
