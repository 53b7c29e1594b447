"""The lines of an issued statement as an accounting system takes them over: pure."""

from typing import Any

COLUMNS = (
    "contract", "item", "period", "revision", "line", "quantity", "unit", "unit_price", "factor",
    "currency", "amount", "clause", "note",
)  # fmt: skip
# Lines that belong to no item: the note names the statement they come from, or the rate.
SAID = ("carried", "tax")


def list_lines(document: dict[str, Any]) -> list[dict[str, str]]:
    """One row a ledger line, all text, with the columns of `COLUMNS`.

    `line` is the ledger's key, unique within contract, period and revision. The amounts add up
    to the statement's total: nothing is rounded again. Usage in priced lines has quantity and
    price; where a fact is missing the amount is empty and `note` names it.
    """
    priced = {
        f"usage:{usage['id']}:{line['key']}": (usage, line)
        for usage in document["usage"]
        for line in usage.get("lines", [])
    }
    rows = [
        _row(document, entry["key"], entry["item"], entry["amount"], entry["clause"])
        | _priced(priced[entry["key"]][1] if entry["key"] in priced else None)
        | ({"note": entry["text"]["en"]} if entry["kind"] in SAID else {})
        for entry in document["ledger"]
    ]
    rows += [
        _row(document, key, line["item"] or usage["item"], "", line["clause"]) | _priced(line)
        for key, (usage, line) in priced.items()
        if line["amount"] is None
    ]
    return rows


def _row(
    document: dict[str, Any], key: str, item: str | None, amount: str, clause: str
) -> dict[str, str]:
    return dict.fromkeys(COLUMNS, "") | {
        "contract": document["contract"]["number"],
        "item": item or "",
        "period": document["period"]["label"],
        "revision": str(document["revision"]),
        "line": key,
        "factor": "1",
        "currency": document["contract"]["currency"],
        "amount": amount,
        "clause": clause,
    }


def _priced(line: dict[str, Any] | None) -> dict[str, str]:
    if line is None:
        return {}
    return {
        "quantity": line["quantity"] or "",
        "unit": line["unit"],
        "unit_price": line["unit_price"] or "",
        "factor": line["factor"],
        "note": "" if line["note"] is None else line["note"]["en"],
    }
