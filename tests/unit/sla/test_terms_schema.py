"""The published schema of the terms: made from one table, which must hold what the loader takes."""

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from dcim.metering.charging import Mode
from dcim.sla.preset_terms import load_preset, preset_names
from dcim.sla.rules.language.checks import IDLE_WORDS, MODE_NAMES
from dcim.sla.rules.language.loading import load_terms
from dcim.sla.rules.language.schema import CREDIT_FORMS, WORDS, make_schema
from dcim.sla.rules.language.tree import TermsRefusedError, parse_text
from dcim.sla.rules.language.usage_schema import USAGE_METHODS
from dcim.sla.rules.quantities import SAME_UNITS, VALUE_UNITS
from tests.unit.sla.test_cases import read_case

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
SCHEMA = make_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def documents() -> Iterator[tuple[str, str]]:
    for name in preset_names():
        yield f"preset {name}", load_preset(name).text
    for path in sorted((ROOT / "dcim/demo/terms").glob("*.yaml")):
        yield f"demo {path.stem}", path.read_text(encoding="utf-8")
    for path in sorted((HERE / "cases").rglob("*.yaml")):
        text = (
            read_case(path)["terms"]
            .replace("DIRECTION", "higher_percentile")
            .replace("RANK", "nearest")
        )
        yield f"case {path.stem}", text


class Editor(yaml.SafeLoader):
    """Numbers, dates, true and false are no text; yes, no and on are, as in YAML 1.2."""


Editor.yaml_implicit_resolvers = {
    first: [
        (tag, form) for tag, form in forms if tag != "tag:yaml.org,2002:bool" or first in "tfTF"
    ]
    for first, forms in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
DOCUMENTS = dict(documents())
FULL: dict[str, Any] = {
    "terms": "t",
    "version": "1",
    "title": {"zh": "条款", "en": "Terms"},
    "currency": "CNY",
    "rounding": "half_up to 0.01",
    "time_zone": "Asia/Shanghai",
    "period": "calendar_month",
    "rent": {"clause": "1", "prorate": "days"},
    "caps": {"item": "100 %", "month": "100.00 CNY", "clause": "2"},
    "combine_credits": "sum",
    "settle": {"when": "on_claim", "claim": {"within": "30 d", "from": "period_end"}},
    "tax": {"rate": "6 %", "mode": "included", "credit_is": "net"},
    "metrics": {
        "power": {
            "title": {"zh": "供电", "en": "Power"},
            "kind": "power",
            "applies_to": ["cabinet"],
            "observe": "power_feed",
            "limit": {"from": "18 degC", "up_to": "27 degC"},
            "combine": "all",
            "clock": {"start": "event", "stop": "restored"},
            "event_rounding": "none",
            "unknown": {"counts_as": "left_out", "min_coverage": "95 %"},
            "exclude": [
                {"class": "maintenance", "notice": "72 h", "effect": "out_of_both"},
                {
                    "class": "hot",
                    "effect": "not_down",
                    "while": {"observe": "outdoor", "above": "35 degC"},
                },
            ],
            "report": {"within": "7 business days", "from": "end"},
            "target": ["availability >= 99.9 %"],
            "credit": {
                "form": "tiers_availability",
                "tiers": [{"from": "0 %", "below": "99.9 %", "credit": "10 %"}],
            },
        },
        "calls": {
            "title": {"zh": "应答", "en": "Answers"},
            "kind": "response",
            "applies_to": ["cabinet"],
            "answers": {"to": "urgent_call", "within": "15 min"},
            "target": ["on_time >= 95 %"],
        },
    },
    "usage": {
        "bandwidth": {
            "title": {"zh": "带宽", "en": "Bandwidth"},
            "applies_to": ["port"],
            "method": "percentile",
            "percentile": "95",
            "interval": "300 s",
            "direction": "in",
            "rank": "nearest",
            "missing": "dropped",
            "min_cover": "50 %",
            "price": {"over": "8.00"},
            "valid_days": {"above": "10 kB"},
        },
        "steps": {
            "title": {"zh": "带宽", "en": "Bandwidth"},
            "applies_to": ["port"],
            "method": "percentile",
            "percentile": "95",
            "interval": "300 s",
            "direction": "in",
            "rank": "nearest",
            "missing": "carry",
            "min_cover": "50 %",
            "port": "item",
            "commit": "20 % of port",
            "at_least": "30 % of port",
            "at_most": "900.00 CNY",
            "pool": "contract",
            "pool_overage": "members",
            "partial_month": "zero",
            "price": {
                "committed": "item",
                "over": {
                    "by": "parts",
                    "rows": [
                        {"up_to": "100 Mbit/s", "price": "8.00"},
                        {"above": "100 Mbit/s", "price": "7.00"},
                    ],
                },
            },
        },
        "hours": {
            "title": {"zh": "电力", "en": "Power"},
            "applies_to": ["cabinet"],
            "method": "energy",
            "pue": "measured",
            "included": "100 kWh",
            "included_from": "dearest",
            "by_hours": [
                {"name": {"zh": "峰", "en": "peak"}, "hours": ["08:00-22:00"], "price": "1.20"},
                {"name": {"zh": "谷", "en": "valley"}, "hours": "22:00-08:00", "price": "0.40"},
            ],
        },
        "power": {
            "title": {"zh": "电力", "en": "Power"},
            "applies_to": ["cabinet"],
            "method": "committed_power",
            "unit": "A",
            "measured_as": "percentile",
            "percentile": "95",
            "rank": "nearest",
            "missing": "dropped",
            "commit": "80 % of rating",
            "price": {"committed": "200.00", "over": "committed + 20 %"},
        },
    },
    "termination": [{"metrics": ["power"], "when": "downtime > 1 %"}],
}


def at(path: str) -> tuple[dict[str, Any], Any]:
    """A fresh whole document, and the part of it at the path."""
    document = deepcopy(FULL)
    part: Any = document
    for key in path.split(".") if path else []:
        part = part[int(key) if key.isdigit() else key]
    return document, part


def text_of(document: dict[str, Any]) -> str:
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False)


