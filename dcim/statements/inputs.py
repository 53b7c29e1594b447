"""The inputs of a statement, checked and turned into what the pure rules take."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, cast

from dcim.sla.rules.facts import Facts, Item, Notice, Period, Resource, State, Ticket, Window
from dcim.sla.rules.intervals import Intervals, union
from dcim.sla.rules.language.versions import begins_within, load_versions
from dcim.sla.rules.outcomes import Treatment
from dcim.sla.rules.periods import day_start, month_days, month_period, parse_instant
from dcim.sla.rules.quantities import money
from dcim.sla.rules.terms import Terms
from dcim.statements import further_facts
from dcim.statements.rulings import KEYS as RULING_KEYS
from dcim.statements.rulings import RulingRefusedError, lay_over

SCHEMA = "jifang.inputs/1"
OPEN_END = 253_402_300_800_000  # year 10000: a contract or item without an end
_MONEY = re.compile(r"[0-9]{1,15}(\.[0-9]{1,6})?")  # no exponent: 1e999999 would never end
KEYS = {
    "schema", "rules_version", "document", "operator", "customer", "contract", "terms", "period",
    "items", "resources", "incidents", "maintenance", "tickets", "decisions", "bandwidth", "power",
    "series",
}  # fmt: skip


class InputsRefusedError(ValueError):
    """The inputs cannot make a statement; the message names the place."""


@dataclass(frozen=True)
class Case:
    """Everything the sections of a statement are computed from."""

    inputs: dict[str, Any]
    terms: Terms
    period: Period
    days: tuple[date, ...]
    facts: Facts

    @property
    def zone(self) -> str:
        return self.terms.timezone


def read_case(inputs: dict[str, Any]) -> Case:
    """Checked inputs; InputsRefusedError or TermsRefusedError name what is wrong."""
    given = set(inputs) - further_facts.KEYS - RULING_KEYS
    if given != KEYS or inputs["schema"] != SCHEMA:
        odd = sorted(given ^ KEYS)
        raise InputsRefusedError(f"not {SCHEMA}: {', '.join(odd) or inputs.get('schema')}")
    _refuse_floats(inputs, "inputs")
    terms = load_agreed(inputs)
    if terms.settle is not None and terms.settle.on_claim and "claims" not in inputs:
        raise InputsRefusedError(
            "the terms settle on claim, but claims are not given; without any, give an empty list"
        )
    try:
        period = month_period(inputs["period"], terms.timezone)
    except ValueError as error:
        raise InputsRefusedError(f"period: {error}") from error
    frozen = _instant(inputs["document"]["frozen_at"], "document.frozen_at")
    if frozen < period.end:
        raise InputsRefusedError(
            f"period {inputs['period']} is still open at {inputs['document']['frozen_at']}"
        )
    _check_evidence(inputs)
    items = _read_items(inputs, terms, period)
    inputs = {**inputs, "resources": [_clip(r, items) for r in inputs["resources"]]}
    for entry in inputs["incidents"]:
        if entry["end"] is None:
            raise InputsRefusedError(f"incident {entry['id']} has no end")
        _span(entry, f"incident {entry['id']}")
    try:
        ruled = lay_over(inputs, _instant)
    except RulingRefusedError as error:
        raise InputsRefusedError(str(error)) from error
    facts = Facts(
        items=tuple(items.values()),
        resources=tuple(_read_resource(_clip(entry, items), items) for entry in ruled.resources),
        windows=(
            *(_read_window(entry) for entry in inputs["maintenance"]),
            *ruled.windows,
        ),
        tickets=tuple(_read_ticket(entry) for entry in inputs["tickets"]),
        decisions=_read_decisions(inputs["decisions"]),
        days_in_period=len(month_days(inputs["period"])),
        as_of=frozen,
        merged=ruled.merged,
        cuts=ruled.cuts,
        **further_facts.read_further(inputs, _instant, read_money),
    )
    return Case(inputs, terms, period, tuple(month_days(inputs["period"])), facts)


def load_agreed(inputs: Mapping[str, Any]) -> Terms:
    """The terms of the month, of all versions that hold in it. Raises TermsRefusedError, and
    InputsRefusedError for a version that begins outside of it."""
    later = []
    for entry in inputs.get("later_terms", []):
        try:
            day = date.fromisoformat(entry["from"])
        except (ValueError, TypeError, KeyError) as error:
            raise InputsRefusedError("later_terms: each needs `from`, a day") from error
        if not begins_within(day, inputs["period"]):
            raise InputsRefusedError(f"later_terms: {day} is not within {inputs['period']}")
        later.append((day, entry["terms"]))
    return load_versions(inputs["terms"], later)


def _check_evidence(inputs: dict[str, Any]) -> None:
    """What is said of the raw samples goes into the manifest as it is."""
    said = inputs.get("evidence", {"name": "", "bytes": 0, "sha256": "0" * 64})
    if (
        not isinstance(said, dict)
        or set(said) != {"name", "bytes", "sha256"}
        or not isinstance(said["name"], str)
        or type(said["bytes"]) is not int
        or not re.fullmatch(r"[0-9a-f]{64}", str(said["sha256"]))
    ):
        raise InputsRefusedError("evidence: a name, bytes and a SHA-256 are wanted")


def _refuse_floats(value: object, place: str) -> None:
    if isinstance(value, float):
        raise InputsRefusedError(
            f"{place}: {value!r} is a float; write integers or decimal strings"
        )
    if isinstance(value, dict):
        for key, below in value.items():
            _refuse_floats(below, f"{place}.{key}")
    elif isinstance(value, list) and value and not isinstance(value[0], int):
        for index, below in enumerate(value):
            _refuse_floats(below, f"{place}[{index}]")


def _instant(text: str, place: str) -> int:
    try:
        return parse_instant(text)
    except (ValueError, TypeError) as error:
        raise InputsRefusedError(f"{place}: {error}") from error


def _span(entry: dict[str, Any], place: str) -> tuple[int, int]:
    start, end = _instant(entry["start"], place), _instant(entry["end"], place)
    if end <= start:
        raise InputsRefusedError(f"{place} ends before it begins")
    return start, end


def read_money(text: str, place: str) -> Decimal:
    if not isinstance(text, str) or not _MONEY.fullmatch(text):
        raise InputsRefusedError(f"{place}: {text!r} is negative or no amount of money")
    return Decimal(text)


def service_days(entry: dict[str, Any], inputs: dict[str, Any]) -> tuple[date, date]:
    """[first, end) days of an item in service within the period; empty when first >= end."""
    days = month_days(inputs["period"])
    contract = inputs["contract"]
    starts = [entry["start"], contract["start"], days[0].isoformat()]
    ends = [entry["end"], contract["end"]]
    first = max(date.fromisoformat(day) for day in starts)
    last = days[-1] + timedelta(days=1)
    return first, min([last, *(date.fromisoformat(day) for day in ends if day)])


def prorate(entry: dict[str, Any], inputs: dict[str, Any], terms: Terms) -> Decimal:
    """Rent of an item in the period."""
    first, end = service_days(entry, inputs)
    in_service, in_period = (end - first).days, len(month_days(inputs["period"]))
    mrc = read_money(entry["mrc"], f"item {entry['id']}")
    share = Fraction(in_service, in_period) if terms.prorate == "days" else Fraction(1)
    return money(Fraction(mrc) * share, terms.decimals, terms.rounding)


def _read_items(inputs: dict[str, Any], terms: Terms, period: Period) -> dict[str, Item]:
    items: dict[str, Item] = {}
    for entry in inputs["items"]:
        name = entry["id"]
        if name in items:
            raise InputsRefusedError(f"item {name} stands twice")
        first, end = service_days(entry, inputs)
        if first >= end:
            continue
        last = [day for day in (entry["end"], inputs["contract"]["end"]) if day]
        first_day = max(entry["start"], inputs["contract"]["start"])
        items[name] = Item(
            id=name,
            kind=entry["kind"],
            mrc=read_money(entry["mrc"], f"item {name}"),
            rent=prorate(entry, inputs, terms),
            start=day_start(date.fromisoformat(first_day), terms.timezone),
            end=day_start(date.fromisoformat(min(last)), terms.timezone) if last else OPEN_END,
            conditions=dict(entry.get("conditions", {})),
            **further_facts.read_item_facts(entry, read_money),
        )
    return items


def _clip(entry: dict[str, Any], items: dict[str, Item]) -> dict[str, Any]:
    """Only what was measured while one of its items was in service: nobody else's data."""
    spans: Intervals = union((items[i].start, items[i].end) for i in entry["items"] if i in items)
    clipped = dict(entry)
    for key in ("states", "values"):
        if entry.get(key) is None:
            clipped.pop(key, None)
            continue
        rows = sorted([row[0], row[1], row[2]] for row in entry[key])
        for start, end, _ in rows:
            if end <= start:
                raise InputsRefusedError(
                    f"resource {entry['name']}: an interval ends before it begins"
                )
        clipped[key] = [
            [start, end, value]
            for low, high in spans
            for start, end, value in _within(rows, low, high)
        ]
    return clipped


