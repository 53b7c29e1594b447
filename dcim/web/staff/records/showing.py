"""Values of records as people read them: words, units, links."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from flask_babel import format_decimal
from markupsafe import escape

from dcim.i18n import format_bits, format_local
from dcim.i18n import gettext as _
from dcim.records.fields import (
    ChoiceType,
    DecimalType,
    Field,
    FieldType,
    FlagType,
    HalfUnitsType,
    InstantType,
    IntegerType,
    RateType,
    ReferenceType,
    TextType,
)
from dcim.records.kinds import Kind
from dcim.records.record import Record
from dcim.web.staff.records.addresses import is_known, may_see, record_urls

NUMERIC = (IntegerType, DecimalType, HalfUnitsType, RateType)


class Shown(NamedTuple):
    """One value: `empty` when there is none; `url` leads to the record referred to.

    In a template it stands for its own markup. A tuple, for a page makes hundreds.
    """

    text: str
    unit: str = ""
    url: str = ""
    numeric: bool = False
    empty: bool = False
    multiline: bool = False

    def __html__(self) -> str:
        return self.mark_up(*escape_all((self.text, self.unit, self.url)))

    def mark_up(self, text: str, unit: str, url: str) -> str:
        """The markup, of this value's own words escaped."""
        if self.empty:
            return '<span class="muted">—</span>'
        if url:
            return f'<a href="{url}">{text}</a>'
        if self.multiline:
            return f'<span class="lines">{text}</span>'
        return f'{text}<span class="unit">{unit}</span>' if unit else text


def escape_all(texts: Sequence[str]) -> list[str]:
    """Each text escaped, all in one go: a table has a thousand."""
    # What PostgreSQL doesn't take can't be in them; where it is, they are escaped one by one.
    escaped = str(escape("\0".join(texts))).split("\0")
    return escaped if len(escaped) == len(texts) else [str(escape(one)) for one in texts]


NOTHING = Shown("—", empty=True)


def show_field(kind: Kind, one: Field, record: Record) -> Shown:
    return prepare(kind, one)(record)


def prepare(kind: Kind, one: Field) -> Callable[[Record], Shown]:
    """Shows this field of one record after another; what is the same for all is found once."""
    name = kind.shown(one).name
    if isinstance(one.type, ReferenceType):
        other = one.type.kind()
        url_of = record_urls(other) if is_known(other) and may_see(other) else None

        def show_reference(record: Record) -> Shown:
            value = record.values.get(name)
            if value is None:
                return NOTHING
            title = record.titles.get(one.name) or f"#{value}"
            return Shown(title, url=url_of(value) if url_of else "")

        return show_reference
    if isinstance(one.type, TextType):
        unit, multiline = one.unit, one.type.multiline

        # Hardly two records have the same text.
        def show_text(record: Record) -> Shown:
            value = record.values.get(name)
            return Shown(str(value), unit, multiline=multiline) if value else NOTHING

        return show_text
    known: dict[Any, Shown] = {}

    def show_known(record: Record) -> Shown:
        value = record.values.get(name)
        if value not in known:
            known[value] = show_value(one, value)
        return known[value]

    return show_known


def show_value(one: Field, value: Any, titles: Mapping[int, str] | None = None) -> Shown:
    """A value alone; `titles` names the records a reference may point to."""
    if value is None or value == "":
        return NOTHING
    kind = one.type
    if isinstance(kind, ReferenceType):
        return Shown((titles or {}).get(value) or f"#{value}")
    if isinstance(kind, NUMERIC):
        rate = isinstance(kind, RateType)
        return Shown(format_bits(value), numeric=True) if rate else _show_number(one, value)
    return Shown(
        _say(kind, value), one.unit, multiline=isinstance(kind, TextType) and kind.multiline
    )


def _say(kind: FieldType, value: Any) -> str:
    if isinstance(kind, ChoiceType):
        return word_of(kind, value)
    if isinstance(kind, FlagType):
        return str(_("yes") if value else _("no"))
    if isinstance(kind, InstantType):
        return format_local(value, "yyyy-MM-dd HH:mm")
    return kind.write(value)


def _show_number(one: Field, value: Any) -> Shown:
    """Grouped where it is a quantity; a number without a unit may be a name (VLAN, ASN)."""
    grouped = isinstance(one.type, IntegerType) and one.unit and abs(value) >= 10_000
    text = str(format_decimal(value)) if grouped else one.type.write(value)
    return Shown(text.replace("-", "−"), one.unit, numeric=True)


def word_of(kind: ChoiceType, value: str) -> str:
    return str(_(kind.words[value])) if value in kind.words else value


def show_json(one: Field, value: Any, titles: Mapping[int, str] | None = None) -> Shown:
    """A value as the change history keeps it."""
    if value is None or value == "":
        return NOTHING
    try:
        return show_value(one, one.type.judge(value), titles)
    except ValueError:
        # What the field took then, it may not take today.
        return Shown(str(value))


def write_value(one: Field, value: Any) -> str:
    """As it stands in an input. References are written by their path, by the caller."""
    return "" if value is None else one.type.write(value)
