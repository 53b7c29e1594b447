"""A customer's own people, as its administrator keeps them: invited, made more or less, ended."""

import datetime as dt
import secrets
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.models import Role, User
from dcim.accounts.people import NewPerson, create_person, ensure_roles, reset_password
from dcim.accounts.roles import ROLES
from dcim.accounts.scope import Scope
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError

ADMINISTRATOR = "customer_administrator"
OWN_ROLES = tuple(spec.name for spec in ROLES.values() if spec.for_customers)


@dataclass(frozen=True, slots=True)
class PersonRow:
    """`waiting`: the one-time password was not changed yet."""

    id: int
    email: str
    name: str
    role: str
    active: bool
    waiting: bool
    created_at: dt.datetime


def list_own_people(session: Session, scope: Scope) -> list[PersonRow]:
    """By name; those who may sign in first. Two statements however many there are."""
    rows = session.scalars(
        select(User)
        .where(User.customer_id == _own(scope))
        .order_by(User.active.desc(), User.name, User.id)
    )
    return [
        PersonRow(
            one.id, one.email, one.name, _role_of(one), one.active, one.must_change_password,
            one.created_at,
        )
        for one in rows
    ]  # fmt: skip


def invite_person(
    session: Session, scope: Scope, *, email: str, name: str, role: str, language: str = "zh"
) -> NewPerson:
    """An account of the customer's own, with a one-time password to be handed over.

    Raises InvalidError, and ConflictError for an address that has an account. Whose it is isn't
    told unless it is one of the customer's own.
    """
    customer_id = _own(scope)
    _check_role(role)
    address = email.strip().lower()
    holder = session.scalar(select(User).where(User.email == address))
    if holder is not None and holder.customer_id != customer_id:
        raise ConflictError("This address can't be used here; take another, or ask us.")
    return create_person(
        session, scope, email=address, name=name, role=role, customer_id=customer_id,
        language=language,
    )  # fmt: skip


def change_role(session: Session, scope: Scope, user_id: int, role: str) -> None:
    """Raises NotFoundError for anyone else's person, ConflictError for the last administrator."""
    _check_role(role)
    people = _lock(session, scope)
    user = _pick(people, user_id)
    before = _role_of(user)
    if before == role:
        return
    ensure_roles(session)
    user.roles = list(session.scalars(select(Role).where(Role.name == role)))
    _keep_one(people)
    session.flush()
    record(
        session, scope, "person.role", f"user/{user.id}", customer_id=user.customer_id,
        before=before, role=role,
    )  # fmt: skip


def set_active(session: Session, scope: Scope, user_id: int, *, active: bool) -> None:
    """Let a person sign in, or not: their sessions end, their tokens and calendar answer no more.

    Raises NotFoundError for anyone else's person, ConflictError for the last administrator.
    """
    people = _lock(session, scope)
    user = _pick(people, user_id)
    if user.active == active:
        return
    user.active = active
    _keep_one(people)
    user.fs_uniquifier = secrets.token_hex(32)
    session.flush()
    deed = "person.enable" if active else "person.disable"
    record(session, scope, deed, f"user/{user.id}", customer_id=user.customer_id)


def renew_password(session: Session, scope: Scope, user_id: int) -> NewPerson:
    """Another one-time password for a person of one's own; their sessions end. Raises
    NotFoundError, and ConflictError for oneself, who knows the password and changes it."""
    user = _pick(_lock(session, scope), user_id)
    if user.email == scope.actor:
        raise ConflictError("Change your own password where you are signed in.")
    return NewPerson(user, reset_password(session, scope, user))


def _own(scope: Scope) -> int:
    if scope.customer_id is None:
        raise ForbiddenError("Only a customer's own people are kept here.")
    return scope.customer_id


def _lock(session: Session, scope: Scope) -> list[User]:
    """All people of the customer until commit: two who take each other's rights come in turn."""
    statement = select(User).where(User.customer_id == _own(scope)).order_by(User.id)
    return list(
        session.scalars(
            statement.with_for_update(of=User).execution_options(populate_existing=True)
        )
    )


def _pick(people: list[User], user_id: int) -> User:
    found = next((one for one in people if one.id == user_id), None)
    if found is None:
        raise NotFoundError("No such person.")
    return found


def _keep_one(people: list[User]) -> None:
    if not any(one.active and _role_of(one) == ADMINISTRATOR for one in people):
        raise ConflictError("Somebody must stay administrator: make another person one first.")


def _check_role(role: str) -> None:
    if role not in OWN_ROLES:
        raise InvalidError(
            "There is no role called %(role)s.", {"role": [", ".join(OWN_ROLES)]}, role=role
        )


def _role_of(user: User) -> str:
    names = {role.name for role in user.roles}
    return ADMINISTRATOR if ADMINISTRATOR in names else "customer_viewer"
