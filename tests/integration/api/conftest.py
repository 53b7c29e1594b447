"""API clients with tokens, on the web application's fixtures."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from dcim.accounts.models import User
from dcim.accounts.scope import Scope
from dcim.accounts.tokens import create_token
from dcim.db import SessionFactory, transaction
from tests.integration.web.conftest import Login, app, make_login

__all__ = ["app", "make_login"]

MakeClient = Callable[..., FlaskClient]


@pytest.fixture
def api(app: Flask, make_login: Callable[..., Login], sessions: SessionFactory) -> MakeClient:
    """A client that sends a token of a new person of this role."""

    def make(role: str = "administrator", *, customer_id: int | None = None) -> FlaskClient:
        login = make_login(role, customer_id=customer_id)
        scope = Scope.system("test")
        with transaction(sessions, scope) as session:
            user = session.get_one(User, login.user_id)
            token = create_token(session, scope, user, "test").plaintext
        client = app.test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
        return client

    return make
