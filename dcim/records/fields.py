"""What a field of a record is: its type, its words, its limits. One description for every face.

Forms, lists, filters, the API, import and export all read this; none of them describes a field
again. Pure: no database, no web.
"""

import datetime as dt
import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from dcim.errors import Named
from dcim.records.suggestions import find_nearest

if TYPE_CHECKING:
    from dcim.records.kinds import Kind

# What can be written nowhere: C0 but for line ends and tabs, C1, surrogates.
UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
CODE = re.compile(r"[^\s/](?:[^/]*[^\s/])?\Z")
RATE = re.compile(r"(\d+(?:\.\d+)?)\s*([kKMGT]?)(?:b(?:it/s|ps)?)?\Z")
RATE_UNITS = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
YES = frozenset({"true", "yes", "y", "1", "on", "是", "√"})
NO = frozenset({"false", "no", "n", "0", "off", "否", "×"})


def mark(text: str) -> str:
    """The text itself. Marks a msgid whose translation is looked up where it is shown."""
    return text


class FieldValueError(ValueError):
    """A value that a field can't take. `message` is a msgid with %(name)s places."""

    def __init__(self, message: str, **places: object) -> None:
        super().__init__(message % places if places else message)
        self.message = message
        self.places = places


class FieldType:
    """How a kind of value is read from text (a form, a sheet), judged, and written as text.

    `read` takes a non-empty text; `judge` takes what `read` or a JSON reader gave and returns the
    value to store. Both raise FieldValueError.
    """

    name = "text"

    def read(self, text: str) -> Any:
        return text

    def judge(self, value: Any) -> Any:
        return value

    def write(self, value: Any) -> str:
        return str(value)

    def to_json(self, value: Any) -> Any:
        """As the API answers it and the change history keeps it."""
        return value


@dataclass(frozen=True, slots=True)
class TextType(FieldType):
    """`code` texts name things: no slash, which separates the codes of a path."""

    longest: int = 255
    code: bool = False
    multiline: bool = False
    name: str = "text"

    def judge(self, value: Any) -> str:
        if not isinstance(value, str):
            raise FieldValueError(mark("This must be text."))
        text = value.strip()
        if UNWRITABLE.search(text) or (not self.multiline and re.search("[\t\r\n]", text)):
            raise FieldValueError(mark("Control characters can't be accepted."))
        if len(text) > self.longest:
            raise FieldValueError(mark("At most %(count)s characters."), count=self.longest)
        if self.code and text and not CODE.match(text):
            raise FieldValueError(mark("A code has no slash in it."))
        return text


