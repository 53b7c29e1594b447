"""What a revision changes: whatever differs is told, the steps add up, and nothing is invented."""

import copy
import json
from decimal import Decimal
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcim.statements import differences
from dcim.statements.attachments import read_inputs
from dcim.statements.composition import compose
from dcim.statements.differences import (
    IDENTITY,
    PARTS,
    describe_previous,
    find_differences,
    hash_content,
    hash_json,
    is_same,
)
from dcim.statements.inputs import InputsRefusedError
from tests.statements.examples import breached_inputs
from tests.statements.test_composition import SCHEMA as SCHEMA_FILE

SCHEMA = json.loads(SCHEMA_FILE.read_text("utf-8"))
KEYS = {key for keys in PARTS.values() for key in keys}


@pytest.fixture(scope="module")
def issued() -> dict[str, Any]:
    """Revision 1 as it was issued."""
    return compose(breached_inputs("zh")).data


def revise(inputs: dict[str, Any], issued: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The inputs of revision 2."""
    inputs["document"] |= {
        "revision": 2, "supersedes": issued["number"], "number": "SLA-2",
        "reason": {"zh": "更正", "en": "Corrected"}, **more,
    }  # fmt: skip
    inputs["previous"] = describe_previous(issued, hash_json(issued), "f" * 64)
    return inputs


def test_every_key_of_a_statement_is_compared_or_says_who_it_is() -> None:
    """A part added to the statement later can't be left out of the comparison unnoticed."""
    known = set(SCHEMA["properties"])
    assert known == KEYS | IDENTITY
    assert not KEYS & IDENTITY


APPROVAL = {
    "proposed_by": "li.na", "proposed_at": "2026-11-02T01:00:00Z", "reason": "缺口属实",
    "approved_by": "wang.wei", "approved_at": "2026-11-02T02:00:00Z", "text": "同意",
}  # fmt: skip


def test_a_first_statement_tells_who_approved_it_and_nothing_else_changes(
    issued: dict[str, Any],
) -> None:
    inputs = breached_inputs("zh")
    inputs["document"] |= {"approval": APPROVAL, "frozen_at": "2026-11-20T00:00:00Z"}
    composed = compose(inputs)
    document = composed.data
    jsonschema.validate(document, SCHEMA)
    assert document["approval"] == APPROVAL
    # Both saw the same: when it is frozen, and that it was approved, is no part of it.
    assert hash_content(document) == hash_content(issued)
    assert compose(read_inputs(composed.attachments)).data == document
    assert "approval" not in issued
    document["totals"]["credits"] = "-1.00"
    assert hash_content(document) != hash_content(issued)


def test_one_person_alone_approves_nothing() -> None:
    inputs = breached_inputs("zh")
    inputs["document"]["approval"] = APPROVAL | {"approved_by": "li.na"}
    with pytest.raises(InputsRefusedError, match=r"by li\.na alone; it takes two"):
        compose(inputs)


def test_a_revision_tells_its_approval_beside_what_it_replaces(issued: dict[str, Any]) -> None:
    told = {key: value for key, value in APPROVAL.items() if key != "reason"}
    document = compose(revise(breached_inputs("zh"), issued, approval=told)).data
    assert document["replaces"]["approval"] == told
    assert "approval" not in document


def test_the_same_facts_say_nothing_else(issued: dict[str, Any]) -> None:
    again = compose(revise(breached_inputs("zh"), issued)).data
    found = again["replaces"]["differences"]
    assert is_same(found)
    assert found["parts"] == []
    assert [entry["key"] for entry in found["totals"]] == ["total"]
    assert found["totals"][0]["difference"] == "0.00"


def test_a_correction_is_told_by_result_line_and_sum(issued: dict[str, Any]) -> None:
    inputs = revise(breached_inputs("zh"), issued)
    for resource in inputs["resources"]:
        if "states" in resource:
            resource["states"] = [
                [start, end, "up" if state == "down" else state]
                for start, end, state in resource["states"]
            ]
    inputs["items"][0]["mrc"] = str(Decimal(inputs["items"][0]["mrc"]) + 100)
    document = compose(inputs).data
    jsonschema.validate(document, SCHEMA)
    found = document["replaces"]["differences"]
    assert not is_same(found)
    steps = {(one["before"]["result"], one["after"]["result"]) for one in found["results"]}
    # 37 minutes of outage are gone; what is left hangs on time that nobody measured.
    assert ("breached", "needs_review") in steps
    gone = [line for line in found["lines"] if line["change"] == "removed"]
    assert gone
    assert {line["kind"] for line in gone} <= {"credit", "cap"}
    assert all(line["after"] is None for line in gone)
    rent = next(line for line in found["lines"] if line["kind"] == "rent")
    assert (rent["change"], rent["difference"]) == ("changed", "100.00")
    total = next(entry for entry in found["totals"] if entry["key"] == "total")
    assert total["before"] == issued["totals"]["total"]
    assert total["after"] == document["totals"]["total"]
    assert sum(Decimal(line["difference"]) for line in found["lines"]) == Decimal(
        total["difference"]
    )
    assert {"levels", "items", "charges"} <= set(found["parts"])


def test_the_table_is_computed_again_from_the_attachments(issued: dict[str, Any]) -> None:
    inputs = revise(breached_inputs("zh"), issued)
    inputs["items"][0]["mrc"] = "1.00"
    composed = compose(inputs)
    again = compose(read_inputs({file.name: file.content for file in composed.attachments}))
    assert again.data == composed.data
    assert hash_json(again.data) == hash_json(composed.data)


def test_words_alone_are_a_difference_too(issued: dict[str, Any]) -> None:
    inputs = revise(breached_inputs("zh"), issued)
    inputs["incidents"][0]["cause"] = {"zh": "另一原因", "en": "another cause"}
    found = compose(inputs).data["replaces"]["differences"]
    assert (found["results"], found["lines"]) == ([], [])
    assert found["parts"] == ["incidents"]
    assert not is_same(found)


def test_parts_are_what_tells_words_apart(
    issued: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: without the part the same correction goes unnoticed."""
    monkeypatch.delitem(differences.PARTS, "incidents")
    inputs = revise(breached_inputs("zh"), issued)
    inputs["incidents"][0]["cause"] = {"zh": "另一原因", "en": "another cause"}
    assert is_same(compose(inputs).data["replaces"]["differences"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"supersedes": "SLA-OTHER"}, "doesn't follow"),
        ({"revision": 3}, "doesn't follow"),
        (
            {"approval": {"proposed_by": "a@x", "approved_by": "a@x"}},
            "approved by a@x alone",
        ),
    ],
)
def test_what_cannot_be_is_refused(
    issued: dict[str, Any], change: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputsRefusedError, match=said):
        compose(revise(breached_inputs("zh"), issued, **change))


def test_a_statement_without_a_previous_one_says_nothing_of_it(issued: dict[str, Any]) -> None:
    assert "replaces" not in issued
    assert "previous" not in read_inputs(
        {file.name: file.content for file in compose(breached_inputs("zh")).attachments}
    )


AMOUNTS = st.decimals(-10_000, 10_000, places=2)
LINES = st.dictionaries(st.sampled_from(["rent:a", "rent:b", "usage:c", "credit:d"]), AMOUNTS)


def made_of(issued: dict[str, Any], lines: dict[str, Decimal]) -> dict[str, Any]:
    document = copy.copy(issued)
    document["ledger"] = [
        {
            "key": key, "kind": key.split(":")[0], "item": None, "clause": "",
            "text": {"zh": key, "en": key}, "amount": str(amount),
        }
        for key, amount in lines.items()
    ]  # fmt: skip
    document["totals"] = {"total": str(sum(lines.values(), Decimal("0.00")))}
    return document


@given(before=LINES, after=LINES)
def test_the_steps_of_the_lines_add_up_to_that_of_the_total(
    issued: dict[str, Any], before: dict[str, Decimal], after: dict[str, Decimal]
) -> None:
    old, new = made_of(issued, before), made_of(issued, after)
    found = find_differences(describe_previous(old, "0" * 64, "0" * 64), new)
    (total,) = found["totals"]
    assert Decimal(total["difference"]) == sum(after.values()) - sum(before.values())
    assert sum(Decimal(line["difference"]) for line in found["lines"]) == Decimal(
        total["difference"]
    )
    assert {line["key"] for line in found["lines"]} == {
        key for key in before.keys() | after.keys() if str(before.get(key)) != str(after.get(key))
    }
    assert is_same(found) == (list(before.items()) == list(after.items()))
