"""A mail to a customer's person as it is queued: its frame, and others' words in it; pure."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from dcim.config import Sender

# As the outbox keeps them.
LONGEST_SUBJECT = 255
LONGEST_TEXT = 4000


@dataclass(frozen=True, slots=True)
class Told:
    """In one language: `path` is that of the page about it ("/portal/tickets/12")."""

    title: str
    lines: Sequence[str]
    path: str


def write_letter(sender: Sender, told: Told, language: str) -> tuple[str, str]:
    """(subject, plain text) in "zh" or "en". What is too long is cut before the address of the
    page, where all of it stands."""
    operator = sender.operator[language]
    mark = f"【{operator}】" if language == "zh" else f"{operator}: "
    url = f"{sender.base_url}{told.path}"
    tail = [
        "",
        f"在客户门户中查看：{url}" if language == "zh" else f"In the customer portal: {url}",
        "",
        operator,
        *([sender.contact] if sender.contact else []),
    ]
    end = "\n".join(tail) + "\n"
    body = "\n".join(told.lines) + "\n"
    room = LONGEST_TEXT - len(end)
    if len(body) > room:
        body = body[: room - 2] + "…\n"
    return put_on_a_line(mark + told.title)[:LONGEST_SUBJECT], body + end


def put_on_a_line(said: str) -> str:
    """Somebody's words as a title: on one line, without control characters."""
    return " ".join("".join(one if one.isprintable() else " " for one in said).split())


def quote(said: str) -> list[str]:
    """Somebody's words as lines of their own, marked as theirs; nothing in them acts."""
    return [f"> {put_on_a_line(line)}".rstrip() for line in said.strip().splitlines()]


def say_instant(at: dt.datetime, zone: str) -> str:
    """The wall clock of `zone`, with its name."""
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M} ({zone})"


def say_span(start: dt.datetime, end: dt.datetime, zone: str, until: str) -> str:
    """Both on the wall clock of `zone`, which is named once; the end's date where it is another
    day, and how far from UTC both are where the clock was changed between."""
    first, last = (at.astimezone(ZoneInfo(zone)) for at in (start, end))
    shifted = first.utcoffset() != last.utcoffset()
    form = "%Y-%m-%d %H:%M" + (" (UTC%z)" if shifted else "")
    short = "%H:%M" if first.date() == last.date() and not shifted else form
    return f"{first.strftime(form)}{until}{last.strftime(short)} ({zone})"
