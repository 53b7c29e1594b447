"""The endpoints there are, each with what became of the last message to it. For staff."""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import exists, select, true
from sqlalchemy.orm import Session

from dcim.accounts.models import SealedSecret
from dcim.errors import NotFoundError
from dcim.outbox.endpoints import secret_owner
from dcim.outbox.models import KINDS, Endpoint, OutboxMessage
from dcim.paging import FIRST_PAGE, Page, Paging, fetch_page


@dataclass(frozen=True, slots=True)
class EndpointRow:
    """Without its secrets, which only go in; `url` of a robot ends where the secret begins.
    `last_state`, `last_fault` and `last_detail` are those of the newest message, queued at
    `last_at`; None when nothing was ever sent to it."""

    id: int
    name: str
    kind: str
    url: str
    language: str
    events: list[str]
    enabled: bool
    created_at: dt.datetime
    last_state: str | None
    last_fault: str | None
    last_detail: str | None
    last_at: dt.datetime | None


def list_endpoints(
    session: Session,
    paging: Paging = FIRST_PAGE,
    *,
    kinds: Collection[str] = KINDS,
    endpoint_id: int | None = None,
) -> Page[EndpointRow]:
    """By name. Two statements of SQL."""
    last = (
        select(
            OutboxMessage.state.label("last_state"),
            OutboxMessage.fault.label("last_fault"),
            OutboxMessage.detail.label("last_detail"),
            OutboxMessage.created_at.label("last_at"),
        )
        .where(OutboxMessage.endpoint_id == Endpoint.id)
        .order_by(OutboxMessage.id.desc())
        .limit(1)
        .lateral("last")
    )
    statement = (
        select(
            Endpoint.id,
            Endpoint.name,
            Endpoint.kind,
            Endpoint.url,
            Endpoint.language,
            Endpoint.events,
            Endpoint.enabled,
            Endpoint.created_at,
            *last.c,
        )
        .outerjoin(last, true())
        .where(Endpoint.deleted_at.is_(None), Endpoint.kind.in_(kinds))
        .order_by(Endpoint.name)
    )
    if endpoint_id is not None:
        statement = statement.where(Endpoint.id == endpoint_id)
    return fetch_page(session, EndpointRow, statement, paging)


def find_endpoint(
    session: Session, endpoint_id: int, kinds: Collection[str] = KINDS
) -> EndpointRow:
    found = list_endpoints(session, kinds=kinds, endpoint_id=endpoint_id).items
    if not found:
        raise NotFoundError("No such endpoint.")
    return found[0]


def is_signed_for(session: Session, endpoint_id: int) -> bool:
    """Whether a secret to sign with is kept."""
    return bool(
        session.scalar(select(exists().where(SealedSecret.owner == secret_owner(endpoint_id))))
    )
