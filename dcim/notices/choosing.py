"""A person's choices: which notices, in which language and zone; by themselves or their own
administrator."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.models import User
from dcim.accounts.scope import Scope
from dcim.catalogues import LOCALES
from dcim.columns import utc_now
from dcim.customers.calendar import is_zone
from dcim.errors import InvalidError, NotFoundError
from dcim.notices.kinds import KINDS
from dcim.notices.models import NoticeChoice
from dcim.notices.readers import find_wanted, is_default, may_be_told


@dataclass(frozen=True, slots=True)
class ChoiceRow:
    """`wanted`: whether this kind is mailed now; `default`: whether it is without a choice."""

    kind: str
    wanted: bool
    default: bool


def find_own_person(session: Session, scope: Scope, user_id: int) -> User:
    """Raises NotFoundError for anybody who isn't one of the customer's own people."""
    user = session.scalar(
        select(User).where(
            User.id == user_id,
            User.customer_id.is_not(None),
            User.customer_id == scope.customer_id,
        )
    )
    if user is None:
        raise NotFoundError("No such person.")
    return user


def read_choices(session: Session, user: User) -> list[ChoiceRow]:
    """Every kind that the person's rights allow, in the order of the page."""
    kinds = [kind for kind in KINDS.values() if may_be_told(kind, user)]
    wanted = find_wanted(session, [user], [kind.name for kind in kinds])[user.id]
    return [ChoiceRow(kind.name, wanted[kind.name], is_default(kind, user)) for kind in kinds]


@dataclass(frozen=True, slots=True)
class PersonRow:
    """A person who may sign in, and how many of the kinds that they may have are on."""

    id: int
    name: str
    email: str
    on: int
    kinds: int


def list_people(session: Session, scope: Scope) -> list[PersonRow]:
    """A customer's own, by name. A fixed number of statements."""
    people = session.scalars(
        select(User)
        .where(User.customer_id.is_not(None), User.customer_id == scope.customer_id, User.active)
        .order_by(User.name, User.id)
    ).all()
    wanted = find_wanted(session, people, list(KINDS))
    return [
        PersonRow(
            user.id, user.name, user.email, sum(wanted[user.id].values()),
            sum(may_be_told(kind, user) for kind in KINDS.values()),
        )
        for user in people
    ]  # fmt: skip


def choose_notices(session: Session, scope: Scope, user_id: int, wanted: Collection[str]) -> int:
    """Have this person told of these kinds and of no other. Returns how many changed.

    What stays as it was is no choice: it goes on following the default. Raises NotFoundError,
    InvalidError for a kind that there isn't, or that the person has no right to.
    """
    user = find_own_person(session, scope, user_id)
    now = {row.kind: row.wanted for row in read_choices(session, user)}
    odd = sorted(set(wanted) - set(now))
    if odd:
        raise InvalidError(
            "There is no notice called %(kind)s for this person.", {"wanted": odd}, kind=odd[0]
        )
    changed = {kind: kind in wanted for kind, is_on in now.items() if (kind in wanted) != is_on}
    for kind, is_on in changed.items():
        _keep(session, user, kind, is_on)
    if changed:
        record(
            session, scope, "notices.choose", f"user/{user.id}", customer_id=user.customer_id,
            on=sorted(kind for kind, is_on in changed.items() if is_on),
            off=sorted(kind for kind, is_on in changed.items() if not is_on),
        )  # fmt: skip
    return len(changed)


def switch_off(session: Session, scope: Scope, user_id: int, kind: str) -> None:
    """End one kind for one person; again is the same as once. Raises NotFoundError."""
    user = find_own_person(session, scope, user_id)
    if kind not in KINDS:
        raise NotFoundError("No such notice.")
    if not find_wanted(session, [user], [kind])[user.id][kind]:
        return
    _keep(session, user, kind, False)
    record(
        session, scope, "notices.choose", f"user/{user.id}", customer_id=user.customer_id,
        on=[], off=[kind],
    )  # fmt: skip


def set_reading(session: Session, scope: Scope, user_id: int, language: str, timezone: str) -> None:
    """The language and zone of a person's mails and pages; an empty zone is the customer's.

    Raises NotFoundError, InvalidError for a language or zone that there isn't.
    """
    user = find_own_person(session, scope, user_id)
    if language not in LOCALES:
        raise InvalidError("Choose Chinese or English.", {"language": ["zh", "en"]})
    if timezone and not is_zone(timezone):
        raise InvalidError(
            "There is no time zone called %(zone)s; write it like Asia/Shanghai.",
            {"timezone": ["unknown"]},
            zone=timezone,
        )
    if (user.language, user.timezone) == (language, timezone):
        return
    user.language, user.timezone = language, timezone
    session.flush()
    record(
        session, scope, "person.reading", f"user/{user.id}", customer_id=user.customer_id,
        language=language, timezone=timezone,
    )  # fmt: skip


def _keep(session: Session, user: User, kind: str, wanted: bool) -> None:
    fresh = {"wanted": wanted, "customer_id": user.customer_id, "chosen_at": utc_now()}
    session.execute(
        insert(NoticeChoice)
        .values(user_id=user.id, kind=kind, **fresh)
        .on_conflict_do_update(index_elements=["user_id", "kind"], set_=fresh)
    )
