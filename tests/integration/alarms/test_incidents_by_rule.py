"""What a rule has its alarms do: an incident once, customers told of their own part; and not."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import delete, func, select, update

from dcim.alarms import incident_rounds
from dcim.alarms.incident_rounds import do_by_rule
from dcim.alarms.models import Alarm, AlarmRule
from dcim.alarms.rooting import find_open
from dcim.alarms.rounds import run_round
from dcim.alarms.rule_keeping import change_rule
from dcim.db import ScopedSession
from dcim.errors import InvalidError
from dcim.metering.models import Series
from dcim.metering.store import PostgresSampleStore
from dcim.network.models import Port, ServiceMembership
from dcim.operations.models import Maintenance, MaintenanceTarget
from dcim.power.models import PowerNode
from dcim.sla.incident_telling import SETTLED, tell_incidents
from dcim.sla.incidents import derive_incidents, wait_for_turn
from dcim.sla.models import BY_ALARM, Incident
from dcim.sla.queries import find_incident, list_incidents
from tests.integration.alarms.conftest import STAFF, Watch
from tests.integration.notices.people import SENDER, enter, mails, queued, scope_of_person
from tests.integration.web.boards import Counter, Tenant


@pytest.fixture
def other(watch: Watch) -> Tenant:
    """A second customer; each of the two has one who is told: the second in English, in London."""
    tenant = watch.house.add_tenant("B")
    session = watch.session
    session.info["sender"] = SENDER
    enter(session, watch.tenant.customer_id, "a")
    enter(session, tenant.customer_id, "b", language="en", timezone="Europe/London")
    session.commit()
    return tenant


def set_rule(watch: Watch, code: str = "port-down", **deeds: int | None) -> None:
    change_rule(watch.session, STAFF, watch.rule(code).id, deeds)
    watch.session.commit()


def go_down(watch: Watch, minutes: range, tenant: Tenant | None = None) -> Alarm:
    """A minute each, seen by its round."""
    for minute in minutes:
        own, watch.tenant = watch.tenant, tenant or watch.tenant
        watch.sample(minute, state=2)
        watch.tenant = own
        watch.round(minute + 0.1)
    return watch.alarms()[-1]


def incidents(watch: Watch) -> list[Incident]:
    """But those that the house begins with."""
    statement = select(Incident).where(Incident.detector == BY_ALARM).order_by(Incident.id)
    return list(watch.session.scalars(statement))


def told(watch: Watch) -> list[tuple[str, str]]:
    return [one for one in queued(watch.session) if one[1].startswith("incident.")]


def test_it_is_opened_after_so_many_minutes_exactly_once(watch: Watch) -> None:
    go_down(watch, range(1, 4))
    assert incidents(watch) == []  # no rule says so
    set_rule(watch, incident_after_min=5)
    alarm = go_down(watch, range(4, 6))
    assert incidents(watch) == []
    go_down(watch, range(6, 10))
    [row] = incidents(watch)
    assert (row.kind, row.manual, row.started_at, row.ended_at) == (
        "network", False, watch.at(1), None,
    )  # fmt: skip
    assert alarm.incident_id == row.id
    # Statements tell both to who is hit; the rule's name is for the house.
    assert (row.what_en, row.cause, row.cause_en) == ("Port down: OPERATOR-SWITCH A/0", "", "")
    assert watch.events(alarm).count("incident") == 1
    assert [(one.customer_id, one.severity) for one in row.impacts] == [
        (watch.tenant.customer_id, "down")
    ]
    for minute in (10, 11):
        watch.sample(minute, state=1)
        watch.round(minute + 0.1)
    assert (alarm.cleared_at, row.ended_at) == (watch.at(11), watch.at(11))


def test_what_is_measured_goes_on_with_it(watch: Watch) -> None:
    """The name is the one that deriving gives, so that there is one incident."""
    set_rule(watch, incident_after_min=0)
    go_down(watch, range(1, 5))
    [row] = incidents(watch)
    end = round(watch.at(4.1).timestamp() * 1000)
    derive_incidents(watch.session, PostgresSampleStore(), end - 300_000, end, now_ms=end)
    assert (row.detector, row.what) == ("poller", "端口中断：OPERATOR-SWITCH A/0")
    assert watch.session.scalar(select(func.count()).where(Incident.kind == "network")) == 1
    # And the other way round: what was derived first is linked.
    alarm = watch.alarms()[0]
    alarm.incident_id = None
    watch.session.commit()
    go_down(watch, range(5, 6))
    assert alarm.incident_id == row.id
    assert watch.session.scalar(select(func.count()).where(Incident.kind == "network")) == 1


def test_how_hard_it_hits_is_as_measured(watch: Watch) -> None:
    """An alarm says of one port of two that the other is kept; measurement that it is down."""
    port_id = watch.tenant.ports[1]
    watch.session.execute(delete(ServiceMembership).where(ServiceMembership.port_id == port_id))
    own = watch.session.scalars(
        select(ServiceMembership).where(ServiceMembership.port_id == watch.port_id)
    ).one()
    watch.session.add(
        ServiceMembership(
            service_id=own.service_id, customer_id=own.customer_id, port_id=port_id,
            starts_at=own.starts_at,
        )
    )  # fmt: skip
    set_rule(watch, incident_after_min=0)
    go_down(watch, range(1, 5))
    [row] = incidents(watch)
    [impact] = row.impacts
    assert impact.severity == "information"
    end = round(watch.at(4.1).timestamp() * 1000)
    derive_incidents(watch.session, PostgresSampleStore(), end - 300_000, end, now_ms=end)
    assert (row.detector, len(row.impacts), impact.severity) == ("poller", 1, "down")


def silence(watch: Watch, alarm: Alarm) -> None:
    watch.session.add(
        Maintenance(
            code="MW-1", title="x", title_en="x", starts_at=watch.at(0), ends_at=watch.at(60),
            state="approved", planned_by="a", approved_by="b",
            targets=[MaintenanceTarget(port_id=watch.port_id)],
        )
    )  # fmt: skip


def flap(watch: Watch, alarm: Alarm) -> None:
    alarm.flapping = True


def put_off(watch: Watch, alarm: Alarm) -> None:
    alarm.snoozed_until = watch.at(60)


def put_under(watch: Watch, alarm: Alarm) -> None:
    root = Alarm(
        rule=watch.rule("node-dead"), subject_kind="node", subject_id=1, label="ROOT",
        severity="critical", began_at=watch.at(1), raised_at=watch.at(1), seen_at=watch.at(1),
        value=1, limit=1,
    )  # fmt: skip
    watch.session.add(root)
    watch.session.flush()
    alarm.root_id = root.id


@pytest.mark.parametrize("hush", [silence, flap, put_off, put_under])
def test_nothing_is_opened_or_told_of_what_is_quiet(
    watch: Watch, other: Tenant, hush: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    alarm = go_down(watch, range(1, 2))
    set_rule(watch, incident_after_min=2, tell_after_min=2)
    hush(watch, alarm)
    watch.session.commit()
    # No sample comes: what was put there by hand stays.
    for minute in (4, 5):
        watch.round(minute)
    assert incidents(watch) == []
    assert told(watch) == []
    # The control: without the guard it is opened and told.
    monkeypatch.setattr("dcim.alarms.incident_rounds.is_quiet", lambda alarm, now: False)
    watch.round(6)
    assert len(incidents(watch)) == 1
    assert told(watch) == [("a", "incident.interruption")]


def test_customers_are_told_of_their_own_part_alone_in_their_language(
    watch: Watch, other: Tenant
) -> None:
    set_rule(watch, tell_after_min=3)
    alarms = [go_down(watch, range(1, 2)), go_down(watch, range(1, 2), other)]
    assert told(watch) == []
    for minute in range(2, 7):
        for tenant in (watch.tenant, other):
            go_down(watch, range(minute, minute + 1), tenant)
    assert sorted(told(watch)) == [
        ("a", "incident.interruption"), ("b", "incident.interruption"),
    ]  # fmt: skip
    for alarm in alarms:
        assert watch.events(alarm).count("customers_told") == 1
    [zh], [en] = mails(watch.session, "a"), mails(watch.session, "b")
    assert "发生" in zh.title
    assert "CANARY-A-label" in zh.text
    assert "(Asia/Shanghai)" in zh.text
    assert "began" in en.title
    assert "CANARY-B-label" in en.text
    assert "(Europe/London)" in en.text
    for mail, stranger in ((zh, "CANARY-B"), (en, "CANARY-A")):
        for word in (stranger, "OPERATOR", "Customer port down", "客户端口"):
            assert word not in mail.title + mail.text
    first, second = incidents(watch)
    assert f"/portal/incidents/{first.id}" in zh.text
    assert f"/portal/incidents/{second.id}" in en.text


def test_the_portal_shows_each_its_own_without_the_houses_words(
    watch: Watch, other: Tenant
) -> None:
    set_rule(watch, tell_after_min=0)
    go_down(watch, range(1, 2))
    [row] = incidents(watch)
    people = {
        name: scope_of_person(enter(watch.session, tenant.customer_id, name))
        for name, tenant in (("own", watch.tenant), ("stranger", other))
    }
    shown = find_incident(watch.session, people["own"], row.id)
    assert (shown.what, shown.place, shown.cause, shown.detector) == ("端口中断", "", "", None)
    strangers = list_incidents(watch.session, people["stranger"]).items
    assert row.id not in [one.id for one in strangers]


def test_they_are_told_once_that_it_is_over(watch: Watch, other: Tenant) -> None:
    set_rule(watch, tell_after_min=0)
    go_down(watch, range(1, 3))
    for minute in range(3, 9):
        watch.sample(minute, state=1)
        watch.round(minute + 0.1)
    settled = SETTLED / dt.timedelta(minutes=1)
    for later in (9, 10, 11):
        watch.round(settled + later)
    assert told(watch) == [("a", "incident.interruption")] * 2
    assert "已恢复" in mails(watch.session, "a")[-1].title


def test_they_are_told_that_it_is_over_after_hours_without_a_round(
    watch: Watch, other: Tenant
) -> None:
    set_rule(watch, tell_after_min=0)
    go_down(watch, range(1, 3))
    for minute in (3, 4):
        watch.sample(minute, state=1)
        watch.round(minute + 0.1)
    watch.round(180)
    [row] = incidents(watch)
    assert row.ended_at == watch.at(4)
    assert told(watch) == [("a", "incident.interruption")] * 2


def test_it_goes_on_when_the_outage_comes_again_at_once_and_is_waited_for(
    watch: Watch, other: Tenant
) -> None:
    set_rule(watch, tell_after_min=0)
    go_down(watch, range(1, 3))
    for minute in (3, 4):
        watch.sample(minute, state=1)
        watch.round(minute + 0.1)
    set_rule(watch, tell_after_min=90)
    go_down(watch, range(6, 7))
    watch.round(30)
    [row] = incidents(watch)
    assert row.ended_at is not None
    assert len(told(watch)) == 2
    alarm = go_down(watch, range(97, 98))
    assert (alarm.began_at, alarm.incident_id) == (watch.at(6), row.id)
    watch.session.refresh(row)
    assert row.ended_at is None
    assert len(told(watch)) == 3
    assert "有变更" in mails(watch.session, "a")[-1].title


def go_before(
    watch: Watch, monkeypatch: pytest.MonkeyPatch, deed: Callable[[ScopedSession], None]
) -> None:
    """Have `deed` done and committed by who has the turn that the round waits for."""
    real = wait_for_turn
    bind = watch.session.get_bind()

    def wait(session: ScopedSession) -> None:
        monkeypatch.setattr(incident_rounds, "wait_for_turn", real)
        with ScopedSession(bind) as mine, mine.begin():
            deed(mine)
        real(session)

    monkeypatch.setattr(incident_rounds, "wait_for_turn", wait)


def test_what_measurement_takes_over_meanwhile_is_not_the_alarms_to_end(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_rule(watch, incident_after_min=0)
    go_down(watch, range(1, 3))
    [row] = incidents(watch)

    def take_over(session: ScopedSession) -> None:
        session.get_one(Incident, row.id).detector = "poller"

    for minute in (3, 4):
        watch.sample(minute, state=1)
    incident_id = row.id
    watch.session.commit()
    go_before(watch, monkeypatch, take_over)
    watch.round(4.1)
    watch.session.refresh(row)
    assert watch.alarms()[0].cleared_at == watch.at(4)
    assert (row.id, row.detector, row.ended_at) == (incident_id, "poller", None)


def test_what_measurement_told_meanwhile_is_not_told_otherwise(
    watch: Watch, other: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_rule(watch, incident_after_min=0)
    go_down(watch, range(1, 3))
    [row] = incidents(watch)
    set_rule(watch, tell_after_min=0)

    def end_and_tell(session: ScopedSession) -> None:
        session.info["sender"] = SENDER
        found = session.get_one(Incident, row.id)
        found.detector, found.ended_at = "poller", watch.at(2)
        tell_incidents(session, [found], watch.at(30))

    go_before(watch, monkeypatch, end_and_tell)
    watch.round(30)
    assert told(watch) == [("a", "incident.interruption")]
    assert "已恢复" in mails(watch.session, "a")[-1].title


def test_who_was_not_told_that_it_began_is_not_told_that_it_is_over(
    watch: Watch, other: Tenant
) -> None:
    set_rule(watch, incident_after_min=0)
    go_down(watch, range(1, 3))
    for minute in range(3, 9):
        watch.sample(minute, state=1)
        watch.round(minute + 0.1)
    [row] = incidents(watch)
    assert row.ended_at is not None
    assert told(watch) == []


def kill(watch: Watch, codes: list[str], minute: float) -> None:
    """PDUs without voltage, by their own meters."""
    ts = round(watch.at(minute).timestamp() * 1000)
    for code in codes:
        series = watch.session.scalars(
            select(Series.id).join(PowerNode).where(PowerNode.code == code)
        ).one()
        watch.house.store.append(watch.session, "power", [(series, ts, 0, 0, 0, 0, 0, -1)])
    watch.session.commit()


def test_one_feed_lost_is_no_interruption_and_both_are(watch: Watch, other: Tenant) -> None:
    set_rule(watch, "node-dead", tell_after_min=0)
    kill(watch, ["OPERATOR-PDU-A-A"], 1)
    watch.round(1.1)
    [lost] = incidents(watch)
    assert (lost.kind, lost.key.rpartition(":")[0]) == ("power_feed", "power_feed:OPERATOR-PDU-A-A")
    assert [(one.customer_id, one.severity) for one in lost.impacts] == [
        (watch.tenant.customer_id, "information")
    ]
    assert told(watch) == [("a", "incident.redundancy")]
    kill(watch, ["OPERATOR-PDU-A-A", "OPERATOR-PDU-A-B"], 2)
    watch.round(2.1)
    dark = incidents(watch)[-1]
    assert dark.kind == "power"
    assert dark.key.split(":")[1] == "OPERATOR-PDU-A-A + OPERATOR-PDU-A-B"
    assert [one.severity for one in dark.impacts] == ["down"]
    assert told(watch) == [("a", "incident.redundancy"), ("a", "incident.interruption")]
    # What is measured says the same of it.
    end = round(watch.at(2.2).timestamp() * 1000)
    derive_incidents(watch.session, PostgresSampleStore(), end - 600_000, end, now_ms=end)
    assert {row.detector for row in (lost, dark)} == {"poller"}


def test_two_rules_of_what_feeds_nobody_have_one_incident(watch: Watch) -> None:
    """Of mains that a UPS stands in for no service level observes anything; its name says it."""
    mains = PowerNode(site_id=1, kind="utility", code="MAINS", feed="A", rated_a=400, volts=400)
    own = AlarmRule(
        code="mains", name="市电", name_en="Mains", kind="state", quantity="node_dead",
        way="above", raise_at=1, clear_at=0, severity="major", incident_after_min=0,
    )  # fmt: skip
    watch.session.add_all([mains, own])
    set_rule(watch, "node-dead", incident_after_min=0)
    for rule in (watch.rule("node-dead"), own):
        watch.session.add(
            Alarm(
                rule=rule, subject_kind="node", subject_id=mains.id, label="MAINS",
                severity="major", began_at=watch.at(1), raised_at=watch.at(1),
                seen_at=watch.at(1), value=1, limit=1,
            )
        )  # fmt: skip
    watch.session.flush()
    do_by_rule(watch.session, find_open(watch.session), watch.at(2))
    [row] = incidents(watch)
    assert {alarm.incident_id for alarm in watch.alarms()} == {row.id}


def test_what_is_gone_stops_no_round(watch: Watch) -> None:
    """Until the next evaluation ends its alarm."""
    go_down(watch, range(1, 3))
    session, port_id = watch.session, watch.tenant.ports[0]
    session.execute(delete(ServiceMembership).where(ServiceMembership.port_id == port_id))
    session.execute(update(Series).where(Series.port_id == port_id).values(port_id=None))
    session.execute(delete(Port).where(Port.id == port_id))
    set_rule(watch, incident_after_min=0)
    do_by_rule(session, find_open(session), watch.at(3))
    assert (incidents(watch), len(find_open(session))) == ([], 1)


def test_only_what_says_down_can_have_it_and_within_a_day(watch: Watch) -> None:
    with pytest.raises(InvalidError, match="leave it empty"):
        set_rule(watch, "agent-silent", tell_after_min=5)
    for minutes in (-1, 1441):
        with pytest.raises(InvalidError, match="minutes from 0 to a day"):
            set_rule(watch, incident_after_min=minutes)
    set_rule(watch, incident_after_min=1440)
    set_rule(watch, incident_after_min=None)
    assert watch.rule("port-down").incident_after_min is None


def test_a_round_in_which_nothing_is_due_costs_the_same_however_much_is_open(
    watch: Watch, other: Tenant
) -> None:
    set_rule(watch, incident_after_min=0, tell_after_min=0)

    def cost(minute: float) -> int:
        watch.session.commit()
        with Counter(watch.session.get_bind()) as counter:  # type: ignore[arg-type]
            run_round(watch.session, watch.settings, watch.at(minute))
        watch.session.commit()
        return counter.count

    go_down(watch, range(1, 3))
    few = cost(2.3)
    go_down(watch, range(1, 3), other)
    assert len(incidents(watch)) == 2
    assert cost(2.4) == few
