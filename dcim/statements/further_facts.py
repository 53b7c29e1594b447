"""Facts that only some clauses need, as the inputs of a statement carry them: all optional."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any, cast

from dcim.sla.rules.facts import Calendar, Claim, Past, PastResult, Request

KEYS = {
    "requests",
    "request_kinds",
    "claims",
    "past",
    "calendar",
    "standing",
    "site_areas",
    "meters",
    "earlier",
    "later_terms",
    "evidence",
    "previous",
    "months",
}
ITEM_KEYS = ("site", "units", "area", "usage", "paid")
Read = Callable[[str, str], int]  # an instant and the place that names it in a refusal
Number = Callable[[str, str], Decimal]


def read_further(inputs: dict[str, Any], instant: Read, money: Number) -> dict[str, Any]:
    """Keyword arguments of `Facts`; what isn't given keeps the default, which is "not known"."""
    standing = inputs.get("standing", {})
    known: dict[str, Any] = {
        "requests": tuple(_request(entry, instant) for entry in inputs.get("requests", [])),
        "claims": tuple(_claim(entry, instant) for entry in inputs.get("claims", [])),
        "past": tuple(_past(entry, instant, money) for entry in inputs.get("past", [])),
        "good_standing": standing.get("good_standing"),
        "site_areas": {
            site: money(area, f"area of {site}")
            for site, area in inputs.get("site_areas", {}).items()
        },
    }
    if "request_kinds" in inputs:
        known["request_kinds"] = frozenset(inputs["request_kinds"])
    for key in ("invoice", "next_invoice"):
        if standing.get(key) is not None:
            known[key] = money(standing[key], f"standing.{key}")
    if "calendar" in inputs:
        known["calendar"] = Calendar(
            *(
                frozenset(date.fromisoformat(day) for day in inputs["calendar"].get(key, []))
                for key in ("holidays", "worked")
            )
        )
    return known


def read_item_facts(entry: dict[str, Any], money: Number) -> dict[str, Any]:
    """Keyword arguments of `Item`."""
    place = f"item {entry['id']}"
    found: dict[str, Any] = {
        "figures": {
            name: money(value, f"{place}, {name}")
            for name, value in entry.get("figures", {}).items()
        }
    }
    for key in ITEM_KEYS:
        if entry.get(key) is not None:
            found[key] = entry[key] if key == "site" else money(entry[key], f"{place}, {key}")
    return found


def _request(entry: dict[str, Any], instant: Read) -> Request:
    place = f"request {entry['id']}"
    answered = entry["answered_at"]
    return Request(
        entry["id"],
        entry["kind"],
        instant(entry["opened_at"], place),
        None if answered is None else instant(answered, place),
        tuple(entry.get("items", [])),
    )


def _claim(entry: dict[str, Any], instant: Read) -> Claim:
    made = instant(entry["made_at"], f"claim {entry['id']}")
    return Claim(entry["id"], made, tuple(entry.get("results", [])), entry.get("refused"))


def _past(entry: dict[str, Any], instant: Read, money: Number) -> Past:
    place = f"past period {entry['start']}"
    return Past(
        start=instant(entry["start"], place),
        end=instant(entry["end"], place),
        results={
            name: PastResult(
                cast(bool, result["missed"]),
                money(result["credited"], place),
                tuple(
                    (instant(start, place), instant(end, place))
                    for start, end in result.get("events", [])
                ),
            )
            for name, result in entry.get("results", {}).items()
        },
        credited=money(entry.get("credited", "0"), place),
        capped=bool(entry.get("capped", False)),
    )
