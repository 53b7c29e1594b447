"""The terms language as a JSON Schema, out of one table of its words.

The loader decides; the schema helps an editor. It says which words stand where, their choices and
the form of quantities; what needs arithmetic (holes between rows, percentage against minutes) is
the loader's alone. A test compares the table with the words that the loader takes.
"""

from dataclasses import dataclass
from typing import Any, get_args

from dcim.sla.rules.language.checks import IDLE_WORDS, MODE_NAMES
from dcim.sla.rules.quantities import MS, RATE_UNITS, ROUNDING, VALUE_UNITS
from dcim.sla.rules.terms import Base

Schema = dict[str, Any]
_NUMBER = r"[0-9]{1,15}(\.[0-9]{1,9})?"
_HOURS = r"([01][0-9]|2[0-3]):[0-5][0-9]\s*-\s*([01][0-9]|2[0-4]):[0-5][0-9]"


@dataclass(frozen=True)
class Word:
    """What may stand after a word, and whether it must be there."""

    holds: Schema
    must: bool = False


def _units(names: Any) -> str:
    return "(" + "|".join(sorted(names, key=len, reverse=True)) + ")"


def _form(*patterns: str) -> Schema:
    return {"type": "string", "pattern": f"^({'|'.join(patterns)})$"}


def _choice(*names: str) -> Schema:
    return {"enum": list(names)}


# As the loader reads every scalar as text, a bare number means what it says.
NUMBER: Schema = {"type": ["string", "number"], "pattern": f"^{_NUMBER}$", "minimum": 0}
TEXT: Schema = {"type": ["string", "number"], "minLength": 1}
TEXTS: Schema = {"anyOf": [TEXT, {"type": "array", "items": TEXT, "minItems": 1}]}
BOTH: Schema = {
    "type": "object",
    "properties": {"zh": TEXT, "en": TEXT},
    "required": ["zh", "en"],
    "additionalProperties": False,
}
_DURATION = rf"{_NUMBER}\s*{_units(MS)}"
_PERCENT = rf"{_NUMBER}\s*%"
_VALUE = rf"-?{_NUMBER}\s*{_units(VALUE_UNITS)}"
_RATE = rf"{_NUMBER}\s*{_units(RATE_UNITS[1000])}"
DURATION, PERCENT, VALUE, RATE = (_form(p) for p in (_DURATION, _PERCENT, _VALUE, _RATE))
MONEY: Schema = {**NUMBER, "pattern": rf"^{_NUMBER}(\s*[A-Z]{{3}})?$"}
AMOUNT: Schema = {**NUMBER, "pattern": rf"^{_NUMBER}\s*(%|days?|d|([A-Z]{{3}})?(\s*per unit)?)?$"}
MONEY_OR_SHARE: Schema = {**NUMBER, "pattern": rf"^{_NUMBER}\s*(%|[A-Z]{{3}})?$"}
PRICE: Schema = {**NUMBER, "pattern": rf"^({_NUMBER}(\s*[A-Z]{{3}})?|item|none)$"}
DAY_VALUE = _choice("mrc/30", "mrc/days", "mrc*12/365")
_TARGET = _form(
    "no downtime",
    rf"availability >= {_PERCENT}",
    rf"downtime <=? {_DURATION}",
    rf"events <= {_NUMBER}",
    rf"one outage <= {_DURATION}",
    rf"(mean|highest|lowest|percentile {_NUMBER}) (<=|<|>=|>) {_VALUE}",
    rf"on_time >=? {_PERCENT}",
)
_TARGETS: Schema = {"anyOf": [_TARGET, {"type": "array", "items": _TARGET, "minItems": 1}]}
_CONDITIONS = {"type": "object", "additionalProperties": _TARGETS, "required": ["otherwise"]}
TARGETS: Schema = {"anyOf": [*_TARGETS["anyOf"], {**_CONDITIONS, "minProperties": 2}]}
WITHIN = _form(_DURATION, "[1-9][0-9]{0,2} business days?")
NAME = "^[a-z][a-z0-9_-]{0,39}$"


def _bounds(holds: Schema) -> dict[str, Word]:
    return {key: Word(holds) for key in ("from", "above", "up_to", "below")}


