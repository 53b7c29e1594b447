import pytest

from dcim.db import ScopedSession
from tests.integration.meters.house import House, build_house


@pytest.fixture
def house(session: ScopedSession) -> House:
    return build_house(session)
