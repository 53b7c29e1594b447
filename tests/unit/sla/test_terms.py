"""What terms may say and what they may not: each refusal names the place, each has its control."""

from pathlib import Path

import pytest

from dcim.sla.rules.language.loading import load_terms
from dcim.sla.rules.language.tree import LONGEST_TEXT, TermsRefusedError
from dcim.sla.rules.language.words import clause_words

PRESETS = sorted((Path(__file__).parents[3] / "dcim" / "demo" / "terms").glob("*.yaml"))

GOOD = """
terms: t
version: "1"
title: {zh: 条款, en: Terms}
currency: CNY
rounding: half_up to 0.01
time_zone: Asia/Shanghai
period: calendar_month
metrics:
  net:
    title: {zh: 网络, en: Network}
    kind: network
    applies_to: bandwidth
    observe: port
    combine: single
    event_rounding: none
    target: availability >= 99.9 %
    credit:
      form: tiers_availability
      tiers:
        - {from: 99.0 %, below: 99.9 %, credit: 10 %}
        - {from: 0 %, below: 99.0 %, credit: 50 %}
"""


def refused(text: str) -> str:
    with pytest.raises(TermsRefusedError) as caught:
        load_terms(text)
    return str(caught.value)


def change(old: str, new: str, text: str = GOOD) -> str:
    assert old in text
    return text.replace(old, new, 1)


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)
def test_presets_load_without_warnings_and_read_in_both_languages(path: Path) -> None:
    terms = load_terms(path.read_text(encoding="utf-8"))
    assert terms.warnings == ()
    words = clause_words(terms)
    assert {"general", "power", "network", "temperature", "caps"} <= {str(w["id"]) for w in words}


def test_good_terms_load() -> None:
    assert load_terms(GOOD).metrics[0].target.availability is not None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("time_zone: Asia/Shanghai\n", "", "time_zone: is missing"),
        ("Asia/Shanghai", "Asia/Peking", "no time zone"),
        ("Asia/Shanghai", "../../etc/passwd", "no time zone"),
        ("rounding: half_up to 0.01\n", "", "rounding: is missing"),
        ("half_up to 0.01", "nearest to 0.01", "half_up"),
        ("    event_rounding: none\n", "", "event_rounding: is missing"),
        ("currency: CNY", "currency: RMB元", "currency code"),
        ("combine: single", "combine: both", "single, any, all"),
        ("combine: single", "combin: single", "is not a word known here"),
        ("form: tiers_availability", "form: tiers", "choices: flat, tiers_duration"),
        ("availability >= 99.9 %", "uptime 99.9", "must read like"),
        ("availability >= 99.9 %", "availability >= 0 %", "above 0 %"),
        ("credit: 10 %}", "credit: -10 %}", "number"),
        ("credit: 10 %}", "credit: 10 USD}", "not in CNY"),
        ("credit: 10 %}", "credit: 1 day}", "day_value: is missing"),
        ("from: 99.0 %", "from: 99.0", "must be a percentage"),
        ("from: 99.0 %, below", "from: 99.9 %, below", "not below the upper"),
        ("from: 99.0 %, below", "from: 99.0 %, above: 99 %, below", "one of them"),
        ("title: {zh: 网络, en: Network}", "title: 网络", "one in en"),
        ("period: calendar_month", "period: week", "choices: calendar_month"),
        ("  net:", "  NET:", "lower case"),
        ("kind: network", "kind: ''", "not empty"),
        ("kind: network", "kind: [a]", "plain text"),
        ("metrics:", "termination: [{metrics: [pow], when: events > 3}]\nmetrics:", "no metric"),
    ],
)
def test_refusals_name_the_place(old: str, new: str, said: str) -> None:
    assert said in refused(change(old, new))


def test_a_refusal_names_line_place_and_every_problem_at_once() -> None:
    text = change("combine: single", "combine: both", change("rounding: half_up", "rounding: up"))
    said = refused(text).splitlines()
    assert len(said) == 2
    assert said[0].startswith("line 6, rounding:")
    assert said[1].startswith("line 15, metrics.net.combine:")


def test_doubled_words_are_refused_with_both_lines() -> None:
    said = refused(change("version:", "currency: USD\nversion:"))
    assert "line 6, currency: stands twice, first on line 3" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: &x 1\nb: *x\n", "anchors"),
        ("a: !!python/object:os.system 1\n", "tags"),
        ("[" * 40 + "]" * 40, "nested"),
        ("a: [", "not readable"),
        ("", "empty"),
        ("- a\n", "group of words"),
        ("x" * (LONGEST_TEXT + 1), "longer than"),
        ("a: 1\n---\nb: 2\n", "not readable"),
    ],
)
def test_tricks_of_yaml_are_refused(text: str, said: str) -> None:
    assert said in refused(text)


def test_scalars_are_text_not_yaml_types() -> None:
    """`NO` stays text, 1.10 keeps its zero, 0o17 is no number."""
    terms = load_terms(change('version: "1"', "version: 1.10", change("terms: t", "terms: NO")))
    assert (terms.name, terms.version) == ("NO", "1.10")


