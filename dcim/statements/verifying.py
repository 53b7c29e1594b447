"""Verifying a statement's file: needs the file and the rules, no database and no network."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dcim.errors import InvalidError
from dcim.statements.attachments import read_inputs
from dcim.statements.composition import compose

if TYPE_CHECKING:
    from reports.verification import Verdict


def verify_file(
    pdf: bytes, *, trust: Sequence[str] = (), successor: bytes | None = None
) -> "Verdict":
    """Check signature, attachments and print, and compute every number anew.

    `successor`: another issued PDF that may replace this one. `trust`: fingerprints or paths of
    certificate files; InvalidError for what is neither.
    """
    from reports.trust import TrustError, read_trust
    from reports.verification import verify

    values = [Path(one).read_bytes() if Path(one).is_file() else one for one in trust]
    try:
        trusted = read_trust(values) if values else None
    except TrustError as error:
        raise InvalidError("--trust: %(problem)s", problem=error) from error
    return verify(pdf, recompute, trusted, successor=successor, rerender=rerender)


def recompute(files: Mapping[str, bytes]) -> Mapping[str, Any]:
    """The statement that these attachments lead to."""
    return compose(read_inputs(files)).data


def rerender(statement: Mapping[str, Any], files: Mapping[str, bytes]) -> bytes:
    """The unsigned PDF that this statement and these attachments lead to."""
    from reports.attachments import Attachment
    from reports.render import render

    kinds = {entry["name"]: entry for entry in statement["manifest"]}
    language = statement["language"]
    return render(
        statement,
        [
            Attachment(name, data, kinds[name]["media_type"], kinds[name]["what"][language])
            for name, data in files.items()
        ],
    )
