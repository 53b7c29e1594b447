"""Every call there is: URL map ∪ OpenAPI x methods x ids in path, query and body."""

import datetime as dt
import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from werkzeug.routing import Rule

from dcim.api.record_resources import list_policy
from dcim.kinds import KINDS
from dcim.records.kinds import Kind
from dcim.web.staff.records.registering import endpoint_of, pages_of
from tests.integration.matrix.world import NOW, Person, World

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
# Absent ids: beyond everything seeded.
ABSENT = 987_654_321
MALFORMED_PATH = ("abc", "-1", "1e3", "99999999999999999999", "%00")
MALFORMED_QUERY = ("abc", "99999999999999999999", "")
MALFORMED_BODY: tuple[Any, ...] = ("1", -1, 10**30, [1], {"a": 1}, True, 1.5)
# HEAD is GET without a body: that it is guarded is enough.
SKIPPED = {"HEAD": ("absent", "malformed")}
# What a path parameter that is no id stands for; a route with a new one must be added here.
WORDS = {
    "filename": ("css/app.css", "../config.py"),
    "token": ("none",),
    "secret": ("none",),
    "month": ("2026-10",),
    "period": ("2026-10",),
    "year": ("2026",),
    "action": ("approve",),
    "step": ("answer",),
    "plural": ("sites",),
    "result": ("power.A05",),
}
# A query that an own call needs to be answered at all.
_ISO = "%Y-%m-%dT%H:%M:%SZ"
_SINCE, _UNTIL = NOW - dt.timedelta(days=1), NOW + dt.timedelta(hours=1)
DAY = f"since={_SINCE:{_ISO}}&until={_UNTIL:{_ISO}}"
NEEDED = {
    "/api/v1/series/<int:series_id>/samples": DAY,
    "/api/v1/statements/archive": "period=2026-10",
    "/api/v1/addresses/lookup": "address=192.0.2.7",
    "/staff/labels/sheet": "kind=cabinet&id=1",
    "/staff/print/cabinets": "cabinet=1",
    "/staff/power/outage.csv": "off=1",
    "/staff/devices/<int:device_id>/state": "to=installed",
}
ID_NAME = re.compile(r"(^|_)id$")
SAMPLES = {"date": NOW.date().isoformat(), "date-time": f"{NOW:{_ISO}}", "decimal": "1.00"}
# Where a name means something else than it does in the other routes.
MEANT = {
    ("/staff/orders/", "order_id"): "service_order_id",
    ("/api/v1/robots/", "endpoint_id"): "robot_id",
    ("/api/v1/syslog-servers/", "endpoint_id"): "syslog_server_id",
}
# The kind that tries for all of them what can't differ between the routes made from kinds: an id
# that is no number never reaches the view, and numbers in bodies are judged by one schema class.
EXEMPLAR = "site"
# What is decided before anyone looks who calls (no such method, no number in the address) is tried
# by one of each sort; whose id it is, by everyone.
THOROUGH = ("anonymous/-/nobody", "administrator/-/session", "customer_administrator/A/session")


class UnknownParameterError(AssertionError):
    """A route was added whose id the matrix can't fill in."""


@dataclass(frozen=True)
class Case:
    """One request; `kind` says whose the id in it is: none, own, foreign, absent or malformed.

    Cases of one `twin` differ in nothing but the id: foreign and absent must answer alike.
    """

    endpoint: str
    rule: str
    method: str
    url: str
    kind: str
    place: str = "path"
    twin: str = ""
    ident: str = ""
    body: Any = field(default=None, hash=False, compare=False)


def is_api(path: str) -> bool:
    return path.startswith("/api/")


def list_repeated(kinds: Iterable[Kind]) -> frozenset[str]:
    """Endpoints made from a kind by the functions that also made the exemplar's."""
    endpoints: set[str] = set()
    for kind in kinds:
        if kind.name != EXEMPLAR:
            endpoints |= {endpoint_of(kind, page) for page in pages_of(kind)}
            endpoints |= {f"staff.import_{kind.name}", f"staff.template_{kind.name}"}
    endpoints |= set(list_policy([kind for kind in kinds if kind.name != EXEMPLAR]))
    return frozenset(endpoints)


