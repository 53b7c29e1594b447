"""Poll by poll: alarms are raised and end in time, none twice, none lost, nothing of the past."""

import pytest
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.exc import IntegrityError

from dcim.alarms.evaluating import evaluate
from dcim.alarms.models import Alarm, AlarmEvent, AlarmRule, AlarmState
from dcim.alarms.rounds import has_news, read_round, run_round
from dcim.alarms.rule_keeping import OverrideTarget, add_recipient, set_override, switch_rule
from dcim.alarms.rules.limits import Change
from dcim.db import SessionFactory, transaction
from dcim.metering.families import NO_LIGHT, NO_POWER, NO_TEMPERATURE
from dcim.metering.models import Series
from dcim.network.models import Port
from dcim.outbox.models import OutboxMessage
from dcim.snmp.agents.models import LagMember, Transceiver
from tests.integration.alarms.conftest import STAFF, Watch
from tests.integration.web.boards import Counter


def test_a_port_that_goes_down_is_an_alarm_within_a_round(watch: Watch) -> None:
    watch.sample(1, state=2)
    report = watch.round(1.1)
    [alarm] = watch.alarms()
    assert (report.raised, alarm.rule.code, alarm.subject_id) == (1, "port-down", watch.port_id)
    assert (alarm.raised_at, alarm.seen_at) == (watch.at(1), watch.at(1.1))
    assert alarm.site_id is None  # the switch stands nowhere yet
    assert alarm.label == "OPERATOR-SWITCH A/0"
    for minute in (2, 3, 4):
        watch.sample(minute, state=2)
        watch.round(minute + 0.1)
    assert watch.alarms() == [alarm]
    for minute in (5, 6, 7):
        watch.sample(minute, state=1)
        watch.round(minute + 0.1)
    assert watch.alarms() == [alarm]
    # Up for a minute: the second good sample ends it.
    assert (alarm.cleared_at, alarm.ending) == (watch.at(6), "cleared")
    assert watch.events(alarm) == ["raised", "cleared"]


def test_a_busy_port_must_be_busy_for_five_minutes(watch: Watch) -> None:
    watch.play(95, 95, 95, 95, 50, 95, 95, 95, 95, 95)
    assert watch.alarms() == []
    watch.play(95, begin=11)
    [alarm] = watch.alarms()
    assert (alarm.began_at, alarm.raised_at) == (watch.at(6), watch.at(11))
    assert alarm.value == pytest.approx(95, abs=0.01)


def test_a_round_without_news_evaluates_nothing(watch: Watch) -> None:
    assert has_news(watch.session, watch.at(0))
    assert watch.round(0).evaluated
    assert not has_news(watch.session, watch.at(0.1))
    assert not watch.round(0.1).evaluated
    watch.sample(1, share=10)
    assert has_news(watch.session, watch.at(1.1))
    done = read_round(watch.session)
    assert done is not None
    assert done.subjects > 0


def test_samples_missed_while_nobody_evaluated_count_for_what_is_on_now(watch: Watch) -> None:
    """The worker was away for six minutes in which the port was full: it is an alarm at once."""
    watch.play(10)
    for minute in range(2, 9):
        watch.sample(minute, share=95)
    watch.round(8.1)
    [alarm] = watch.alarms()
    assert (alarm.began_at, alarm.raised_at) == (watch.at(2), watch.at(7))
    # And an alarm that was on before goes on from where it was left.
    for minute in range(9, 16):
        watch.sample(minute, share=10)
    watch.round(15.1)
    assert alarm.cleared_at == watch.at(14)


def test_what_came_late_is_history(watch: Watch) -> None:
    """A poller's spool is replayed: an hour old, the port was down and up again since."""
    watch.play(10)
    watch.sample(-60, state=2)
    assert watch.round(1.2).raised == 0
    assert watch.alarms() == []
    # The newest sample is old itself: nothing is known of now.
    watch.sample(20, state=2)
    assert watch.round(80).raised == 0
    assert watch.alarms() == []


