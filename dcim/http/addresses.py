"""Addresses of pages, worked out once: a list links several hundred, most of them alike."""

from collections.abc import Callable
from typing import Any

from flask import Flask, has_request_context, request
from werkzeug.routing import Rule

# Stands for a record's number while an address is worked out; nothing else in one looks like it.
NUMBER = 770_077_007_700_770_077


class UrlRule(Rule):
    """A route whose builders, a function each that is compiled, are made when its address is first
    asked for: to make all of them takes longer than the rest of an app's start."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        make = super()._compile_builder
        made: list[Callable[..., tuple[str, str]]] = []

        def build(rule: Rule, /, **values: Any) -> tuple[str, str]:
            if not made:
                made.append(make(append_unknown))
            return made[0](rule, **values)

        return build


class RememberingAddresses(Flask):
    """Remembers the addresses that have no variable part but a file's name or a record's number."""

    url_rule_class: type[Rule] = UrlRule

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._addresses: dict[tuple[str, str, str], str] = {}

    def url_for(
        self,
        endpoint: str,
        *,
        _anchor: str | None = None,
        _method: str | None = None,
        _scheme: str | None = None,
        _external: bool | None = None,
        **values: Any,
    ) -> str:
        plain = _anchor is None and _method is None and _scheme is None and _external is None
        if plain and len(values) < 2 and not endpoint.startswith(".") and has_request_context():
            if not values:
                return self._remember(endpoint, "", None)
            ((name, value),) = values.items()
            if type(value) is int:
                # Whether a part of the path or of the query, the number stands there once.
                return self._remember(endpoint, name, NUMBER).replace(str(NUMBER), str(value))
            if endpoint == "static" and name == "filename":
                return self._remember(endpoint, name, value)
        return super().url_for(
            endpoint,
            _anchor=_anchor,
            _method=_method,
            _scheme=_scheme,
            _external=_external,
            **values,
        )

    def _remember(self, endpoint: str, name: str, value: Any) -> str:
        key = (request.root_path, endpoint, name if value is NUMBER else str(value))
        if key not in self._addresses:
            self._addresses[key] = super().url_for(endpoint, **{name: value} if name else {})
        return self._addresses[key]
