"""A process of its own that draws one marked copy or draft, so that a web worker stays small.

`python -m dcim.statements.printer` reads a line of JSON (document, mark, draft) and then the packed
inputs from standard input, and writes the unsigned PDF. It has no database and no secrets.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dcim
from dcim.errors import ConflictError
from dcim.statements.printing import print_statement
from reports.marking import Mark, read_mark

WALL_S = 120


def print_apart(
    document: Mapping[str, Any], packed: bytes, mark: Mark | None = None, *, draft: bool = False
) -> bytes:
    """The unsigned PDF. Raises ConflictError when it could not be drawn in two minutes."""
    root = Path(dcim.__file__ or "").parents[1]
    # Nothing of our environment but where to find programs and fonts: no secrets, no database.
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    said = {"document": document, "mark": mark and mark.as_json(), "draft": draft}
    head = json.dumps(said).encode()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "dcim.statements.printer"],
            input=head + b"\n" + packed,
            capture_output=True,
            timeout=WALL_S,
            check=True,
            cwd=root,
            env={**kept, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"},
        )
    except (subprocess.SubprocessError, OSError) as error:
        raise ConflictError("It could not be drawn. Try again in a moment.") from error
    return done.stdout


def main() -> None:
    # Whatever a library prints must not stand in the PDF.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    head = json.loads(sys.stdin.buffer.readline())
    mark = None if head["mark"] is None else read_mark(head["mark"])
    packed = sys.stdin.buffer.read()
    out.write(print_statement(head["document"], packed, mark, draft=head["draft"]))
    out.flush()


if __name__ == "__main__":
    main()