REPEATED = list_repeated(KINDS)


def list_rules(app: Flask) -> list[Rule]:
    return sorted(app.url_map.iter_rules(), key=lambda rule: (rule.rule, str(rule.endpoint)))


def generate(app: Flask, world: World, person: Person) -> Iterator[Case]:
    """All cases of one person. "Own" is its tenant's; staff's "own" are A's, foreign are B's."""
    own = person.tenant or "A"
    other = "B" if own == "A" else "A"
    thorough = person.label in THOROUGH
    spec = app.extensions["jifang_api"].describe()
    by_path: dict[str, list[Rule]] = {}
    for rule in list_rules(app):
        by_path.setdefault(rule.rule, []).append(rule)
    for path, rules in by_path.items():
        endpoints = {
            method: str(rule.endpoint) for rule in rules for method in rule.methods or set()
        }
        names = sorted(set().union(*(rule.arguments for rule in rules)))
        repeated = all(endpoint in REPEATED for endpoint in endpoints.values())
        for method in METHODS:
            endpoint = endpoints.get(method, "")
            # Routes of one shape refuse what none of them serves in the same way, and a HEAD is
            # guarded by what guards its GET: the exemplar tries that, and three people do.
            tried = thorough and not repeated
            if not tried and (not endpoint or method in {"HEAD", "OPTIONS"}):
                continue
            fillings = _fill(path, names, world, person, own, other, method)
            # A method that nobody serves is refused before anyone looks at the id.
            # To a page, a caller with a token is nobody, who is tried in full already.
            served = endpoint and method != "OPTIONS" and (is_api(path) or not person.token)
            for kind, filled, ident in fillings if served else itertools.islice(fillings, 1):
                if kind in SKIPPED.get(method, ()) or (kind == "malformed" and not tried):
                    continue
                query = NEEDED.get(path, "") if method in {"GET", "HEAD"} else ""
                url = filled + (f"?{query}" if query else "")
                body = _sample_body(spec, path, method, world, own)
                yield Case(
                    endpoint, path, method, url, kind, "path", f"{method} {path}", ident, body
                )
        yield from _queries(spec, path, endpoints, names, world, person, own, other)
        yield from _bodies(spec, path, endpoints, names, world, person, own, other)


def own_id(world: World, person: Person, tag: str, name: str, route: str = "") -> int:
    ids = world.tenants[tag].ids
    for (start, ambiguous), meant in MEANT.items():
        if name == ambiguous and route.startswith(start):
            name = meant
    if name == "token_id":
        return ids.get(f"token_id/{person.user_id}", ids["token_id"])
    if name not in ids:
        raise UnknownParameterError(
            f"{route}: the matrix doesn't know what {name!r} is; seed one in world.py"
        )
    return ids[name]


def _fill(
    path: str, names: list[str], world: World, person: Person, own: str, other: str, method: str
) -> Iterator[tuple[str, str, str]]:
    """(kind, URL, the id as text)."""
    for word in sorted(name for name in names if not ID_NAME.search(name)):
        if word not in WORDS:
            raise UnknownParameterError(f"{path}: give {word!r} words in cases.py")
    words = [WORDS[name] for name in names if not ID_NAME.search(name)]
    ids = [name for name in names if ID_NAME.search(name)]
    for chosen in itertools.product(*words):
        base = path
        for name, word in zip((n for n in names if not ID_NAME.search(n)), chosen, strict=True):
            base = re.sub(rf"<(?:[^:<>]+:)?{name}>", word, base)
        if not ids:
            yield "none", base, ""
            continue
        for kind, values in (
            ("own", [str(own_id(world, person, own, name, path)) for name in ids]),
            ("foreign", [str(own_id(world, person, other, name, path)) for name in ids]),
            ("absent", [str(ABSENT)] * len(ids)),
        ):
            yield kind, _substitute(base, ids, values), values[0]
        # One malformed form each for the methods that never reach a view.
        for value in MALFORMED_PATH if method == "GET" else MALFORMED_PATH[:1]:
            yield "malformed", _substitute(base, ids, [value] * len(ids)), value


