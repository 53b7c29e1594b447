"""The forms of a page as a browser would send them, filled with what a hostile person types."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from io import BytesIO
from typing import Any
from urllib.parse import urljoin

Attributes = dict[str, str]
# Typed into every field; the number tells one field's text from another's.
TYPED = "\"'><img id=pw src=x onerror=pwned()><script>pwned()</script>{{{{7*7191}}}}{number}"
TEXTUAL = ("text", "search", "email", "url", "tel", "number", "date", "time", "datetime-local",
           "month", "week", "color", "range")  # fmt: skip
VOID = ("input", "img", "br", "hr", "link", "meta", "base", "wbr", "source", "col", "area", "embed")


@dataclass
class Field:
    tag: str
    name: str
    kind: str
    value: str = ""
    checked: bool = False
    options: list[tuple[str, bool]] = field(default_factory=list)


@dataclass
class Form:
    """Fields in their order; `buttons` are those that send it, as (name, value)."""

    method: str
    action: str
    fields: list[Field] = field(default_factory=list)
    buttons: list[tuple[str, str]] = field(default_factory=list)


class Reader(HTMLParser):
    """Of a page: its forms, and what became markup though somebody typed it."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[Form] = []
        self.made: list[str] = []
        self.by_id: dict[str, Form] = {}
        self.elsewhere: list[tuple[str, Field | tuple[str, str]]] = []
        self._form: Form | None = None
        self._select: Field | None = None
        self._area: Field | None = None
        self._in_script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if given.get("id") == "pw" or any(
            name.startswith("on") or "pwned" in name or (name == "style" and "pwned" in value)
            for name, value in given.items()
        ):
            self.made.append(f"<{tag} {given}")
        self._in_script = tag in ("script", "style")
        if tag == "form":
            # A script puts what was chosen into the address.
            action = given.get("data-action", given.get("action", "")).replace("__id__", "1")
            self._form = Form(given.get("method", "get").lower(), action)
            self.forms.append(self._form)
            if "id" in given:
                self.by_id[given["id"]] = self._form
        elif tag == "button" and given.get("type", "submit") == "submit":
            self._keep(given, (given.get("name", ""), given.get("value", "")))
        elif tag in ("input", "select", "textarea"):
            self._read_field(tag, given)
        elif tag == "option" and self._select is not None:
            self._select.options.append((given.get("value", ""), "selected" in given))

    def _read_field(self, tag: str, given: Attributes) -> None:
        kind = given.get("type", "text").lower() if tag == "input" else tag
        kind = "hidden" if "hidden" in given else kind
        if kind == "submit":
            self._keep(given, (given.get("name", ""), given.get("value", "")))
        elif "name" in given and "disabled" not in given:
            one = Field(tag, given["name"], kind, given.get("value", ""), "checked" in given)
            self._keep(given, one)
            self._select = one if tag == "select" else None
            self._area = one if tag == "textarea" else None

    def _keep(self, given: Attributes, one: Field | tuple[str, str]) -> None:
        if "form" in given:
            self.elsewhere.append((given["form"], one))
        elif self._form is not None:
            (self._form.fields if isinstance(one, Field) else self._form.buttons).append(one)  # type: ignore[arg-type]

    def handle_endtag(self, tag: str) -> None:
        self._in_script = False
        if tag == "form":
            self._form = None
        elif tag == "select":
            self._select = None
        elif tag == "textarea":
            self._area = None

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            # The first line break after the tag is no part of the text (HTML, 13.2.6.4.7).
            self._area.value += data if self._area.value else data.removeprefix("\n")
        elif self._in_script and "pwned" in data:
            self.made.append(f"<script>{data[:80]}")

    def close(self) -> None:
        super().close()
        for ident, one in self.elsewhere:
            if ident in self.by_id:
                form = self.by_id[ident]
                (form.fields if isinstance(one, Field) else form.buttons).append(one)  # type: ignore[arg-type]


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    return reader


@dataclass(frozen=True)
class Sending:
    """One press of a button: where to, with what; what was typed by field, and which of the fields
    a page never shows again."""

    url: str
    data: list[tuple[str, Any]]
    typed: dict[str, str]
    secrets: frozenset[str]


def fill(form: Form, page_url: str, is_hostile: Callable[[Field], bool]) -> Iterator[Sending]:
    """By each button, or as Enter would send it. What isn't hostile is left as the page gives it;
    a choice without one takes the last there is."""
    for button in form.buttons or [("", "")]:
        data: list[tuple[str, Any]] = []
        typed: dict[str, str] = {}
        for number, one in enumerate(form.fields):
            value = _value_of(one, number, is_hostile(one))
            if value is None:
                continue
            data.append((one.name, value))
            if isinstance(value, str) and "pwned" in value:
                typed[one.name] = value
        if button[0]:
            data.append(button)
        secrets = frozenset(one.name for one in form.fields if one.kind == "password")
        yield Sending(urljoin(page_url, form.action or page_url), data, typed, secrets)


def _value_of(one: Field, number: int, hostile: bool) -> Any:
    """What is sent for a field; None is nothing."""
    typed = TYPED.format(number=number)
    if one.kind == "file":
        return (BytesIO(typed.encode()), f"{typed}.csv") if hostile else None
    if one.kind in ("checkbox", "radio"):
        return (one.value or "on") if one.checked or hostile else None
    if one.tag == "select":
        chosen = [value for value, is_chosen in one.options if is_chosen]
        return (chosen or [value for value, _ in one.options] or [""])[-1]
    if one.kind in (*TEXTUAL, "textarea", "password") and hostile:
        return typed
    return one.value
