"""The capacity search over REST."""

from dcim.accounts.scope import Scope
from dcim.db import SessionFactory, transaction
from tests.integration.api.conftest import MakeClient
from tests.integration.capacity.hall import build_hall

URL = "/api/v1/capacity/searches"
SCOPE = Scope.system("test")


def test_a_wish_is_answered_with_proposals_and_paged_rejections(
    api: MakeClient, sessions: SessionFactory
) -> None:
    with transaction(sessions, SCOPE) as session:
        build_hall(session)
    client = api()
    answer = client.post(URL, json={"units": 20, "watts": 2000, "count": 2, "relation": "adjacent"})
    body = answer.get_json()
    assert answer.status_code == 200
    assert body["looked_at"] == 6
    assert body["fitting"] == 5
    assert len(body["proposals"][0]["places"]) == 2
    assert body["rejections"]["total"] == 1
    (refused,) = body["rejections"]["items"]
    assert refused["rack_code"] == "A-01"
    assert refused["details"][0]["reason"] == "space"
    assert refused["details"][0]["numbers"] == {"longest": 19, "needed": 20, "free": 19}

    page = client.post(URL, json={"units": 20, "watts": 9000, "size": 2, "page": 3}).get_json()
    assert page["proposals"] == []
    assert page["rejections"]["total"] == 6
    assert len(page["rejections"]["items"]) == 2
    assert page["gains"] == []


def test_a_wish_that_cannot_be_is_refused_by_field(api: MakeClient) -> None:
    answer = api().post(URL, json={"units": 0, "kind": "shelf", "watts": 10**9})
    assert answer.status_code == 422
    assert set(answer.get_json()["errors"]) >= {"units", "kind", "watts"}


def test_a_customer_may_not_search(api: MakeClient, sessions: SessionFactory) -> None:
    with transaction(sessions, SCOPE) as session:
        hall = build_hall(session)
        customer_id = hall.items["Reed"].customer_id
    client = api("customer_viewer", customer_id=customer_id)
    assert client.post(URL, json={"units": 1}).status_code == 404
