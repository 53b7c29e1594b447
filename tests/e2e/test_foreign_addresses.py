"""A customer at its own browser tries another customer's addresses: none is told from an absent
one, and nothing of the other comes back.

The authorisation matrix tries every route in the process; here a real browser goes, with its
session, its cookies and the page's own token against forgery.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import APIRequestContext, APIResponse, Browser

from dcim.accounts.scope import Scope
from dcim.db import transaction
from tests.e2e.house import House, serve_house
from tests.e2e.test_components import browser  # noqa: F401 - the fixture
from tests.integration.matrix.run import FORGERY_TOKENS
from tests.integration.matrix.world import World, seed_world

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

ABSENT = 987_654_321
# What is asked for by its id, and which id it is.
LOOKED_AT = [
    ("/portal/statements/{}.pdf", "statement_id"),
    ("/portal/statements/{}.json", "statement_id"),
    ("/portal/statements/{}.samples.zip", "statement_id"),
    ("/portal/statements/{}/claim", "statement_id"),
    ("/portal/incidents/{}", "incident_id"),
    ("/portal/incidents/{}/contest", "incident_id"),
    ("/portal/maintenance/{}", "maintenance_id"),
    ("/portal/tickets/{}", "ticket_id"),
    ("/portal/passes/{}", "pass_id"),
    ("/portal/cross-connects/{}", "order_id"),
    ("/portal/files/{}", "file_id"),
    ("/portal/contacts/{}", "contact_id"),
    ("/portal/meter-readings/{}/photo", "meter_reading_id"),
    ("/portal/bandwidth?port={}", "port_id"),
    ("/portal/bandwidth/{}/samples.csv", "port_id"),
    ("/portal/power?rack={}", "rack_id"),
    ("/portal/power/{}/power.csv", "rack_id"),
]
DONE = [
    ("/portal/tickets/{}/close", "ticket_id"),
    ("/portal/tickets/{}/reopen", "ticket_id"),
    ("/portal/passes/{}/cancel", "pass_id"),
    ("/portal/cross-connects/{}/cancel", "order_id"),
    ("/portal/maintenance/{}/decision", "maintenance_id"),
    ("/portal/contacts/{}/end", "contact_id"),
    ("/portal/people/{}/disable", "user_id"),
    ("/portal/people/{}/role", "user_id"),
    ("/portal/tokens/{}/revoke", "token_id"),
    ("/portal/statements/{}/claim", "statement_id"),
    ("/portal/incidents/{}/contest", "incident_id"),
]


@dataclass
class Caller:
    """Tenant A's administrator, signed in."""

    http: APIRequestContext
    token: str
    world: World

    def get(self, path: str) -> APIResponse:
        return self.http.get(path, max_redirects=0)

    def post(self, path: str) -> APIResponse:
        form: dict[str, str | float | bool] = {
            "csrf_token": self.token,
            "decision": "approved",
            "reason": "x",
            "role": "customer_administrator",
        }
        return self.http.post(path, form=form, max_redirects=0)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with serve_house(tmp_path_factory, "foreign") as house:
        yield house


@pytest.fixture(scope="module")
def caller(browser: Browser, house: House) -> Iterator[Caller]:  # noqa: F811
    with transaction(house.sessions, Scope.system("e2e")) as session:
        world = seed_world(session, house.settings)
    person = next(one for one in world.people if one.label == "customer_administrator/A/session")
    context = browser.new_context(base_url=house.address)
    context.add_cookies(
        [{"name": "jifang", "value": house.sign(person.cookie), "url": house.address}]
    )
    page = context.new_page()
    answer = page.goto("/portal/tickets/new")
    assert answer is not None
    assert answer.status == 200
    token = page.locator("input[name=csrf_token]").first.input_value()
    yield Caller(context.request, token, world)
    context.close()


def tell(answer: APIResponse, ident: int) -> tuple[int, str, bytes]:
    """All that a caller can tell answers by, but what is new in each."""
    body = answer.body()
    for pattern in FORGERY_TOKENS:
        body = pattern.sub(rb"\1TOKEN", body)
    request = answer.headers.get("x-request-id", "-")
    body = body.replace(request.encode(), b"REQUEST")
    body = re.sub(rb"\b" + str(ident).encode() + rb"\b", b"ID", body)
    return answer.status, answer.headers.get("content-type", ""), body


def test_there_are_twenty_kinds() -> None:
    assert len(LOOKED_AT) + len(DONE) >= 20


@pytest.mark.parametrize(("path", "name"), LOOKED_AT)
def test_another_customers_address_is_an_absent_one(caller: Caller, path: str, name: str) -> None:
    foreign = caller.world.tenants["B"].ids[name]
    answer = caller.get(path.format(foreign))
    assert answer.status == 404
    assert b"CANARY-B" not in answer.body()
    assert tell(answer, foreign) == tell(caller.get(path.format(ABSENT)), ABSENT)


@pytest.mark.parametrize(("path", "name"), LOOKED_AT)
def test_its_own_address_answers(caller: Caller, path: str, name: str) -> None:
    """The control: what is refused above is refused for whose it is, not for its shape."""
    own = caller.world.tenants["A"].ids[name]
    answer = caller.get(path.format(own))
    assert answer.status != 404, (path, answer.status)
    assert b"CANARY-B" not in answer.body()


@pytest.mark.parametrize(("path", "name"), DONE)
def test_nothing_is_done_to_another_customer(caller: Caller, path: str, name: str) -> None:
    foreign = caller.world.tenants["B"].ids[name]
    answer = caller.post(path.format(foreign))
    assert answer.status == 404
    assert tell(answer, foreign) == tell(caller.post(path.format(ABSENT)), ABSENT)
