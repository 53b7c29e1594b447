"""Who of a customer's people is told of a ticket: whoever opened it, and who reads all."""

from functools import partial

from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.notices.readers import Reader
from dcim.notices.telling import tell_people
from dcim.operations.models import Ticket, TicketEvent
from dcim.operations.ticket_mail import DEEDS, TicketNews, write_ticket


def tell_ticket(session: Session, scope: Scope, ticket: Ticket, event: TicketEvent) -> None:
    """Nobody is told what they did themselves, nor what is for staff alone."""
    if event.kind not in DEEDS or event.internal:
        return
    if event.kind == "resume" and event.by_customer:
        return  # it went on because the customer wrote: that is told already
    news = TicketNews(ticket.id, ticket.number, ticket.title, event.kind, event.at, event.text)
    opener, actor = ticket.entered_by.lower(), scope.actor.lower()

    def is_told(reader: Reader, *, opened_it: bool) -> bool:
        address = reader.address.lower()
        return address != actor and (address == opener) == opened_it

    for kind, opened_it in (("ticket.own", True), ("ticket.any", False)):
        tell_people(
            session,
            [ticket.customer_id],
            kind,
            f"ticket/{ticket.id}/{event.id}",
            lambda reader: write_ticket(news, reader.language, reader.timezone),
            only=partial(is_told, opened_it=opened_it),
        )
