"""The signature's outer form, byte by byte: what pyHanko's own validation leaves open.

A PDF signature cannot cover the hole it is written into. So the hole must hold exactly one string
of upper-case hex, exactly the DER bytes of the CMS in the one form this system writes, then zeros;
and the two covered ranges must leave nothing else out. A flipped bit anywhere is then either under
the digest or a departure from the form.
"""

import re
from dataclasses import dataclass
from typing import Any

BYTE_RANGE = re.compile(
    rb"/ByteRange\s*\[\s*(\d{1,10})\s+(\d{1,10})\s+(\d{1,10})\s+(\d{1,10})\s*\]"
)
UPPER_HEX = re.compile(rb"[0-9A-F]*\Z")
TIMESTAMP = "signature_time_stamp_token"


class SealError(Exception):
    """The signature's form is not the one a statement is issued with; the message says where."""


@dataclass(frozen=True)
class Seal:
    """Where the hole is and what it holds (DER of the CMS)."""

    hole_start: int
    hole_end: int
    cms: bytes


def check_seal(pdf: bytes) -> Seal:
    """The hole, the ranges around it and the CMS in it. Raises SealError."""
    start, end = check_ranges(pdf)
    cms = check_hole(pdf[start:end])
    check_cms(cms)
    return Seal(start, end, cms)


def check_ranges(pdf: bytes) -> tuple[int, int]:
    """Exactly one ByteRange, from byte 0 around the hole to the last byte."""
    found = BYTE_RANGE.findall(pdf)
    if not found or pdf.count(b"/ByteRange") != 1:
        raise SealError("there must be exactly one signature")
    begin, first, second, length = (int(value) for value in found[0])
    if begin != 0 or not 0 < first < second or second + length != len(pdf):
        raise SealError("the signature does not cover the whole file")
    if pdf[first : first + 1] != b"<" or pdf[second - 1 : second] != b">":
        raise SealError("the signature leaves out more than itself")
    return first, second


def check_hole(hole: bytes) -> bytes:
    """The DER inside `<…>`: upper-case hex, its own length, zeros behind it."""
    digits = hole[1:-1]
    if len(digits) % 2 or not UPPER_HEX.match(digits):
        raise SealError("the signature is not written in plain upper-case hex")
    content = bytes.fromhex(digits.decode("ascii"))
    length = der_length(content)
    if any(content[length:]):
        raise SealError("something stands behind the signature")
    return content[:length]


def der_length(content: bytes) -> int:
    """Bytes of the outermost DER SEQUENCE, whose length must be in its shortest form."""
    if len(content) < 4 or content[0] != 0x30:
        raise SealError("the signature is no CMS structure")
    short = content[1]
    if short < 0x80:
        total = 2 + short
    else:
        count = short & 0x7F
        value = int.from_bytes(content[2 : 2 + count], "big")
        shortest = (max(value.bit_length(), 1) + 7) // 8
        if not 1 <= count <= 3 or value < 0x80 or shortest != count:
            raise SealError("the signature's length is not in its shortest form")
        total = 2 + count + value
    if total > len(content):
        raise SealError("the signature is cut off")
    return total


def check_cms(der: bytes) -> None:
    """The CMS says nothing that its signature or the certificates' own do not secure.

    Signed are only the signed attributes (with the digest of the file and of the signer's
    certificate). The rest is compared with what it must be, given those.
    """
    try:
        whole = is_rebuilt(der)
    except SealError:
        raise
    except Exception as error:
        raise SealError(f"the signature cannot be read: {error}") from error
    if not whole:
        raise SealError("the signature's structure was altered")


def is_rebuilt(der: bytes) -> bool:
    """Whether the CMS, put together anew from what is secured, gives the same bytes."""
    from asn1crypto import cms

    info = cms.ContentInfo.load(der, strict=True)
    if info["content_type"].native != "signed_data":
        raise SealError("the signature is no CMS signed data")
    signed = info["content"]
    check_certificates(signed)
    again = cms.ContentInfo({"content_type": "signed_data", "content": rebuild(signed)})
    return bool(again.dump(force=True) == der)


def rebuild(signed: Any) -> Any:
    """The same signed data, put together again from its secured parts and constants."""
    from asn1crypto import algos, cms

    if len(signed["signer_infos"]) != 1:
        raise SealError("there must be exactly one signer")
    signer = signed["signer_infos"][0]
    digest = {"algorithm": "sha256"}
    certificates = [choice.chosen for choice in signed["certificates"]]
    leaf = find_signer(certificates, signer)
    unsigned = signer["unsigned_attrs"]
    content_type = signed["encap_content_info"]["content_type"].native
    if content_type == "data" and signed["encap_content_info"]["content"].native is not None:
        raise SealError("the signature carries content of its own")
    values: dict[str, Any] = {
        "version": signer["version"].native if content_type != "data" else "v1",
        "sid": cms.SignerIdentifier(
            {
                "issuer_and_serial_number": cms.IssuerAndSerialNumber(
                    {"issuer": leaf.issuer, "serial_number": leaf.serial_number}
                )
            }
        ),
        "digest_algorithm": algos.DigestAlgorithm(digest),
        "signed_attrs": cms.CMSAttributes.load(signer["signed_attrs"].untag().dump()),
        "signature_algorithm": algos.SignedDigestAlgorithm({"algorithm": expected_mechanism(leaf)}),
        "signature": signer["signature"].native,
    }
    if unsigned.native:
        values["unsigned_attrs"] = checked_unsigned(unsigned)
    return cms.SignedData(
        {
            "version": "v1" if content_type == "data" else signed["version"].native,
            "digest_algorithms": cms.DigestAlgorithms([algos.DigestAlgorithm(digest)]),
            "encap_content_info": signed["encap_content_info"].copy(),
            "certificates": signed["certificates"].copy(),
            "signer_infos": [cms.SignerInfo(values)],
        }
    )


def expected_mechanism(certificate: Any) -> str:
    kind = certificate.public_key.algorithm
    mechanisms = {"ec": "sha256_ecdsa", "rsa": "sha256_rsa"}
    if kind not in mechanisms:
        raise SealError(f"signatures by {kind} keys are not used")
    return mechanisms[kind]


def find_signer(certificates: list[Any], signer: Any) -> Any:
    wanted = signer["sid"].chosen
    if signer["sid"].name != "issuer_and_serial_number":
        raise SealError("the signer is named in an unusual way")
    for certificate in certificates:
        if (
            certificate.serial_number == wanted["serial_number"].native
            and certificate.issuer == wanted["issuer"]
        ):
            return certificate
    raise SealError("the signer's certificate is not in the signature")


def checked_unsigned(unsigned: Any) -> Any:
    """The only unsigned attribute allowed is one time stamp over the signature."""
    from asn1crypto import cms

    kinds = [attribute["type"].native for attribute in unsigned]
    if kinds != [TIMESTAMP]:
        raise SealError("the signature carries unsigned additions")
    return cms.CMSAttributes.load(unsigned.untag().dump())


def check_certificates(signed: Any) -> None:
    """Each certificate in the signature is itself signed by one that is in it too.

    The signer's is secured by the signed attributes besides; this secures the chain's others.
    """
    from cryptography import x509

    loaded = [
        x509.load_der_x509_certificate(choice.chosen.dump()) for choice in signed["certificates"]
    ]
    for certificate in loaded:
        if not any(issued_by(certificate, issuer) for issuer in loaded):
            raise SealError("a certificate in the signature was altered or lacks its issuer")


def issued_by(certificate: Any, issuer: Any) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except Exception:
        return False
    return True
