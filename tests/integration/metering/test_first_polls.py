"""Many ports polled for the first time: as many statements as for one, each bound at once; and the
first poll after an update that keeps more of ports makes it by turns."""

import numpy as np
import pytest
from sqlalchemy import Engine, insert, select, text

from dcim.db import ScopedSession
from dcim.inventory.models import Device, DeviceType
from dcim.metering.families import DISCARDS, STATE, TRAFFIC
from dcim.metering.models import FormerBinding, Series
from dcim.metering.store import PostgresSampleStore
from dcim.network.models import Port
from dcim.snmp.counting.port_table import NOT_READ, Item, PortTable
from dcim.snmp.polling.port_poll import PortPoll
from dcim.snmp.polling.port_recording import GROWING, PortRecorder
from tests.integration.web.boards import Counter

T0 = 1_790_000_000_000 // 60_000 * 60_000
NAMES = tuple(f'ge"{number}\\é' for number in range(3))  # whatever a device calls its ports
MIN = 60_000


def poll(number: int, *, drops: bool) -> PortPoll:
    """The poll of minute `number`; each port dropped one packet a minute, one way."""
    table = np.full((len(Item), len(NAMES)), NOT_READ, dtype=np.int64)
    table[Item.TS_MS] = T0 + number * MIN
    table[Item.MONOTONIC_MS] = 10**6 + number * MIN
    table[Item.UPTIME_TICKS] = 10**6 + number * 6_000
    table[Item.BITS] = 64
    table[Item.SPEED_BPS] = 10**9
    table[[Item.IN_OCTETS, Item.OUT_OCTETS]] = 10**6 * number
    table[[Item.IN_ERRORS, Item.OUT_ERRORS]] = 0
    if drops:
        table[Item.IN_DISCARDS] = number
        table[Item.OUT_DISCARDS] = 0
    places = np.arange(len(NAMES), dtype=np.int64)
    return PortPoll(PortTable(NAMES, "clock", table), places, np.ones(len(NAMES), dtype=np.int64))


class Site:
    def __init__(self, session: ScopedSession) -> None:
        self.session, self.recorder = session, PortRecorder()
        self.kind = DeviceType(manufacturer="M", model="T", height=2)
        session.add(self.kind)
        session.flush()

    def add(self, count: int) -> list[int]:
        """Devices with their ports in the inventory."""
        made = self.session.scalar(select(Device.id).order_by(Device.id.desc()).limit(1)) or 0
        rows = [
            {"device_type_id": self.kind.id, "name": f"sw{made + one}", "role": "access"}
            for one in range(count)
        ]
        ids = list(self.session.scalars(insert(Device).returning(Device.id), rows))
        ports = [
            {"device_id": one, "name": name, "speed_bps": 10**9} for one in ids for name in NAMES
        ]
        self.session.execute(insert(Port), ports)
        self.session.commit()
        return ids

    def record(self, devices: list[int], number: int, *, drops: bool = True) -> int:
        """How many statements it took."""
        polls = [(one, poll(number, drops=drops)) for one in devices]
        engine = self.session.get_bind()
        assert isinstance(engine, Engine)
        with Counter(engine) as counter:
            self.recorder.record(self.session, polls, T0 + number * MIN + 1000)
        self.session.commit()
        return counter.count

    def bound(self, family: str) -> list[tuple[int, str]]:
        """(device, port) of each series of the family, by the port that it measures."""
        return [
            (row.device_id, row.name)
            for row in self.session.execute(
                select(Port.device_id, Port.name)
                .join(Series, Series.port_id == Port.id)
                .where(Series.family == family, Series.slot == Port.name)
                .order_by(Port.device_id, Port.name)
            )
        ]

    def dropped(self, device: int, last: int) -> list[list[int]]:
        """What each port of the device is known to have dropped inward."""
        ids = list(
            self.session.scalars(
                select(Series.id)
                .where(Series.family == DISCARDS.name, Series.device_id == device)
                .order_by(Series.slot)
            )
        )
        read = PostgresSampleStore().read(self.session, DISCARDS.name, ids, T0, T0 + last * MIN)
        return [columns.values["in_discards"].tolist() for _series, columns in read]


@pytest.fixture
def site(session: ScopedSession) -> Site:
    return Site(session)


def test_a_new_site_takes_as_many_statements_as_one_device_and_is_bound_at_once(
    site: Site,
) -> None:
    [first], others = site.add(1), site.add(40)
    counts = [site.record([first], 1), site.record(others, 1)]
    assert counts[0] == counts[1]
    everything = [(one, name) for one in (first, *others) for name in sorted(NAMES)]
    for family in (TRAFFIC, STATE, DISCARDS):
        assert sorted(site.bound(family.name)) == sorted(everything)
    assert not site.session.scalars(select(FormerBinding)).all()
    # What is polled again makes nothing anew.
    assert site.record(others, 2) < counts[1]
    assert [site.dropped(one, 3) for one in (first, others[0])] == [[[]] * 3, [[1]] * 3]


def test_a_port_that_is_measured_by_another_name_keeps_what_measures_it(site: Site) -> None:
    [device] = site.add(1)
    site.record([device], 1)
    site.session.execute(text("UPDATE series SET slot = 'before' WHERE slot = :name"), {
        "name": NAMES[0]
    })  # fmt: skip
    site.session.commit()
    site.recorder = PortRecorder()
    site.session.execute(text("DELETE FROM port_memory"))
    site.record([device], 2)
    # Bound anew as a change of names is, with its past: two never measure one port at once.
    assert len(site.bound(TRAFFIC.name)) == len(NAMES)
    former = site.session.scalars(
        select(Series.slot).join(FormerBinding, FormerBinding.series_id == Series.id)
    )
    assert set(former) == {"before"}


def test_after_an_update_discards_are_made_by_turns_and_no_traffic_waits_for_them(
    site: Site,
) -> None:
    devices = site.add(2 * GROWING + 3)
    # As it was before discards were kept.
    for number in (1, 2):
        site.record(devices, number, drops=False)
    assert site.bound(DISCARDS.name) == []
    having = []
    for number in (3, 4, 5):
        site.record(devices, number)
        having.append(len({device for device, _name in site.bound(DISCARDS.name)}))
    assert having == [GROWING, 2 * GROWING, len(devices)]
    site.record(devices, 6)
    # Traffic has each minute of all of them.
    ids = list(site.session.scalars(select(Series.id).where(Series.family == TRAFFIC.name)))
    read = PostgresSampleStore().read(site.session, TRAFFIC.name, ids, T0, T0 + 7 * MIN)
    assert {len(columns) for _series, columns in read} == {5}
    # From its turn on each tells what it dropped, and nothing of before.
    told = [site.dropped(devices[place], 7) for place in (0, GROWING, -1)]
    assert [len(each[0]) for each in told] == [3, 3, 2]
    assert {one for each in told for port in each for one in port} == {1}


def test_a_port_that_begins_to_count_waits_for_no_turn(site: Site) -> None:
    """Beside what only gains discards: octets are what is billed."""
    devices = site.add(GROWING + 1)
    site.record(devices, 1, drops=False)
    fresh = site.add(1)
    site.record([*devices, *fresh], 2)
    assert {device for device, _name in site.bound(TRAFFIC.name)} == {*devices, *fresh}
    # A new device has all its series at once, and takes nobody's turn.
    told = {device for device, _name in site.bound(DISCARDS.name)}
    assert told == {*devices[:GROWING], *fresh}
