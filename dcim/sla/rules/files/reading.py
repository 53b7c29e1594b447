"""What all parts of a facts file are read with: its times, its money, its rows."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from dcim.errors import Message
from dcim.sla.rules.facts import Period
from dcim.sla.rules.files.moments import read_moment, read_start, say_moment
from dcim.sla.rules.intervals import Interval
from dcim.sla.rules.language.tree import Node, Problem, Reader
from dcim.sla.rules.quantities import read_money
from dcim.sla.rules.terms import Terms

OPEN_END = "period_end"
LASTING = Message(
    "reaches outside the period: its whole length is compared with a minimum duration, only the "
    "part within the period counts"
)
TRUTHS = ("true", "yes", "false", "no")
_FLOAT = re.compile(r"[0-9.]+[eE][+-]?[0-9]+")


@dataclass
class Reading:
    """What all parts of one file share while it is read."""

    terms: Terms
    period: Period
    problems: list[Problem]
    warnings: list[Problem] = field(default_factory=list)

    def moment(self, text: str) -> int:
        return read_moment(text, self.terms.timezone)

    def start(self, text: str) -> int:
        return read_start(text, self.terms.timezone)

    def say(self, moment: int) -> str:
        """As its writer would: in the terms' zone."""
        return say_moment(moment, self.terms.timezone)

    def fee(self, text: str) -> Decimal:
        """Money of a bill: never negative, in the currency of the terms."""
        currency = self.terms.currency
        if text.startswith("-"):
            raise ValueError(
                Message(
                    "%(text)r is negative; fees, bills and credits are written as 0 or more",
                    text=text,
                )
            )
        if _FLOAT.fullmatch(text.removesuffix(currency).strip()):
            raise ValueError(
                Message("%(text)r is written as a float; write it out, like 1000.00", text=text)
            )
        return read_money(text, currency)

    def warn(self, words: Reader, message: Message) -> None:
        self.warnings.append(Problem(words.place, words.node.line, message))

    def span(
        self,
        words: Reader,
        low: str = "from",
        high: str = "to",
        *,
        what: Message,
        may_last: bool = False,
    ) -> Interval | None:
        """[start, end) of two required words; a problem and None when that is none."""
        before = len(self.problems)
        start = words.need(low, self.start, 0)
        if not words.has(high):
            if may_last:
                missing = Message(
                    "is missing: say when %(what)s ended, or `%(high)s: %(open_end)s` when it "
                    "lasted longer than the period",
                    what=what,
                    high=high,
                    open_end=OPEN_END,
                )
            else:
                missing = Message("is missing: say when %(what)s ended", what=what)
            words.refuse(high, missing)
            return None

        def read_end(text: str) -> int:
            return self.period.end if may_last and text == OPEN_END else self.moment(text)

        end = words.need(high, read_end, 0)
        if len(self.problems) > before:
            return None
        if end <= start:
            words.refuse(
                high,
                Message(
                    "the end %(end)s is not after the start %(start)s",
                    end=self.say(end),
                    start=self.say(start),
                ),
            )
            return None
        return start, end

    def within(self, words: Reader, start: int, end: int, *, reaching: Message = LASTING) -> bool:
        """Whether it touches the period; a warning when it lies or reaches outside."""
        if end <= self.period.start or start >= self.period.end:
            self.warn(words, Message("lies outside the period and is left out"))
            return False
        if start < self.period.start or end > self.period.end:
            self.warn(words, reaching)
        return True


def read_truth(words: Reader, key: str) -> bool | None:
    """None when the word is absent: not known."""
    return words.choose(key, TRUTHS) in ("true", "yes") if words.has(key) else None


def rows_of(top: Reader, key: str, columns: tuple[str, ...]) -> Iterator[Reader]:
    """Rows written as words, or short as a list in the order of `columns`."""
    for row in top.entries(key):
        cells = row.node.entries
        if cells is None:
            yield row
            continue
        row.problems.pop()  # the reader refused what is no group of words
        if len(cells) > len(columns):
            row.refuse(
                "",
                Message(
                    "has %(count)s entries, only %(columns)s are known",
                    count=len(cells),
                    columns=", ".join(columns),
                ),
            )
        words = dict(zip(columns, cells, strict=False))
        yield Reader(Node(row.node.line, words=words), row.place, row.problems)
