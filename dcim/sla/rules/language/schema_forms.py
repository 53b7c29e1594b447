"""What a value of the terms may look like, as JSON Schema."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from dcim.sla.rules.quantities import MS, RATE_UNITS, SAME_UNITS, VALUE_UNITS

Schema = dict[str, Any]
NUMBER_FORM = r"[0-9]{1,15}(\.[0-9]{1,9})?"
HOURS_FORM = r"([01][0-9]|2[0-3]):[0-5][0-9]\s*-\s*([01][0-9]|2[0-4]):[0-5][0-9]"


@dataclass(frozen=True)
class Word:
    """What may stand after a word, and whether it must be there."""

    holds: Schema
    must: bool = False


def units(names: Iterable[str]) -> str:
    return "(" + "|".join(sorted(names, key=len, reverse=True)) + ")"


def form(*patterns: str) -> Schema:
    return {"type": "string", "pattern": f"^({'|'.join(patterns)})$"}


def choice(*names: str) -> Schema:
    return {"enum": list(names)}


# As the loader reads every scalar as text, a bare number means what it says.
NUMBER: Schema = {"type": ["string", "number"], "pattern": f"^{NUMBER_FORM}$", "minimum": 0}
TEXT: Schema = {"type": ["string", "number"], "minLength": 1}
TEXTS: Schema = {"anyOf": [TEXT, {"type": "array", "items": TEXT, "minItems": 1}]}
BOTH: Schema = {
    "type": "object",
    "properties": {"zh": TEXT, "en": TEXT},
    "required": ["zh", "en"],
    "additionalProperties": False,
}
DURATION_FORM = rf"{NUMBER_FORM}\s*{units(MS)}"
PERCENT_FORM = rf"{NUMBER_FORM}\s*%"
VALUE_FORM = rf"-?{NUMBER_FORM}\s*{units((*VALUE_UNITS, *SAME_UNITS))}"
RATE_FORM = rf"{NUMBER_FORM}\s*{units(RATE_UNITS[1000])}"
DURATION, PERCENT, VALUE, RATE = (
    form(p) for p in (DURATION_FORM, PERCENT_FORM, VALUE_FORM, RATE_FORM)
)
MONEY: Schema = {**NUMBER, "pattern": rf"^{NUMBER_FORM}(\s*[A-Z]{{3}})?$"}
AMOUNT: Schema = {
    **NUMBER,
    "pattern": rf"^{NUMBER_FORM}\s*(%|days?|d|([A-Z]{{3}})?(\s*per unit)?)?$",
}
MONEY_OR_SHARE: Schema = {**NUMBER, "pattern": rf"^{NUMBER_FORM}\s*(%|[A-Z]{{3}})?$"}
NAME = "^[a-z][a-z0-9_-]{0,39}$"


def bounds(holds: Schema) -> dict[str, Word]:
    return {key: Word(holds) for key in ("from", "above", "up_to", "below")}


def group(words: dict[str, Word]) -> Schema:
    return {
        "type": "object",
        "properties": {key: word.holds for key, word in words.items()},
        "required": [key for key, word in words.items() if word.must],
        "additionalProperties": False,
    }


def list_of(name: str) -> Schema:
    return {"type": "array", "items": {"$ref": f"#/$defs/{name}"}, "minItems": 1}


def by_choice(key: str, common: dict[str, Word], choices: dict[str, dict[str, Word]]) -> Schema:
    """A group whose words depend on one of them."""
    return {
        "type": "object",
        "properties": {key: choice(*choices)},
        "required": [key],
        "allOf": [
            {
                "if": {"properties": {key: {"const": name}}, "required": [key]},
                "then": group({key: Word({"const": name}), **common, **words}),
            }
            for name, words in choices.items()
        ],
    }
