"""Planned work by its services: who may do what when, what is told to whom, what is kept."""

import datetime as dt
import hashlib
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from dcim.accounts.models import AuditEntry
from dcim.accounts.scope import Scope
from dcim.customers.models import CalendarDay, Contact, Contract, ContractTerms
from dcim.db import ScopedSession, SessionFactory, transaction
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from dcim.network.models import Port
from dcim.operations.consents import decide_consent, note_reading
from dcim.operations.maintenance import (
    Plan,
    Targets,
    approve_maintenance,
    begin_maintenance,
    cancel_maintenance,
    change_maintenance,
    finish_maintenance,
    plan_maintenance,
)
from dcim.operations.models import Maintenance
from dcim.operations.queries import find_maintenance, list_maintenance
from dcim.sla.announcing import announce, read_due
from tests.integration.power.test_outages import counting
from tests.integration.statements.town import SYSTEM, build_town

PLANNER = Scope.staff("planner@example.com")
CHIEF = Scope.staff("chief@example.com")
NOW = dt.datetime(2026, 11, 1, 2, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)
START = NOW + 10 * DAY
END = START + 2 * HOUR


class Desk:
    """The town's third customer, whose port is worked on."""

    def __init__(self, session: ScopedSession) -> None:
        self.session = session
        self.contract = session.get_one(Contract, build_town(session)[2])
        self.port = session.scalars(select(Port).where(Port.name == "ge3")).one()
        self.port_id = self.port.id
        self.customer_id = self.contract.customer_id
        self.own = Scope.customer("own@example.com", self.customer_id)
        self.other = Scope.customer("other@example.com", self.customer_id - 1)
        session.add_all(
            Contact(customer_id=self.customer_id, name=name, email=f"{name}@c3.example", **rights)
            for name, rights in (
                ("tech", {"may_ticket": True, "mobile": "13800000000"}),
                ("bills", {"gets_statements": True}),
                ("gone", {"may_ticket": True, "valid_until": dt.date(2026, 10, 1)}),
            )
        )
        session.flush()

    def plan(self, **given: Any) -> Maintenance:
        wanted: dict[str, Any] = {
            "title": "交换机升级", "title_en": "Switch upgrade", "starts_at": START, "ends_at": END,
            "targets": Targets(ports=frozenset([self.port_id])), "reason": "修复漏洞",
        }  # fmt: skip
        now = given.pop("now", NOW)
        return plan_maintenance(self.session, PLANNER, Plan(**(wanted | given)), now)

    def approved(self, **given: Any) -> Maintenance:
        return approve_maintenance(self.session, CHIEF, self.plan(**given).id, NOW + HOUR)

    def told(self, channel: str = "email", at: dt.datetime = NOW + 2 * HOUR) -> Maintenance:
        work = self.approved()
        announce(self.session, PLANNER, work.id, channel, now=at)
        return work


@pytest.fixture
def desk(session: ScopedSession) -> Desk:
    return Desk(session)


def deeds(session: ScopedSession, work: Maintenance) -> list[str]:
    return list(
        session.scalars(
            select(AuditEntry.action)
            .where(AuditEntry.subject == f"maintenance/{work.id}")
            .order_by(AuditEntry.id)
        )
    )


def test_from_the_plan_to_its_end(desk: Desk, session: ScopedSession) -> None:
    work = desk.plan()
    assert (work.code, work.state, work.planned_by) == (
        "MW-202611-01", "planned", "planner@example.com",
    )  # fmt: skip
    approve_maintenance(session, CHIEF, work.id, NOW + HOUR)
    assert (work.state, work.approved_by, work.approved_at) == (
        "approved", "chief@example.com", NOW + HOUR,
    )  # fmt: skip
    announce(session, PLANNER, work.id, "portal", now=NOW + 2 * HOUR)
    assert (work.state, work.announced_at) == ("announced", NOW + 2 * HOUR)
    begin_maintenance(session, PLANNER, work.id, START)
    finish_maintenance(session, PLANNER, work.id, END)
    assert (work.state, work.begun_at, work.over_at) == ("done", START, END)
    assert deeds(session, work) == [
        f"maintenance.{verb}" for verb in ("plan", "approve", "announce", "begin", "finish")
    ]
    assert desk.plan().code == "MW-202611-02"


