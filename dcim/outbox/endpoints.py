"""Where the operator's own systems are told of events; entered and changed by administrators."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.accounts.secrets import seal_secret
from dcim.config import Settings
from dcim.customers.registration import require_staff
from dcim.errors import ConflictError, InvalidError, NotFoundError, message_of
from dcim.outbox.models import SUBSCRIBED, WebhookEndpoint
from dcim.outbox.targets import read_url
from dcim.paging import FIRST_PAGE, Page, Paging, fetch_page

# HMAC-SHA256 is as strong as what it is keyed with.
SHORTEST_SECRET = 16
LONGEST_SECRET = 255


@dataclass(frozen=True, slots=True)
class EndpointRow:
    """Without its secret, which only goes in."""

    id: int
    name: str
    url: str
    events: list[str]
    enabled: bool
    created_at: dt.datetime


@dataclass(frozen=True, slots=True)
class EndpointValues:
    """`secret` None leaves the one there is."""

    name: str
    url: str
    events: Sequence[str]
    secret: str | None = None
    enabled: bool = True


def secret_owner(endpoint_id: int) -> str:
    return f"webhook-endpoint/{endpoint_id}"


def create_endpoint(
    session: Session, scope: Scope, settings: Settings, wanted: EndpointValues
) -> int:
    """Raises InvalidError for a URL or a secret of no use, ConflictError for a name that is taken.

    Whether the URL may be posted to is judged each time, by what its name leads to then.
    """
    require_staff(scope)
    if not wanted.secret:
        raise InvalidError("Give a secret to sign with.", {"secret": ["missing"]})
    _check(session, wanted, None)
    endpoint = WebhookEndpoint(
        name=wanted.name, url=wanted.url, events=_order(wanted.events), enabled=wanted.enabled
    )
    session.add(endpoint)
    session.flush()
    seal_secret(session, settings.encryption, secret_owner(endpoint.id), wanted.secret)
    _note(session, scope, "webhook.create", endpoint)
    return endpoint.id


def change_endpoint(
    session: Session, scope: Scope, settings: Settings, endpoint_id: int, wanted: EndpointValues
) -> None:
    """Raises NotFoundError, and as `create_endpoint`."""
    require_staff(scope)
    endpoint = session.get(WebhookEndpoint, endpoint_id, with_for_update=True)
    if endpoint is None:
        raise NotFoundError("No such endpoint.")
    _check(session, wanted, endpoint_id)
    endpoint.name, endpoint.url = wanted.name, wanted.url
    endpoint.events, endpoint.enabled = _order(wanted.events), wanted.enabled
    if wanted.secret:
        seal_secret(session, settings.encryption, secret_owner(endpoint.id), wanted.secret)
    session.flush()
    _note(session, scope, "webhook.change", endpoint, secret_changed=bool(wanted.secret))


def _check(session: Session, wanted: EndpointValues, endpoint_id: int | None) -> None:
    try:
        read_url(wanted.url)
    except ValueError as error:
        raise InvalidError(message_of(error), {"url": ["not usable"]}) from error
    if wanted.secret and not SHORTEST_SECRET <= len(wanted.secret) <= LONGEST_SECRET:
        raise InvalidError("A secret has 16 to 255 characters.", {"secret": ["16 to 255"]})
    if set(wanted.events) - set(SUBSCRIBED):
        raise InvalidError("There is no such event.", {"events": list(SUBSCRIBED)})
    taken = session.scalar(select(WebhookEndpoint.id).where(WebhookEndpoint.name == wanted.name))
    if taken not in (None, endpoint_id):
        raise ConflictError("An endpoint called %(name)s exists already.", name=wanted.name)


def _order(events: Sequence[str]) -> list[str]:
    return [one for one in SUBSCRIBED if one in events]


def _note(
    session: Session,
    scope: Scope,
    action: str,
    endpoint: WebhookEndpoint,
    *,
    secret_changed: bool = True,
) -> None:
    record(
        session,
        scope,
        action,
        f"webhook-endpoint/{endpoint.id}",
        name=endpoint.name,
        url=endpoint.url,
        events=endpoint.events,
        enabled=endpoint.enabled,
        secret_changed=secret_changed,
    )


def list_endpoints(
    session: Session, paging: Paging = FIRST_PAGE, *, endpoint_id: int | None = None
) -> Page[EndpointRow]:
    statement = select(
        WebhookEndpoint.id,
        WebhookEndpoint.name,
        WebhookEndpoint.url,
        WebhookEndpoint.events,
        WebhookEndpoint.enabled,
        WebhookEndpoint.created_at,
    ).order_by(WebhookEndpoint.name)
    if endpoint_id is not None:
        statement = statement.where(WebhookEndpoint.id == endpoint_id)
    return fetch_page(session, EndpointRow, statement, paging)


def find_endpoint(session: Session, endpoint_id: int) -> EndpointRow:
    found = list_endpoints(session, endpoint_id=endpoint_id).items
    if not found:
        raise NotFoundError("No such endpoint.")
    return found[0]


def list_subscribed(session: Session, event: str) -> list[WebhookEndpoint]:
    """Those that want to be told of this event."""
    rows = session.scalars(
        select(WebhookEndpoint).where(WebhookEndpoint.enabled).order_by(WebhookEndpoint.id)
    )
    return [row for row in rows if event in row.events]
