"""The way out of each notice: what a mail says of it, who may still have it, and the one click."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from dcim.accounts.models import User
from dcim.accounts.people import scope_of
from dcim.config import Settings
from dcim.db import SessionFactory, transaction
from dcim.errors import NotFoundError
from dcim.notices.choosing import switch_off
from dcim.notices.kinds import KINDS
from dcim.notices.readers import find_wanted
from dcim.notices.telling import SCOPE
from dcim.outbox.channels import OptOut, Outgoing, UndeliveredError
from dcim.outbox.opting_out import read_opt_out, sign_opt_out


@dataclass(frozen=True, slots=True)
class Leaving:
    """Whom a link is of, and which kind it ends; `is_on`: whether they are still told."""

    user: User
    kind: str
    is_on: bool


def find_opt_out(settings: Settings, sessions: SessionFactory, message: Outgoing) -> OptOut:
    """Raises UndeliveredError for who lost the right, is disabled, belongs to another customer, or
    switched it off since it was queued."""
    with transaction(sessions, SCOPE) as session:
        user = session.get(User, message.user_id)
        if user is None or not user.active or user.customer_id != message.customer_id:
            raise UndeliveredError("withdrawn", final=True)
        if user.email.lower() != message.recipient.lower():
            raise UndeliveredError("withdrawn", final=True)
        kind = message.event
        if kind in KINDS and not find_wanted(session, [user], [kind])[user.id][kind]:
            raise UndeliveredError("withdrawn", final=True)
        language = user.language
    page = f"{settings.base_url}/portal/notices"
    if kind not in KINDS:  # a test: it ends by itself
        words = "选择接收哪些通知：" if language == "zh" else "Choose what you are told: "
        return OptOut(f"{words}{page}", "")
    token = sign_opt_out(settings.secret_key, user.id, kind)
    url = f"{settings.base_url}/unsubscribe/{token}"
    if language == "zh":
        return OptOut(f"退订此类通知（无需登录）：{url}\n选择接收哪些通知：{page}", url)
    return OptOut(
        f"Unsubscribe from this kind, without signing in: {url}\nChoose what you are told: {page}",
        url,
    )


def read_leaving(session: Session, settings: Settings, token: str) -> Leaving:
    """Needs staff's reach: whose link it is isn't known before. Raises NotFoundError for a link
    that isn't ours, and for a person who can't sign in."""
    found = read_opt_out(settings.secret_key, token)
    user = None if found is None else session.get(User, found[0])
    if found is None or user is None or not user.active or found[1] not in KINDS:
        raise NotFoundError("This link ends nothing.")
    if user.customer_id is None:
        raise NotFoundError("This link ends nothing.")
    kind = found[1]
    return Leaving(user, kind, find_wanted(session, [user], [kind])[user.id][kind])


def leave(session: Session, leaving: Leaving) -> None:
    """Again is the same as once."""
    switch_off(session, scope_of(leaving.user), leaving.user.id, leaving.kind)
