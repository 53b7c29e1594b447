"""What the three products' robots have in common: a document out, an answer with a code; pure."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dcim.outbox.robots.wording import Words


@dataclass(frozen=True, slots=True)
class Request:
    """`query` is added to the robot's own URL."""

    body: bytes
    query: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refusal:
    """`fault` as in `channels.FAULTS`; `hold_s`: so long nothing more is sent to this robot."""

    fault: str
    final: bool = True
    hold_s: int = 0


@dataclass(frozen=True, slots=True)
class Answered:
    """`code` 0: the message was taken."""

    code: int
    words: str = ""


@dataclass(frozen=True, slots=True)
class Dialect:
    """`write` takes words, the secret to sign with (or ""), the language and epoch milliseconds.

    `hosts` are the vendor's own. A code that `refusals` doesn't know may pass by itself: it is
    tried again.
    """

    hosts: tuple[str, ...]
    write: Callable[[Words, str, str, int], Request]
    read: Callable[[Mapping[str, Any]], Answered | None]
    refusals: Callable[[Answered], Refusal | None]


BUSY = Refusal("put_off", final=False)
UNKNOWN = Refusal("answer", final=False)


def write_json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def read_answer(dialect: Dialect, body: bytes) -> Answered | None:
    """None for what isn't an answer of this product's robots."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return dialect.read(document) if isinstance(document, dict) else None


def read_code(document: Mapping[str, Any], code: str, words: str) -> Answered | None:
    found = document.get(code)
    if isinstance(found, bool) or not isinstance(found, int):
        return None
    return Answered(found, str(document.get(words) or ""))
