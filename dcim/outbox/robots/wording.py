"""Text for robots: plain whatever is in it, and no longer than they take; pure.

Names come from customers and from the network: a port called `<at user_id="all">` must stay words.
Robots are sent plain text, in which nothing is markup but what is taken away here: WeCom reads
`<@userid>` in texts, Feishu `<at …>`, and every client makes links of addresses.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

# A robot that demands a keyword finds this one in every message.
KEYWORD = "Jifang"
_LOOKALIKES = str.maketrans({"<": "＜", ">": "＞", "@": "＠"})
_ENTITY = re.compile(r"&(?=#?\w+;)")
_SCHEME = re.compile(r"(?<=[A-Za-z0-9]):(?=//)")
_WWW = re.compile(r"\b(www)\.", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Words:
    """What a robot says. `title` is one line; `link` our own, or empty."""

    title: str
    text: str
    link: str = ""

    @property
    def foot(self) -> str:
        """The last line: the keyword, and our link."""
        return f"{KEYWORD} {self.link}".rstrip()


def make_plain(text: str) -> str:
    """The same to a reader, but no mention, tag, entity or link is in it; line ends stay.

    A bare host name stays as it is: it has to be read and copied.
    """
    printable = "".join(one if one == "\n" or one.isprintable() else " " for one in text)
    said = _ENTITY.sub("＆", printable.translate(_LOOKALIKES))
    return _WWW.sub(r"\1．", _SCHEME.sub("：", said))


def fit(text: str, most: int, measure: Callable[[str], int]) -> str:
    """`text`, or as much of its beginning as `measure` (growing with it) finds to be no more than
    `most`, with "…" behind."""
    if measure(text) <= most:
        return text
    fits, least_too_long = 0, len(text)
    while least_too_long - fits > 1:
        middle = (fits + least_too_long) // 2
        if measure(text[:middle] + "…") <= most:
            fits = middle
        else:
            least_too_long = middle
    return text[:fits].rstrip() + "…"
