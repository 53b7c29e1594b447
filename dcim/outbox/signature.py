"""How a webhook proves whom it comes from and when; pure. Receivers do the same (docs)."""

import hashlib
import hmac

HEADER = "Jifang-Signature"


def sign(secret: str, timestamp: int, body: bytes) -> str:
    """The header: `t=` seconds since 1970, `v1=` HMAC-SHA256 of "t.body" under the secret, hex."""
    signed = str(timestamp).encode() + b"." + body
    return f"t={timestamp},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"
