"""A person's tokens are that person's: not a colleague's, and not a token's to multiply."""

from dcim.customers.models import Customer
from dcim.db import ScopedSession
from tests.integration.api.conftest import MakeClient

TOKENS = "/api/v1/me/tokens"


def test_a_colleagues_token_is_absent(api: MakeClient, session: ScopedSession) -> None:
    customer = Customer(code="c", name="c", name_en="c")
    session.add(customer)
    session.commit()
    boss = api("customer_administrator", customer_id=customer.id)
    viewer = api("customer_viewer", customer_id=customer.id)
    (own,) = viewer.get(TOKENS).get_json()["items"]
    assert own["id"] not in {one["id"] for one in boss.get(TOKENS).get_json()["items"]}
    refused = boss.delete(f"{TOKENS}/{own['id']}")
    absent = boss.delete(f"{TOKENS}/999")
    assert refused.status_code == absent.status_code == 404
    assert refused.get_json()["detail"] == absent.get_json()["detail"]
    # The control: its owner can.
    assert viewer.delete(f"{TOKENS}/{own['id']}").status_code == 204
    assert viewer.get(TOKENS).status_code == 401


def test_a_token_cannot_make_another(api: MakeClient) -> None:
    client = api("staff")
    assert client.post(TOKENS, json={"name": "longer"}).status_code == 403
    assert client.get(TOKENS).get_json()["total"] == 1
