"""What the database refuses of a batch is set aside; the sound polls beside it are recorded."""

import base64
from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from sqlalchemy import create_engine, select, text
from sqlalchemy.exc import IntegrityError

from dcim.accounts.scope import Scope
from dcim.cli import main
from dcim.config import Settings
from dcim.db import SessionFactory, make_sessions, transaction
from dcim.inventory.models import Device, DeviceType
from dcim.metering.models import Series
from dcim.metering.store import PostgresSampleStore
from dcim.snmp.agents.models import SnmpAgent
from dcim.snmp.agents.registration import register_agent, store_credential
from dcim.snmp.counting.port_table import Item, PortTable
from dcim.snmp.polling.keeping import OutcomeKeeper
from dcim.snmp.polling.port_poll import PortPoll
from dcim.snmp.polling.recording import Outcome

SYSTEM = Scope.system("test")
AGENTS = 16
T0 = 1_764_000_000_000
MakeRound = Callable[[int], list[Outcome]]


@pytest.fixture
def make_round(settings: Settings, sessions: SessionFactory) -> MakeRound:
    """A round of polls of all agents, the n-th minute; a port counts ten octets a minute."""
    with transaction(sessions, SYSTEM) as session:
        kind = DeviceType(manufacturer="m", model="m", height=1)
        session.add(kind)
        session.flush()
        credential = store_credential(
            session, SYSTEM, settings.encryption, name="c", version="2c", community="public"
        )
        for n in range(AGENTS):
            device = Device(name=f"sw-{n}", role="switch", device_type_id=kind.id, state="in_stock")
            session.add(device)
            session.flush()
            register_agent(
                session,
                SYSTEM,
                replace(settings, snmp_allowed=(ip_network("10.0.0.0/8"),)),
                device=device,
                address="10.0.0.1",
                credential=credential,
                udp_port=1_000 + n,
            )
        agents = session.execute(
            select(SnmpAgent.id, SnmpAgent.device_id).order_by(SnmpAgent.id)
        ).all()

    def make(minute: int) -> list[Outcome]:
        at_ms = T0 + minute * 60_000
        table = PortTable.empty(("a",), "boot")
        table.matrix[Item.TS_MS] = table.matrix[Item.MONOTONIC_MS] = at_ms
        table.matrix[Item.UPTIME_TICKS] = 1_000 + minute * 6_000
        table.matrix[Item.BITS], table.matrix[Item.SPEED_BPS] = 64, 10**9
        table.matrix[Item.IN_OCTETS] = table.matrix[Item.OUT_OCTETS] = 10 * minute
        poll = PortPoll(table, np.array([1]), np.array([1]))
        return [Outcome(agent, device, at_ms, ports=poll) for agent, device in agents]

    return make


def poison(outcomes: list[Outcome], *places: int) -> list[Outcome]:
    """Outcomes of devices that aren't there: a foreign key of the series of their ports breaks."""
    return [
        replace(each, device_id=10**9 + n) if n in places else each
        for n, each in enumerate(outcomes)
    ]


def samples(sessions: SessionFactory) -> dict[int, list[int]]:
    """Octets of the samples of each device's port, in order of devices; those without left out."""
    with transaction(sessions, SYSTEM) as session:
        rows = session.execute(
            select(Series.id, Device.name).join(Device).where(Series.family == "traffic")
        ).all()
        numbers = {series_id: int(name.split("-")[1]) for series_id, name in rows}
        read = PostgresSampleStore().read(session, "traffic", sorted(numbers), 0, 2**62)
        return {
            numbers[series_id]: columns.values["in_octets"].tolist() for series_id, columns in read
        }