# By group: the words that may stand in it.
WORDS: dict[str, dict[str, Word]] = {
    "top": {
        "currency": Word(_form("[A-Z]{3}"), must=True),
        "rounding": Word(_form(rf"{_units(ROUNDING)} to (1|0\.0{{0,3}}1)"), must=True),
        "rent": Word({"$ref": "#/$defs/rent"}),
        "caps": Word({"$ref": "#/$defs/caps"}),
        "terms": Word(TEXT, must=True),
        "version": Word(TEXT, must=True),
        "title": Word(BOTH, must=True),
        "time_zone": Word(TEXT, must=True),
        "period": Word(_choice("calendar_month"), must=True),
        "metrics": Word({"$ref": "#/$defs/metrics"}),
        "usage": Word({"$ref": "#/$defs/usages"}),
        "combine_credits": Word(_choice("sum", "max", "once_per_time")),
        "exclusive": Word({"type": "array", "items": {"$ref": "#/$defs/exclusive"}}),
        "not_combinable": Word(TEXTS),
        "settle": Word({"$ref": "#/$defs/settle"}),
        "tax": Word({"$ref": "#/$defs/tax"}),
        "termination": Word({"type": "array", "items": {"$ref": "#/$defs/right"}}),
    },
    "rent": {"clause": Word(TEXT), "prorate": Word(_choice("days", "none"))},
    "caps": {
        "item": Word(MONEY_OR_SHARE),
        "month": Word(MONEY_OR_SHARE),
        "year": Word(MONEY_OR_SHARE),
        "year_is": Word(_choice("calendar_year", "twelve_months")),
        "of": Word(_choice("fee", "paid")),
        "min_payout": Word(MONEY),
        "clause": Word(TEXT),
    },
    "exclusive": {"metrics": Word(TEXTS, must=True)},
    "settle": {
        "as": Word(_choice("credit", "voucher", "extension")),
        "when": Word(_choice("automatic", "on_claim")),
        "on": Word(_choice("this_invoice", "next_invoice")),
        "carry_forward": Word(_choice("yes", "no")),
        "expires": Word(DURATION),
        "cash": Word(_choice("yes", "no")),
        "claim": Word({"$ref": "#/$defs/claim"}),
        "day_value": Word(DAY_VALUE),
        "whole_days": Word(_choice("up", "down", "exact")),
    },
    "claim": {
        "within": Word(_form(_DURATION, "[1-9][0-9]{0,2} business days?"), must=True),
        "from": Word(_choice("period_end", "event_end"), must=True),
    },
    "tax": {
        "rate": Word(PERCENT, must=True),
        "mode": Word(_choice("included", "added"), must=True),
        "credit_is": Word(_choice("net", "gross"), must=True),
    },
    "metric": {
        "title": Word(BOTH, must=True),
        "clause": Word(TEXT),
        "kind": Word(TEXT, must=True),
        "applies_to": Word(TEXTS, must=True),
        "observe": Word(TEXT),  # unless answers are timed
        "average": Word(_form(rf"(rolling )?{_DURATION}")),
        "report": Word({"$ref": "#/$defs/report"}),
        "answers": Word({"$ref": "#/$defs/answers"}),
        "limit": Word({"$ref": "#/$defs/limit"}),
        "combine": Word(_form("single|any|all", "at_least [1-9][0-9]? down")),  # as observe
        "qualify": Word(_form(rf"(at_least|longer_than) {_DURATION}")),
        "counts_from": Word(_choice("start", "threshold")),
        "clock": Word({"$ref": "#/$defs/clock"}),
        "event_rounding": Word(_form("none", rf"(up|down) to {_DURATION}")),  # as observe
        "unknown": Word({"$ref": "#/$defs/unknown"}),
        "denominator": Word(_form("service", "period", rf"fixed {_DURATION}")),
        "exclude": Word({"type": "array", "items": {"$ref": "#/$defs/exclusion"}}),
        "target": Word(TARGETS, must=True),
        "governs": Word(_choice("percent", "minutes", "both")),
        "eligible": Word(TEXTS),
        "credit": Word({"$ref": "#/$defs/credit"}),
    },
    "limit": _bounds(VALUE),
    "clock": {
        "start": Word(_choice("event", "detected", "ticket", "notice")),
        "stop": Word(_choice("restored", "ticket_closed")),
    },
    "unknown": {
        "counts_as": Word(_choice("left_out", "up", "down")),
        "bridge": Word(DURATION),
        "bridge_up": Word(DURATION),
        "min_coverage": Word(PERCENT),
        "review_when": Word(_choice("verdict", "credit")),
    },
    "exclusion": {
        "class": Word(TEXT, must=True),
        "effect": Word(_choice("out_of_both", "not_down"), must=True),
        "notice": Word(WITHIN),
        "window": Word(_form(_HOURS)),
        "at_most": Word(DURATION),
        "per_period": Word(DURATION),
        "approved": Word(_choice("required", "no")),
        "evidence": Word(_choice("required", "no")),
        "outage_up_to": Word(DURATION),
        "while": Word({"$ref": "#/$defs/while"}),
    },
    "while": {"observe": Word(TEXT, must=True), **_bounds(VALUE)},
    "report": {"within": Word(WITHIN, must=True), "from": Word(_choice("start", "end"), must=True)},
    "answers": {
        "to": Word(TEXT, must=True),
        "within": Word(DURATION, must=True),
        "hours": Word(_form(_HOURS)),
        "days": Word(_choice("all", "business")),
    },
    "tier_duration": {**_bounds(DURATION), "credit": Word(AMOUNT, must=True)},
    "tier_events": {**_bounds(NUMBER), "credit": Word(AMOUNT, must=True)},
    "tier_availability": {**_bounds(PERCENT), "credit": Word(AMOUNT, must=True)},
    "right": {
        "when": Word(
            _form(
                rf"downtime >=? ({_PERCENT}|{_DURATION})",
                rf"events >=? {_NUMBER}",
                rf"one event >=? {_DURATION}",
                "consecutive missed periods >= [1-9][0-9]?",
                "caps reached [1-9][0-9]? times in [1-9][0-9]? periods",
            ),
            must=True,
        ),
        "metrics": Word(TEXTS),
        "window": Word(_form("period", rf"(any )?{_DURATION}")),
        "exercise_within": Word(DURATION),
        "only_if": Word(_form("(not )?[a-z][a-z0-9_]*")),
        "each_longer_than": Word(DURATION),
        "notice": Word(DURATION),
    },
    "price": {"committed": Word(PRICE), "over": Word(PRICE)},
}
_EVERY_CREDIT = {
    "base": Word(_choice(*get_args(Base))),
    "cap": Word(AMOUNT),
    "cap_event": Word(AMOUNT),
    "cap_day": Word(AMOUNT),
    "fee_of": Word(_choice("month", "week")),
    "week_value": Word(_choice("mrc*12/52", "mrc*7/30", "mrc*7/days")),
    "day_value": Word(DAY_VALUE),
}
_ROWS = {
    "compare": Word(_form("exact", r"(rounded|cut) to [0-6] decimals?")),
    "hole": Word(_choice("lower", "upper", "none", "review")),
    "overlap": Word(_choice("lower", "upper")),
}
_COUNTED = Word(_choice("started", "full"), must=True)
_EACH = Word(AMOUNT, must=True)
_AFTER = {"after": Word(_form(_DURATION, _PERCENT)), "beyond": Word(_choice("target"))}
# By the word `form`: the words that may stand beside it.
CREDIT_FORMS: dict[str, dict[str, Word]] = {
    "flat": {"give": Word(AMOUNT, must=True)},
    "tiers_duration": {
        "tiers": Word(
            {"type": "array", "items": {"$ref": "#/$defs/tier_duration"}, "minItems": 1}, must=True
        ),
        **_ROWS,
    },
    "tiers_events": {
        "tiers": Word(
            {"type": "array", "items": {"$ref": "#/$defs/tier_events"}, "minItems": 1}, must=True
        ),
        **_ROWS,
    },
    "tiers_availability": {
        "tiers": Word(
            {"type": "array", "items": {"$ref": "#/$defs/tier_availability"}, "minItems": 1},
            must=True,
        ),
        **_ROWS,
    },
    "per_increment": {
        "increment": Word(DURATION, must=True),
        "each": _EACH,
        "initial": Word(AMOUNT),
        **_AFTER,
        "counted": _COUNTED,
        "per": Word(_choice("total", "event")),
    },
    "per_shortfall": {"step": Word(PERCENT, must=True), "each": _EACH, "counted": _COUNTED},
    "per_event": {"each": _EACH, "at_most": Word(_form(rf"[1-9][0-9]? per {_DURATION}"))},
    "per_day": {"each": _EACH},
    "prorata": {
        **_AFTER,
        "multiple": Word(NUMBER),
        "min_days": Word(NUMBER),
        "day_value": Word(DAY_VALUE, must=True),
    },
}
_EVERY_USAGE = {
    "title": Word(BOTH, must=True),
    "clause": Word(TEXT),
    "applies_to": Word(TEXTS, must=True),
}
_METERED = {
    "interval": Word(DURATION),
    "price": Word(MONEY, must=True),
    "pue": Word(NUMBER),
}
# By the word `method`: the words that may stand beside it.
USAGE_METHODS: dict[str, dict[str, Word]] = {
    "percentile": {
        "mode": Word(_choice(*MODE_NAMES)),
        "percentile": Word(NUMBER),
        "rank": Word(_choice("nearest", "discard_ceil", "round", "interpolate")),
        "direction": Word(
            _choice("higher_percentile", "percentile_of_higher", "percentile_of_sum", "in", "out")
        ),
        "missing": Word(_choice("dropped", "zero")),
        "round_up": Word(RATE),
        "commit": Word(_form(_RATE, "item", "none")),
        "night": Word(_form(_HOURS)),
        "interval": Word(DURATION, must=True),
        "thousand": Word({"enum": ["1000", "1024", 1000, 1024]}),
        "min_cover": Word(PERCENT, must=True),
        "price": Word({"$ref": "#/$defs/price"}, must=True),
    },
    "energy": _METERED,
    "demand": _METERED,
}
# Of a percentile, unless its mode leaves them without a meaning.
_NEEDED_BY_MODE = ("percentile", "rank", "direction", "missing")


