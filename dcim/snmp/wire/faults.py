"""What can go wrong when an agent is asked: one class per cause the protocol can tell apart."""

from __future__ import annotations

ERROR_STATUS = {
    1: "tooBig",
    2: "noSuchName",
    3: "badValue",
    4: "readOnly",
    5: "genErr",
    6: "noAccess",
    13: "resourceUnavailable",
    16: "authorizationError",
}


class SnmpError(Exception):
    """Any failure to read an agent."""


class Timeout(SnmpError):  # noqa: N818 - the word everybody uses
    """No valid answer: agent down, wrong address or (v1/v2c cannot tell) wrong community."""


class Refused(SnmpError):  # noqa: N818
    """The network said that nobody listens there (ICMP port, host or network unreachable)."""


class AgentError(SnmpError):
    """The agent answered with an error status (RFC 3416); `index` counts varbinds from 1."""

    def __init__(self, status: int, index: int) -> None:
        super().__init__(f"{ERROR_STATUS.get(status, status)} at varbind {index}")
        self.status = status
        self.index = index


class WalkError(SnmpError):
    """A walk went backwards, repeated itself, ended early or passed its bounds."""


class SecurityError(SnmpError):
    """SNMPv3 refused the request (RFC 3414 usmStats, RFC 3413 contexts): see the subclasses."""


class UnknownUser(SecurityError):  # noqa: N818
    """usmStatsUnknownUserNames: the agent does not know the user."""


class WrongDigest(SecurityError):  # noqa: N818
    """usmStatsWrongDigests: the authentication password or protocol is wrong."""


class DecryptionFailed(SecurityError):  # noqa: N818
    """usmStatsDecryptionErrors: the privacy password or protocol is wrong."""


class UnsupportedSecurityLevel(SecurityError):  # noqa: N818
    """usmStatsUnsupportedSecLevels: the agent does not allow this level for the user."""


class NotInTimeWindow(SecurityError):  # noqa: N818
    """usmStatsNotInTimeWindows: engine boots and time could not be agreed on."""


class UnknownContext(SecurityError):  # noqa: N818
    """snmpUnknownContexts: the agent has no such context."""


# What each cause is called, and what is stored of a poll that failed by it.
_CAUSES: dict[type[SnmpError], tuple[str, str]] = {
    Timeout: ("timeout", "no answer: agent off, address wrong, or (v1/v2c) wrong community"),
    Refused: ("refused", "nobody listens at this address and port"),
    UnknownUser: ("unknown_user", "the agent doesn't know this SNMPv3 user"),
    WrongDigest: ("wrong_digest", "authentication password or protocol is wrong"),
    DecryptionFailed: ("decryption", "privacy password or protocol is wrong"),
    UnsupportedSecurityLevel: ("security_level", "the agent doesn't allow this security level"),
    NotInTimeWindow: ("time_window", "engine boots and time couldn't be agreed on"),
    UnknownContext: ("context", "the agent has no such context"),
}
_KIND_OF_WORDS = {words: kind for kind, words in _CAUSES.values()}
TOO_SLOW, OTHER = "too_slow", "other"


def explain(error: SnmpError) -> str:
    """What to look at, told apart as far as the protocol can."""
    return _CAUSES.get(type(error), ("", str(error)))[1][:255]


def name_fault(error: SnmpError) -> str:
    """Which cause it is, as one word; "other" where the agent's answer itself is the matter."""
    return _CAUSES.get(type(error), (OTHER, ""))[0]


def name_explained(words: str) -> str:
    """Which cause the words stored of a poll are of."""
    if words.startswith("gave up after"):
        return TOO_SLOW
    if "outside the management networks" in words:
        return "not_allowed"
    return _KIND_OF_WORDS.get(words, OTHER)
