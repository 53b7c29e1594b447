"""Verifying a statement's file: needs the file and the rules, no database and no network."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from dcim.errors import InvalidError
from dcim.statements.attachments import read_inputs
from dcim.statements.composition import compose
from dcim.statements.raw_samples import SampleReader
from dcim.statements.rebinning import rebin

if TYPE_CHECKING:
    from reports.evidence import Rebinned
    from reports.verification import Verdict


def verify_file(
    pdf: bytes,
    *,
    trust: Sequence[str] = (),
    successor: bytes | None = None,
    evidence: BinaryIO | None = None,
) -> "Verdict":
    """Check signature, attachments and print, and compute every number anew.

    `successor`: another issued PDF that may replace this one. `trust`: fingerprints or paths of
    certificate files; InvalidError for what is neither. `evidence`: the file of raw
    samples; then the bins are computed anew from it too.
    """
    from reports.trust import TrustError, read_trust
    from reports.verification import verify

    values = [Path(one).read_bytes() if Path(one).is_file() else one for one in trust]
    try:
        trusted = read_trust(values) if values else None
    except TrustError as error:
        raise InvalidError("--trust: %(problem)s", problem=error) from error
    return verify(
        pdf,
        recompute,
        trusted,
        successor=successor,
        rerender=rerender,
        evidence=evidence,
        rebin=rebin_files,
    )


def recompute(files: Mapping[str, bytes]) -> Mapping[str, Any]:
    """The statement that these attachments lead to."""
    return compose(read_inputs(files)).data


def rebin_files(files: Mapping[str, bytes], evidence: BinaryIO) -> "Rebinned":
    """The bins of these attachments against those that the raw samples make."""
    return rebin(read_inputs(files), SampleReader(evidence))


def rerender(statement: Mapping[str, Any], files: Mapping[str, bytes]) -> bytes:
    """The unsigned PDF that this statement and these attachments lead to."""
    from reports.attachments import Attachment
    from reports.marking import COPY_NAME, read_mark
    from reports.render import render

    kinds = {entry["name"]: entry for entry in statement["manifest"]}
    language = statement["language"]
    described = files.get(COPY_NAME)
    return render(
        statement,
        [
            Attachment(name, data, kinds[name]["media_type"], kinds[name]["what"][language])
            for name, data in files.items()
            if name != COPY_NAME
        ],
        None if described is None else read_mark(json.loads(described)),
    )
