"""The yard, fresh for each test; for pages, committed and with people to sign in as."""

import pytest

from dcim.db import ScopedSession
from tests.integration.devices.yard import Yard, build_yard
from tests.integration.web.conftest import app, make_login

__all__ = ["app", "make_login"]


@pytest.fixture
def yard(session: ScopedSession) -> Yard:
    return build_yard(session)