def _within(rows: list[list[Any]], low: int, high: int) -> list[list[Any]]:
    return [
        [max(start, low), min(end, high), value]
        for start, end, value in rows
        if max(start, low) < min(end, high)
    ]


def _read_resource(entry: dict[str, Any], items: dict[str, Item]) -> Resource:
    name = entry["name"]
    if ("states" in entry) == ("values" in entry):
        raise InputsRefusedError(f"resource {name} needs either states or values")
    for _, _, state in entry.get("states", []):
        if state not in ("up", "down", "unknown"):
            raise InputsRefusedError(f"resource {name}: {state!r} is no state")
    return Resource(
        name=name,
        kind=entry["kind"],
        items=tuple(item for item in entry["items"] if item in items),
        states=tuple((s, e, cast(State, state)) for s, e, state in entry.get("states", [])),
        values=tuple((s, e, v) for s, e, v in entry["values"]) if "values" in entry else None,
    )


def _read_window(entry: dict[str, Any]) -> Window:
    place = f"maintenance {entry['id']}"
    start, end = _span(entry, place)
    announced = entry["announced_at"]
    return Window(
        id=entry["id"],
        kind=entry["class"],
        start=start,
        end=end,
        announced_at=None if announced is None else _instant(announced, place),
        resources=tuple(entry["resources"]),
        approved=entry.get("approved"),
        evidence=entry.get("evidence", ""),
        notices=tuple(
            Notice(_instant(one["at"], place), *_span(one, place))
            for one in entry.get("notices", [])
        ),
    )


