"""`dcim sla` as a newcomer calls it: from a shell, in an empty folder, without an instance."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner, Result

from dcim.cli import main
from dcim.sla.preset_terms import load_preset
from dcim.sla.rules.files.report_schema import report_schema
from dcim.sla.rules.language.loading import load_terms
from tests.unit.sla.test_cases import read_case
from tests.unit.sla.test_facts_loading import CASES, dump

ROOT = Path(__file__).parents[3]
REPORT = jsonschema.Draft202012Validator(report_schema())
FACTS = """\
period: 2025-10
items:
  - {id: A05, kind: cabinet, mrc: 6000.00}
resources:
  feed-A: power_feed
  feed-B: power_feed
down:
  - [feed-A, 2025-10-09 02:10, 2025-10-09 03:25]
  - [feed-B, 2025-10-09 03:10, 2025-10-09 04:00]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With the preset of both feeds as terms.yaml, and facts of a breach."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "terms.yaml").write_text(load_preset("power-both-feeds").text, encoding="utf-8")
    (tmp_path / "facts.yaml").write_text(FACTS, encoding="utf-8")
    return tmp_path


def shell(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The real program, where no database, no settings and no instance are."""
    known = {key: value for key, value in os.environ.items() if not key.startswith("DCIM_")}
    return subprocess.run(
        [sys.executable, "-P", "-m", "dcim.cli", "sla", *words],
        cwd=folder,
        env={**known, "PYTHONPATH": str(ROOT), "DCIM_DATA": str(folder / "nowhere")},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def call(*words: str) -> Result:
    return CliRunner().invoke(main, ["sla", *words])


EVALUATE = ("evaluate", "--terms", "terms.yaml", "--facts", "facts.yaml")


def test_a_breach_is_explained_step_by_step(folder: Path) -> None:
    done = shell(folder, *EVALUATE, "--period", "2025-10")
    assert (done.returncode, done.stderr) == (1, "")
    for said in (
        "power.A05  4.1 Power: BREACHED",
        "Counted downtime: 15 min",
        "Availability: 99.966398 % of 744 h",  # 900 s of 2,678,400 s
        "Row: downtime 15 min = downtime more than 5 min, up to 45 min: 5 %",
        "Credit: 6,000.00 × 5 % = 300",
        "rounded half up to 2 decimals = 300.00 CNY",
        "2025-10-09 03:10:00+08:00 – 2025-10-09 03:25:00+08:00  15 min  down: all down at once",
        "only feed-A was down, the rest carried: not counted under the terms",
        "Credits in total: 300.00 CNY",
        "Verdict: breached",
    ):
        assert said in done.stdout
    assert not (folder / "nowhere").exists()


def test_chinese_and_the_preset_by_its_name(folder: Path) -> None:
    words = ("evaluate", "--terms", "preset:power-both-feeds", "--facts", "facts.yaml")
    done = shell(folder, *words, "--language", "zh")
    assert done.returncode == 1
    for said in ("未达标", "可用率: 99.966398 %", "抵扣合计: 300.00 CNY", "同时中断"):
        assert said in done.stdout


def test_json_has_the_documented_shape(folder: Path) -> None:
    done = shell(folder, *EVALUATE, "--json")
    report = json.loads(done.stdout)
    assert done.returncode == report["exit_code"] == 1
    REPORT.validate(report)
    (result,) = report["results"]
    assert (result["downtime_ms"], result["denominator_ms"]) == (900_000, 2_678_400_000)
    trace = result["trace"]
    assert trace["up_ms"] + sum(line["length_ms"] for line in trace["lines"]) == 2_678_400_000
    assert report["credits"]["total"] == "300.00"
    printed = json.loads(shell(folder, "evaluate", "--schema").stdout)
    assert printed == report_schema()


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_every_worked_case_from_two_files(folder: Path, path: Path) -> None:
    case = read_case(path)
    Path("terms.yaml").write_text(case["terms"], encoding="utf-8")
    Path("facts.yaml").write_text(dump(case), encoding="utf-8")
    done = call(*EVALUATE, "--json")
    report = json.loads(done.stdout)
    REPORT.validate(report)
    expected = case["expected"]
    assert report["credits"]["total"] == expected["credit_total"]
    for result in report["results"]:
        want = expected["metrics"][result["id"]]
        assert (result["result"], result["credit"]["amount"]) == (want["result"], want["credit"])
        if "availability" in want:
            assert result["availability_pct"] == want["availability"]
    text = call(*EVALUATE).stdout
    assert f"Credits in total: {int(float(expected['credit_total'])):,}" in text


@pytest.mark.parametrize(
    ("rows", "conditions", "code", "verdict"),
    [
        ("", "", 0, "met"),
        ("down: [[a, 2025-10-09 02:00, 2025-10-09 05:00]]", "dual_fed: yes", 1, "breached"),
        ("down: [[a, 2025-10-09 02:00, 2025-10-09 05:00]]", "dual_fed: no", 4, "missed, not eli"),
        ("down: [[a, 2025-10-09 02:00, 2025-10-09 05:00]]", "", 3, "needs review"),
        ("unknown: [[a, 2025-10-09 02:00, 2025-10-09 05:00]]", "", 3, "needs review"),
    ],
)
def test_the_exit_code_tells_the_verdict(
    folder: Path, rows: str, conditions: str, code: int, verdict: str
) -> None:
    (folder / "facts.yaml").write_text(
        f"items: [{{id: A05, kind: cabinet, mrc: 1.00, conditions: {{{conditions}}}}}]\n"
        f"resources: {{a: power_feed}}\n{rows}\n"
    )
    done = call(
        "evaluate", "--terms", "preset:per-tenth-of-percent", "--facts", "facts.yaml",
        "--period", "2025-10",
    )  # fmt: skip
    assert done.exit_code == code
    assert f"Verdict: {verdict}" in done.stdout


def test_a_millisecond_down_is_never_a_hundred_percent(folder: Path) -> None:
    rows = "[2025-10-09T00:00:00Z, 2025-10-09T00:00:00.001Z]"[1:-1]
    (folder / "facts.yaml").write_text(
        "period: 2025-10\nitems: [{id: A05, kind: cabinet, mrc: 1.00}]\n"
        f"resources: {{a: power_feed}}\ndown: [[a, {rows}]]\n"
    )
    done = call(*EVALUATE)
    assert "Availability: 99.999999 %" in done.stdout
    assert done.exit_code == 1


def test_usage_from_a_table_beside_the_facts(folder: Path) -> None:
    terms = load_preset("power-both-feeds").text + (
        "usage:\n  energy:\n    title: {zh: 电量, en: Energy}\n    applies_to: cabinet\n"
        "    method: energy\n    price: 1.20\n"
    )
    (folder / "terms.yaml").write_text(terms, encoding="utf-8")
    done = call(*EVALUATE)
    assert "energy.A05  Energy: no samples given: not charged" in done.stdout
    assert "Usage in total" not in done.stdout
    (folder / "meter.csv").write_text(
        "from,to,kwh\n2025-10-01 00:00,2025-10-01 00:15,1.5\n2025-10-01 00:15,2025-10-01 00:30,2\n"
    )
    usage = "usage: [{usage: energy, item: A05, samples: meter.csv}]\n"
    (folder / "facts.yaml").write_text(FACTS + usage, encoding="utf-8")
    done = call(*EVALUATE)
    assert "energy.A05  Energy: 4.20 CNY" in done.stdout
    assert "intervals measured: 2 / 2976" in done.stdout
    report = json.loads(call(*EVALUATE, "--json").stdout)
    REPORT.validate(report)
    assert report["usage_total"] == "4.20"
    assert [table["name"] for table in report["facts"]["tables"]] == ["meter.csv"]


CLOSED_EARLY = "{opened_at: 2025-10-09 03:00, closed_at: 2025-10-09 02:00}"
# What is wrong, the facts (FACTS with a change), further words, and what the message must hold.
BAD_FACTS: dict[str, tuple[str, str, tuple[str, ...], str]] = {
    "no such file": ("", "", ("--facts", "none.yaml"), "There is no file none.yaml."),
    "a folder": ("", "", ("--facts", "."), "can't be read"),
    "empty": (FACTS, "", (), "empty"),
    "no YAML": ("period: 2025-10", "period: [", (), "facts: not readable as YAML"),
    "another period": ("", "", ("--period", "2025-11"), "2025-11 was asked for"),
    "no month": ("period: 2025-10", "period: 10/2025", (), "no month such as 2026-10"),
    "not begun": ("period: 2025-10", "period: 2999-10", (), "2999-10 has not begun"),
    "still open": ("period: 2025-10", "period: 2025-10\nas_of: 2025-10-09 03:20", (), "still open"),
    "end before start": ("2025-10-09 04:00", "2025-10-09 03:00", (), "is not after the start"),
    "without end": (", 2025-10-09 04:00]", "]", (), "is missing: say when the down time ended"),
    "unknown resource": ("  - [feed-A", "  - [feed-C", (), "choices: feed-A, feed-B"),
    "contradiction": ("down:", "up:\n  - [feed-A, 2025-10-09 03:00, 2025-10-09 04:00]\ndown:", (),
                      "say which holds"),
    "negative money": ("6000.00", "-6000.00", (), "is negative"),
    "wrong currency": ("6000.00", "6000.00 USD", (), "is not in CNY"),
    "float": ("6000.00", "6e3", (), "written as a float; write it out"),
    "doubled key": ("period: 2025-10", "period: 2025-10\nperiod: 2025-10", (), "stands twice"),
    "unknown word": ("mrc: 6000.00", "fee: 6000.00", (), "is not a word known here"),
    "two of one id": ("resources:", "  - {id: A05, kind: cabinet, mrc: 1.00}\nresources:", (),
                      "'A05' stands twice"),
    "clock backwards": ("down:", f"tickets: [{CLOSED_EARLY}]\ndown:", (), "the clock ran back"),
    "no instant": ("2025-10-09 04:00", "yesterday", (), "no instant such as"),
    "values without a limit": (
        "down:",
        "  t: {kind: power_feed, otherwise: 5 V}\ndown:",
        (),
        "has values, metric power states no limit",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_FACTS)
def test_bad_facts_are_told_with_the_place_and_no_traceback(folder: Path, name: str) -> None:
    old, new, words, said = BAD_FACTS[name]
    assert old in FACTS
    (folder / "facts.yaml").write_text(FACTS.replace(old, new, 1), encoding="utf-8")
    done = call(*EVALUATE, *words)
    assert isinstance(done.exception, SystemExit)
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr


def test_the_facts_of_these_tests_are_good(folder: Path) -> None:
    """The control of the test above: what it changes is what is refused."""
    assert call(*EVALUATE).exit_code == 1
    assert folder.is_dir()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfe", "is not UTF-8 text"),
        (b"x" * 900_000, "is longer than"),
        (b"period: 2025-10\nitems: &a []\n", "anchors, aliases and tags"),
        (b"[" * 50, "nested too deeply"),
    ],
)
def test_hostile_facts_are_refused(folder: Path, content: bytes, said: str) -> None:
    (folder / "facts.yaml").write_bytes(content)
    done = shell(folder, *EVALUATE)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["../secret.csv", "/etc/hostname", "none.csv"])
def test_samples_lie_beside_the_facts(folder: Path, name: str) -> None:
    below = folder / "below"
    below.mkdir()
    (folder / "secret.csv").write_text("from,to,kwh\n2025-10-01 00:00,2025-10-01 00:15,1\n")
    terms = load_preset("power-both-feeds").text + (
        "usage:\n  energy:\n    title: {zh: 电量, en: Energy}\n    applies_to: cabinet\n"
        "    method: energy\n    price: 1.20\n"
    )
    (folder / "terms.yaml").write_text(terms, encoding="utf-8")
    usage = f"usage: [{{usage: energy, item: A05, samples: {name}}}]\n"
    (below / "facts.yaml").write_text(FACTS + usage)
    done = call("evaluate", "--terms", "terms.yaml", "--facts", "below/facts.yaml")
    assert done.exit_code == 2
    assert ("lies outside the folder" if name != "none.csv" else "There is no file") in done.stderr


def test_terms_that_change_within_the_month_judge_their_own_days(folder: Path) -> None:
    """The outage on the 9th: 15 minutes, 5 % by the first text, nothing by the second."""
    text = load_preset("power-both-feeds").text
    for name, credit in (("terms", "5 %"), ("new", "7 %")):
        changed = re.sub(r"(up_to: 45 min, credit: )[0-9.]+ %", rf"\g<1>{credit}", text)
        (folder / f"{name}.yaml").write_text(changed, encoding="utf-8")
    done = call(*EVALUATE, "--later", "2025-10-15=new.yaml")
    assert done.exit_code == 1
    assert "from 2025-10-15: Power on both feeds" in done.stdout
    assert "power.A05  4.1 Power (before 10-15): BREACHED" in done.stdout
    assert "power@2025-10-15.A05  4.1 Power (from 10-15): MET" in done.stdout
    assert "Credits in total: 300.00 CNY" in done.stdout
    # The other way round the second text judges the outage.
    done = call(*EVALUATE, "--later", "2025-10-02=new.yaml", "--json")
    report = json.loads(done.stdout)
    REPORT.validate(report)
    assert [one["from"] for one in report["terms"]["changes"]] == [None, "2025-10-02"]
    assert report["credits"]["total"] == "420.00"
    for bad, why in (
        ("15=new.yaml", "2026-10-15=new.yaml"),
        ("2025-10-15=none.yaml", "no file"),
        ("2025-10-01=new.yaml", "within 2025-10"),
        ("2025-11-02=new.yaml", "within 2025-10"),
    ):
        refused = call(*EVALUATE, "--later", bad)
        assert refused.exit_code == 2
        assert why in refused.stderr


def test_a_later_text_that_charges_otherwise_is_refused(folder: Path) -> None:
    text = load_preset("power-both-feeds").text
    (folder / "new.yaml").write_text(text.replace("half_up to 0.01", "down to 0.01"), "utf-8")
    refused = call(*EVALUATE, "--later", "2025-10-15=new.yaml")
    assert refused.exit_code == 2
    assert "rounding: it counts for a whole month and can't change on 2025-10-15" in refused.stderr
    assert "不能在" in call(*EVALUATE, "--later", "2025-10-15=new.yaml", "--language", "zh").stderr


def test_a_month_still_open_is_judged_so_far_when_told(folder: Path) -> None:
    (folder / "facts.yaml").write_text(f"as_of: 2025-10-20 00:00\n{FACTS}")
    assert call(*EVALUATE).exit_code == 2
    done = call(*EVALUATE, "--provisional")
    assert done.exit_code == 1
    assert "PROVISIONAL, judged only up to 2025-10-20 00:00:00+08:00" in done.stdout
    assert "of 456 h" in done.stdout  # 19 days


def test_terms_that_cannot_be_used_name_every_problem(folder: Path) -> None:
    text = load_preset("power-both-feeds").text
    bad = text.replace("combine: all", "combine: most").replace("rounding: half_up to 0.01", "")
    (folder / "terms.yaml").write_text(bad, encoding="utf-8")
    for done in (shell(folder, *EVALUATE), shell(folder, "check", "terms.yaml")):
        assert (done.returncode, done.stdout) == (2, "")
        assert "rounding: is missing" in done.stderr
        assert "line 18, metrics.power.combine: 'most' must be single, any, all" in done.stderr
    told = call("check", "terms.yaml", "--json")
    assert told.exit_code == 2
    assert [each["place"] for each in json.loads(told.stdout)["problems"]] == [
        "rounding",
        "metrics.power.combine",
    ]


def test_refusals_are_told_in_chinese_where_that_is_asked(folder: Path) -> None:
    text = load_preset("power-both-feeds").text
    bad = text.replace("combine: all", "combine: most").replace("rounding: half_up to 0.01", "")
    (folder / "terms.yaml").write_text(bad, encoding="utf-8")
    for words in (EVALUATE, ("check", "terms.yaml")):
        done = shell(folder, *words, "--language", "zh")
        assert done.returncode == 2
        assert "terms.yaml 不能使用：" in done.stderr
        assert "rounding：没有写" in done.stderr
        assert "第 18 行，metrics.power.combine：'most' 应为 single、any、all" in done.stderr
        assert "is missing" not in done.stderr
    told = json.loads(call("check", "terms.yaml", "--json", "--language", "zh").stdout)
    assert told["problems"][0]["message"] == "没有写"
    (folder / "terms.yaml").write_text(text.replace("notice: 72 h, ", ""), encoding="utf-8")
    assert "注意：power：维护不要求提前通知" in call(
        "check", "terms.yaml", "--language", "zh"
    ).stdout  # fmt: skip


def test_check_and_say_tell_how_the_terms_read(folder: Path) -> None:
    text = load_preset("power-both-feeds").text.replace(", min_coverage: 95 %", "")
    (folder / "terms.yaml").write_text(text, encoding="utf-8")
    done = call("check", "terms.yaml")
    assert done.exit_code == 0
    assert f"SHA-256 {load_terms(text).sha256}" in done.stdout
    assert "Warning: power: no minimum coverage is named" in done.stdout
    assert "no downtime" in done.stdout
    told = json.loads(call("check", "terms.yaml", "--json").stdout)
    assert (told["usable"], len(told["warnings"])) == (True, 1)
    said = call("say", "terms.yaml", "--language", "zh")
    assert said.exit_code == 0
    assert "4.1 供电" in said.stdout
    assert "不得中断" in said.stdout


def test_compare_tells_what_changed(folder: Path) -> None:
    old = (folder / "terms.yaml").read_text(encoding="utf-8")
    new = (
        old.replace("# Power of", "# power of")
        .replace("notice: 72 h", "notice: 48 h")
        .replace("        - {above: 24 h, credit: 100 %}\n", "")
        .replace("up_to: 24 h, ", "")
        .replace("        - {above: 0 min,", "        - {above: 0 min,")
        + "caps: {month: 50 %}\n"
    )
    (folder / "new.yaml").write_text(new, encoding="utf-8")
    done = shell(folder, "compare", "terms.yaml", "new.yaml")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[:4] == [
        "metrics.power.exclude[1].notice: 72 h  ->  48 h",
        "metrics.power.credit.tiers[7].up_to: gone, was: 24 h",
        "metrics.power.credit.tiers[8]: gone, was: {above: 24 h, credit: 100 %}",
        "caps: new: {month: 50 %}",
    ]
    assert any(line.startswith("- ") and "72 h" in line for line in lines)
    assert any(line.startswith("+ ") and "48 h" in line for line in lines)
    assert json.loads(call("compare", "terms.yaml", "new.yaml", "--json").stdout)["words"][0] == {
        "place": "metrics.power.exclude[1].notice",
        "old": "72 h",
        "new": "48 h",
        "line": 24,
    }
    (folder / "same.yaml").write_text(f"# a comment\n{old}", encoding="utf-8")
    same = call("compare", "terms.yaml", "same.yaml")
    assert (same.exit_code, "Both say the same" in same.stdout) == (0, True)
    assert call("compare", "terms.yaml", "none.yaml").exit_code == 2


def test_presets_are_listed_and_printed_as_they_are(folder: Path) -> None:
    listed = shell(folder, "presets")
    assert listed.returncode == 0
    assert "power-both-feeds" in listed.stdout
    assert call("presets", "power-both-feeds").stdout == load_preset("power-both-feeds").text
    wrong = call("presets", "power")
    assert wrong.exit_code == 2
    assert "There is no preset 'power'; there are availability-tiers," in wrong.stderr


def test_what_is_asked_must_be_said(folder: Path) -> None:
    done = call("evaluate", "--terms", "terms.yaml")
    assert done.exit_code == 2
    assert "Say both" in done.stderr
    assert "两项都要写" in call("evaluate", "--facts", "facts.yaml", "--language", "zh").stderr
    assert folder.is_dir()
