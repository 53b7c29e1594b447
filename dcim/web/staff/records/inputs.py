"""The form of a kind, made from its fields: what is typed, what it means, what is wrong with it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from dataclasses import field as attribute
from typing import Any

from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.http.problems import say
from dcim.i18n import gettext as _
from dcim.records.fields import (
    ChoiceType,
    DayType,
    DecimalType,
    Field,
    FieldValueError,
    FlagType,
    HalfUnitsType,
    InstantType,
    IntegerType,
    RateType,
    ReferenceType,
    TextType,
)
from dcim.records.kinds import Kind, Values
from dcim.records.record import Record
from dcim.records.titles import find_paths
from dcim.records.values import InvalidValuesError, judge_values
from dcim.web.staff.records.addresses import is_known, kind_url, may_create, may_see
from dcim.web.staff.records.filtering import PATH, resolve_path
from dcim.web.staff.records.showing import word_of, write_value

# The reference an input was filled with, as "12|SH1/R1": valid while the text is still that.
KNOWN = "__known"
# "Set this to nothing", in a change of many.
NOTHING = "__nothing"


@dataclass(slots=True)
class Input:
    """One field of a form. `how` is text, long, choice, flag, reference, day or number."""

    field: Field
    how: str
    label: str
    hint: str
    text: str = ""
    known: str = ""
    checked: bool = False
    nothing: bool = False
    choices: list[tuple[str, str]] = attribute(default_factory=list)
    options_url: str = ""
    new_url: str = ""
    errors: list[str] = attribute(default_factory=list)
    # What stands there now, where someone else changed it meanwhile.
    now: str = ""
    # Shown, not asked: fixed when the record was made.
    fixed: bool = False

    @property
    def id(self) -> str:
        return f"f-{self.field.name}"


@dataclass(slots=True)
class RecordForm:
    kind: Kind
    inputs: list[Input]
    # What is wrong with the whole.
    problems: list[str] = attribute(default_factory=list)

    @property
    def groups(self) -> list[tuple[str, list[Input]]]:
        """Headings with their inputs, in the order of the fields."""
        found: dict[str, list[Input]] = {}
        for one in self.inputs:
            found.setdefault(one.field.group, []).append(one)
        return [(_(name) if name else "", inputs) for name, inputs in found.items()]

    @property
    def broken(self) -> list[Input]:
        return [one for one in self.inputs if one.errors]

    def input(self, name: str) -> Input | None:
        return next((one for one in self.inputs if one.field.name == name), None)

    def tell(self, problems: Mapping[str, Iterable[str]]) -> None:
        """Put each message at its field; what has none is told for the whole."""
        for name, messages in problems.items():
            one = self.input(name)
            if one is not None:
                one.errors = list(dict.fromkeys([*one.errors, *messages]))
            else:
                self.problems += [f"{name}: {message}" for message in messages]


def make_form(kind: Kind, fields: Iterable[Field], *, changing: bool = False) -> RecordForm:
    """An empty form. `changing`: fixed fields are shown without being asked."""
    return RecordForm(
        kind, [make_input(one, fixed=changing and one.fixed) for one in fields if one.writable]
    )


def make_input(one: Field, *, fixed: bool = False) -> Input:
    made = Input(one, how_of(one), _(one.label), _(one.hint) if one.hint else "", fixed=fixed)
    if isinstance(one.type, ChoiceType):
        made.choices = [(value, word_of(one.type, value)) for value in one.type.words]
    if isinstance(one.type, ReferenceType):
        other = one.type.kind()
        if is_known(other) and may_see(other):
            made.options_url = kind_url(other, "options")
            made.new_url = kind_url(other, "new") if may_create(other) else ""
    return made


def how_of(one: Field) -> str:
    kind = one.type
    if isinstance(kind, TextType):
        return "long" if kind.multiline else "text"
    ways: tuple[tuple[type | tuple[type, ...], str], ...] = (
        (ChoiceType, "choice"),
        (FlagType, "flag"),
        (ReferenceType, "reference"),
        (DayType, "day"),
        ((IntegerType, DecimalType, HalfUnitsType), "number"),
        ((RateType, InstantType), "text"),
    )
    return next((how for types, how in ways if isinstance(kind, types)), "text")


def fill_defaults(form: RecordForm) -> None:
    for one in form.inputs:
        if one.field.default is not None:
            _put(one, one.field.default)


def fill_record(session: Session, scope: Scope, form: RecordForm, record: Record) -> None:
    """What the record holds, references by their paths; a statement for each level of a path."""
    for one in form.inputs:
        _put(one, record.values.get(form.kind.shown(one.field).name))
    name_references(session, scope, form, record.values)


def name_references(
    session: Session, scope: Scope, form: RecordForm, values: Mapping[str, Any]
) -> None:
    for one in form.inputs:
        value = values.get(one.field.name)
        if not isinstance(one.field.type, ReferenceType):
            continue
        one.text = one.known = ""
        if value is not None:
            path = find_paths(session, scope, one.field.type.kind(), [value]).get(value)
            one.text = path or f"#{value}"
            one.known = f"{value}|{one.text}"


def fill_query(session: Session, scope: Scope, form: RecordForm, query: Mapping[str, str]) -> None:
    """What a link brings along: `?room_id=3&code=A`."""
    references: dict[str, int] = {}
    for one in form.inputs:
        text = query.get(one.field.name, "").replace("\0", "").strip()[:4000]
        if not text:
            continue
        if isinstance(one.field.type, ReferenceType):
            if text.isascii() and text.isdigit() and len(text) < 19:
                references[one.field.name] = int(text)
        elif one.how == "flag":
            one.checked = text.casefold() in {"yes", "true", "1", "on"}
        else:
            one.text = text
    if references:
        shown = {one.field.name: one for one in form.inputs if one.field.name in references}
        part = RecordForm(form.kind, list(shown.values()))
        name_references(session, scope, part, references)


def _put(one: Input, value: Any) -> None:
    if one.how == "flag":
        one.checked = bool(value)
    elif one.how != "reference":
        one.text = write_value(one.field, value)


def take(form: RecordForm, posted: Mapping[str, str]) -> None:
    """Keep what was typed in the inputs, word for word."""
    for one in form.inputs:
        name = one.field.name
        if one.fixed:
            continue
        if one.how == "flag":
            one.checked = name in posted
        elif one.how == "reference":
            one.text = posted.get(name + PATH, "").replace("\0", "")[:500]
            one.known = posted.get(name + KNOWN, "").replace("\0", "")[:600]
        else:
            one.text = posted.get(name, "").replace("\0", "")[:20_000]
        one.nothing = name + NOTHING in posted


def read_values(
    session: Session, scope: Scope, form: RecordForm, *, wanted: Callable[[Input], bool]
) -> Values | None:
    """The typed values of the inputs `wanted`; None when some can't be read, told at the inputs.

    All that is wrong is found at once.
    """
    values: Values = {}
    unread: set[str] = set()
    for one in form.inputs:
        if one.fixed or not wanted(one):
            continue
        name = one.field.name
        try:
            values[name] = _read(session, scope, one)
        except FieldValueError as error:
            one.errors.append(say(error))
            unread.add(name)
    if not unread:
        return values
    try:
        judge_values(form.kind, values, partial=True)
    except InvalidValuesError as error:
        found = {name: [say(each) for each in told] for name, told in error.problems.items()}
        form.tell({name: told for name, told in found.items() if name not in unread})
    return None


def _read(session: Session, scope: Scope, one: Input) -> Any:
    if one.how == "flag":
        return one.checked
    text = one.text.strip()
    if one.nothing or not text:
        return None
    if one.how == "reference":
        number, _bar, path = one.known.partition("|")
        if path == text and number.isascii() and number.isdigit() and len(number) < 19:
            return int(number)
        return resolve_path(session, scope, one.field, text)
    return one.field.type.read(text)
