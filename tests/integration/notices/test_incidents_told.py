"""Incidents are told to the people of whom they concern: what is new, once, in their own words."""

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from dcim.config import Settings
from dcim.db import ScopedSession
from dcim.metering.store import PostgresSampleStore
from dcim.sla.incident_telling import NEWS_FOR, SETTLED, tell_incidents
from dcim.sla.incidents import derive_incidents
from dcim.sla.manual_incidents import ManualIncident, record_incident
from dcim.sla.models import Incident, IncidentImpact, ToldIncident
from dcim.statements.recorded_incidents import edit_incident
from tests.integration.metering.test_observations import (
    DOUBLE,
    LOSS,
    PORT_DOWN,
    START,
    World,
    build,
    instant,
)
from tests.integration.notices.people import SENDER, choose, enter, mails, queued
from tests.integration.power.test_outages import counting
from tests.integration.statements.incident_desk import MINUTE, NOON, IncidentDesk

M = 60_000
STORE = PostgresSampleStore()
DAY = dt.timedelta(days=1)


@pytest.fixture
def world(session: ScopedSession) -> World:
    session.info["sender"] = SENDER
    return build(session)


def derive(session: ScopedSession, minute: int) -> None:
    """As the job does at that minute of October: the last three hours."""
    now = START + minute * M
    derive_incidents(session, STORE, now - 180 * M, now, now_ms=now)


def test_it_began_and_is_over_each_told_once(session: ScopedSession, world: World) -> None:
    own, other = world.customers
    enter(session, own, "own", language="en")
    enter(session, other, "stranger")
    began, ended = PORT_DOWN
    for minute in (began + 10, began + 11, began + 12):
        derive(session, minute)
    assert queued(session) == [("own", "incident.interruption")]
    # It may go on within a few minutes, and then is the same incident.
    derive(session, ended + 1)
    assert len(queued(session)) == 1
    for minute in (ended + 4, ended + 5, ended + 60):
        derive(session, minute)
    assert queued(session) == [("own", "incident.interruption")] * 2
    first, last = mails(session, "own")
    assert first.title.startswith("Example Port: Incident INC-")
    assert "began: Port down" in first.title
    assert "still open" in first.text
    assert "is over: Port down" in last.title
    assert f"{instant(began) + dt.timedelta(hours=8):%Y-%m-%d %H:%M} to" in last.text
    # Neither of the operator's devices, nor whose else.
    assert "sw" not in (first.text + last.text).split()
    assert "ge1" not in first.text + last.text


def test_an_interruption_and_lost_redundancy_are_chosen_apart(
    session: ScopedSession, world: World
) -> None:
    own, _other = world.customers
    both, redundant, hard = (enter(session, own, name) for name in ("both", "redundant", "hard"))
    choose(session, redundant, incident_interruption=False, incident_redundancy=True)
    choose(session, hard, incident_redundancy=False)
    choose(session, both, incident_redundancy=True)
    derive(session, LOSS[0] + 10)
    assert queued(session) == [
        ("both", "incident.redundancy"),
        ("redundant", "incident.redundancy"),
    ]
    before = len(queued(session))
    derive(session, DOUBLE[0] + 10)
    told = queued(session)[before:]
    assert ("hard", "incident.interruption") in told
    assert ("both", "incident.interruption") in told
    assert ("redundant", "incident.interruption") not in told
    assert "失去冗余" in mails(session, "redundant")[0].text


def test_another_customers_loss_is_not_told(session: ScopedSession, world: World) -> None:
    enter(session, world.customers[1], "stranger")
    derive(session, PORT_DOWN[0] + 10)
    assert queued(session) == []
    # The control: what hits both is told to them.
    derive(session, DOUBLE[0] + 10)
    assert ("stranger", "incident.interruption") in queued(session)


def test_what_was_over_long_ago_is_no_news(session: ScopedSession, world: World) -> None:
    enter(session, world.customers[0], "own")
    ended = PORT_DOWN[1]
    late = ended + int(NEWS_FOR.total_seconds()) // 60 + 1
    derive(session, late)
    assert [event for _, event in queued(session)].count("incident.interruption") == 0
    # Looking back at an old stretch isn't either.
    edge = START + (ended + 10) * M
    derive_incidents(session, STORE, edge - 180 * M, edge, now_ms=edge + 86_400_000)
    assert [event for _, event in queued(session)].count("incident.interruption") == 0
    # The control: looked at in time, all of it is told in one.
    session.query(Incident).delete()
    derive(session, ended + 10)
    [mail] = [one for one in mails(session, "own") if one.event == "incident.interruption"]
    assert "已恢复" in mail.title


