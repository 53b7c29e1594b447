"""Rounds of echoes as samples: what is lost, what is unknown, who may be asked, who is due."""

import asyncio
import datetime as dt
import os
import time
from dataclasses import replace

import pytest
from alembic import command
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from dcim import due, schema
from dcim.commands.processes import OTHER_QUEUES, POLLING_QUEUES
from dcim.config import Settings
from dcim.customers.models import Contract, ContractItem, Customer
from dcim.db import SessionFactory, make_engine, transaction
from dcim.jobs import BILL, PROBE, Workplace, work
from dcim.metering.batch import Columns
from dcim.metering.families import BY_TCP, DAY_MS, FLAG_UNWITNESSED, NOT_REPORTED
from dcim.metering.models import Series
from dcim.metering.store import PostgresSampleStore
from dcim.postgres import EmbeddedServer
from dcim.probing.carriers import Carrier, Refusal
from dcim.probing.models import INTERVALS, ProbeTarget
from dcim.probing.prober import BEAT_S, TARGETS_PER_SHARD, ProbeReport, is_due, probe_targets
from dcim.probing.recording import record_rounds
from dcim.probing.rounds import EchoTarget, Pace, Round
from tests.integration.conftest import TEMPLATE
from tests.integration.probing.conftest import SYSTEM, AddTarget
from tests.servers import Database, fresh_database
from tests.unit.probing.stand_in import Answers, Habit, StandIn, UdpCarrier, reply_of, steady

QUICK = Pace(spacing_s=0.02, timeout_s=0.3, linger_s=0.05)
FAR = 253_402_300_800_000
HOST, DEAD, LOSSY = "127.0.0.51", "127.0.0.52", "127.0.0.53"


def probe(
    settings: Settings, sessions: SessionFactory, ids: list[int], habits: dict[str, Habit]
) -> ProbeReport:
    async def work() -> ProbeReport:
        hosts = StandIn(habits)
        await hosts.start()

        def carriers(*, ipv6: bool) -> Carrier:
            return UdpCarrier(hosts.port, ipv6=ipv6)

        try:
            return await probe_targets(settings, sessions, ids, pace=QUICK, carriers=carriers)
        finally:
            hosts.close()

    return asyncio.run(work())


def samples(sessions: SessionFactory, target_id: int) -> Columns:
    with transaction(sessions, SYSTEM) as session:
        series_id = session.scalars(
            select(Series.id).where(Series.probe_target_id == target_id)
        ).one()
        [(_, found)] = PostgresSampleStore().read(session, "probe", [series_id], 0, FAR)
        return found


def one_sample(sessions: SessionFactory, target_id: int) -> dict[str, int]:
    found = samples(sessions, target_id)
    assert len(found) == 1
    return {name: int(values[0]) for name, values in found.values.items()}


def test_a_run_keeps_what_each_target_came_to(
    allowing: Settings, sessions: SessionFactory, add_target: AddTarget
) -> None:
    def loses(turn: int, message: bytes) -> Answers:
        return [] if turn == 1 else [(0, LOSSY, reply_of(message))]

    ids = [add_target(HOST), add_target(DEAD), add_target(LOSSY, count=4, every_s=120)]
    report = probe(allowing, sessions, ids, {HOST: steady(HOST), DEAD: lambda *_: [], LOSSY: loses})
    assert report == ProbeReport(targets=3, answered=2, unsent=0, strays=0)
    alive, dead, lossy = (one_sample(sessions, each) for each in ids)
    assert (alive["sent"], alive["received"], alive["unsent"]) == (5, 5, 0)
    assert 0 < alive["min_us"] <= alive["mean_us"] <= alive["max_us"] < 300_000
    assert alive["pdv_us"] == alive["max_us"] - alive["min_us"]
    assert (dead["sent"], dead["received"], dead["mean_us"]) == (5, 0, NOT_REPORTED)
    assert (lossy["sent"], lossy["received"]) == (4, 3)
    assert samples(sessions, ids[2]).span_ms.tolist() == [120_000]
    with transaction(sessions, SYSTEM) as session:
        target = session.get_one(ProbeTarget, ids[0])
        assert target.last_round_at is not None
        assert (target.last_way, target.last_problem) == ("UDP stand-in", "")


