"""Verification of an issued statement: signature, attachments, every number, the signer.

Offline and without a database. Exit codes of a verdict (1 and 2 stay with the command line):

    0   everything fits and the signer is trusted
    3   everything fits; who signed is not known (no trust was given)
    4   the signature is missing or broken, or the file was altered after signing
    5   attachments are missing, added or altered against the manifest
    6   a number does not follow from the attachments (each is named)
    7   the numbers could not be recomputed
    8   everything fits, but the signer is not among the trusted ones
    9   everything fits, but a newer revision replaces it
    10  not a statement
    11  the file of raw samples is not the one in the manifest, or can't be read
    12  a bin does not follow from the raw samples (each is named)

When several apply, the first of 10, 4, 5, 7, 6, 11, 12, 8, 9, 3, 0 is given; all are listed as
checks.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, BinaryIO

from reports.attachments import STATEMENT_NAME, canonical_bytes
from reports.differences import find_differences
from reports.evidence import Rebin, check_evidence
from reports.marking import COPY_NAME, Mark, MarkError, find_codes, read_mark
from reports.signature import check_signature
from reports.trust import Trust
from reports.unpacking import UnpackingError, embedded_files
from reports.verdict import EXIT_CODES, Check, Verdict

__all__ = ["EXIT_CODES", "Check", "Recompute", "Rerender", "Verdict", "verify"]

SCHEMA = "jifang.statement/1"
SIZE_LIMIT = 128 * 1024 * 1024
LEVELS = 64

Recompute = Callable[[Mapping[str, bytes]], Mapping[str, Any]]
Rerender = Callable[[Mapping[str, Any], Mapping[str, bytes]], bytes]


def verify(
    pdf: bytes,
    recompute: Recompute,
    trust: Trust | None = None,
    *,
    successor: bytes | None = None,
    rerender: Rerender | None = None,
    evidence: BinaryIO | None = None,
    rebin: Rebin | None = None,
) -> Verdict:
    """Check an issued PDF. Never raises on what the file holds; the verdict says what was wrong.

    recompute: attachments by name (statement.json left out) to the statement they lead to.
    successor: another issued PDF that may replace this one.
    rerender: statement and attachments to unsigned bytes; then the printed pages are checked too.
    evidence, rebin: the file of raw samples, and attachments and that file to the bins it makes.
    """
    verdict = Verdict(file_sha256=hashlib.sha256(pdf).hexdigest())
    if len(pdf) > SIZE_LIMIT or not pdf.startswith(b"%PDF-"):
        verdict.outcomes.add("no_statement")
        verdict.note("file", "failed", "这不是一份 PDF 对账单。", "This is not a PDF statement.")
        return verdict
    check_signature(pdf, trust, verdict)
    try:
        files = embedded_files(pdf)
        statement = read_statement(files)
    except (UnpackingError, ValueError) as error:
        outcome = "attachments" if "altered" not in verdict.outcomes else "altered"
        verdict.outcomes.add("no_statement" if not has_form(pdf) else outcome)
        verdict.note(
            "statement", "failed",
            f"读不出对账单数据：{error}", f"The statement's data cannot be read: {error}",
        )  # fmt: skip
        return verdict
    verdict.number, verdict.revision = str(statement["number"]), int(statement["revision"])
    rest = {name: data for name, data in files.items() if name != STATEMENT_NAME}
    described = rest.pop(COPY_NAME, None)
    if described is not None:
        check_copy(pdf, statement, described, verdict)
    check_manifest(statement, rest, verdict)
    check_numbers(statement, rest, recompute, verdict)
    check_evidence(statement, rest, evidence, rebin, verdict)
    if rerender is not None:
        printed = rest if described is None else {**rest, COPY_NAME: described}
        check_print(pdf, statement, printed, rerender, verdict)
    check_successor(statement, successor, trust, verdict)
    return verdict


def has_form(pdf: bytes) -> bool:
    """Signed or carrying files: an altered statement rather than some other PDF."""
    return b"/ByteRange" in pdf or b"/EmbeddedFile" in pdf


def read_statement(files: Mapping[str, bytes]) -> dict[str, Any]:
    """The attached statement. Raises ValueError when it is absent, as `read_json`, or not ours."""
    if STATEMENT_NAME not in files:
        raise ValueError(f"{STATEMENT_NAME} is not attached")
    statement = read_json(STATEMENT_NAME, files[STATEMENT_NAME])
    if not isinstance(statement, dict) or statement.get("schema") != SCHEMA:
        raise ValueError(f"{STATEMENT_NAME} is not of schema {SCHEMA}")
    for key, kind in (("number", str), ("revision", int), ("manifest", list)):
        if not isinstance(statement.get(key), kind):
            raise ValueError(f"{STATEMENT_NAME} lacks {key}")  # noqa: TRY004 - all are bad values
    return statement


def read_json(name: str, data: bytes) -> Any:
    """An attached document. Raises ValueError for no JSON, a key that occurs twice, and for more
    levels than any document of ours has: whoever walks through it would run out of stack."""
    try:
        found = json.loads(data, object_pairs_hook=refuse_doubled)
    except RecursionError as error:
        raise ValueError(f"{name} is nested too deeply") from error
    level = [found]
    for _ in range(LEVELS):
        level = [below for one in level for below in entries_of(one)]
    if level:
        raise ValueError(f"{name} is nested too deeply")
    return found


def entries_of(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def refuse_doubled(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice")
    return found


def check_manifest(
    statement: Mapping[str, Any], files: Mapping[str, bytes], verdict: Verdict
) -> None:
    """Every file the manifest names is there with its size and hash, and no other."""
    listed = {
        str(entry.get("name")): entry
        for entry in statement["manifest"]
        if isinstance(entry, Mapping) and not entry.get("external")
    }
    missing = sorted(listed.keys() - files.keys())
    added = sorted(files.keys() - listed.keys())
    altered = sorted(
        name
        for name in listed.keys() & files.keys()
        if listed[name].get("sha256") != hashlib.sha256(files[name]).hexdigest()
        or listed[name].get("bytes") != len(files[name])
    )
    for names, zh, en in (
        (missing, "缺少附件", "attachments are missing"),
        (added, "多出附件", "attachments were added"),
        (altered, "附件与清单的散列值不符", "attachments do not fit the manifest's hashes"),
    ):
        if names:
            verdict.outcomes.add("attachments")
            text = ", ".join(names[:20])
            verdict.note("attachments", "failed", f"{zh}：{text}。", f"{en.capitalize()}: {text}.")
    if not (missing or added or altered):
        verdict.note(
            "attachments", "ok",
            f"{len(listed)} 个附件齐全，与清单的散列值一致。",
            f"All {len(listed)} attachments are there and fit the manifest's hashes.",
        )  # fmt: skip


def check_copy(
    pdf: bytes, statement: Mapping[str, Any], described: bytes, verdict: Verdict
) -> None:
    """A marked copy names its original and for whom it is, and hides the same code in its pages."""
    try:
        mark = read_mark(read_json(COPY_NAME, described))
        match_copy(mark, pdf, statement)
    except ValueError as error:
        verdict.outcomes.add("attachments")
        verdict.note(
            "copy", "failed",
            f"副本标记有问题：{error}", f"The marks of this copy are odd: {error}",
        )  # fmt: skip
        return
    verdict.copy = mark.as_json()
    verdict.note(
        "copy", "ok",
        f"这是为「{mark.recipient}」制作的带标记副本；原件为 {mark.number}，"
        f"SHA-256 {mark.original_sha256}。",
        f"This is a marked copy for {mark.recipient}; the original is {mark.number}, "
        f"SHA-256 {mark.original_sha256}.",
    )  # fmt: skip


def match_copy(mark: Mark, pdf: bytes, statement: Mapping[str, Any]) -> None:
    """Raises MarkError unless the description fits the statement and the pages."""
    if (mark.number, mark.revision) != (statement["number"], statement["revision"]):
        raise MarkError(f"{COPY_NAME} is about {mark.number}")
    if find_codes(pdf) != {mark.code}:
        raise MarkError("the pages hide another code, or none")


def check_numbers(
    statement: Mapping[str, Any], files: Mapping[str, bytes], recompute: Recompute, verdict: Verdict
) -> None:
    """The statement that follows from the attachments, compared value by value."""
    try:
        computed = json.loads(canonical_bytes(recompute(files)))
    except Exception as error:
        verdict.outcomes.add("not_recomputed")
        verdict.note(
            "numbers", "failed",
            f"无法由附件重新计算：{error}", f"The numbers could not be recomputed: {error}",
        )  # fmt: skip
        return
    found = list(find_differences(statement, computed))
    verdict.differences = found
    if found:
        verdict.outcomes.add("numbers")
        verdict.note(
            "numbers", "failed",
            f"{len(found)} 个数值与附件重新计算的结果不一致。",
            f"{len(found)} values do not follow from the attachments.",
        )  # fmt: skip
        return
    count = count_values(statement)
    verdict.note(
        "numbers", "ok",
        f"由附件重新计算，{count} 个数值全部一致。",
        f"Recomputed from the attachments: all {count} values agree.",
    )  # fmt: skip


def count_values(value: Any) -> int:
    """Leaves of a JSON document."""
    if isinstance(value, Mapping):
        return sum(count_values(entry) for entry in value.values())
    if isinstance(value, list):
        return sum(count_values(entry) for entry in value)
    return 1


def check_print(
    pdf: bytes, statement: Mapping[str, Any], files: Mapping[str, bytes], rerender: Rerender,
    verdict: Verdict,
) -> None:  # fmt: skip
    """The signed file begins with the unsigned one, so drawing it again shows what was printed.

    Other versions of the renderer or fonts draw other bytes: then it is unknown, not failed.
    """
    try:
        same = pdf.startswith(rerender(statement, files))
    except Exception:
        same = False
    if same:
        verdict.note(
            "print", "ok",
            "重新排版的页面与文件逐字节一致。",
            "The pages, drawn again from the data, are byte for byte those of the file.",
        )  # fmt: skip
    else:
        verdict.note(
            "print", "unknown",
            "无法确认版面：本机的排版程序或字体版本不同，或版面与数据不符；请以数据为准。",
            "The printed pages could not be confirmed: another version of the renderer or fonts, "
            "or pages that do not show the data. The data counts.",
        )  # fmt: skip


def check_successor(
    statement: Mapping[str, Any], successor: bytes | None, trust: Trust | None, verdict: Verdict
) -> None:
    """Whether the other file is a later revision of the same month, by the same signer or one who
    is trusted; the next one also names this very statement by its hash."""
    if successor is None:
        verdict.note(
            "revision", "unknown",
            "是否有更新的版次未知（可向运营商查询，或提供后续版次）。",
            "Whether a newer revision exists is not known (ask the operator or give the "
            "successor).",
        )  # fmt: skip
        return
    later = Verdict()
    check_signature(successor, trust, later)
    try:
        newer = read_statement(embedded_files(successor))
    except (UnpackingError, ValueError):
        newer = {}
    known = later.signer.get("fingerprint") == verdict.signer.get("fingerprint")
    believed = "altered" not in later.outcomes and (known or "trusted" in later.outcomes)
    try:
        replaces = believed and follows(newer, statement)
    except (AttributeError, KeyError, TypeError, ValueError):
        replaces = False  # signed, but of another shape than a statement's
    if replaces:
        verdict.outcomes.add("superseded")
        verdict.note(
            "revision", "failed",
            f"已被 {newer['number']}（版次 {newer['revision']}）替代。",
            f"Replaced by {newer['number']} (revision {newer['revision']}).",
        )  # fmt: skip
    else:
        verdict.note(
            "revision", "unknown",
            "所给文件不是替代本对账单的版次，是否有更新的版次未知。",
            "The file given does not replace this statement; whether another does is not known.",
        )  # fmt: skip


def follows(newer: Mapping[str, Any], statement: Mapping[str, Any]) -> bool:
    """Of the same contract and month, later; and what it says of this one is true."""
    if not newer or identity(newer) != identity(statement):
        return False
    if newer["revision"] <= statement["revision"]:
        return False
    if newer["revision"] > statement["revision"] + 1:
        return True
    sha256 = hashlib.sha256(canonical_bytes(statement).rstrip(b"\n")).hexdigest()
    told = newer.get("replaces", {"sha256": sha256})
    return bool(newer.get("supersedes") == statement["number"] and told.get("sha256") == sha256)


def identity(statement: Mapping[str, Any]) -> tuple[object, object]:
    return statement["contract"]["number"], statement["period"]["label"]
