"""Syslog to a collector: RFC 5424 over UDP (5426), TCP (6587, octet counting), TLS (5425).

None of them has an answer. A stream is closed, and the other side's own close waited for: what it
says instead, a reset or a TLS alert, is heard. A datagram is gone once it is sent; the list of
deliveries says so.
"""

import socket
import ssl
from typing import Any

from dcim.config import Settings
from dcim.db import SessionFactory
from dcim.outbox.channels import Outgoing
from dcim.outbox.connecting import LONGEST_S, TIMEOUT_S, connect, conversation, resolve
from dcim.outbox.deadline import Deadline
from dcim.outbox.events import BY_NAME
from dcim.outbox.opening import open_endpoint
from dcim.outbox.syslog_message import frame, severity_of, write_syslog
from dcim.outbox.targets import Target

# What every receiver should take (RFC 5426 3.2, RFC 5425 4.3.1).
MOST_BYTES = {"udp": 2048, "tcp": 8192, "tls": 8192}
# For the other side's close: many collectors keep a connection open.
FAREWELL_S = 2.0


class SyslogChannel:
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

    def deliver(self, message: Outgoing) -> str | None:
        target = open_endpoint(self.settings, self.sessions, message).target
        written = write_message(message, MOST_BYTES[target.scheme])
        with conversation(self.longest_s) as limit:
            if target.scheme == "udp":
                self._send(target, written)
                return "unconfirmed"
            self._stream(target, frame(written), limit)
        return None

    def _send(self, target: Target, written: bytes) -> None:
        family, address = resolve(target, self.settings.syslog_allowed, socket.SOCK_DGRAM)
        with socket.socket(family, socket.SOCK_DGRAM) as out:
            out.settimeout(self.timeout_s)
            out.sendto(written, (address, target.port))

    def _stream(self, target: Target, framed: bytes, limit: Deadline) -> None:
        _family, address = resolve(target, self.settings.syslog_allowed)
        with connect(target, address, self.timeout_s, limit) as out:
            out.sendall(framed)
            out.settimeout(min(FAREWELL_S, self.timeout_s))
            try:
                if isinstance(out, ssl.SSLSocket):
                    out.unwrap()
                else:
                    out.shutdown(socket.SHUT_WR)
                    out.recv(1)
            except TimeoutError:
                pass  # It keeps the connection; the message it has.
            except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
                pass  # It closed without the farewell of TLS, as many do.


def write_message(message: Outgoing, most_bytes: int) -> bytes:
    """The same bytes in every attempt."""
    payload: dict[str, Any] = message.payload or {}
    return write_syslog(
        severity=severity_of(payload, BY_NAME[message.event].severity),
        created_at=message.created_at,
        host=socket.gethostname(),
        event=message.event,
        data={"id": message.delivery_id, **payload},
        words=f"{message.title}\n{message.text}",
        most_bytes=most_bytes,
    )
