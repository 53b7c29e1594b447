"""A token and its person are found in one statement, and only while both are good."""

import datetime as dt

import pytest
from sqlalchemy import select

from dcim.accounts.models import ApiToken, Role, User
from dcim.accounts.people import ensure_roles
from dcim.accounts.scope import Scope
from dcim.accounts.tokens import create_token, find_token
from dcim.columns import utc_now
from dcim.db import ScopedSession
from dcim.web.identity import WebUser
from tests.integration.records.test_listing import counted

SCOPE = Scope.system("test")


@pytest.fixture
def plaintext(session: ScopedSession) -> str:
    """A token of a person of two roles, as a new session finds it."""
    ensure_roles(session)
    roles = session.scalars(select(Role).where(Role.name.in_(("noc", "auditor")))).all()
    assert len(roles) == 2
    person = User(
        email="two@example.org", name="Two", password="x", fs_uniquifier="two", roles=list(roles)
    )
    session.add(person)
    session.flush()
    made = create_token(session, SCOPE, person, "test").plaintext
    session.expunge_all()
    return made


def test_one_statement_brings_token_person_and_roles(
    session: ScopedSession, plaintext: str
) -> None:
    with counted(session) as statements:
        found = find_token(session, plaintext, WebUser)
        assert found is not None
        token, person = found
        assert type(person) is WebUser
        assert token.user_id == person.id
        assert {role.name for role in person.roles} == {"noc", "auditor"}
    assert len(statements) == 1


def test_the_use_is_noted_once_a_minute(session: ScopedSession, plaintext: str) -> None:
    found = find_token(session, plaintext, User)
    assert found is not None
    noted = found[0].last_used_at
    assert noted is not None
    assert find_token(session, plaintext, User) == found
    assert found[0].last_used_at == noted
    found[0].last_used_at = noted - dt.timedelta(seconds=61)
    assert find_token(session, plaintext, User) == found
    assert found[0].last_used_at > noted - dt.timedelta(seconds=61)


@pytest.mark.parametrize("wrong", ["revoked", "expired", "inactive", "other", "no text", "short"])
def test_nobody_is_behind_a_token_that_is_no_longer_good(
    session: ScopedSession, plaintext: str, wrong: str
) -> None:
    token = session.scalars(select(ApiToken)).one()
    person = session.scalars(select(User)).one()
    assert find_token(session, plaintext, User) == (token, person)
    asked: object = plaintext
    match wrong:
        case "revoked":
            token.revoked_at = utc_now()
        case "expired":
            token.expires_at = utc_now()
        case "inactive":
            person.active = False
        case "other":
            asked = "jf_" + "x" * 43
        case "no text":
            asked = None
        case "short":
            asked = plaintext[:-1]
    assert find_token(session, asked, User) is None
