"""Posting a document by HTTP, once: no redirect is followed."""

import http.client
from collections.abc import Iterable
from dataclasses import dataclass

from dcim.outbox.connecting import LONGEST_S, TIMEOUT_S, connect, conversation, resolve
from dcim.outbox.targets import PORTS, Network, Target

# Of the answer: more of it is nobody's concern.
MOST_READ = 64 << 10
# Answers that may be another one later (RFC 9110, RFC 8470, RFC 6585).
PASSING = (408, 425, 429)


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` is its beginning, MOST_READ bytes at most."""

    status: int
    body: bytes

    @property
    def is_fine(self) -> bool:
        return 200 <= self.status < 300

    @property
    def may_pass(self) -> bool:
        return self.status in PASSING or self.status >= 500


def post_document(
    target: Target,
    allowed: Iterable[Network | str],
    body: bytes,
    headers: dict[str, str],
    *,
    timeout_s: float = TIMEOUT_S,
    longest_s: float = LONGEST_S,
) -> Answer:
    """Whatever it answers. Raises UndeliveredError for no answer, and outside `allowed`."""
    with conversation(longest_s) as limit:
        _family, address = resolve(target, allowed)
        connection = http.client.HTTPConnection(target.host, target.port, timeout=timeout_s)
        connection.sock = connect(target, address, timeout_s, limit)
        try:
            connection.request(
                "POST",
                target.path,
                body=body,
                headers={
                    "Host": _name_host(target),
                    "User-Agent": "Jifang",
                    "Content-Type": "application/json",
                    **headers,
                },
            )
            answer = connection.getresponse()
            return Answer(answer.status, answer.read(MOST_READ))
        finally:
            connection.close()


def _name_host(target: Target) -> str:
    host = f"[{target.host}]" if ":" in target.host else target.host
    return host if target.port == PORTS[target.scheme] else f"{host}:{target.port}"
