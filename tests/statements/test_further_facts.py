"""A statement whose terms judge figures and answers: composed, proven from its files, printed."""

import io
import json
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pikepdf
import pytest

from dcim.statements.attachments import read_inputs
from dcim.statements.composition import Statement, compose, evaluate_inputs
from dcim.statements.inputs import InputsRefusedError
from reports.attachments import Attachment
from reports.render import render
from tests.statements.examples import END, START, as_json, breached_inputs, text
from tests.statements.test_composition import SCHEMA

METRICS = """metrics:
  latency:
    title: {zh: 时延, en: Latency}
    kind: network
    applies_to: bandwidth
    observe: latency
    combine: single
    target: mean <= 45 ms
    credit: {form: flat, give: 10 %}
  urgent:
    title: {zh: 紧急呼叫应答, en: Answer to urgent calls}
    kind: response
    applies_to: cabinet
    answers: {to: urgent_call, within: 15 min}
    target: no downtime
    eligible: [good_standing, draw <= 80 %]
    credit: {form: per_event, each: 1 day, day_value: mrc/30}
"""
DAY = 86_400_000


def inputs_of(**changes: Any) -> dict[str, Any]:
    inputs = breached_inputs("en")
    half = START + 10 * DAY
    inputs["terms"] = inputs["terms"].replace("metrics:\n", METRICS, 1)
    inputs["resources"] = [
        *inputs["resources"],
        {
            "name": "rtt:example", "kind": "latency", "items": ["BW-A05"], "place": "SH01",
            "label": text("到 example 的时延", "Latency to example"),
            "values": [[START, half, 40_000], [half, END, 49_000]],
        },
    ]  # fmt: skip
    inputs["items"][0]["figures"] = {"draw": "71.5"}
    inputs["standing"] = {"good_standing": True}
    inputs["requests"] = [
        {"id": "u1", "kind": "urgent_call", "opened_at": "2026-10-05T10:00:00Z",
         "answered_at": "2026-10-05T10:16:00Z"},
        {"id": "u2", "kind": "urgent_call", "opened_at": "2026-10-06T10:00:00Z",
         "answered_at": "2026-10-06T10:15:00Z"},
    ]  # fmt: skip
    return inputs | changes


@pytest.fixture(scope="module")
def made() -> Statement:
    return compose(inputs_of())


def metric(statement: Statement, name: str) -> dict[str, Any]:
    return next(one for one in statement.data["metrics"] if one["id"] == name)


def test_it_fits_the_schema_and_says_the_figure(made: Statement) -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    found = jsonschema.Draft202012Validator(schema).iter_errors(made.data)
    assert [error.message for error in found] == []
    latency, urgent = metric(made, "latency.BW-A05"), metric(made, "urgent.A05")
    # 10 days of 40 ms and 21 of 49 ms: 1429 / 31 ms.
    assert latency["figure"]["en"] == "46.097 ms"
    assert (latency["result"], latency["credit"]["amount"]) == ("breached", "2400.00")
    assert latency["availability_pct"] is None
    assert (urgent["result"], urgent["events"], urgent["figure"]["en"]) == (
        "breached", 1, "50 % in time",
    )  # fmt: skip
    assert urgent["credit"]["amount"] == "620.00"
    assert "figure" not in metric(made, "power.A05")


def test_it_is_composed_again_from_its_files(made: Statement) -> None:
    again = compose(read_inputs(made.attachments))
    assert as_json(again.data) == as_json(made.data)


def test_it_is_printed_with_the_figure(made: Statement) -> None:
    files = [Attachment(f.name, f.content, f.media_type, f.what["en"]) for f in made.attachments]
    pdf = render(json.loads(as_json(made.data)), files)
    with pikepdf.open(io.BytesIO(pdf)) as document:
        assert len(document.pages) > 4


@pytest.mark.parametrize(
    ("change", "result"),
    [
        ({"standing": {"good_standing": False}}, "not_eligible"),
        ({"standing": {}}, "needs_review"),
        ({"requests": []}, "met"),
        ({"requests": [], "request_kinds": ["urgent_call"]}, "met"),
        ({"requests": [], "request_kinds": ["fault"]}, "needs_review"),
    ],
)
def test_what_is_not_on_record_is_not_taken_for_granted(
    change: dict[str, Any], result: str
) -> None:
    found = {one.id: one for one in evaluate_inputs(inputs_of(**change)).results}
    assert found["urgent.A05"].result == result


def test_an_overdrawn_cabinet_gets_no_credit() -> None:
    inputs = inputs_of()
    inputs["items"][0]["figures"] = {"draw": "80.1"}
    found = {one.id: one for one in evaluate_inputs(inputs).results}
    assert found["urgent.A05"].result == "not_eligible"
    assert "80" not in str(found["urgent.A05"].credit.amount)


def test_odd_facts_are_refused_by_their_place() -> None:
    broken = inputs_of()
    broken["requests"][0]["opened_at"] = "yesterday"
    with pytest.raises(InputsRefusedError, match="request u1"):
        compose(broken)
    with pytest.raises(InputsRefusedError, match="odd_key"):
        compose(inputs_of(odd_key=1))


def test_the_time_of_judging_is_that_of_freezing() -> None:
    frozen = datetime.fromisoformat(inputs_of()["document"]["frozen_at"])
    late = inputs_of()
    late["requests"] = [
        {"id": "u9", "kind": "urgent_call", "opened_at": "2026-10-31T10:00:00Z",
         "answered_at": None},
    ]  # fmt: skip
    assert frozen.astimezone(UTC).month == 11
    found = {one.id: one for one in evaluate_inputs(late).results}
    assert found["urgent.A05"].result == "breached"