def test_what_cannot_be_sent_is_kept_as_unsent(
    allowing: Settings, sessions: SessionFactory, add_target: AddTarget
) -> None:
    """No right to send is nobody's outage."""
    target_id = add_target(HOST)
    report = asyncio.run(
        probe_targets(
            allowing,
            sessions,
            [target_id],
            pace=QUICK,
            carriers=lambda *, ipv6: Refusal("no right"),
        )
    )
    assert (report.answered, report.unsent) == (0, 1)
    kept = one_sample(sessions, target_id)
    assert (kept["sent"], kept["received"], kept["unsent"]) == (0, 0, 5)
    with transaction(sessions, SYSTEM) as session:
        assert session.get_one(ProbeTarget, target_id).last_problem == "no right"


@pytest.mark.parametrize("gateway", ["answers", "is silent", "is none"])
def test_silence_tells_something_only_while_a_reference_answers(
    gateway: str, allowing: Settings, sessions: SessionFactory, add_target: AddTarget
) -> None:
    """A prober that is cut off makes nobody's outage; without references it is believed."""
    dead = add_target(DEAD)
    reference = 0 if gateway == "is none" else add_target(HOST, reference=True)
    habit = steady(HOST) if gateway == "answers" else lambda *_: []
    report = probe(allowing, sessions, [dead], {HOST: habit, DEAD: lambda *_: []})
    assert (report.targets, report.answered) == (1, 0)  # the reference wasn't due
    doubted = gateway == "is silent"
    assert samples(sessions, dead).flags.tolist() == [FLAG_UNWITNESSED if doubted else 0]
    with transaction(sessions, SYSTEM) as session:
        problem = session.get_one(ProbeTarget, dead).last_problem
        assert problem == ("no reference answered either" if doubted else "")
        measured = session.scalars(select(Series.probe_target_id)).all()
    assert reference not in measured


def test_without_icmp_a_target_goes_by_tcp_and_its_samples_say_so(
    allowing: Settings, sessions: SessionFactory, add_target: AddTarget
) -> None:
    target_id = add_target("127.0.0.1", tcp_port=1, count=2)
    asyncio.run(
        probe_targets(
            allowing,
            sessions,
            [target_id],
            pace=QUICK,
            carriers=lambda *, ipv6: Refusal("no right"),
        )
    )
    kept = one_sample(sessions, target_id)
    assert (kept["sent"], kept["received"], kept["way"]) == (2, 2, BY_TCP)
    with transaction(sessions, SYSTEM) as session:
        told = session.get_one(ProbeTarget, target_id).last_way
    assert told == "TCP connect to port 1, no right"


@pytest.mark.parametrize("address", [HOST, "not.an.address"])
def test_nothing_is_sent_outside_the_allowed_networks(
    address: str, settings: Settings, sessions: SessionFactory, add_target: AddTarget
) -> None:
    heard: list[bytes] = []

    def note(_turn: int, message: bytes) -> Answers:
        heard.append(message)
        return []

    target_id = add_target(address)
    closed = replace(settings, probe_allowed=(), snmp_allowed=())
    report = probe(closed, sessions, [target_id], {HOST: note})
    assert not heard
    assert report.unsent == 1
    assert one_sample(sessions, target_id)["sent"] == 0
    with transaction(sessions, SYSTEM) as session:
        problem = session.get_one(ProbeTarget, target_id).last_problem
    assert ("outside DCIM_PROBE_ALLOWED" in problem) or ("no IP address" in problem)


def test_the_control_the_same_target_is_asked_where_it_is_allowed(
    allowing: Settings, sessions: SessionFactory, add_target: AddTarget
) -> None:
    target_id = add_target(HOST)
    assert probe(allowing, sessions, [target_id], {HOST: steady(HOST)}).answered == 1


