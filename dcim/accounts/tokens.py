"""API tokens: shown once, kept as a digest, found by it."""

import datetime as dt
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.models import ApiToken, User
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.errors import InvalidError, NotFoundError

# "jf_" and 256 random bits in base64url. The fixed form lets secret scanners find a leaked one.
TOKEN_FORM = re.compile(r"jf_[A-Za-z0-9_-]{43}\Z")
MAX_LIFE = dt.timedelta(days=365)


@dataclass(frozen=True, slots=True)
class NewToken:
    token: ApiToken
    # The only time anyone sees it.
    plaintext: str


def create_token(
    session: Session, scope: Scope, user: User, name: str, life: dt.timedelta = MAX_LIFE
) -> NewToken:
    """A token with its person's rights, for at most a year."""
    if not dt.timedelta(0) < life <= MAX_LIFE:
        raise InvalidError("A token lives for up to 365 days.")
    if not scope.allows(user.customer_id):
        raise NotFoundError("No such person.")
    plaintext = "jf_" + secrets.token_urlsafe(32)
    token = ApiToken(
        user_id=user.id,
        name=name,
        digest=_digest(plaintext),
        hint=plaintext[:7],
        expires_at=utc_now() + life,
    )
    session.add(token)
    session.flush()
    record(
        session,
        scope,
        "token.create",
        f"token/{token.id}",
        customer_id=user.customer_id,
        person=user.email,
    )
    return NewToken(token, plaintext)


def find_token(session: Session, plaintext: object) -> ApiToken | None:
    """The live token behind this text, or none. Anything but the exact form is none."""
    if not isinstance(plaintext, str) or not TOKEN_FORM.match(plaintext):
        return None
    digest = _digest(plaintext)
    token = session.scalar(select(ApiToken).where(ApiToken.digest == digest))
    if token is None or not hmac.compare_digest(token.digest, digest):
        return None
    now = utc_now()
    if token.revoked_at is not None or token.expires_at <= now or not token.user.active:
        return None
    # Once a minute is enough to answer "is it still used?", and spares a write per request.
    if token.last_used_at is None or now - token.last_used_at > dt.timedelta(minutes=1):
        token.last_used_at = now
    return token


def revoke_token(session: Session, scope: Scope, token_id: int) -> None:
    token = session.get(ApiToken, token_id)
    if token is None or not scope.allows(token.user.customer_id):
        raise NotFoundError("No such token.")
    token.revoked_at = token.revoked_at or utc_now()
    record(session, scope, "token.revoke", f"token/{token_id}", customer_id=token.user.customer_id)


def _digest(plaintext: str) -> str:
    return hashlib.sha256(plaintext.encode()).hexdigest()
