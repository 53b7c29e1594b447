"""What was ordered with a usage of a facts file: exactly what its terms leave to the order."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from dcim.errors import Message
from dcim.sla.rules.files.reading import Reading
from dcim.sla.rules.language.tree import Reader
from dcim.sla.rules.quantities import read_quantity, read_rate
from dcim.sla.rules.terms import Share, Usage
from dcim.sla.rules.usage.readings import MeasuredPue

T = TypeVar("T")
FIXED_METHODS = ("flat", "breakered")
POOLS = ("", "contract", "site")
# What rows of one item can't add up, and how it is called.
SAME = {
    "price_committed": "price.committed",
    "price_over": Message("the price ordered"),
    "group": "group",
    "pue": "pue",
}


@dataclass(frozen=True)
class Ordered:
    """Of one port, circuit or meter. None = not known, or the terms state it themselves.

    `commit` is in bit/s, or in the unit of the power committed, as `rating` is.
    """

    commit: Decimal | None = None
    port_bps: int | None = None
    rating: Decimal | None = None
    amperes: Decimal | None = None
    price_committed: Decimal | None = None
    price_over: Decimal | None = None
    group: str = ""
    pue: MeasuredPue | None = None


def read_order(words: Reader, reading: Reading, usage: Usage) -> Ordered:
    """Problems are added to the reading. Ports, amperes, ratings and PUE may be unknown."""
    ordered = _Words(words, reading, usage)
    if usage.method == "percentile":
        return ordered.bandwidth()
    return ordered.power()


@dataclass(frozen=True)
class _Words:
    words: Reader
    reading: Reading
    usage: Usage

    def asked(self, key: str, asked: bool, convert: Callable[[str], T]) -> T | None:
        """What may be left out; refused where the terms don't ask for it."""
        found = self.words.read(key, convert, None)
        if found is not None and not asked:
            self.words.refuse(
                "",
                Message(
                    "%(key)s is not asked for by the terms of %(usage)s",
                    key=key,
                    usage=self.usage.id,
                ),
            )
        return found

    def needed(self, key: str, left: object, given: object) -> None:
        if left == "item" and given is None:
            self.words.refuse(
                "",
                Message("%(key)s is missing: the terms leave it to the order (`item`)", key=key),
            )
        if left != "item" and given is not None:
            self.words.refuse(
                "", Message("%(key)s is not asked for: the terms state it themselves", key=key)
            )

    def prices(self) -> tuple[Decimal | None, Decimal | None]:
        """(committed, over) of a group."""
        below = self.words.group("price")
        if below is None:
            return None, None
        committed = below.read("committed", self.reading.fee, None)
        over = below.read("over", self.reading.fee, None)
        below.finish()
        return committed, over

    def bandwidth(self) -> Ordered:
        usage = self.usage
        commit = self.words.read("commit", lambda text: read_rate(text, usage.thousand), None)
        committed, over = self.prices()
        self.needed("commit", usage.commit, commit)
        self.needed("price.committed", usage.price_committed, committed)
        self.needed("price.over", usage.price_over, over)
        return Ordered(
            commit=None if commit is None else Decimal(commit),
            port_bps=self.asked(
                "port", usage.port == "item", lambda text: read_rate(text, usage.thousand)
            ),
            price_committed=committed,
            price_over=over,
            group=self.asked("group", usage.pool not in POOLS, str) or "",
        )

    def power(self) -> Ordered:
        usage, power = self.usage, self.usage.power
        committed_power = usage.method == "committed_power"
        unit = power.unit if power is not None else "kW"

        def amount(text: str) -> Decimal:
            return read_quantity(text, {unit: 1}, Message("the terms"))

        commit = committed = None
        if committed_power and power is not None:
            commit = self.words.read("commit", amount, None)
            committed, over = self.prices()
            self.needed("commit", power.commit, commit)
            self.needed("price.committed", power.price_committed, committed)
            self.needed("price.over", usage.price_over, over)
        else:
            over = self.words.read("price", self.reading.fee, None)
            self.needed("price", usage.price_over, over)
        share = power is not None and isinstance(power.commit, Share)
        return Ordered(
            commit=commit,
            rating=self.asked("rating", committed_power and share, amount),
            amperes=self.asked(
                "amperes",
                usage.method == "breakered",
                lambda text: read_quantity(text, {"A": 1}, Message("electric current")),
            ),
            price_committed=committed,
            price_over=over,
            pue=self.pue(power is not None and power.pue_measured),
        )

    def pue(self, asked: bool) -> MeasuredPue | None:
        """Energy of the data centre and of its IT, of the period unless it says of when."""
        below = self.words.group("pue")
        if below is None:
            return None
        if not asked:
            self.words.refuse("pue", Message("is not asked for: the terms state it themselves"))
        period = self.reading.period

        def energy(text: str) -> int:
            return int(read_quantity(text, {"kWh": 1, "MWh": 1000}, Message("energy")) * 10**6)

        found = MeasuredPue(
            below.read("from", self.reading.start, period.start),
            below.read("to", self.reading.moment, period.end),
            below.need("facility", energy, 0),
            below.need("it", energy, 0),
        )
        below.finish()
        return found