def known_to_the_loader(document: dict[str, Any]) -> set[str]:
    """The choices it offers for the word `zzz` that stands somewhere in the document."""
    with pytest.raises(TermsRefusedError) as caught:
        load_terms(text_of(document))
    (problem,) = [each for each in caught.value.problems if each.place.endswith("zzz")]
    return set(problem.choices)


def test_it_is_a_schema_and_the_published_file_is_what_the_table_makes() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    published = (ROOT / "docs/terms.schema.json").read_text(encoding="utf-8")
    assert json.loads(published) == SCHEMA, "dcim sla schema > docs/terms.schema.json"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_what_the_loader_takes_is_valid(name: str) -> None:
    load_terms(DOCUMENTS[name])
    VALIDATOR.validate(parse_text(DOCUMENTS[name]).as_data())


@pytest.mark.parametrize("name", DOCUMENTS)
def test_an_editor_that_reads_numbers_finds_it_valid_too(name: str) -> None:
    VALIDATOR.validate(yaml.load(DOCUMENTS[name], Loader=Editor))  # noqa: S506


@pytest.mark.parametrize("unit", [*VALUE_UNITS, *SAME_UNITS])
def test_every_way_to_write_a_unit_is_valid(unit: str) -> None:
    document, limit = at("metrics.power.limit")
    limit |= {"from": f"18 {unit}", "up_to": f"27 {unit}"}
    load_terms(text_of(document))
    VALIDATOR.validate(document)


@pytest.mark.parametrize(
    ("path", "group"),
    [
        ("", "top"),
        ("rent", "rent"),
        ("caps", "caps"),
        ("metrics.power", "metric"),
        ("metrics.power.limit", "limit"),
        ("metrics.power.clock", "clock"),
        ("metrics.power.unknown", "unknown"),
        ("metrics.power.exclude.0", "exclusion"),
        ("metrics.power.exclude.1.while", "while"),
        ("metrics.power.report", "report"),
        ("metrics.calls.answers", "answers"),
        ("metrics.power.credit.tiers.0", "tier_availability"),
        ("termination.0", "right"),
        ("settle", "settle"),
        ("settle.claim", "claim"),
        ("tax", "tax"),
        ("usage.bandwidth.price", "price"),
        ("usage.bandwidth.valid_days", "valid_days"),
        ("usage.power.price", "price"),
        ("usage.steps.price.over", "price_rows"),
        ("usage.steps.price.over.rows.0", "price_row"),
        ("usage.hours.by_hours.0", "hours_price"),
    ],
)
def test_the_table_holds_the_words_that_the_loader_takes(path: str, group: str) -> None:
    document, part = at(path)
    part["zzz"] = "1"
    assert known_to_the_loader(document) == set(WORDS[group])
    assert not VALIDATOR.is_valid(document)


