"""Customers, their contacts, contracts and what is paid for."""

from typing import Any

from marshmallow import Schema, fields

from dcim.api.fields import Flag, PageQuery, Text, choice, query_id, take_paging
from dcim.api.shapes import answer_of, page_of
from dcim.api.spec import Resource
from dcim.customers import queries
from dcim.http.database import current_scope, db_session

customers = Resource("customers", "Customers")
contracts = Resource("contracts", "Contracts with items and terms")
items = Resource("contract_items", "Contract items", prefix="contract-items")

KINDS = (
    "cabinet", "rack", "space", "server", "bandwidth", "cross_connect", "address", "service",
)  # fmt: skip


class CustomerQuery(PageQuery):
    q = Text(high=100, metadata={"description": "Looked for in code and names."})
    active = Flag()


class ContractQuery(PageQuery):
    customer_id = query_id()


class ItemQuery(PageQuery):
    customer_id = query_id()
    contract_id = query_id()
    kind = choice(KINDS)


class ContactList(Schema):
    items = fields.List(fields.Nested(answer_of(queries.ContactRow)), required=True)


@customers.get("")
@customers.arguments(CustomerQuery, location="query")
@customers.response(200, page_of(queries.CustomerRow))
def list_customers(query: dict[str, Any]) -> Any:
    """List the customers; a customer sees itself."""
    paging = take_paging(query)
    text = query.pop("q", "")
    return queries.list_customers(db_session(), current_scope(), paging, text=text, **query)


@customers.get("/<int:customer_id>")
@customers.response(200, answer_of(queries.CustomerRow))
def show_customer(customer_id: int) -> Any:
    """Show one customer."""
    return queries.find_customer(db_session(), current_scope(), customer_id)


@customers.get("/<int:customer_id>/contacts")
@customers.response(200, ContactList)
def list_contacts(customer_id: int) -> Any:
    """List a customer's contacts."""
    session, scope = db_session(), current_scope()
    queries.find_customer(session, scope, customer_id)
    return {"items": queries.list_contacts(session, scope, customer_id)}


@contracts.get("")
@contracts.arguments(ContractQuery, location="query")
@contracts.response(200, page_of(queries.ContractRow))
def list_contracts(query: dict[str, Any]) -> Any:
    """List the contracts with their items and versions of terms."""
    return queries.list_contracts(db_session(), current_scope(), take_paging(query), **query)


@contracts.get("/<int:contract_id>")
@contracts.response(200, answer_of(queries.ContractRow))
def show_contract(contract_id: int) -> Any:
    """Show one contract with its items and versions of terms."""
    return queries.find_contract(db_session(), current_scope(), contract_id)


@items.get("")
@items.arguments(ItemQuery, location="query")
@items.response(200, page_of(queries.ItemRow))
def list_items(query: dict[str, Any]) -> Any:
    """List what is paid for monthly."""
    return queries.list_items(db_session(), current_scope(), take_paging(query), **query)
