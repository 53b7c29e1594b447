"""Steps told when nobody takes an alarm on: in time, once, to whom, and to whom not.

The clock is the rounds' own. Each thing that keeps a step from being told has its control beside
it: the same without it is told.
"""

import datetime as dt
import threading
from dataclasses import replace

import pytest
from sqlalchemy import delete, func, select

from dcim.accounts.models import User
from dcim.accounts.scope import Scope
from dcim.alarms.handling import acknowledge, end_snooze, snooze
from dcim.alarms.models import Alarm, AlarmEvent
from dcim.alarms.oncall.calendars import CalendarValues, create_calendar, stand_in
from dcim.alarms.oncall.counting import has_due_steps, list_counted
from dcim.alarms.oncall.escalating import escalate
from dcim.alarms.oncall.models import EscalationDeed, EscalationPolicy, OnCallCalendar
from dcim.alarms.oncall.policies import PolicyValues, StepValues, change_policy, create_policy
from dcim.alarms.rounds import has_news, run_round
from dcim.alarms.rule_keeping import add_recipient
from dcim.config import Settings
from dcim.db import SessionFactory, transaction
from dcim.operations.models import Maintenance, MaintenanceTarget
from dcim.outbox.models import Endpoint, OutboxMessage
from tests.integration.alarms.conftest import STAFF, Watch
from tests.integration.web.boards import Counter

ANNA = Scope.staff("anna@example.com")


@pytest.fixture
def people(watch: Watch) -> dict[str, User]:
    made = {
        name: User(
            email=f"{name}@example.com", name=name, password="x", fs_uniquifier=name,
            language="en" if name == "wang" else "zh",
        )
        for name in ("li", "wang", "boss")
    }  # fmt: skip
    watch.session.add_all(made.values())
    watch.session.commit()
    return made


@pytest.fixture
def calendar(watch: Watch, people: dict[str, User]) -> OnCallCalendar:
    """Li, for weeks."""
    wanted = CalendarValues(
        "网络值班", "UTC", dt.time(0), watch.start.date() - dt.timedelta(days=1),
        ("li@example.com", "wang@example.com"), days=30,
    )  # fmt: skip
    return create_calendar(watch.session, STAFF, wanted)


@pytest.fixture
def policy(watch: Watch, calendar: OnCallCalendar, people: dict[str, User]) -> EscalationPolicy:
    """The person on call at once, again after 10 minutes, the boss after 30."""
    steps = (
        StepValues(0, "calendar", calendar.id),
        StepValues(10, "calendar", calendar.id),
        StepValues(30, "person", people["boss"].id),
    )
    made = create_policy(watch.session, STAFF, PolicyValues("夜间", "major", steps))
    made.counts_from = watch.start
    watch.session.commit()
    return made


@pytest.fixture
def alarm(watch: Watch, policy: EscalationPolicy) -> Alarm:
    """Down and seen at minute 1; the first step is told in that round."""
    watch.sample(1, state=2)
    watch.round(1)
    [found] = watch.alarms()
    return found


def mails(watch: Watch) -> list[str]:
    """Who was told by escalation, in order."""
    rows = watch.session.scalars(
        select(OutboxMessage)
        .where(OutboxMessage.event == "alarm.escalated")
        .order_by(OutboxMessage.id)
    )
    return [row.recipient.split("@")[0] for row in rows]


def newest(watch: Watch) -> OutboxMessage:
    statement = select(OutboxMessage).order_by(OutboxMessage.id.desc()).limit(1)
    return watch.session.scalars(statement).one()


def escalations(watch: Watch, alarm: Alarm) -> list[str]:
    rows = watch.session.scalars(
        select(AlarmEvent)
        .where(AlarmEvent.alarm_id == alarm.id, AlarmEvent.kind.in_(("escalated", "unreached")))
        .order_by(AlarmEvent.id)
    )
    return [f"{row.kind}: {row.text}" for row in rows]