def test_silence_and_a_leaping_clock_neither_raise_nor_end(watch: Watch) -> None:
    watch.sample(1, state=2)
    watch.round(1.1)
    [alarm] = watch.alarms()
    watch.sample(2, share=10)  # news, of something else
    watch.round(500)
    watch.sample(3, share=10)
    watch.round(-500)
    assert watch.alarms() == [alarm]
    assert alarm.cleared_at is None


def test_a_round_that_dies_has_never_been(
    watch: Watch, sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch.sample(1, state=2)

    def die(*args: object) -> list[int]:
        raise RuntimeError("killed")

    with monkeypatch.context() as broken:
        broken.setattr("dcim.alarms.rounds.tell_alarms", die)
        with pytest.raises(RuntimeError), transaction(sessions, STAFF) as session:
            run_round(session, watch.settings, watch.at(1.05))
    assert watch.alarms() == []
    assert watch.round(1.1).raised == 1
    assert watch.round(1.2).raised == 0
    assert len(watch.alarms()) == 1


def test_what_was_remembered_is_lost_and_the_alarm_goes_on(watch: Watch) -> None:
    watch.sample(1, state=2)
    watch.round(1.1)
    watch.session.execute(delete(AlarmState))
    for minute in (2, 3, 4):
        watch.sample(minute, state=1)
        watch.round(minute + 0.1)
    [alarm] = watch.alarms()
    assert alarm.ending == "cleared"


def test_the_database_holds_one_open_alarm_of_a_rule_and_subject(watch: Watch) -> None:
    """The control of the index: without it two rounds at once could raise it twice."""
    watch.sample(1, state=2)
    watch.round(1.1)
    row = "rule_id, subject_kind, subject_id, label, severity, began_at, raised_at + '1 s', "
    row += 'seen_at, ending, value, "limit", flapping, acknowledged_by, assigned_to'
    into = row.replace(" + '1 s'", "")
    copied = text(f"INSERT INTO alarm ({into}) SELECT {row} FROM alarm")  # noqa: S608
    with pytest.raises(IntegrityError, match="uq_alarm_open"):
        watch.session.execute(copied)
    watch.session.rollback()


def test_a_rule_that_is_switched_off_ends_its_alarms_and_on_raises_the_same(watch: Watch) -> None:
    watch.sample(1, state=2)
    watch.round(1.1)
    [alarm] = watch.alarms()
    rule = watch.rule("port-down")
    switch_rule(watch.session, STAFF, rule.id, enabled=False)
    watch.round(1.2)
    assert (alarm.ending, watch.events(alarm)) == ("ended", ["raised", "ended"])
    assert watch.session.scalar(select(func.count()).select_from(AlarmState)) == 0
    switch_rule(watch.session, STAFF, rule.id, enabled=True)
    watch.round(1.3)
    assert watch.alarms() == [alarm]
    assert alarm.cleared_at is None


def test_who_was_told_that_it_is_over_is_told_that_it_is_on_again(watch: Watch) -> None:
    """Of a rule switched off and on before the next poll."""
    add_recipient(watch.session, STAFF, "duty@example.com", "warning", "en")
    watch.sample(1, state=2)
    watch.round(1.1)
    rule = watch.rule("port-down")
    for minute, enabled in ((1.2, False), (1.3, True)):
        switch_rule(watch.session, STAFF, rule.id, enabled=enabled)
        watch.round(minute)
    [alarm] = watch.alarms()
    told = watch.session.scalars(select(OutboxMessage.event).order_by(OutboxMessage.id)).all()
    assert told == ["alarm.raised", "alarm.cleared", "alarm.raised"]
    assert alarm.notified_at == watch.at(1.3)


def test_the_nearest_exception_holds(watch: Watch) -> None:
    rule = watch.rule("port-down")
    customer = OverrideTarget("customer", watch.tenant.customer_id)
    set_override(watch.session, STAFF, rule.id, customer, Change(severity="critical"))
    one = OverrideTarget("subject", watch.tenant.ports[1])
    set_override(watch.session, STAFF, rule.id, one, Change(enabled=False))
    watch.sample(1, state=2)
    watch.sample(1, state=2, port=1)
    watch.round(1.1)
    [alarm] = watch.alarms()
    assert (alarm.subject_id, alarm.severity) == (watch.port_id, "critical")


def test_a_flapping_port_is_one_alarm(watch: Watch) -> None:
    for minute in range(1, 40):
        # Down for a minute, up for two: ends, is raised anew, ...
        watch.sample(minute, state=2 if minute % 3 == 1 and minute < 20 else 1)
        watch.round(minute + 0.1)
    found = watch.alarms("port-down")
    assert [alarm.flapping for alarm in found] == [False, False, True]
    for minute in range(40, 52):
        watch.sample(minute, state=1)
        watch.round(minute + 0.1)
    assert found == watch.alarms("port-down")
    assert found[-1].ending == "cleared"
    assert watch.events(found[-1]) == ["raised", "flapping", "cleared"]


def test_a_dead_pdu_and_a_full_one(watch: Watch) -> None:
    series = (
        watch.session.execute(text("SELECT id FROM series WHERE family = 'power' ORDER BY id"))
        .scalars()
        .all()
    )
    ts = round(watch.at(1).timestamp() * 1000)
    watch.house.store.append(watch.session, "power", [(series[0], ts, 0, 0, 0, 0, 0, -1)])
    watch.session.commit()
    watch.round(1.1)
    [alarm] = watch.alarms("node-dead")
    assert (alarm.label, alarm.severity) == ("OPERATOR-PDU-A-A", "critical")
    assert alarm.site_id == watch.house.site.id


def test_rounds_cost_the_same_however_many_ports_there_are(watch: Watch) -> None:
    """Also with modules in them, in LAGs, and with alarms of all of these raised at once."""

    def cost(minute: float) -> int:
        watch.sample(minute, share=10)
        with Counter(watch.session.get_bind()) as counter:  # type: ignore[arg-type]
            evaluate(watch.session, watch.at(minute + 0.1))
        watch.session.commit()
        return counter.count

    def equip(ports: list[int], minute: float) -> None:
        """A module in each, without light; each pair a LAG of the second that has lost the
        first."""
        session, switch = watch.session, watch.house.switch.id
        session.execute(update(AlarmRule).values(raise_for_s=0))
        ts = round(watch.at(minute).timestamp() * 1000)
        names = dict(session.execute(select(Port.id, Port.name).where(Port.id.in_(ports))).all())
        own = select(Series.port_id, Series.id).where(Series.family == "state")
        states = dict(session.execute(own).all())
        for port_id in ports:
            lane = watch.house._add(Series(family="optics", device_id=switch, slot=f"l {port_id}"))
            watch.house._add(
                Transceiver(
                    device_id=switch, port_name=f"t{port_id}", limits={}, lanes=[lane.id],
                    rx_lit_ms=[1], tx_lit_ms=[None], since=watch.at(0), read_at=watch.at(minute),
                )
            )  # fmt: skip
            row = (lane.id, ts, 0, 0, NO_LIGHT, NO_POWER, -1, NO_TEMPERATURE, -1)
            watch.house.store.append(session, "optics", [row])
        for member, lag in zip(ports[::2], ports[1::2], strict=True):
            watch.house._add(
                LagMember(
                    device_id=switch, lag_name=names[lag], port_name=names[member],
                    starts_at=watch.at(0), detached_at=watch.at(0),
                )
            )  # fmt: skip
            watch.house.store.append(session, "state", [(states[member], ts, 0, 0, 2)])
        session.commit()

    few = cost(1)
    watch.house.add_tenant("B", ports=12)
    assert cost(1.5) == few
    equip(watch.tenant.ports, 2)
    equipped = cost(2)
    assert equipped > few
    assert {one.rule.quantity for one in watch.alarms()} == {"port_light", "lag_lost", "port_down"}
    tenant = watch.house.add_tenant("C", ports=12)
    watch.session.execute(update(Port).values(role="customer"))
    equip(tenant.ports, 3)
    assert cost(3) == equipped
    assert len(watch.alarms("customer-light")) == 14
    assert len(watch.alarms("customer-lag")) == 7


def test_events_are_never_changed(watch: Watch) -> None:
    watch.sample(1, state=2)
    watch.round(1.1)
    with pytest.raises(Exception, match="permission denied"):
        watch.session.execute(delete(AlarmEvent))
    watch.session.rollback()
    assert len(watch.session.scalars(select(Alarm)).all()) == 1
