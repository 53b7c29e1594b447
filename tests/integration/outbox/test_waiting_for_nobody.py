"""Who has a person or an endpoint tested or changed keeps no deed from telling them something
meanwhile: the deed may hold the audit log, which the other waits for before it commits."""

import pytest
from sqlalchemy import text

from dcim.accounts.models import User
from dcim.accounts.scope import Scope
from dcim.config import Settings
from dcim.customers.models import Customer
from dcim.db import SessionFactory, transaction
from dcim.notices.telling import queue_own_test
from dcim.outbox.endpoints import EndpointValues, create_endpoint, switch_endpoint
from dcim.outbox.queueing import NewMessage, queue_messages
from tests.integration.notices.people import SENDER, enter, scope_of_person

STAFF = Scope.staff("wang")


@pytest.fixture
def person(sessions: SessionFactory) -> User:
    with transaction(sessions, STAFF) as session:
        customer = Customer(code="C1", name="甲", name_en="One")
        session.add(customer)
        session.flush()
        return enter(session, customer.id, "viewer")


@pytest.fixture
def endpoint_id(sessions: SessionFactory, settings: Settings) -> int:
    values = EndpointValues("siem", "tls://siem.example.com", ())
    with transaction(sessions, STAFF) as session:
        return create_endpoint(session, STAFF, settings, values, "syslog")


@pytest.mark.parametrize("change", ["test", "endpoint"])
def test_they_are_told_meanwhile(
    sessions: SessionFactory, person: User, endpoint_id: int, change: str
) -> None:
    scope = STAFF if change == "endpoint" else scope_of_person(person)
    to_person = NewMessage(
        about="deed/1", channel="mail", event="ticket.any", recipient=person.email,
        customer_id=person.customer_id, user_id=person.id,
    )  # fmt: skip
    to_endpoint = NewMessage(
        about="deed/1", channel="syslog", event="alarm.raised", recipient="siem",
        endpoint_id=endpoint_id, payload={},
    )  # fmt: skip
    with sessions() as changing, transaction(sessions, STAFF) as telling:
        changing.info["sender"] = SENDER
        changing.use_scope(scope)
        if change == "test":
            queue_own_test(changing, scope, person)
        else:
            switch_endpoint(changing, scope, endpoint_id, enabled=False)
        telling.execute(text("SET LOCAL lock_timeout = '2s'"))
        assert len(queue_messages(telling, [to_person, to_endpoint])) == 2
        changing.rollback()