def make_schema() -> Schema:
    """The whole document; scalars may be text, or bare numbers where a plain number is meant."""
    groups = {name: _group(words) for name, words in WORDS.items() if name != "top"}
    for name in ("limit", "tier_duration", "tier_events", "tier_availability"):
        groups[name]["allOf"] = [
            {"not": {"required": pair}} for pair in (["from", "above"], ["up_to", "below"])
        ]
    groups["limit"]["minProperties"] = 1
    groups["metric"]["if"] = {"not": {"required": ["answers"]}}
    groups["metric"]["then"] = {"required": ["observe", "combine"]}
    named = {"type": "object", "additionalProperties": False}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:jifang:terms",
        "title": "SLA and usage terms of a contract",
        "description": "docs/terms.md explains every word",
        **_group(WORDS["top"]),
        "$defs": {
            **groups,
            "metrics": {**named, "patternProperties": {NAME: {"$ref": "#/$defs/metric"}}},
            "usages": {**named, "patternProperties": {NAME: {"$ref": "#/$defs/usage"}}},
            "credit": _by_choice("form", _EVERY_CREDIT, CREDIT_FORMS),
            "usage": {
                **_by_choice("method", _EVERY_USAGE, USAGE_METHODS),
                "if": {"properties": {"method": {"const": "percentile"}}, "required": ["method"]},
                "then": {"allOf": list(_modes())},
            },
        },
    }


