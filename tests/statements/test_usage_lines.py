"""Statements of usage in priced lines: pools, committed kW, metered kWh, what isn't known."""

import copy
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner

from dcim.cli import main
from dcim.statements.attachments import read_inputs
from dcim.statements.composition import Statement, compose
from reports.attachments import Attachment
from reports.render import render
from reports.sign import CERTIFICATE_NAME, generate_signer, sign
from tests.statements.examples import END, START, as_json, breached_inputs
from tests.statements.test_composition import SCHEMA

HOUR = 3_600_000
STEPS = (END - START) // 300_000
BANDWIDTH = "    commit: item "
COMMITTED = """
  kw:
    title: {zh: 电力, en: Power}
    clause: "6.1"
    applies_to: cabinet
    method: committed_power
    unit: kW
    interval: 15 min
    measured_as: highest
    missing: dropped
    commit: item
    price: {committed: 200.00, over: committed + 20 %}
"""
METERED = """
  kwh:
    title: {zh: 电费, en: Energy}
    clause: "6.2"
    applies_to: cabinet
    method: energy
    interval: 15 min
    pue: measured
    price: 0.80
"""


def inputs_of(*, bandwidth: str = "", power: str = "") -> dict[str, Any]:
    """The breached month in Chinese, with more words of its bandwidth, or another usage."""
    inputs = copy.deepcopy(breached_inputs("zh"))
    text = inputs["terms"].replace(BANDWIDTH, bandwidth + BANDWIDTH)
    head, mark, rest = text.partition("\ncaps:")
    assert mark
    return inputs | {"terms": head.rstrip("\n") + "\n" + power + mark + rest}


def pool_inputs() -> dict[str, Any]:
    """Two ports with a commit of 2 Gbit/s each: one at 3 Gbit/s, one at 1.5, all month."""
    inputs = inputs_of(bandwidth="    pool: contract\n")
    [first] = [entry for entry in inputs["items"] if entry["id"] == "BW-A05"]
    inputs["items"].append(first | {"id": "BW-A06"})
    label = {"zh": "第二端口", "en": "Second port"}
    inputs["bandwidth"] = [
        {"item": name, "label": label, "bins": steady(mbps)}
        for name, mbps in (("BW-A05", 3_000), ("BW-A06", 1_500))
    ]
    return inputs


def steady(mbps: int) -> list[list[int]]:
    octets = mbps * 10**6 // 8 * 300
    return [[START + n * 300_000, 0, octets, 300_000] for n in range(STEPS)]


def power_inputs(power: str, ordered: dict[str, Any]) -> dict[str, Any]:
    """Two feeds at a steady 3 kW together 6 kW."""
    inputs = inputs_of(power=power)
    for entry in inputs["items"]:
        if entry["kind"] == "cabinet":
            entry["power"] = ordered
    for feed in inputs["power"]:
        feed["bins"] = [
            [START + n * 300_000, 300_000, 3_000_000, 3_000_000, 250_000] for n in range(STEPS)
        ]
    return inputs


def pue(start: str = "2026-09-30T16:00:00Z") -> dict[str, Any]:
    return {
        "start": start,
        "end": "2026-10-31T16:00:00Z",
        "facility_mwh": 13,
        "it_mwh": 10,
    }


def section(statement: Statement, usage: str) -> dict[str, Any]:
    [found] = [one for one in statement.data["usage"] if one["usage"] == usage]
    return dict(found)


def booked(statement: Statement, usage: str) -> dict[str, str]:
    return {
        line["key"]: line["amount"]
        for line in statement.data["ledger"]
        if line["key"].startswith(f"usage:{usage}.")
    }


def test_a_pool_of_two_ports_is_one_charge() -> None:
    """3000 + 1500 less 2 x 2000 = 500 Mbit/s at 72; alone the first port would pay for 1000."""
    statement = compose(pool_inputs())
    assert booked(statement, "bandwidth") == {"usage:bandwidth.contract:over": "36000.00"}
    found = section(statement, "bandwidth")
    assert [member["item"] for member in found["members"]] == ["BW-A05", "BW-A06"]
    assert (found["commit_bps"], found["over_bps"]) == (4_000_000_000, 500_000_000)
    [line] = found["lines"]
    assert (line["quantity"], line["unit"], line["unit_price"]) == ("500", "Mbit/s", "72.00")


def test_without_the_pool_each_port_is_charged() -> None:
    """The control."""
    alone = pool_inputs()
    alone["terms"] = alone["terms"].replace("    pool: contract\n", "")
    assert booked(compose(alone), "bandwidth") == {"usage:bandwidth.BW-A05:over": "72000.00"}


def test_committed_power_and_what_is_above_it() -> None:
    """5 kW x 200 and 1 kW x 240."""
    statement = compose(power_inputs(COMMITTED, {"commit": {"kW": "5"}}))
    assert booked(statement, "kw") == {
        "usage:kw.A05:committed": "1000.00",
        "usage:kw.A05:over": "240.00",
    }
    assert section(statement, "kw")["amount"] == "1240.00"


def test_metered_energy_times_the_measured_pue() -> None:
    """6 kW x 744 h x 1.3 = 5803.2 kWh at 0.80."""
    statement = compose(power_inputs(METERED, {"pue": pue()}))
    assert booked(statement, "kwh") == {"usage:kwh.A05:energy": "4642.56"}
    assert section(statement, "kwh")["lines"][0]["quantity"] == "5803.2"
    assert "without" not in statement.data["totals"]


