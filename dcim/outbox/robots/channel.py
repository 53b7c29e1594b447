"""Robots: a text posted to the URL that a group's robot was given, which is a secret."""

import time
from urllib.parse import parse_qsl, unquote, urlencode

from dcim.config import Settings
from dcim.db import SessionFactory
from dcim.outbox.channels import Outgoing, UndeliveredError
from dcim.outbox.connecting import LONGEST_S, TIMEOUT_S
from dcim.outbox.opening import Opened, open_endpoint
from dcim.outbox.posting import Answer, post_document
from dcim.outbox.robots.dialect import UNKNOWN, Dialect, Request, read_answer
from dcim.outbox.robots.dialects import DIALECTS
from dcim.outbox.robots.wording import Words, make_plain
from dcim.outbox.targets import Target

# Shorter parts of a query, and words of a path, are nobody's secret.
SHORTEST_VALUE = 6
SHORTEST_PART = 16


class RobotChannel:
    """For robots of every product: `message.channel` tells which."""

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
        """Return once the robot has said yes in its answer; that it answered is no yes."""
        endpoint = open_endpoint(self.settings, self.sessions, message)
        dialect = DIALECTS[endpoint.kind]
        words = Words(make_plain(message.title), make_plain(message.text), self._link(message))
        request = dialect.write(words, endpoint.secret, endpoint.language, time.time_ns() // 10**6)
        target = _add_query(endpoint.target, request.query)
        try:
            answer = post_document(
                target,
                self.settings.robot_allowed,
                request.body,
                {},
                timeout_s=self.timeout_s,
                longest_s=self.longest_s,
            )
            _judge(dialect, answer)
        except UndeliveredError as error:
            # Without what led to it: that may have the URL in it.
            raise UndeliveredError(
                error.fault,
                hide(error.detail, list_secrets(endpoint, target, request)),
                final=error.final,
                hold_s=error.hold_s,
            ) from None

    def _link(self, message: Outgoing) -> str:
        """Ours alone is made a link."""
        link = (message.payload or {}).get("url")
        is_ours = isinstance(link, str) and link.startswith(f"{self.settings.base_url}/")
        return str(link) if is_ours else ""


def _add_query(target: Target, query: dict[str, str]) -> Target:
    if not query:
        return target
    path = target.path + ("&" if "?" in target.path else "?") + urlencode(query)
    return Target(target.scheme, target.host, target.port, path)


def _judge(dialect: Dialect, answer: Answer) -> None:
    """Raises UndeliveredError for anything but a 2xx that says 0."""
    answered = read_answer(dialect, answer.body)
    if answered is None or (answered.code == 0 and not answer.is_fine):
        if answer.is_fine:
            raise UndeliveredError(UNKNOWN.fault, f"HTTP {answer.status}", final=UNKNOWN.final)
        raise UndeliveredError(
            "put_off" if answer.may_pass else "refused",
            f"HTTP {answer.status}",
            final=not answer.may_pass,
        )
    if answered.code:
        refusal = dialect.refusals(answered) or UNKNOWN
        raise UndeliveredError(
            refusal.fault,
            f"{answered.code}: {answered.words}",
            final=refusal.final,
            hold_s=refusal.hold_s,
        )


def list_secrets(endpoint: Opened, target: Target, request: Request) -> list[str]:
    """Whatever of a request nobody may read in a log, longest first."""
    path, _, query = target.path.partition("?")
    values = {value for _name, value in parse_qsl(query)} | set(request.query.values())
    found = {one for one in path.split("/") if len(one) >= SHORTEST_PART}
    found |= {one for one in values if len(one) >= SHORTEST_VALUE}
    found |= {one for one in (query, endpoint.secret) if one}
    found |= {unquote(one) for one in found}
    return sorted(found, key=len, reverse=True)


def hide(text: str, secrets: list[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, "…")
    return text
