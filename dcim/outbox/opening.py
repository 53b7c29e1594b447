"""An endpoint as its channel needs it: its target and its secrets, opened for one delivery."""

from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from dcim.accounts.secrets import SecretUnreadableError, open_secret
from dcim.config import Settings
from dcim.db import SessionFactory, transaction
from dcim.errors import NotFoundError
from dcim.outbox.channels import Outgoing, UndeliveredError
from dcim.outbox.delivering import SCOPE
from dcim.outbox.endpoints import SECRET_NEEDED, SECRET_TAKEN, secret_owner, url_owner
from dcim.outbox.models import ROBOTS, Endpoint
from dcim.outbox.targets import Target, read_syslog, read_url


@dataclass(frozen=True, slots=True)
class Opened:
    """`secret` is empty where nothing is signed. Neither it nor a robot's target is ever shown."""

    kind: str
    language: str
    target: Target = field(repr=False)
    secret: str = field(repr=False)


def open_endpoint(settings: Settings, sessions: SessionFactory, message: Outgoing) -> Opened:
    """Raises UndeliveredError for one that is switched off, deleted, or whose secret is lost."""
    with transaction(sessions, SCOPE) as session:
        endpoint = session.get(Endpoint, message.endpoint_id)
        if endpoint is None or not endpoint.enabled:
            raise UndeliveredError("switched_off", final=True)
        try:
            url = endpoint.url
            if endpoint.kind in ROBOTS:
                url = open_secret(session, settings.encryption, url_owner(endpoint.id))
            secret = _open_signing(session, settings, endpoint)
        except (NotFoundError, SecretUnreadableError) as error:
            raise UndeliveredError("not_set_up", str(error)) from error
        try:
            target = read_syslog(url) if endpoint.kind == "syslog" else read_url(url)
        except ValueError as error:
            raise UndeliveredError("target", str(error), final=True) from error
        return Opened(endpoint.kind, endpoint.language, target, secret)


def _open_signing(session: Session, settings: Settings, endpoint: Endpoint) -> str:
    if endpoint.kind not in SECRET_TAKEN:
        return ""
    try:
        return open_secret(session, settings.encryption, secret_owner(endpoint.id))
    except NotFoundError:
        if endpoint.kind in SECRET_NEEDED:
            raise
        return ""