def measured(session: ScopedSession, customer_id: int, **given: Any) -> Incident:
    row = Incident(
        **{"key": "network:sw ge9:1", "kind": "network", "what": "x", "what_en": "x"} | given
    )
    row.impacts.append(IncidentImpact(customer_id=customer_id, severity="down"))
    session.add(row)
    session.flush()
    return row


def test_one_that_comes_back_and_one_whose_end_moves(session: ScopedSession, world: World) -> None:
    own = world.customers[0]
    enter(session, own, "own", language="en")
    row = measured(session, own, started_at=NOON)
    tell_incidents(session, [row], NOON + MINUTE)
    row.ended_at = NOON + 10 * MINUTE
    tell_incidents(session, [row], row.ended_at + SETTLED)
    row.ended_at = None
    tell_incidents(session, [row], NOON + 15 * MINUTE)
    row.ended_at = NOON + 20 * MINUTE
    # Not settled, then settled, then moved by a poll, then by more.
    tell_incidents(session, [row], row.ended_at + SETTLED - dt.timedelta(milliseconds=1))
    tell_incidents(session, [row], row.ended_at + SETTLED)
    row.ended_at += MINUTE
    tell_incidents(session, [row], row.ended_at + SETTLED)
    row.ended_at += 5 * MINUTE
    tell_incidents(session, [row], row.ended_at + SETTLED)
    words = [one.title.split(" ", 4)[4] for one in mails(session, "own")]
    assert words == [
        "began: Port down", "is over: Port down", "changed: Port down", "is over: Port down",
        "changed: Port down",
    ]  # fmt: skip


def test_a_person_without_a_choice_isnt_told_of_temperatures(
    session: ScopedSession, world: World
) -> None:
    own = world.customers[0]
    user = enter(session, own, "own")
    row = measured(session, own, started_at=NOON, kind="temperature")
    row.impacts[0].severity = "information"
    tell_incidents(session, [row], NOON + MINUTE)
    assert queued(session) == []
    # What was told is remembered for the customer: who switches it on hears of what comes next.
    choose(session, user, incident_information=True)
    tell_incidents(session, [row], NOON + 2 * MINUTE)
    assert queued(session) == []
    row.ended_at = NOON + 10 * MINUTE
    tell_incidents(session, [row], row.ended_at + SETTLED)
    assert queued(session) == [("own", "incident.information")]


def test_recorded_corrected_and_not_theirs_after_all(
    session: ScopedSession, settings: Settings
) -> None:
    desk = IncidentDesk(session, settings)
    session.info["sender"] = SENDER
    customer = desk.contract.customer_id
    enter(session, customer, "own")
    enter(session, customer - 1, "stranger")
    wanted = ManualIncident(NOON + DAY, None, "施工挖断", "Fibre cut", "电话报障")
    row = record_incident(session, desk.ann, "port", desk.port_id, "network", wanted)
    for end in (NOON + DAY + 30 * MINUTE, NOON + DAY + 30 * MINUTE, NOON + DAY + 31 * MINUTE):
        again = ManualIncident(NOON + DAY, end, "施工挖断", "Fibre cut", "电话报障")
        edit_incident(session, desk.bob, row.id, again)
    told = mails(session, "own")
    assert [one.title.partition("INC-")[2].split(" ", 1)[1] for one in told] == [
        "发生：端口中断", "已恢复：端口中断", "有变更：端口中断",
    ]  # fmt: skip
    # Why and by whom it was recorded is for staff.
    assert all("挖断" not in one.text and "ann" not in one.text for one in told)
    row.impacts.clear()
    session.flush()
    tell_incidents(session, [row], NOON + 2 * DAY)
    tell_incidents(session, [row], NOON + 2 * DAY)
    assert "不涉及贵方" in mails(session, "own")[3].title
    assert len(queued(session)) == 4
    assert not mails(session, "stranger")


def test_nothing_is_remembered_without_a_mail_server(session: ScopedSession) -> None:
    world = build(session)
    enter(session, world.customers[0], "own")
    derive(session, PORT_DOWN[0] + 10)
    assert session.scalars(select(ToldIncident)).all() == []
    session.info["sender"] = SENDER
    derive(session, PORT_DOWN[0] + 11)
    assert queued(session) == [("own", "incident.interruption")]


def test_quiet_runs_cost_one_statement(session: ScopedSession, world: World) -> None:
    enter(session, world.customers[0], "own")
    derive(session, DOUBLE[0] + 10)
    rows = session.scalars(select(Incident)).all()
    assert len(rows) > 1
    for few in (rows[:1], rows):
        with counting(session) as statements:
            tell_incidents(session, few, instant(DOUBLE[0] + 11))
        assert len(statements) == 1
