"""An alarm becomes an incident by one click, once; what measurement found already is linked."""

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import func, select

from dcim.accounts.models import AuditEntry
from dcim.accounts.people import create_person, ensure_roles
from dcim.accounts.scope import Scope
from dcim.alarms import incident_rounds, rounds
from dcim.alarms.incident_opening import About, open_incident, suggest_incident
from dcim.alarms.models import Alarm, AlarmEvent
from dcim.alarms.queries import AlarmFilter, find_alarm, list_alarms
from dcim.alarms.rounds import run_round
from dcim.alarms.rule_keeping import change_rule
from dcim.db import ScopedSession, SessionFactory, transaction
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from dcim.metering.store import PostgresSampleStore
from dcim.power.models import PowerNode
from dcim.sla.incidents import derive_incidents
from dcim.sla.manual_incidents import ManualIncident
from dcim.sla.models import Incident, IncidentImpact
from tests.integration.alarms.conftest import STAFF, Watch
from tests.integration.notices.people import CHEAP
from tests.integration.web.boards import Counter

NETWORK = select(Incident).where(Incident.kind == "network")


@pytest.fixture
def ann(watch: Watch) -> Scope:
    ensure_roles(watch.session)
    create_person(
        watch.session, STAFF, email="ann@example.com", name="Ann", role="noc", hash_password=CHEAP
    )
    watch.session.commit()
    return Scope.staff("ann@example.com")


def port_down(watch: Watch, minute: float = 1) -> Alarm:
    watch.sample(minute, state=2)
    watch.round(minute + 0.1)
    return watch.alarms("port-down")[-1]


def words(watch: Watch, alarm: Alarm, ended: dt.datetime | None = None) -> ManualIncident:
    return ManualIncident(alarm.began_at, ended, "光缆中断", "Fibre cut", "告警")


def test_it_is_recorded_about_what_the_alarm_is_on_and_linked_both_ways(
    watch: Watch, ann: Scope
) -> None:
    alarm = port_down(watch)
    given = suggest_incident(watch.session, ann, alarm.id, watch.at(2))
    assert (given.known_id, given.subject_kind, given.subject) == (None, "port", alarm.label)
    assert (given.kind, given.started_at, given.ended_at) == ("network", watch.at(1), None)
    assert (given.cause, given.cause_en) == ("客户端口 down", "Customer port down")
    assert [hit.customer.code for hit in given.hits] == ["C-A"]
    row = open_incident(watch.session, ann, alarm.id, None, words(watch, alarm), now=watch.at(2))
    assert (row.manual, row.subject, row.kind) == (True, f"port/{watch.port_id}", "network")
    assert [impact.customer_id for impact in row.impacts] == [watch.tenant.customer_id]
    assert find_alarm(watch.session, ann, alarm.id).incident_id == row.id
    shown = list_alarms(watch.session, ann, AlarmFilter(incident_id=row.id), now=watch.at(2)).items
    assert [one.id for one in shown] == [alarm.id]
    assert watch.events(alarm)[-1] == "incident"
    deeds = watch.session.scalars(
        select(AuditEntry.action)
        .where(AuditEntry.actor == "ann@example.com")
        .order_by(AuditEntry.id)
    ).all()
    assert deeds == ["incident.record", "alarm.incident"]


def test_a_second_click_says_which_there_is(watch: Watch, ann: Scope) -> None:
    alarm = port_down(watch)
    row = open_incident(watch.session, ann, alarm.id, None, words(watch, alarm), now=watch.at(2))
    for attempt in (
        lambda: open_incident(watch.session, ann, alarm.id, None, words(watch, alarm)),
        lambda: suggest_incident(watch.session, ann, alarm.id),
    ):
        with pytest.raises(ConflictError, match=f"INC-{row.id} is this alarm's incident"):
            attempt()
    assert len(watch.session.scalars(NETWORK).all()) == 1


