"""The terms language as a JSON Schema, out of one table of its words.

The loader decides; the schema helps an editor. It says which words stand where, their choices and
the form of quantities; what needs arithmetic (holes between rows, percentage against minutes) is
the loader's alone. A test compares the table with the words that the loader takes.
"""

from typing import get_args

from dcim.sla.rules.language.schema_forms import (
    AMOUNT,
    BOTH,
    DURATION,
    DURATION_FORM,
    HOURS_FORM,
    MONEY,
    MONEY_OR_SHARE,
    NAME,
    NUMBER,
    NUMBER_FORM,
    PERCENT,
    PERCENT_FORM,
    TEXT,
    TEXTS,
    VALUE,
    VALUE_FORM,
    Schema,
    Word,
    bounds,
    by_choice,
    choice,
    form,
    group,
    units,
)
from dcim.sla.rules.language.usage_schema import USAGE_GROUPS, usage_schema
from dcim.sla.rules.quantities import ROUNDING
from dcim.sla.rules.terms import Base

DAY_VALUE = choice("mrc/30", "mrc/days", "mrc*12/365")
_TARGET = form(
    "no downtime",
    rf"availability >= {PERCENT_FORM}",
    rf"downtime <=? {DURATION_FORM}",
    rf"events <= {NUMBER_FORM}",
    rf"one outage <= {DURATION_FORM}",
    rf"(mean|highest|lowest|percentile {NUMBER_FORM}) (<=|<|>=|>) {VALUE_FORM}",
    rf"on_time >=? {PERCENT_FORM}",
)
_TARGETS: Schema = {"anyOf": [_TARGET, {"type": "array", "items": _TARGET, "minItems": 1}]}
_CONDITIONS = {"type": "object", "additionalProperties": _TARGETS, "required": ["otherwise"]}
TARGETS: Schema = {"anyOf": [*_TARGETS["anyOf"], {**_CONDITIONS, "minProperties": 2}]}
WITHIN = form(DURATION_FORM, "[1-9][0-9]{0,2} business days?")