CREDITS: dict[str, dict[str, Any]] = {
    "flat": {"give": "10 %"},
    "tiers_duration": {"tiers": [{"above": "0 min", "credit": "5 %"}]},
    "tiers_availability": {"tiers": [{"below": "99.9 %", "credit": "5 %"}]},
    "per_increment": {"increment": "30 min", "counted": "started", "each": "5 %"},
    "per_shortfall": {"step": "0.1 %", "counted": "full", "each": "2 %"},
    "per_event": {"each": "1.00"},
    "per_day": {"each": "1.00"},
    "tiers_events": {"tiers": [{"above": "0", "credit": "5 %"}]},
    "prorata": {"day_value": "mrc/30"},
}


@pytest.mark.parametrize("form", CREDIT_FORMS)
def test_the_table_holds_the_words_of_each_form_of_credit(form: str) -> None:
    document, metric = at("metrics.power")
    metric["credit"] = {"form": form, **CREDITS[form]}
    VALIDATOR.validate(document)
    metric["credit"]["zzz"] = "1"
    common = {"form", "base", "cap", "day_value"}
    common |= {"cap_event", "cap_day", "fee_of", "week_value"}
    assert known_to_the_loader(document) == common | set(CREDIT_FORMS[form])
    assert not VALIDATOR.is_valid(document)


POWER: dict[str, dict[str, Any]] = {
    "energy": {"price": "1.00", "included": "5 kW"},
    "demand": {"price": "40.00", "window": "08:00-22:00"},
    "flat": {"price": "800.00", "at_least": "1.00"},
    "breakered": {"price": "item"},
    "committed_power": {
        key: value
        for key, value in FULL["usage"]["power"].items()
        if key not in ("title", "method")
    },
}


@pytest.mark.parametrize("method", USAGE_METHODS)
def test_the_table_holds_the_words_of_each_method_of_usage(method: str) -> None:
    document, usage = at("usage.bandwidth")
    if method != "percentile":
        keep = ("title", "applies_to")
        usage = {key: usage[key] for key in keep} | {"method": method, **POWER[method]}
        document["usage"]["bandwidth"] = usage
    load_terms(text_of(document))
    VALIDATOR.validate(document)
    usage["zzz"] = "1"
    common = {"title", "clause", "applies_to", "method"}
    assert known_to_the_loader(document) == common | set(USAGE_METHODS[method])
    assert not VALIDATOR.is_valid(document)


@pytest.mark.parametrize("mode", MODE_NAMES)
def test_a_mode_has_its_words_and_no_idle_ones(mode: Mode) -> None:
    document, usage = at("usage.bandwidth")
    usage["mode"] = mode
    for word, modes in IDLE_WORDS.items():
        if mode in modes:
            usage.pop(word, None)
    if mode == "night_half_95":
        usage["night"] = "23:00-07:00"
    if mode == "flat":
        usage |= {"commit": "10 Mbit/s", "price": {"committed": "1.00"}}
    document["usage"] = {"bandwidth": usage}
    load_terms(text_of(document))
    VALIDATOR.validate(document)
    values: dict[str, Any] = {
        "percentile": "95",
        "rank": "round",
        "direction": "in",
        "missing": "zero",
    }
    values |= {"round_up": "1 Mbit/s", "commit": "1 Mbit/s", "night": "00:00-08:00"}
    values |= {"pool": "contract", "pool_overage": "pool", "valid_days": {"above": "1 B"}}
    values |= {"partial_month": "zero", "rank_of": "30 d", "peak_of": "60 s"}
    values |= {"included": "1 TB"}
    for word, modes in IDLE_WORDS.items():
        if mode in modes:
            assert not VALIDATOR.is_valid(
                {**document, "usage": {"bandwidth": {**usage, word: values[word]}}}
            ), word


