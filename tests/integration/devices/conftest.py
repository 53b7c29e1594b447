"""The yard, fresh for each test."""

import pytest

from dcim.db import ScopedSession
from tests.integration.devices.yard import Yard, build_yard


@pytest.fixture
def yard(session: ScopedSession) -> Yard:
    return build_yard(session)