def test_nobody_approves_what_they_planned(desk: Desk, session: ScopedSession) -> None:
    work = desk.plan()
    with pytest.raises(ConflictError, match="another person"):
        approve_maintenance(session, PLANNER, work.id, NOW)
    approve_maintenance(session, CHIEF, work.id, NOW)
    # Whoever moves it has planned it anew.
    change_maintenance(session, CHIEF, work.id, {"ends_at": END + HOUR}, NOW)
    assert (work.state, work.approved_by, work.planned_by) == ("planned", "", "chief@example.com")
    with pytest.raises(ConflictError, match="another person"):
        approve_maintenance(session, CHIEF, work.id, NOW)
    approve_maintenance(session, PLANNER, work.id, NOW)
    # Another title needs no approval.
    change_maintenance(session, CHIEF, work.id, {"title": "升级"}, NOW)
    assert work.state == "approved"


def test_the_database_wants_two_people(sessions: SessionFactory) -> None:
    with transaction(sessions, SYSTEM) as session:
        work = Desk(session).plan().id
    statement = text("UPDATE maintenance SET approved_by = :who, state = 'approved' WHERE id = :id")
    with (
        pytest.raises(IntegrityError, match="two_people"),
        transaction(sessions, SYSTEM) as session,
    ):
        session.execute(statement, {"who": "planner@example.com", "id": work})
    with transaction(sessions, SYSTEM) as session:
        session.execute(statement, {"who": "chief@example.com", "id": work})


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"ends_at": START}, "end after it starts"),
        ({"starts_at": NOW - HOUR}, "start in the past"),
        ({"title_en": " "}, "in Chinese and in English"),
        ({"targets": Targets()}, "what is worked on"),
        ({"targets": Targets(ports=frozenset([987_654_321]))}, "no port with the id 987654321"),
        ({"targets": Targets(rooms=frozenset([7]))}, "no room with the id 7"),
        ({"targets": Targets(power_nodes=frozenset([7]))}, "no power node with the id 7"),
        ({"kind": "party"}, "No such class"),
        ({"ends_at": START + 32 * DAY}, "31 days"),
    ],
)
def test_what_can_not_be_planned_is_told(desk: Desk, given: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidError, match=says):
        desk.plan(**given)


def test_an_emergency_is_entered_after_the_fact(desk: Desk, session: ScopedSession) -> None:
    at = NOW - 3 * HOUR
    work = desk.plan(kind="emergency", starts_at=at, ends_at=at + HOUR)
    assert work.after_fact
    approve_maintenance(session, CHIEF, work.id, NOW)
    finish_maintenance(session, PLANNER, work.id, NOW)
    # What proves it may come later; nothing else is changed then.
    change_maintenance(session, PLANNER, work.id, {"evidence": "消防报告 7 号"}, NOW)
    assert work.evidence == "消防报告 7 号"
    with pytest.raises(ConflictError, match="only its evidence"):
        change_maintenance(session, PLANNER, work.id, {"title": "x"}, NOW)
    # The control: planned work is never finished without a beginning.
    with pytest.raises(ConflictError, match="isn't under way"):
        finish_maintenance(session, PLANNER, desk.approved().id, END)


def test_a_device_is_all_its_ports(desk: Desk) -> None:
    work = desk.plan(targets=Targets(devices=frozenset([desk.port.device_id])))
    assert len(work.targets) == 3
    assert all(one.port_id is not None for one in work.targets)


def test_the_order_of_states_is_kept(desk: Desk, session: ScopedSession) -> None:
    work = desk.plan()
    with pytest.raises(ConflictError, match="isn't approved"):
        announce(session, PLANNER, work.id, "email", now=NOW)
    with pytest.raises(ConflictError, match="isn't approved"):
        begin_maintenance(session, PLANNER, work.id, START)
    approve_maintenance(session, CHIEF, work.id, NOW)
    with pytest.raises(ConflictError, match="hasn't come"):
        begin_maintenance(session, PLANNER, work.id, START - HOUR)
    with pytest.raises(InvalidError, match="Say why"):
        cancel_maintenance(session, PLANNER, work.id, " ", NOW)
    cancel_maintenance(session, PLANNER, work.id, "备件未到", NOW)
    for act in (approve_maintenance, begin_maintenance, finish_maintenance):
        with pytest.raises(ConflictError):
            act(session, CHIEF, work.id, START)
    with pytest.raises(ConflictError):
        change_maintenance(session, PLANNER, work.id, {"evidence": "x"}, NOW)
    with pytest.raises(ConflictError, match="nothing to announce"):
        announce(session, PLANNER, work.id, "email", now=NOW)
    late = desk.plan()
    with pytest.raises(ConflictError, match="move it first"):
        approve_maintenance(session, CHIEF, late.id, START + HOUR)