def _substitute(path: str, names: list[str], values: list[str]) -> str:
    for name, value in zip(names, values, strict=True):
        path = re.sub(rf"<(?:[^:<>]+:)?{name}>", value, path)
    return path


def _operation(spec: dict[str, Any], path: str, method: str) -> dict[str, Any]:
    described = re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", path)
    operation: dict[str, Any] = spec["paths"].get(described, {}).get(method.lower(), {})
    return operation


def _queries(
    spec: dict[str, Any], path: str, endpoints: dict[str, str], names: list[str], world: World,
    person: Person, own: str, other: str,
) -> Iterator[Case]:  # fmt: skip
    """Each id that a query may hold, of each kind."""
    if "GET" not in endpoints or names:
        return
    for parameter in _operation(spec, path, "GET").get("parameters", []):
        name = parameter["name"]
        if parameter["in"] != "query" or not ID_NAME.search(name):
            continue
        twin = f"GET {path}?{name}"
        for kind, value in (
            ("own", own_id(world, person, own, name, path)),
            ("foreign", own_id(world, person, other, name, path)),
            ("absent", ABSENT),
            *(
                ("malformed", wrong)
                for wrong in _malformed(MALFORMED_QUERY, endpoints["GET"], person)
            ),
        ):
            url = f"{path}?{name}={value}" + (f"&{NEEDED[path]}" if path in NEEDED else "")
            yield Case(endpoints["GET"], path, "GET", url, kind, "query", twin, str(value))


def _bodies(
    spec: dict[str, Any], path: str, endpoints: dict[str, str], names: list[str], world: World,
    person: Person, own: str, other: str,
) -> Iterator[Case]:  # fmt: skip
    """Each id that a JSON body may hold, of each kind; the path's own id is own."""
    ids = [str(own_id(world, person, own, name, path)) for name in names if ID_NAME.search(name)]
    url = _substitute(path, [name for name in names if ID_NAME.search(name)], ids)
    for method in ("POST", "PUT", "PATCH"):
        sample = _sample_body(spec, path, method, world, own)
        if not sample:
            continue
        for name in sample:
            if not ID_NAME.search(name):
                continue
            twin = f"{method} {path} {name}"
            for kind, value in (
                ("own", own_id(world, person, own, name, path)),
                ("foreign", own_id(world, person, other, name, path)),
                ("absent", ABSENT),
                *(
                    ("malformed", wrong)
                    for wrong in _malformed(MALFORMED_BODY, endpoints[method], person)
                ),
            ):
                body = {**sample, name: value}
                yield Case(
                    endpoints.get(method, ""), path, method, url, kind, "body", twin, str(value),
                    body,
                )  # fmt: skip


def _malformed(values: tuple[Any, ...], endpoint: str, person: Person) -> tuple[Any, ...]:
    """One wrong id will do where the exemplar, or another person, gives all of them."""
    if person.label not in THOROUGH:
        return ()
    return values[:1] if endpoint in REPEATED else values


def _sample_body(
    spec: dict[str, Any], path: str, method: str, world: World, own: str
) -> dict[str, Any] | None:
    """A body that the operation accepts, made from its schema."""
    content = _operation(spec, path, method).get("requestBody", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    if "$ref" in schema:
        schema = spec["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    body: dict[str, Any] = {}
    for name, one in schema.get("properties", {}).items():
        if ID_NAME.search(name):
            body[name] = world.tenants[own].ids[name]
        elif name not in schema.get("required", ()):
            continue
        elif "enum" in one:
            body[name] = one["enum"][-1]
        else:
            body[name] = _sample(one)
    return body or None


def _sample(described: dict[str, Any]) -> Any:
    """A value of this type; of those it may have, the first (what may be null is given)."""
    kind = described.get("type", "")
    if isinstance(kind, list):
        kind = kind[0]
    if described.get("format") in SAMPLES:
        return SAMPLES[described["format"]]
    return {"string": "127.0.0.9", "integer": 1, "number": 1, "boolean": False, "array": []}.get(
        kind, {} if "$ref" in described else "matrix"
    )
