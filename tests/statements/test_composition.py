"""A statement is computed from its inputs, and again from its attachments, to the same bytes."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from dcim.sla.rules.language.tree import TermsRefusedError
from dcim.statements.attachments import AttachmentsRefusedError, attachments_of, read_inputs
from dcim.statements.composition import Statement, compose
from dcim.statements.inputs import InputsRefusedError
from tests.statements.examples import (
    EXAMPLES,
    START,
    as_json,
    breached_inputs,
    example_path,
    small_inputs,
    statement,
)

SCHEMA = Path(__file__).parents[2] / "dcim" / "statements" / "statement.schema.json"
Inputs = dict[str, Any]


@pytest.fixture(scope="module")
def breached() -> Statement:
    return statement("breached", "zh")


def by_id(entries: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(entry for entry in entries if entry["id"] == name)


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_committed_examples_are_what_compose_gives(name: str, language: str) -> None:
    """Write them again with: python -m tests.statements.examples."""
    committed = example_path(name, language).read_text(encoding="utf-8")
    assert committed == as_json(statement(name, language).data)


@pytest.mark.parametrize("name", EXAMPLES)
def test_statement_fits_its_published_schema(name: str) -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    data = statement(name, "en").data
    assert [error.message for error in validator.iter_errors(data)] == []
    del data["metrics"][0]["result"]
    assert list(validator.iter_errors(data))


@pytest.mark.parametrize("name", EXAMPLES)
def test_read_back_from_its_attachments_it_is_the_same(name: str) -> None:
    first = statement(name, "zh")
    again = compose(read_inputs(first.attachments))
    assert as_json(again.data) == as_json(first.data)
    assert again.attachments == first.attachments
    files = {file.name: file.content for file in first.attachments}
    assert compose(read_inputs(files)).data == first.data


@pytest.mark.parametrize(
    ("name", "old", "new", "path"),
    [
        ("bins/BW-A05.csv", b",300000\n", b",299999\n", "manifest"),
        ("facts.json", b'"18600.00"', b'"18600.01"', "totals"),
        ("intervals/", b",down\n", b",up\n", "metrics"),
        ("terms.yaml", b"credit: 5 %}", b"credit: 6 %}", "ledger"),
    ],
)
def test_a_changed_attachment_gives_another_statement(
    breached: Statement, name: str, old: bytes, new: bytes, path: str
) -> None:
    files = {file.name: file.content for file in breached.attachments}
    chosen = next(key for key in files if key.startswith(name) and old in files[key])
    files[chosen] = files[chosen].replace(old, new)
    assert compose(read_inputs(files)).data[path] != breached.data[path]


def test_the_breached_month_reads_as_agreed(breached: Statement) -> None:
    data = breached.data
    power = by_id(data["metrics"], "power.A05")
    assert power["result"] == "breached"
    assert power["downtime_s"] == 37 * 60 + 2
    assert power["credit"]["amount"] == "930.00"
    assert power["credit"]["row"]["en"] == "downtime more than 5 min, up to 45 min: 5 %"
    assert by_id(data["metrics"], "network.BW-A05")["result"] == "met"
    incidents = data["incidents"]
    lost = by_id(incidents, "INC-1006")
    assert (lost["counted"], lost["information"], lost["metrics"]) == (False, True, [])
    both = by_id(incidents, "INC-1013")
    assert (both["counted"], both["counted_s"], both["metrics"]) == (True, 2222, ["power.A05"])
    assert by_id(incidents, "INC-1018")["counted"] is False
    (works,) = data["maintenance"]
    assert (works["valid"], works["notice_hours"]) == (True, "96.0")
    assert data["totals"] == {
        "rent": "42600.00",
        "usage": "4072.32",
        "credits": "-1674.00",
        "total": "44998.32",
    }


@pytest.mark.parametrize("name", EXAMPLES)
def test_totals_are_the_sums_of_the_lines(name: str) -> None:
    data = statement(name, "zh").data
    sums = {
        kind: sum(Decimal(line["amount"]) for line in data["ledger"] if line["kind"] in kinds)
        for kind, kinds in {
            "rent": ("rent",),
            "usage": ("usage",),
            "credits": ("credit", "cap"),
            "total": ("rent", "usage", "credit", "cap"),
        }.items()
    }
    assert sums == {key: Decimal(value) for key, value in data["totals"].items()}
    keys = [line["key"] for line in data["ledger"]]
    assert len(set(keys)) == len(keys)


def test_rent_is_prorated_by_days_in_service() -> None:
    (item,) = statement("small", "zh").data["items"]
    assert (item["days"], item["days_in_period"], item["rent"]) == (20, 31, "1000.00")


def test_late_notice_makes_downtime_in_the_window_count() -> None:
    inputs = breached_inputs("zh")
    inputs["maintenance"][0]["announced_at"] = "2026-10-16T00:00:00Z"
    data = compose(inputs).data
    (works,) = data["maintenance"]
    assert works["valid"] is False
    network = by_id(data["metrics"], "network.BW-A05")
    assert network["downtime_s"] == 1320 + 15 * 60
    assert by_id(data["incidents"], "INC-1018")["counted"] is True


def test_never_a_hundred_percent_with_downtime() -> None:
    inputs = small_inputs("zh")
    start = START + 20 * 86_400_000
    inputs["resources"][0]["states"].append([start, start + 1, "down"])
    inputs["resources"][1]["states"].append([start, start + 1, "down"])
    power = by_id(compose(inputs).data["metrics"], "power.B02-Q3")
    assert power["downtime_s"] == 0.001
    assert power["availability_pct"] == "99.999999"


def test_data_from_before_the_customer_came_are_not_attached() -> None:
    """The quarter is theirs since the 12th; what the feed did before belongs to somebody else."""
    inputs = small_inputs("zh")
    inputs["resources"][0]["states"].append([START + 1000, START + 5000, "down"])
    first = 1_791_734_400_000  # 12 October in Asia/Shanghai
    for resource in read_inputs(attachments_of_statement(inputs))["resources"]:
        rows = resource.get("states") or resource["values"]
        assert min(row[0] for row in rows) == first


def attachments_of_statement(inputs: Inputs) -> dict[str, bytes]:
    return {file.name: file.content for file in compose(inputs).attachments}


def test_day_grid_sums_to_the_trace(breached: Statement) -> None:
    for section in breached.data["days"]:
        metric = by_id(breached.data["metrics"], section["metric"])
        down = sum(line["seconds"] for line in metric["trace"] if line["class"] == "down")
        assert sum(day["down_s"] for day in section["days"]) == down
        assert len(section["days"]) == 31


def put(*path: Any) -> Callable[[Inputs], None]:
    """Sets the value at the end of the path of keys."""

    def change(inputs: Inputs) -> None:
        at: Any = inputs
        for key in path[:-2]:
            at = at[key]
        at[path[-2]] = path[-1]

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (put("document", "frozen_at", "2026-10-31T15:59:59Z"), "still open"),
        (put("period", "2026-13"), "no month"),
        (put("items", 0, "mrc", "-1.00"), "negative"),
        (put("items", 0, "mrc", "1e999999"), "no number|rent|amount"),
        (put("items", 0, "mrc", 5.0), "float"),
        (put("items", 1, "id", "A05"), "stands twice"),
        (put("incidents", 0, "end", None), "has no end"),
        (put("incidents", 0, "end", "2026-10-01T00:00:00Z"), "ends before"),
        (put("incidents", 0, "end", "yesterday"), "no instant"),
        (put("resources", 0, "states", 0, [START + 5, START + 5, "up"]), "ends before"),
        (put("resources", 0, "states", 0, [START, START + 5, "asleep"]), "no state"),
        (put("bandwidth", 0, "bins", 0, [START - 300_000, 1, 1, 300_000]), "outside the service"),
        (put("bandwidth", 0, "bins", 0, [START + 300_000, 1, 1, 300_000]), "stands twice"),
        (put("bandwidth", 0, "bins", 0, [START, -1, 1, 300_000]), "negative"),
        (put("bandwidth", []), "no bandwidth series"),
        (put("series", 0, "received", 99_999), "received"),
        (put("rules_version", "0"), "rules_version"),
        (put("extra", 1), "extra"),
        (put("power", 0, "item", "Z99"), "not in service"),
    ],
)
def test_bad_inputs_are_refused_by_name(change: Callable[[Inputs], None], said: str) -> None:
    inputs = breached_inputs("zh")  # unchanged they compose: see the committed examples
    change(inputs)
    with pytest.raises(InputsRefusedError, match=said):
        compose(inputs)


def test_refused_terms_refuse_the_statement() -> None:
    inputs = breached_inputs("zh")
    inputs["terms"] = inputs["terms"].replace("time_zone: Asia/Shanghai", "")
    with pytest.raises(TermsRefusedError, match="time_zone"):
        compose(inputs)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("facts.json", None, "not attached"),
        ("facts.json", b"{", "expected form"),
        ("facts.json", b"[]", "expected form"),
        ("terms.yaml", b"\xff", "UTF-8"),
        ("bins/BW-A05.csv", b"start\n", "heading"),
        ("bins/BW-A05.csv", b"start,in_octets,out_octets,covered_ms\n1\n", "fields"),
        ("bins/BW-A05.csv", b"start,in_octets,out_octets,covered_ms\nx,1,1,1\n", "line 2"),
    ],
)
def test_odd_attachments_are_refused_by_name(
    breached: Statement, name: str, content: bytes | None, said: str
) -> None:
    files = {file.name: file.content for file in breached.attachments}
    if content is None:
        del files[name]
    else:
        files[name] = content
    with pytest.raises(AttachmentsRefusedError, match=said):
        read_inputs(files)


def test_names_never_collide_or_leave_their_folder() -> None:
    inputs = breached_inputs("zh")
    inputs["resources"][0]["name"] = "../../etc/passwd"
    inputs["resources"][1]["name"] = "..-..-etc-passwd"
    names = [file.name for file in attachments_of(inputs)]
    assert len(set(names)) == len(names)
    assert not any(".." in name for name in names)
    inputs["resources"][1]["name"] = "../../etc/passwd"
    with pytest.raises(AttachmentsRefusedError, match="same name"):
        attachments_of(inputs)


def test_terms_that_change_within_the_month_travel_with_the_statement() -> None:
    """Both texts are attached and named by their hashes; read back they give the same."""
    inputs = breached_inputs("zh")
    later = inputs["terms"].replace("credit: 2.5 %", "credit: 3 %")
    assert later != inputs["terms"]
    changed = {**inputs, "later_terms": [{"from": "2026-10-15", "terms": later}]}
    first = compose(changed)
    again = compose(read_inputs(first.attachments))
    assert as_json(again.data) == as_json(first.data)
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    assert [
        e.message for e in jsonschema.Draft202012Validator(schema).iter_errors(first.data)
    ] == []
    names = {entry["name"] for entry in first.data["manifest"]}
    assert {"terms.yaml", "terms-2026-10-15.yaml", "terms-2026-10-15.json"} <= names
    versions = first.data["contract"]["terms_changes"]
    hashes = {entry["name"]: entry["sha256"] for entry in first.data["manifest"]}
    assert [(one["from"], one["sha256"]) for one in versions] == [
        (None, hashes["terms.json"]), ("2026-10-15", hashes["terms-2026-10-15.json"]),
    ]  # fmt: skip
    plain = compose(inputs).data
    assert "terms_changes" not in plain["contract"]
    split = {entry["id"] for entry in first.data["metrics"] if entry["metric"].startswith("power")}
    whole = {entry["id"] for entry in plain["metrics"] if entry["metric"] == "power"}
    assert split == whole | {name.replace("power", "power@2026-10-15") for name in whole}
    assert {e["id"] for e in first.data["metrics"]} - split == {
        e["id"] for e in plain["metrics"]
    } - whole  # fmt: skip
    # A text put in the other's place gives other numbers: the hashes tell.
    swapped = {f.name: f.content for f in first.attachments}
    swapped["terms-2026-10-15.yaml"] = swapped["terms.yaml"]
    assert as_json(compose(read_inputs(swapped)).data) != as_json(first.data)


@pytest.mark.parametrize("day", ["2026-10-01", "2026-11-02", "yesterday", None])
def test_later_terms_begin_within_the_period(day: str | None) -> None:
    inputs = breached_inputs("zh")
    entry = {"from": day, "terms": inputs["terms"]}
    with pytest.raises(InputsRefusedError, match="later_terms"):
        compose({**inputs, "later_terms": [entry]})