def test_whom_it_concerns_is_found_at_its_time(desk: Desk, session: ScopedSession) -> None:
    """ge1 went from the first customer to the second in October: who had it then is asked."""
    port = session.scalars(select(Port).where(Port.name == "ge1")).one()
    targets = Targets(ports=frozenset([port.id]))
    before = dt.datetime(2026, 10, 2, tzinfo=dt.UTC)
    then = desk.plan(targets=targets, starts_at=before, ends_at=before + HOUR, now=before - DAY)
    (first,) = read_due(session, PLANNER, then, NOW)
    (second,) = read_due(session, PLANNER, desk.plan(targets=targets), NOW)
    assert (first.customer.code, second.customer.code) == ("C1", "C2")
    (item,) = second.customer.items
    assert (item.code, [(one.kind, one.lost, one.kept) for one in item.losses]) == (
        "HT-2-01", [("port", "sw-1 ge1", "")],
    )  # fmt: skip


def test_until_when_and_what_it_costs(desk: Desk, session: ScopedSession) -> None:
    """72 hours by the standard terms; two hours of October's 744 are 99.73 %: 10 % of 3000.00."""
    work = desk.approved()
    (due,) = read_due(session, PLANNER, work, NOW)
    assert (due.standing, due.send_by) == ("due", START - 72 * HOUR)
    assert due.at_stake == {"CNY": 300}
    (due,) = read_due(session, PLANNER, work, START - 72 * HOUR)
    assert due.standing == "due"
    (due,) = read_due(session, PLANNER, work, START - 72 * HOUR + dt.timedelta(milliseconds=1))
    assert due.standing == "late"
    announce(session, PLANNER, work.id, "email", now=START - 71 * HOUR)
    (due,) = read_due(session, PLANNER, work, START - 70 * HOUR)
    assert (due.standing, due.is_told) == ("late", True)
    # An emergency is left out by no clause of these terms.
    other = desk.plan(kind="emergency")
    (due,) = read_due(session, PLANNER, other, NOW)
    assert (due.standing, due.send_by) == ("counts", None)


def test_business_days_go_by_the_calendar(desk: Desk, session: ScopedSession) -> None:
    """It begins on Wednesday the 11th at 10:00 in Shanghai. Three business days' notice may be
    given on Sunday the 8th at that hour at the latest, or on Thursday the 5th where Monday is a
    holiday; without a calendar nobody knows."""
    terms = session.scalars(
        select(ContractTerms).where(ContractTerms.contract_id == desk.contract.id)
    ).one()
    terms.document = terms.document.replace("notice: 72 h", "notice: 3 business days")
    work = desk.approved()
    (due,) = read_due(session, PLANNER, work, NOW)
    assert (due.standing, due.send_by) == ("unknown", None)
    session.add(CalendarDay(day=dt.date(2026, 10, 1), name="国庆节"))
    session.flush()
    (due,) = read_due(session, PLANNER, work, NOW)
    assert (due.standing, due.send_by) == ("due", START - 3 * DAY)
    session.add(CalendarDay(day=dt.date(2026, 11, 9), name="假"))
    session.flush()
    (due,) = read_due(session, PLANNER, work, NOW)
    assert due.send_by == START - 6 * DAY


def test_a_notice_is_kept_as_it_was_sent(desk: Desk, session: ScopedSession) -> None:
    work = desk.told()
    (row,) = find_maintenance(session, PLANNER, work.id).notices
    assert row.text is not None
    assert row.sha256 == hashlib.sha256(row.text.encode()).hexdigest()
    assert (row.channel, row.recipient, row.sent_by) == (
        "email", "tech@c3.example", "planner@example.com",
    )  # fmt: skip
    assert (row.starts_at, row.ends_at, row.language) == (START, END, "zh")
    for words in ("MW-202611-01", "交换机升级", "修复漏洞", "2026-11-11 10:00 至 12:00", "HT-3-01",
                  "sw-1 ge3"):  # fmt: skip
        assert words in row.text
    (due,) = read_due(session, PLANNER, work, START)
    assert due.standing == "told"
    # Its own customer reads it, but not who typed it.
    own = find_maintenance(session, desk.own, work.id)
    assert (own.notices[0].text, own.notices[0].sent_by, own.planned_by) == (row.text, None, None)
    with pytest.raises(NotFoundError):
        find_maintenance(session, desk.other, work.id)


