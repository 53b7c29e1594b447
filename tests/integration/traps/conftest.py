"""A receiver that runs as `dcim traps` does, or `dcim syslog`, and devices it knows."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from ipaddress import ip_network
from typing import Any, ClassVar

import pytest
from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.config import Settings
from dcim.db import SessionFactory, transaction
from dcim.inventory.models import Device
from dcim.snmp.agents.models import SnmpAgent
from dcim.snmp.agents.registration import UsmSecrets, find_or_make_device, store_credential
from dcim.snmp.traps.receiver import TrapReceiver
from dcim.snmp.wire.target import UsmCredentials
from dcim.syslog.receiver import SyslogReceiver
from tests.agents.trap_sender import COMMUNITY

SYSTEM = Scope.system("test")
USER = UsmCredentials("trapper", "SHA-256", "authentic-words", "AES-128", "private-words")


@dataclass
class TrapHouse:
    """An instance with agents at loopback addresses, polled over v2c, one over v3."""

    settings: Settings
    sessions: SessionFactory
    polled: list[Mapping[int, Sequence[int]]] = field(default_factory=list)
    # What is received: the beginning of its settings' names, its table, and its receiver.
    prefix: ClassVar[str] = "trap"
    table: ClassVar[str] = "trap"
    receiver: ClassVar[type[TrapReceiver] | type[SyslogReceiver]] = TrapReceiver

    def defer(self, session: Session, due: Mapping[int, Sequence[int]]) -> Sequence[int]:
        self.polled.append(dict(due))
        return list(due)

    @contextmanager
    def receiving(self, **changed: Any) -> Iterator[TrapReceiver | SyslogReceiver]:
        listen = {f"{self.prefix}_listen": ("127.0.0.1", 0)}
        settings = replace(self.settings, **listen | changed)
        receiver = self.receiver(settings, self.sessions, self.defer)
        running = threading.Thread(target=receiver.run)
        running.start()
        try:
            assert receiver.ready.wait(20)
            yield receiver
        finally:
            receiver.stop()
            running.join(20)
            assert not running.is_alive()

    def query(self, statement: str, **given: Any) -> list[Any]:
        with transaction(self.sessions, SYSTEM) as session:
            return list(session.execute(text(statement), given).all())

    def count(self) -> int:
        statement = f"SELECT coalesce(sum(count), 0) FROM {self.table}"  # noqa: S608
        return int(self.query(statement)[0][0])

    def drops(self) -> dict[str, int]:
        table = f"{self.prefix.removesuffix('_in')}_drop"
        statement = f"SELECT reason, sum(count)::int FROM {table} GROUP BY reason"  # noqa: S608
        return dict(self.query(statement))

    def wait_for(self, done: Callable[[], bool], within_s: float = 60.0) -> float:
        """Seconds until it is done; fails when it isn't in time."""
        began = time.monotonic()
        while not done():
            assert time.monotonic() - began < within_s, (self.count(), self.drops())
            time.sleep(0.05)
        return time.monotonic() - began


@pytest.fixture
def house(settings: Settings, sessions: SessionFactory) -> TrapHouse:
    allowed = (ip_network("127.0.0.0/8"),)
    house = TrapHouse(replace(settings, snmp_allowed=allowed), sessions)
    add_agents(house, [f"127.0.9.{number}" for number in range(1, 4)], secure="127.0.9.100")
    return house


def add_agents(house: TrapHouse, addresses: Sequence[str], secure: str = "") -> None:
    keys = house.settings.encryption
    with transaction(house.sessions, SYSTEM) as session:
        plain = store_credential(
            session, SYSTEM, keys, name="plain", version="2c", community=COMMUNITY.decode()
        )
        one = find_or_make_device(
            session, SYSTEM, "first", role="switch", manufacturer="Test", model="T"
        )
        session.execute(
            insert(Device),
            [
                {
                    "device_type_id": one.device_type_id,
                    "name": f"device-{address}",
                    "role": "switch",
                    "state": "in_stock",
                }
                for address in addresses
            ],
        )
        session.execute(
            text(
                "INSERT INTO snmp_agent (device_id, credential_id, address, udp_port, shard,"
                " enabled, profile, sys_name, sys_descr, sys_object_id, last_error, silent_polls,"
                " last_check_error) SELECT d.id, :credential, a.address, 161, 0, true, '', '', '',"
                " '', '', 0, '' FROM unnest(CAST(:addresses AS text[])) AS a (address)"
                " JOIN device d ON d.name = 'device-' || a.address"
            ),
            {"credential": plain.id, "addresses": list(addresses)},
        )
        if secure:
            usm = store_credential(
                session,
                SYSTEM,
                keys,
                name="secure",
                version="3",
                username=USER.user,
                auth_protocol=USER.auth,
                priv_protocol=USER.priv,
                secrets=UsmSecrets(USER.auth_password, USER.priv_password),
            )
            session.add(
                SnmpAgent(device_id=one.id, credential_id=usm.id, address=secure, udp_port=161)
            )
