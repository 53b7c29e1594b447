"""Reading one's own API tokens: a person's, not a customer's or everybody's."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.models import ApiToken
from dcim.errors import NotFoundError
from dcim.paging import FIRST_PAGE, Page, Paging, Query, fetch_page


@dataclass(frozen=True, slots=True)
class TokenRow:
    """`hint` is the token's beginning, to tell one from another; the rest is known to nobody."""

    id: int
    name: str
    hint: str
    purpose: str
    created_at: dt.datetime
    expires_at: dt.datetime
    last_used_at: dt.datetime | None
    revoked_at: dt.datetime | None


def list_tokens(session: Session, user_id: int, paging: Paging = FIRST_PAGE) -> Page[TokenRow]:
    statement: Query = (
        select(
            ApiToken.id,
            ApiToken.name,
            ApiToken.hint,
            ApiToken.purpose,
            ApiToken.created_at,
            ApiToken.expires_at,
            ApiToken.last_used_at,
            ApiToken.revoked_at,
        )
        .where(ApiToken.user_id == user_id)
        .order_by(ApiToken.id.desc())
    )
    return fetch_page(session, TokenRow, statement, paging)


def find_own_token(session: Session, user_id: int, token_id: int) -> ApiToken:
    """Raises NotFoundError for an absent token and for anybody else's alike."""
    token = session.scalar(
        select(ApiToken).where(ApiToken.id == token_id, ApiToken.user_id == user_id)
    )
    if token is None:
        raise NotFoundError("No such token.")
    return token