def _read_decisions(entries: list[dict[str, Any]]) -> dict[str, Treatment]:
    """By result; refused is one that doesn't take two people, or says no reason."""
    found: dict[str, Treatment] = {}
    for entry in entries:
        place = f"decision about {entry['metric']}"
        if entry["metric"] in found:
            raise InputsRefusedError(f"{place} stands twice")
        if entry["treat_unknown"] not in ("up", "down", "left_out"):
            raise InputsRefusedError(f"{place}: {entry['treat_unknown']!r} is no treatment")
        if entry["decided_by"] == entry["approved_by"]:
            raise InputsRefusedError(
                f"{place} was made and approved by {entry['approved_by']} alone; it takes two"
            )
        if not all(entry["reason"].get(language) for language in ("zh", "en")):
            raise InputsRefusedError(f"{place} has no reason")
        decided = _instant(entry["decided_at"], place)
        if "proposed_at" in entry and decided < _instant(entry["proposed_at"], place):
            raise InputsRefusedError(f"{place} was approved before it was proposed")
        found[entry["metric"]] = cast(Treatment, entry["treat_unknown"])
    return found


def _read_ticket(entry: dict[str, Any]) -> Ticket:
    place = f"ticket {entry['id']}"
    closed = entry["closed_at"]
    return Ticket(
        id=entry["id"],
        opened_at=_instant(entry["opened_at"], place),
        closed_at=None if closed is None else _instant(closed, place),
        resources=tuple(entry["resources"]),
        kind=entry.get("kind", "ticket"),
    )
