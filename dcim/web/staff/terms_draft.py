"""Terms under the pen, as a text or as a form over one."""

from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Literal

from dcim.sla.rules.drafting.editing import Comment
from dcim.sla.rules.drafting.sheet import Sheet, Values, read_sheet, write_sheet
from dcim.sla.rules.language.tree import TermsRefusedError

# Of a form that a browser and its reader can still handle.
MOST_VALUES = 3000


@dataclass(frozen=True, slots=True)
class Draft:
    """`base` is the text that was opened. Of a form: `sheet` what it shows of that text, `values`
    what it holds now, `text` the text with these, `lost` the comments that go with it. `refused`
    says why a text has no form."""

    base: str
    sheet: Sheet | None = None
    values: Values = field(default_factory=dict)
    written: str = ""
    lost: tuple[Comment, ...] = ()
    refused: Literal["", "unreadable", "long"] = ""

    @property
    def text(self) -> str:
        return self.written if self.sheet else self.base


def open_form(text: str) -> Draft:
    """The form over a text; the text itself where that is no YAML, or more than a form can hold."""
    try:
        sheet = read_sheet(text)
    except TermsRefusedError:
        return Draft(text, refused="unreadable")
    if len(sheet.values) > MOST_VALUES:
        return Draft(text, refused="long")
    return Draft(text, sheet, sheet.values, text)


def fill_form(text: str, values: Values) -> Draft:
    """The same with other values in it."""
    opened = open_form(text)
    if opened.sheet is None:
        return opened
    written = write_sheet(text, values)
    return Draft(text, opened.sheet, values, written.text, written.lost)


def mark_changes(before: str, after: str) -> list[tuple[str, bool]]:
    """Lines of the text after, and whether each is another than in the text before."""
    old, new = before.splitlines(), after.splitlines()
    changed = [bool(old)] * len(new)
    for block in SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks():
        changed[block.b : block.b + block.size] = [False] * block.size
    return list(zip(new, changed, strict=True))