def _group(words: dict[str, Word]) -> Schema:
    return {
        "type": "object",
        "properties": {key: word.holds for key, word in words.items()},
        "required": [key for key, word in words.items() if word.must],
        "additionalProperties": False,
    }


def _by_choice(key: str, common: dict[str, Word], choices: dict[str, dict[str, Word]]) -> Schema:
    """A group whose words depend on one of them."""
    return {
        "type": "object",
        "properties": {key: _choice(*choices)},
        "required": [key],
        "allOf": [
            {
                "if": {"properties": {key: {"const": name}}, "required": [key]},
                "then": _group({key: Word({"const": name}), **common, **words}),
            }
            for name, words in choices.items()
        ],
    }


def _modes() -> list[Schema]:
    """What a charging mode needs, and what has no meaning under it."""
    rules = []
    for mode in MODE_NAMES:
        idle = [word for word, modes in IDLE_WORDS.items() if mode in modes]
        needed = [word for word in _NEEDED_BY_MODE if word not in idle]
        if mode == "night_half_95":
            needed.append("night")
        stated: Schema = {"properties": {"mode": {"const": mode}}, "required": ["mode"]}
        if mode == "month_95":  # where none is stated
            stated = {"anyOf": [stated, {"not": {"required": ["mode"]}}]}
        then: Schema = {"properties": dict.fromkeys(idle, False), "required": needed}
        if mode != "flat":
            then["properties"]["price"] = {"required": ["over"]}
        rules.append({"if": stated, "then": then})
    return rules
