"""Which port a series measures, and since when: a new name moves no past octet to anyone else."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from alembic import command
from alembic.script import ScriptDirectory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from dcim import schema
from dcim.accounts.scope import Scope
from dcim.db import ScopedSession, SessionFactory, make_engine, make_sessions, transaction
from dcim.inventory.models import Device, DeviceType
from dcim.metering import bindings
from dcim.metering.batch import Batch
from dcim.metering.bindings import BEGINNING, OPEN_END, PortBinding, bind_ports, read_bindings
from dcim.metering.families import DAY_MS
from dcim.metering.models import Series
from dcim.metering.store import PostgresSampleStore
from dcim.network.kinds import PORT
from dcim.network.models import Port
from dcim.postgres import EmbeddedServer
from dcim.records.writing import change_record
from dcim.sla.samples import read_samples
from tests.integration.conftest import TEMPLATE
from tests.integration.metering.conftest import MakeSeries
from tests.integration.metering.test_observations import (
    DAYS,
    MINUTES,
    PORT_DOWN,
    START,
    SYSTEM,
    M,
    World,
    build,
    inputs_of,
)
from tests.servers import fresh_database

STORE = PostgresSampleStore()
NOW = START + DAYS * DAY_MS


@dataclass
class Switch:
    """A device with ports of the inventory and series of its own names; traffic alone."""

    session: ScopedSession
    device_id: int
    now: int = 1_000

    def add_port(self, name: str) -> int:
        port = Port(device_id=self.device_id, name=name, speed_bps=0)
        self.session.add(port)
        self.session.flush()
        return port.id

    def measure(self, *slots: str) -> list[int]:
        made = [Series(family="traffic", device_id=self.device_id, slot=slot) for slot in slots]
        self.session.add_all(made)
        self.session.flush()
        return [each.id for each in made]

    def rename(self, port_id: int, name: str) -> None:
        self.session.execute(
            text("UPDATE port SET name = :name WHERE id = :id"), {"name": name, "id": port_id}
        )
        self.bind()

    def bind(self) -> None:
        self.now += 100
        bind_ports(self.session, [self.device_id], self.now)

    def bindings(self) -> list[PortBinding]:
        return read_bindings(self.session)

    def holder(self, series_id: int, at: int) -> int | None:
        return find_holder(self.bindings(), series_id, at)


def find_holder(bound: Sequence[PortBinding], series_id: int, at: int) -> int | None:
    """The port that the series measures at an instant."""
    held = [
        each.port_id
        for each in bound
        if each.series_id == series_id and each.start <= at < each.end
    ]
    assert len(held) <= 1
    return held[0] if held else None


@pytest.fixture
def switch(session: ScopedSession, make_series: MakeSeries) -> Iterator[Switch]:
    make_series("climate")
    with session.begin() as work:
        yield Switch(session, session.scalars(select(Device.id)).one())
        work.rollback()


def test_a_port_is_measured_by_its_name_from_the_first_sample_on(switch: Switch) -> None:
    [series] = switch.measure("ge1")
    port = switch.add_port("ge1")
    switch.bind()
    assert switch.bindings() == [PortBinding(port, series, "traffic", BEGINNING, OPEN_END)]


def test_a_renamed_port_keeps_what_was_measured_before(switch: Switch) -> None:
    old, new = switch.measure("ge1", "ge2")
    port = switch.add_port("ge1")
    switch.bind()
    switch.rename(port, "ge2")
    at = switch.now
    assert switch.bindings() == [
        PortBinding(port, old, "traffic", BEGINNING, at),
        PortBinding(port, new, "traffic", at, OPEN_END),
    ]
    # And the name it had goes to whom it is given, from then on only.
    other = switch.add_port("ge1")
    switch.bind()
    assert switch.holder(old, at - 1) == port
    assert switch.holder(old, switch.now) == other


def test_ports_that_swap_names_keep_their_pasts_apart(switch: Switch) -> None:
    one, two = switch.measure("ge1", "ge2")
    first, second = switch.add_port("ge1"), switch.add_port("ge2")
    switch.bind()
    before = switch.now
    switch.rename(first, "on its way")
    switch.rename(second, "ge1")
    switch.rename(first, "ge2")
    assert [switch.holder(each, before) for each in (one, two)] == [first, second]
    assert [switch.holder(each, switch.now) for each in (one, two)] == [second, first]


def test_a_slip_of_the_pen_takes_no_meter_away(switch: Switch) -> None:
    [series] = switch.measure("ge1")
    port = switch.add_port("ge1")
    switch.bind()
    whole = [PortBinding(port, series, "traffic", BEGINNING, OPEN_END)]
    switch.rename(port, "ge1 ")
    assert switch.bindings() == whole
    switch.rename(port, "ge1")
    assert switch.bindings() == whole


def test_who_comes_back_to_a_name_nobody_had_meanwhile_never_left_it(switch: Switch) -> None:
    [series] = switch.measure("ge1")
    port = switch.add_port("ge1")
    switch.bind()
    # Another port took the name, and gave it up before long without a series of its own.
    switch.rename(port, "spare")
    other = switch.add_port("ge1")
    switch.bind()
    taken = switch.now
    switch.rename(other, "ge9")
    switch.rename(port, "ge1")
    assert switch.holder(series, taken) == other
    assert switch.holder(series, switch.now) == port
    assert switch.holder(series, taken - 1) == port


def test_a_port_has_one_series_of_a_family_at_a_time(switch: Switch) -> None:
    one, two = switch.measure("ge1", "ge2")
    port = switch.add_port("ge1")
    switch.bind()
    with (
        pytest.raises(IntegrityError, match="uq_series_one_of_port"),
        switch.session.begin_nested(),
    ):
        switch.session.execute(
            text("UPDATE series SET port_id = :port WHERE id = :id"), {"port": port, "id": two}
        )
    assert switch.holder(one, 0) == port


_NAMES = st.sampled_from(["a", "b", "c", "d"])


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("rename"), st.integers(0, 2), _NAMES),
            st.tuples(st.just("measure"), st.just(0), _NAMES),
        ),
        max_size=12,
    )
)
def test_whatever_is_renamed_no_instant_has_two_and_the_past_stays(
    switch: Switch, steps: Sequence[tuple[str, int, str]]
) -> None:
    with switch.session.begin_nested() as example:
        ports = [switch.add_port(name) for name in "abc"]
        names = dict(zip(ports, "abc", strict=True))
        series = dict(zip("ab", switch.measure("a", "b"), strict=True))
        switch.now = 1_000
        switch.bind()
        for what, number, name in steps:
            then, instants = switch.bindings(), range(50, switch.now, 100)
            if what == "measure" and name not in series:
                [series[name]] = switch.measure(name)
                switch.bind()
            elif what == "rename" and name not in names.values():
                names[ports[number]] = name
                switch.rename(ports[number], name)
            now = switch.bindings()
            for each in series.values():
                for at in instants:
                    holder = find_holder(then, each, at)
                    assert holder is None or find_holder(now, each, at) == holder
            current = {each.port_id: each for each in now if each.end == OPEN_END}
            for port, called in names.items():
                if called in series:
                    assert current[port].series_id == series[called]
            for port in ports:
                mine = [each for each in now if each.port_id == port]
                assert all(a.end <= b.start for a, b in pairwise(mine))
        example.rollback()


# --- down to the money


@pytest.fixture
def world(sessions: SessionFactory) -> World:
    with transaction(sessions, SYSTEM) as session:
        return build(session)


RENAMED = 20_000  # minute of the month from which on the device says another name


def rename_on_the_device(session: ScopedSession, world: World, *, overlap: int = 0) -> int:
    """The device tells of the port under a new name; the inventory follows at the month's end."""
    device_id = session.scalars(select(Device.id).where(Device.name == "sw")).one()
    for family, name in (("traffic", "ge1"), ("state", "ge1-state")):
        old = world.series[name]
        [(_, whole)] = STORE.read(session, family, [old], 0, NOW + DAY_MS)
        session.execute(text("DELETE FROM sample_block WHERE series_id = :id"), {"id": old})
        new = Series(family=family, device_id=device_id, slot="ge1/new")
        session.add(new)
        session.flush()
        for series_id, kept in (
            (old, RENAMED + overlap > MINUTES),
            # The first reading under the new name is where its counting begins.
            (new.id, MINUTES > RENAMED if family == "traffic" else MINUTES >= RENAMED),
        ):
            times = START + MINUTES[kept] * M
            values = {key: column[kept] for key, column in whole.values.items()}
            span = whole.span_ms[kept]
            batch = Batch.from_arrays(family, series_id, times, values, span_ms=span)
            STORE.load_days(session, batch, NOW + 60 * DAY_MS)
    session.execute(text("UPDATE port SET name = 'ge1/new' WHERE name = 'ge1'"))
    bind_ports(session, [device_id], NOW + M)
    return device_id


