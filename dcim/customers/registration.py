"""Entering customers and their contacts. What is written here is audited by who calls."""

import re
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.customers.calendar import is_zone
from dcim.customers.identity import is_credit_code, is_id_card, normalize_number
from dcim.customers.models import CUSTOMER_STATES, Contact, Contract, Customer
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError

# A person sets these; the others come with an order to suspend or to move out.
STATES_BY_HAND = ("prospect", "active", "left")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
HINT = re.compile(r"[0-9A-Z]{4}")


def create_customer(session: Session, scope: Scope, values: dict[str, Any]) -> Customer:
    """A prospect until a contract is signed, unless the values say otherwise.

    Raises InvalidError, ConflictError when another has the identity number, ForbiddenError.
    """
    require_staff(scope)
    given = _prepare({"state": "prospect", **values})
    if given["state"] not in STATES_BY_HAND:
        raise _set_by_order()
    _check_identity(session, None, given)
    customer = Customer(**given)
    session.add(customer)
    session.flush()
    return customer


def update_customer(
    session: Session, scope: Scope, customer: Customer, values: dict[str, Any]
) -> None:
    """Raises as `create_customer` does; "left" is refused while a signed contract runs."""
    require_staff(scope)
    given = _prepare(values)
    if (state := given.get("state", customer.state)) != customer.state:
        if state not in STATES_BY_HAND or customer.state not in STATES_BY_HAND:
            raise _set_by_order()
        if state != "active":
            _refuse_running(session, customer)
    _check_identity(session, customer, given)
    for name, value in given.items():
        setattr(customer, name, value)
    session.flush()


def create_contact(session: Session, scope: Scope, values: dict[str, Any]) -> Contact:
    """For staff, and for the customer's own administrator. Raises InvalidError, NotFoundError."""
    _require_own(scope, values["customer_id"])
    given = _prepare_contact(values)
    _check_contact(given)
    contact = Contact(**given)
    session.add(contact)
    session.flush()
    return contact


def update_contact(
    session: Session, scope: Scope, contact: Contact, values: dict[str, Any]
) -> None:
    """As `create_contact`."""
    _require_own(scope, contact.customer_id)
    given = _prepare_contact(values)
    _check_contact(
        {
            name: given.get(name, getattr(contact, name))
            for name in ("email", "document_kind", "document_hint", "gets_statements")
        }
    )
    for name, value in given.items():
        setattr(contact, name, value)
    session.flush()


def _require_own(scope: Scope, customer_id: int) -> None:
    """Another customer's contacts are as good as absent."""
    if not scope.is_staff and scope.customer_id != customer_id:
        raise NotFoundError("No such customer.")


def require_staff(scope: Scope) -> None:
    if not scope.is_staff:
        raise ForbiddenError("Only staff keep customers and contracts.")


def _set_by_order() -> InvalidError:
    return InvalidError(
        "Suspended and leaving come with an order; ask for one on the customer's page.",
        {"state": ["by order"]},
    )


def _prepare(values: dict[str, Any]) -> dict[str, Any]:
    given = dict(values)
    given.pop("active", None)
    if "credit_code" in given:
        given["credit_code"] = normalize_number(given["credit_code"] or "") or None
    if given.get("timezone") is not None and not is_zone(given["timezone"]):
        raise InvalidError(
            "%(zone)s is no time zone; write one like Asia/Shanghai.",
            {"timezone": ["unknown"]},
            zone=given["timezone"],
        )
    if given.get("state", "active") not in CUSTOMER_STATES:
        raise InvalidError("No such state.", {"state": ["unknown"]})
    if (mail := given.get("security_email")) and not EMAIL.fullmatch(mail):
        raise _no_address(mail, "security_email")
    return given


def _check_identity(session: Session, customer: Customer | None, given: dict[str, Any]) -> None:
    """The number has its kind's form and check character, and nobody else has it."""
    number = given.get("credit_code", customer.credit_code if customer else None)
    kind = given.get("identity_kind", customer.identity_kind if customer else "credit_code")
    unchanged = customer and (number, kind) == (customer.credit_code, customer.identity_kind)
    if number is None or unchanged:
        return
    if kind == "credit_code" and not is_credit_code(number):
        raise InvalidError(
            "%(number)s is no unified social credit code: 18 characters, the last a check character"
            " (GB 32100-2015).",
            {"credit_code": ["check character"]},
            number=number,
        )
    if kind == "id_card" and not is_id_card(number):
        raise InvalidError(
            "%(number)s is no identity card number: its form or check character doesn't fit.",
            {"credit_code": ["check character"]},
            number=number,
        )
    other = session.execute(
        select(Customer.code, Customer.name).where(
            Customer.credit_code == number, Customer.id != (customer.id if customer else 0)
        )
    ).first()
    if other is not None:
        raise ConflictError(
            "Customer %(code)s (%(name)s) has this identity number already.",
            code=other.code,
            name=other.name,
        )


def _refuse_running(session: Session, customer: Customer) -> None:
    number = session.scalar(
        select(Contract.number)
        .where(Contract.customer_id == customer.id, Contract.state == "signed")
        .order_by(Contract.number)
        .limit(1)
    )
    if number is not None:
        raise ConflictError("Contract %(number)s still runs; end it first.", number=number)


def _prepare_contact(values: dict[str, Any]) -> dict[str, Any]:
    given = dict(values)
    if "document_hint" in given:
        given["document_hint"] = normalize_number(given["document_hint"] or "")
    return given


def _check_contact(values: dict[str, Any]) -> None:
    mail = values.get("email") or ""
    if mail and not EMAIL.fullmatch(mail):
        raise _no_address(mail, "email")
    if values.get("gets_statements", True) and not mail:
        raise InvalidError(
            "Statements are sent by mail: give an address, or untick that they are sent.",
            {"email": ["missing"]},
        )
    hint, kind = values.get("document_hint") or "", values.get("document_kind") or ""
    if hint and not HINT.fullmatch(hint):
        raise InvalidError(
            "Give the last four characters of the document's number, never the whole number.",
            {"document_hint": ["four characters"]},
        )
    if bool(hint) != bool(kind):
        raise InvalidError(
            "A document has a kind and its last four characters.",
            {"document_hint" if kind else "document_kind": ["missing"]},
        )


def _no_address(mail: str, field: str) -> InvalidError:
    return InvalidError("%(mail)s is no mail address.", {field: ["address"]}, mail=mail)
