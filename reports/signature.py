"""The signature of an issued file: its form, the cryptography, who signed."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from reports.seal import Seal, SealError, check_seal
from reports.trust import Trust, is_trusted
from reports.unpacking import open_pdf
from reports.verdict import Verdict


def check_signature(pdf: bytes, trust: Trust | None, verdict: Verdict) -> None:
    if b"/ByteRange" not in pdf:
        verdict.outcomes.add("altered")
        verdict.note("signature", "failed", "文件没有签名。", "The file carries no signature.")
        return
    try:
        seal = check_seal(pdf)
        chain, signed_at, stamp = check_cryptography(pdf, seal)
    except SealError as error:
        verdict.outcomes.add("altered")
        verdict.note(
            "signature", "failed",
            f"签名无效，或文件在签名后被改动（{error}）。",
            f"The signature is broken or the file was altered after signing ({error}).",
        )  # fmt: skip
        return
    verdict.note(
        "signature", "ok",
        "签名完好，覆盖整个文件，签名后没有任何改动。",
        "The signature is intact and covers the whole file: nothing changed after signing.",
    )  # fmt: skip
    if stamp is not None:
        who, when = stamp
        verdict.note(
            "time_stamp", "ok",
            f"签名带有时间戳：{when}，由 {who} 签发（其证书是否可信未作核验）。",
            f"The signature is time-stamped: {when}, by {who} (whether that certificate is to be "
            "trusted isn't checked).",
        )  # fmt: skip
    check_signer(chain, signed_at, trust, verdict)


def check_cryptography(
    pdf: bytes, seal: Seal
) -> tuple[list[bytes], datetime | None, tuple[str, str] | None]:
    """pyHanko's validation: digest, signature, signer's certificate, changes. Raises SealError.

    Returns the certificates in the signature (DER, signer first), the time it states, and its time
    stamp where it has one, as `read_stamp` tells it.
    """
    from pyhanko.sign.diff_analysis import ModificationLevel
    from pyhanko.sign.fields import MDPPerm
    from pyhanko.sign.validation import validate_pdf_signature
    from pyhanko.sign.validation.status import SignatureCoverageLevel
    from pyhanko_certvalidator import ValidationContext

    check_digest(pdf, seal)
    try:
        signatures = open_pdf(pdf).embedded_signatures
        signature = signatures[0]
        certificates = [signature.signer_cert, *signature.other_embedded_certs]
        status = validate_pdf_signature(
            signature, ValidationContext(trust_roots=certificates[-1:], allow_fetching=False)
        )
        stated = signature.self_reported_timestamp
    except Exception as error:
        raise SealError(f"it cannot be checked: {error}") from error
    if len(signatures) != 1:
        raise SealError("there must be exactly one signature")
    if not (status.intact and status.valid):
        raise SealError("the signature does not fit the file")
    if status.coverage != SignatureCoverageLevel.ENTIRE_FILE:
        raise SealError("the signature does not cover the whole file")
    if status.modification_level not in {None, ModificationLevel.NONE}:
        raise SealError("the file was changed after signing")
    if signature.docmdp_level != MDPPerm.NO_CHANGES:
        raise SealError("the signature does not certify the file against changes")
    stamp = status.timestamp_validity
    if stamp is not None and not (stamp.intact and stamp.valid):
        raise SealError("the time stamp is broken")
    chain = [certificate.dump() for certificate in certificates]
    return chain, stated, None if stamp is None else read_stamp(stamp)


def read_stamp(stamp: Any) -> tuple[str, str]:
    """(who says so, when) of a time stamp whose signature holds."""
    who = stamp.signing_cert.subject.human_friendly
    return str(who), stamp.timestamp.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def check_digest(pdf: bytes, seal: Seal) -> None:
    """The digest under the signature is that of the file around it, before any PDF parsing."""
    from asn1crypto import cms

    digest = hashlib.sha256(pdf[: seal.hole_start])
    digest.update(pdf[seal.hole_end :])
    signer = cms.ContentInfo.load(seal.cms)["content"]["signer_infos"][0]
    stated = [
        attribute["values"][0].native
        for attribute in signer["signed_attrs"]
        if attribute["type"].native == "message_digest"
    ]
    if stated != [digest.digest()]:
        raise SealError("the file's bytes are not those that were signed")


def check_signer(
    chain: Sequence[bytes], signed_at: datetime | None, trust: Trust | None, verdict: Verdict
) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    certificate = x509.load_der_x509_certificate(chain[0])
    name = certificate.subject.rfc4514_string()
    fingerprint = certificate.fingerprint(hashes.SHA256()).hex()
    verdict.signer = {
        "name": name,
        "fingerprint": fingerprint,
        "signed_at": signed_at.isoformat() if signed_at else "",
    }
    if trust is None:
        verdict.outcomes.add("signer_unknown")
        verdict.note(
            "signer", "unknown",
            f"签名人未知：没有给出可信证书。证书写明 {name}，指纹 {fingerprint}。",
            f"Who signed is not known: no trusted certificate was given. The certificate says "
            f"{name}, fingerprint {fingerprint}.",
        )  # fmt: skip
    elif is_trusted(chain, trust, signed_at):
        verdict.outcomes.add("trusted")
        verdict.note(
            "signer", "ok", f"签名人可信：{name}。", f"The signer is trusted: {name}."
        )  # fmt: skip
    else:
        verdict.outcomes.add("untrusted")
        verdict.note(
            "signer", "failed",
            f"签名人不在可信证书之列：{name}，指纹 {fingerprint}。",
            f"The signer is not among the trusted ones: {name}, fingerprint {fingerprint}.",
        )  # fmt: skip
