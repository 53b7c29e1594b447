"""Controls of lists: rows of a credit, of what is left out; each word of a row is a column."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dcim.records.fields import mark
from dcim.sla.rules.drafting.controls import PERCENT, Amount, Choices, Control, Input, Parts

# Longer lists are written as text.
MOST_ROWS = 99


@dataclass(frozen=True)
class Column:
    """A column of a table: the row's word it is, its control, and its name among the parts."""

    part: str
    word: str
    label: str
    control: Control


def rows_of(parts: Mapping[str, str]) -> list[Parts]:
    """Parts named '2.credit.n' by row, in the order of their numbers."""
    rows: dict[int, Parts] = {}
    for name, value in parts.items():
        index, _, rest = name.partition(".")
        if rest and re.fullmatch(r"[1-9][0-9]{0,2}", index):
            rows.setdefault(int(index), {})[rest] = value
    return [rows[index] for index in sorted(rows)]


def part_of(parts: Mapping[str, str], name: str) -> Parts:
    """What stands below a name: 'credit.n' as 'n', 'credit' itself as ''."""
    below = {
        key[len(name) + 1 :]: value for key, value in parts.items() if key.startswith(f"{name}.")
    }
    return below | ({"": parts[name]} if name in parts else {})


def named(name: str, parts: Mapping[str, str]) -> Parts:
    """The other way round."""
    return {f"{name}.{part}".rstrip("."): value for part, value in parts.items()}


@dataclass(frozen=True)
class Table(Control):
    """A list of groups, each word a column; rows of other words can't be shown."""

    columns: tuple[Column, ...] = ()

    def columns_for(self, parts: Mapping[str, str]) -> tuple[Column, ...]:
        del parts
        return self.columns

    def read(self, data: Any) -> Parts | None:
        if not isinstance(data, list) or len(data) > MOST_ROWS:
            return None
        return self._read_rows(data, self.columns)

    def write(self, parts: Mapping[str, str]) -> Any:
        rows = []
        for row in rows_of(parts):
            words = {
                column.word: column.control.write(part_of(row, column.part))
                for column in self.columns_for(parts)
            }
            rows.append({word: value for word, value in words.items() if value is not None})
        return [row for row in rows if row] or None

    def inputs(self, parts: Mapping[str, str]) -> tuple[Input, ...]:
        del parts
        return ()

    @staticmethod
    def _read_rows(data: list[Any], columns: tuple[Column, ...]) -> Parts | None:
        known = {column.word: column for column in columns}
        parts: Parts = {}
        for index, row in enumerate(data, 1):
            if not isinstance(row, dict) or not row or set(row) - set(known):
                return None
            for word, value in row.items():
                found = known[word].control.read(value)
                if found is None:
                    return None
                parts |= named(f"{index}.{known[word].part}", found)
        return parts


ENDS: Choices = (
    ("from_below", mark("from … to below …")),
    ("above_up_to", mark("above … up to …")),
    ("from_up_to", mark("from … up to …, both included")),
)
_BOUNDS = {
    "from_below": ("from", "below"),
    "above_up_to": ("above", "up_to"),
    "from_up_to": ("from", "up_to"),
}
GIVES = Column("credit", "credit", mark("Gives"), Amount())


@dataclass(frozen=True)
class Tiers(Table):
    """Rows of a credit, all with the same kind of bounds: `ends` says which."""

    bound: Control = PERCENT

    def columns_for(self, parts: Mapping[str, str]) -> tuple[Column, ...]:
        low, high = _BOUNDS.get(parts.get("ends", ""), _BOUNDS["from_below"])
        return (
            Column("low", low, mark("Lower bound"), self.bound),
            Column("high", high, mark("Upper bound"), self.bound),
            GIVES,
        )

    def read(self, data: Any) -> Parts | None:
        if not isinstance(data, list) or not data or len(data) > MOST_ROWS:
            return None
        for ends in _BOUNDS:
            found = self._read_rows(data, self.columns_for({"ends": ends}))
            if found is not None:
                return {"ends": ends, **found}
        return None

    def inputs(self, parts: Mapping[str, str]) -> tuple[Input, ...]:
        del parts
        return (Input("ends", "select", label=mark("Bounds of a row"), choices=ENDS, shapes=True),)