# A place, and what can't stand there: None takes the word away.
WRONG: list[tuple[str, str, Any]] = [
    ("", "currency", None),
    ("", "currency", "yuan"),
    ("", "rounding", None),
    ("", "rounding", "half_up"),
    ("", "time_zone", None),
    ("", "period", "week"),
    ("", "title", {"zh": "条款"}),
    ("", "combine_credits", "least"),
    ("caps", "item", "-5.00"),
    ("rent", "prorate", "weeks"),
    ("metrics", "Power", {}),
    ("metrics.power", "combine", "at_least 0 down"),
    ("metrics.power", "combine", None),
    ("metrics.power", "event_rounding", "up"),
    ("metrics.power", "target", "availability > 99.9 %"),
    ("metrics.power", "target", ["downtime <= 44"]),
    ("metrics.power", "target", []),
    ("metrics.power", "qualify", "60 s"),
    ("metrics.power", "applies_to", None),
    ("metrics.power", "denominator", "fixed"),
    ("metrics.power.limit", "above", "18 degC"),
    ("metrics.power.limit", "up_to", "27"),
    ("metrics.power.unknown", "min_coverage", "95"),
    ("metrics.power.unknown", "bridge", "2"),
    ("metrics.power.exclude.0", "effect", None),
    ("metrics.power.exclude.0", "window", "22-06"),
    ("metrics.power.credit", "form", "gift"),
    ("metrics.power.credit", "tiers", []),
    ("metrics.power.credit", "give", "10 %"),
    ("metrics.power.credit", "compare", "rounded"),
    ("metrics.power.credit.tiers.0", "below", "99.9"),
    ("metrics.power.credit.tiers.0", "credit", None),
    ("metrics.power.credit.tiers.0", "credit", "1e3"),
    ("usage.bandwidth", "method", "guess"),
    ("usage.bandwidth", "mode", "month_99"),
    ("usage.bandwidth", "mode", "night_half_95"),
    ("usage.bandwidth", "rank", None),
    ("usage.bandwidth", "percentile", "95 %"),
    ("usage.bandwidth", "commit", "10"),
    ("usage.bandwidth", "price", {"committed": "1.00"}),
    ("usage.bandwidth.price", "over", "none"),
    ("usage.bandwidth.price", "over", "twice committed"),
    ("usage.bandwidth", "pool_overage", "members"),
    ("usage.bandwidth", "peak_of", "60 s"),
    ("usage.bandwidth", "partial_month", "by_days"),
    ("usage.bandwidth", "included", "1 TB"),
    ("usage.bandwidth", "port", "20 %"),
    ("usage.bandwidth.valid_days", "above", "10"),
    ("usage.steps", "commit", "20 % of rating"),
    ("usage.steps", "at_least", "30 %"),
    ("usage.steps", "pool", "Group 1"),
    ("usage.steps.price.over", "by", None),
    ("usage.steps.price.over", "rows", []),
    ("usage.steps.price.over.rows.1", "price", None),
    ("usage.steps.price.over.rows.1", "from", "100 Mbit/s"),
    ("usage.hours", "price", "1.00"),
    ("usage.hours", "by_hours", None),
    ("usage.hours", "included", None),
    ("usage.hours", "included_from", None),
    ("usage.hours", "included_from", "valley"),
    ("usage.hours", "included_by", "interval"),
    ("usage.hours", "pue", "assumed"),
    ("usage.hours.by_hours.0", "hours", None),
    ("usage.hours.by_hours.0", "hours", ["8-22"]),
    ("usage.power", "unit", "W"),
    ("usage.power", "rank", None),
    ("usage.power", "measured_as", "mean"),
    ("usage.power", "missing", None),
    ("usage.power", "commit", "80 % of port"),
    ("usage.power.price", "over", None),
    ("termination.0", "when", "downtime = 1 %"),
    ("termination.0", "when", None),
]


@pytest.mark.parametrize(("path", "word", "value"), WRONG)
def test_what_the_loader_refuses_is_refused_by_the_schema(path: str, word: str, value: Any) -> None:
    document, part = at(path)
    load_terms(text_of(document))
    VALIDATOR.validate(document)
    if value is None:
        del part[word]
    else:
        part[word] = value
    with pytest.raises(TermsRefusedError):
        load_terms(text_of(document))
    assert not VALIDATOR.is_valid(document)
