"""Where the operator is told of events; entered and changed by administrators.

Systems of its own (webhooks), robots in groups of DingTalk, WeCom and Feishu, and syslog servers.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.accounts.secrets import drop_secret, seal_secret
from dcim.columns import utc_now
from dcim.config import Settings
from dcim.customers.registration import require_staff
from dcim.errors import ConflictError, InvalidError, NotFoundError, message_of
from dcim.outbox.events import SUBSCRIBED
from dcim.outbox.models import KINDS, ROBOTS, Endpoint
from dcim.outbox.robots.dialects import VENDORS
from dcim.outbox.targets import PORTS, Target, read_syslog, read_url

# HMAC-SHA256 is as strong as what it is keyed with.
SHORTEST_SECRET = 16
LONGEST_SECRET = 255
# Whose secret we make up, who gives us one if it likes, and who knows none.
SECRET_NEEDED = ("webhook",)
SECRET_TAKEN = ("webhook", "dingtalk", "feishu")
_READERS: Mapping[str, Callable[[str], Target]] = {
    kind: read_syslog if kind == "syslog" else read_url for kind in KINDS
}


@dataclass(frozen=True, slots=True)
class EndpointValues:
    """`secret` None leaves the one there is; so does a robot's `url`, which is a secret too. A new
    URL is another robot: the old one's secret is forgotten."""

    name: str
    url: str | None
    events: Sequence[str]
    secret: str | None = None
    enabled: bool = True
    language: str = "zh"


def secret_owner(endpoint_id: int) -> str:
    """Of what is signed with; named as when all endpoints were webhooks."""
    return f"webhook-endpoint/{endpoint_id}"


def url_owner(endpoint_id: int) -> str:
    """Of a robot's whole URL."""
    return f"endpoint-url/{endpoint_id}"


def create_endpoint(
    session: Session,
    scope: Scope,
    settings: Settings,
    wanted: EndpointValues,
    kind: str = "webhook",
) -> int:
    """Raises InvalidError for a URL or a secret of no use, ConflictError for a name that is taken.

    Whether the URL may be talked to is judged each time, by what its name leads to then.
    """
    require_staff(scope)
    if not wanted.url:
        raise InvalidError("Give the URL.", {"url": ["missing"]})
    if kind in SECRET_NEEDED and not wanted.secret:
        raise InvalidError("Give a secret to sign with.", {"secret": ["missing"]})
    _check(session, kind, wanted, None)
    endpoint = Endpoint(
        name=wanted.name,
        kind=kind,
        url="",
        language=wanted.language,
        events=_order(wanted.events),
        enabled=wanted.enabled,
    )
    session.add(endpoint)
    session.flush()
    _keep_secrets(session, settings, endpoint, wanted)
    _note(session, scope, "endpoint.create", endpoint, wanted)
    return endpoint.id


def change_endpoint(
    session: Session,
    scope: Scope,
    settings: Settings,
    endpoint_id: int,
    wanted: EndpointValues,
    kinds: Collection[str] = KINDS,
) -> None:
    """Raises NotFoundError, and as `create_endpoint`."""
    require_staff(scope)
    endpoint = _lock(session, endpoint_id, kinds)
    _check(session, endpoint.kind, wanted, endpoint_id)
    endpoint.name, endpoint.language = wanted.name, wanted.language
    endpoint.events, endpoint.enabled = _order(wanted.events), wanted.enabled
    _keep_secrets(session, settings, endpoint, wanted)
    session.flush()
    _note(session, scope, "endpoint.change", endpoint, wanted)


def switch_endpoint(session: Session, scope: Scope, endpoint_id: int, *, enabled: bool) -> str:
    """Its name. What waits for one that is switched off is given up when its turn comes."""
    require_staff(scope)
    endpoint = _lock(session, endpoint_id, KINDS)
    endpoint.enabled = enabled
    session.flush()
    _note(session, scope, "endpoint.change", endpoint)
    return endpoint.name


