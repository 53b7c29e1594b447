"""The address that ends one kind of mail to one person, signed; pure.

It opens nothing and reads nothing: who has it can switch that one kind off. It is made when a mail
goes out and kept nowhere, and holds until DCIM_SECRET_KEY is another.
"""

import base64
import hashlib
import hmac
import re

_FORM = re.compile(r"([0-9]{1,18})-([a-z.]{1,64})-([A-Za-z0-9_-]{43})\Z")


def sign_opt_out(secret_key: str, user_id: int, kind: str) -> str:
    """ "12-ticket.own-…": the person, the kind, and an HMAC-SHA256 of both."""
    return f"{user_id}-{kind}-{_seal(secret_key, user_id, kind)}"


def read_opt_out(secret_key: str, token: str) -> tuple[int, str] | None:
    """(the person's id, the kind), or None for a token that isn't ours."""
    found = _FORM.match(token)
    if found is None:
        return None
    user_id, kind = int(found[1]), found[2]
    if not hmac.compare_digest(found[3], _seal(secret_key, user_id, kind)):
        return None
    return user_id, kind


def _seal(secret_key: str, user_id: int, kind: str) -> str:
    said = f"opt-out/1/{user_id}/{kind}".encode()
    digest = hmac.new(secret_key.encode(), said, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