def watch(keeper: OutcomeKeeper, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many outcomes were in each transaction that was tried."""
    tried: list[int] = []
    whole = OutcomeKeeper._record_whole

    def record(self: OutcomeKeeper, outcomes: Any) -> None:
        tried.append(len(outcomes))
        whole(self, outcomes)

    monkeypatch.setattr(OutcomeKeeper, "_record_whole", record)
    return tried


def expect(refused: set[int], rounds: int) -> dict[int, list[int]]:
    """All but the first poll are samples."""
    return {n: [10] * (rounds - 1) for n in range(AGENTS) if n not in refused}


def test_one_refused_poll_keeps_none_of_the_others_out(
    settings: Settings,
    sessions: SessionFactory,
    make_round: MakeRound,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keeper = OutcomeKeeper(settings, sessions)
    tried = watch(keeper, monkeypatch)
    for minute in (1, 2, 3):
        tried.clear()
        assert not keeper.keep(0, poison(make_round(minute), 5, 15))
        assert len(tried) == 1 + 2 * 7, "two ways of four halvings, one of them in common"
    assert samples(sessions) == expect({5, 15}, 3)
    found = keeper.spool.summary()
    assert (found.files, found.damaged, found.dropped) == (0, 3, 0)
    assert {(each.polls, each.why) for each in found.set_aside} == {
        (2, "ForeignKeyViolation (fk_series_device_id)")
    }
    # What is aside is what was polled, and can be read.
    [path, *_] = sorted(keeper.spool.folder.glob("*.damaged"))
    waiting = path.rename(path.with_suffix(""))
    batch = keeper.spool.open(waiting)
    waiting.unlink()
    assert batch is not None
    assert [each.device_id for each in batch.outcomes] == [10**9 + 5, 10**9 + 15]
    # Sound again, they go on.
    assert keeper.keep(0, make_round(4))


def test_without_halving_nothing_of_the_batch_is_recorded(
    settings: Settings,
    sessions: SessionFactory,
    make_round: MakeRound,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The control, as it was."""
    monkeypatch.setattr("dcim.snmp.polling.keeping.is_refusal", lambda error: False)
    keeper = OutcomeKeeper(settings, sessions)
    for minute in (1, 2):
        with pytest.raises(IntegrityError):
            keeper.keep(0, poison(make_round(minute), 5))
    assert samples(sessions) == {}
    spool_rounds(keeper, make_round, 5)
    keeper.replay_all()
    assert samples(sessions) == {}


def spool_rounds(keeper: OutcomeKeeper, make_round: MakeRound, *places: int) -> None:
    sessions = keeper.sessions
    url = sessions.kw["bind"].url.update_query_dict({"port": "1"})  # nobody listens there
    keeper.sessions = make_sessions(create_engine(url))
    for minute in (1, 2, 3):
        assert not keeper.keep(0, poison(make_round(minute), *places))
    assert len(keeper.spool.waiting()) == 3
    keeper.sessions = sessions


def test_of_a_file_only_what_is_refused_is_set_aside(
    settings: Settings,
    sessions: SessionFactory,
    make_round: MakeRound,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keeper = OutcomeKeeper(settings, sessions)
    spool_rounds(keeper, make_round, 0, 7)
    tried = watch(keeper, monkeypatch)
    files = {path: path.read_bytes() for path in keeper.spool.waiting()}
    assert keeper.replay_all() == 3 * (AGENTS - 2)
    assert len(tried) == 3 * (1 + 2 * 6)
    assert samples(sessions) == expect({0, 7}, 3)
    # As if it had died between the last commit and the removal: once more is the same as once.
    for path, octets in files.items():
        path.write_bytes(octets)
        (path.parent / (path.name + ".damaged.unfinished")).write_bytes(b"cut off")
    assert OutcomeKeeper(settings, sessions).replay_all() == 3 * (AGENTS - 2)
    assert samples(sessions) == expect({0, 7}, 3)
    found = keeper.spool.summary()
    assert (found.files, found.damaged, found.dropped) == (0, 3, 0)
    assert {each.polls for each in found.set_aside} == {2}
    key = base64.b64encode(settings.encryption.keys["k1"]).decode()
    monkeypatch.setenv("DCIM_SECRET_KEY", settings.secret_key)
    monkeypatch.setenv("DCIM_ENCRYPTION_KEYS", f"k1:{key}")
    shown = CliRunner().invoke(main, ["--data", str(settings.data), "snmp", "spool"])
    assert "ForeignKeyViolation (fk_series_device_id)" in shown.output


def test_a_database_that_goes_away_meanwhile_leaves_the_rest_on_disk(
    settings: Settings,
    sessions: SessionFactory,
    make_round: MakeRound,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both ways, at each transaction: none is lost, none is twice, and the refused is aside."""
    whole = OutcomeKeeper._record_whole
    keeper = OutcomeKeeper(settings, sessions)
    assert keeper.keep(0, make_round(0))
    for minute in range(1, 10):
        left = [minute]

        def record(self: OutcomeKeeper, outcomes: Any, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] == 0:
                with transaction(self.sessions, SYSTEM) as session:
                    session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
            whole(self, outcomes)

        with monkeypatch.context() as patch:
            patch.setattr(OutcomeKeeper, "_record_whole", record)
            assert not keeper.keep(0, poison(make_round(minute), 5))
            keeper.replay_all()
        keeper.replay_all()
        assert keeper.spool.waiting() == []
        assert samples(sessions) == expect({5}, minute + 1) | {5: []}
    assert sum(each.polls for each in keeper.spool.summary().set_aside) == 9


def test_refused_polls_leave_room_for_an_outage(
    settings: Settings, sessions: SessionFactory, make_round: MakeRound
) -> None:
    keeper = OutcomeKeeper(settings, sessions)
    keeper.keep(0, poison(make_round(1), 1))
    [size] = [path.stat().st_size for path in keeper.spool.folder.glob("*.damaged")]
    keeper.spool.limit_octets = 25 * size
    for minute in range(2, 6):
        keeper.keep(0, poison(make_round(minute), 1))
    found = keeper.spool.summary()
    assert (found.damaged, found.dropped) == (2, 3)
    assert samples(sessions) == expect({1}, 5)
