"""What earlier statements said stands beside this one's, and follows from the attachments alone."""

import copy
import json
from typing import Any

import jsonschema
import pytest

from dcim.statements.attachments import read_inputs
from dcim.statements.composition import compose
from dcim.statements.differences import hash_json
from dcim.statements.inputs import InputsRefusedError
from dcim.statements.trend import describe_month
from tests.statements.examples import breached_inputs, statement
from tests.statements.test_composition import SCHEMA

Inputs = dict[str, Any]


def issued(period: str, **changes: Any) -> dict[str, Any]:
    """The month as it would have been issued; `changes` are laid over its metric of power."""
    document = copy.deepcopy(statement("breached", "zh").data)
    document["period"]["label"] = period
    document["number"] = f"SLA-{period.replace('-', '')}-C1003-01"
    document["metrics"][0] |= changes
    return describe_month(document, hash_json(document))


def with_months(*months: dict[str, Any]) -> Inputs:
    return breached_inputs("zh") | {"months": list(months)}


def test_a_first_month_has_no_trend() -> None:
    assert "trend" not in statement("breached", "zh").data
    assert "trend" not in compose(with_months()).data


def test_months_stand_beside_this_one_which_is_the_last() -> None:
    met = {"result": "met", "availability_pct": "100.000000"}
    data = compose(with_months(issued("2026-07"), issued("2026-09", **met))).data
    trend, totals = data["trend"], data["totals"]
    assert [month["period"] for month in trend["months"]] == ["2026-07", "2026-09", "2026-10"]
    assert [bool(month["sha256"]) for month in trend["months"]] == [True, True, False]
    last = trend["months"][-1]
    assert (last["number"], last["total"], last["credits"], last["usage"]) == (
        data["number"], totals["total"], totals["credits"], totals["usage"],
    )  # fmt: skip
    assert last["energy_wh"] == str(sum(int(feed["energy_wh"]) for feed in data["power"]))
    power = trend["levels"][0]
    assert power["id"] == "power.A05"
    assert [month["result"] for month in power["months"]] == ["breached", "met", "breached"]
    assert [month["availability_pct"] for month in power["months"]] == [
        "99.917025", "100.000000", "99.917025",
    ]  # fmt: skip
    (port,) = trend["services"]
    assert port["months"][-1] == {"billed_bps": 2_056_560_000, "amount": "4072.32"}


def test_what_is_issued_without_months_before_is_what_it_was() -> None:
    """The trend adds its own section, its facts and nothing else."""
    before, after = statement("breached", "zh").data, compose(with_months(issued("2026-09"))).data
    assert set(after) - set(before) == {"trend"}
    assert {key for key in before if before[key] != after[key]} == {"manifest"}


def test_read_back_from_its_attachments_it_is_the_same() -> None:
    first = compose(with_months(issued("2026-08"), issued("2026-09")))
    files = {file.name: file.content for file in first.attachments}
    assert compose(read_inputs(files)).data == first.data
    files["facts.json"] = files["facts.json"].replace(b'"99.917025"', b'"99.917026"', 1)
    assert compose(read_inputs(files)).data["trend"] != first.data["trend"]


def test_it_fits_the_published_schema() -> None:
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text("utf-8")))
    data = compose(with_months(issued("2026-08", figure=None), issued("2026-09"))).data
    assert [error.message for error in validator.iter_errors(data)] == []
    del data["trend"]["months"][0]["number"]
    assert list(validator.iter_errors(data))


@pytest.mark.parametrize(
    ("periods", "said"),
    [
        (["2026-10"], "no month before 2026-10"),
        (["2026-11"], "no month before 2026-10"),
        (["2026-09", "2026-08"], "not in order"),
        (["2026-09", "2026-09"], "not in order"),
        (["2025-09", "2026-09"], "more than 12 back"),
    ],
)
def test_odd_months_are_refused(periods: list[str], said: str) -> None:
    with pytest.raises(InputsRefusedError, match=said):
        compose(with_months(*(issued(period) for period in periods)))


def test_the_same_month_of_the_last_year_is_told() -> None:
    assert len(compose(with_months(issued("2025-10"))).data["trend"]["months"]) == 2


def test_a_service_that_is_new_was_in_no_month_before() -> None:
    old = issued("2026-09")
    del old["levels"]["network.BW-A05"], old["services"]["bandwidth.BW-A05"]
    trend = compose(with_months(old)).data["trend"]
    network = next(one for one in trend["levels"] if one["id"] == "network.BW-A05")
    assert [month is None for month in network["months"]] == [True, False]
    assert [month is None for month in trend["services"][0]["months"]] == [True, False]


def test_money_of_another_currency_is_not_compared() -> None:
    old = issued("2026-09") | {"currency": "USD"}
    trend = compose(with_months(old)).data["trend"]
    assert [month["total"] for month in trend["months"]] == [None, "44998.32"]
    assert trend["services"][0]["months"][0] == {"billed_bps": 2_056_560_000, "amount": None}


def test_versions_of_a_promise_within_a_month_are_told_together() -> None:
    document = copy.deepcopy(statement("breached", "zh").data)
    first = document["metrics"][0]
    later = first | {
        "id": "power@2026-09-15.A05", "result": "met", "availability_pct": "100.000000",
        "downtime_s": 0, "denominator_s": first["denominator_s"],
    }  # fmt: skip
    document["metrics"].append(later)
    document["period"]["label"] = "2026-09"
    levels = describe_month(document, "a" * 64)["levels"]
    # The worst result; 2,222 s of twice the time.
    assert levels["power.A05"] == {"result": "breached", "availability_pct": "99.958513"}
    assert "power@2026-09-15.A05" not in levels
