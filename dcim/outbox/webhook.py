"""Webhooks: a signed JSON document posted to the operator's own systems."""

import http.client
import json
import socket
import ssl
import time
from dataclasses import dataclass, field

from dcim.accounts.secrets import SecretUnreadableError, open_secret
from dcim.config import Settings
from dcim.db import SessionFactory, transaction
from dcim.errors import NotFoundError
from dcim.outbox.channels import Outgoing, UndeliveredError
from dcim.outbox.deadline import Deadline, deadline
from dcim.outbox.delivering import SCOPE
from dcim.outbox.endpoints import secret_owner
from dcim.outbox.models import WebhookEndpoint
from dcim.outbox.signature import HEADER, sign
from dcim.outbox.targets import PORTS, Target, may_post, read_url

TIMEOUT_S = 10.0
LONGEST_S = 30.0
# Of the answer; what it says beyond its status is nobody's concern.
MOST_READ = 4096
# Answers that may be another one later (RFC 9110, RFC 8470, RFC 6585).
PASSING = (408, 425, 429)


@dataclass(frozen=True, slots=True)
class _Where:
    url: str
    secret: str = field(repr=False)


class WebhookChannel:
    def __init__(
        self,
        settings: Settings,
        sessions: SessionFactory,
        *,
        timeout_s: float = TIMEOUT_S,
        longest_s: float = LONGEST_S,
    ) -> None:
        self.settings = settings
        self.sessions = sessions
        self.timeout_s = timeout_s
        self.longest_s = longest_s

    def deliver(self, message: Outgoing) -> None:
        """Return once the target has answered 2xx. No redirect is followed."""
        where = self._find(message)
        try:
            target = read_url(where.url)
        except ValueError as error:
            raise UndeliveredError("target", str(error), final=True) from error
        body = write_body(message)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Jifang",
            "Jifang-Event": message.event,
            "Jifang-Delivery": message.delivery_id,
            HEADER: sign(where.secret, int(time.time()), body),
        }
        with deadline(self.longest_s) as limit:
            try:
                address = self._resolve(target)
                status = self._post(target, address, body, headers, limit)
            except ssl.SSLError as error:
                raise UndeliveredError("insecure", error.reason or str(error)) from error
            except TimeoutError as error:
                raise UndeliveredError("slow") from error
            except (http.client.HTTPException, OSError) as error:
                fault = "slow" if limit.passed else "unreachable"
                raise UndeliveredError(fault, str(error)) from error
        if limit.passed:
            # Hung up on by us: what was read so far is no whole answer.
            raise UndeliveredError("slow")
        if not 200 <= status < 300:
            passing = status in PASSING or status >= 500
            raise UndeliveredError(
                "put_off" if passing else "refused", f"HTTP {status}", final=not passing
            )

    def _find(self, message: Outgoing) -> _Where:
        with transaction(self.sessions, SCOPE) as session:
            endpoint = session.get(WebhookEndpoint, message.endpoint_id)
            if endpoint is None or not endpoint.enabled:
                raise UndeliveredError("switched_off", final=True)
            try:
                secret = open_secret(session, self.settings.encryption, secret_owner(endpoint.id))
            except (NotFoundError, SecretUnreadableError) as error:
                raise UndeliveredError("not_set_up", str(error)) from error
            return _Where(endpoint.url, secret)

    def _resolve(self, target: Target) -> str:
        """The address to post to: looked up once, judged, and used. Another look-up might answer
        something else."""
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
        for *_kind, place in found:
            address = str(place[0])
            if may_post(target, address, self.settings.webhook_allowed):
                return address
        raise UndeliveredError("target", target.host, final=True)

    def _post(
        self, target: Target, address: str, body: bytes, headers: dict[str, str], limit: Deadline
    ) -> int:
        connection = http.client.HTTPConnection(target.host, target.port, timeout=self.timeout_s)
        raw = socket.create_connection((address, target.port), self.timeout_s)
        try:
            limit.watch(raw)
            if target.scheme == "https":
                raw = ssl.create_default_context().wrap_socket(raw, server_hostname=target.host)
                limit.watch(raw)
            connection.sock = raw
            connection.request(
                "POST", target.path, body=body, headers={"Host": _name_host(target), **headers}
            )
            answer = connection.getresponse()
            answer.read(MOST_READ)
            return answer.status
        finally:
            connection.close()
            raw.close()


def _name_host(target: Target) -> str:
    host = f"[{target.host}]" if ":" in target.host else target.host
    return host if target.port == PORTS[target.scheme] else f"{host}:{target.port}"


def write_body(message: Outgoing) -> bytes:
    """What is signed and posted: the same bytes in every attempt."""
    said = {
        "id": message.delivery_id,
        "event": message.event,
        "created_at": message.created_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        **(message.payload or {}),
    }
    return json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
