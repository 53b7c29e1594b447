"""The raw samples beside a statement: is it the file that is named, and do the bins follow?"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from reports.verdict import Verdict

NAMED = 20  # bins told one by one; of the rest their number
PART = 1 << 20
Words = dict[str, str]


@dataclass(frozen=True)
class WrongBin:
    """One bin that doesn't follow: `place` says of which service and when; the two are in words."""

    place: Words
    stated: Words
    computed: Words


@dataclass(frozen=True)
class Rebinned:
    """`bins`: how many the samples make."""

    bins: int
    wrong: tuple[WrongBin, ...]


# Attachments by name and the open evidence file, to what came of it.
Rebin = Callable[[Mapping[str, bytes], BinaryIO], Rebinned]


def find_named(statement: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The manifest's entry of the file that lies beside the PDF; none where it names none."""
    for entry in statement["manifest"]:
        if isinstance(entry, Mapping) and entry.get("external"):
            return entry
    return None


def check_evidence(
    statement: Mapping[str, Any],
    files: Mapping[str, bytes],
    evidence: BinaryIO | None,
    rebin: Rebin | None,
    verdict: Verdict,
) -> None:
    """The file's hash against the manifest, and every bin anew from its samples.

    Both are told: of a changed sample the hash says that, and the bins say which.
    """
    named = find_named(statement)
    if evidence is None or rebin is None:
        if named is not None:
            name = str(named.get("name"))
            verdict.note(
                "samples", "unknown",
                f"没有提供原始采样（{name}），计费点按附件采用。",
                f"The raw samples ({name}) were not given: bins are taken as they are attached.",
            )  # fmt: skip
        return
    if named is None:
        verdict.outcomes.add("samples")
        verdict.note(
            "samples", "failed",
            "本对账单没有列出原始采样文件，所给文件不能证明什么。",
            "This statement names no file of raw samples: the one given proves nothing.",
        )  # fmt: skip
        return
    check_hash(named, evidence, verdict)
    check_bins(files, evidence, rebin, verdict)


def check_hash(named: Mapping[str, Any], evidence: BinaryIO, verdict: Verdict) -> None:
    sha256, size = hash_file(evidence)
    if (sha256, size) == (named.get("sha256"), named.get("bytes")):
        verdict.note(
            "samples", "ok",
            "原始采样文件与清单的散列值一致。",
            "The file of raw samples is the one in the manifest.",
        )  # fmt: skip
        return
    verdict.outcomes.add("samples")
    verdict.note(
        "samples", "failed",
        f"原始采样文件不是清单所列的那一份：清单 {named.get('sha256')}，文件 {sha256}。",
        f"The file of raw samples is not the one in the manifest: there {named.get('sha256')}, "
        f"the file {sha256}.",
    )  # fmt: skip


def hash_file(file: BinaryIO) -> tuple[str, int]:
    """(SHA-256, bytes) of an open file from its beginning; it is read in parts."""
    file.seek(0)
    digest, size = hashlib.sha256(), 0
    while part := file.read(PART):
        digest.update(part)
        size += len(part)
    return digest.hexdigest(), size


def check_bins(
    files: Mapping[str, bytes], evidence: BinaryIO, rebin: Rebin, verdict: Verdict
) -> None:
    evidence.seek(0)
    try:
        found = rebin(files, evidence)
    except Exception as error:
        verdict.outcomes.add("samples")
        verdict.note(
            "bins", "failed",
            f"无法由原始采样重新计算计费点：{error}",
            f"The bins could not be computed from the raw samples: {error}",
        )  # fmt: skip
        return
    if not found.wrong:
        verdict.note(
            "bins", "ok",
            f"由原始采样重新计算，{found.bins} 个计费点全部一致。",
            f"Computed anew from the raw samples: all {found.bins} bins agree.",
        )  # fmt: skip
        return
    verdict.outcomes.add("bins")
    verdict.note(
        "bins", "failed",
        f"{len(found.wrong)} 个计费点不能由原始采样得出。",
        "1 bin does not follow from the raw samples."
        if len(found.wrong) == 1
        else f"{len(found.wrong)} bins do not follow from the raw samples.",
    )  # fmt: skip
    for one in found.wrong[:NAMED]:
        verdict.note(
            "bins", "failed",
            f"{one.place['zh']}：附件为{one.stated['zh']}；重新计算为{one.computed['zh']}。",
            f"{one.place['en']}: attached {one.stated['en']}; computed {one.computed['en']}.",
        )  # fmt: skip
    if (left := len(found.wrong) - NAMED) > 0:
        verdict.note("bins", "failed", f"另有 {left} 个计费点。", f"And {left} more bins.")
