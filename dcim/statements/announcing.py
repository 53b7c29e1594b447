"""Who is told that a statement is issued: its customer's people who want it and its contacts by
mail, the operator's endpoints.

Written into the outbox in the transaction that registers the file, so that both are there or
neither is; sent by the worker's own time.
"""

from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from dcim.config import Settings
from dcim.customers.calendar import today_in
from dcim.customers.models import Contact, Customer
from dcim.notices.readers import find_people_addresses, find_readers
from dcim.outbox.queueing import NewMessage, can_be_mailed, queue_messages
from dcim.outbox.telling import write_to_endpoints
from dcim.statements.models import Statement, StatementFile
from dcim.statements.statement_mail import (
    StatementFacts,
    write_notice,
    write_subject,
    write_text,
)

EVENT = "statement.issued"


def announce_statement(
    session: Session, settings: Settings, statement: Statement, file: StatementFile
) -> list[int]:
    """Queue what isn't queued yet; ids of what is new. Without a mail server no mail is queued."""
    about = f"{EVENT}/{statement.number}"
    common: dict[str, Any] = {
        "about": about,
        "event": EVENT,
        "customer_id": statement.customer_id,
        "statement_id": statement.id,
    }
    messages: list[NewMessage] = []
    if settings.smtp_host:
        attach = file.size <= settings.mail_attach_limit_bytes
        facts = _collect_facts(settings, statement, file, attached=attach)
        kind = "statement.corrected" if statement.revision > 1 else EVENT
        readers = find_readers(session, [statement.customer_id], kind)
        messages += [
            NewMessage(
                **common | {"event": kind}, channel="mail", recipient=reader.address,
                user_id=reader.user_id, title=write_subject(facts, reader.language),
                text=write_text(facts, reader.language), attach=attach,
            )
            for reader in readers.get(statement.customer_id, [])
        ]  # fmt: skip
        language = statement.customer.language
        subject, words = write_subject(facts, language), write_text(facts, language)
        # Whoever signs in with a contact's address decides as that person, to the end of mails.
        people = find_people_addresses(session, statement.customer_id)
        messages += [
            NewMessage(
                **common, channel="mail", recipient=address, title=subject, text=words,
                attach=attach,
            )
            for address in find_addresses(session, statement.customer)
            if address.lower() not in people
        ]  # fmt: skip

    def write_words(language: str) -> tuple[str, str]:
        facts = _collect_facts(settings, statement, file, attached=False)
        return write_subject(facts, language), write_notice(facts, language)

    messages += write_to_endpoints(
        session,
        EVENT,
        about=about,
        words=write_words,
        payload=describe(settings, statement, file),
        customer_id=statement.customer_id,
        statement_id=statement.id,
    )
    return queue_messages(session, messages)


def find_addresses(session: Session, customer: Customer) -> list[str]:
    """Of the contacts that get statements, while their rights last; each address once.

    One that no mail can go to is left out: a statement doesn't wait for an address.
    """
    rows = session.scalars(
        select(Contact.email)
        .where(
            Contact.customer_id == customer.id,
            Contact.gets_statements,
            or_(
                Contact.valid_until.is_(None),
                Contact.valid_until >= today_in(customer.timezone),
            ),
        )
        .order_by(Contact.id)
    )
    found: dict[str, str] = {}
    for address in rows:
        if can_be_mailed(address):
            found.setdefault(address.lower(), address)
    return list(found.values())


def describe(settings: Settings, statement: Statement, file: StatementFile) -> dict[str, Any]:
    """What programs are told of a statement."""
    return {
        "url": f"{settings.base_url}/staff/statements/{statement.id}",
        "statement": {
            "id": statement.id,
            "number": statement.number,
            "customer": statement.customer.code,
            "contract": statement.contract.number,
            "period": statement.period,
            "revision": statement.revision,
            "verdict": statement.verdict,
            "currency": statement.currency,
            "total": str(statement.total),
            "credits": str(statement.credits),
            "document_sha256": statement.document_sha256,
            "sha256": file.sha256,
            "url": f"{settings.base_url}/api/v1/statements/{statement.id}/pdf",
        },
    }


def _collect_facts(
    settings: Settings, statement: Statement, file: StatementFile, *, attached: bool
) -> StatementFacts:
    customer = statement.customer
    return StatementFacts(
        number=statement.number,
        period=statement.period,
        contract=statement.contract.number,
        revision=statement.revision,
        reason=statement.reason,
        customer={"zh": customer.name, "en": customer.name_en or customer.name},
        operator={"zh": settings.operator_name, "en": settings.operator_name_en},
        currency=statement.currency,
        total=statement.total,
        credits=statement.credits,
        verdict=statement.document["verdict"]["text"],
        deadline=statement.document["dispute"]["deadline"],
        contact=settings.operator_contact,
        sha256=file.sha256,
        portal_url=f"{settings.base_url}/portal/statements",
        verify_url=statement.document["verify_url"],
        attached=attached,
    )
