"""A route's builders are made when its address is asked for, and give what werkzeug's own give."""

from collections.abc import Mapping
from typing import Any

import pytest
from flask import Flask
from werkzeug.routing import Rule

from dcim.http.addresses import RememberingAddresses, UrlRule

Values = Mapping[str, Any]
ROUTES = ("/", "/racks/<int:rack_id>", "/of/<path:name>/part", "/<a>/<b>", "/first/<int:page>")
ASKED: tuple[tuple[str, Values], ...] = (
    ("/", {}),
    ("/", {"q": "机柜 &x", "rule": 1}),
    ("/racks/<int:rack_id>", {"rack_id": 7, "append_unknown": 0}),
    ("/of/<path:name>/part", {"name": "a b/ü%"}),
    ("/<a>/<b>", {"a": "x/y", "b": "?"}),
    ("/first/<int:page>", {}),
)


def make_app(kind: type[Rule]) -> Flask:
    app = RememberingAddresses(__name__)
    app.url_rule_class = kind
    for route in ROUTES:
        app.add_url_rule(route, route, defaults={"page": 1} if route.startswith("/first") else None)
    return app


@pytest.mark.parametrize(("route", "values"), ASKED)
def test_addresses_are_those_of_werkzeug(route: str, values: Values) -> None:
    told = []
    for kind in (UrlRule, Rule):
        app = make_app(kind)
        with app.test_request_context():
            told.append([app.url_for(route, **values) for _ in range(2)])
    assert told[0] == told[1]


def test_only_those_that_are_asked_for_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    make = Rule._compile_builder

    def count(rule: Rule, append_unknown: bool = True) -> Any:
        made.append(rule.rule)
        return make(rule, append_unknown)

    monkeypatch.setattr(Rule, "_compile_builder", count)
    app = make_app(UrlRule)
    assert made == []
    with app.test_request_context():
        for _ in range(3):
            app.url_for("/racks/<int:rack_id>", rack_id=1, q=2)
    assert made == ["/racks/<int:rack_id>"]
    # The control: without it all are, at the start.
    make_app(Rule)
    assert len(made) > 2 * len(ROUTES)
