"""Anybody may verify a statement here; the file is checked, told about, and forgotten."""

import math
import threading
import time
from dataclasses import dataclass
from typing import Any

import structlog
from flask import current_app, make_response, render_template, request
from werkzeug.wrappers import Response

from dcim.http.database import db_session
from dcim.i18n import gettext as _
from dcim.observability import source_address
from dcim.statements.registry import Registration, find_registration, list_signers
from dcim.statements.verifier import VerifierLostError, verify_apart
from dcim.web.public.blueprint import public
from dcim.web.public.limiting import SourceLimit

log = structlog.get_logger()

LARGEST_BYTES = 8 << 20
# Ten files in ten minutes are plenty for a person; a file costs ten seconds of a core.
attempts = SourceLimit(10, 600)
# One at a time in each process: drawing the pages again takes a core and some hundred MB.
at_work = threading.BoundedSemaphore(1)


@dataclass(frozen=True, slots=True)
class Told:
    """The verdict in plain words. `kind` is ok, unknown or down."""

    kind: str
    title: str
    sub: str
    number: str | None
    revision: int | None
    file_name: str
    size: int
    seconds: float
    checks: list[dict[str, Any]]
    differences: list[dict[str, str]]
    signer: dict[str, str]
    is_ours: bool
    file_sha256: str
    registered: bool
    is_copy: bool
    newest: int | None


@public.route("/verify", methods=["GET", "POST"])
def verify() -> Response:
    signers = list_signers(db_session(), current_app.config["JIFANG"])
    if request.method == "GET":
        return show(signers)
    wait = attempts.take(source_address.get() or "?")
    if wait > 0:
        problem = _("Too many files from your address. Please wait a few minutes.")
        return show(signers, problem=problem, status=429, retry_s=math.ceil(wait))
    upload = request.files.get("file")
    content = upload.stream.read(LARGEST_BYTES + 1) if upload is not None else b""
    if refusal := refuse(content):
        return show(signers, status=refusal[0], problem=refusal[1])
    if not at_work.acquire(blocking=False):
        problem = _("Another file is being verified just now. Please try again in half a minute.")
        return show(signers, problem=problem, status=429, retry_s=30)
    began = time.perf_counter()
    try:
        verdict = verify_apart(content, signers)
    except VerifierLostError as error:
        log.warning("verification lost", reason=str(error), size=len(content))
        problem = _("This file could not be checked within the limits of time and memory.")
        return show(signers, problem=problem, status=422)
    finally:
        at_work.release()
    known = find_registration(db_session(), verdict["file_sha256"])
    name = ((upload.filename if upload else None) or "").replace("\\", "/").rpartition("/")[2][:120]
    told = tell(verdict, known, signers, name, len(content), time.perf_counter() - began)
    return show(signers, told=told)


def refuse(content: bytes) -> tuple[int, str] | None:
    """(status, why) of what needs no verifying."""
    if not content:
        return 422, str(_("Choose the PDF of a statement first."))
    if len(content) > LARGEST_BYTES:
        return 413, str(_("This file is larger than a statement."))
    if not content.startswith(b"%PDF-"):
        return 415, str(_("This is not a PDF."))
    return None


def show(
    signers: list[str],
    *,
    told: Told | None = None,
    problem: str = "",
    status: int = 200,
    retry_s: int = 0,
) -> Response:
    page = render_template(
        "public/verify.html",
        told=told,
        problem=problem,
        fingerprints=signers,
        largest_mb=LARGEST_BYTES >> 20,
    )
    answer = make_response(page, status)
    if retry_s:
        answer.headers["Retry-After"] = str(retry_s)
    return answer


def tell(
    verdict: dict[str, Any],
    known: Registration | None,
    signers: list[str],
    name: str,
    size: int,
    seconds: float,
) -> Told:
    kind, title, sub = word_outcome(verdict["outcome"], len(verdict["differences"]))
    if known is not None and known.newest > known.revision and kind == "ok":
        kind, title = "unknown", _("Genuine, but replaced by a newer revision")
    return Told(
        kind=kind,
        title=title,
        sub=sub,
        number=verdict["number"],
        revision=verdict["revision"],
        file_name=name,
        size=size,
        seconds=seconds,
        # The registry knows better than the file whether it was replaced.
        checks=[c for c in verdict["checks"] if known is None or c["key"] != "revision"],
        differences=verdict["differences"],
        signer=verdict["signer"],
        is_ours=verdict["signer"].get("fingerprint") in signers,
        file_sha256=verdict["file_sha256"],
        registered=known is not None,
        is_copy=known is not None and known.is_copy,
        newest=known.newest if known is not None else None,
    )


def word_outcome(outcome: str, differences: int) -> tuple[str, str, str]:
    """(kind, title, line below) of an outcome of `reports.verdict.EXIT_CODES`."""
    words = {
        "trusted": (
            "ok",
            _("Verified: signed by us, and every number follows from its own data"),
            _("The signature covers the whole file, the attachments fit, and all was recomputed."),
        ),
        "signer_unknown": (
            "unknown",
            _("Consistent, but who signed it isn't known"),
            _("Every number follows from the attachments; the signer could be anybody."),
        ),
        "untrusted": (
            "down",
            _("Not signed by us"),
            _("The numbers follow from the attachments, but the signature is somebody else's."),
        ),
        "altered": (
            "down",
            _("Altered: the signature is missing or broken"),
            _("The file is not as it was signed. Don't rely on it."),
        ),
        "attachments": (
            "down",
            _("Attachments don't fit"),
            _("Files were taken out, added or changed against the statement's own list."),
        ),
        "numbers": (
            "down",
            _("%(n)s values don't follow from the attachments", n=differences),
            _("Each is named below with what the attachments give."),
        ),
        "not_recomputed": (
            "down",
            _("The numbers could not be recomputed"),
            _("The attached data can't be read by the rules of this version."),
        ),
        "superseded": (
            "unknown",
            _("Genuine, but replaced by a newer revision"),
            _("Ask for the newest revision."),
        ),
    }
    fallback = (
        "down",
        _("This is not a statement of ours"),
        _("The file carries no statement data."),
    )
    kind, title, sub = words.get(outcome, fallback)
    return kind, str(title), str(sub)