def delete_endpoint(
    session: Session, scope: Scope, endpoint_id: int, kinds: Collection[str] = KINDS
) -> str:
    """Its name, which is free again. Its secrets are forgotten; what was sent to it stays in the
    list, and what waits for it is given up when its turn comes."""
    require_staff(scope)
    endpoint = _lock(session, endpoint_id, kinds)
    endpoint.enabled, endpoint.deleted_at = False, utc_now()
    drop_secret(session, secret_owner(endpoint_id))
    drop_secret(session, url_owner(endpoint_id))
    session.flush()
    _note(session, scope, "endpoint.delete", endpoint)
    return endpoint.name


def _lock(session: Session, endpoint_id: int, kinds: Collection[str]) -> Endpoint:
    """Until commit; a deed that tells it something isn't kept waiting."""
    endpoint = session.get(Endpoint, endpoint_id, with_for_update={"key_share": True})
    if endpoint is None or endpoint.deleted_at is not None or endpoint.kind not in kinds:
        raise NotFoundError("No such endpoint.")
    return endpoint


def _keep_secrets(
    session: Session, settings: Settings, endpoint: Endpoint, wanted: EndpointValues
) -> None:
    if wanted.url and endpoint.kind in ROBOTS:
        seal_secret(session, settings.encryption, url_owner(endpoint.id), wanted.url)
        endpoint.url = _hide(read_url(wanted.url))
        drop_secret(session, secret_owner(endpoint.id))
    elif wanted.url:
        endpoint.url = wanted.url
    if wanted.secret:
        seal_secret(session, settings.encryption, secret_owner(endpoint.id), wanted.secret)


def _hide(target: Target) -> str:
    """What of a robot's URL may be seen: not the path, not the query."""
    host = f"[{target.host}]" if ":" in target.host else target.host
    port = "" if target.port == PORTS[target.scheme] else f":{target.port}"
    return f"{target.scheme}://{host}{port}/…"


def _check(session: Session, kind: str, wanted: EndpointValues, endpoint_id: int | None) -> None:
    if wanted.url:
        try:
            target = _READERS[kind](wanted.url)
        except ValueError as error:
            raise InvalidError(message_of(error), {"url": ["not usable"]}) from error
        if kind in ROBOTS:
            _check_robot(kind, target)
    if wanted.secret and kind not in SECRET_TAKEN:
        raise InvalidError("Nothing is signed for this one.", {"secret": ["not used"]})
    if wanted.secret and not SHORTEST_SECRET <= len(wanted.secret) <= LONGEST_SECRET:
        raise InvalidError("A secret has 16 to 255 characters.", {"secret": ["16 to 255"]})
    if wanted.language not in ("zh", "en"):
        raise InvalidError("There is no such language.", {"language": ["zh", "en"]})
    if set(wanted.events) - set(SUBSCRIBED):
        raise InvalidError("There is no such event.", {"events": list(SUBSCRIBED)})
    taken = session.scalar(
        select(Endpoint.id).where(Endpoint.name == wanted.name, Endpoint.deleted_at.is_(None))
    )
    if taken not in (None, endpoint_id):
        raise ConflictError("An endpoint called %(name)s exists already.", name=wanted.name)


def _check_robot(kind: str, target: Target) -> None:
    if VENDORS.get(target.host, kind) != kind:
        raise InvalidError(
            "This is the URL of another product's robot.", {"url": ["another product's"]}
        )
    if target.path == "/":
        raise InvalidError(
            "Copy the robot's whole URL: what tells it from others comes after the host.",
            {"url": ["incomplete"]},
        )


def _order(events: Sequence[str]) -> list[str]:
    return [one for one in SUBSCRIBED if one in events]


def _note(
    session: Session,
    scope: Scope,
    action: str,
    endpoint: Endpoint,
    wanted: EndpointValues | None = None,
) -> None:
    record(
        session,
        scope,
        action,
        f"endpoint/{endpoint.id}",
        name=endpoint.name,
        kind=endpoint.kind,
        url=endpoint.url,
        language=endpoint.language,
        events=endpoint.events,
        enabled=endpoint.enabled,
        url_changed=bool(wanted and wanted.url),
        secret_changed=bool(wanted and wanted.secret),
    )


def list_subscribed(session: Session, event: str) -> list[Endpoint]:
    """Those that want to be told of this event."""
    rows = session.scalars(select(Endpoint).where(Endpoint.enabled).order_by(Endpoint.id))
    return [row for row in rows if event in row.events]