def test_inactive_and_deleted_targets_are_left_out(
    allowing: Settings, sessions: SessionFactory, add_target: AddTarget
) -> None:
    target_id = add_target(HOST, active=False)
    assert probe(allowing, sessions, [target_id, 999], {HOST: steady(HOST)}).targets == 0
    with transaction(sessions, SYSTEM) as session:
        assert record_rounds(session, [Round(EchoTarget(999, HOST))]) == 0


def test_a_round_is_kept_once(sessions: SessionFactory, add_target: AddTarget) -> None:
    target_id = add_target(HOST)
    round_ = Round(EchoTarget(target_id, HOST), 1_790_000_000_000, rtts_us=[5, None])
    for _ in range(2):
        with transaction(sessions, SYSTEM) as session:
            record_rounds(session, [round_])
    assert len(samples(sessions, target_id)) == 1


def test_a_measured_target_stays_and_its_days_are_closed(
    sessions: SessionFactory, add_target: AddTarget
) -> None:
    target_id = add_target(HOST)
    now_ms = time.time_ns() // 1_000_000
    old = [now_ms - 5 * DAY_MS + minute * 60_000 for minute in range(3)]
    with transaction(sessions, SYSTEM) as session:
        for at in old:
            record_rounds(session, [Round(EchoTarget(target_id, HOST), at, rtts_us=[70, 90])])
    with sessions() as session:
        session.use_scope(SYSTEM)
        PostgresSampleStore().maintain(session, now_ms)
    with transaction(sessions, SYSTEM) as session:
        assert session.scalar(text("SELECT count(*) FROM probe_hot")) == 0
    closed = samples(sessions, target_id)
    assert closed.ts.tolist() == old
    assert closed.values["mean_us"].tolist() == [80] * 3
    with pytest.raises(IntegrityError, match="fk_series_probe_target_id"):  # noqa: SIM117
        with transaction(sessions, SYSTEM) as session:
            session.delete(session.get_one(ProbeTarget, target_id))


# --- what is due


def test_each_target_is_due_once_an_interval() -> None:
    for every_s in INTERVALS:
        for target_id in (1, 7, 60):
            beats = range(1_790_000_000, 1_790_000_000 + 2 * every_s, BEAT_S)
            due = [at for at in beats if is_due(target_id, every_s, at + 3.2)]
            assert len(due) == 2
            assert due[1] - due[0] == every_s


def test_the_clock_queues_shards_and_drops_a_beat_that_still_waits(
    sessions: SessionFactory, add_target: AddTarget
) -> None:
    for _ in range(TARGETS_PER_SHARD + 20):
        add_target(HOST, every_s=10)
    add_target(HOST, every_s=10, active=False)
    now = dt.datetime(2026, 11, 26, 12, tzinfo=dt.UTC)
    with transaction(sessions, SYSTEM) as session:
        assert due.defer_probes(session, now) == 2
    with transaction(sessions, SYSTEM) as session:
        assert due.defer_probes(session, now + dt.timedelta(seconds=BEAT_S)) == 0
        queued = session.execute(
            text("SELECT queue_name, args FROM procrastinate_jobs WHERE task_name = 'probe_shard'")
        ).all()
    assert {queue for queue, _ in queued} == {"probe"}
    assert sorted(len(arguments["target_ids"]) for _, arguments in queued) == [20, 100]


# --- what the tables refuse


@pytest.mark.parametrize(
    ("given", "constraint"),
    [
        ({"every_s": 7}, "ck_probe_target_every"),
        ({"count": 21}, "ck_probe_target_count"),
        ({"method": "udp"}, "ck_probe_target_method"),
        ({"method": "tcp"}, "ck_probe_target_tcp_needs_port"),
        ({"site_id": None}, "ck_probe_target_measures"),
    ],
)
def test_what_is_no_target_is_refused(
    add_target: AddTarget, given: dict[str, object], constraint: str
) -> None:
    with pytest.raises(IntegrityError, match=constraint):
        add_target(HOST, **given)