@dataclass(frozen=True, slots=True)
class IntegerType(FieldType):
    low: int = 0
    high: int = 2**31 - 1
    name: str = "integer"

    def read(self, text: str) -> int:
        if not re.fullmatch(r"[-−]?\d{1,19}(?:\.0+)?", text):
            raise FieldValueError(mark("A whole number is needed here."))
        return int(text.replace("−", "-").split(".")[0])

    def judge(self, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise FieldValueError(mark("A whole number is needed here."))
        if not self.low <= value <= self.high:
            raise FieldValueError(mark("From %(low)s to %(high)s."), low=self.low, high=self.high)
        return value


@dataclass(frozen=True, slots=True)
class DecimalType(FieldType):
    """Exact; in JSON a string, so that no reader makes a float of it."""

    places: int = 2
    low: Decimal = Decimal(0)
    high: Decimal = Decimal("999999999999.99")
    name: str = "decimal"

    def read(self, text: str) -> Decimal:
        return self.judge(text.replace(",", "").replace("−", "-"))

    def judge(self, value: Any) -> Decimal:
        if isinstance(value, float | bool):
            raise FieldValueError(mark("Write the number as text, so that nothing is rounded."))
        try:
            number = Decimal(value)
        except (InvalidOperation, TypeError, ValueError) as error:
            raise FieldValueError(mark("A number is needed here.")) from error
        if not number.is_finite() or not self.low <= number <= self.high:
            raise FieldValueError(mark("From %(low)s to %(high)s."), low=self.low, high=self.high)
        rounded = number.quantize(Decimal(1).scaleb(-self.places))
        if rounded != number:
            raise FieldValueError(mark("At most %(count)s decimals."), count=self.places)
        return rounded

    def to_json(self, value: Any) -> Any:
        return str(value)


@dataclass(frozen=True, slots=True)
class FlagType(FieldType):
    name: str = "flag"

    def read(self, text: str) -> bool:
        word = text.casefold()
        if word in YES:
            return True
        if word in NO:
            return False
        raise FieldValueError(mark("Yes or no."))

    def judge(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise FieldValueError(mark("Yes or no."))
        return value

    def write(self, value: Any) -> str:
        return "yes" if value else "no"


@dataclass(frozen=True, slots=True)
class DayType(FieldType):
    name: str = "day"

    def read(self, text: str) -> dt.date:
        matched = re.fullmatch(
            r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?(?:[ T]00:00(?::00)?)?", text
        )
        if not matched:
            raise FieldValueError(mark("Write a day as 2026-11-25."))
        try:
            return self.judge(dt.date(*(int(part) for part in matched.groups())))
        except ValueError as error:
            if isinstance(error, FieldValueError):
                raise
            raise FieldValueError(mark("There is no such day.")) from error

    def judge(self, value: Any) -> dt.date:
        if isinstance(value, str):
            return self.read(value)
        if isinstance(value, dt.datetime) or not isinstance(value, dt.date):
            raise FieldValueError(mark("Write a day as 2026-11-25."))
        if not 1970 <= value.year < 2200:
            raise FieldValueError(mark("Choose a day between 1970 and 2200."))
        return value

    def write(self, value: Any) -> str:
        return str(value.isoformat())

    def to_json(self, value: Any) -> Any:
        return value.isoformat()


@dataclass(frozen=True, slots=True)
class InstantType(FieldType):
    """A time with its offset; in lists shown in the reader's zone."""

    name: str = "instant"

    def judge(self, value: Any) -> dt.datetime:
        try:
            instant = dt.datetime.fromisoformat(value) if isinstance(value, str) else value
        except ValueError as error:
            raise FieldValueError(mark("Write a time as 2026-11-25T08:00:00+08:00.")) from error
        if not isinstance(instant, dt.datetime) or instant.tzinfo is None:
            raise FieldValueError(mark("Write a time as 2026-11-25T08:00:00+08:00."))
        if not 1970 <= instant.year < 2200:
            raise FieldValueError(mark("Choose a day between 1970 and 2200."))
        return instant.astimezone(dt.UTC)

    def read(self, text: str) -> dt.datetime:
        return self.judge(text)

    def write(self, value: Any) -> str:
        return str(value.astimezone(dt.UTC).isoformat().replace("+00:00", "Z"))

    def to_json(self, value: Any) -> Any:
        return self.write(value)


@dataclass(frozen=True, slots=True)
class ChoiceType(FieldType):
    """`words` are msgids by stored value; a sheet may hold either, in any language we speak."""

    words: Mapping[str, str] = field(default_factory=dict)
    name: str = "choice"

    def judge(self, value: Any) -> str:
        if value not in self.words or not isinstance(value, str):
            raise self.refuse(value)
        return value

    def refuse(self, value: Any, spoken: Mapping[str, str] | None = None) -> FieldValueError:
        """Names the choices, and the one that may have been meant.

        `spoken`: stored value by lower-cased word, in whatever languages the writer may have used.
        """
        known = spoken or {}
        if not known:
            known = {word.lower(): stored for stored, word in self.words.items()}
            known |= {stored.lower(): stored for stored in self.words}
        return refuse_choice(
            value if isinstance(value, str) else "", [(w, v) for v, w in self.words.items()], known
        )


def refuse_choice(
    value: str, choices: Iterable[tuple[str, str]], meanings: Mapping[str, str]
) -> FieldValueError:
    """`choices` as (word, name); `meanings` is the name by lower-cased word."""
    choices = Named(choices)
    nearest = find_nearest(value, meanings)
    if nearest is None:
        return FieldValueError(mark("Not one of the choices: %(choices)s."), choices=choices)
    return FieldValueError(
        mark("Not one of the choices: %(choices)s. Did you mean %(nearest)s?"),
        choices=choices,
        nearest=Named(one for one in choices if one[1] == nearest),
    )


@dataclass(frozen=True, slots=True)
class HalfUnitsType(FieldType):
    """Heights in half rack units, read and written in U: 1.5 is three half units."""

    low: int = 0
    high: int = 120
    name: str = "half_units"

    def read(self, text: str) -> int:
        try:
            halves = Decimal(text.upper().removesuffix("U").strip()) * 2
        except InvalidOperation as error:
            raise FieldValueError(mark("Whole and half U only: 1 or 1.5.")) from error
        if not halves.is_finite() or abs(halves) > 1000 or halves % 1:
            raise FieldValueError(mark("Whole and half U only: 1 or 1.5."))
        return self.judge(int(halves))

    def judge(self, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise FieldValueError(mark("A whole number of half units is needed here."))
        if not self.low <= value <= self.high:
            raise FieldValueError(
                mark("From %(low)s to %(high)s U."), low=self.low / 2, high=self.high / 2
            )
        return value

    def write(self, value: Any) -> str:
        return f"{value / 2:g}"


@dataclass(frozen=True, slots=True)
class RateType(FieldType):
    """Bits per second; text may say 10G, 100 Mbps, 2.5Gbit/s."""

    high: int = 10**15
    name: str = "rate"

    def read(self, text: str) -> int:
        matched = RATE.match(text)
        if not matched:
            raise FieldValueError(mark("Write a rate as 100M or 10G."))
        bits = Decimal(matched[1]) * RATE_UNITS[matched[2]]
        if bits % 1:
            raise FieldValueError(mark("Write a rate as 100M or 10G."))
        return self.judge(int(bits))

    def judge(self, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= self.high:
            raise FieldValueError(mark("A rate in bit/s is needed here."))
        return value

    def write(self, value: Any) -> str:
        for size, unit in ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k")):
            if value and value % size == 0:
                return f"{value // size}{unit}"
        return str(value)


@dataclass(frozen=True, slots=True)
class NetworkType(FieldType):
    """An IPv4 or IPv6 prefix, or with `host` one address; kept in its canonical text."""

    host: bool = False
    name: str = "network"

    def judge(self, value: Any) -> str:
        text = str(value).strip()
        try:
            if self.host:
                return str(ipaddress.ip_address(text))
            return str(ipaddress.ip_network(text))
        except ValueError as error:
            if self.host:
                raise FieldValueError(mark("Write an address as 192.0.2.10.")) from error
            raise FieldValueError(
                mark("Write a prefix by its first address: 192.0.2.0/24.")
            ) from error

    def read(self, text: str) -> str:
        return self.judge(text)


@dataclass(frozen=True, slots=True)
class ReferenceType(FieldType):
    """Another record; stored as its id, written in sheets as its path ("SH1/R1/A/A-01").

    `kind` is a function because a kind may refer to itself.
    """

    kind: Callable[[], "Kind"]
    name: str = "reference"

    def judge(self, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**63:
            raise FieldValueError(mark("The number of a record is needed here."))
        return value


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a kind. `name` is the model's attribute, the sheet's column, the API's member.

    `expression`: for a computed field, SQL made from the model; such a field is read-only.
    `fixed`: given when the record is made and never changed (what moves a thing has its service).
    `default` stands when nothing is given on creation; an optional field without one is None,
    or "" where the column can't be null (`blank`).
    `listed`: a column of the list unless the reader chooses others. `bulk`: may be set for many
    records at once. `wide`: takes the whole width of a form. `group`: a heading of the form.
    """

    name: str
    label: str
    type: FieldType = field(default_factory=TextType)
    required: bool = False
    default: Any = None
    blank: Any = None
    unit: str = ""
    hint: str = ""
    group: str = ""
    expression: Callable[[], Any] | None = None
    fixed: bool = False
    readonly: bool = False
    listed: bool = True
    searched: bool = False
    filtered: bool = True
    sorted: bool = True
    bulk: bool = True
    wide: bool = False
    # Left empty in a copy: it is this one thing's alone, though nothing forbids a second.
    copied: bool = True
    # The computed field that people read in its place, where what is stored counts otherwise.
    shown_by: str = ""
    # Shown to staff only: left out of what a customer gets.
    internal: bool = False

    @property
    def writable(self) -> bool:
        return not self.readonly and self.expression is None
