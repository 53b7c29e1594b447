"""What a channel is asked to deliver, and how it says that it couldn't."""

import datetime as dt
from dataclasses import dataclass
from typing import Any, Protocol

# Faults, told in words by the pages: what stood in the way of the last attempt.
FAULTS = (
    "not_set_up",  # the channel lacks its settings
    "unreachable",  # no connection, or it broke
    "slow",  # no answer in time
    "insecure",  # no TLS, or none that can be trusted
    "sign_in",  # the mail server refuses our user
    "put_off",  # the other side asks to be tried later
    "refused",  # the other side refuses for good
    "address",  # no address that mail can go to
    "attachment",  # the file isn't the one that was issued
    "target",  # a webhook outside DCIM_WEBHOOK_ALLOWED
    "switched_off",  # a webhook that was switched off
    "crashed",  # whoever sent it died or stumbled
    "withdrawn",  # the person may not be told any more, or doesn't want to be
    "restored",  # it waited in a backup: a person says whether it was sent since
)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message as it was when it was taken up; `attempt` counts from 1."""

    id: int
    attempt: int
    channel: str
    event: str
    recipient: str
    customer_id: int | None
    statement_id: int | None
    endpoint_id: int | None
    title: str
    text: str
    attach: bool
    payload: dict[str, Any] | None
    delivery_id: str
    created_at: dt.datetime
    user_id: int | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class OptOut:
    """How a person ends such mails: `words` to stand below the text, `url` for their program;
    none for one that ends by itself."""

    words: str
    url: str


class UndeliveredError(Exception):
    """`fault` is one of FAULTS, `detail` the other side's words; `final`: another try is no use."""

    def __init__(self, fault: str, detail: str = "", *, final: bool = False) -> None:
        super().__init__(f"{fault}: {detail}" if detail else fault)
        self.fault = fault
        self.detail = detail
        self.final = final


class Channel(Protocol):
    """A way to tell somebody outside: mail, webhook; others are added beside them."""

    def deliver(self, message: Outgoing) -> None:
        """Return once the other side has it. Raises UndeliveredError when it hasn't, within
        `delivering.LEASE` in any case."""
