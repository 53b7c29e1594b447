"""Tickets: opened, led on, corrected; what was stays; nobody else sees them."""

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from dcim.accounts.models import AuditEntry
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.db import ScopedSession, SessionFactory, transaction
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from dcim.operations.models import Ticket, TicketEvent
from dcim.operations.ticket_queries import TicketFilter, WaitRow, find_ticket, list_tickets
from dcim.operations.ticket_subjects import WishedSubjects, list_possible_subjects
from dcim.operations.tickets import (
    NewTicket,
    advance_ticket,
    comment_ticket,
    correct_time,
    open_ticket,
)
from tests.integration.metering.test_observations import instant
from tests.integration.tickets.desk import CLERK, Desk


@pytest.fixture
def desk(session: ScopedSession) -> Desk:
    return Desk(session)


def events_of(desk: Desk, ticket: Ticket, scope: Scope = CLERK) -> list[str]:
    return [one.kind for one in find_ticket(desk.session, scope, ticket.id).events]


def test_a_life_with_its_history(desk: Desk, session: ScopedSession) -> None:
    ticket = desk.open(100, urgent=True, rack_ids=[desk.racks["A-01"]])
    assert ticket.number == f"T-{utc_now().year}-{ticket.id:05d}"
    desk.lead(ticket, "answer", 110)
    assert ticket.responded_by == CLERK.actor
    desk.lead(ticket, "wait", 120, "请提供重启授权")
    desk.lead(ticket, "resume", 150)
    desk.lead(ticket, "wait", 160, "请确认")
    desk.lead(ticket, "resolve", 170)
    desk.lead(ticket, "close", 180)
    desk.lead(ticket, "reopen", 300, "又断电了")
    view = find_ticket(session, CLERK, ticket.id)
    assert view.ticket.state == "answered"
    # The first answer stays the answer; what was closed is open, and when it was closed is kept.
    assert view.ticket.responded_at == instant(110)
    assert (view.ticket.resolved_at, view.ticket.closed_at) == (None, None)
    assert [(one.kind, one.at) for one in view.events] == [
        ("open", instant(100)), ("answer", instant(110)), ("wait", instant(120)),
        ("resume", instant(150)), ("wait", instant(160)), ("resolve", instant(170)),
        ("close", instant(180)), ("reopen", instant(300)),
    ]  # fmt: skip
    assert view.waits == [
        WaitRow(instant(120), instant(150)), WaitRow(instant(160), instant(170)),
    ]  # fmt: skip
    [subject] = view.ticket.subjects
    assert (subject.item_code, subject.rack_id, subject.name) == ("I1", desk.racks["A-01"], "A-01")
    deeds = session.scalars(
        select(AuditEntry.action)
        .where(AuditEntry.subject == f"ticket/{ticket.id}")
        .order_by(AuditEntry.id)
    ).all()
    assert deeds == [f"ticket.{one.kind}" for one in view.events]


def test_times_come_in_order_and_not_in_the_future(desk: Desk, session: ScopedSession) -> None:
    hour = dt.timedelta(hours=1)
    with pytest.raises(InvalidError, match="now or before"):
        open_ticket(
            session, CLERK,
            NewTicket(
                "fault", "x", customer_id=desk.customer, channel="phone",
                opened_at=utc_now() + hour,
            ),
        )  # fmt: skip
    ticket = desk.open(100)
    for at in (instant(99), utc_now() + hour):
        with pytest.raises(InvalidError, match="comes after what was done before"):
            advance_ticket(session, CLERK, ticket.id, "answer", at=at)
    desk.lead(ticket, "answer", 100)
    desk.lead(ticket, "wait", 120)
    desk.lead(ticket, "resume", 140)
    # Later than the answer, earlier than the waiting was over.
    with pytest.raises(InvalidError, match="comes after"):
        desk.lead(ticket, "resolve", 130)
    desk.lead(ticket, "close", 150)
    desk.lead(ticket, "reopen", 200)
    with pytest.raises(InvalidError, match="comes after"):
        desk.lead(ticket, "close", 199)
    with pytest.raises(ConflictError, match="in another state"):
        desk.lead(ticket, "answer", 210)
    with pytest.raises(InvalidError, match="Say why"):
        desk.lead(ticket, "wait", 210, " ")
    desk.lead(ticket, "close", 220)
    late = instant(220) + dt.timedelta(days=7, seconds=1)
    with pytest.raises(ConflictError, match="open a new one"):
        advance_ticket(session, CLERK, ticket.id, "reopen", text="x", now=late)


