"""A dead panel in the live round: one alarm is told, the rest stands under it."""

import datetime as dt
from collections.abc import Sequence

import pytest
from sqlalchemy import select

from dcim.accounts.scope import Scope
from dcim.alarms import rooting
from dcim.alarms.correlation.folding import Correlation
from dcim.alarms.correlation.subjects import Raised
from dcim.alarms.defaults import ensure_rules
from dcim.alarms.models import Alarm, AlarmEvent, AlarmRule
from dcim.alarms.queries import AlarmFilter, list_alarms
from dcim.alarms.rooting import find_hit_customers, put_under_roots
from dcim.alarms.telling import tell_alarms
from dcim.config import EncryptionKeys, Settings
from dcim.db import ScopedSession
from dcim.errors import ForbiddenError
from dcim.outbox.models import Endpoint, OutboxMessage
from dcim.paging import EVERYTHING
from tests.integration.alarms.correlation.hall import NOW, Hall, lose_panel

STAFF = Scope.system("test")
LATER = NOW + dt.timedelta(minutes=5)
# What the built-in rules raise of what the hall says: they have none of racks, machines, services.
RULES = {
    ("power_node", "down"): "node-dead",
    ("power_node", "overload"): "node-overloaded",
    ("agent", "silent"): "agent-silent",
    ("port", "down"): "port-down",
}
KINDS = {"power_node": "node", "agent": "agent", "port": "port"}


def raise_all(session: ScopedSession, raised: Sequence[Raised]) -> list[Alarm]:
    ensure_rules(session)
    rules = {rule.code: rule for rule in session.scalars(select(AlarmRule))}
    alarms = []
    for one in raised:
        code = RULES.get((one.subject.kind, one.trouble))
        if code is None:
            continue
        at = dt.datetime.fromtimestamp(one.at / 1000, dt.UTC)
        alarms.append(
            Alarm(
                rule=rules[code], subject_kind=KINDS[one.subject.kind], subject_id=one.subject.id,
                label=f"{one.subject.kind} {one.subject.id}", severity=rules[code].severity,
                began_at=at, raised_at=at, seen_at=at, value=1, limit=1,
            )
        )  # fmt: skip
    session.add_all(alarms)
    session.flush()
    return alarms


def list_open(session: ScopedSession) -> list[Alarm]:
    return list(session.scalars(select(Alarm).where(Alarm.cleared_at.is_(None))))


@pytest.fixture
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(
        data=tmp_path_factory.mktemp("alarms"),
        secret_key="q7Vt1mZxJ4kBw8Rc0LsYpHd3NfUe9GaT",
        encryption=EncryptionKeys("k1", {"k1": bytes(32)}),
        database_url="",
        owner_database_url="",
    )


@pytest.fixture
def endpoint(session: ScopedSession) -> Endpoint:
    one = Endpoint(
        name="noc", kind="webhook", url="https://hooks.example.com/x",
        events=["alarm.raised", "alarm.cleared"], created_at=NOW,
    )  # fmt: skip
    session.add(one)
    session.flush()
    return one


def test_one_alarm_is_told_and_the_rest_stands_under_it(
    session: ScopedSession, hall: Hall, settings: Settings, endpoint: Endpoint
) -> None:
    alarms = raise_all(session, lose_panel(hall))
    # 30 racks with breaker, PDU and its card; 8 dead switches; 24 ports; both panels.
    assert len(alarms) == 30 * 3 + 8 + 24 + 2
    assert put_under_roots(session, alarms, LATER) == len(alarms) - 1
    [root] = [alarm for alarm in alarms if alarm.root_id is None]
    assert (root.subject_kind, root.subject_id) == ("node", hall.nodes["RPP-A"])
    assert {alarm.root_id for alarm in alarms if alarm is not root} == {root.id}
    # Again changes nothing, and writes no history.
    assert put_under_roots(session, alarms, LATER) == 0
    told = session.scalars(select(AlarmEvent).where(AlarmEvent.kind == "folded")).all()
    assert {event.text for event in told} == {root.label}
    assert len(told) == len(alarms) - 1
    # Its page says whom it hits; a consequence's says what it follows from.
    consequence = next(one for one in alarms if one is not root and one.subject_kind == "agent")
    assert find_hit_customers(session, STAFF, consequence.id, LATER) == []
    # One message, about one alarm.
    tell_alarms(session, settings, [], LATER)
    [message] = session.scalars(select(OutboxMessage)).all()
    assert message.payload is not None
    assert [one["id"] for one in message.payload["alarms"]] == [root.id]
    assert message.payload["severity"] == "critical"
    # The list shows the cause alone, with how much follows from it.
    shown = list_alarms(session, STAFF, AlarmFilter(show="causes"), EVERYTHING, now=LATER).items
    assert [(one.id, one.consequences) for one in shown] == [(root.id, len(alarms) - 1)]
    hits = find_hit_customers(session, STAFF, root.id, LATER)
    assert {one.customer.code: one.how for one in hits} == {
        "Cedar": "down", "Dogwood": "down", "Fir": "down",
        "Ash": "machines", "Birch": "no_redundancy", "Gorse": "no_redundancy",
    }  # fmt: skip


