"""What a large customer's statement prints of its long lists: as many rows as can be read, and the
others as one sum. All rows are in statement.json, which travels in the PDF."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

ROWS_IN_BODY = 40
GRID_ROWS = 30
GRID_ROWS_IN_BODY = 60
LANES = 26
LANES_IN_BODY = 52
# Kinds of which a contract has a line for every service; the others are told whole.
MANY = ("rent", "usage")
FOLDERS = ("bins", "intervals", "power")
Json = Mapping[str, Any]


def in_pieces(rows: Sequence[str], size: int) -> list[Sequence[str]]:
    """Names in runs of at most `size`: a drawing can't go on on the next page."""
    return [rows[first : first + size] for first in range(0, len(rows), size)]


def ledger_rows(ledger: Sequence[Json]) -> list[dict[str, Any]]:
    """The lines as they are to be printed: of rent and usage of very many services the first ones,
    then what the others come to (`count` of them). All amounts add up to the same total."""
    left: dict[str, list[Json]] = {}
    rows: list[dict[str, Any]] = []
    counts = {kind: sum(line["kind"] == kind for line in ledger) for kind in MANY}
    seen = dict.fromkeys(MANY, 0)
    for line in ledger:
        kind = line["kind"]
        if kind in MANY and counts[kind] > ROWS_IN_BODY:
            seen[kind] += 1
            if seen[kind] > ROWS_IN_BODY:
                left.setdefault(kind, []).append(line)
                if seen[kind] == counts[kind]:
                    rows.append(_rest(kind, left[kind]))
                continue
        rows.append({**line, "count": 0})
    return rows


def _rest(kind: str, lines: Sequence[Json]) -> dict[str, Any]:
    total = sum((Decimal(line["amount"]) for line in lines), Decimal(0))
    return {"kind": kind, "amount": str(total), "count": len(lines), "clause": "", "text": {}}


def item_rows(items: Sequence[Json]) -> tuple[Sequence[Json], dict[str, Any] | None]:
    """The items to print, and the others' number, monthly fees and rent together."""
    rest = items[ROWS_IN_BODY:]
    if not rest:
        return items, None
    sums = {key: str(sum(Decimal(item[key]) for item in rest)) for key in ("mrc", "rent")}
    return items[:ROWS_IN_BODY], {"count": len(rest), **sums}


def coverage_rows(series: Sequence[Json]) -> tuple[Sequence[Json], int]:
    """The series to print, of very many those that lack most; and how many are left out."""
    if len(series) <= ROWS_IN_BODY:
        return series, 0
    worst = sorted(series, key=lambda one: -one["missing"])[:ROWS_IN_BODY]
    return worst, len(series) - len(worst)


def manifest_rows(manifest: Sequence[Json]) -> tuple[Sequence[Json], list[dict[str, Any]]]:
    """The files to print by name and hash; of very many those of measurements by folder."""
    if len(manifest) <= ROWS_IN_BODY:
        return manifest, []
    folders = []
    for folder in FOLDERS:
        files = [part for part in manifest if part["name"].startswith(f"{folder}/")]
        if files:
            size = sum(part["bytes"] for part in files)
            folders.append({"name": folder, "count": len(files), "bytes": size})
    named = [part for part in manifest if part["name"].partition("/")[0] not in FOLDERS]
    return named, folders