def test_a_time_is_corrected_with_a_reason_and_what_it_was_is_kept(
    desk: Desk, session: ScopedSession
) -> None:
    ticket = desk.open(100)
    desk.lead(ticket, "answer", 130)
    for time, minute, reason, error, words in (
        ("responded_at", 99, "x", InvalidError, "opened, then answered"),
        ("opened_at", 131, "x", InvalidError, "opened, then answered"),
        ("responded_at", 110, " ", InvalidError, "Say why"),
        ("closed_at", 140, "x", ConflictError, "nothing to correct"),
        ("waiting_since", 140, "x", InvalidError, "No such time"),
    ):
        with pytest.raises(error, match=words):
            correct_time(session, CLERK, ticket.id, time, instant(minute), reason)
    with pytest.raises(ForbiddenError):
        correct_time(session, desk.own, ticket.id, "responded_at", instant(110), "x")
    correct_time(session, CLERK, ticket.id, "responded_at", instant(110), "录音为 10 分钟")
    assert ticket.responded_at == instant(110)
    last = find_ticket(session, desk.own, ticket.id).events[-1]
    assert (last.kind, last.time, last.before, last.at, last.text) == (
        "correct", "responded_at", instant(130), instant(110), "录音为 10 分钟",
    )  # fmt: skip
    deed = session.scalars(
        select(AuditEntry).where(AuditEntry.action == "ticket.correct")
    ).one()  # fmt: skip
    assert (deed.detail["before"], deed.detail["after"]) == (
        instant(130).isoformat(), instant(110).isoformat(),
    )  # fmt: skip


def test_a_corrected_time_keeps_to_the_waiting_in_the_history(
    desk: Desk, session: ScopedSession
) -> None:
    ticket = desk.open(100)
    desk.lead(ticket, "answer", 102)
    desk.lead(ticket, "wait", 105)

    def correct(time: str, minute: int) -> None:
        correct_time(session, CLERK, ticket.id, time, instant(minute), "录音")

    said = f"{instant(105):%Y-%m-%d %H:%M} UTC: it was answered before"
    with pytest.raises(InvalidError, match=said) as refused:
        correct("responded_at", 130)
    assert refused.value.fields == {"at": ["out of order"]}
    desk.lead(ticket, "resume", 140)
    desk.lead(ticket, "resolve", 150)
    said = f"{instant(140):%Y-%m-%d %H:%M} UTC: it was resolved after"
    with pytest.raises(InvalidError, match=said):
        correct("resolved_at", 139)
    with pytest.raises(InvalidError, match="answered before"):
        correct("responded_at", 106)
    # The controls: up to either, and what was resolved before it was reopened is over.
    correct("responded_at", 105)
    correct("resolved_at", 140)
    desk.lead(ticket, "reopen", 200)
    desk.lead(ticket, "close", 230)
    with pytest.raises(InvalidError, match="resolved after"):
        correct("resolved_at", 199)
    correct("resolved_at", 200)
    assert (ticket.responded_at, ticket.resolved_at) == (instant(105), instant(200))


def test_a_customer_opens_its_own_now(desk: Desk, session: ScopedSession) -> None:
    before = utc_now()
    ticket = open_ticket(session, desk.own, NewTicket("fault", "断网", urgent=True))
    assert before <= ticket.opened_at <= utc_now()
    assert (ticket.customer_id, ticket.channel) == (desk.customer, "portal")
    for given, words in (
        ({"opened_at": instant(1)}, "when a call came"),
        ({"channel": "phone"}, "how a call came"),
    ):
        with pytest.raises(ForbiddenError, match=words):
            open_ticket(session, desk.own, NewTicket("fault", "x", **given))
    for action in ("answer", "wait", "resume", "resolve"):
        with pytest.raises(ForbiddenError):
            advance_ticket(session, desk.own, ticket.id, action, text="x")
    # It can't close what nobody answered, nor say when it did.
    with pytest.raises(ConflictError):
        advance_ticket(session, desk.own, ticket.id, "close")
    advance_ticket(session, CLERK, ticket.id, "answer")
    with pytest.raises(ForbiddenError):
        advance_ticket(session, desk.own, ticket.id, "close", at=utc_now())
    advance_ticket(session, desk.own, ticket.id, "close")
    advance_ticket(session, desk.own, ticket.id, "reopen", text="还没好")
    assert events_of(desk, ticket) == ["open", "answer", "close", "reopen"]


