"""What agents and strangers send that isn't an answer is counted, by whom, exactly once."""

import socket
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event, select, text

from dcim.columns import utc_now
from dcim.db import SessionFactory, transaction
from dcim.demo.responder import Responder
from dcim.snmp.agents.drop_counts import KEPT_DAYS, add_drops, day_of, prune_drops, read_drops
from dcim.snmp.agents.models import PollDrop, SnmpAgent
from dcim.snmp.polling.outcome_codec import Batch, decode, encode
from dcim.snmp.polling.port_recording import PortRecorder
from dcim.snmp.polling.recording import Outcome, record_outcomes
from dcim.snmp.polling.room import PollingRoom
from dcim.snmp.polling.shards import poll_shard
from dcim.snmp.wire import ber
from tests.integration.metering.test_quick_polling import SYSTEM, Switch
from tests.integration.metering.test_quick_polling import switch as switch  # noqa: PLC0414


def counted(sessions: SessionFactory) -> dict[tuple[bool, str], int]:
    """By whether it is an agent's, and reason."""
    with transaction(sessions, SYSTEM) as session:
        rows = session.execute(select(PollDrop.agent_id, PollDrop.reason, PollDrop.count))
        return {(agent_id is not None, reason): count for agent_id, reason, count in rows}


def send_first(monkeypatch: pytest.MonkeyPatch, stranger: socket.socket) -> list[int]:
    """Have rubbish, an answer to nothing and a stranger's datagram before each answer. The list
    gets an entry for each answer.
    """
    answers: list[int] = []

    def send(sock: socket.socket, reply: bytes, peer: Any) -> None:
        told = ber.decode_message(reply)
        sock.sendto(b"\x30\x82 no BER", peer)
        sock.sendto(ber.encode_message(told._replace(request_id=told.request_id ^ 1)), peer)
        stranger.sendto(b"hello", peer)
        sock.sendto(reply, peer)
        answers.append(1)

    monkeypatch.setattr(Responder, "_send", staticmethod(send))
    return answers


def test_drops_are_kept_by_agent_and_reason_by_either_engine(
    switch: Switch, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        answers = send_first(monkeypatch, stranger)

        async def work(room: PollingRoom) -> None:
            for quickly in (False, True):
                before, had = len(answers), counted(switch.sessions)
                assert await poll_shard(room, 0) == 1
                assert switch.whole == 1
                now = counted(switch.sessions)
                came = len(answers) - before
                assert came > 2
                new = {key: count - had.get(key, 0) for key, count in now.items()}
                assert new.pop((True, "malformed")) == came
                assert new.pop((True, "unknown_request_id")) == came
                # The sweep doesn't read what comes from an address it doesn't ask.
                assert new.pop((False, "wrong_source" if quickly else "malformed")) == came
                assert not any(new.values())

        switch.run(work)


def test_a_clean_poll_writes_no_row(switch: Switch) -> None:
    statements: list[str] = []

    async def work(room: PollingRoom) -> None:
        await poll_shard(room, 0)
        bind = switch.sessions.kw["bind"]
        event.listen(bind, "before_cursor_execute", lambda c, k, s, *r: statements.append(s))
        await poll_shard(room, 0)

    switch.run(work)
    assert statements
    assert not [each for each in statements if "poll_drop" in each]
    assert counted(switch.sessions) == {}


def test_what_had_to_be_asked_again_is_counted(switch: Switch) -> None:
    lost = [1]

    def lose_some(request: Any) -> bool:
        lost[0] -= 1
        return lost[0] < 0

    async def work(room: PollingRoom) -> None:
        await poll_shard(room, 0)
        monkey.setattr(switch.agent, "_listens_to", lose_some)
        assert await poll_shard(room, 0) == 1

    with pytest.MonkeyPatch.context() as monkey:
        switch.run(work)
    assert counted(switch.sessions) == {(True, "unanswered"): 1}


def outcome_of(session: Any, at_ms: int, drops: Mapping[str, int]) -> Outcome:
    agent = session.scalars(select(SnmpAgent)).one()
    return Outcome(agent.id, agent.device_id, at_ms, drops=drops, strays={"wrong_source": 5})


def test_what_is_recorded_again_is_counted_once(switch: Switch) -> None:
    """As after a crash between a commit and the removal of the spooled file."""
    now = time.time_ns() // 1_000_000
    with transaction(switch.sessions, SYSTEM) as session:
        first = outcome_of(session, now - 60_000, {"malformed": 2})
        second = outcome_of(session, now, {"malformed": 3, "late": 1})
    for each in (first, second, second, first):
        (again,) = decode(encode(Batch(0, (each,)))).outcomes
        with transaction(switch.sessions, SYSTEM) as session:
            record_outcomes(session, PortRecorder(), [again], now)
    expected = {(True, "malformed"): 5, (True, "late"): 1, (False, "wrong_source"): 10}
    assert counted(switch.sessions) == expected


def test_without_the_guard_it_would_be_counted_twice(
    switch: Switch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dcim.snmp.polling.recording._is_later", lambda outcome, last_at: True)
    now = time.time_ns() // 1_000_000
    with transaction(switch.sessions, SYSTEM) as session:
        each = outcome_of(session, now, {"malformed": 2})
    for _ in range(2):
        with transaction(switch.sessions, SYSTEM) as session:
            record_outcomes(session, PortRecorder(), [each], now)
    assert counted(switch.sessions)[True, "malformed"] == 4


def test_one_statement_for_a_batch(switch: Switch) -> None:
    statements: list[str] = []
    bind = switch.sessions.kw["bind"]
    event.listen(bind, "before_cursor_execute", lambda c, k, s, *r: statements.append(s))
    now = time.time_ns() // 1_000_000
    with transaction(switch.sessions, SYSTEM) as session:
        one = outcome_of(session, now, {"malformed": 2, "late": 7, "unanswered": 1})
        record_outcomes(session, PortRecorder(), [one, replace(one, strays={"late": 1})], now)
    assert len([each for each in statements if "poll_drop" in each]) == 1
    assert counted(switch.sessions)[True, "late"] == 14


def test_sums_by_time_and_what_is_pruned(switch: Switch) -> None:
    now = utc_now()
    today = day_of(now)
    with transaction(switch.sessions, SYSTEM) as session:
        agent_id = session.scalars(select(SnmpAgent.id)).one()
        days = {0: 1, 6: 10, 7: 100, 29: 1_000, 30: 10_000, KEPT_DAYS: 1, KEPT_DAYS + 1: 1}
        add_drops(session, {(agent_id, today - ago, "late"): n for ago, n in days.items()})
        add_drops(session, {(None, today, "wrong_source"): 3})
        (found,) = read_drops(session, agent_id, now)
        assert (found.today, found.week, found.month) == (1, 11, 1_111)
        assert [(each.reason, each.today) for each in read_drops(session, None, now)] == [
            ("wrong_source", 3)
        ]
        assert prune_drops(session, now) == 1
        assert session.scalar(text("SELECT min(day) FROM poll_drop")) == today - KEPT_DAYS
        session.delete(session.get_one(SnmpAgent, agent_id))
        session.flush()
        assert session.scalar(text("SELECT count(*) FROM poll_drop")) == 1