def test_each_step_is_told_once_at_its_time(watch: Watch, alarm: Alarm) -> None:
    assert mails(watch) == ["li"]
    assert not has_news(watch.session, watch.at(10.99))
    watch.round(10.99)
    assert mails(watch) == ["li"]
    # Nothing else is new: the step itself wakes the round.
    assert has_news(watch.session, watch.at(11))
    watch.round(11)
    watch.round(11.1)
    assert mails(watch) == ["li", "li"]
    watch.round(31)
    watch.round(40)
    watch.round(4000)
    assert mails(watch) == ["li", "li", "boss"]
    assert escalations(watch, alarm) == [
        "escalated: 夜间, step 1: li@example.com (rotation, 网络值班)",
        "escalated: 夜间, step 2: li@example.com (rotation, 网络值班)",
        "escalated: 夜间, step 3: boss@example.com",
    ]
    mail = newest(watch)
    assert "升级" in mail.title
    assert "30 分钟无人确认" in mail.text
    assert f"/noc/alarms/{alarm.id}" in mail.text


def test_a_worker_that_was_away_tells_all_that_came_due_and_by_each_ones_instant(
    watch: Watch, alarm: Alarm, calendar: OnCallCalendar
) -> None:
    """Wang stood in when step 2 was due, and does no more when it is told."""
    stand_in(
        watch.session, STAFF, calendar.id, "wang@example.com", watch.at(10), watch.at(12),
        now=watch.at(1),
    )  # fmt: skip
    watch.round(45)
    assert mails(watch) == ["li", "wang", "boss"]
    [wang] = watch.session.scalars(
        select(OutboxMessage).where(OutboxMessage.recipient == "wang@example.com")
    )
    assert "you are on call (网络值班, standing in)" in wang.text
    assert "10 min" in wang.text


def acknowledged(watch: Watch, alarm: Alarm) -> None:
    acknowledge(watch.session, ANNA, alarm.id, now=watch.at(5))


def snoozed(watch: Watch, alarm: Alarm) -> None:
    snooze(watch.session, ANNA, alarm.id, watch.at(300), now=watch.at(5))


def in_maintenance(watch: Watch, alarm: Alarm) -> None:
    work = Maintenance(
        code="MW-1", title="更换", title_en="Optics", starts_at=watch.at(5), ends_at=watch.at(300),
        state="under_way", planned_by="a", approved_by="b",
        targets=[MaintenanceTarget(port_id=alarm.subject_id)],
    )  # fmt: skip
    watch.session.add(work)


def a_consequence(watch: Watch, alarm: Alarm) -> None:
    root = Alarm(
        rule_id=watch.rule("agent-silent").id, subject_kind="agent", subject_id=1, label="root",
        severity="warning", began_at=alarm.began_at, raised_at=alarm.raised_at,
        seen_at=alarm.seen_at, value=200, limit=180,
    )  # fmt: skip
    watch.session.add(root)
    watch.session.flush()
    alarm.root_id = root.id


def over(watch: Watch, alarm: Alarm) -> None:
    alarm.cleared_at, alarm.ending = watch.at(9), "cleared"


def milder(watch: Watch, alarm: Alarm) -> None:
    alarm.severity = "warning"


def switched_off(watch: Watch, alarm: Alarm) -> None:
    for one in watch.session.scalars(select(EscalationPolicy)):
        one.enabled = False


def of_another_rule(watch: Watch, alarm: Alarm) -> None:
    _change(watch, rule_ids=(watch.rule("port-busy").id,))


def of_another_site(watch: Watch, alarm: Alarm) -> None:
    _change(watch, site_id=watch.house.site.id)


def _change(watch: Watch, **change: object) -> None:
    from dcim.alarms.oncall.policies import values_of

    [row] = watch.session.scalars(select(EscalationPolicy))
    wanted = replace(values_of(watch.session, row), **change)  # type: ignore[arg-type]
    change_policy(watch.session, STAFF, row.id, wanted)
    row.counts_from = watch.start


def nothing(watch: Watch, alarm: Alarm) -> None:
    """The control: only then is the second step told."""


def test_what_is_somebodys_or_nobodys_business_is_told_no_further(
    watch: Watch, alarm: Alarm
) -> None:
    session = watch.session
    for guard in (
        acknowledged, snoozed, in_maintenance, a_consequence, over, milder, switched_off,
        of_another_rule, of_another_site, nothing,
    ):  # fmt: skip
        with session.begin_nested() as tried:
            guard(watch, alarm)
            session.flush()
            for minute in (11, 200):
                run_round(session, watch.settings, watch.at(minute))
            told = mails(watch)
            tried.rollback()
        session.expire_all()
        assert told == (["li", "li", "boss"] if guard is nothing else ["li"]), guard.__name__


