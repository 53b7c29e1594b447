"""What marshmallow and webargs say about a field, in the reader's language."""

import re
from typing import Any

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

# The sentences that our schemas can bring up; any other is passed on as it is.
SENTENCES: dict[str, LazyString] = {
    "Choose a time between 2000 and 2100.": _l("Choose a time between 2000 and 2100."),
    "Control characters can't be accepted.": _l("Control characters can't be accepted."),
    "Field may not be null.": _l("This may not be null."),
    "Invalid JSON body.": _l("This is not JSON."),
    "Invalid input type.": _l("This is of the wrong type."),
    "Invalid input.": _l("This is not a valid value."),
    "Invalid type.": _l("This is of the wrong type."),
    "Invalid value.": _l("This is not a valid value."),
    "Missing data for required field.": _l("This is needed."),
    "Not a valid boolean.": _l("This must be true or false."),
    "Not a valid date.": _l("This is not a date."),
    "Not a valid datetime.": _l("This is not a date and time."),
    "Not a valid email address.": _l("This is not a mail address."),
    "Not a valid integer.": _l("This is not a whole number."),
    "Not a valid list.": _l("This is not a list."),
    "Not a valid mapping type.": _l("This is not an object."),
    "Not a valid number.": _l("This is not a number."),
    "Not a valid string.": _l("This is not text."),
    "Number too large.": _l("This number is too large."),
    "Special numeric values (nan or infinity) are not permitted.": _l("This is not a number."),
    "String does not match expected pattern.": _l("This is not of the expected form."),
    "Unknown field.": _l("There is no such field."),
}
BOTH = re.compile(
    r"Must be greater than or equal to (?P<low>\S+) and less than or equal to (?P<high>\S+)\."
)
PATTERNS: list[tuple[re.Pattern[str], LazyString]] = [
    (BOTH, _l("This must lie between %(low)s and %(high)s.")),
    (re.compile(r"Must be greater than or equal to (?P<low>\S+)\."), _l("At least %(low)s.")),
    (re.compile(r"Must be greater than (?P<low>\S+)\."), _l("More than %(low)s.")),
    (re.compile(r"Must be less than or equal to (?P<high>\S+)\."), _l("At most %(high)s.")),
    (re.compile(r"Shorter than minimum length (?P<low>\d+)\."), _l("At least %(low)s characters.")),
    (re.compile(r"Longer than maximum length (?P<high>\d+)\."), _l("At most %(high)s characters.")),
    (
        re.compile(r"Length must be between (?P<low>\d+) and (?P<high>\d+)\."),
        _l("From %(low)s to %(high)s characters."),
    ),
    (
        re.compile(r"Must be one of: (?P<choices>.*)\. Did you mean (?P<nearest>.*)\?"),
        _l("Choose one of: %(choices)s. Did you mean %(nearest)s?"),
    ),
    (re.compile(r"Must be one of: (?P<choices>.*)\."), _l("Choose one of: %(choices)s.")),
]


def say_field_messages(messages: Any) -> Any:
    """The same nesting of lists and fields, with every sentence in the reader's language."""
    if isinstance(messages, dict):
        return {field: say_field_messages(inner) for field, inner in messages.items()}
    if isinstance(messages, list | tuple):
        return [say_field_messages(inner) for inner in messages]
    return _say(messages) if isinstance(messages, str) else messages


def _say(sentence: str) -> str:
    if sentence in SENTENCES:
        return str(SENTENCES[sentence])
    for pattern, text in PATTERNS:
        if found := pattern.fullmatch(sentence):
            return str(text) % found.groupdict()
    return sentence
