"""Makes every call, and judges every answer: what leaked, what told, what broke, what changed."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from sqlalchemy import Engine, text
from sqlalchemy.engine import Connection
from werkzeug.test import TestResponse

from dcim.accounts.roles import ROLES
from dcim.http.policy import Access
from dcim.kinds import BY_PLURAL
from tests.integration.matrix.cases import Case, generate
from tests.integration.matrix.world import Person, World, hash_rows

SAFE = ("GET", "HEAD", "OPTIONS")
NUMBER = text("SELECT pg_current_xact_id_if_assigned()::text")
# Differ by nature from one answer to the next.
UNLIKE_HEADERS = {"x-request-id", "date", "content-length", "set-cookie", "last-modified"}
FORGERY_TOKENS = (
    re.compile(rb'(name="csrf[-_]token"[^>]*?(?:content|value)=")[^"]*'),
    re.compile(rb'(id="csrf_token"[^>]*?value=")[^"]*'),
)


@dataclass
class Report:
    """How many calls were made and what was wrong; `answered` counts own calls that worked."""

    cases: int = 0
    problems: list[str] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    answered: set[tuple[str, str]] = field(default_factory=set)

    @property
    def leaks(self) -> int:
        return len(self.problems)


class Bench:
    """The app on one connection: each call is a transaction of its own that is rolled back."""

    def __init__(self, app: Flask, engine: Engine, world: World) -> None:
        self.app, self.engine, self.world = app, engine, world
        serializer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
        self.cookies = {
            person.user_id: serializer.dumps({"_user_id": person.cookie, "_fresh": True})
            for person in world.people
            if person.cookie
        }
        self.client = app.test_client(use_cookies=False)
        self.connection: Connection = engine.connect()
        app.extensions["jifang_sessions"].session_factory.configure(
            bind=self.connection, join_transaction_mode="create_savepoint"
        )
        self.before = self._hash_all()

    def close(self) -> None:
        self.connection.close()

    def find_kept(self) -> set[str]:
        """Tags of the tenants of whom anything differs now that the calls are rolled back."""
        after = self._hash_all()
        return {tag for tag, hashed in self.before.items() if after[tag] != hashed}

    def _hash_all(self) -> dict[str, str]:
        with self.connection.begin() as transaction:
            hashes = {tag: self._hash(tag) for tag in self.world.tenants}
            transaction.rollback()
        return hashes

    def _hash(self, tag: str) -> str:
        return hash_rows(self.connection, self.world.tenants[tag].ids["customer_id"])

    def _has_written(self) -> bool:
        """PostgreSQL gives a transaction its number before the first row it writes or locks; one
        without a number changed nothing, and then there is nothing to hash."""
        return self.connection.scalar(NUMBER) is not None

    def call(self, case: Case, person: Person) -> tuple[TestResponse, set[str]]:
        """The answer, and the tags of the tenants whose rows the call changed."""
        headers = {"Accept": "application/json"} if case.rule.startswith("/api/") else {}
        if person.token:
            headers["Authorization"] = f"Bearer {person.token}"
        elif person.cookie:
            headers["Cookie"] = f"jifang={self.cookies[person.user_id]}"
        options: dict[str, Any] = {}
        if case.body is not None:
            options = {"data": json.dumps(case.body), "content_type": "application/json"}
        # Begun here, so that the app's own commit ends a savepoint and nothing more.
        outer = self.connection.begin()
        answer = self.client.open(case.url, method=case.method, headers=headers, **options)
        answer.get_data()
        answer.close()
        changed: set[str] = set()
        if case.method not in SAFE and person.tenant is not None and self._has_written():
            other = "B" if person.tenant == "A" else "A"
            if self._hash(other) != self.before[other]:
                changed.add(other)
        outer.rollback()
        return answer, changed


def run_matrix(
    bench: Bench,
    expected: Mapping[str, Access],
    *,
    people: Iterable[Person] | None = None,
    wanted: Callable[[Case], bool] = lambda case: True,
) -> Report:
    """`expected` is the policy as it should be, whatever the app's own has become."""
    report = Report()
    for person in people or bench.world.people:
        twins: dict[str, dict[str, tuple[Case, TestResponse]]] = {}
        for case in generate(bench.app, bench.world, person):
            if not wanted(case):
                continue
            report.cases += 1
            answer, changed = bench.call(case, person)
            report.statuses[answer.status_code] += 1
            told = _judge(bench.world, case, person, answer, expected)
            told += [f"changed rows of tenant {tag}" for tag in changed]
            if case.kind in {"foreign", "absent"} and person.tenant is not None:
                twins.setdefault(case.twin, {})[case.kind] = (case, answer)
            if case.kind in {"own", "none"} and answer.status_code < 400:
                report.answered.add((person.role, f"{case.method} {case.rule}"))
            report.problems += [_name(case, person, what, answer) for what in told]
        for pair in twins.values():
            if len(pair) == 2 and (what := _compare(pair["foreign"], pair["absent"])):
                case, answer = pair["foreign"]
                report.problems.append(_name(case, person, what, answer))
    report.problems += [f"rows of tenant {tag} were changed for good" for tag in bench.find_kept()]
    return report


