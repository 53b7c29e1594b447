"""People of customers who may be told, a sender, and what was queued for whom."""

from argon2 import PasswordHasher
from sqlalchemy import select

from dcim.accounts.models import Role, User
from dcim.accounts.people import create_person
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.config import Sender
from dcim.db import ScopedSession
from dcim.notices.models import NoticeChoice
from dcim.outbox.models import OutboxMessage
from tests.integration.statements.town import SYSTEM

SENDER = Sender(
    "https://portal.example.com", {"zh": "示例云港", "en": "Example Port"}, "noc@idc.example.com"
)
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def enter(
    session: ScopedSession,
    customer_id: int,
    name: str,
    *,
    administrator: bool = True,
    language: str = "zh",
    timezone: str = "",
) -> User:
    """NAME@people.example, with the defaults of their role."""
    role = "customer_administrator" if administrator else "customer_viewer"
    user = create_person(
        session, SYSTEM, email=f"{name}@people.example", name=name, role=role,
        customer_id=customer_id, language=language, hash_password=CHEAP,
    ).user  # fmt: skip
    user.timezone = timezone
    session.flush()
    return user


def choose(session: ScopedSession, user: User, **kinds: bool) -> None:
    """`ticket_own=False`: straight into the table."""
    for name, wanted in kinds.items():
        row = NoticeChoice(
            user_id=user.id, kind=name.replace("_", "."), customer_id=user.customer_id or 0,
            wanted=wanted, chosen_at=utc_now(),
        )  # fmt: skip
        session.merge(row)
    session.flush()


def scope_of_person(user: User) -> Scope:
    return Scope.customer(user.email, user.customer_id or 0)


def take_away_roles(session: ScopedSession, user: User) -> None:
    user.roles = list(session.scalars(select(Role).where(Role.name == "nobody")))
    session.flush()


def queued(session: ScopedSession) -> list[tuple[str, str]]:
    """(whose address before the @, kind), as they were queued."""
    rows = session.execute(
        select(OutboxMessage.recipient, OutboxMessage.event).order_by(OutboxMessage.id)
    )
    return [(address.partition("@")[0], event) for address, event in rows]


def mails(session: ScopedSession, name: str) -> list[OutboxMessage]:
    return list(
        session.scalars(
            select(OutboxMessage)
            .where(OutboxMessage.recipient == f"{name}@people.example")
            .order_by(OutboxMessage.id)
        )
    )
