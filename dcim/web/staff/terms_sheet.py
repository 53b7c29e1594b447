"""Terms as a form on a page: the sheet's fields with their inputs, values and what is wrong."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from flask import request

from dcim.i18n import gettext as _
from dcim.i18n import say_message
from dcim.records.fields import mark
from dcim.sla.rules.drafting.beginnings import add_block, add_row, drop_block, drop_row
from dcim.sla.rules.drafting.controls import CURRENCY, Input
from dcim.sla.rules.drafting.fields import Field
from dcim.sla.rules.drafting.layout import HEAD, MONEY
from dcim.sla.rules.drafting.sheet import Outside, Sheet, Values, blocks_of, fields_of
from dcim.sla.rules.drafting.tables import Table, part_of, rows_of
from dcim.sla.rules.language.tree import Problem

PREFIX = "f."
# What the inputs suggest, by name of the list.
SUGGESTIONS = {
    "zones": ("Asia/Shanghai", "Asia/Hong_Kong", "Asia/Singapore", "UTC"),
    "item-kinds": ("cabinet", "rack", "space", "server", "bandwidth", "cross_connect"),
    "observed": ("power_feed", "port", "temperature", "humidity", "reachability"),
    "kinds": ("power", "network", "temperature", "humidity", "response"),
    "classes": ("maintenance", "force_majeure", "customer_caused"),
    "requests": ("fault", "remote_hands", "question"),
    "rights": (
        "downtime > 1 %",
        "downtime > 24 h",
        "events > 3",
        "one event > 72 h",
        "consecutive missed periods >= 3",
    ),
}
HEADS = {"metrics": mark("Promise"), "usage": mark("Usage")}


@dataclass(frozen=True, slots=True)
class ShownInput:
    name: str
    look: str
    label: str
    value: str
    suffix: str
    choices: tuple[tuple[str, str], ...]
    shapes: bool
    suggestions: str


@dataclass(frozen=True, slots=True)
class ShownField:
    """`rows` are those of a table, each its cells (label, inputs); `line` says where in the text it
    stands when the form can't show it."""

    place: str
    label: str
    head: str
    inputs: list[ShownInput]
    columns: list[str] = field(default_factory=list)  # a wide table's rows are drawn as cards
    rows: list[list[list[ShownInput]]] = field(default_factory=list)
    line: int = 0
    errors: list[str] = field(default_factory=list)

    @property
    def is_table(self) -> bool:
        return bool(self.columns)

    @property
    def is_wide(self) -> bool:
        return len(self.columns) > 4


@dataclass(frozen=True, slots=True)
class ShownBlock:
    """`more` are the fields that stand folded away; `hidden` are (name, value)."""

    name: str
    head: str
    title: Mapping[str, str]
    fields: list[ShownField]
    more: list[ShownField]
    hidden: list[tuple[str, str]]

    @property
    def more_is_open(self) -> bool:
        return any(one.errors for one in self.more)


def sent_values() -> Values:
    """The form's values as they were sent."""
    sent = [name for name in request.form if name.startswith(PREFIX)]
    return {name.removeprefix(PREFIX): request.form[name] for name in sent}


def act(values: Values, action: str, sheet: Sheet) -> Values:
    """After a button: a promise or usage more or less, a row more or less; else as they are."""
    verb, _colon, name = action.partition(":")
    if verb == "add":
        return add_block(values, name, [one.place for one in sheet.outside])
    if verb == "drop":
        return drop_block(values, name)
    if verb == "add-row":
        return add_row(values, name)
    if verb == "drop-row" and name.rpartition(".")[2].isdecimal():
        table, _dot, number = name.rpartition(".")
        return drop_row(values, table, int(number))
    return values


def show_sheet(
    values: Values, outside: Iterable[Outside], problems: Iterable[Problem]
) -> list[ShownBlock]:
    """What stands above all first, then each promise and usage."""
    lines = {one.place: one.line for one in outside}
    told = list(problems)
    top = fields_of("", values)
    head = [one for one in top if one in HEAD]
    money = [one for one in top if one in MONEY]
    blocks = [_show_block("", mark("The contract"), head, values, lines, told)]
    for name in blocks_of(values):
        below, kind = part_of(values, name), HEADS[name.partition(".")[0]]
        blocks.append(_show_block(name, kind, fields_of(name, values), below, lines, told))
    blocks.append(
        _show_block("", mark("Caps, settlement, termination"), money, values, lines, told)
    )
    return blocks


def _show_block(
    name: str,
    head: str,
    fields: list[Field],
    values: Values,
    lines: Mapping[str, int],
    problems: list[Problem],
) -> ShownBlock:
    prefix = f"{name}." if name else ""
    shown = [_show_field(prefix, one, values, lines, problems) for one in fields if not one.quiet]
    rare = {f"{prefix}{one.path}" for one in fields if _is_rare(one, values)}
    hidden = [
        (f"{PREFIX}{prefix}{one.path}", values.get(one.path, "")) for one in fields if one.quiet
    ]
    if name:
        hidden.append((f"{PREFIX}{prefix}in", values["in"]))
    return ShownBlock(
        name,
        head,
        {tongue: values.get(f"title.{tongue}", "") for tongue in ("zh", "en")},
        [one for one in shown if one.place not in rare],
        [one for one in shown if one.place in rare],
        hidden,
    )


def _is_rare(one: Field, values: Values) -> bool:
    said = one.control.write(part_of(values, one.path))
    return one.rare == "always" or (one.rare == "empty" and said is None)


def _show_field(
    prefix: str,
    one: Field,
    values: Values,
    lines: Mapping[str, int],
    problems: list[Problem],
) -> ShownField:
    place = f"{prefix}{one.path}"
    parts = part_of(values, one.path)
    errors = [
        say_message(problem.message) for problem in problems if _lies_in(problem.place, place)
    ]
    line = next((line for other, line in lines.items() if _lies_in(place, other)), 0)
    shown = ShownField(place, one.label, one.head, [], line=line, errors=errors)
    if shown.line:
        return shown
    inputs = [_show_input(place, each, parts) for each in one.control.inputs(parts)]
    if not isinstance(one.control, Table):
        return replace(shown, inputs=inputs)
    columns = one.control.columns_for(parts)
    rows = [
        [
            [
                _show_input(
                    f"{place}.{index}.{column.part}",
                    replace(each, label=each.label or column.label),
                    cell,
                )
                for each in column.control.inputs(cell)
            ]
            for column in columns
            for cell in (part_of(row, column.part),)
        ]
        for index, row in enumerate(rows_of(parts), 1)
    ]
    return replace(shown, inputs=inputs, columns=[each.label for each in columns], rows=rows)


def _lies_in(place: str, other: str) -> bool:
    return place == other or place.startswith((f"{other}.", f"{other}["))


def _show_input(place: str, one: Input, parts: Values) -> ShownInput:
    value = parts.get(one.part, "")
    choices = one.choices
    if choices and value not in [word for word, _ in choices] and (value or one.part != "u"):
        # What the browser would choose by itself is not what the terms say.
        choices = ((value, value or "—"), *choices)
    return ShownInput(
        f"{PREFIX}{place}.{one.part}".rstrip("."),
        one.look,
        one.label,
        value,
        one.suffix or "",
        choices,
        one.shapes,
        one.list,
    )


def say_word(word: str, currency: str) -> str:
    """A choice or a suffix in the reader's language."""
    return currency if word == CURRENCY else _(word) if word else ""
