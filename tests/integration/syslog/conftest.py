"""A receiver that runs as `dcim syslog` does, and devices it knows: those of the traps' tests."""

from dataclasses import dataclass, replace
from ipaddress import ip_network

import pytest

from dcim.config import Settings
from dcim.db import SessionFactory
from dcim.syslog.receiver import SyslogReceiver
from tests.integration.traps.conftest import TrapHouse, add_agents


@dataclass
class SyslogHouse(TrapHouse):
    prefix = "syslog_in"
    table = "syslog_message"
    receiver = SyslogReceiver


@pytest.fixture
def house(settings: Settings, sessions: SessionFactory) -> SyslogHouse:
    allowed = (ip_network("127.0.0.0/8"),)
    house = SyslogHouse(replace(settings, snmp_allowed=allowed), sessions)
    add_agents(house, [f"127.0.9.{number}" for number in range(1, 4)])
    return house
