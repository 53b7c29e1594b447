import pytest

from dcim.config import Settings
from dcim.db import SessionFactory
from tests.integration.discovery.house import House, build_house


@pytest.fixture
def house(settings: Settings, sessions: SessionFactory) -> House:
    return build_house(settings, sessions)
