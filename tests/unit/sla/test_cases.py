"""The worked cases, each written in the terms language in its own file, to the last digit."""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import yaml

from dcim.sla.rules.evaluation import evaluate
from dcim.sla.rules.facts import (
    Calendar,
    Facts,
    Item,
    Notice,
    Period,
    Request,
    Resource,
    State,
    Ticket,
    Window,
)
from dcim.sla.rules.files.items import LONG_AGO
from dcim.sla.rules.intervals import subtract
from dcim.sla.rules.language.loading import load_terms
from dcim.sla.rules.periods import format_instant, month_days, month_period, parse_instant
from dcim.sla.rules.quantities import fixed, read_value

HERE = Path(__file__).parent / "cases"
CASES = sorted(HERE.glob("*.yaml"))
SLA = [path for path in CASES if "\nfacts:" in path.read_text("utf-8")]


def _notices(window: dict[str, Any]) -> tuple[Notice, ...]:
    return tuple(
        Notice(*(parse_instant(one[key]) for key in ("at", "start", "end")))
        for one in window.get("notices", [])
    )


def _announced_at(window: dict[str, Any]) -> int | None:
    if notices := _notices(window):
        return min(one.at for one in notices)
    return parse_instant(window["announced_at"]) if "announced_at" in window else None


def read_case(path: Path) -> dict[str, Any]:
    with path.open(encoding="utf-8") as file:
        case: dict[str, Any] = yaml.load(file, Loader=yaml.BaseLoader)  # noqa: S506
    return case


def case_facts(facts: dict[str, Any], period: Period) -> Facts:
    """States that are up wherever the case names nothing."""
    items = tuple(_item(entry, period) for entry in facts["items"])
    return Facts(
        items=items,
        resources=tuple(
            _resource(name, kind, facts, items, period) for name, kind in facts["resources"].items()
        ),
        windows=tuple(
            Window(
                f"M{index}",
                w["class"],
                parse_instant(w["start"]),
                parse_instant(w["end"]),
                min(n.at for n in _notices(w))
                if _notices(w)
                else parse_instant(w["announced_at"])
                if "announced_at" in w
                else None,
                tuple(w.get("resources", ())),
                approved="approved" in w,
                evidence=w.get("evidence", ""),
                notices=_notices(w),
            )
            for index, w in enumerate(facts.get("windows", []))
        ),
        tickets=tuple(
            Ticket(
                f"T{index}",
                parse_instant(t["opened_at"]),
                parse_instant(t["closed_at"]) if "closed_at" in t else None,
                tuple(t["resources"]),
                t.get("kind", "ticket"),
            )
            for index, t in enumerate(facts.get("tickets", []))
        ),
        days_in_period=len(month_days(facts["period"])),
        requests=tuple(
            Request(
                r["id"],
                r["kind"],
                parse_instant(r["opened_at"]),
                parse_instant(r["answered_at"]) if "answered_at" in r else None,
            )
            for r in facts.get("requests", [])
        ),
        calendar=Calendar(frozenset(map(date.fromisoformat, facts["calendar"]["holidays"])))
        if "calendar" in facts
        else None,
    )


def _item(entry: dict[str, Any], period: Period) -> Item:
    """In service since long ago, as a facts file's item without a `from`."""
    fee = Decimal(entry["mrc"])
    return Item(
        entry["id"],
        entry["kind"],
        fee,
        fee,
        LONG_AGO,
        period.end,
        conditions={name: word == "yes" for name, word in entry.get("conditions", {}).items()},
        figures={name: Decimal(word) for name, word in entry.get("figures", {}).items()},
    )


def _resource(
    name: str, kind: str, facts: dict[str, Any], items: tuple[Item, ...], period: Period
) -> Resource:
    serves = tuple(facts.get("serves", {}).get(name, [item.id for item in items]))
    values = [
        (parse_instant(start), parse_instant(end), read_value(value)[0])
        for resource, start, end, value in facts.get("values", [])
        if resource == name
    ]
    if values:
        return Resource(name, kind, serves, values=tuple(values))
    spans: list[tuple[int, int, State]] = []
    for word in ("down", "unknown"):
        state: State = "down" if word == "down" else "unknown"
        spans += [
            (parse_instant(start), parse_instant(end), state)
            for resource, start, end in facts.get(word, [])
            if resource == name
        ]
    up = subtract([(period.start, period.end)], [(s, e) for s, e, _ in spans])
    states: list[tuple[int, int, State]] = [*spans, *((s, e, "up") for s, e in up)]
    return Resource(name, kind, serves, tuple(states))


def six(value: Fraction | None) -> str:
    return "" if value is None else str(fixed(value, 6))


@pytest.mark.parametrize("path", SLA, ids=lambda path: path.stem)
def test_case_is_reproduced_to_the_last_digit(path: Path) -> None:
    case = read_case(path)
    terms = load_terms(case["terms"])
    period = month_period(case["facts"]["period"], terms.timezone)
    expected = case["expected"]
    assert [format_instant(period.start), format_instant(period.end)] == expected["period"]
    evaluation = evaluate(terms, case_facts(case["facts"], period), period)
    assert {result.id for result in evaluation.results} == set(expected["metrics"])
    for result in evaluation.results:
        want = dict(expected["metrics"][result.id])
        outcome = result.outcome
        got = {
            "result": result.result,
            "downtime_s": str(outcome.downtime_ms // 1000),
            "denominator_s": str(outcome.denominator_ms // 1000),
            "availability": six(
                None if outcome.availability is None else outcome.availability * 100
            ),
            "figure": six(outcome.figure),
            "events": str(len(outcome.events)),
            "credit_pct": six(result.credit.pct),
            "credit": str(result.credit.amount),
            "unknown_s": str(outcome.unknown_ms // 1000),
            "missed": str(outcome.missed).lower(),
            "best": six((result.best.availability or Fraction(0)) * 100),
            "worst": six((result.worst.availability or Fraction(0)) * 100),
        }
        assert {key: got[key] for key in want} == want
    assert str(evaluation.credit_total) == expected["credit_total"]
    assert str(bool(evaluation.caps)).lower() == expected["capped"]
    for name, reached in expected.get("rights", {}).items():
        found = [right.reached for right in evaluation.rights if right.metric == name]
        assert [str(value).lower() for value in found] == [reached]
    if "degraded_s" in expected:
        lines = [line for r in evaluation.results for line in r.measurement.trace]
        degraded = sum(line.end - line.start for line in lines if line.kind == "degraded")
        assert str(degraded // 1000) == expected["degraded_s"]


def test_every_sla_case_has_a_file() -> None:
    assert {f"D0{n}" for n in range(1, 9)} <= {path.stem for path in SLA}