@pytest.mark.parametrize(
    ("ordered", "words"),
    [({}, "measured PUE"), ({"pue": pue("2026-10-01T16:00:00Z")}, "of another period")],
)
def test_without_the_pue_the_charge_has_no_price_and_a_person_is_asked(
    ordered: dict[str, Any], words: str
) -> None:
    statement = compose(power_inputs(METERED, ordered))
    found = section(statement, "kwh")
    assert found["amount"] is None
    assert words in found["lines"][0]["note"]["en"]
    assert booked(statement, "kwh") == {}
    data = statement.data
    assert data["verdict"]["unpriced_usage"] == 1
    assert "without a price" in data["verdict"]["text"]["en"]
    assert any(words in warning["en"] for warning in data["warnings"])
    [left] = data["totals"]["without"]
    assert "Energy" in left["en"]
    total = sum(Decimal(line["amount"]) for line in data["ledger"])
    assert total == Decimal(data["totals"]["total"])


def test_an_unpriced_usage_makes_a_month_that_is_met_one_to_review() -> None:
    inputs = power_inputs(METERED, {})
    head, _, rest = inputs["terms"].partition("\nmetrics:")
    _, _, usage = rest.partition("\nusage:")
    usage, _, _ = usage.partition("\ncaps:")
    inputs["terms"] = f"{head}\nusage:{usage}\n"
    assert compose(inputs).data["verdict"]["result"] == "needs_review"
    for entry in inputs["items"]:
        entry["power"] = {"pue": pue()}
    assert compose(inputs).data["verdict"]["result"] == "met"


def test_a_feed_that_was_not_measured_makes_its_intervals_unknown() -> None:
    """Half the month of one feed is gone: the highest of both together is that of the rest."""
    inputs = power_inputs(COMMITTED, {"commit": {"kW": "5"}})
    del inputs["power"][0]["bins"][STEPS // 2 :]
    statement = compose(inputs)
    bins = section(statement, "kw")["bins"]
    assert (bins["expected"], bins["present"]) == (2976, 1488)
    assert booked(statement, "kw")["usage:kw.A05:over"] == "240.00"
    assert any("1,488 of 2,976" in warning["en"] for warning in statement.data["warnings"])


def test_bins_longer_than_the_interval_billed_are_refused() -> None:
    inputs = power_inputs(COMMITTED, {"commit": {"kW": "5"}})
    for feed in inputs["power"]:
        feed["bins"] = [
            [START + n * HOUR, HOUR, 3_000_000, 3_000_000, 3_000_000]
            for n in range((END - START) // HOUR)
        ]
    with pytest.raises(ValueError, match="longer than the 900 s"):
        compose(inputs)


CASES = {
    "pool": pool_inputs(),
    "kw": power_inputs(COMMITTED, {"commit": {"kW": "5"}}),
    "kwh": power_inputs(METERED, {"pue": pue()}),
    "unknown": power_inputs(METERED, {}),
    "group": inputs_of(bandwidth="    pool: metro-a\n"),
    "least": inputs_of(bandwidth="    at_least: 900000.00\n"),
    "most": inputs_of(bandwidth="    at_most: 1.00\n"),
}


@pytest.mark.parametrize("name", CASES)
def test_it_fits_the_schema_and_is_composed_again_from_its_files(name: str) -> None:
    statement = compose(CASES[name])
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    found = jsonschema.Draft202012Validator(schema).iter_errors(statement.data)
    assert [error.message for error in found] == []
    assert as_json(compose(read_inputs(statement.attachments)).data) == as_json(statement.data)
    for usage in statement.data["usage"]:
        if usage["amount"] is not None:
            lines = booked(statement, usage["usage"]).items()
            mine = [amount for key, amount in lines if key.startswith(f"usage:{usage['id']}")]
            assert sum(map(Decimal, mine)) == Decimal(usage["amount"])


def test_limits_are_lines_of_their_own() -> None:
    assert "usage:bandwidth.BW-A05:minimum" in booked(compose(CASES["least"]), "bandwidth")
    assert booked(compose(CASES["most"]), "bandwidth")["usage:bandwidth.BW-A05:ceiling"][0] == "-"


def test_whether_an_order_names_a_group_is_never_assumed() -> None:
    assert section(compose(CASES["group"]), "bandwidth")["amount"] is None
    named = copy.deepcopy(CASES["group"])
    for entry in named["items"]:
        entry["group"] = ""
    assert section(compose(named), "bandwidth")["amount"] is not None


@pytest.mark.parametrize("name", ["pool", "unknown"])
def test_the_signed_file_is_proven(tmp_path: Path, name: str) -> None:
    statement = compose(CASES[name])
    signer = generate_signer(tmp_path, "操作方")
    files = [
        Attachment(f.name, f.content, f.media_type, f.what["zh"]) for f in statement.attachments
    ]
    path = tmp_path / "statement.pdf"
    pages = render(statement.data, files)
    path.write_bytes(sign(pages, signer, datetime(2026, 11, 1, tzinfo=UTC)))
    result = CliRunner().invoke(
        main, ["statement", "verify", str(path), "--trust", str(tmp_path / CERTIFICATE_NAME)]
    )
    assert result.exit_code == 0, result.output