def test_bad_wishes_are_told(desk: Desk, session: ScopedSession) -> None:
    for given, error, words in (
        ({"kind": "wish"}, InvalidError, "No such kind"),
        ({"title": "  "}, InvalidError, "few words"),
        ({"kind": "visit", "urgent": True}, InvalidError, "can't be urgent"),
        ({"channel": None}, InvalidError, "how the call came"),
        ({"channel": "fax"}, InvalidError, "No such channel"),
        ({"customer_id": None}, InvalidError, "whose ticket"),
        ({"customer_id": 987_654}, NotFoundError, "No such customer"),
        ({"rack_ids": [desk.racks["A-02"]]}, InvalidError, "these aren't: rack_ids"),
        ({"item_ids": [desk.items["I2"]]}, InvalidError, "these aren't: item_ids"),
        ({"port_ids": [987_654]}, InvalidError, "these aren't: port_ids"),
    ):
        with pytest.raises(error, match=words):
            desk.open(100, **given)


def test_subjects_are_what_the_customer_has_at_the_time(desk: Desk, session: ScopedSession) -> None:
    found = list_possible_subjects(session, desk.own, desk.customer, instant(100))
    assert [(one.item_code, one.name) for one in found] == [
        ("BW1", ""), ("BW1", "sw ge1"), ("I1", ""), ("I1", "A-01"),
    ]  # fmt: skip
    # Before the port was the service's, and before the contract began.
    early = list_possible_subjects(session, CLERK, desk.customer, instant(-110_000))
    assert [(one.item_code, one.name) for one in early] == [
        ("BW1", ""), ("I1", ""), ("I1", "A-01"),
    ]  # fmt: skip
    assert list_possible_subjects(session, CLERK, desk.customer, instant(-500_000)) == []
    assert list_possible_subjects(session, desk.foreign, desk.customer, instant(100)) == []
    # A rack of an item that is named whole adds nothing.
    both = desk.open(100, item_ids=[desk.items["I1"]], rack_ids=[desk.racks["A-01"]])
    [one] = find_ticket(session, desk.own, both.id).ticket.subjects
    assert (one.item_code, one.rack_id) == ("I1", None)


def test_comments_for_both_and_for_staff_alone(desk: Desk, session: ScopedSession) -> None:
    ticket = desk.open(100)
    comment_ticket(session, CLERK, ticket.id, "INTERNAL-WORDS", internal=True)
    comment_ticket(session, CLERK, ticket.id, "在查")
    with pytest.raises(ForbiddenError):
        comment_ticket(session, desk.own, ticket.id, "x", internal=True)
    with pytest.raises(InvalidError, match="Write something"):
        comment_ticket(session, desk.own, ticket.id, "  ")
    advance_ticket(session, CLERK, ticket.id, "answer")
    advance_ticket(session, CLERK, ticket.id, "wait", text="请授权")
    comment_ticket(session, desk.own, ticket.id, "同意")
    assert events_of(desk, ticket) == [
        "open", "comment", "comment", "answer", "wait", "comment", "resume",
    ]  # fmt: skip
    seen = find_ticket(session, desk.own, ticket.id)
    assert "INTERNAL-WORDS" not in str(seen)
    assert len(seen.events) == 6
    # Who of staff did it is the operator's own affair; what the customer did is its own.
    assert {one.actor for one in seen.events} == {None, desk.own.actor}
    assert (seen.ticket.entered_by, seen.ticket.responded_by) == (None, None)
    assert find_ticket(session, CLERK, ticket.id).ticket.entered_by == CLERK.actor


def test_another_customer_finds_nothing(desk: Desk, session: ScopedSession) -> None:
    ticket = desk.open(100)
    for deed in (
        lambda: find_ticket(session, desk.foreign, ticket.id),
        lambda: comment_ticket(session, desk.foreign, ticket.id, "x"),
        lambda: advance_ticket(session, desk.foreign, ticket.id, "close"),
        lambda: open_ticket(session, desk.foreign, NewTicket("fault", "x", customer_id=1)),
    ):
        with pytest.raises(NotFoundError):
            deed()
    with pytest.raises(InvalidError, match="these aren't"):
        open_ticket(
            session, desk.foreign,
            NewTicket("fault", "x", subjects=WishedSubjects((desk.items["I1"],))),
        )  # fmt: skip
    assert list_tickets(session, desk.foreign).total == 0


