"""What a list is narrowed by: the filters of the URL as chips, and the panel to set them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.http.problems import say
from dcim.i18n import gettext as _
from dcim.records.fields import (
    ChoiceType,
    Field,
    FieldValueError,
    FlagType,
    NetworkType,
    ReferenceType,
    TextType,
    mark,
)
from dcim.records.kinds import Kind
from dcim.records.listing import Filter, Wish
from dcim.records.titles import find_titles, resolve_paths
from dcim.web.staff.records.addresses import is_known, kind_url, may_see
from dcim.web.staff.records.showing import show_value, word_of

Pairs = list[tuple[str, str]]
# Typed by people without a script in place of a number: `site_id__path=SH1`.
PATH = "__path"


@dataclass(frozen=True, slots=True)
class Chip:
    """One filter in words; `without` is the query that keeps all others. `wrong`: not applied."""

    text: str
    without: str
    wrong: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    text: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Panel:
    """One field of the filter panel. `how` is choices, reference, flag, range or text."""

    field: Field
    label: str
    how: str
    choices: Sequence[Choice] = ()
    low: str = ""
    high: str = ""
    text: str = ""
    options_url: str = ""
    # "yes", "no" or "" where the field may be empty; None where it can't.
    empty: str | None = None
    active: bool = False


def open_query(pairs: Iterable[tuple[str, str]]) -> str:
    """A query to which more can be appended: "?" or "?a=1&"."""
    text = urlencode(list(pairs))
    return f"?{text}&" if text else "?"


def drop(pairs: Pairs, *names: str) -> Pairs:
    return [(name, value) for name, value in pairs if name not in names]


def find_filter_titles(
    session: Session, scope: Scope, kind: Kind, wish: Wish
) -> dict[str, dict[int, str]]:
    """Names of the records filtered by; a statement for each reference that is filtered."""
    wanted: dict[str, set[int]] = {}
    for one in wish.filters:
        if one.operator in {"is", "not"} and isinstance(kind.field(one.field).type, ReferenceType):
            wanted.setdefault(one.field, set()).update(one.values)
    return {
        name: find_titles(session, scope, kind.field(name).type.kind(), ids)  # type: ignore[attr-defined]
        for name, ids in wanted.items()
    }


def make_chips(
    kind: Kind, wish: Wish, pairs: Pairs, titles: dict[str, dict[int, str]]
) -> list[Chip]:
    chips = []
    if wish.text:
        chips.append(Chip(f"“{wish.text}”", open_query(drop(pairs, "q", "page"))))
    for one in wish.filters:
        text = _say_filter(kind.field(one.field), one, titles.get(one.field, {}))
        chips.append(Chip(text, open_query(drop(pairs, one.name, "page"))))
    for name, problem in wish.problems.items():
        base = name.partition("__")[0]
        label = _(kind.field(base).label) if kind.has(base) else name
        text = _("%(label)s: %(problem)s", label=label, problem=say(problem))
        chips.append(Chip(text, open_query(drop(pairs, name, "page")), wrong=True))
    return chips


def _say_filter(one: Field, wanted: Filter, titles: dict[int, str]) -> str:
    label = _(one.label)
    if wanted.operator == "empty":
        text = _("%(label)s: empty") if wanted.values[0] else _("%(label)s: not empty")
        return str(text % {"label": label})
    shown = [show_value(one, value, titles) for value in wanted.values]
    words = _(", ").join(f"{each.text} {each.unit}".strip() for each in shown)
    patterns = {
        "is": _("%(label)s: %(words)s"),
        "not": _("%(label)s: not %(words)s"),
        "contains": _("%(label)s contains “%(words)s”"),
        "from": _("%(label)s ≥ %(words)s"),
        "to": _("%(label)s ≤ %(words)s"),
    }
    return str(patterns[wanted.operator] % {"label": label, "words": words})


def make_panels(kind: Kind, wish: Wish, titles: dict[str, dict[int, str]]) -> list[Panel]:
    chosen = {(one.field, one.operator): one for one in wish.filters}
    return [
        _make_panel(one, chosen, titles.get(one.name, {})) for one in kind.fields if one.filtered
    ]


def _make_panel(one: Field, chosen: dict[tuple[str, str], Filter], titles: dict[int, str]) -> Panel:
    def values(operator: str) -> tuple[Any, ...]:
        found = chosen.get((one.name, operator))
        return found.values if found else ()

    def text(operator: str) -> str:
        found = values(operator)
        return (found[0] if operator == "contains" else one.type.write(found[0])) if found else ""

    # What has a default is never empty.
    optional = not one.required and one.default in (None, "")
    empty = values("empty")
    how, parts = _describe(one, values("is"), titles)
    return Panel(
        one,
        _(one.label),
        how,
        choices=parts,
        low=text("from"),
        high=text("to"),
        text=text("contains"),
        options_url=_options_url(one),
        empty=("yes" if empty[0] else "no") if empty else ("" if optional else None),
        active=any(name == one.name for name, _operator in chosen),
    )


def _options_url(one: Field) -> str:
    if not isinstance(one.type, ReferenceType):
        return ""
    other = one.type.kind()
    return kind_url(other, "options") if is_known(other) and may_see(other) else ""


def _describe(
    one: Field, picked: tuple[Any, ...], titles: dict[int, str]
) -> tuple[str, list[Choice]]:
    kind = one.type
    if isinstance(kind, ChoiceType):
        return "choices", [
            Choice(value, word_of(kind, value), value in picked) for value in kind.words
        ]
    if isinstance(kind, FlagType):
        return "flag", [
            Choice("yes", _("yes"), True in picked),
            Choice("no", _("no"), False in picked),
        ]
    if isinstance(kind, ReferenceType):
        return "reference", [
            Choice(str(value), titles.get(value, f"#{value}"), True) for value in picked
        ]
    if isinstance(kind, TextType | NetworkType):
        return "text", [Choice(str(value), str(value), True) for value in picked]
    return "range", [Choice(kind.write(value), kind.write(value), True) for value in picked]


def resolve_typed_paths(
    session: Session, scope: Scope, kind: Kind, pairs: Pairs
) -> tuple[Pairs, dict[str, FieldValueError]]:
    """The pairs with typed paths replaced by the numbers they name; what names nothing stays."""
    resolved: Pairs = []
    problems: dict[str, FieldValueError] = {}
    for name, value in pairs:
        base = name.removesuffix(PATH)
        one = kind.field(base) if name.endswith(PATH) and kind.has(base) else None
        if one is None or not isinstance(one.type, ReferenceType):
            resolved.append((name, value))
            continue
        try:
            found = str(resolve_path(session, scope, one, value))
        except FieldValueError as error:
            resolved.append((name, value))
            problems[name] = error
        else:
            resolved.append((base, found))
    return resolved, problems


def resolve_path(session: Session, scope: Scope, one: Field, text: str) -> int:
    """The record that a typed path names. Raises FieldValueError for none and for several."""
    words = text.replace("\0", "").strip()[:500]
    other = one.type.kind()  # type: ignore[attr-defined]
    ids = resolve_paths(session, scope, other, [words]).get(words, [])
    if not ids:
        raise FieldValueError(mark("There is nothing called %(name)s."), name=words)
    if len(ids) > 1:
        raise FieldValueError(
            mark("%(count)s are called %(name)s; write the whole path."),
            count=len(ids),
            name=words,
        )
    return ids[0]
