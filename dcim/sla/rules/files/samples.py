"""What was used, from a facts file: orders, and samples as lists or as a CSV file beside it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from dcim.errors import Message, message_of
from dcim.metering.bins import split_octets
from dcim.sla.rules.facts import Item
from dcim.sla.rules.files.orders import FIXED_METHODS, SAME, Ordered, read_order
from dcim.sla.rules.files.reading import Reading
from dcim.sla.rules.files.tables import Convert, read_table
from dcim.sla.rules.language.tree import Reader
from dcim.sla.rules.quantities import read_duration, read_number
from dcim.sla.rules.terms import Usage

# Of a sample [start, end): octets in and out; or mWh, mVA x ms or mA x ms, and nothing.
Sample = tuple[int, int, int, int]
RATE_COLUMNS = {"octets": ("in_octets", "out_octets"), "Mbit/s": ("in_mbit_s", "out_mbit_s")}
# By what the terms measure in: units of power; of each the columns are named in lower case.
POWER_UNITS = {"kW": ("kWh", "kW"), "kVA": ("kVA",), "A": ("A",)}


@dataclass(frozen=True)
class Measured:
    """One port, circuit or meter of an item, and what was ordered with it."""

    usage: str
    item: str
    samples: tuple[Sample, ...]
    ordered: Ordered


POWER_SCALES = {
    "kwh": Fraction(10**6),
    "kw": Fraction(10**6, 3_600_000),
    "kva": Fraction(10**6),
    "a": Fraction(1000),
}


def power_units(usage: Usage) -> tuple[str, ...]:
    """Of samples: what the usage is measured in."""
    committed = usage.method == "committed_power" and usage.power is not None
    return POWER_UNITS[usage.power.unit if committed and usage.power else "kW"]


def read_measured(
    top: Reader,
    reading: Reading,
    items: tuple[Item, ...],
    judged_to: int,
    beside: Callable[[str], str],
) -> tuple[Measured, ...]:
    """Problems are added to the reading; samples are clipped to the service of their item."""
    usages = {usage.id: usage for usage in reading.terms.usage}
    by_name = {item.id: item for item in items}
    found = []
    for words in top.entries("usage"):
        name, owner = words.text("usage"), words.text("item")
        usage, item = usages.get(name), by_name.get(owner)
        if name and usage is None:
            words.refuse(
                "usage",
                Message("%(name)r is no usage of these terms", name=name),
                tuple(usages),
            )
        if owner and item is None:
            words.refuse(
                "item",
                Message("%(name)r is not among the %(what)s", name=owner, what=Message("items")),
                tuple(sorted(by_name)),
            )
        if usage is None or item is None:
            continue
        if item.kind not in usage.applies_to:
            words.refuse(
                "item",
                Message(
                    "%(item)r is a %(kind)s, %(usage)s applies to %(kinds)s",
                    item=owner,
                    kind=item.kind,
                    usage=name,
                    kinds=", ".join(usage.applies_to),
                ),
            )
        ordered = read_order(words, reading, usage)
        samples = _read_samples(words, reading, usage, beside)
        low = max(item.start, reading.period.start)
        high = min(item.end, reading.period.end, judged_to)
        words.finish()
        kept = tuple(_clip(samples, low, high))
        outside = sum(1 for start, end, *_ in samples if end <= low or start >= high)
        if outside:
            reading.warn(
                words,
                Message(
                    "%(outside)s of %(count)s samples lie outside the time in service within the "
                    "period and are left out",
                    outside=outside,
                    count=len(samples),
                ),
            )
        found.append(Measured(name, owner, kept, ordered))
        _refuse_two_orders(words, usage, found)
    return tuple(found)


def _refuse_two_orders(words: Reader, usage: Usage, found: list[Measured]) -> None:
    """Rows of one item are added up: what can't be added must be the same in each."""
    *earlier, last = found
    for other in earlier:
        if (other.usage, other.item) == (last.usage, last.item):
            if usage.method == "flat":
                words.refuse(
                    "item",
                    Message("%(item)s stands twice: an item is one circuit", item=last.item),
                )
            for key in SAME:
                if getattr(other.ordered, key) != getattr(last.ordered, key):
                    words.refuse(
                        "",
                        Message(
                            "%(what)s differs from another row of %(item)s",
                            what=SAME[key],
                            item=last.item,
                        ),
                    )
            return