def test_a_click_while_a_round_opens_it_waits_and_is_refused(
    watch: Watch, ann: Scope, sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One has the alarm until commit: the round goes first, the click then finds what it did."""
    alarm = port_down(watch)
    change_rule(watch.session, STAFF, watch.rule("port-down").id, {"incident_after_min": 0})
    watch.session.commit()
    alarm_id, wanted = alarm.id, words(watch, alarm)
    watch.session.commit()
    opened, clicked = threading.Event(), threading.Event()
    real = incident_rounds._record

    def record_slowly(*args: Any) -> Incident:
        row = real(*args)
        opened.set()
        assert clicked.wait(10)
        return row

    monkeypatch.setattr(incident_rounds, "_record", record_slowly)

    def run() -> None:
        with transaction(sessions, STAFF) as session:
            run_round(session, watch.settings, watch.at(2))

    def click() -> None:
        assert opened.wait(10)
        with transaction(sessions, ann) as session:
            # The round goes on when the click has long come to wait for the alarm.
            threading.Timer(0.3, clicked.set).start()
            open_incident(session, ann, alarm_id, None, wanted, watch.at(2))

    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(run), pool.submit(click)]
        runs[0].result()
        with pytest.raises(ConflictError, match="is this alarm's incident already"):
            runs[1].result()
    assert len(watch.session.scalars(NETWORK).all()) == 1


def test_a_click_on_what_a_round_then_writes_of_holds_nothing_that_it_wants(
    watch: Watch, ann: Scope, sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The round has the turn to keep incidents when it comes to the clicked alarm's history."""
    port_down(watch)
    watch.sample(2, state=2, port=1)
    watch.round(2.1)
    clicked_one = watch.alarms("port-down")[-1]
    # By its rule the first alone opens an incident.
    clicked_one.flapping = True
    change_rule(watch.session, STAFF, watch.rule("port-down").id, {"incident_after_min": 0})
    alarm_id, wanted = clicked_one.id, words(watch, clicked_one)
    watch.session.commit()
    holding, clicked = threading.Event(), threading.Event()

    def escalate_slowly(session: ScopedSession, *_args: Any) -> list[int]:
        holding.set()
        assert clicked.wait(10)
        session.add(AlarmEvent(alarm_id=alarm_id, at=watch.at(3), kind="escalated"))
        session.flush()
        return []

    monkeypatch.setattr(rounds, "escalate", escalate_slowly)

    def run() -> None:
        with transaction(sessions, STAFF) as session:
            run_round(session, watch.settings, watch.at(3))

    def click() -> None:
        assert holding.wait(10)
        with transaction(sessions, ann) as session:
            threading.Timer(0.3, clicked.set).start()
            open_incident(session, ann, alarm_id, None, wanted, watch.at(3))

    with ThreadPoolExecutor(2) as pool:
        for each in [pool.submit(run), pool.submit(click)]:
            each.result()
    assert len(watch.session.scalars(NETWORK).all()) == 2


def test_a_consequence_has_its_roots_incident(watch: Watch, ann: Scope) -> None:
    root = port_down(watch)
    below = Alarm(
        rule=watch.rule("agent-silent"), subject_kind="agent", subject_id=1, label="x",
        severity="major", began_at=root.began_at, raised_at=root.raised_at, seen_at=root.seen_at,
        value=200, limit=180, root_id=root.id,
    )  # fmt: skip
    watch.session.add(below)
    watch.session.flush()
    with pytest.raises(ConflictError, match="open the incident of that alarm"):
        open_incident(watch.session, ann, below.id, None, words(watch, below), now=watch.at(2))
    row = open_incident(watch.session, ann, root.id, None, words(watch, root), now=watch.at(2))
    with pytest.raises(ConflictError, match="incident of what it follows from"):
        suggest_incident(watch.session, ann, below.id)
    assert find_alarm(watch.session, ann, below.id).incident_id == row.id
    wanted = AlarmFilter(incident_id=row.id)
    assert list_alarms(watch.session, ann, wanted, now=watch.at(2)).total == 2


def test_what_was_measured_is_linked_and_nothing_recorded_twice(watch: Watch, ann: Scope) -> None:
    alarm = port_down(watch)
    for minute in (2, 3, 4):
        watch.sample(minute, state=2)
    end = round(watch.at(4.1).timestamp() * 1000)
    derive_incidents(watch.session, PostgresSampleStore(), end - 600_000, end, now_ms=end)
    measured = watch.session.scalars(NETWORK).one()
    assert suggest_incident(watch.session, ann, alarm.id).known_id == measured.id
    # Words aren't asked for, and don't count where they are given.
    row = open_incident(watch.session, ann, alarm.id, None, None, now=watch.at(5))
    assert (row.id, row.manual) == (measured.id, False)
    assert watch.session.scalar(select(func.count()).select_from(NETWORK.subquery())) == 1


def test_what_was_measured_at_another_time_or_of_another_port_is_another(
    watch: Watch, ann: Scope
) -> None:
    """The control of finding it: neither time nor subject alone makes it the same."""
    alarm = port_down(watch)
    hour = dt.timedelta(hours=1)
    mine, other = (f"port/OPERATOR-SWITCH/A/{number}" for number in (0, 1))
    for key, name, start, end in (
        ("old", mine, watch.at(1) - 3 * hour, watch.at(1) - hour),
        ("other", other, watch.at(1), None),
    ):
        watch.session.add(
            Incident(
                key=f"network:{key}:1",
                kind="network",
                started_at=start,
                ended_at=end,
                what="x",
                what_en="x",
                evidence=[{"resource": name}],
            )
        )
    watch.session.flush()
    assert suggest_incident(watch.session, ann, alarm.id).known_id is None
    row = open_incident(watch.session, ann, alarm.id, None, words(watch, alarm), now=watch.at(2))
    assert row.manual


def test_a_dead_panel_finds_the_loss_that_its_feeds_showed(watch: Watch, ann: Scope) -> None:
    node = watch.session.scalars(select(PowerNode).where(PowerNode.code.like("%-A-A"))).one()
    alarm = Alarm(
        rule=watch.rule("node-dead"), subject_kind="node", subject_id=node.id, label=node.code,
        severity="critical", began_at=watch.at(0), raised_at=watch.at(0), seen_at=watch.at(0),
        value=1, limit=1,
    )  # fmt: skip
    both = Incident(
        key=f"power:{node.code} + OTHER:1", kind="power", started_at=watch.at(0), what="x",
        what_en="x", evidence=[{"resource": f"feed/{node.code}"}, {"resource": "feed/OTHER"}],
    )  # fmt: skip
    above = Incident(
        key="power_feed:UPS:1", kind="power_feed", started_at=watch.at(-1), what="x", what_en="x",
        evidence=[{"resource": f"feed/{node.code}"}],
    )  # fmt: skip
    own = Incident(
        key=f"power_feed:{node.code}:1", kind="power_feed", started_at=watch.at(-1), what="x",
        what_en="x", evidence=[{"resource": f"feed/{node.code}"}],
    )  # fmt: skip
    watch.session.add_all([alarm, both, above, own])
    watch.session.flush()
    # Dark cabinets before a feed lost, and what bears its name before what began earlier.
    assert suggest_incident(watch.session, ann, alarm.id).known_id == both.id
    watch.session.delete(both)
    watch.session.flush()
    assert suggest_incident(watch.session, ann, alarm.id).known_id == own.id
    watch.session.delete(own)
    watch.session.flush()
    assert suggest_incident(watch.session, ann, alarm.id).known_id == above.id


def test_only_a_person_and_only_with_words_about_something(watch: Watch, ann: Scope) -> None:
    alarm = port_down(watch)
    with pytest.raises(ForbiddenError):
        open_incident(watch.session, STAFF, alarm.id, None, words(watch, alarm), now=watch.at(2))
    with pytest.raises(InvalidError, match="how it is known"):
        open_incident(watch.session, ann, alarm.id, None, None, now=watch.at(2))
    with pytest.raises(NotFoundError):
        open_incident(watch.session, ann, 10**9, None, None)
    silent = Alarm(
        rule=watch.rule("agent-silent"), subject_kind="agent", subject_id=1, label="x",
        severity="major", began_at=alarm.began_at, raised_at=alarm.raised_at,
        seen_at=alarm.seen_at, value=200, limit=180,
    )  # fmt: skip
    watch.session.add(silent)
    watch.session.flush()
    with pytest.raises(InvalidError, match="doesn't tell what customers lost"):
        open_incident(watch.session, ann, silent.id, None, words(watch, silent), now=watch.at(2))
    about = About("port", watch.port_id, "network")
    row = open_incident(watch.session, ann, silent.id, about, words(watch, silent), watch.at(2))
    assert row.subject == f"port/{watch.port_id}"
    assert watch.session.scalar(select(func.count()).where(IncidentImpact.incident_id == row.id))


def test_the_alarms_of_an_incident_cost_the_same_however_many(watch: Watch, ann: Scope) -> None:
    root = port_down(watch)
    row = open_incident(watch.session, ann, root.id, None, words(watch, root), now=watch.at(2))
    incident_id, root_id = row.id, root.id

    def cost() -> int:
        watch.session.commit()
        with Counter(watch.session.get_bind()) as counter:  # type: ignore[arg-type]
            list_alarms(watch.session, ann, AlarmFilter(incident_id=incident_id), now=watch.at(2))
        return counter.count

    few = cost()
    for number in range(20):
        watch.session.add(
            Alarm(
                rule=watch.rule("agent-silent"),
                subject_kind="agent",
                subject_id=number + 1,
                label="x",
                severity="major",
                began_at=watch.at(1),
                raised_at=watch.at(1),
                seen_at=watch.at(1),
                value=200,
                limit=180,
                root_id=root_id,
            )
        )
    assert cost() == few
