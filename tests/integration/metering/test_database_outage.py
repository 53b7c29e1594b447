"""PostgreSQL goes away and comes back while a real worker polls: nothing lost, nothing twice."""

from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from dcim.db import is_passing, make_sessions
from dcim.snmp.polling.keeping import OutcomeKeeper
from dcim.snmp.polling.recording import record_outcomes
from dcim.snmp.polling.room import PollingRoom
from dcim.snmp.polling.shards import poll_shard
from dcim.snmp.polling.spool import Spool
from tests.drills import database_outage
from tests.drills.database_outage import Figures, Outage
from tests.integration.metering.test_quick_polling import Switch, switch

__all__ = ["switch"]
INTERVAL_S = 3
NO_SPOOL = """
from dcim.snmp.polling import spool
def refuse(*_): raise spool.SpoolFullError("sabotaged")
spool.Spool.put = refuse
"""


def go_through(
    directory: Path, monkeypatch: pytest.MonkeyPatch, *, sabotage: str = "", kill: bool = False
) -> Figures:
    monkeypatch.setattr(database_outage, "SWITCHES", 3)
    outage = Outage(
        directory / "i", Random(7), print, INTERVAL_S, 4, sabotage=sabotage, kill_in_replay=kill
    )
    return outage.run()


def test_each_poll_of_an_outage_is_stored_once_at_its_own_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = go_through(tmp_path, monkeypatch)
    assert found.spooled_files >= 3
    assert found.during_outage >= 3 * 3 * database_outage.PORTS
    assert (found.wrong_ports, found.holes, found.left_in_spool) == (0, 0, 0)
    assert found.stored == found.counted > 0
    assert found.longest_span_ms < 1_900 * INTERVAL_S


def test_a_worker_killed_while_it_replays_stores_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = go_through(tmp_path, monkeypatch, kill=True)
    assert (found.wrong_ports, found.holes, found.left_in_spool) == (0, 0, 0)
    assert found.during_outage >= 3 * 3 * database_outage.PORTS


def test_without_the_spool_it_is_one_sample_of_the_whole_outage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control."""
    found = go_through(tmp_path, monkeypatch, sabotage=NO_SPOOL)
    assert found.during_outage == 0
    assert found.longest_span_ms > 3_000 * INTERVAL_S


def spool_three_polls(switch: Switch, then: Any) -> None:
    async def work(room: PollingRoom) -> None:
        switch.counted = {"a": 1_000}
        await poll_shard(room, 0)
        database = room.sessions
        url = database.kw["bind"].url.update_query_dict({"port": "1"})  # nobody listens there
        room.sessions = room.keeper.sessions = make_sessions(create_engine(url))
        for n in range(1, 4):
            switch.counted = {"a": 1_000 + 10 * n}
            assert await poll_shard(room, 0) == 1
        assert len(room.keeper.spool.waiting()) == 3
        assert room.keeper.replay_all() == 0
        room.sessions = room.keeper.sessions = database
        then(room)
        switch.counted = {"a": 1_031}
        await poll_shard(room, 0)
        assert room.keeper.spool.waiting() == []

    switch.run(work)


def test_a_replay_cut_off_between_commit_and_removal_changes_nothing(switch: Switch) -> None:
    def replay(room: PollingRoom) -> None:
        kept = {path: path.read_bytes() for path in room.keeper.spool.waiting()}
        assert room.keeper.replay_all() == 3
        for path, octets in kept.items():
            path.write_bytes(octets)
        # As the next process finds them: it remembers nothing.
        assert OutcomeKeeper(switch.settings, switch.sessions).replay_all() == 3

    spool_three_polls(switch, replay)
    assert switch.octets("a") == [10, 10, 10, 1]


def test_the_order_of_time_is_what_keeps_the_samples_apart(
    switch: Switch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: replayed newest first, older polls are too late to be samples of their own."""
    in_order = Spool.waiting

    def replay(room: PollingRoom) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(Spool, "waiting", lambda *given: in_order(*given)[::-1])
            room.keeper.replay_all()

    spool_three_polls(switch, replay)
    assert switch.octets("a") == [30, 1]


def test_newer_polls_wait_behind_older_ones(switch: Switch) -> None:
    """Nothing replays them here, so the poll that comes does, before its own."""
    spool_three_polls(switch, lambda room: None)
    assert switch.octets("a") == [10, 10, 10, 1]


def test_what_the_database_refuses_is_set_aside(
    switch: Switch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def replay(room: PollingRoom) -> None:
        calls: list[int] = []

        def refuse_first(session: Any, recorder: Any, outcomes: Any, now_ms: int) -> None:
            calls.append(now_ms)
            if len(calls) == 1:
                session.execute(text("SELECT 1 / 0"))
            record_outcomes(session, recorder, outcomes, now_ms)

        with monkeypatch.context() as patch:
            patch.setattr("dcim.snmp.polling.keeping.record_outcomes", refuse_first)
            assert room.keeper.replay_all() == 2
        assert room.keeper.spool.summary().damaged == 1

    spool_three_polls(switch, replay)
    assert switch.octets("a") == [20, 10, 1], "the next poll's delta covers the one that is missing"


def test_what_passes_by_itself_and_what_does_not(switch: Switch) -> None:
    def problem(statement: str) -> SQLAlchemyError:
        with pytest.raises(SQLAlchemyError) as caught, switch.sessions() as session:
            session.execute(text(statement))
        return caught.value

    assert not is_passing(problem("SELECT 1 / 0"))
    assert not is_passing(problem("SELECT * FROM nothing_of_that_name"))
    assert is_passing(problem("SELECT pg_terminate_backend(pg_backend_pid())"))
    assert is_passing(problem("SET TRANSACTION READ ONLY; UPDATE device SET name = name"))
