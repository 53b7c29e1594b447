"""The running month: judged so far, never from what is still to come, agreeing when it is over."""

import copy
from typing import Any

import pytest

from dcim.statements.composition import compose
from dcim.statements.error_budgets import MonthToDate, evaluate_to_date
from tests.statements.examples import DAY, END, MINUTE, START, at, breached_inputs


@pytest.fixture(scope="module")
def inputs() -> dict[str, Any]:
    return breached_inputs("en")


def cut(inputs: dict[str, Any], until: int) -> dict[str, Any]:
    """What would be known at `until`: nothing later is measured."""
    known = copy.deepcopy(inputs)
    for resource in known["resources"]:
        for key in ("states", "values"):
            if key in resource:
                resource[key] = [
                    [start, min(end, until), value]
                    for start, end, value in resource[key]
                    if start < until
                ]
    known["document"]["frozen_at"] = None
    return known


def total(told: MonthToDate, name: str) -> int:
    return sum(getattr(line, name) for line in told.lines)


def test_at_its_end_the_month_agrees_with_the_statement(inputs: dict[str, Any]) -> None:
    told = evaluate_to_date(inputs, END)
    metrics = {metric["id"]: metric for metric in compose(inputs).data["metrics"]}
    assert told.elapsed == 1
    assert {line.id for line in told.lines} == set(metrics)
    for line in told.lines:
        stated = metrics[line.id]
        assert line.used_ms == stated["downtime_s"] * 1000, line.id
        if stated["allowed_s"] is not None and not line.unknown_ms:
            assert line.allowed_ms is not None
            assert abs(line.allowed_ms - stated["allowed_s"] * 1000) <= 1, line.id


def test_what_is_to_come_is_neither_down_nor_unknown(inputs: dict[str, Any]) -> None:
    until = START + 10 * DAY
    told = evaluate_to_date(cut(inputs, until), until)
    assert told.elapsed == pytest.approx(10 / 31)
    assert total(told, "used_max_ms") <= total(evaluate_to_date(inputs, END), "used_max_ms")
    # The same facts, asked as if all the month had passed: the rest is not measured.
    late = evaluate_to_date(cut(inputs, until), END)
    assert total(late, "unknown_ms") > total(told, "unknown_ms") + 20 * DAY


def test_downtime_shows_as_soon_as_it_is_measured(inputs: dict[str, Any]) -> None:
    whole = evaluate_to_date(inputs, END)
    hit = next(line for line in whole.lines if line.used_ms)
    used = []
    for day in (1, 8, 15, 22, 31):
        until = START + day * DAY
        told = evaluate_to_date(cut(inputs, until), until)
        used.append(next(line for line in told.lines if line.id == hit.id).used_ms)
    assert used == sorted(used)
    assert used[0] == 0
    assert used[-1] == hit.used_ms


def test_the_budget_is_of_the_whole_month_from_its_first_day(inputs: dict[str, Any]) -> None:
    until = START + DAY
    early = evaluate_to_date(cut(inputs, until), until)
    whole = evaluate_to_date(inputs, END)
    for first, last in zip(early.lines, whole.lines, strict=True):
        if first.allowed_ms is None or not first.allowed_ms:
            continue
        assert last.allowed_ms is not None
        # Exclusions later in the month may only take from it.
        assert last.allowed_ms <= first.allowed_ms


def test_the_inputs_are_left_as_they_were(inputs: dict[str, Any]) -> None:
    before = copy.deepcopy(inputs)
    evaluate_to_date(inputs, at("10-15 12:00"))
    assert inputs == before


def test_before_the_first_minute_there_is_still_an_answer(inputs: dict[str, Any]) -> None:
    told = evaluate_to_date(cut(inputs, START + MINUTE), START - DAY)
    assert total(told, "used_ms") == 0
