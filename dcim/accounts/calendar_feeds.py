"""The secret address of a person's calendar: opens that one feed, shown once, kept as a digest."""

import datetime as dt
import hmac
import re
import secrets
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.models import CalendarFeed, User
from dcim.accounts.roles import Right, collect_rights
from dcim.accounts.scope import Scope
from dcim.accounts.tokens import digest_token
from dcim.columns import utc_now
from dcim.errors import NotFoundError

# Calendar programs know no headers, so the secret stands in the address. Its form is no API
# token's: the one opens nothing of the other.
SECRET_FORM = re.compile(r"jfcal_[A-Za-z0-9_-]{43}\Z")
# That a program still fetches it is known to the hour: a write an hour, not one each fetch.
USE_NOTED = dt.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class FeedRow:
    """`hint` is the secret's beginning; the rest is known to nobody."""

    hint: str
    created_at: dt.datetime
    last_used_at: dt.datetime | None


def read_feed(session: Session, user_id: int) -> FeedRow | None:
    """A person's own feed, if there is one."""
    row = session.execute(
        select(CalendarFeed.hint, CalendarFeed.created_at, CalendarFeed.last_used_at).where(
            CalendarFeed.user_id == user_id
        )
    ).one_or_none()
    return None if row is None else FeedRow(*row)


def renew_feed(session: Session, scope: Scope, user: User) -> str:
    """The secret of a new address, shown this once; the one before opens nothing any more.

    Raises NotFoundError for a person out of reach, and for staff, who have no portal.
    """
    if user.customer_id is None or not scope.allows(user.customer_id):
        raise NotFoundError("No such person.")
    plaintext = "jfcal_" + secrets.token_urlsafe(32)
    fresh = {
        "digest": digest_token(plaintext),
        "hint": plaintext[:10],
        "created_at": utc_now(),
        "last_used_at": None,
    }
    session.execute(
        insert(CalendarFeed)
        .values(user_id=user.id, **fresh)
        .on_conflict_do_update(index_elements=["user_id"], set_=fresh)
    )
    record(session, scope, "calendar.renew", f"user/{user.id}", customer_id=user.customer_id)
    return plaintext


def revoke_feed(session: Session, scope: Scope, user: User) -> None:
    """Let the address die; again is the same as once. Raises NotFoundError."""
    if not scope.allows(user.customer_id):
        raise NotFoundError("No such person.")
    gone = session.execute(
        delete(CalendarFeed).where(CalendarFeed.user_id == user.id).returning(CalendarFeed.user_id)
    ).all()
    if gone:
        record(session, scope, "calendar.revoke", f"user/{user.id}", customer_id=user.customer_id)


def find_reader(session: Session, plaintext: str) -> User | None:
    """Whose feed this secret opens: an active person of a customer with the right to its own
    things. Anything else is none."""
    if not SECRET_FORM.match(plaintext):
        return None
    digest = digest_token(plaintext)
    feed = session.scalar(select(CalendarFeed).where(CalendarFeed.digest == digest))
    if feed is None or not hmac.compare_digest(feed.digest, digest):
        return None
    user = session.get(User, feed.user_id)
    if user is None or not user.active or user.customer_id is None:
        return None
    if Right.OWN_THINGS not in collect_rights([role.name for role in user.roles]):
        return None
    now = utc_now()
    if feed.last_used_at is None or now - feed.last_used_at > USE_NOTED:
        feed.last_used_at = now
    return user
