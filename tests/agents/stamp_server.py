"""A time stamping service (RFC 3161) on this machine: stamps whatever it is asked to, or breaks."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from asn1crypto import keys, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from pyhanko.sign.timestamps import DummyTimeStamper

NAME = "Test TSA"


@dataclass
class StampServer:
    """`mood`: stamps, nonsense (another type), garbage (of the right type), other (bytes)."""

    mood: str = "stamps"
    asked: int = 0
    url: str = ""
    stamper: DummyTimeStamper = field(default_factory=lambda: make_stamper())  # noqa: PLW0108 - defined below


def make_stamper() -> DummyTimeStamper:
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return DummyTimeStamper(
        asn1_x509.Certificate.load(certificate.public_bytes(serialization.Encoding.DER)),
        keys.PrivateKeyInfo.load(private),
        fixed_dt=datetime(2026, 11, 1, 1, tzinfo=UTC),
    )


@contextmanager
def serve_stamps(server: StampServer) -> Iterator[StampServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            server.asked += 1
            asked = tsp.TimeStampReq.load(body)
            if server.mood == "other":
                asked["message_imprint"]["hashed_message"] = b"\0" * 32
            kind = "text/html" if server.mood == "nonsense" else "application/timestamp-reply"
            answer = b"no" if server.mood == "garbage" else self._stamp(asked)
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def _stamp(self, asked: tsp.TimeStampReq) -> bytes:
            answer: bytes = server.stamper.request_tsa_response(asked).dump()
            return answer

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        server.url = f"http://127.0.0.1:{listening.server_address[1]}/"
        thread = threading.Thread(target=listening.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown()
            thread.join(10)
