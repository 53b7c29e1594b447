"""Acknowledging, assigning, notes and snoozes; maintenance silence; who is told, and when."""

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from dcim.accounts.models import AuditEntry, User
from dcim.accounts.scope import Scope
from dcim.alarms.handling import acknowledge, add_note, assign, end_snooze, snooze
from dcim.alarms.models import Alarm
from dcim.alarms.rule_keeping import add_recipient, remove_recipient
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from dcim.operations.models import Maintenance, MaintenanceTarget
from dcim.outbox.models import OutboxMessage
from tests.integration.alarms.conftest import STAFF, Watch

ANNA = Scope.staff("anna@example.com")


@pytest.fixture
def alarm(watch: Watch) -> Alarm:
    watch.sample(1, state=2)
    watch.round(1.1)
    [found] = watch.alarms()
    return found


def mails(watch: Watch) -> list[OutboxMessage]:
    return list(watch.session.scalars(select(OutboxMessage).order_by(OutboxMessage.id)))


def deeds(watch: Watch) -> list[str]:
    rows = watch.session.scalars(select(AuditEntry.action).order_by(AuditEntry.id))
    return [action for action in rows if action.startswith("alarm.")]


def plan(watch: Watch, begin: float, end: float, state: str = "approved", **target: int) -> None:
    work = Maintenance(
        code=f"MW-202611-{begin:g}",
        title="更换光模块",
        title_en="Optics",
        starts_at=watch.at(begin),
        ends_at=watch.at(end),
        state=state,
        planned_by="a",
        approved_by="b",
        targets=[MaintenanceTarget(**target)],
    )
    watch.session.add(work)
    watch.session.commit()


def test_one_person_acknowledges_and_it_is_on_record(watch: Watch, alarm: Alarm) -> None:
    acknowledge(watch.session, ANNA, alarm.id, "看一下", watch.at(2))
    assert (alarm.acknowledged_by, alarm.assigned_to) == ("anna@example.com",) * 2
    with pytest.raises(ConflictError, match="anna"):
        acknowledge(watch.session, STAFF, alarm.id)
    assert watch.events(alarm) == ["raised", "acknowledged"]
    assert deeds(watch) == ["alarm.acknowledged"]


def test_it_is_assigned_to_staff_alone(watch: Watch, alarm: Alarm) -> None:
    for email, customer in (("bo@example.com", None), ("c@example.com", watch.tenant.customer_id)):
        watch.session.add(
            User(email=email, name="B", password="x", fs_uniquifier=email, customer_id=customer)
        )
    watch.session.flush()
    assign(watch.session, ANNA, alarm.id, "bo@example.com")
    assert alarm.assigned_to == "bo@example.com"
    for nobody in ("c@example.com", "d@example.com"):
        with pytest.raises(InvalidError):
            assign(watch.session, ANNA, alarm.id, nobody)
    assign(watch.session, ANNA, alarm.id, "")
    assert deeds(watch) == ["alarm.assigned"] * 2


def test_what_is_over_takes_notes_and_nothing_else(watch: Watch, alarm: Alarm) -> None:
    for minute in (2, 3, 4):
        watch.sample(minute, state=1)
        watch.round(minute + 0.1)
    add_note(watch.session, ANNA, alarm.id, "换了光模块")
    for deed in (acknowledge, end_snooze):
        with pytest.raises(ConflictError):
            deed(watch.session, ANNA, alarm.id)
    with pytest.raises(InvalidError):
        add_note(watch.session, ANNA, alarm.id, " \n ")
    with pytest.raises(NotFoundError):
        add_note(watch.session, ANNA, 999, "x")
    with pytest.raises(ForbiddenError):
        add_note(watch.session, Scope.customer("c", 1), alarm.id, "x")


@pytest.mark.parametrize("ahead", [dt.timedelta(0), dt.timedelta(days=8), dt.timedelta(days=-1)])
def test_a_snooze_ends_soon(watch: Watch, alarm: Alarm, ahead: dt.timedelta) -> None:
    with pytest.raises(InvalidError):
        snooze(watch.session, ANNA, alarm.id, watch.at(2) + ahead, now=watch.at(2))


def test_each_alarm_is_mailed_once_and_once_when_it_is_over(watch: Watch) -> None:
    add_recipient(watch.session, STAFF, "noc@example.com", "major")
    add_recipient(watch.session, STAFF, "boss@example.com", "critical", "en")
    watch.sample(1, state=2)
    watch.sample(1, state=2, port=1)
    assert watch.round(1.1).queued == 1
    watch.sample(2, state=2)
    assert watch.round(2.1).queued == 0
    [mail] = mails(watch)
    assert (mail.recipient, mail.event) == ("noc@example.com", "alarm.raised")
    assert "等 2 条" in mail.title
    assert mail.text.count("客户端口 down") == 2
    assert "/noc/alarms" in mail.text
    for minute in (3, 4, 5):
        watch.sample(minute, state=1)
        watch.round(minute + 0.1)
    assert [one.event for one in mails(watch)] == ["alarm.raised", "alarm.cleared"]
    assert "恢复" in mails(watch)[1].title


