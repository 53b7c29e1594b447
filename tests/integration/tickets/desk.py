"""A service desk on the small room of the observations: two customers, a rack each, one port."""

from typing import Any

from sqlalchemy import select

from dcim.accounts.scope import Scope
from dcim.customers.models import Contract, ContractItem
from dcim.db import ScopedSession
from dcim.inventory.models import Rack
from dcim.network.models import Port
from dcim.operations.models import Ticket
from dcim.operations.ticket_subjects import WishedSubjects
from dcim.operations.tickets import NewTicket, advance_ticket, open_ticket
from tests.integration.metering.test_observations import build, instant

CLERK = Scope.staff("clerk@example.com")


class Desk:
    """Minutes are those of October 2026 in Shanghai."""

    def __init__(self, session: ScopedSession) -> None:
        self.session = session
        self.world = build(session)
        self.customer, self.other = self.world.customers
        self.own = Scope.customer("c1@example.com", self.customer)
        self.foreign = Scope.customer("c2@example.com", self.other)
        self.contract = session.scalars(select(Contract).where(Contract.number == "HT-1")).one()
        for contract in session.scalars(select(Contract)):
            contract.state = "signed"
        self.items = {one.code: one.id for one in session.scalars(select(ContractItem))}
        self.racks = {one.code: one.id for one in session.scalars(select(Rack))}
        self.ports = {one.name: one.id for one in session.scalars(select(Port))}
        # The room has an open ticket of everything: out of the way.
        (found,) = session.scalars(select(Ticket).where(Ticket.number == "T-1"))
        self.lead(found, "answer", 9_005)
        self.lead(found, "close", 9_006)

    def open(self, minute: int | None = None, **given: Any) -> Ticket:
        """By phone, for the first customer, unless told otherwise."""
        subjects = WishedSubjects(
            *(tuple(given.pop(name, ())) for name in ("item_ids", "rack_ids", "port_ids"))
        )
        words: dict[str, Any] = {
            "kind": "fault", "title": "断电", "channel": "phone", "customer_id": self.customer,
        }  # fmt: skip
        return open_ticket(
            self.session,
            CLERK,
            NewTicket(
                **(words | given),
                opened_at=None if minute is None else instant(minute),
                subjects=subjects,
            ),
        )

    def lead(self, ticket: Ticket, action: str, minute: int, text: str = "说明") -> Ticket:
        return advance_ticket(
            self.session, CLERK, ticket.id, action, at=instant(minute), text=text
        )  # fmt: skip