def test_moved_it_is_told_anew(desk: Desk, session: ScopedSession) -> None:
    work = desk.told()
    with pytest.raises(ConflictError, match="told of these times"):
        announce(session, PLANNER, work.id, "email", now=NOW + 3 * HOUR)
    change_maintenance(session, PLANNER, work.id, {"ends_at": END + HOUR}, NOW + 3 * HOUR)
    approve_maintenance(session, CHIEF, work.id, NOW + 4 * HOUR)
    (due,) = read_due(session, PLANNER, work, NOW + 5 * HOUR)
    assert (due.is_told, due.standing) == (False, "due")
    (due,) = read_due(session, PLANNER, work, START)
    assert due.standing == "part"
    session.execute(text("UPDATE customer SET language = 'en'"))
    session.expire_all()
    announce(session, PLANNER, work.id, "email", now=NOW + 6 * HOUR)
    first, second = find_maintenance(session, PLANNER, work.id).notices
    assert (first.ends_at, second.ends_at) == (END, END + HOUR)
    assert second.text is not None
    assert "replaces the time told before, 2026-11-11 10:00 to 12:00" in second.text
    (due,) = read_due(session, PLANNER, work, START)
    assert due.standing == "told"


def test_how_and_when_it_may_be_told(desk: Desk, session: ScopedSession) -> None:
    work = desk.approved()
    at = NOW + 5 * HOUR
    for sent in (at + HOUR, NOW):
        with pytest.raises(InvalidError, match="not in the future"):
            announce(session, PLANNER, work.id, "phone", sent_at=sent, now=at)
    with pytest.raises(InvalidError, match="In the portal"):
        announce(session, PLANNER, work.id, "portal", sent_at=NOW + 2 * HOUR, now=at)
    with pytest.raises(InvalidError, match="concerns"):
        announce(session, PLANNER, work.id, "email", [desk.customer_id - 1], now=at)
    with pytest.raises(ForbiddenError):
        announce(session, desk.own, work.id, "email", now=at)
    told = announce(session, PLANNER, work.id, "phone", sent_at=NOW + 2 * HOUR, now=at)
    (notice,) = told.notices
    assert (notice.sent_at, notice.recorded_at, notice.recipient) == (
        NOW + 2 * HOUR, at, "tech 13800000000",
    )  # fmt: skip
    session.execute(text("DELETE FROM contact"))
    with pytest.raises(InvalidError, match="No contact of C3"):
        announce(session, PLANNER, work.id, "letter", now=at)


def test_reading_is_noted_once(desk: Desk, session: ScopedSession) -> None:
    work = desk.told("portal")
    note_reading(session, desk.other, work.id, NOW + 3 * HOUR)
    note_reading(session, PLANNER, work.id, NOW + 3 * HOUR)
    session.expire_all()
    assert find_maintenance(session, PLANNER, work.id).notices[0].read_at is None
    note_reading(session, desk.own, work.id, NOW + 4 * HOUR)
    note_reading(session, desk.own, work.id, NOW + 5 * HOUR)
    session.expire_all()
    (notice,) = find_maintenance(session, PLANNER, work.id).notices
    assert (notice.read_at, notice.read_by) == (NOW + 4 * HOUR, "own@example.com")


