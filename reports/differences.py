"""Where two JSON documents differ: one line per value, named by its path."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ABSENT = "—"
SHOWN = 80


@dataclass(frozen=True)
class Difference:
    """path: metrics[power.A05].credit.amount; stated stands in the file, computed follows."""

    path: str
    stated: str
    computed: str


def find_differences(stated: Any, computed: Any, path: str = "") -> Iterator[Difference]:
    """Every value that differs. Types count: "1.0" and 1.0, True and 1 are different values."""
    if isinstance(stated, Mapping) and isinstance(computed, Mapping):
        for key in sorted({*stated, *computed}):
            below = f"{path}.{key}" if path else str(key)
            if key not in computed:
                yield Difference(below, shown(stated[key]), ABSENT)
            elif key not in stated:
                yield Difference(below, ABSENT, shown(computed[key]))
            else:
                yield from find_differences(stated[key], computed[key], below)
    elif is_list(stated) and is_list(computed):
        yield from find_in_lists(stated, computed, path)
    elif (
        type(stated) is not type(computed) and not both_numbers(stated, computed)
    ) or stated != computed:
        yield Difference(path, shown(stated), shown(computed))


def find_in_lists(
    stated: Sequence[Any], computed: Sequence[Any], path: str
) -> Iterator[Difference]:
    """Entries with an id are matched by it; the order counts only where there is none."""
    left, right = by_identity(stated), by_identity(computed)
    if left is not None and right is not None:
        for key in [*left, *(key for key in right if key not in left)]:
            below = f"{path}[{key}]"
            if key not in right:
                yield Difference(below, shown(left[key]), ABSENT)
            elif key not in left:
                yield Difference(below, ABSENT, shown(right[key]))
            else:
                yield from find_differences(left[key], right[key], below)
        common = [key for key in left if key in right]
        if common != [key for key in right if key in left]:
            yield Difference(f"{path}[]", ", ".join(left)[:SHOWN], ", ".join(right)[:SHOWN])
        return
    for index in range(max(len(stated), len(computed))):
        below = f"{path}[{index}]"
        if index >= len(computed):
            yield Difference(below, shown(stated[index]), ABSENT)
        elif index >= len(stated):
            yield Difference(below, ABSENT, shown(computed[index]))
        else:
            yield from find_differences(stated[index], computed[index], below)


def by_identity(entries: Sequence[Any]) -> dict[str, Any] | None:
    """Entries by the first of id, key, name, series, metric that all have, if it is unique."""
    for field in ("id", "key", "name", "series", "metric"):
        names = [entry.get(field) if isinstance(entry, Mapping) else None for entry in entries]
        if names and all(isinstance(name, str) for name in names) and len(set(names)) == len(names):
            return {str(name): entry for name, entry in zip(names, entries, strict=True)}
    return None


def is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def both_numbers(left: Any, right: Any) -> bool:
    """JSON knows one kind of number: 300 and 300.0 are the same value."""
    return all(isinstance(v, int | float) and not isinstance(v, bool) for v in (left, right))


def shown(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
