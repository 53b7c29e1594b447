"""Who is told of something: a customer's people who may know it and want to, as of now."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dcim.accounts.models import User
from dcim.accounts.roles import collect_rights
from dcim.columns import is_among
from dcim.customers.calendar import today_in
from dcim.customers.models import Contact, Customer
from dcim.notices.kinds import KINDS, STATEMENTS, NoticeKind
from dcim.notices.models import NoticeChoice
from dcim.outbox.queueing import can_be_mailed

ADMINISTRATOR = "customer_administrator"


@dataclass(frozen=True, slots=True)
class Reader:
    """A person to be told, with the language ("zh" or "en") and IANA zone they read."""

    user_id: int
    address: str
    customer_id: int
    language: str
    timezone: str


def find_readers(
    session: Session, customer_ids: Collection[int], kind: str
) -> dict[int, list[Reader]]:
    """By customer, those who want this kind; of each customer its own people alone. A fixed number
    of statements, whatever the number of customers."""
    rows = session.execute(
        select(User, Customer.timezone)
        .join(Customer, Customer.id == User.customer_id)
        .where(is_among(User.customer_id, list(customer_ids)), User.active)
        .order_by(User.id)
    ).all()
    people = [user for user, _ in rows]
    wanted = find_wanted(session, people, [kind])
    found: dict[int, list[Reader]] = {}
    for user, zone in rows:
        if user.customer_id is None or not wanted[user.id][kind]:
            continue
        if not can_be_mailed(user.email):
            continue
        reader = Reader(user.id, user.email, user.customer_id, user.language, user.timezone or zone)
        found.setdefault(user.customer_id, []).append(reader)
    return found


def find_wanted(
    session: Session, people: Sequence[User], kinds: Collection[str]
) -> dict[int, dict[str, bool]]:
    """By person and kind, whether they are to be told: what they chose, else the default of their
    role; never without the right, and never somebody who can't sign in."""
    chosen = load_choices(session, people)
    addresses = (
        _find_statement_addresses(session, people) if set(kinds) & set(STATEMENTS) else set()
    )
    found: dict[int, dict[str, bool]] = {}
    for user in people:
        own = found[user.id] = {}
        for name in kinds:
            kind = KINDS[name]
            default = is_default(kind, user) or (
                name in STATEMENTS and (user.customer_id, user.email.lower()) in addresses
            )
            own[name] = may_be_told(kind, user) and chosen.get((user.id, name), default)
    return found


def may_be_told(kind: NoticeKind, user: User) -> bool:
    rights = collect_rights([role.name for role in user.roles])
    return user.active and user.customer_id is not None and kind.right in rights


def is_default(kind: NoticeKind, user: User) -> bool:
    """Whether somebody of this role is told who has chosen nothing."""
    is_administrator = ADMINISTRATOR in {role.name for role in user.roles}
    return kind.administrators if is_administrator else kind.viewers


def load_choices(session: Session, people: Sequence[User]) -> Mapping[tuple[int, str], bool]:
    """By person and kind. A choice made for one customer says nothing about another."""
    rows = session.execute(
        select(NoticeChoice.user_id, NoticeChoice.kind, NoticeChoice.wanted)
        .join(User, User.id == NoticeChoice.user_id)
        .where(
            is_among(NoticeChoice.user_id, [user.id for user in people]),
            NoticeChoice.customer_id == User.customer_id,
        )
    )
    return {(user_id, kind): wanted for user_id, kind, wanted in rows}


def find_people_addresses(session: Session, customer_id: int) -> set[str]:
    """Of all who may sign in for a customer, in small letters: who of them is told is chosen."""
    rows = session.scalars(select(User.email).where(User.customer_id == customer_id, User.active))
    return {address.lower() for address in rows}


def _find_statement_addresses(session: Session, people: Sequence[User]) -> set[tuple[int, str]]:
    """(customer, address) of contacts that get statements by what was agreed: who signs in with
    the same address is told as that person, in their language, until they switch it off."""
    rows = session.execute(
        select(
            Contact.customer_id, func.lower(Contact.email), Contact.valid_until, Customer.timezone
        )
        .join(Customer, Customer.id == Contact.customer_id)
        .where(
            Contact.gets_statements,
            Contact.customer_id.in_({user.customer_id for user in people}),
            func.lower(Contact.email).in_({user.email.lower() for user in people}),
        )
    )
    return {
        (customer_id, address)
        for customer_id, address, until, zone in rows
        if until is None or until >= today_in(zone)
    }
