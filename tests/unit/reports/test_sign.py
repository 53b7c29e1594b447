"""Keys on disk and signatures: modes, passphrases, chains, the caller's time."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from reports.sign import (
    CERTIFICATE_NAME,
    KEY_NAME,
    Signer,
    SigningError,
    generate_signer,
    load_signer,
    sign,
)
from reports.trust import read_trust
from reports.verification import verify
from tests.agents.stamp_server import NAME, StampServer, serve_stamps
from tests.unit.reports import samples


def certificate(
    name: str, key: ec.EllipticCurvePrivateKey, issuer: x509.Certificate | None,
    issuer_key: ec.EllipticCurvePrivateKey, *, ca: bool,
) -> x509.Certificate:  # fmt: skip
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2030, 1, 1, tzinfo=UTC))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .sign(issuer_key, hashes.SHA256())
    )


def operator_chain() -> tuple[Signer, bytes]:
    """A signer certified by the operator's own CA, and that CA as PEM."""
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca = certificate("Operator CA", ca_key, None, ca_key, ca=True)
    leaf = certificate("Statements", key, ca, ca_key, ca=False)
    pem = serialization.Encoding.PEM
    key_pem = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Signer(key_pem, leaf.public_bytes(pem) + ca.public_bytes(pem)), ca.public_bytes(pem)


def test_the_key_is_private_and_is_never_replaced(tmp_path: Path) -> None:
    made = generate_signer(tmp_path / "keys", "示例云港", passphrase=b"correct horse")
    key = tmp_path / "keys" / KEY_NAME
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert b"ENCRYPTED" in key.read_bytes()
    assert "correct horse" not in repr(made)
    with pytest.raises(SigningError, match="already holds"):
        generate_signer(tmp_path / "keys", "示例云港")
    loaded = load_signer(tmp_path / "keys", passphrase=b"correct horse")
    assert loaded.fingerprint == made.fingerprint


@pytest.mark.parametrize(("passphrase", "words"), [(None, "passphrase"), (b"no", "does not open")])
def test_a_wrong_passphrase_is_named(tmp_path: Path, passphrase: bytes | None, words: str) -> None:
    generate_signer(tmp_path, "Example", passphrase=b"right")
    with pytest.raises(SigningError, match=words):
        load_signer(tmp_path, passphrase=passphrase)


def test_a_key_others_may_read_is_refused(tmp_path: Path) -> None:
    generate_signer(tmp_path, "Example")
    (tmp_path / KEY_NAME).chmod(0o644)
    with pytest.raises(SigningError, match="chmod 600"):
        load_signer(tmp_path)


def test_key_and_certificate_must_belong_together(tmp_path: Path) -> None:
    generate_signer(tmp_path / "a", "A")
    generate_signer(tmp_path / "b", "B")
    other = (tmp_path / "b" / CERTIFICATE_NAME).read_bytes()
    (tmp_path / "a" / CERTIFICATE_NAME).write_bytes(other)
    with pytest.raises(SigningError, match="not that of the signing key"):
        load_signer(tmp_path / "a")
    with pytest.raises(SigningError, match="cannot read"):
        load_signer(tmp_path / "absent")


def test_an_operator_certificate_is_trusted_through_its_issuer() -> None:
    holder, ca_pem = operator_chain()
    pdf = sign(samples.evidence_pdf("en"), holder, samples.SIGNED_AT)
    assert verify(pdf, samples.recompute, read_trust([ca_pem])).exit_code == 0
    stranger, strange_ca = operator_chain()
    assert stranger.fingerprint != holder.fingerprint
    assert verify(pdf, samples.recompute, read_trust([strange_ca])).outcome == "untrusted"


def test_the_time_is_the_callers(signer: Signer) -> None:
    pdf = samples.evidence_pdf("en")
    verdict = verify(sign(pdf, signer, samples.SIGNED_AT), samples.recompute)
    assert verdict.signer["signed_at"] == "2026-11-01T01:00:00+00:00"
    with pytest.raises(ValueError, match="time zone"):
        sign(pdf, signer, datetime(2026, 11, 1))  # noqa: DTZ001 - that is the point
    with pytest.raises(SigningError, match="expired"):
        sign(pdf, signer, samples.SIGNED_AT + timedelta(days=366 * 11))


def test_a_signed_file_is_not_signed_again(issued: bytes, signer: Signer) -> None:
    with pytest.raises(SigningError, match="signing failed"):
        sign(issued, signer, samples.SIGNED_AT)


def test_an_unreachable_time_stamp_service_fails_the_signature(signer: Signer) -> None:
    pdf = samples.evidence_pdf("en")
    with pytest.raises(SigningError, match="signing failed"):
        sign(pdf, signer, samples.SIGNED_AT, timestamp_url="http://127.0.0.1:1/")


def test_a_time_stamp_is_asked_for_and_told(signer: Signer) -> None:
    pdf = samples.evidence_pdf("en")
    with serve_stamps(StampServer()) as server:
        stamped = sign(pdf, signer, samples.SIGNED_AT, timestamp_url=server.url)
    assert server.asked
    verdict = verify(stamped, samples.recompute)
    assert verdict.outcome == "signer_unknown"
    said = {check.key: check for check in verdict.checks}
    assert said["signature"].state == "ok"
    assert said["time_stamp"].state == "ok"
    assert "2026-11-01T01:00:00Z" in "\n".join(verdict.words("en"))
    assert NAME in "\n".join(verdict.words("zh"))
    # Control: without a service there is none.
    plain = verify(sign(pdf, signer, samples.SIGNED_AT), samples.recompute)
    assert "time_stamp" not in {check.key for check in plain.checks}


@pytest.mark.parametrize("mood", ["nonsense", "garbage", "other"])
def test_a_stamp_that_is_none_fails_the_signature(signer: Signer, mood: str) -> None:
    with (
        serve_stamps(StampServer(mood)) as server,
        pytest.raises(SigningError, match="signing failed"),
    ):
        sign(samples.evidence_pdf("en"), signer, samples.SIGNED_AT, timestamp_url=server.url)


def test_a_bit_of_the_stamp_turned_is_noticed(signer: Signer) -> None:
    with serve_stamps(StampServer()) as server:
        stamped = sign(
            samples.evidence_pdf("en"), signer, samples.SIGNED_AT, timestamp_url=server.url
        )
    # The TSA's signature is the last octet string of its token, inside our own.
    at = stamped.rindex(NAME.encode().hex().encode()) + len(NAME) * 2 + 200
    digit = b"0" if stamped[at : at + 1] != b"0" else b"1"
    turned = stamped[:at] + digit + stamped[at + 1 :]
    assert verify(turned, samples.recompute).outcome == "altered"
