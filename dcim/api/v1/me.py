"""Oneself: who the token belongs to, and one's own tokens."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from flask import g
from flask_login import current_user
from marshmallow import Schema, fields

from dcim.accounts import queries
from dcim.accounts.tokens import PURPOSES, revoke_token
from dcim.accounts.tokens import create_token as make_token
from dcim.api.fields import Instant, PageQuery, Text, Whole, choice, take_paging
from dcim.api.shapes import answer_of, page_of
from dcim.api.spec import Resource
from dcim.errors import ForbiddenError
from dcim.http.database import current_scope, db_session

me = Resource("me", "Oneself and one's tokens")


@dataclass(frozen=True, slots=True)
class MeRow:
    id: int
    email: str
    name: str
    language: str
    customer_id: int | None
    roles: list[str]
    rights: list[str]


class NewToken(Schema):
    name = Text(required=True)
    days = Whole(1, 365, load_default=365)
    purpose = choice(PURPOSES, load_default="all")


class ShownToken(Schema):
    """`token` is shown this once."""

    id = fields.Integer(required=True)
    name = fields.String(required=True)
    expires_at = Instant(required=True)
    token = fields.String(required=True)


@me.get("")
@me.response(200, answer_of(MeRow))
def show_me() -> Any:
    """Show whose token this is and what it may do."""
    return MeRow(
        current_user.id,
        current_user.email,
        current_user.name,
        current_user.language,
        current_user.customer_id,
        sorted(role.name for role in current_user.roles),
        sorted(g.rights),
    )


@me.get("/tokens")
@me.arguments(PageQuery, location="query")
@me.response(200, page_of(queries.TokenRow))
def list_tokens(query: dict[str, Any]) -> Any:
    """List one's own tokens; the tokens themselves are known to nobody."""
    return queries.list_tokens(db_session(), current_user.id, take_paging(query))


@me.post("/tokens")
@me.arguments(NewToken)
@me.response(201, ShownToken)
def create_token(body: dict[str, Any]) -> Any:
    """Make a token; takes a signed-in session, since a token must not outlive itself."""
    if g.get("token"):
        raise ForbiddenError("A token can't make another token; sign in to make one.")
    life = dt.timedelta(days=body["days"])
    new = make_token(
        db_session(), current_scope(), current_user, body["name"], life, body["purpose"]
    )
    return {
        "id": new.token.id,
        "name": new.token.name,
        "expires_at": new.token.expires_at,
        "token": new.plaintext,
    }


@me.delete("/tokens/<int:token_id>")
@me.response(204)
def delete_token(token_id: int) -> None:
    """Revoke one of one's own tokens."""
    session = db_session()
    token = queries.find_own_token(session, current_user.id, token_id)
    revoke_token(session, current_scope(), token.id)
