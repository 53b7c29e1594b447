"""The words of what is billed by measurement, as the table of the terms' JSON Schema."""

from dcim.sla.rules.language.checks import IDLE_WORDS, MODE_NAMES
from dcim.sla.rules.language.schema_forms import (
    BOTH,
    DURATION,
    HOURS_FORM,
    MONEY,
    NUMBER,
    NUMBER_FORM,
    PERCENT,
    RATE,
    RATE_FORM,
    TEXT,
    TEXTS,
    Schema,
    Word,
    bounds,
    by_choice,
    choice,
    form,
    list_of,
)
from dcim.sla.rules.language.usage_bandwidth_loading import OCTET_UNITS
from dcim.sla.rules.language.usage_power_loading import INCLUDED_BY, INCLUDED_FROM

_MONEY_FORM = rf"{NUMBER_FORM}(\s*[A-Z]{{3}})?"
_DATA_FORM = rf"{NUMBER_FORM}\s*(GB|TB)"
_POWER_FORM = rf"{NUMBER_FORM}\s*(kW|kVA|A)"
_COMMITTED: Schema = {**NUMBER, "pattern": rf"^({_MONEY_FORM}|item|none)$"}
_PRICE_ROWS: Schema = {"$ref": "#/$defs/price_rows"}
_PRICE: Schema = {"anyOf": [{**NUMBER, "pattern": rf"^({_MONEY_FORM}|item)$"}, _PRICE_ROWS]}
_OVER: Schema = {
    "anyOf": [
        {
            **NUMBER,
            "pattern": rf"^({_MONEY_FORM}|item|{NUMBER_FORM} times committed"
            rf"|committed \+ {NUMBER_FORM}\s*%)$",
        },
        _PRICE_ROWS,
    ]
}
_LIMIT: Schema = {
    **NUMBER,
    "pattern": rf"^({_MONEY_FORM}|{RATE_FORM}|{NUMBER_FORM} ?% of (port|commit)|port)$",
}
_RANK = choice("nearest", "discard_ceil", "round", "interpolate")
_MISSING = choice("dropped", "zero", "carry")

# By group: the words that may stand in it.
USAGE_GROUPS: dict[str, dict[str, Word]] = {
    "price": {"committed": Word(_COMMITTED), "over": Word(_OVER)},
    "price_rows": {
        "by": Word(choice("whole", "parts"), must=True),
        "rows": Word(list_of("price_row"), must=True),
    },
    "price_row": {
        **bounds(form(RATE_FORM, _DATA_FORM, _POWER_FORM, rf"{NUMBER_FORM}\s*(kWh|circuit)")),
        "price": Word(MONEY, must=True),
    },
    "valid_days": {
        "above": Word(form(RATE_FORM, rf"{NUMBER_FORM}\s*({'|'.join(OCTET_UNITS)})"), must=True),
        "points": Word(choice("all_days", "valid_days")),
    },
    "hours_price": {
        "name": Word(BOTH, must=True),
        "hours": Word(
            {
                "anyOf": [
                    form(HOURS_FORM),
                    {"type": "array", "items": form(HOURS_FORM), "minItems": 1},
                ]
            },
            must=True,
        ),
        "price": Word(MONEY, must=True),
    },
}
_EVERY_USAGE = {
    "title": Word(BOTH, must=True),
    "clause": Word(TEXT),
    "applies_to": Word(TEXTS, must=True),
}
_MONEY_LIMITS = {"at_least": Word(MONEY), "at_most": Word(MONEY)}
_FIXED = {"price": Word(_PRICE, must=True), **_MONEY_LIMITS}
# By the word `method`: the words that may stand beside it.
USAGE_METHODS: dict[str, dict[str, Word]] = {
    "percentile": {
        "mode": Word(choice(*MODE_NAMES)),
        "percentile": Word(NUMBER),
        "rank": Word(_RANK),
        "direction": Word(
            choice("higher_percentile", "percentile_of_higher", "percentile_of_sum", "in", "out")
        ),
        "missing": Word(_MISSING),
        "round_up": Word(RATE),
        "port": Word(form(RATE_FORM, "item", "none")),
        "commit": Word(form(RATE_FORM, "item", "none", rf"{NUMBER_FORM} ?% of port")),
        "night": Word(form(HOURS_FORM)),
        "interval": Word(DURATION, must=True),
        "thousand": Word({"enum": ["1000", "1024", 1000, 1024]}),
        "min_cover": Word(PERCENT, must=True),
        "price": Word({"$ref": "#/$defs/price"}, must=True),
        "at_least": Word(_LIMIT),
        "at_most": Word(_LIMIT),
        "pool": Word(form("[a-z][a-z0-9_-]{0,39}")),
        "pool_overage": Word(choice("pool", "members")),
        "partial_month": Word(choice("as_measured", "by_days", "zero")),
        "included": Word(form(_DATA_FORM)),
        "rank_of": Word(DURATION),
        "peak_of": Word(DURATION),
        "valid_days": Word({"$ref": "#/$defs/valid_days"}),
    },
    "energy": {
        "interval": Word(DURATION),
        "pue": Word({**NUMBER, "pattern": f"^({NUMBER_FORM}|measured)$"}),
        "included": Word(form(rf"{NUMBER_FORM}\s*(kWh|kW)")),
        "included_by": Word(choice(*INCLUDED_BY)),
        "included_from": Word(choice(*INCLUDED_FROM)),
        "by_hours": Word(list_of("hours_price")),
        "price": Word(_PRICE),
        "min_coverage": Word(PERCENT),
        **_MONEY_LIMITS,
    },
    "demand": {
        "interval": Word(DURATION),
        "pue": Word(NUMBER),
        "window": Word(form(HOURS_FORM)),
        "price": Word(_PRICE, must=True),
        "min_coverage": Word(PERCENT),
        **_MONEY_LIMITS,
    },
    "flat": _FIXED,
    "breakered": _FIXED,
    "committed_power": {
        "unit": Word(choice("kW", "kVA", "A"), must=True),
        "measured_as": Word(choice("percentile", "highest", "mean"), must=True),
        "percentile": Word(NUMBER),
        "rank": Word(_RANK),
        "interval": Word(DURATION),
        "missing": Word(_MISSING, must=True),
        "commit": Word(form(_POWER_FORM, "item", "none", rf"{NUMBER_FORM} ?% of rating")),
        "round_up": Word(form(_POWER_FORM)),
        "price": Word(
            {"allOf": [{"$ref": "#/$defs/price"}, {"required": ["over"]}]},
            must=True,
        ),
        "min_coverage": Word(PERCENT),
        **_MONEY_LIMITS,
    },
}
# Of a percentile, unless its mode leaves them without a meaning.
_NEEDED_BY_MODE = ("percentile", "rank", "direction", "missing")


