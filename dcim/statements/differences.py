"""What a revision changes of the statement that it replaces: results, lines, sums; pure.

`inputs["previous"]` is what is compared of the replaced statement (`describe_previous`), so that
whoever holds the revision alone computes the table again.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from dcim.statements.inputs import InputsRefusedError
from dcim.statements.performance import seconds

Json = Mapping[str, Any]

# The parts of a statement as a reader knows them, by the keys of the document that they are made
# of. Whatever differs shows in one of them.
PARTS: dict[str, tuple[str, ...]] = {
    "levels": ("verdict", "metrics"),
    "items": ("items",),
    "incidents": ("incidents",),
    "maintenance": ("maintenance",),
    "decisions": ("decisions",),
    "usage": ("usage",),
    "power": ("power",),
    "environment": ("environment",),
    "charges": ("ledger", "totals", "tax"),
    "settlement": ("settlement",),
    "termination": ("termination",),
    "terms": ("rules_version", "contract", "period", "method", "warnings"),
    "measured": ("coverage", "days", "charts"),
}
# What every statement says of itself and of the parties: no reason to replace one. The manifest
# follows from the inputs, which hold the previous statement too; the trend repeats what this and
# earlier statements say.
IDENTITY = frozenset(
    {
        "schema", "number", "revision", "reason", "supersedes", "replaces", "language", "operator",
        "customer", "frozen_at", "manifest", "dispute", "verify_url", "approval", "trend",
    }
)  # fmt: skip


def hash_json(value: object) -> str:
    """SHA-256 of the canonical JSON: sorted keys, no spaces, UTF-8."""
    text = json.dumps(
        value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    )
    return hashlib.sha256(text.encode()).hexdigest()


def describe_previous(document: Json, sha256: str, file_sha256: str) -> dict[str, Any]:
    """Of an issued statement what its next revision is compared with; hashes of its canonical JSON
    and of its PDF."""
    return {
        "number": document["number"],
        "revision": document["revision"],
        "frozen_at": document["frozen_at"],
        "sha256": sha256,
        "file_sha256": file_sha256,
        "results": [_result(metric) for metric in document["metrics"]],
        "ledger": [
            {key: line[key] for key in ("key", "kind", "item", "text", "amount")}
            for line in document["ledger"]
        ],
        "totals": _sums(document),
        "parts": hash_parts(document),
    }


def hash_parts(document: Json) -> dict[str, str]:
    return {
        part: hash_json({key: document[key] for key in keys if key in document})
        for part, keys in PARTS.items()
    }


def hash_content(document: Json) -> str:
    """SHA-256 of all parts: what people look at before a month is issued, and approve. Not of when
    it was frozen nor of what a statement says of itself."""
    return hash_json(hash_parts(document))


def tell_approval(inputs: Json) -> dict[str, Any]:
    """The section `approval` of a first statement that took two people; of a revision they stand
    in `replaces`. Raises InputsRefusedError where they are one."""
    approval = inputs["document"].get("approval")
    if approval is None or "previous" in inputs:
        return {}
    if approval["proposed_by"] == approval["approved_by"]:
        raise InputsRefusedError(
            f"the statement was proposed and approved by {approval['approved_by']} alone; it takes "
            "two"
        )
    return {"approval": approval}


def _result(metric: Json) -> dict[str, Any]:
    # Milliseconds: inputs hold no fractions.
    found = {key: metric[key] for key in ("id", "label", "subject", "result", "result_text")}
    found |= {
        "credit": metric["credit"]["amount"],
        "downtime_ms": round(metric["downtime_s"] * 1000),
        "availability_pct": metric["availability_pct"],
    }
    return found | ({"figure": metric["figure"]} if "figure" in metric else {})


def _sums(document: Json) -> dict[str, str]:
    return {key: value for key, value in document["totals"].items() if isinstance(value, str)}


def tell_replaced(inputs: Json, document: Json) -> dict[str, Any]:
    """The section `replaces` of a revision; nothing where the inputs know no previous statement.

    Raises InputsRefusedError where the previous one isn't the one that this replaces, and where
    the same person proposed and approved it.
    """
    if "previous" not in inputs:
        return {}
    previous, said = inputs["previous"], inputs["document"]
    if said["supersedes"] != previous["number"] or said["revision"] != previous["revision"] + 1:
        raise InputsRefusedError(
            f"previous: revision {said['revision']}, which replaces {said['supersedes']}, doesn't "
            f"follow {previous['number']}, revision {previous['revision']}"
        )
    approval = said.get("approval")
    if approval is not None and approval["proposed_by"] == approval["approved_by"]:
        raise InputsRefusedError(
            f"the revision was proposed and approved by {approval['approved_by']} alone; it takes "
            "two"
        )
    names = ("number", "revision", "frozen_at", "sha256", "file_sha256")
    return {
        "replaces": {
            **{name: previous[name] for name in names},
            **({} if approval is None else {"approval": approval}),
            "differences": find_differences(previous, document),
        }
    }


def find_differences(previous: Json, document: Json) -> dict[str, Any]:
    """`results`, ledger `lines` and `totals` that differ, before and after, in the order of the
    newer statement and what it has no more at the end; `parts` names all parts that differ.

    The differences of the lines add up to that of the total.
    """
    return {
        "results": _compare_results(previous["results"], map(_result, document["metrics"])),
        "lines": _compare_lines(previous["ledger"], document["ledger"]),
        "totals": _compare_totals(previous["totals"], _sums(document)),
        "parts": [
            part
            for part, sha256 in hash_parts(document).items()
            if previous["parts"].get(part) != sha256
        ],
    }


def is_same(differences: Json) -> bool:
    """Whether the newer statement would say nothing else."""
    return not (differences["results"] or differences["lines"] or differences["parts"])


def _pairs(
    before: Iterable[Json], after: Iterable[Json], key: str
) -> list[tuple[Json | None, Json | None]]:
    left = {entry[key]: entry for entry in before}
    pairs: list[tuple[Json | None, Json | None]] = [
        (left.pop(entry[key], None), entry) for entry in after
    ]
    return [*pairs, *((entry, None) for entry in left.values())]


def _compare_results(before: Iterable[Json], after: Iterable[Json]) -> list[dict[str, Any]]:
    found = []
    for old, new in _pairs(before, after, "id"):
        if _values(old) == _values(new):
            continue
        said = new or old or {}
        found.append(
            {key: said[key] for key in ("id", "label", "subject")}
            | {"change": _change(old, new), "before": _values(old), "after": _values(new)}
        )
    return found


def _values(result: Json | None) -> dict[str, Any] | None:
    if result is None:
        return None
    names = ("result", "result_text", "credit", "availability_pct", "figure")
    return {name: result[name] for name in names if name in result} | {
        "downtime_s": seconds(result["downtime_ms"])
    }


def _compare_lines(before: Iterable[Json], after: Iterable[Json]) -> list[dict[str, Any]]:
    found = []
    for old, new in _pairs(before, after, "key"):
        amounts = [None if line is None else line["amount"] for line in (old, new)]
        if amounts[0] == amounts[1]:
            continue
        said = new or old or {}
        found.append(
            {key: said[key] for key in ("key", "kind", "item", "text")}
            | {"change": _change(old, new)}
            | _step(*amounts)
        )
    return found


def _compare_totals(before: Json, after: Json) -> list[dict[str, Any]]:
    """Those that differ, and the total in any case."""
    nothing = str(Decimal(after["total"]) * 0)
    found = []
    for key in (*(key for key in before if key not in after), *after):
        old, new = before.get(key, nothing), after.get(key, nothing)
        if old != new or key == "total":
            found.append({"key": key, **_step(old, new)})
    return found


def _change(old: object, new: object) -> str:
    if old is None:
        return "added"
    return "removed" if new is None else "changed"


def _step(before: str | None, after: str | None) -> dict[str, str | None]:
    difference = Decimal(after or 0) - Decimal(before or 0)
    return {"before": before, "after": after, "difference": str(difference)}
