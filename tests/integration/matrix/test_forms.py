"""Every form of every page, sent with hostile texts typed into it: nothing breaks, nothing typed
becomes markup, and what is refused still stands in its field.

Routes and forms are taken from the application: a new one is tried without being named here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from html import unescape

import pytest
from flask import Flask, abort, request
from flask.typing import ResponseReturnValue
from markupsafe import escape

from tests.integration.matrix.cases import REPEATED, Case, generate, is_api
from tests.integration.matrix.conftest import IGNORED_WARNING, OpenBench
from tests.integration.matrix.forms import Field, Sending, fill, read
from tests.integration.matrix.run import Bench
from tests.integration.matrix.world import Person

pytestmark = pytest.mark.filterwarnings(IGNORED_WARNING)


def press(bench: Bench, person: Person, page: str, told: list[str]) -> Counter[int]:
    """Send all forms of a page, each in a transaction that is rolled back."""
    statuses: Counter[int] = Counter()
    answer, _ = bench.call(Case("", page, "GET", page, "own"), person)
    if answer.status_code != 200 or answer.mimetype != "text/html":
        return statuses
    for form in read(answer.get_data(as_text=True)).forms:
        if form.method != "post" or "logout" in form.action:
            continue
        for is_hostile in TYPISTS:
            for sending in fill(form, page, is_hostile):
                if sending.typed:
                    status, wrong = send(bench, person, sending)
                    statuses[status] += 1
                    told += [f"{person.role} at {page} to {sending.url}: {one}" for one in wrong]
    return statuses


# Whoever fills in everything, and whoever types a text where one is wanted and leaves the rest.
TYPISTS: tuple[Callable[[Field], bool], ...] = (
    lambda one: True,
    lambda one: one.kind in ("text", "search", "textarea"),
)


def send(bench: Bench, person: Person, sending: Sending) -> tuple[int, list[str]]:
    headers = {"Cookie": f"jifang={bench.cookies[person.user_id]}"}
    data: dict[str, list[object]] = {}
    for name, value in sending.data:
        data.setdefault(name, []).append(value)
    outer = bench.connection.begin()
    answer = bench.client.post(sending.url, data=data, headers=headers)
    content = answer.get_data()
    answer.close()
    outer.rollback()
    wrong = []
    if answer.status_code >= 500 or answer.status_code in (404, 405):
        wrong.append(f"answered {answer.status_code}")
    if answer.mimetype == "text/html":
        page = content.decode()
        found = read(page)
        wrong += [f"made {one}" for one in found.made]
        if answer.status_code in (400, 409, 422) and found.forms:
            shown = unescape(page)
            wrong += [
                f"lost what was typed as {name}"
                for name, text in sending.typed.items()
                if text not in shown and name not in sending.secrets
            ]
    return answer.status_code, wrong


PEOPLE = (("administrator", None), ("customer_administrator", "A"))


@pytest.mark.parametrize(("role", "tenant"), PEOPLE)
def test_no_form_breaks_leaks_or_loses(
    open_bench: OpenBench, role: str, tenant: str | None
) -> None:
    told: list[str] = []
    statuses: Counter[int] = Counter()
    with open_bench() as bench:
        person = next(
            one
            for one in bench.world.people
            if one.role == role and one.tenant == tenant and one.cookie
        )
        for case in generate(bench.app, bench.world, person):
            if (
                case.method == "GET" and case.kind in ("own", "none") and case.place == "path"
                and not is_api(case.rule) and case.endpoint not in REPEATED
            ):  # fmt: skip
                statuses += press(bench, person, case.url, told)
    assert told == [], "\n".join(["", *told[:40]])
    assert statuses.total() > 20


FAULTY = {
    "/breaks": "boom",
    "/shows": "{page}{text}",
    "/loses": "{page}",
    "/keeps": "{page}<p>{safe}",
}


def make_faulty() -> Flask:
    app = Flask("faulty")

    def answer(path: str) -> ResponseReturnValue:
        page = f"<form method=post action=/{path}><input name=word></form>"
        if request.method == "GET":
            return page
        if path == "breaks":
            abort(500)
        text = request.form["word"]
        return FAULTY[f"/{path}"].format(page=page, text=text, safe=escape(text)), 422

    app.add_url_rule("/<path>", "answer", answer, methods=["GET", "POST"])
    return app


@pytest.mark.parametrize(
    ("path", "words"),
    [("/breaks", "answered 500"), ("/shows", "made <img"), ("/loses", "lost what was typed"),
     ("/keeps", None)],
)  # fmt: skip
def test_control_each_fault_is_told_and_a_sound_form_has_none(
    open_bench: OpenBench, path: str, words: str | None
) -> None:
    told: list[str] = []
    with open_bench() as bench:
        person = next(one for one in bench.world.people if one.cookie)
        bench.client = make_faulty().test_client(use_cookies=False)
        assert press(bench, person, path, told)
    assert any(words in one for one in told) if words else told == []
