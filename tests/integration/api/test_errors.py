"""Every refusal of the API is problem JSON that says what is wrong, and never a crash."""

import json
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, update

from dcim.accounts.models import User
from dcim.accounts.scope import Scope
from dcim.db import SessionFactory, transaction
from tests.integration.api.conftest import MakeClient

DEVICES = "/api/v1/devices"


def problem(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.get_data(as_text=True)
    assert answer.mimetype == "application/problem+json"
    body: dict[str, Any] = answer.get_json()
    assert body["status"] == status
    assert body["request_id"] == answer.headers["X-Request-Id"]
    return body


def test_unknown_fields_are_named(api: MakeClient) -> None:
    client = api()
    body = {"name": "a", "role": "server", "device_type_id": 1, "approver": "me"}
    assert "approver" in problem(client.post(DEVICES, json=body), 422)["errors"]
    assert "depth" in problem(client.get(f"{DEVICES}?depth=9"), 422)["errors"]


@pytest.mark.parametrize(
    "body",
    [b"{", b"\xff\xfe", b"[" * 60_000, b'{"device_type_id": ' + b"9" * 5000 + b"}", b'{"a": 1'],
    ids=["cut", "not-utf8", "deep", "long-number", "cut-object"],
)
def test_malformed_json_is_400(api: MakeClient, body: bytes) -> None:
    answer = api().post(DEVICES, data=body, content_type="application/json")
    problem(answer, 400)


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"3",
        b"null",
        b'"x"',
        b'{"name": NaN}',
        json.dumps({"name": "a\x00b", "role": "r", "device_type_id": 1}).encode(),
        json.dumps({"name": "a\ud800b", "role": "r", "device_type_id": 1}).encode(),
        json.dumps({"name": "a", "role": "r", "device_type_id": 2**80}).encode(),
        json.dumps({"name": "a", "role": "r", "device_type_id": True}).encode(),
        json.dumps({"name": "a", "role": "r", "device_type_id": "1"}).encode(),
        json.dumps({"name": "a", "role": "r", "device_type_id": 1e300}).encode(),
        json.dumps({"name": ["a"], "role": {}, "device_type_id": None}).encode(),
    ],
)
def test_wrong_values_are_422(api: MakeClient, body: bytes) -> None:
    problem(api().post(DEVICES, data=body, content_type="application/json"), 422)


def test_too_large_body_is_413(app: Flask, api: MakeClient) -> None:
    app.config["MAX_CONTENT_LENGTH"] = 1000
    answer = api().post(DEVICES, data=b" " * 1001, content_type="application/json")
    problem(answer, 413)


def test_wrong_method_says_which_are_right(api: MakeClient) -> None:
    answer = api().put(DEVICES, json={})
    problem(answer, 405)
    assert {"GET", "POST"} <= set(answer.headers["Allow"].replace(" ", "").split(","))


def test_without_token_401_and_without_right_403_or_404(app: Flask, api: MakeClient) -> None:
    problem(app.test_client().get(DEVICES), 401)
    problem(api("finance").get(DEVICES), 403)


@pytest.mark.parametrize(
    "query",
    ["page=0", "size=0", "size=501", "page=1_0", "sort=password", "descending=maybe",
     "customer_id=abc", "customer_id=99999999999999999999", "q=%00", "state=gone"],
)  # fmt: skip
def test_wrong_query_is_422(api: MakeClient, query: str) -> None:
    problem(api().get(f"{DEVICES}?{query}"), 422)


@pytest.mark.parametrize("number", ["0", "99999999999999999999", "abc", "-1", "1.5", "%00"])
def test_no_such_id_is_404(api: MakeClient, number: str) -> None:
    problem(api().get(f"{DEVICES}/{number}"), 404)


def test_address_outside_the_allowed_networks_is_refused(api: MakeClient) -> None:
    client = api()
    made = client.post(
        "/api/v1/snmp-credentials",
        json={"name": "core", "version": "2c", "community": "SECRET-community"},
    )
    assert made.status_code == 201
    assert "SECRET" not in made.get_data(as_text=True)
    assert "SECRET" not in client.get("/api/v1/snmp-credentials").get_data(as_text=True)
    body = {"device_id": 1, "credential_id": made.get_json()["id"], "address": "169.254.169.254"}
    assert "device_id" in problem(client.post("/api/v1/snmp-agents", json=body), 422)["errors"]


def test_description_is_served_and_read(api: MakeClient) -> None:
    client = api()
    spec = client.get("/api/v1/openapi.json").get_json()
    assert spec["openapi"] == "3.1.0"
    for path, operations in spec["paths"].items():
        for method, operation in operations.items():
            if method == "parameters":
                continue
            assert operation["summary"], (path, method)
            for status in ("401", "404", "422", "default"):
                answer = operation["responses"][status]
                if "$ref" in answer:
                    answer = spec["components"]["responses"][answer["$ref"].rsplit("/", 1)[1]]
                assert list(answer["content"]) == ["application/problem+json"], (path, status)
    page = client.get("/api/v1/docs").get_data(as_text=True)
    assert "/api/v1/statements/{statement_id}/pdf" in page
    # Inside the strict policy: nothing inline, nothing from elsewhere.
    assert "style=" not in page
    assert "<style" not in page
    assert all("src=" in part.split(">")[0] for part in page.split("<script")[1:])
    assert "https://" not in page


def test_wrong_token_is_401_whatever_else_is_asked(app: Flask) -> None:
    """Telling the error asks who reads it, which must not ask the wrong token again."""
    client = app.test_client()
    for path in ("/api/v1/me", "/api/v1/no-such", "/api/v1/docs"):
        answer = client.get(path, headers={"Authorization": "Bearer jf_" + "x" * 43})
        problem(answer, 401)


def test_a_wrong_choice_is_told_with_words_and_values(api: MakeClient) -> None:
    body = {"code": "x", "name": "x", "kind": "cabinett", "unit": "month"}
    client = api()
    fields = problem(client.post("/api/v1/catalogue-items", json=body), 422)["errors"]
    (told,) = fields["kind"]
    assert "Cabinet (cabinet), Rack (rack)" in told
    assert told.endswith("Did you mean Cabinet (cabinet)?")
    (told,) = problem(client.get("/api/v1/catalogue-items?sort=colour"), 422)["errors"]["sort"]
    assert "Code (code)" in told


@pytest.mark.parametrize(("language", "title"), [("zh", "没有找到"), ("en", "Nothing is here")])
def test_a_refusal_asks_once_who_reads_it(
    api: MakeClient, sessions: SessionFactory, language: str, title: str
) -> None:
    """In their language, which is not read anew when the transaction has been rolled back."""
    client = api()
    with transaction(sessions, Scope.system("test")) as session:
        session.execute(update(User).values(language=language))
        engine = session.get_bind()
    statements: list[str] = []

    def note(*args: object) -> None:
        statements.append(str(args[2]))

    assert client.get("/api/v1/me").status_code == 200  # the token's use is noted for a minute
    event.listen(engine, "before_cursor_execute", note)
    try:
        told = problem(client.get("/api/v1/sites/987654321"), 404)
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert told["title"] == title
    assert sum("FROM app_user" in one or "JOIN app_user" in one for one in statements) == 1
