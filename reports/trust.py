"""Who a verifier trusts: SHA-256 fingerprints and certificates of signers or their issuers."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

FINGERPRINT = re.compile(r"[0-9a-f]{64}\Z")


class TrustError(ValueError):
    """Neither a fingerprint of 64 hex digits nor a PEM or DER certificate."""


@dataclass(frozen=True)
class Trust:
    """fingerprints: SHA-256 of certificates, lower-case hex; certificates: DER."""

    fingerprints: frozenset[str] = field(default_factory=frozenset)
    certificates: tuple[bytes, ...] = ()


def read_trust(values: Sequence[str | bytes]) -> Trust:
    """Fingerprints as text (colons and spaces allowed), certificates as PEM or DER bytes."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    fingerprints: set[str] = set()
    certificates: list[bytes] = []
    for value in values:
        if isinstance(value, str):
            plain = re.sub(r"[:\s]", "", value).lower().removeprefix("sha256")
            if not FINGERPRINT.match(plain):
                raise TrustError("a fingerprint is 64 hex digits (SHA-256 of the certificate)")
            fingerprints.add(plain)
            continue
        try:
            loaded = (
                x509.load_pem_x509_certificates(value)
                if b"-----BEGIN" in value
                else [x509.load_der_x509_certificate(value)]
            )
        except ValueError as error:
            raise TrustError("not a PEM or DER certificate") from error
        certificates += [certificate.public_bytes(Encoding.DER) for certificate in loaded]
    return Trust(frozenset(fingerprints), tuple(certificates))


def is_trusted(chain: Sequence[bytes], trust: Trust, at: Any = None) -> bool:
    """Whether the signer (first of the DER chain) or one who certified it is trusted.

    `at` is the signing time (aware datetime). A certificate trusted by name is trusted whatever its
    dates; one that only leads to a trusted one must have been valid then.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    known = [x509.load_der_x509_certificate(der) for der in (*chain[1:], *trust.certificates)]
    trusted = set(trust.certificates)
    current = x509.load_der_x509_certificate(chain[0])
    for _ in range(len(known) + 1):
        der = current.public_bytes(encoding_der())
        if der in trusted or current.fingerprint(hashes.SHA256()).hex() in trust.fingerprints:
            return True
        if at is not None and not (
            current.not_valid_before_utc <= at <= current.not_valid_after_utc
        ):
            return False
        issuer = next((c for c in known if c != current and certifies(c, current)), None)
        if issuer is None:
            return False
        current = issuer
    return False


def encoding_der() -> Any:
    from cryptography.hazmat.primitives.serialization import Encoding

    return Encoding.DER


def certifies(issuer: Any, certificate: Any) -> bool:
    """The issuer is a CA and signed the certificate."""
    from cryptography import x509

    try:
        constraints = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value
        if not constraints.ca:
            return False
        certificate.verify_directly_issued_by(issuer)
    except Exception:
        return False
    return True