def _name(case: Case, person: Person, what: str, answer: TestResponse) -> str:
    return f"{person.label} {case.method} {case.url} [{case.kind}] -> {answer.status_code}: {what}"


def _judge(
    world: World, case: Case, person: Person, answer: TestResponse, expected: Mapping[str, Access]
) -> list[str]:
    told = []
    content = answer.get_data() + repr(answer.headers.to_wsgi_list()).encode()
    for tag in ("A", "B"):
        if person.tenant == tag or (person.tenant is None and person.role != "anonymous"):
            continue
        if found := re.search(rb"CANARY-" + tag.encode() + rb"[\w-]*", content):
            told.append(f"shows {found.group().decode()}")
        mark = b"7310000000" if tag == "A" else b"9870000000"
        if mark in content:
            told.append(f"shows a reading of tenant {tag}")
    if found := re.search(rb"SECRET[\w-]*", content):
        told.append(f"shows {found.group().decode()}")
    if any(token.encode() in content for token in world.plain_tokens):
        told.append("shows a token or its digest")
    if answer.status_code >= 500:
        told.append("broke")
    if case.kind == "malformed" and answer.status_code not in {303, 401, 400, 403, 404, 405, 422}:
        told.append("took a malformed id")
    return told + _judge_right(case, person, answer, expected)


def _judge_right(
    case: Case, person: Person, answer: TestResponse, expected: Mapping[str, Access]
) -> list[str]:
    access = expected.get(case.endpoint)
    if access is None or access.public or case.method == "OPTIONS":
        return []
    status = answer.status_code
    # Pages don't take tokens: such a caller is nobody there.
    nobody = person.role == "anonymous" or (person.token and not case.rule.startswith("/api/"))
    if nobody:
        # A malformed id is no route at all, so nobody is asked to sign in.
        fine = {401, 303} | ({404, 405} if case.kind == "malformed" else set())
        return [] if status in fine else ["answers nobody in particular"]
    right = not access.rights or bool(ROLES[person.role].rights & access.rights)
    if not right:
        refusals = {404} if ROLES[person.role].for_customers else {403, 404}
        # An id that is none, where another method has a route of this shape: that tells nothing.
        refusals |= {405} if case.kind == "malformed" else set()
        return [] if status in refusals else ["answers someone without the right"]
    if case.kind in {"own", "none"} and case.method == "GET":
        if _asks_by_hidden_field(case, person):
            return [] if status == 422 else ["finds by a field that customers don't see"]
        if status >= 400:
            return ["refuses someone who has the right"]
    return []


def _asks_by_hidden_field(case: Case, person: Person) -> bool:
    """Whether a customer filters by what is staff's own: to it there is no such field."""
    if person.tenant is None or case.place != "query":
        return False
    kind = BY_PLURAL.get(case.rule.rsplit("/", 1)[-1])
    name = case.twin.rsplit("?", 1)[-1]
    return kind is not None and kind.has(name) and kind.field(name).internal


def _compare(foreign: tuple[Case, TestResponse], absent: tuple[Case, TestResponse]) -> str:
    ones = [_normalise(case, answer) for case, answer in (foreign, absent)]
    for part, (left, right) in zip(
        ("status", "headers", "body"), zip(*ones, strict=True), strict=True
    ):
        if left != right:
            return f"{part} differs between another's id and an absent one"
    return ""


def _normalise(case: Case, answer: TestResponse) -> tuple[int, list[tuple[str, str]], bytes]:
    body = answer.get_data()
    paths = {case.url, case.url.split("?")[0], case.url.replace("&", "&amp;")}
    # The longest first, so that what is left doesn't depend on which of them came up.
    for path in sorted(paths, key=len, reverse=True):
        body = body.replace(path.encode(), b"PATH")
    body = body.replace(answer.headers.get("X-Request-Id", "-").encode(), b"REQUEST")
    for pattern in FORGERY_TOKENS:
        body = pattern.sub(rb"\1TOKEN", body)
    if case.place == "query":
        body = re.sub(rb"(?<=_id=)" + re.escape(case.ident.encode()) + rb"\b", b"ID", body)
    headers = sorted(
        (name.lower(), value.replace(case.url, "PATH").replace(case.url.split("?")[0], "PATH"))
        for name, value in answer.headers.to_wsgi_list()
        if name.lower() not in UNLIKE_HEADERS
    )
    return answer.status_code, headers, body