TIERS = "        - {from: 99.0 %, below: 99.9 %, credit: 10 %}\n"


@pytest.mark.parametrize(
    ("row", "said", "word"),
    [
        ("{from: 99.1 %, below: 99.9 %, credit: 10 %}", "between 99 % and 99.1 %", "hole: lower"),
        ("{above: 99.0 %, below: 99.9 %, credit: 10 %}", "exactly 99 %", "hole: review"),
        ("{from: 99.0 %, below: 99.8 %, credit: 10 %}", "above 99.8 %", "hole: none"),
        ("{from: 98.5 %, below: 99.9 %, credit: 10 %}", "in two rows", "overlap: upper"),
    ],
)
def test_holes_and_overlaps_are_refused_until_the_terms_settle_them(
    row: str, said: str, word: str
) -> None:
    text = change(TIERS, f"        - {row}\n")
    assert said in refused(text)
    load_terms(change("      tiers:", f"      {word}\n      tiers:", text))


def test_rows_of_two_decimals_meet_when_rounded_and_not_when_exact() -> None:
    rows = TIERS + "        - {from: 0 %, below: 99.0 %, credit: 50 %}\n"
    closed = (
        "        - {from: 99.00 %, up_to: 99.89 %, credit: 10 %}\n"
        "        - {from: 0 %, up_to: 98.99 %, credit: 50 %}\n"
    )
    text = change(rows, closed)
    assert "between 98.99 % and 99 %" in refused(text)
    load_terms(change("      tiers:", "      compare: rounded to 2 decimals\n      tiers:", text))
    telus = change("98.99 %", "96.89 %", text)
    rounded = change("      tiers:", "      compare: rounded to 2 decimals\n      tiers:", telus)
    assert "hole" in refused(rounded)


@pytest.mark.parametrize(
    ("percent", "minutes"), [("99.9", "<= 44 min"), ("99.99", "<= 4.4 min"), ("99.9", "< 44 min")]
)
def test_percent_against_minutes_needs_governs(percent: str, minutes: str) -> None:
    both = f"target: [availability >= {percent} %, downtime {minutes}]"
    text = change("target: availability >= 99.9 %", both)
    text = change("      tiers:", "      hole: none\n      tiers:", text)
    assert "say which governs" in refused(text)
    for word in ("percent", "minutes", "both"):
        load_terms(change(both, f"{both}\n    governs: {word}", text))
    assert "governs" in refused(change("combine: single", "combine: single\n    governs: percent"))


def test_rounding_of_events_can_make_percent_and_minutes_agree() -> None:
    """99.9 % of a fixed 30 days is 43.2 min; counted in whole minutes that is 43."""
    both = "denominator: fixed 43200 min\n    target: [availability >= 99.9 %, downtime <= 43 min]"
    text = change("target: availability >= 99.9 %", both)
    assert "say which governs" in refused(text)
    load_terms(change("event_rounding: none", "event_rounding: up to 1 min", text))


def test_duration_rows_must_reach_from_the_target_to_no_end() -> None:
    def ladder(rows: str) -> str:
        start = GOOD.index("    target:")
        return (
            GOOD[:start]
            + "    target: no downtime\n    credit:\n      form: tiers_duration\n      tiers:\n"
            + rows
        )

    load_terms(ladder("        - {above: 0 s, credit: 5 %}\n"))
    assert "0 s to 10 min" in refused(ladder("        - {above: 10 min, credit: 5 %}\n"))
    assert "without end" in refused(ladder("        - {above: 0 s, up_to: 5 h, credit: 5 %}\n"))


def test_hash_is_of_the_content_not_the_layout() -> None:
    first = load_terms(GOOD).sha256
    again = "# comment\n" + change('version: "1"\n', "", GOOD) + "version: 1\n"
    assert load_terms(again).sha256 == first
    assert load_terms(change("credit: 10 %", "credit: 11 %")).sha256 != first


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("credit: 50 %}", "credit: 5 %}", "smaller credit"),
        ("      tiers:", "      cap: 20 %\n      tiers:", "highest row"),
        ("      tiers:", "      hole: none\n      tiers:", "have none"),
        (
            "    target:",
            "    exclude: [{class: maintenance, effect: not_down}]\n    target:",
            "without any notice",
        ),
    ],
)
def test_legal_but_odd_gives_a_warning(old: str, new: str, said: str) -> None:
    warnings = load_terms(change(old, new)).warnings
    assert any(said in warning["en"] for warning in warnings)
    assert load_terms(GOOD).warnings == ()


def test_every_word_of_the_presets_is_in_the_document() -> None:
    document = (Path(__file__).parents[3] / "docs" / "terms.md").read_text(encoding="utf-8")
    words = {
        line.strip(" -{").split(":")[0]
        for path in PRESETS
        for line in path.read_text(encoding="utf-8").splitlines()
        if ":" in line and not line.strip().startswith("#")
    }
    names = {"power", "network", "temperature", "bandwidth"}
    assert {word for word in words - names if f"`{word}" not in document} == set()
