"""Records of any kind through the API: lists, versions, keys, many at once, the way back."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

import dcim.api.v1.deletions
import dcim.api.v1.resources
from dcim.accounts.roles import Right
from dcim.api.record_resources import list_policy, make_resource
from dcim.app import create_app
from dcim.config import Settings
from dcim.db import SessionFactory
from dcim.policy import POLICY
from tests.integration.api.conftest import MakeClient
from tests.integration.records.kinds import KINDS, SITE
from tests.integration.web.lending import lend_app

NAMES = {f"api_{kind.plural.replace('-', '_')}" for kind in KINDS}
ROOMS = "/api/v1/rooms"


def make_app(settings: Settings, sessions: SessionFactory) -> Flask:
    """The application with small kinds in the place of the real ones."""
    resources = [one for one in dcim.api.v1.resources.RESOURCES if one.name not in NAMES]
    resources += [make_resource(kind, KINDS) for kind in KINDS]
    kept = {name: access for name, access in POLICY.items() if name.split(".")[0] not in NAMES}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dcim.api.v1.resources, "RESOURCES", tuple(resources))
        return create_app(settings, sessions, policy=kept | list_policy(KINDS))


@pytest.fixture
def app(settings: Settings, sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch) -> Flask:
    monkeypatch.setattr(dcim.api.v1.deletions, "KINDS", KINDS)
    monkeypatch.setattr(dcim.api.v1.deletions, "BY_NAME", {one.name: one for one in KINDS})
    return lend_app(make_app, settings, sessions)


@pytest.fixture
def client(api: MakeClient) -> FlaskClient:
    return api()


def make_site(client: FlaskClient, code: str = "SH1") -> int:
    answer = client.post("/api/v1/sites", json={"code": code, "name": "上海"})
    assert answer.status_code == 201, answer.text
    return int(answer.json["id"])  # type: ignore[index]


def make_rooms(client: FlaskClient, count: int = 3) -> list[int]:
    site = make_site(client)
    items = [{"site_id": site, "code": f"R{n}", "name": f"房{n}"} for n in range(1, count + 1)]
    answer = client.post(f"{ROOMS}/many", json={"items": items})
    assert answer.status_code == 201, answer.text
    return [one["id"] for one in answer.json["items"]]  # type: ignore[index]


def test_a_list_is_filtered_sorted_paged_and_expanded(client: FlaskClient) -> None:
    make_rooms(client)
    body = client.get(f"{ROOMS}?sort=-code&size=2&expand=site_id&code__contains=r").json
    assert body is not None
    assert (body["total"], [one["code"] for one in body["items"]]) == (3, ["R3", "R2"])
    first = body["items"][0]
    assert first["titles"] == {"site_id": "SH1"}
    assert first["expanded"]["site_id"]["timezone"] == "Asia/Shanghai"


def test_nothing_is_expanded_beyond_ones_rights(api: MakeClient, client: FlaskClient) -> None:
    make_rooms(client, 1)
    watcher = api("noc")

    def ask() -> dict[str, object]:
        (room,) = watcher.get(f"{ROOMS}?expand=site_id").json["items"]  # type: ignore[index]
        return dict(room)

    assert "expanded" in ask()
    object.__setattr__(SITE, "see", Right.MANAGE_PEOPLE)
    try:
        assert "expanded" not in ask()
    finally:
        object.__setattr__(SITE, "see", Right.SEE_SPACE)


@pytest.mark.parametrize(
    ("query", "field"),
    [("colour=red", "colour"), ("expand=colour", "expand"), ("site_id=x", "site_id")],
)
def test_what_makes_no_sense_is_named(client: FlaskClient, query: str, field: str) -> None:
    answer = client.get(f"{ROOMS}?{query}")
    assert answer.status_code == 422
    assert field in answer.json["errors"]  # type: ignore[index]


def test_a_change_needs_the_version_it_was_made_for(client: FlaskClient) -> None:
    (room, *_) = make_rooms(client, 1)
    url = f"{ROOMS}/{room}"
    tag = client.get(url).headers["ETag"]
    assert client.get(url, headers={"If-None-Match": tag}).status_code == 304
    changed = client.patch(url, json={"name": "新"}, headers={"If-Match": tag})
    assert (changed.status_code, changed.json["name"]) == (200, "新")  # type: ignore[index]
    for stale in (tag, '"x"', f'{tag}, "x"'):
        answer = client.patch(url, json={"name": "旧"}, headers={"If-Match": stale})
        assert answer.status_code == 412
    assert client.delete(url, headers={"If-Match": tag}).status_code == 412
    fresh = changed.headers["ETag"]
    assert client.get(url, headers={"If-None-Match": tag}).headers["ETag"] == fresh
    assert client.patch(url, json={"name": "再"}, headers={"If-Match": fresh}).status_code == 200


def test_a_post_sent_twice_is_done_once(client: FlaskClient, api: MakeClient) -> None:
    site = make_site(client)
    body = {"site_id": site, "code": "R1", "name": "一"}
    key = {"Idempotency-Key": "order-17"}
    first = client.post(ROOMS, json=body, headers=key)
    again = client.post(ROOMS, json=body, headers=key)
    assert first.status_code == again.status_code == 201
    assert again.json == first.json
    assert again.headers["ETag"] == first.headers["ETag"]
    assert again.headers["Idempotency-Replayed"] == "true"
    # The control: without the key the second is refused, since it would be done.
    assert client.post(ROOMS, json=body).status_code == 409
    other = client.post(ROOMS, json={**body, "code": "R2"}, headers=key)
    assert (other.status_code, "another request" in other.text) == (409, True)
    assert client.post(ROOMS, json=body, headers={"Idempotency-Key": "x" * 101}).status_code == 422
    # Another person's key is another key.
    mine = api("staff").post(ROOMS, json={**body, "code": "R3"}, headers=key)
    assert mine.status_code == 201
    assert "Idempotency-Replayed" not in mine.headers


def test_what_failed_is_not_told_again(client: FlaskClient) -> None:
    key = {"Idempotency-Key": "k"}
    body = {"site_id": 999, "code": "R1", "name": "一"}
    assert client.post(ROOMS, json=body, headers=key).status_code == 422
    body["site_id"] = make_site(client)
    assert client.post(ROOMS, json=body, headers=key).status_code == 201


def test_many_are_entered_or_changed_all_or_none(client: FlaskClient) -> None:
    rooms = make_rooms(client)
    answer = client.patch(ROOMS, json={"ids": rooms, "changes": {"name_en": "Hall"}})
    assert [one["name_en"] for one in answer.json["items"]] == ["Hall"] * 3  # type: ignore[index]
    answer = client.patch(ROOMS, json={"ids": [rooms[0], 999], "changes": {"name_en": "X"}})
    assert answer.status_code == 422
    assert client.get(f"{ROOMS}/{rooms[0]}").json["name_en"] == "Hall"  # type: ignore[index]
    taken = [{"site_id": 1, "code": code, "name": "x"} for code in ("R8", "R1")]
    answer = client.post(f"{ROOMS}/many", json={"items": taken})
    assert (answer.status_code, "SH1/R1" in answer.text) == (409, True)
    assert client.get(ROOMS).json["total"] == 3  # type: ignore[index]


def test_a_deletion_can_be_taken_back(client: FlaskClient) -> None:
    (room, *_) = make_rooms(client, 1)
    refused = client.delete("/api/v1/sites/1")
    assert (refused.status_code, "1 × Room" in refused.json["detail"]) == (409, True)  # type: ignore[index]
    kept = client.delete(f"{ROOMS}/{room}").json["deletion_id"]  # type: ignore[index]
    assert client.get(f"{ROOMS}/{room}").status_code == 404
    (listed,) = client.get("/api/v1/deletions").json["items"]  # type: ignore[index]
    assert (listed["id"], listed["title"]) == (kept, "SH1/R1")
    answer = client.post(f"/api/v1/deletions/{kept}/restoration")
    assert answer.json == {"record_id": room}
    assert client.post(f"/api/v1/deletions/{kept}/restoration").status_code == 404


def test_history_and_notes(client: FlaskClient) -> None:
    (room, *_) = make_rooms(client, 1)
    client.patch(f"{ROOMS}/{room}", json={"name": "新"})
    assert client.post(f"{ROOMS}/{room}/notes", json={"text": "钥匙"}).status_code == 201
    (note,) = client.get(f"{ROOMS}/{room}/notes").json["items"]  # type: ignore[index]
    assert note["text"] == "钥匙"
    history = client.get(f"{ROOMS}/{room}/history").json["items"]  # type: ignore[index]
    changed = next(one for one in history if one["action"] == "room.change")
    assert changed["changes"] == [{"field": "name", "before": "房1", "after": "新"}]


def test_rights_are_the_kinds(api: MakeClient, client: FlaskClient) -> None:
    make_site(client)
    watcher = api("noc")
    assert watcher.get("/api/v1/sites").status_code == 200
    assert watcher.post("/api/v1/sites", json={"code": "X", "name": "x"}).status_code == 403
    assert watcher.delete("/api/v1/sites/1").status_code == 403
    assert api("finance").get("/api/v1/sites").status_code == 403