def usage_schema() -> Schema:
    """One kind of usage: its words by its method, and what one word asks of another."""
    whole = by_choice("method", _EVERY_USAGE, USAGE_METHODS)
    whole["allOf"] += [
        {"if": _where("method", "percentile"), "then": {"allOf": list(_modes())}},
        {
            "if": _where("method", "energy"),
            "then": {"oneOf": [{"required": ["price"]}, {"required": ["by_hours"]}]},
        },
        {
            "if": {
                "required": ["by_hours", "included"],
                "not": {**_where("included_by", "interval"), "required": ["included_by"]},
            },
            "then": {"required": ["included_from"]},
            "else": {"properties": {"included_from": False}},
        },
        {
            "if": _where("method", "committed_power"),
            "then": {
                "if": _where("measured_as", "percentile"),
                "then": {"required": ["percentile", "rank"]},
                "else": {"properties": {"percentile": False, "rank": False}},
            },
        },
        {"if": {"required": ["pool_overage"]}, "then": {"required": ["pool"]}},
        {
            "if": {"required": ["valid_days"]},
            "then": {
                "properties": {"peak_of": False, "partial_month": {"not": {"const": "by_days"}}}
            },
        },
    ]
    return whole


def _where(word: str, value: str) -> Schema:
    return {"properties": {word: {"const": value}}, "required": [word]}


def _modes() -> list[Schema]:
    """What a charging mode needs, and what has no meaning under it."""
    rules = []
    for mode in MODE_NAMES:
        idle = [word for word, modes in IDLE_WORDS.items() if mode in modes]
        needed = [word for word in _NEEDED_BY_MODE if word not in idle]
        if mode == "night_half_95":
            needed.append("night")
        stated = _where("mode", mode)
        if mode == "month_95":  # where none is stated
            stated = {"anyOf": [stated, {"not": {"required": ["mode"]}}]}
        then: Schema = {"properties": dict.fromkeys(idle, False), "required": needed}
        price: Schema = {"required": ["over"]}
        if mode == "flat":
            needed.append("commit")
            price = {"required": ["committed"], "properties": {"over": False}}
        then["properties"]["price"] = price
        rules.append({"if": stated, "then": then})
    return rules