def test_after_a_snooze_it_counts_from_its_end(watch: Watch, alarm: Alarm) -> None:
    snooze(watch.session, ANNA, alarm.id, watch.at(60), now=watch.at(5))
    watch.round(59)
    assert mails(watch) == ["li"]
    watch.round(60)
    assert mails(watch) == ["li", "li"]
    watch.round(69.9)
    assert mails(watch) == ["li", "li"]
    watch.round(70)
    assert mails(watch) == ["li", "li", "li"]
    # Cut short it counts from then.
    snooze(watch.session, ANNA, alarm.id, watch.at(600), now=watch.at(75))
    end_snooze(watch.session, ANNA, alarm.id, watch.at(80))
    watch.round(80)
    watch.round(89)
    assert mails(watch) == ["li"] * 4
    watch.round(90)
    assert mails(watch) == ["li"] * 5


def test_after_maintenance_it_counts_from_its_end(watch: Watch, alarm: Alarm) -> None:
    in_maintenance(watch, alarm)
    watch.session.commit()
    for minute in (5, 31, 299):
        watch.round(minute)
    assert mails(watch) == ["li"]
    watch.round(300)
    assert mails(watch) == ["li", "li"]
    watch.round(309.9)
    assert mails(watch) == ["li", "li"]
    watch.round(310)
    assert mails(watch) == ["li", "li", "li"]


def test_other_steps_count_anew_for_what_is_on(watch: Watch, alarm: Alarm) -> None:
    """Nobody is told at once what a new policy would have told an hour ago."""
    [row] = watch.session.scalars(select(EscalationPolicy))
    row.counts_from = watch.at(60)
    watch.session.commit()
    watch.round(69)
    assert mails(watch) == ["li", "li"]
    watch.round(70)
    assert mails(watch) == ["li", "li", "li"]


def end_rotation(watch: Watch, calendar: OnCallCalendar) -> None:
    calendar.first_day = watch.start.date() + dt.timedelta(days=9)
    watch.session.commit()


def test_a_gap_hands_on_at_once_and_says_so(
    watch: Watch, alarm: Alarm, calendar: OnCallCalendar
) -> None:
    end_rotation(watch, calendar)
    watch.round(11)
    # Twenty minutes before the boss's own turn.
    assert mails(watch) == ["li", "boss"]
    assert "注意：第 2 步未通知到人：网络值班，无人值班" in newest(watch).text
    assert escalations(watch, alarm)[1:] == [
        "unreached: 夜间, step 2: 网络值班: gap",
        "escalated: 夜间, step 3: boss@example.com",
    ]
    watch.round(31)
    assert mails(watch) == ["li", "boss"]


def test_where_no_step_is_left_whoever_is_mailed_about_alarms_hears_it(
    watch: Watch, alarm: Alarm, people: dict[str, User], calendar: OnCallCalendar
) -> None:
    add_recipient(watch.session, STAFF, "noc@example.com", "warning")
    add_recipient(watch.session, STAFF, "grave@example.com", "critical")
    end_rotation(watch, calendar)
    people["boss"].active = False
    watch.session.commit()
    watch.round(11)
    assert mails(watch) == ["li", "noc"]
    text = newest(watch).text
    assert "已无人可通知" in text
    assert "第 2 步未通知到人" in text
    assert "boss@example.com，账号已停用" in text
    watch.round(400)
    assert mails(watch) == ["li", "noc"]


def test_without_mail_every_step_to_a_person_says_so(
    watch: Watch, policy: EscalationPolicy, settings: Settings
) -> None:
    watch.settings = settings
    watch.sample(1, state=2)
    watch.round(1)
    [alarm] = watch.alarms()
    assert mails(watch) == []
    assert [line.rsplit(": ", 1)[1] for line in escalations(watch, alarm)] == ["no_mail"] * 3