def test_a_target_measures_for_the_customer_of_its_item(
    sessions: SessionFactory, add_target: AddTarget
) -> None:
    with transaction(sessions, SYSTEM) as session:
        ones = [Customer(code=code, name=code, name_en=code) for code in "AB"]
        session.add_all(ones)
        session.flush()
        day = dt.date(2026, 1, 1)
        contract = Contract(number="C", customer_id=ones[0].id, state="signed",
                            currency="CNY", timezone="UTC", starts_on=day)  # fmt: skip
        session.add(contract)
        session.flush()
        item = ContractItem(
            contract_id=contract.id,
            customer_id=ones[0].id,
            code="I",
            kind="service",
            label="",
            label_en="",
            monthly_fee=1,
            starts_on=day,
        )
        session.add(item)
        session.flush()
        item_id, own, other = item.id, ones[0].id, ones[1].id
    add_target(HOST, site_id=None, contract_item_id=item_id, customer_id=own)
    with pytest.raises(IntegrityError, match="fk_probe_target_item_of_customer"):
        add_target(HOST, site_id=None, contract_item_id=item_id, customer_id=other)


def test_the_version_before_gets_its_tables_back(server: EmbeddedServer) -> None:
    name = f"probing_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
    with fresh_database(server, name, template=TEMPLATE) as database:
        owner = make_engine(database.owner_url, pool_size=1)
        try:
            with owner.begin() as connection:
                connection.execute(text("SELECT set_config('jifang.staff', 'yes', true)"))
                connection.execute(
                    text(
                        "INSERT INTO site (code, name, name_en, address, timezone)"
                        " VALUES ('S', '', '', '', 'UTC')"
                    )
                )
                connection.execute(
                    text(
                        "INSERT INTO probe_target (code, address, method, every_s, count, active,"
                        " reference, site_id, created_at, last_way, last_problem)"
                        " SELECT 't', '127.0.0.1', 'icmp', 60, 5, true, false, id, now(), '', ''"
                        " FROM site"
                    )
                )
                connection.execute(
                    text(
                        "INSERT INTO series (family, probe_target_id, slot, step_s)"
                        " SELECT 'probe', id, 't', 60 FROM probe_target"
                    )
                )
                connection.execute(
                    text(
                        "INSERT INTO sample_block SELECT id, 20000, 1, 1, 1, 2, 1, '', ''"
                        " FROM series"
                    )
                )
            with owner.begin() as connection:
                command.downgrade(schema.alembic_config(connection), "0019")
            with owner.begin() as connection:
                assert connection.scalar(text("SELECT count(*) FROM series")) == 0
                assert connection.scalar(text("SELECT count(*) FROM sample_block")) == 0
                command.upgrade(schema.alembic_config(connection), "head")
            with owner.connect() as connection:
                command.check(schema.alembic_config(connection))
        finally:
            owner.dispose()


def test_a_worker_carries_out_what_the_clock_queued(
    allowing: Settings, sessions: SessionFactory, add_target: AddTarget, clean_database: Database
) -> None:
    """Over real TCP, which takes no right; 127.0.0.1 refuses port 1, which is an answer."""
    target_id = add_target("127.0.0.1", method="tcp", tcp_port=1, every_s=10, count=2)
    with transaction(sessions, SYSTEM) as session:
        assert due.defer_probes(session, dt.datetime.now(dt.UTC)) == 1
    place = Workplace(allowing, sessions)
    asyncio.run(work(clean_database.app_url, place, [PROBE], wait=False))
    kept = one_sample(sessions, target_id)
    assert (kept["sent"], kept["received"], kept["way"]) == (2, 2, BY_TCP)
    with transaction(sessions, SYSTEM) as session:
        assert session.scalar(text("SELECT count(*) FROM procrastinate_jobs")) == 0


def test_probing_shares_no_process_with_pdf_rendering(settings: Settings) -> None:
    assert PROBE in POLLING_QUEUES
    assert PROBE not in OTHER_QUEUES
    assert BILL not in POLLING_QUEUES
    assert "probe" in {chime.name for chime in due.make_chimes(settings, "postgresql://x/y")}