def test_lists_are_filtered_and_sorted(desk: Desk, session: ScopedSession) -> None:
    first = desk.open(100, title="电源 A 路", urgent=True)
    second = desk.open(200, kind="remote_hands", title="重启")
    desk.lead(second, "answer", 210)
    third = desk.open(300, customer_id=desk.other, title="question")
    desk.lead(third, "answer", 310)
    desk.lead(third, "close", 320)

    def ids(sort: str = "opened_at", **wanted: Any) -> list[int]:
        since = {"since": instant(50), "until": instant(8_000)} | wanted
        return [
            one.id for one in list_tickets(session, CLERK, TicketFilter(**since), sort=sort).items
        ]  # fmt: skip

    assert ids() == [first.id, second.id, third.id]
    assert ids("-opened_at") == [third.id, second.id, first.id]
    assert ids("-customer") == [third.id, second.id, first.id]
    assert ids(state="open") == [first.id]
    assert ids(state="closed") == [third.id]
    assert ids(unclosed=True) == [first.id, second.id]
    assert ids(urgent=True) == [first.id]
    assert ids(kind="remote_hands") == [second.id]
    assert ids(q="a 路") == [first.id]
    assert ids(q=second.number.lower()) == [second.id]
    assert ids(customer_id=desk.other) == [third.id]
    assert ids(since=instant(201)) == [third.id]


def test_the_database_keeps_what_was_written(sessions: SessionFactory) -> None:
    with transaction(sessions, CLERK) as session:
        desk = Desk(session)
        ticket = desk.open(100)
        desk.lead(ticket, "answer", 110)
        ticket_id = ticket.id
    for deed in (
        "UPDATE ticket_event SET at = at - interval '1 minute'",
        "DELETE FROM ticket_event",
        "UPDATE ticket_subject SET rack_id = NULL",
        "DELETE FROM ticket_subject",
        "DELETE FROM ticket",
        "UPDATE ticket SET urgent = true",
        "UPDATE ticket SET kind = 'question'",
        "UPDATE ticket SET responded_at = opened_at - interval '1 second'",
        "UPDATE ticket SET closed_at = responded_at - interval '1 second'",
    ):
        with pytest.raises((IntegrityError, DBAPIError)), transaction(sessions, CLERK) as session:
            session.execute(text(deed))
    # The control: a correction, by the service, goes through.
    with transaction(sessions, CLERK) as session:
        correct_time(session, CLERK, ticket_id, "responded_at", instant(105), "录音")
        assert session.get_one(Ticket, ticket_id).responded_at == instant(105)


def test_what_staff_say_among_themselves_is_behind_the_second_wall(
    sessions: SessionFactory,
) -> None:
    with transaction(sessions, CLERK) as session:
        desk = Desk(session)
        own, ticket = desk.own, desk.open(100)
        comment_ticket(session, CLERK, ticket.id, "x", internal=True)
    counted = select(TicketEvent.internal).where(TicketEvent.ticket_id == ticket.id)
    # A query without any condition on who reads.
    with transaction(sessions, own) as session:
        assert session.scalars(counted).all() == [False]
    with transaction(sessions, CLERK) as session:
        assert sorted(session.scalars(counted).all()) == [False, True]


def test_a_customer_finds_its_ports_behind_its_own_wall(sessions: SessionFactory) -> None:
    """The switch is the operator's: its name stays hidden, the port doesn't."""
    with transaction(sessions, CLERK) as session:
        desk = Desk(session)
    port = desk.ports["ge1"]
    with transaction(sessions, desk.own) as session:
        possible = list_possible_subjects(session, desk.own, desk.customer, utc_now())
        assert [one.name for one in possible] == ["", "ge1", "", "A-01"]
        subjects = WishedSubjects(port_ids=(port,))
        ticket = open_ticket(session, desk.own, NewTicket("fault", "x", subjects=subjects))
        [one] = find_ticket(session, desk.own, ticket.id).ticket.subjects
        assert (one.port_id, one.name) == (port, "ge1")
    with transaction(sessions, CLERK) as session:
        [one] = find_ticket(session, CLERK, ticket.id).ticket.subjects
        assert one.name == "sw ge1"
