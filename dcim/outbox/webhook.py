"""Webhooks: a signed JSON document posted to the operator's own systems."""

import json
import time

from dcim.config import Settings
from dcim.db import SessionFactory
from dcim.outbox.channels import Outgoing, UndeliveredError
from dcim.outbox.connecting import LONGEST_S, TIMEOUT_S
from dcim.outbox.opening import open_endpoint
from dcim.outbox.posting import post_document
from dcim.outbox.signature import HEADER, sign


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
        """Return once the target has answered 2xx."""
        endpoint = open_endpoint(self.settings, self.sessions, message)
        body = write_body(message)
        answer = post_document(
            endpoint.target,
            self.settings.webhook_allowed,
            body,
            {
                "Jifang-Event": message.event,
                "Jifang-Delivery": message.delivery_id,
                HEADER: sign(endpoint.secret, int(time.time()), body),
            },
            timeout_s=self.timeout_s,
            longest_s=self.longest_s,
        )
        if not answer.is_fine:
            raise UndeliveredError(
                "put_off" if answer.may_pass else "refused",
                f"HTTP {answer.status}",
                final=not answer.may_pass,
            )


def write_body(message: Outgoing) -> bytes:
    """What is signed and posted: the same bytes in every attempt."""
    said = {
        "id": message.delivery_id,
        "event": message.event,
        "created_at": message.created_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        **(message.payload or {}),
    }
    return json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