def test_an_endpoint_is_told_though_it_subscribed_to_nothing(
    watch: Watch, people: dict[str, User]
) -> None:
    robot = Endpoint(
        kind="dingtalk", name="值班群", url="https://oapi.dingtalk.com/…", events=[], enabled=True,
        language="zh",
    )  # fmt: skip
    watch.session.add(robot)
    watch.session.flush()
    steps = (
        StepValues(0, "endpoint", robot.id),
        StepValues(5, "endpoint", robot.id),
        StepValues(9, "person", people["boss"].id),
    )
    made = create_policy(watch.session, STAFF, PolicyValues("群", "warning", steps))
    made.counts_from = watch.start
    watch.sample(1, state=2)
    watch.round(1)
    mail = newest(watch)
    assert (mail.channel, mail.endpoint_id, mail.event) == (
        "dingtalk", robot.id, "alarm.escalated",
    )  # fmt: skip
    assert mail.payload is not None
    assert mail.payload["alarms"][0]["step"] == 1
    robot.enabled = False
    watch.session.commit()
    watch.round(6)
    assert mails(watch) == ["值班群", "boss"]
    assert "值班群，通知端点已停用" in newest(watch).text


def test_one_round_tells_somebody_once_of_all(watch: Watch, policy: EscalationPolicy) -> None:
    watch.sample(1, state=2)
    watch.sample(1, state=2, port=1)
    watch.round(1)
    assert mails(watch) == ["li"]
    assert "等 2 条" in newest(watch).title
    assert watch.session.scalar(select(func.count()).select_from(EscalationDeed)) == 2


def test_the_deed_is_what_keeps_a_step_from_being_told_twice(watch: Watch, alarm: Alarm) -> None:
    assert escalate(watch.session, watch.settings, watch.at(2)) == []
    # The control.
    watch.session.execute(delete(EscalationDeed))
    assert len(escalate(watch.session, watch.settings, watch.at(2))) == 1


@pytest.mark.parametrize("is_held", [True, False], ids=["one deed", "control: no deed"])
def test_two_workers_at_once_tell_a_step_once(
    watch: Watch,
    alarm: Alarm,
    sessions: SessionFactory,
    monkeypatch: pytest.MonkeyPatch,
    is_held: bool,
) -> None:
    """Both saw that it is due, without the round's lock; the second waits for the first one's
    deed. Without the deed's uniqueness both tell."""
    if not is_held:
        _make_deeds_common(monkeypatch)
    seen = threading.Barrier(2, timeout=30)
    found = list_counted

    def look(*args: object, **options: object) -> object:
        rows = found(*args, **options)  # type: ignore[arg-type]
        seen.wait()
        return rows

    monkeypatch.setattr("dcim.alarms.oncall.escalating.list_counted", look)
    queued: list[int] = []

    def work() -> None:
        with transaction(sessions, STAFF) as session:
            queued.extend(escalate(session, watch.settings, watch.at(11)))

    workers = [threading.Thread(target=work) for _ in range(2)]
    for one in workers:
        one.start()
    for one in workers:
        one.join(30)
    assert len(queued) == (1 if is_held else 2)
    assert mails(watch)[1:] == ["li"] * len(queued)


def _make_deeds_common(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if each worker's deed were another's: their instants differ."""
    from dcim.alarms.oncall.escalating import _Round

    write = _Round._write_deed
    moments = iter(range(1, 10))

    def written(self: _Round, counted: object, *rest: object) -> int | None:
        later = dt.timedelta(milliseconds=next(moments))
        return write(self, replace(counted, since=counted.since + later), *rest)  # type: ignore

    monkeypatch.setattr(_Round, "_write_deed", written)


def test_looking_costs_the_same_for_any_number_and_telling_little_more(
    watch: Watch, alarm: Alarm, calendar: OnCallCalendar
) -> None:
    engine, rule_id = watch.session.connection().engine, watch.rule("port-busy").id

    def forget() -> None:
        watch.session.commit()
        watch.session.expunge_all()

    forget()
    with Counter(engine) as few:
        has_due_steps(watch.session, watch.at(2))
    for number in range(30):
        watch.session.add(
            Alarm(
                rule_id=rule_id, subject_kind="port", subject_id=1000 + number, label=str(number),
                severity="major", began_at=watch.at(1), raised_at=watch.at(1),
                seen_at=watch.at(1), value=95, limit=90,
            )
        )  # fmt: skip
    forget()
    with Counter(engine) as many:
        assert has_due_steps(watch.session, watch.at(2))
    assert many.count == few.count
    forget()
    with Counter(engine) as told:
        escalate(watch.session, watch.settings, watch.at(2))
    # Their deeds one by one, all else at once: a house without power has thousands.
    assert told.count < 30 + 25
