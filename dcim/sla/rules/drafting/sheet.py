"""Terms as the values of a form, and the text of the values: each way, nothing is lost.

A sheet's values are texts by the name of their input: a block's name, the word's path, the part
("metrics.power.credit.tiers.2.low.n"). "metrics.power.in" says that the block is there, and which
of the layouts it has. What the form can't say entirely isn't among them; it is named, and stays in
the text as it is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dcim.sla.rules.drafting.controls import Parts
from dcim.sla.rules.drafting.editing import Comment, lost_comments, rewrite
from dcim.sla.rules.drafting.fields import Field, Get, shown
from dcim.sla.rules.drafting.layout import HEAD, LAYOUTS, MONEY
from dcim.sla.rules.drafting.tables import named, part_of
from dcim.sla.rules.language.tree import NAME, Node, parse_text

Values = dict[str, str]
TOP = (*HEAD, *MONEY)
GROUPS = ("metrics", "usage")


@dataclass(frozen=True, slots=True)
class Outside:
    """A word that the form doesn't show."""

    place: str
    line: int


@dataclass(frozen=True, slots=True)
class Sheet:
    values: Values
    outside: tuple[Outside, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """The text of a sheet, and the comments of the text before that it no longer has."""

    text: str
    lost: tuple[Comment, ...]


def read_sheet(text: str) -> Sheet:
    """Raises TermsRefusedError where the text isn't YAML of words at all."""
    root = parse_text(text) if text.strip() else Node(1, words={})
    if root.words is None:
        return Sheet({}, (Outside("", root.line),))
    values, outside = _read_block("", root, TOP, skip=GROUPS)
    for group in GROUPS:
        below = root.words.get(group)
        if below is None:
            continue
        if below.words is None:
            outside.append(Outside(group, below.line))
            continue
        for name, node in below.words.items():
            block = f"{group}.{name}"
            kind = _kind(group, node)
            if not NAME.fullmatch(name) or node.words is None or f"{group}.{kind}" not in LAYOUTS:
                outside.append(Outside(block, node.line))
                continue
            found, more = _read_block(block, node, LAYOUTS[f"{group}.{kind}"])
            values |= {f"{block}.in": kind, **found}
            outside += more
    return Sheet(values, tuple(sorted(outside, key=lambda one: one.line)))


def write_sheet(text: str, values: Mapping[str, str]) -> Written:
    """The text with what the values change in it. Raises TermsRefusedError as `read_sheet`."""
    before = read_sheet(text)
    data: Any = parse_text(text).as_data() if text.strip() else {}
    if not isinstance(data, dict):
        return Written(text, ())
    _write_block(data, TOP, before.values, values)
    for block in blocks_of(before.values):
        if f"{block}.in" not in values:
            group, _, name = block.partition(".")
            del data[group][name]
            if not data[group]:
                del data[group]
    for block in blocks_of(values):
        group, _, name = block.partition(".")
        there, wanted = part_of(before.values, block), part_of(values, block)
        layout = LAYOUTS.get(f"{group}.{wanted['in']}")
        known = data.setdefault(group, {}) if layout else None
        if layout and isinstance(known, dict) and isinstance(known.setdefault(name, {}), dict):
            _write_block(known[name], layout, there, wanted)
    made = rewrite(text, data)
    return Written(made, lost_comments(text, made))


def blocks_of(values: Mapping[str, str]) -> list[str]:
    """Names of the promises and usages that are there, in their order."""
    found = [name.removesuffix(".in") for name in values if name.endswith(".in")]
    kept = [block for block in found if _is_block(block)]
    return [block for group in GROUPS for block in kept if block.startswith(f"{group}.")]


def fields_of(block: str, values: Mapping[str, str]) -> list[Field]:
    """What the form shows of a block ("" is what stands above all), by its values."""
    if not block:
        return shown(TOP, _getter(values))
    below = part_of(values, block)
    layout = LAYOUTS.get(f"{block.partition('.')[0]}.{below.get('in', '')}", ())
    return shown(layout, _getter(below))


def _is_block(name: str) -> bool:
    group, _, rest = name.partition(".")
    return group in GROUPS and bool(NAME.fullmatch(rest))


def _getter(values: Mapping[str, str]) -> Get:
    return lambda path: values.get(path, "")


def _kind(group: str, node: Node) -> str:
    """Of a promise or usage, by its words: with its group the name of a layout."""
    words = node.words or {}
    if group == "metrics":
        return "answers" if "answers" in words else "outages"
    return (words["method"].text or "") if "method" in words else ""


def _read_block(
    block: str, node: Node, layout: tuple[Field, ...], skip: tuple[str, ...] = ()
) -> tuple[Values, list[Outside]]:
    data = node.as_data()
    prefix = f"{block}." if block else ""
    values: Values = {}
    readable: dict[str, Parts] = {}
    for field in layout:
        word = _find(data, field.path)
        found = None if word is None else field.control.read(word)
        if found is not None and field.when(_getter(values)):
            readable[field.path] = found
            values |= named(field.path, found)
    outside = [
        Outside(f"{prefix}{path}", line)
        for path, line in _words_beside(node, "", readable, layout)
        if path not in skip
    ]
    return {f"{prefix}{name}": value for name, value in values.items()}, outside


def _words_beside(
    node: Node, place: str, readable: Mapping[str, Parts], layout: tuple[Field, ...]
) -> Iterator[tuple[str, int]]:
    """Paths and lines of the words that no field has read."""
    for word, below in (node.words or {}).items():
        path = f"{place}{word}"
        if path in readable:
            continue
        inside = any(field.path.startswith(f"{path}.") for field in layout)
        if inside and below.words:
            yield from _words_beside(below, f"{path}.", readable, layout)
        else:
            yield path, below.line


def _write_block(
    words: dict[str, Any],
    layout: tuple[Field, ...],
    before: Mapping[str, str],
    values: Mapping[str, str],
) -> None:
    """Changes the words of one block where a field says something else than before."""
    was = {
        field.path: field.control.write(part_of(before, field.path))
        for field in shown(layout, _getter(before))
        if part_of(before, field.path)
    }
    now = {field.path: field for field in shown(layout, _getter(values))}
    for path in was:
        if path not in now:
            _put(words, path, None, layout)
    for path, field in now.items():
        said = field.control.write(part_of(values, path))
        if said == was.get(path):
            continue
        if path not in was and _find(words, path) is not None:
            continue  # the form doesn't show it: it stays as it is
        _put(words, path, said, layout)


def _find(data: Any, path: str) -> Any:
    """None where it isn't there."""
    for word in path.split("."):
        data = data.get(word) if isinstance(data, dict) else None
    return data


def _put(words: dict[str, Any], path: str, value: Any, layout: tuple[Field, ...]) -> None:
    """Sets or takes away a word; a group left empty goes, a new word stands where the form has
    it."""
    first, _, rest = path.partition(".")
    if rest:
        below = words.get(first)
        if not isinstance(below, dict):
            if value is None or below is not None:
                return
            below = {}
        inner = tuple(
            _below(field, first) for field in layout if field.path.startswith(f"{first}.")
        )
        _put(below, rest, value, inner)
        value = below or None
    if value is None:
        words.pop(first, None)
    elif first in words:
        words[first] = value
    else:
        _insert(words, first, value, layout)


def _below(field: Field, first: str) -> Field:
    return Field(field.path.removeprefix(f"{first}."), field.label, field.control)


def _insert(words: dict[str, Any], name: str, value: Any, layout: tuple[Field, ...]) -> None:
    order = list(dict.fromkeys(field.path.partition(".")[0] for field in layout))
    ahead = set(order[: order.index(name)])
    items = list(words.items())
    at = max((index + 1 for index, (key, _) in enumerate(items) if key in ahead), default=0)
    words.clear()
    words.update([*items[:at], (name, value), *items[at:]])
