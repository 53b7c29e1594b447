"""A board's rows as CSV: the columns are the rows' own fields, as the API names them."""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from types import NoneType
from typing import Any, get_args, get_type_hints

from flask import Response

from dcim.i18n import format_local
from dcim.records.sheets import Cell, write_csv


def answer_rows(row_type: type[Any], rows: Iterable[Any], name: str, now: dt.datetime) -> Response:
    """One line a row; what isn't known is empty. Text that begins like a formula is defused."""
    with write_csv(_lines(row_type, rows)) as file:
        stamp = format_local(now, "yyyyMMdd-HHmm")
        return Response(
            file.read(),
            mimetype="text/csv",
            headers={"Content-Disposition": f'attachment; filename="{name}-{stamp}.csv"'},
        )


def _lines(row_type: type[Any], rows: Iterable[Any]) -> Iterator[list[Cell]]:
    yield list(_heads(row_type))
    for row in rows:
        yield list(_cells(row_type, row))


def _heads(row_type: type[Any], before: str = "") -> Iterator[str]:
    for name, part in _parts(row_type):
        if part is None:
            yield f"{before}{name}"
        else:
            yield from _heads(part, f"{before}{name}_")


def _cells(row_type: type[Any], row: Any) -> Iterator[Cell]:
    """Of a part that is none, as many empty cells as it has columns."""
    for name, part in _parts(row_type):
        value = None if row is None else getattr(row, name)
        if part is None:
            yield _write(value)
        else:
            yield from _cells(part, value)


def _parts(row_type: type[Any]) -> Iterator[tuple[str, type[Any] | None]]:
    """Each field, with the dataclass that it holds or may hold."""
    hints = get_type_hints(row_type)
    for one in fields(row_type):
        hint = hints[one.name]
        parts: list[type[Any]] = [each for each in get_args(hint) if each is not NoneType]
        held = parts[0] if parts else hint
        yield one.name, held if is_dataclass(held) else None


def _write(value: Any) -> Cell:
    """Instants in UTC with `Z`, several words with a semicolon between them."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    if isinstance(value, list):
        return "; ".join(value)
    return value if isinstance(value, int) else str(value)
