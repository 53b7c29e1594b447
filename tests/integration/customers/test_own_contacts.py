"""A customer's administrator keeps its own contacts, by the service staff use; nobody else's."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from dcim.accounts.audit import verify_chain
from dcim.accounts.models import AuditEntry
from dcim.accounts.roles import Right
from dcim.accounts.scope import Scope
from dcim.customers.kinds import CONTACT
from dcim.customers.models import Contact, Customer
from dcim.db import SessionFactory, transaction
from dcim.records.fields import Field
from dcim.records.kinds import Kind
from tests.integration.api.conftest import MakeClient, api
from tests.integration.web.conftest import Login, app, make_login, sign_in

__all__ = ["api", "app", "make_login"]

SCOPE = Scope.system("test")
WANG = {"name": "王芳", "email": "wang@a.example", "may_order": "y", "may_enter": "y"}


@pytest.fixture
def customers(sessions: SessionFactory) -> tuple[int, int]:
    with transaction(sessions, SCOPE) as session:
        made = [Customer(code=code, name=code, name_en="") for code in ("A", "B")]
        session.add_all(made)
        session.flush()
        for one in made:
            session.add(Contact(customer_id=one.id, name="旧", email=f"old@{one.code}.example"))
        return made[0].id, made[1].id


@pytest.fixture
def browse(
    app: Flask, make_login: Callable[..., Login], customers: tuple[int, int]
) -> Callable[[str], FlaskClient]:
    def open_browser(role: str) -> FlaskClient:
        client = app.test_client()
        assert sign_in(client, make_login(role, customer_id=customers[0])) in {302, 303}
        page = client.get("/portal/contacts").get_data(as_text=True)
        token = page.split('csrf-token" content="', 1)[1].split('"', 1)[0]
        client.environ_base["HTTP_X_CSRFTOKEN"] = token
        return client

    return open_browser


def contacts(sessions: SessionFactory, customer_id: int) -> dict[str, Contact]:
    with transaction(sessions, SCOPE) as session:
        found = session.scalars(select(Contact).where(Contact.customer_id == customer_id)).all()
        session.expunge_all()
        return {one.name: one for one in found}


def test_an_administrator_enters_changes_and_ends_contacts(
    browse: Callable[[str], FlaskClient], sessions: SessionFactory, customers: tuple[int, int]
) -> None:
    client = browse("customer_administrator")
    assert "旧" in client.get("/portal/contacts").get_data(as_text=True)
    assert client.post("/portal/contacts/new", data=WANG).status_code == 303
    wang = contacts(sessions, customers[0])["王芳"]
    assert (wang.may_order, wang.may_enter, wang.may_ticket) == (True, True, False)
    page = client.get(f"/portal/contacts/{wang.id}").get_data(as_text=True)
    assert 'value="wang@a.example"' in page
    changed = {**WANG, "may_enter": "", "may_see_bills": "y"}
    del changed["may_enter"]
    assert client.post(f"/portal/contacts/{wang.id}", data=changed).status_code == 303
    wang = contacts(sessions, customers[0])["王芳"]
    assert (wang.may_enter, wang.may_see_bills) == (False, True)
    assert client.post(f"/portal/contacts/{wang.id}/end").status_code == 303
    assert contacts(sessions, customers[0])["王芳"].valid_until is not None
    assert "rights ended" in client.get("/portal/contacts").get_data(as_text=True)
    # What the service refuses is told at the form.
    answer = client.post("/portal/contacts/new", data={"name": "x", "email": "no mail"})
    assert answer.status_code == 422
    with transaction(sessions, SCOPE) as session:
        actions = session.execute(
            select(AuditEntry.action, AuditEntry.customer_id)
            .where(AuditEntry.action.like("contact.%"))
            .order_by(AuditEntry.id)
        ).all()
        assert verify_chain(session).intact
    assert [tuple(one) for one in actions] == [
        ("contact.create", customers[0]),
        ("contact.change", customers[0]),
        ("contact.change", customers[0]),
    ]


def test_anothers_contact_is_as_good_as_absent(
    browse: Callable[[str], FlaskClient], sessions: SessionFactory, customers: tuple[int, int]
) -> None:
    client = browse("customer_administrator")
    foreign = contacts(sessions, customers[1])["旧"].id
    for number in (foreign, 987_654):
        assert client.get(f"/portal/contacts/{number}").status_code == 404
        assert client.post(f"/portal/contacts/{number}", data=WANG).status_code == 404
        assert client.post(f"/portal/contacts/{number}/end").status_code == 404
    # A form that names another customer is not heard.
    data = {**WANG, "customer_id": str(customers[1])}
    assert client.post("/portal/contacts/new", data=data).status_code == 303
    assert set(contacts(sessions, customers[1])) == {"旧"}


def test_who_only_reads_changes_nothing(
    browse: Callable[[str], FlaskClient], sessions: SessionFactory, customers: tuple[int, int]
) -> None:
    client = browse("customer_viewer")
    page = client.get("/portal/contacts").get_data(as_text=True)
    assert "/portal/contacts/new" not in page
    own = contacts(sessions, customers[0])["旧"].id
    assert client.post("/portal/contacts/new", data=WANG).status_code == 404
    assert client.post(f"/portal/contacts/{own}/end").status_code == 404
    assert set(contacts(sessions, customers[0])) == {"旧"}


def test_the_api_takes_ones_own_alone(
    api: MakeClient, sessions: SessionFactory, customers: tuple[int, int]
) -> None:
    client = api("customer_administrator", customer_id=customers[0])
    own, foreign = (contacts(sessions, one)["旧"].id for one in customers)
    body: dict[str, Any] = {"customer_id": customers[0], "name": "李", "email": "li@a.example"}
    made = client.post("/api/v1/contacts", json=body)
    assert made.status_code == 201, made.text
    answers = [
        client.post("/api/v1/contacts", json={**body, "customer_id": number})
        for number in (customers[1], 987_654)
    ]
    assert [one.status_code for one in answers] == [422, 422]
    assert answers[0].json["errors"] == answers[1].json["errors"]  # type: ignore[index]
    assert client.patch(f"/api/v1/contacts/{own}", json={"may_order": True}).status_code == 200
    assert client.patch(f"/api/v1/contacts/{foreign}", json={"may_order": True}).status_code == 404
    assert client.patch(
        f"/api/v1/contacts/{own}", json={"customer_id": customers[1]}
    ).status_code == 422  # fmt: skip
    assert client.delete(f"/api/v1/contacts/{own}").status_code == 404
    viewer = api("customer_viewer", customer_id=customers[0])
    assert viewer.post("/api/v1/contacts", json=body).status_code == 404
    # The customer's own record stays staff's to change.
    assert client.patch(f"/api/v1/customers/{customers[0]}", json={"name": "x"}).status_code == 404


def test_a_kind_with_fields_of_staff_is_not_opened_to_customers() -> None:
    """The control: what a customer may not see, it may not write either."""
    with pytest.raises(ValueError, match="may not see"):
        Kind(
            name="contact", plural="contacts", label="Contact", label_plural="Contacts",
            model=Contact, fields=(Field("name", "Name"), Field("email", "Mail", internal=True)),
            key=("name",), see=CONTACT.see, change=CONTACT.change, own_change=Right.OWN_PEOPLE,
        )  # fmt: skip