def test_without_a_mail_server_nothing_is_queued(watch: Watch, settings: Any) -> None:
    add_recipient(watch.session, STAFF, "noc@example.com", "warning")
    watch.settings = settings
    watch.sample(1, state=2)
    assert watch.round(1.1).raised == 1
    assert mails(watch) == []


def test_maintenance_silences_what_it_covers_and_no_longer(watch: Watch) -> None:
    add_recipient(watch.session, STAFF, "noc@example.com", "warning")
    plan(watch, 0, 10, port_id=watch.port_id)
    plan(watch, -1, 60, state="planned", port_id=watch.tenant.ports[1])
    watch.sample(1, state=2)
    watch.sample(1, state=2, port=1)
    watch.round(1.1)
    silent, loud = watch.alarms()
    assert silent.silenced_by is not None
    assert loud.silenced_by is None  # nobody has approved that window
    assert watch.events(silent) == ["raised", "silenced"]
    [mail] = mails(watch)
    assert "A/1" in mail.text
    assert "A/0" not in mail.text
    # The work is over and the port still down.
    watch.sample(9.5, state=2)
    watch.round(10.1)
    assert silent.silenced_by is None
    assert watch.events(silent) == ["raised", "silenced", "unsilenced", "notified"]
    assert [("A/0" in one.text) for one in mails(watch)] == [False, True]


def test_a_power_window_covers_what_hangs_on_it_and_a_room_its_sensors(watch: Watch) -> None:
    from dcim.metering.models import Series
    from dcim.power.models import PowerNode

    session, house = watch.session, watch.house
    panel = PowerNode(
        site_id=house.site.id, kind="panel", code="RPP", feed="A", rated_a=100, volts=230
    )
    session.add(panel)
    session.flush()
    pdu = session.scalars(select(PowerNode).where(PowerNode.kind == "pdu")).first()
    assert pdu is not None
    pdu.parent_id = panel.id
    sensor = Series(
        family="climate", device_id=house.switch.id, slot="ambient", room_id=house.room_id
    )
    session.add(sensor)
    session.flush()
    series = session.scalars(select(Series).where(Series.power_node_id == pdu.id)).one()
    ts = round(watch.at(1).timestamp() * 1000)
    house.store.append(session, "power", [(series.id, ts, 0, 0, 0, 0, 0, -1)])
    for minute in range(8):
        house.store.append(
            session, "climate", [(sensor.id, ts - minute * 60_000, 0, 0, 33_000, 400)]
        )
    plan(watch, 0, 10, power_node_id=panel.id)
    watch.round(1.1)
    assert {one.rule.code: one.silenced_by is not None for one in watch.alarms()} == {
        "node-dead": True, "temperature-high": False, "temperature-hot": False,
    }  # fmt: skip
    plan(watch, 0.5, 10, room_id=house.room_id)
    watch.round(1.2)
    assert all(one.silenced_by is not None for one in watch.alarms())


def test_what_is_snoozed_is_told_when_the_snooze_is_over(watch: Watch, alarm: Alarm) -> None:
    add_recipient(watch.session, STAFF, "noc@example.com", "warning")
    snooze(watch.session, ANNA, alarm.id, watch.at(30), "等备件", watch.at(2))
    watch.sample(3, state=2)
    assert watch.round(3.1).queued == 0
    watch.sample(30, state=2)
    assert watch.round(30.1).queued == 1
    assert watch.round(30.2).queued == 0
    snooze(watch.session, ANNA, alarm.id, watch.at(90), now=watch.at(31))
    end_snooze(watch.session, ANNA, alarm.id, watch.at(32))
    assert watch.round(32.1).queued == 1


def test_consequences_are_not_told(watch: Watch, alarm: Alarm) -> None:
    add_recipient(watch.session, STAFF, "noc@example.com", "warning")
    watch.sample(2, state=2, port=1)
    watch.round(2.05)
    other = watch.alarms()[1]
    assert len(mails(watch)) == 1
    other.root_id, other.notified_at = alarm.id, None
    watch.session.commit()
    assert watch.round(2.1).queued == 0
    # The control: without its root it would be.
    other.root_id = None
    other.seen_at += dt.timedelta(seconds=1)
    watch.session.commit()
    assert watch.round(2.2).queued == 1


def test_recipients_are_entered_once(watch: Watch) -> None:
    row = add_recipient(watch.session, STAFF, "noc@example.com", "warning")
    with pytest.raises(ConflictError):
        add_recipient(watch.session, STAFF, "noc@example.com", "major")
    for address in ("noc", "noc@example.com\nBcc: x@example.com", ""):
        with pytest.raises(InvalidError):
            add_recipient(watch.session, STAFF, address, "major")
    remove_recipient(watch.session, STAFF, row.id)
    with pytest.raises(NotFoundError):
        remove_recipient(watch.session, STAFF, row.id)
