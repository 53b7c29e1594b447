"""A wider look for one question leaves the session as narrow as it was."""

from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from dcim.accounts.scope import Scope
from dcim.customers.models import Customer
from dcim.db import ScopedSession, SessionFactory, transaction

SYSTEM = Scope.system("test")


@pytest.fixture
def two(sessions: SessionFactory) -> tuple[int, int]:
    with transaction(sessions, SYSTEM) as session:
        customers = [Customer(code=c, name=c, name_en=c) for c in ("A", "B")]
        session.add_all(customers)
        session.flush()
        return customers[0].id, customers[1].id


def count(session: ScopedSession) -> int:
    return session.scalar(select(func.count()).select_from(Customer)) or 0


def fail(session: ScopedSession) -> None:
    with pytest.raises(KeyError), session.within(SYSTEM):
        raise KeyError


def look(session: ScopedSession) -> None:
    with session.within(SYSTEM):
        assert count(session) == 2


@pytest.mark.parametrize("use", [look, fail])
def test_the_former_scope_returns(
    sessions: SessionFactory, two: tuple[int, int], use: Callable[[ScopedSession], None]
) -> None:
    with sessions() as session:
        session.use_scope(Scope.customer("a@example.com", two[0]))
        assert count(session) == 1
        use(session)
        assert count(session) == 1
        session.rollback()
        assert count(session) == 1


@pytest.mark.parametrize("use", [look, fail])
def test_no_scope_returns_to_none(
    sessions: SessionFactory, two: tuple[int, int], use: Callable[[ScopedSession], None]
) -> None:
    with sessions() as session:
        assert count(session) == 0
        use(session)
        assert count(session) == 0


def test_a_scope_that_is_kept_does_show(sessions: SessionFactory, two: tuple[int, int]) -> None:
    """The control: without the block's end the wide look stays."""
    with sessions() as session:
        session.use_scope(Scope.customer("a@example.com", two[0]))
        session.use_scope(SYSTEM)
        assert count(session) == 2