def _read_samples(
    words: Reader,
    reading: Reading,
    usage: Usage,
    beside: Callable[[str], str],
) -> list[Sample]:
    if usage.method in FIXED_METHODS or (
        usage.method == "percentile" and usage.mode == "flat" and not words.has("samples")
    ):
        if words.has("samples"):
            words.refuse(
                "samples",
                Message(
                    "aren't needed: %(method)s is charged whatever is used", method=usage.method
                ),
            )
        return []
    node = (words.node.words or {}).get("samples")
    if node is None or node.text is None:
        below = words.group("samples")
        if below is None:
            words.refuse(
                "samples",
                Message("is missing: a CSV file's name, or lists (docs/sla-files.md)"),
            )
            return []
        return _read_lists(below, reading, usage)
    name = words.text("samples")
    try:
        rows = read_table(beside(name), reading, lambda columns: _find_columns(columns, usage))
        return [(start, end, *counted) for start, end, counted in rows if counted is not None]
    except ValueError as error:
        words.refuse("samples", Message("%(file)s: %(why)s", file=name, why=message_of(error)))
        return []


def _read_lists(words: Reader, reading: Reading, usage: Usage) -> list[Sample]:
    """`every` after `every` from `start` on; `-` is an interval that nobody measured."""
    before = len(words.problems)
    start = words.need("start", reading.start, 0)
    every = words.need("every", read_duration, 1)
    if every <= 0:
        words.refuse("every", Message("must be longer than nothing"))
    columns: list[tuple[str, ...]]
    if usage.method == "percentile":
        unit = words.choose("unit", tuple(RATE_COLUMNS))
        columns = [words.texts("in"), words.texts("out")]
        if len(columns[0]) != len(columns[1]):
            words.refuse(
                "in",
                Message(
                    "has %(count)s entries, out has %(other)s",
                    count=len(columns[0]),
                    other=len(columns[1]),
                ),
            )
    else:
        unit = words.choose("unit", power_units(usage)).lower()
        columns = [words.texts("values")]
    words.finish()
    if not columns[0]:
        words.refuse("", Message("holds no samples"))
    found = []
    if len(words.problems) > before:
        return []
    for index, cells in enumerate(zip(*columns, strict=True), 1):
        at = start + (index - 1) * every
        if "-" in cells:
            continue
        try:
            found.append((at, at + every, *_convert(cells, unit, every, usage)))
        except ValueError as error:
            words.refuse(
                "", Message("entry %(index)s: %(why)s", index=index, why=message_of(error))
            )
    return found


def _find_columns(columns: tuple[str, ...], usage: Usage) -> Convert[tuple[int, int]]:
    known: dict[tuple[str, ...], str] = (
        {names: unit for unit, names in RATE_COLUMNS.items()}
        if usage.method == "percentile"
        else {(unit.lower(),): unit.lower() for unit in power_units(usage)}
    )
    if columns not in known:
        raise ValueError(
            Message(
                "line 1: the columns must be %(heads)s, not %(columns)s",
                heads=_say_heads([",".join(("from", "to", *names)) for names in known]),
                columns=",".join(("from", "to", *columns)),
            )
        )
    return lambda cells, span_ms: _convert(cells, known[columns], span_ms, usage)


def _say_heads(heads: list[str]) -> str:
    said, *rest = heads
    for head in rest:
        said = Message("%(one)s or %(other)s", one=said, other=head)
    return said


def _convert(cells: tuple[str, ...], unit: str, span_ms: int, usage: Usage) -> tuple[int, int]:
    """Whole octets in and out, or (mWh, mVA x ms, mA x ms; 0); a part of one is cut off."""
    numbers = []
    for cell in cells:
        if cell.startswith("-"):
            raise ValueError(Message("%(text)r is negative", text=cell))
        numbers.append(Fraction(read_number(cell)))
    if unit == "octets":
        if any(number.denominator != 1 for number in numbers):
            raise ValueError(Message("%(cells)s must be whole octets", cells=", ".join(cells)))
        return int(numbers[0]), int(numbers[1])
    if unit == "Mbit/s":
        scale = Fraction(usage.thousand**2 * span_ms, 8000)
        return (numbers[0] * scale).__floor__(), (numbers[1] * scale).__floor__()
    scale = POWER_SCALES[unit] * (1 if unit == "kwh" else span_ms)
    return (numbers[0] * scale).__floor__(), 0


def _clip(samples: list[Sample], low: int, high: int) -> Iterator[Sample]:
    """What was counted within [low, high); a sample over an edge is split by time, as bins are."""
    for start, end, inward, outward in samples:
        if end <= low or start >= high:
            continue
        if start < low:
            inward = split_octets(inward, start, end, low)[1]  # noqa: PLW2901
            outward = split_octets(outward, start, end, low)[1]  # noqa: PLW2901
            start = low  # noqa: PLW2901
        if end > high:
            inward = split_octets(inward, start, end, high)[0]  # noqa: PLW2901
            outward = split_octets(outward, start, end, high)[0]  # noqa: PLW2901
            end = high  # noqa: PLW2901
        yield start, end, inward, outward