def states_of(session: ScopedSession, port: str) -> list[tuple[int, int, str]]:
    resources = {each["name"]: each for each in inputs_of(session, 1)["resources"]}
    return [
        ((low - START) // M, (high - START) // M, state)
        for low, high, state in resources[f"port/sw/{port}"]["states"]
    ]


def test_a_month_in_which_a_port_was_renamed_is_billed_whole(
    session: ScopedSession, world: World
) -> None:
    with session.begin():
        rename_on_the_device(session, world)
        [bandwidth] = inputs_of(session, 1)["bandwidth"]
        states = states_of(session, "ge1/new")
    assert len(bandwidth["bins"]) == DAYS * 288
    whole = [row for row in bandwidth["bins"] if row[1:] == [37_500_000, 375_000_000, 300_000]]
    [turn] = [row for row in bandwidth["bins"] if row not in whole]
    # Between the last poll under the old name and the first under the new one nothing was counted.
    assert turn == [START + RENAMED * M - 300_000, 30_000_000, 300_000_000, 240_000]
    assert [(low, high) for low, high, state in states if state == "down"] == [PORT_DOWN]
    month = [(low, high, state) for low, high, state in states if 0 <= low < DAYS * 1_440]
    assert sum(high - low for low, high, state in month if state == "unknown") <= 1


def test_without_looking_for_the_turn_half_of_the_month_would_be_unmeasured(
    session: ScopedSession, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: cut where the inventory followed, the new name's samples were nobody's."""
    monkeypatch.setattr(bindings, "_find_turn", lambda *_: NOW + M)
    with session.begin():
        rename_on_the_device(session, world)
        [bandwidth] = inputs_of(session, 1)["bandwidth"]
    assert len(bandwidth["bins"]) == RENAMED // 5


def test_what_was_measured_side_by_side_are_two_things(
    session: ScopedSession, world: World
) -> None:
    with session.begin():
        rename_on_the_device(session, world, overlap=3)
        ends = {each.end for each in read_bindings(session)} - {OPEN_END}
    assert ends == {NOW + M}


def test_a_customer_reads_of_a_series_what_was_its_port_s(
    session: ScopedSession, world: World
) -> None:
    with session.begin():
        device_id = rename_on_the_device(session, world)
        old = world.series["ge1"]
        cut = START + RENAMED * M
        # The name goes to another port, and the series with it.
        other = Port(device_id=device_id, name="ge1", speed_bps=0)
        session.add(other)
        session.flush()
        bind_ports(session, [device_id], NOW + 2 * M)
        assert read_bindings(session, port_ids=[other.id])
        mine = read_samples(
            session, Scope.customer("c", world.customers[0]), old, START, START + 31 * DAY_MS
        )
        assert mine.ts
        assert max(mine.ts) < cut
        everything = read_samples(session, SYSTEM, old, START, START + 31 * DAY_MS)
        assert mine.ts == everything.ts


def test_changing_the_name_in_the_inventory_changes_the_meter(
    session: ScopedSession, world: World
) -> None:
    with session.begin():
        port = session.scalars(select(Port).where(Port.name == "ge1")).one()
        fresh = Series(family="traffic", device_id=port.device_id, slot="ge1/new")
        session.add(fresh)
        session.flush()
        change_record(session, Scope.system("test"), PORT, port.id, {"name": "ge1/new"})
        current = [
            each for each in read_bindings(session, port_ids=[port.id]) if each.end == OPEN_END
        ]
        assert fresh.id in {each.series_id for each in current}
        assert np.all([each.start > START for each in current if each.series_id == fresh.id])


# --- databases from before


def test_ports_that_had_several_series_keep_the_one_of_their_name(server: EmbeddedServer) -> None:
    """What the version before said of a renamed port, told apart by time; and taken back."""
    name = f"bindings_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
    with fresh_database(server, name, template=TEMPLATE) as database:
        owner = make_engine(database.owner_url, pool_size=1)
        try:
            with make_sessions(owner)() as session, session.begin():
                session.use_scope(SYSTEM)
                kind = DeviceType(manufacturer="m", model="m", height=1)
                session.add(kind)
                session.flush()
                device = Device(name="sw", role="switch", device_type_id=kind.id)
                session.add(device)
                session.flush()
                switch = Switch(session, device.id)
                series = switch.measure("ge2", "ge1", "ge3", "other")
                ports = [switch.add_port("ge2"), switch.add_port("other")]
                switch.bind()
            with owner.begin() as connection:
                config = schema.alembic_config(connection)
                below = ScriptDirectory.from_config(config).get_revision("0019").down_revision
                assert isinstance(below, str)
                command.downgrade(config, below)
                renamed = text("UPDATE series SET port_id = :port WHERE slot LIKE 'ge%'")
                connection.execute(renamed, {"port": ports[0]})
            with owner.begin() as connection:
                command.upgrade(schema.alembic_config(connection), "head")
            with make_sessions(owner)() as session:
                found = read_bindings(session)
                ended = found[0].end
                assert {(each.port_id, each.series_id, each.start, each.end) for each in found} == {
                    (ports[0], series[0], ended, OPEN_END),
                    (ports[0], series[1], BEGINNING, ended),
                    (ports[0], series[2], BEGINNING, ended),
                    (ports[1], series[3], BEGINNING, OPEN_END),
                }
            with owner.begin() as connection:
                command.downgrade(schema.alembic_config(connection), below)
                bound = connection.execute(text("SELECT port_id FROM series ORDER BY id"))
                assert bound.scalars().all() == [ports[0]] * 3 + [ports[1]]
        finally:
            owner.dispose()
