"""A word of the terms as a field of the form, and what says beside which others it is shown."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from dcim.records.fields import mark
from dcim.sla.rules.drafting.controls import Both, Choice, Control, Listed

Get = Callable[[str], str]


def always(get: Get) -> bool:
    del get
    return True


@dataclass(frozen=True)
class Field:
    """A word of a block by its path below it; `when` says beside which others it is shown; `rare`
    ones stand under "more", always or while they are empty; `quiet` has but one value and isn't
    shown; `head` begins a part."""

    path: str
    label: str
    control: Control
    when: Callable[[Get], bool] = always
    rare: Literal["", "always", "empty"] = ""
    quiet: bool = False
    head: str = ""


def is_one(path: str, *values: str) -> Callable[[Get], bool]:
    return lambda get: get(path) in values


def has(path: str) -> Callable[[Get], bool]:
    return lambda get: bool(get(path))


def only(word: str) -> Choice:
    return Choice(choices=((word, word),))


TITLE = (
    Field("title", mark("Title"), Both()),
    Field("clause", mark("Clause"), Control()),
)
APPLIES = Field(
    "applies_to",
    mark("For items of kind"),
    Listed(list="item-kinds"),
    head=mark("What it is about"),
)


def shown(layout: tuple[Field, ...], get: Get) -> list[Field]:
    return [field for field in layout if field.when(get)]
