"""People: who may sign in, with which roles, and the brake on guessed passwords."""

import datetime as dt
import secrets
from dataclasses import dataclass

from argon2 import PasswordHasher
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.models import LoginFailure, Role, User
from dcim.accounts.roles import ROLES
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.errors import ConflictError, ForbiddenError, InvalidError

# Failed sign-ins before the brake holds, counted over the window (ASVS 5.0 V6.3.1).
FAILURE_WINDOW = dt.timedelta(minutes=15)
FAILURES_PER_ACCOUNT = 5
FAILURES_PER_SOURCE = 50
MIN_PASSWORD_LENGTH = 12


@dataclass(frozen=True, slots=True)
class NewPerson:
    user: User
    # Shown once to whoever made the account; must be changed at the first sign-in.
    one_time_password: str


def ensure_roles(session: Session) -> None:
    """Make the rows of the roles the program knows. Safe to run at every start."""
    present = set(session.scalars(select(Role.name)))
    session.add_all(
        Role(name=spec.name, description=spec.description)
        for spec in ROLES.values()
        if spec.name not in present
    )
    session.flush()


def create_person(
    session: Session,
    scope: Scope,
    *,
    email: str,
    name: str,
    role: str,
    hash_password: PasswordHasher | None = None,
    customer_id: int | None = None,
    language: str = "zh",
    must_change_password: bool = True,
) -> NewPerson:
    """Make an account with a random one-time password.

    Raises InvalidError for a role that doesn't fit, ConflictError for an address already in use;
    a customer that isn't there breaks the foreign key.
    """
    spec = ROLES.get(role)
    if spec is None:
        raise InvalidError(
            "There is no role called %(role)s.", {"role": [", ".join(ROLES)]}, role=role
        )
    if spec.for_customers != (customer_id is not None):
        raise InvalidError("A customer's person has a customer role, staff have a staff role.")
    address = email.strip().lower()
    if "@" not in address:
        raise InvalidError("This is not a mail address.", {"email": ["name@example.com"]})
    if session.scalar(select(User.id).where(User.email == address)) is not None:
        raise ConflictError("The address %(email)s already has an account.", email=address)
    ensure_roles(session)
    password = secrets.token_urlsafe(12)
    user = User(
        email=address,
        name=name,
        password=(hash_password or password_hasher()).hash(password),
        fs_uniquifier=secrets.token_hex(32),
        customer_id=customer_id,
        language=language,
        must_change_password=must_change_password,
        confirmed_at=utc_now(),
        roles=list(session.scalars(select(Role).where(Role.name == role))),
    )
    session.add(user)
    session.flush()
    record(
        session,
        scope,
        "person.create",
        f"user/{user.id}",
        customer_id=customer_id,
        email=address,
        role=role,
    )
    return NewPerson(user, password)


def reset_password(session: Session, scope: Scope, user: User) -> str:
    """A new one-time password; every session of this person ends."""
    password = secrets.token_urlsafe(12)
    user.password = password_hasher().hash(password)
    user.must_change_password = True
    user.fs_uniquifier = secrets.token_hex(32)
    forget_failures(session, user.email)
    record(session, scope, "password.reset", f"user/{user.id}", customer_id=user.customer_id)
    return password


def password_hasher() -> PasswordHasher:
    """argon2id with OWASP's floor: 19 MiB, two passes, one lane."""
    return PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)


def scope_of(user: User) -> Scope:
    """What this person reaches: their customer, or, for staff, every tenant."""
    if user.customer_id is not None:
        return Scope.customer(user.email, user.customer_id)
    return Scope.staff(user.email)


def is_braked(session: Session, account: str, source: str) -> bool:
    """Whether sign-ins for this account, or from this source, have failed too often just now."""
    since = utc_now() - FAILURE_WINDOW
    recent = LoginFailure.at > since
    of_account = session.scalar(
        select(func.count()).where(recent, LoginFailure.account == account.strip().lower()[:255])
    )
    of_source = session.scalar(select(func.count()).where(recent, LoginFailure.source == source))
    return (of_account or 0) >= FAILURES_PER_ACCOUNT or (of_source or 0) >= FAILURES_PER_SOURCE


def note_failure(session: Session, account: str, source: str) -> None:
    session.add(LoginFailure(account=account.strip().lower()[:255], source=source[:64]))
    session.execute(delete(LoginFailure).where(LoginFailure.at < utc_now() - dt.timedelta(days=30)))
    session.flush()


def forget_failures(session: Session, account: str) -> None:
    """A right password clears the account's count, not the source's."""
    session.execute(delete(LoginFailure).where(LoginFailure.account == account.strip().lower()))


def require_person(session: Session, scope: Scope) -> User:
    """Who of staff acts. Raises ForbiddenError for customers, jobs and commands."""
    person = session.scalar(select(User).where(User.email == scope.actor, User.active))
    if not scope.is_staff or person is None or person.customer_id is not None:
        raise ForbiddenError("Only a person of staff, signed in as such, may do this.")
    return person