def test_a_customer_approves_the_times_it_was_asked_for(desk: Desk, session: ScopedSession) -> None:
    work = desk.told("portal")
    seen = (START, END)
    with pytest.raises(ForbiddenError):
        decide_consent(session, PLANNER, work.id, "approved", now=NOW, seen=seen)
    with pytest.raises(NotFoundError):
        decide_consent(session, desk.other, work.id, "approved", now=NOW, seen=seen)
    with pytest.raises(InvalidError, match="why you object"):
        decide_consent(session, desk.own, work.id, "objected", now=NOW, seen=seen)
    with pytest.raises(ConflictError, match="have changed"):
        decide_consent(session, desk.own, work.id, "approved", now=NOW, seen=(START, END + HOUR))
    decide_consent(session, desk.own, work.id, "objected", "促销期", NOW + 3 * HOUR, seen=seen)
    decide_consent(session, desk.own, work.id, "approved", now=NOW + 4 * HOUR, seen=seen)
    (consent,) = find_maintenance(session, PLANNER, work.id).consents
    assert (consent.decision, consent.stands, consent.decided_by) == (
        "approved", True, "own@example.com",
    )  # fmt: skip
    change_maintenance(session, PLANNER, work.id, {"ends_at": END + HOUR}, NOW + 5 * HOUR)
    (consent,) = find_maintenance(session, PLANNER, work.id).consents
    assert not consent.stands
    (due,) = read_due(session, PLANNER, work, NOW + 5 * HOUR)
    assert due.consent is None
    seen = (START, END + HOUR)
    with pytest.raises(ConflictError):
        decide_consent(session, desk.own, work.id, "approved", now=NOW + 5 * HOUR, seen=seen)
    approve_maintenance(session, CHIEF, work.id, NOW + 6 * HOUR)
    with pytest.raises(ConflictError, match="has begun"):
        decide_consent(session, desk.own, work.id, "approved", now=START, seen=seen)


@pytest.mark.parametrize(
    ("change", "stands"),
    [
        ({"ends_at": END - HOUR}, True),
        ({"starts_at": START + HOUR}, True),
        ({"starts_at": START - HOUR}, False),
        ({"starts_at": START + HOUR, "ends_at": END + HOUR}, False),
    ],
)
def test_consent_stands_for_what_is_within_its_times(
    desk: Desk, session: ScopedSession, change: dict[str, Any], stands: bool
) -> None:
    """The list decides in SQL, the notices due on loaded rows: alike."""
    work = desk.told("portal")
    decide_consent(session, desk.own, work.id, "approved", now=NOW, seen=(START, END))
    change_maintenance(session, PLANNER, work.id, change, NOW + 5 * HOUR)
    (consent,) = find_maintenance(session, PLANNER, work.id).consents
    assert consent.stands is stands
    (due,) = read_due(session, PLANNER, work, NOW + 5 * HOUR)
    assert (due.consent is not None) is stands


def test_what_isnt_settled_isnt_shown_to_customers(desk: Desk, session: ScopedSession) -> None:
    work = desk.plan()
    assert list_maintenance(session, desk.own).total == 0
    approve_maintenance(session, CHIEF, work.id, NOW)
    # Told or not: it touches its port.
    assert list_maintenance(session, desk.own).total == 1
    assert list_maintenance(session, desk.other).total == 0
    cancel_maintenance(session, PLANNER, work.id, "改期", NOW)
    assert list_maintenance(session, desk.own).total == 0
    assert list_maintenance(session, PLANNER, states=("cancelled",)).total == 1


def test_the_database_keeps_what_was_told(sessions: SessionFactory) -> None:
    with transaction(sessions, SYSTEM) as session:
        desk = Desk(session)
        work = desk.told("portal")
        decide_consent(
            session, desk.own, work.id, "objected", "促销期", NOW + 3 * HOUR, seen=(START, END)
        )
    for deed in (
        "UPDATE maintenance_notice SET sent_at = sent_at - interval '1 day'",
        "UPDATE maintenance_notice SET ends_at = ends_at + interval '1 day'",
        "UPDATE maintenance_notice SET text = 'x'",
        "DELETE FROM maintenance_notice",
        "UPDATE maintenance_consent SET decision = 'approved'",
        "DELETE FROM maintenance_consent",
    ):
        with pytest.raises((IntegrityError, DBAPIError)), transaction(sessions, SYSTEM) as session:
            session.execute(text(deed))
    # The control: its reading goes through, once.
    read = text("UPDATE maintenance_notice SET read_at = now(), read_by = 'x'")
    with transaction(sessions, SYSTEM) as session:
        session.execute(read)
    with pytest.raises((IntegrityError, DBAPIError)), transaction(sessions, SYSTEM) as session:
        session.execute(read)


def test_lists_take_the_same_number_of_statements(desk: Desk, session: ScopedSession) -> None:
    for _ in range(2):
        desk.told()
    counts = []
    for more in (0, 3):
        for _ in range(more):
            desk.told()
        session.expire_all()
        with counting(session) as seen:
            list_maintenance(session, PLANNER)
        counts.append(len(seen))
    assert counts[0] == counts[1] == 5
