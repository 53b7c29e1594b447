"""API tokens: shown once, kept as a digest, found by it."""

import datetime as dt
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session, joinedload

from dcim.accounts.audit import record
from dcim.accounts.models import ApiToken, User
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.errors import InvalidError, NotFoundError

# "jf_" and 256 random bits in base64url. The fixed form lets secret scanners find a leaked one.
TOKEN_FORM = re.compile(r"jf_[A-Za-z0-9_-]{43}\Z")
MAX_LIFE = dt.timedelta(days=365)
PURPOSES = ("all", "readings")
# People as whoever asks wants them: a class mapped on the same table.
Person = TypeVar("Person", bound=User)


@dataclass(frozen=True, slots=True)
class NewToken:
    token: ApiToken
    # The only time anyone sees it.
    plaintext: str


def create_token(
    session: Session,
    scope: Scope,
    user: User,
    name: str,
    life: dt.timedelta = MAX_LIFE,
    purpose: str = "all",
) -> NewToken:
    """A token with its person's rights, for at most a year; with purpose "readings" it may fetch
    the current readings alone. Raises InvalidError for another life or purpose."""
    if not dt.timedelta(0) < life <= MAX_LIFE:
        raise InvalidError("A token lives for up to 365 days.")
    if purpose not in PURPOSES:
        raise InvalidError("No such purpose.", {"purpose": ["all or readings"]})
    if not scope.allows(user.customer_id):
        raise NotFoundError("No such person.")
    plaintext = "jf_" + secrets.token_urlsafe(32)
    token = ApiToken(
        user_id=user.id,
        name=name,
        digest=digest_token(plaintext),
        hint=plaintext[:7],
        expires_at=utc_now() + life,
        purpose=purpose,
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
        purpose=purpose,
    )
    return NewToken(token, plaintext)


def find_token(
    session: Session, plaintext: object, person_class: type[Person]
) -> tuple[ApiToken, Person] | None:
    """The live token behind this text and its person, or none. Anything but the exact form is none.

    In one statement: a program asks at each of its calls.
    """
    if not isinstance(plaintext, str) or not TOKEN_FORM.match(plaintext):
        return None
    digest = digest_token(plaintext)
    rows = session.execute(_select_by_digest(person_class), {"digest": digest}).unique()
    if (row := rows.one_or_none()) is None:
        return None
    token: ApiToken = row[0]
    person: Person = row[1]
    if not hmac.compare_digest(token.digest, digest):
        return None
    now = utc_now()
    if token.revoked_at is not None or token.expires_at <= now or not person.active:
        return None
    # Once a minute is enough to answer "is it still used?", and spares a write per request.
    if token.last_used_at is None or now - token.last_used_at > dt.timedelta(minutes=1):
        token.last_used_at = now
    return token, person


@cache
def _select_by_digest(person_class: type[User]) -> Select[Any, Any]:
    return (
        select(ApiToken, person_class)
        .join(person_class, person_class.id == ApiToken.user_id)
        .options(joinedload(person_class.roles))
        .where(ApiToken.digest == bindparam("digest"))
    )


def revoke_token(session: Session, scope: Scope, token_id: int) -> None:
    token = session.get(ApiToken, token_id)
    if token is None or not scope.allows(token.user.customer_id):
        raise NotFoundError("No such token.")
    token.revoked_at = token.revoked_at or utc_now()
    record(session, scope, "token.revoke", f"token/{token_id}", customer_id=token.user.customer_id)


def digest_token(plaintext: str) -> str:
    """How a secret of 256 random bits is kept: it needs neither salt nor slowness."""
    return hashlib.sha256(plaintext.encode()).hexdigest()