def test_without_folding_each_would_be_told(
    session: ScopedSession, hall: Hall, settings: Settings, endpoint: Endpoint,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The control."""
    alarms = raise_all(session, lose_panel(hall))
    monkeypatch.setattr(rooting, "correlate", lambda *given: Correlation({}))
    assert put_under_roots(session, alarms, LATER) == 0
    tell_alarms(session, settings, [], LATER)
    [message] = session.scalars(select(OutboxMessage)).all()
    assert message.payload is not None
    assert message.payload["count"] == len(alarms)


def test_what_stays_when_its_cause_is_over_is_told_then(
    session: ScopedSession, hall: Hall, settings: Settings, endpoint: Endpoint
) -> None:
    alarms = raise_all(session, lose_panel(hall))
    put_under_roots(session, alarms, LATER)
    tell_alarms(session, settings, [], LATER)
    stays = next(
        alarm for alarm in alarms
        if (alarm.subject_kind, alarm.subject_id) == ("node", hall.nodes["R-25-AQ"])
    )  # fmt: skip
    over = [alarm for alarm in alarms if alarm is not stays]
    for alarm in over:
        alarm.cleared_at, alarm.ending = LATER, "cleared"
    session.flush()
    assert put_under_roots(session, list_open(session), LATER) == 1
    assert stays.root_id is None
    tell_alarms(session, settings, over, LATER)
    raised, cleared = [
        [one.payload for one in session.scalars(
            select(OutboxMessage).where(OutboxMessage.event == event).order_by(OutboxMessage.id)
        )]
        for event in ("alarm.raised", "alarm.cleared")
    ]  # fmt: skip
    assert [[one["id"] for one in payload["alarms"]] for payload in raised if payload][-1] == [
        stays.id
    ]
    # Over is told of the one that was told, and of no consequence.
    assert [payload["count"] for payload in cleared if payload] == [1]


def test_a_trip_is_told_though_the_load_was_warned_of(
    session: ScopedSession, hall: Hall, settings: Settings, endpoint: Endpoint
) -> None:
    ensure_rules(session)
    rules = {rule.code: rule for rule in session.scalars(select(AlarmRule))}
    alarms = []
    for minute, code in ((0, "node-load"), (4, "node-overloaded"), (8, "node-dead")):
        at = NOW + dt.timedelta(minutes=minute)
        alarms.append(
            Alarm(
                rule=rules[code], subject_kind="node", subject_id=hall.nodes["R-25-AQ"],
                label="R-25-AQ", severity=rules[code].severity,
                began_at=at, raised_at=at, seen_at=at, value=100, limit=90,
            )
        )  # fmt: skip
        session.add(alarms[-1])
        session.flush()
        put_under_roots(session, alarms, at)
        tell_alarms(session, settings, [], at)
    told = session.scalars(select(OutboxMessage).order_by(OutboxMessage.id)).all()
    assert [one.payload["severity"] for one in told if one.payload] == [
        "warning", "major", "critical",
    ]  # fmt: skip


def test_what_follows_from_nothing_is_left_alone(session: ScopedSession, hall: Hall) -> None:
    ensure_rules(session)
    rule = session.scalars(select(AlarmRule).where(AlarmRule.code == "port-busy")).one()
    busy = [
        Alarm(
            rule=rule, subject_kind="port", subject_id=hall.ports[name], label=name,
            severity="warning", began_at=NOW, raised_at=NOW, seen_at=NOW, value=95, limit=90,
        )
        for name in ("sw-01 up", "core 1")
    ]  # fmt: skip
    session.add_all(busy)
    session.flush()
    assert put_under_roots(session, busy, LATER) == 0
    assert find_hit_customers(session, STAFF, busy[0].id, LATER) == []
    with pytest.raises(ForbiddenError):
        find_hit_customers(session, Scope.customer("c", 1), busy[0].id, LATER)
