"""PAdES signatures on statements: key and certificate on disk, sign bytes, nothing visible drawn.

Imports pyHanko inside functions. The signature certifies the file and allows no change after it.
"""

import os
import stat
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

KEY_NAME = "statement-signing.key.pem"
CERTIFICATE_NAME = "statement-signing.cert.pem"
FIELD_NAME = "Statement"
VALID_YEARS = 10


class SigningError(Exception):
    """The key cannot be read or used; the message says what to do."""


@dataclass(frozen=True)
class Signer:
    """A private key (PKCS#8 PEM, maybe encrypted) and its certificate chain (PEM, signer first)."""

    key_pem: bytes
    certificates_pem: bytes
    passphrase: bytes | None = None

    def __repr__(self) -> str:
        return f"Signer({self.fingerprint})"

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the signer's certificate, 64 hex digits: what a customer is told to trust."""
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes

        certificate = x509.load_pem_x509_certificates(self.certificates_pem)[0]
        return certificate.fingerprint(hashes.SHA256()).hex()


def generate_signer(
    directory: Path,
    operator_name: str,
    *,
    passphrase: bytes | None = None,
    now: datetime | None = None,
) -> Signer:
    """A P-256 key and a self-signed certificate in `directory`; never replaces existing ones.

    The key is created with mode 0600. Raises SigningError when there is one already.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key_path, certificate_path = directory / KEY_NAME, directory / CERTIFICATE_NAME
    if key_path.exists() or certificate_path.exists():
        raise SigningError(f"{directory} already holds a signing key; load it instead")
    start = (now or datetime.now(UTC)).replace(microsecond=0)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, operator_name[:64]),
            x509.NameAttribute(x509.NameOID.COMMON_NAME, f"{operator_name[:40]} SLA statements"),
        ]
    )
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=True, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=False, crl_sign=False,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - timedelta(days=1))
        .not_valid_after(start + timedelta(days=365 * VALID_YEARS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    encryption: serialization.KeySerializationEncryption = (
        serialization.BestAvailableEncryption(passphrase)
        if passphrase
        else serialization.NoEncryption()
    )
    key_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )
    certificate_pem = certificate.public_bytes(serialization.Encoding.PEM)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(key_path, key_pem)
    certificate_path.write_bytes(certificate_pem)
    return Signer(key_pem, certificate_pem, passphrase)


def write_private(path: Path, data: bytes) -> None:
    """A new file that nobody else could read even for a moment."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def load_signer(
    directory: Path, *, passphrase: bytes | None = None, key_name: str = KEY_NAME,
    certificate_name: str = CERTIFICATE_NAME,
) -> Signer:  # fmt: skip
    """Key and certificate(s) of a directory, generated or the operator's own.

    Raises SigningError when one is missing, readable by others, or the two do not belong together.
    """
    key_path, certificate_path = directory / key_name, directory / certificate_name
    try:
        mode = stat.S_IMODE(key_path.stat().st_mode)
        signer = Signer(key_path.read_bytes(), certificate_path.read_bytes(), passphrase)
    except OSError as error:
        raise SigningError(f"cannot read {error.filename}: {error.strerror}") from error
    if mode & 0o077:
        raise SigningError(f"{key_path} has mode {mode:04o}: others may read it; chmod 600 it")
    check_signer(signer)
    return signer


def check_signer(signer: Signer) -> None:
    """The key opens with the passphrase, fits the certificate, and the chain is whole."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    key = open_key(signer)
    try:
        chain = x509.load_pem_x509_certificates(signer.certificates_pem)
    except ValueError as error:
        raise SigningError("the certificate file holds no PEM certificate") from error
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    if key.public_key().public_bytes(*form) != chain[0].public_key().public_bytes(*form):
        raise SigningError("the first certificate is not that of the signing key")
    for certificate, issuer in zip(chain, [*chain[1:], chain[-1]], strict=True):
        try:
            certificate.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, Exception) as error:
            raise SigningError(
                "the certificate chain is not whole: signer first, each followed by its issuer, "
                "the self-signed root last"
            ) from error


def open_key(signer: Signer) -> Any:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    try:
        key = serialization.load_pem_private_key(signer.key_pem, signer.passphrase)
    except TypeError as error:
        wanted = "is encrypted: a passphrase is needed" if not signer.passphrase else "has none"
        raise SigningError(f"the signing key {wanted}") from error
    except ValueError as error:
        raise SigningError("the signing key does not open with this passphrase") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise SigningError("the signing key must be an elliptic curve or RSA key")
    return key


STAMP_TIMEOUT_S = 20.0


def sign(
    pdf: bytes, signer: Signer, signed_at: datetime, *, timestamp_url: str | None = None
) -> bytes:
    """The PDF with an invisible PAdES B-B certification signature (no changes allowed).

    With a timestamp_url (RFC 3161 TSA) it becomes B-T: the signature then fails when the TSA does.
    The result starts with the unsigned bytes. Raises SigningError.
    """
    import io

    from asn1crypto import keys as asn1_keys
    from asn1crypto import pem
    from asn1crypto import x509 as asn1_x509
    from cryptography.hazmat.primitives import serialization
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign.fields import MDPPerm, SigSeedSubFilter
    from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, SimpleSigner
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    if signed_at.tzinfo is None:
        raise ValueError("signed_at needs a time zone")
    key = open_key(signer)
    chain = [
        asn1_x509.Certificate.load(der)
        for _, _, der in pem.unarmor(signer.certificates_pem, multiple=True)
    ]
    if signed_at > chain[0].not_valid_after:
        raise SigningError(
            f"the signing certificate expired on {chain[0].not_valid_after:%Y-%m-%d}"
        )
    store = SimpleCertificateStore()  # type: ignore[no-untyped-call]
    store.register_multiple(chain)
    private = key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    holder = SimpleSigner(
        signing_cert=chain[0],
        signing_key=asn1_keys.PrivateKeyInfo.load(private),
        cert_registry=store,
    )

    class DatedSigner(PdfSigner):
        """The time in the signature dictionary is the caller's, not this machine's clock."""

        def init_signing_session(self, *values: Any, **named: Any) -> Any:
            session = super().init_signing_session(*values, **named)
            session.system_time = signed_at.astimezone(UTC)
            return session

    metadata = PdfSignatureMetadata(
        field_name=FIELD_NAME,
        md_algorithm="sha256",
        subfilter=SigSeedSubFilter.PADES,
        certify=True,
        docmdp_permissions=MDPPerm.NO_CHANGES,
        reason="SLA statement",
    )
    stamper = None
    if timestamp_url:
        from reports.stamping import PostingStamper

        stamper = PostingStamper(timestamp_url, timeout_s=STAMP_TIMEOUT_S)
    try:
        writer = IncrementalPdfFileWriter(io.BytesIO(pdf), strict=True)
        output = DatedSigner(metadata, holder, timestamper=stamper).sign_pdf(writer)
    except Exception as error:
        raise SigningError(f"signing failed: {error}") from error
    return bytes(output.getvalue())