# By group: the words that may stand in it.
WORDS: dict[str, dict[str, Word]] = {
    "top": {
        "currency": Word(form("[A-Z]{3}"), must=True),
        "rounding": Word(form(rf"{units(ROUNDING)} to (1|0\.0{{0,3}}1)"), must=True),
        "rent": Word({"$ref": "#/$defs/rent"}),
        "caps": Word({"$ref": "#/$defs/caps"}),
        "terms": Word(TEXT, must=True),
        "version": Word(TEXT, must=True),
        "title": Word(BOTH, must=True),
        "time_zone": Word(TEXT, must=True),
        "period": Word(choice("calendar_month"), must=True),
        "metrics": Word({"$ref": "#/$defs/metrics"}),
        "usage": Word({"$ref": "#/$defs/usages"}),
        "combine_credits": Word(choice("sum", "max", "once_per_time")),
        "exclusive": Word({"type": "array", "items": {"$ref": "#/$defs/exclusive"}}),
        "not_combinable": Word(TEXTS),
        "settle": Word({"$ref": "#/$defs/settle"}),
        "tax": Word({"$ref": "#/$defs/tax"}),
        "termination": Word({"type": "array", "items": {"$ref": "#/$defs/right"}}),
    },
    "rent": {"clause": Word(TEXT), "prorate": Word(choice("days", "none"))},
    "caps": {
        "item": Word(MONEY_OR_SHARE),
        "month": Word(MONEY_OR_SHARE),
        "year": Word(MONEY_OR_SHARE),
        "year_is": Word(choice("calendar_year", "twelve_months")),
        "of": Word(choice("fee", "paid")),
        "min_payout": Word(MONEY),
        "clause": Word(TEXT),
    },
    "exclusive": {"metrics": Word(TEXTS, must=True)},
    "settle": {
        "as": Word(choice("credit", "voucher", "extension")),
        "when": Word(choice("automatic", "on_claim")),
        "on": Word(choice("this_invoice", "next_invoice")),
        "carry_forward": Word(choice("yes", "no")),
        "at_end": Word(choice("paid_out", "voucher", "lapses")),
        "expires": Word(DURATION),
        "cash": Word(choice("yes", "no")),
        "claim": Word({"$ref": "#/$defs/claim"}),
        "day_value": Word(DAY_VALUE),
        "whole_days": Word(choice("up", "down", "exact")),
    },
    "claim": {
        "within": Word(form(DURATION_FORM, "[1-9][0-9]{0,2} business days?"), must=True),
        "from": Word(choice("period_end", "event_end"), must=True),
    },
    "tax": {
        "rate": Word(PERCENT, must=True),
        "mode": Word(choice("included", "added"), must=True),
        "credit_is": Word(choice("net", "gross"), must=True),
    },
    "metric": {
        "title": Word(BOTH, must=True),
        "clause": Word(TEXT),
        "kind": Word(TEXT, must=True),
        "applies_to": Word(TEXTS, must=True),
        "observe": Word(TEXT),  # unless answers are timed
        "average": Word(form(rf"(rolling )?{DURATION_FORM}")),
        "report": Word({"$ref": "#/$defs/report"}),
        "answers": Word({"$ref": "#/$defs/answers"}),
        "limit": Word({"$ref": "#/$defs/limit"}),
        "combine": Word(form("single|any|all", "at_least [1-9][0-9]? down")),  # as observe
        "qualify": Word(form(rf"(at_least|longer_than) {DURATION_FORM}( within {DURATION_FORM})?")),
        "counts_from": Word(choice("start", "threshold")),
        "clock": Word({"$ref": "#/$defs/clock"}),
        "event_rounding": Word(form("none", rf"(up|down) to {DURATION_FORM}")),  # as observe
        "unknown": Word({"$ref": "#/$defs/unknown"}),
        "denominator": Word(form("service", "period", rf"fixed {DURATION_FORM}")),
        "exclude": Word({"type": "array", "items": {"$ref": "#/$defs/exclusion"}}),
        "target": Word(TARGETS, must=True),
        "governs": Word(choice("percent", "minutes", "both")),
        "eligible": Word(TEXTS),
        "credit": Word({"$ref": "#/$defs/credit"}),
    },
    "limit": bounds(VALUE),
    "clock": {
        "start": Word(choice("event", "detected", "ticket", "notice")),
        "stop": Word(choice("restored", "ticket_closed")),
    },
    "unknown": {
        "counts_as": Word(choice("left_out", "up", "down")),
        "bridge": Word(DURATION),
        "bridge_up": Word(DURATION),
        "min_coverage": Word(PERCENT),
        "review_when": Word(choice("verdict", "credit")),
    },
    "exclusion": {
        "class": Word(TEXT, must=True),
        "effect": Word(choice("out_of_both", "not_down"), must=True),
        "notice": Word(WITHIN),
        "window": Word(form(HOURS_FORM)),
        "at_most": Word(DURATION),
        "per_period": Word(DURATION),
        "approved": Word(choice("required", "no")),
        "evidence": Word(choice("required", "no")),
        "outage_up_to": Word(DURATION),
        "while": Word({"$ref": "#/$defs/while"}),
    },
    "while": {"observe": Word(TEXT, must=True), **bounds(VALUE)},
    "report": {"within": Word(WITHIN, must=True), "from": Word(choice("start", "end"), must=True)},
    "answers": {
        "to": Word(TEXT, must=True),
        "within": Word(DURATION, must=True),
        "hours": Word(form(HOURS_FORM)),
        "days": Word(choice("all", "business")),
    },
    "tier_duration": {**bounds(DURATION), "credit": Word(AMOUNT, must=True)},
    "tier_events": {**bounds(NUMBER), "credit": Word(AMOUNT, must=True)},
    "tier_availability": {**bounds(PERCENT), "credit": Word(AMOUNT, must=True)},
    "right": {
        "when": Word(
            form(
                rf"downtime >=? ({PERCENT_FORM}|{DURATION_FORM})",
                rf"events >=? {NUMBER_FORM}",
                rf"one event >=? {DURATION_FORM}",
                "consecutive missed periods >= [1-9][0-9]?",
                "caps reached [1-9][0-9]? times in [1-9][0-9]? periods",
            ),
            must=True,
        ),
        "metrics": Word(TEXTS),
        "window": Word(form("period", rf"(any )?{DURATION_FORM}")),
        "exercise_within": Word(DURATION),
        "only_if": Word(form("(not )?[a-z][a-z0-9_]*")),
        "each_longer_than": Word(DURATION),
        "notice": Word(DURATION),
    },
    **USAGE_GROUPS,
}
_EVERY_CREDIT = {
    "base": Word(choice(*get_args(Base))),
    "cap": Word(AMOUNT),
    "cap_event": Word(AMOUNT),
    "cap_day": Word(AMOUNT),
    "fee_of": Word(choice("month", "week")),
    "week_value": Word(choice("mrc*12/52", "mrc*7/30", "mrc*7/days")),
    "day_value": Word(DAY_VALUE),
}
_ROWS = {
    "compare": Word(form("exact", r"(rounded|cut) to [0-6] decimals?")),
    "hole": Word(choice("lower", "upper", "none", "review")),
    "overlap": Word(choice("lower", "upper")),
}
_COUNTED = Word(choice("started", "full"), must=True)
_EACH = Word(AMOUNT, must=True)
_AFTER = {"after": Word(form(DURATION_FORM, PERCENT_FORM)), "beyond": Word(choice("target"))}
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
        "per": Word(choice("total", "event")),
    },
    "per_shortfall": {
        "step": Word(form(PERCENT_FORM, VALUE_FORM), must=True),
        "each": _EACH,
        "counted": _COUNTED,
    },
    "per_event": {"each": _EACH, "at_most": Word(form(rf"[1-9][0-9]? per {DURATION_FORM}"))},
    "per_day": {"each": _EACH},
    "prorata": {
        **_AFTER,
        "multiple": Word(NUMBER),
        "min_days": Word(NUMBER),
        "day_value": Word(DAY_VALUE, must=True),
    },
}


def make_schema() -> Schema:
    """The whole document; scalars may be text, or bare numbers where a plain number is meant."""
    groups = {name: group(words) for name, words in WORDS.items() if name != "top"}
    ranges = [name for name, words in WORDS.items() if {"from", "above"} <= set(words)]
    for name in ranges:
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
        **group(WORDS["top"]),
        "$defs": {
            **groups,
            "metrics": {**named, "patternProperties": {NAME: {"$ref": "#/$defs/metric"}}},
            "usages": {**named, "patternProperties": {NAME: {"$ref": "#/$defs/usage"}}},
            "credit": by_choice("form", _EVERY_CREDIT, CREDIT_FORMS),
            "usage": usage_schema(),
        },
    }
