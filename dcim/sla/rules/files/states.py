"""The observed part of a facts file: resources, their states and their measured values."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from dcim.errors import Message, message_of
from dcim.sla.rules.facts import Item, Resource, State
from dcim.sla.rules.files.reading import Reading, rows_of
from dcim.sla.rules.files.tables import Convert, read_table
from dcim.sla.rules.intervals import Interval, complement
from dcim.sla.rules.language.tree import Node, Problem, Reader
from dcim.sla.rules.language.value_words import say_value
from dcim.sla.rules.quantities import VALUE_UNITS, read_value

STATES: tuple[State, ...] = ("down", "unknown", "up")
_Row = tuple[int, int, str | int, int]  # start, end, what, line


@dataclass
class _Seen:
    """One resource while it is read."""

    words: Reader
    kind: str
    items: tuple[str, ...]
    otherwise: str
    spans: list[tuple[int, int, State, int]] = field(default_factory=list)  # …, line
    values: list[tuple[int, int, int, int]] = field(default_factory=list)
    units: set[str] = field(default_factory=set)


def read_resources(
    top: Reader, reading: Reading, items: tuple[Item, ...], beside: Callable[[str], str]
) -> tuple[Resource, ...]:
    """Resources with all their states over the period; problems are added to the reading."""
    seen = dict(_declared(top, reading, items, beside))
    for state in STATES:
        for row in rows_of(top, state, ("resource", "from", "to")):
            found = _find(row, seen)
            span = reading.span(row, what=Message("the %(state)s time", state=state), may_last=True)
            row.finish()
            if found is not None and span and reading.within(row, *span):
                found.spans.append((*span, state, row.node.line))
    for row in rows_of(top, "values", ("resource", "from", "to", "value")):
        found = _find(row, seen)
        span = reading.span(row, what=Message("the stretch"))
        measured = row.need("value", read_value, (0, ""))
        row.finish()
        if found is not None and span and measured[1] and reading.within(row, *span):
            found.values.append((*span, measured[0], row.node.line))
            found.units.add(measured[1])
    bounds = [reading.period.start, reading.period.end]
    for found in seen.values():
        bounds += [edge for each in (*found.spans, *found.values) for edge in each[:2]]
    horizon = min(bounds), max(bounds)
    return tuple(_finish(name, found, reading, horizon) for name, found in seen.items())


def _find(row: Reader, seen: dict[str, _Seen]) -> _Seen | None:
    name = row.text("resource")
    if name and name not in seen:
        row.refuse(
            "resource",
            Message("%(name)r is not among the %(what)s", name=name, what=Message("resources")),
            tuple(seen),
        )
    return seen.get(name)


def _declared(
    top: Reader, reading: Reading, items: tuple[Item, ...], beside: Callable[[str], str]
) -> Iterator[tuple[str, _Seen]]:
    group = top.group("resources")
    for name, node in ((group.node.words if group else None) or {}).items():
        place = f"resources.{name}"
        if node.text is not None:  # `feed_A: power_feed`
            node = Node(node.line, words={"kind": node})  # noqa: PLW2901
        words = Reader(node, place, reading.problems)
        kind = words.text("kind")
        serves = words.texts("items")
        known = {item.id for item in items}
        for item in serves:
            if item not in known:
                words.refuse(
                    "items",
                    Message("%(name)r is not among the %(what)s", name=item, what=Message("items")),
                    tuple(sorted(known)),
                )
        judged = [m for m in reading.terms.metrics if m.observe == kind]
        excusing = {
            rule.circumstance.observe
            for metric in reading.terms.metrics
            for rule in metric.exclude
            if rule.circumstance is not None
        }
        if kind and not judged and kind not in excusing:
            kinds = ", ".join(dict.fromkeys(m.observe for m in reading.terms.metrics))
            reading.warn(
                words,
                Message(
                    "no metric of these terms observes %(kind)r (they observe %(kinds)s)",
                    kind=kind,
                    kinds=kinds or Message("nothing"),
                ),
            )
        if not serves:
            served = [i.id for i in items if any(i.kind in m.applies_to for m in judged)]
            if len(served) > 1:
                words.refuse(
                    "items",
                    Message(
                        "is missing: the file has several items it could serve; name those it "
                        "serves"
                    ),
                    tuple(served),
                )
            serves = tuple(served)
        otherwise = words.text("otherwise", "")
        found = _Seen(words, kind, serves, otherwise)
        if words.has("samples"):
            _read_samples(found, reading, beside)
        words.finish()
        yield name, found


def _read_samples(seen: _Seen, reading: Reading, beside: Callable[[str], str]) -> None:
    """States or values of one resource from a CSV: from,to,state or from,to,degC."""
    words = seen.words
    name, line = words.text("samples"), words.node.line
    if not name:
        return
    outside = 0
    try:
        for start, end, found in read_table(beside(name), reading, _find_column):
            what, unit = ("unknown", "") if found is None else found
            if end <= reading.period.start or start >= reading.period.end:
                outside += 1
            elif isinstance(what, int):
                seen.values.append((start, end, what, line))
                seen.units.add(unit)
            else:
                seen.spans.append((start, end, what, line))
    except ValueError as error:
        words.refuse("samples", Message("%(file)s: %(why)s", file=name, why=message_of(error)))
    if outside:
        reading.warn(
            words,
            Message(
                "%(outside)s rows of %(file)s lie outside the period and are left out",
                outside=outside,
                file=name,
            ),
        )


def _find_column(columns: tuple[str, ...]) -> Convert[tuple[int | State, str]]:
    known = ("state", *VALUE_UNITS)
    if len(columns) != 1 or columns[0] not in known:
        raise ValueError(
            Message(
                "line 1: the columns must be from,to and one of %(known)s, not %(columns)s",
                known=", ".join(known),
                columns=",".join(("from", "to", *columns)),
            )
        )
    (column,) = columns
    if column != "state":
        return lambda cells, _: read_value(f"{cells[0]} {column}")

    def read_state(cells: tuple[str, ...], _: int) -> tuple[State, str]:
        for state in STATES:
            if cells[0] == state:
                return state, ""
        raise ValueError(
            Message(
                "%(text)r is no state (choices: %(choices)s)",
                text=cells[0],
                choices=", ".join(STATES),
            )
        )

    return read_state


def _finish(name: str, seen: _Seen, reading: Reading, horizon: Interval) -> Resource:
    _refuse_contradictions(name, seen, reading)
    unit_of_rest = ""
    rest: int | None = None
    if seen.otherwise not in ("", "up", "unknown"):
        rest, unit_of_rest = seen.words.read("otherwise", _rest, (0, ""))
        if not unit_of_rest:  # refused: nothing more is said of what isn't known
            return Resource(name, seen.kind, seen.items)
        seen.units.add(unit_of_rest)
    if not seen.values and rest is None:
        states: list[tuple[int, int, State]] = [span[:3] for span in sorted(seen.spans)]
        if seen.otherwise != "unknown":
            gaps = complement([(s, e) for s, e, _ in states], *horizon)
            states += [(start, end, "up") for start, end in gaps]
        return Resource(name, seen.kind, seen.items, tuple(sorted(states)))
    if any(state != "unknown" for _, _, state, _ in seen.spans):
        seen.words.refuse(
            "",
            Message(
                "has measured values and states up or down: the terms' limit makes states of "
                "values; write the values only, or use another resource for the states"
            ),
        )
    if seen.otherwise == "up":
        seen.words.refuse(
            "otherwise",
            Message("of a measured resource is unknown, or the value it had, like 24 degC"),
        )
    _refuse_units(seen, reading)
    values = [value[:3] for value in sorted(seen.values)]
    if rest is not None:
        known = [(s, e) for s, e, *_ in (*seen.values, *seen.spans)]
        values += [(start, end, rest) for start, end in complement(known, *horizon)]
    return Resource(name, seen.kind, seen.items, (), tuple(sorted(values)))


def _rest(text: str) -> tuple[int, str]:
    try:
        return read_value(text)
    except ValueError as error:
        raise ValueError(
            Message("must be up, unknown or a measured value: %(why)s", why=message_of(error))
        ) from error


def _refuse_units(seen: _Seen, reading: Reading) -> None:
    wanted = {
        m.limit_unit for m in reading.terms.metrics if m.observe == seen.kind and m.limit_unit
    }
    if len(seen.units) > 1 or (wanted and not seen.units <= wanted):
        units = ", ".join(sorted(seen.units))
        told = Message("is measured in %(units)s: one unit for a resource", units=units)
        if wanted:
            limit = ", ".join(sorted(wanted))
            told = Message(
                "is measured in %(units)s, the terms' limit is in %(limit)s",
                units=units,
                limit=limit,
            )
        seen.words.refuse("", told)


def _refuse_contradictions(name: str, seen: _Seen, reading: Reading) -> None:
    """The same time said to be two things; the furthest reaching row before is compared."""
    unit = min(seen.units, default="")  # several are refused beside this
    _compare(name, [*seen.spans], reading, unit)
    _compare(name, [*seen.values], reading, unit)
    if seen.values:
        rows: list[_Row] = [(s, e, "unknown", line) for s, e, _, line in seen.spans]
        _compare(
            name,
            [*rows, *((s, e, Message("measured"), line) for s, e, _, line in seen.values)],
            reading,
            unit,
        )


def _compare(name: str, rows: Sequence[_Row], reading: Reading, unit: str) -> None:
    reached: dict[str | int, tuple[int, int]] = {}  # what -> (end, line)
    for start, end, what, line in sorted(rows, key=lambda row: (row[0], row[1], row[3])):
        reached = {key: ends for key, ends in reached.items() if ends[0] > start}
        for other, (until, other_line) in reached.items():
            if other != what:
                said, before = _say_state(what, unit), _say_state(other, unit)
                reading.problems.append(
                    Problem(
                        f"resources.{name}",
                        line,
                        Message(
                            "is %(said)s from %(start)s, but %(before)s until %(until)s by line "
                            "%(line)s: say which holds",
                            said=said,
                            start=reading.say(start),
                            before=before,
                            until=reading.say(until),
                            line=other_line,
                        ),
                    )
                )
        if end > reached.get(what, (0, 0))[0]:
            reached[what] = (end, line)


def _say_state(what: str | int, unit: str) -> str:
    if isinstance(what, str):
        return what
    return Message("measured as %(value)s", value=say_value(Decimal(what), unit))
