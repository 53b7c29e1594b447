"""docs/sla-files.md is true: its examples run as printed, and it explains every word."""

import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from dcim.cli import main
from dcim.sla.preset_terms import load_preset
from dcim.sla.rules.files.facts import FactsRefusedError, load_facts
from dcim.sla.rules.files.report import report_evaluation
from dcim.sla.rules.language.loading import load_terms
from tests.unit.sla.test_facts_loading import FULL, TERMS

DOCUMENT = (Path(__file__).parents[3] / "docs/sla-files.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```yaml\n(.*?)```", DOCUMENT, re.S)
DOCUMENTED = """
terms: documented
version: "1"
title: {zh: 条款, en: Terms}
currency: CNY
rounding: half_up to 0.01
time_zone: Asia/Shanghai
period: calendar_month
metrics:
  power:
    title: {zh: 供电, en: Power}
    kind: power
    applies_to: cabinet
    observe: power_feed
    combine: all
    event_rounding: none
    exclude: [{class: maintenance, notice: 72 h, effect: out_of_both}]
    target: no downtime
    credit: {form: flat, give: 10 %}
  network:
    title: {zh: 网络, en: Network}
    kind: network
    applies_to: bandwidth
    observe: port
    combine: single
    event_rounding: none
    target: no downtime
    credit: {form: flat, give: 10 %}
  temperature:
    title: {zh: 温度, en: Temperature}
    kind: temperature
    applies_to: cabinet
    observe: temperature
    limit: {from: 18 degC, up_to: 27 degC}
    combine: any
    event_rounding: none
    target: no downtime
    credit: {form: flat, give: 10 %}
usage:
  bandwidth:
    title: {zh: 带宽, en: Bandwidth}
    applies_to: bandwidth
    method: percentile
    percentile: 95
    interval: 300 s
    direction: higher_percentile
    rank: nearest
    missing: dropped
    min_cover: 50 %
    commit: item
    price: {over: item}
  energy: {title: {zh: 电量, en: Energy}, applies_to: cabinet, method: energy, price: 1.20}
  breakers:
    {title: {zh: 电力, en: Power}, applies_to: cabinet, method: breakered, price: item}
  committed:
    title: {zh: 电力, en: Power}
    applies_to: cabinet
    method: committed_power
    unit: kW
    measured_as: highest
    missing: dropped
    commit: 80 % of rating
    price: {committed: 100.00, over: committed + 20 %}
  cooled:
    title: {zh: 电量, en: Energy}
    applies_to: cabinet
    method: energy
    pue: measured
    price: 1.00
"""


def test_the_first_example_prints_what_the_document_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("terms.yaml").write_text(load_preset("power-both-feeds").text, encoding="utf-8")
    Path("facts.yaml").write_text(SNIPPETS[0], encoding="utf-8")
    command = re.search(r"`dcim (sla evaluate --terms terms.yaml .*?)` prints", DOCUMENT)
    shown = re.search(r"```\n(Terms: .*?)```", DOCUMENT, re.S)
    assert command is not None
    assert shown is not None
    done = CliRunner().invoke(main, command[1].split())
    assert done.exit_code == 1
    assert done.stdout == shown[1]


def test_all_other_examples_are_one_file_that_can_be_judged() -> None:
    rows = re.findall(r"^\| `(down|unknown|up|values)` \|.*\| `- (.*?)` \|$", DOCUMENT, re.M)
    assert len(rows) == 4
    text = "period: 2025-10\n" + "".join(SNIPPETS[1:])
    text += "".join(f"{word}:\n  - {row}\n" for word, row in rows)
    table = "from,to,in_mbit_s,out_mbit_s\n2025-10-01 00:00,2025-10-01 00:05,120,80\n"
    terms = load_terms(DOCUMENTED)
    file = load_facts(text, terms, beside={"traffic.csv": table}.__getitem__)
    report = report_evaluation(terms, file)
    assert {result["id"]: result["result"] for result in report["results"]} == {
        # decided: its unknown time is up; the outages of feed-A, its only feed, count
        "power.A05": "breached",
        "power.A06": "met",  # in service from the 17th
        "network.BW1": "met",
        "temperature.A05": "breached",
        "temperature.A06": "met",
    }
    # 120 + 20 in, 80 + 4 out in the only common interval; 140 - 120 = 20 x 72.00
    assert report["usage"][0]["amount"] == "1440.00"
    amounts = {
        line["usage"]: line["amount"] for line in report["usage"] if line["items"] == ["A05"]
    }
    # 16 A at 15; 4 kW at 100 and 0.25 above at 120; 2 kWh x 1.5
    assert (amounts["breakers"], amounts["committed"], amounts["cooled"]) == (
        "240.00",
        "430.00",
        "3.00",
    )


def test_every_word_of_the_loader_is_explained() -> None:
    terms = load_terms(TERMS)
    whole = yaml.load(FULL, Loader=yaml.BaseLoader)  # noqa: S506
    words: set[str] = set()

    def visit(part: Any, path: tuple[Any, ...]) -> None:
        if isinstance(part, dict):
            document = deepcopy(whole)
            place = document
            for key in path:
                place = place[key]
            place["zzz"] = "x"
            try:
                load_facts(yaml.safe_dump(document), terms)
            except FactsRefusedError as error:
                for problem in error.problems:
                    if "not a word known here" in problem.message:
                        words.update(problem.choices)
        for key in part if isinstance(part, dict) else range(len(part)):
            if isinstance(part[key], dict | list):
                visit(part[key], (*path, key))

    visit(whole, ())
    assert len(words) > 50
    explained = set(re.findall(r"`([a-z_]+)`", DOCUMENT))
    assert words - explained == set()
