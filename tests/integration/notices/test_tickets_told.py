"""What happens to a ticket is told to the people of its customer who want it, once, and to nobody
else."""

import pytest
from sqlalchemy import select

from dcim.accounts.scope import Scope
from dcim.db import ScopedSession, SessionFactory, transaction
from dcim.operations.models import TicketEvent
from dcim.operations.ticket_subjects import WishedSubjects
from dcim.operations.ticket_telling import tell_ticket
from dcim.operations.tickets import (
    NewTicket,
    advance_ticket,
    comment_ticket,
    correct_time,
    open_ticket,
)
from tests.integration.metering.test_observations import instant
from tests.integration.notices.people import (
    SENDER,
    choose,
    enter,
    mails,
    queued,
    scope_of_person,
    take_away_roles,
)
from tests.integration.tickets.desk import CLERK, Desk


@pytest.fixture
def desk(session: ScopedSession) -> Desk:
    session.info["sender"] = SENDER
    made = Desk(session)
    assert not queued(session)  # nobody is there to be told of what the desk did
    return made


def open_own(desk: Desk, scope: Scope) -> int:
    wanted = NewTicket(kind="fault", title="端口不通", subjects=WishedSubjects())
    return open_ticket(desk.session, scope, wanted).id


def test_an_answer_goes_to_who_opened_it_and_who_reads_all(desk: Desk) -> None:
    session = desk.session
    opener = enter(session, desk.customer, "opener", administrator=False)
    enter(session, desk.customer, "chief")
    enter(session, desk.customer, "viewer", administrator=False)
    enter(session, desk.other, "stranger")
    ticket_id = open_own(desk, scope_of_person(opener))
    advance_ticket(session, CLERK, ticket_id, "answer")
    assert queued(session) == [("opener", "ticket.own"), ("chief", "ticket.any")]
    [mail] = mails(session, "opener")
    assert mail.customer_id == desk.customer
    assert mail.user_id == opener.id
    assert mail.title.startswith("【示例云港】工单 T-")
    assert f"https://portal.example.com/portal/tickets/{ticket_id}" in mail.text
    assert "clerk@example.com" not in mail.text + mail.title


def test_the_same_deed_twice_is_told_once(desk: Desk) -> None:
    session = desk.session
    enter(session, desk.customer, "chief")
    ticket = desk.open(9_010)
    desk.lead(ticket, "answer", 9_020)
    [event] = session.scalars(
        select(TicketEvent).where(TicketEvent.ticket_id == ticket.id, TicketEvent.kind == "answer")
    )
    tell_ticket(session, CLERK, ticket, event)
    assert queued(session) == [("chief", "ticket.any")]
    # The control: another deed is told.
    desk.lead(ticket, "resolve", 9_030)
    assert len(queued(session)) == 2


def test_switched_off_nothing_is_queued(desk: Desk) -> None:
    session = desk.session
    opener = enter(session, desk.customer, "opener", administrator=False)
    choose(session, opener, ticket_own=False)
    ticket_id = open_own(desk, scope_of_person(opener))
    advance_ticket(session, CLERK, ticket_id, "answer")
    assert queued(session) == []
    # The control: switched on again, the next is told.
    choose(session, opener, ticket_own=True)
    advance_ticket(session, CLERK, ticket_id, "resolve")
    assert queued(session) == [("opener", "ticket.own")]


@pytest.mark.parametrize("loss", ["disabled", "roles", "moved"])
def test_who_lost_the_right_is_told_nothing(desk: Desk, loss: str) -> None:
    session = desk.session
    opener = enter(session, desk.customer, "opener", administrator=False)
    choose(session, opener, ticket_own=True)
    ticket_id = open_own(desk, scope_of_person(opener))
    advance_ticket(session, CLERK, ticket_id, "answer")
    assert len(queued(session)) == 1  # the control
    if loss == "disabled":
        opener.active = False
    elif loss == "roles":
        take_away_roles(session, opener)
    else:
        opener.customer_id = desk.other
    session.flush()
    advance_ticket(session, CLERK, ticket_id, "resolve")
    assert len(queued(session)) == 1


def test_what_is_for_staff_and_what_one_did_oneself(desk: Desk) -> None:
    session = desk.session
    opener = enter(session, desk.customer, "opener", administrator=False)
    enter(session, desk.customer, "chief")
    own = scope_of_person(opener)
    ticket_id = open_own(desk, own)
    comment_ticket(session, CLERK, ticket_id, "内部：先不要告诉客户", internal=True)
    assert queued(session) == []
    comment_ticket(session, CLERK, ticket_id, "已派人")
    assert queued(session) == [("opener", "ticket.own"), ("chief", "ticket.any")]
    # What a customer's person writes is told to their colleagues, not to themselves.
    comment_ticket(session, own, ticket_id, "谢谢")
    assert queued(session)[2:] == [("chief", "ticket.any")]
    assert all("内部" not in mail.text for mail in mails(session, "chief"))
    # That it went on because they wrote is no further news, nor is a time put right.
    advance_ticket(session, CLERK, ticket_id, "answer")
    advance_ticket(session, CLERK, ticket_id, "wait", text="请确认")
    before = len(queued(session))
    comment_ticket(session, own, ticket_id, "确认")
    assert queued(session)[before:] == [("chief", "ticket.any")]


def test_a_time_put_right_is_no_news(desk: Desk) -> None:
    session = desk.session
    enter(session, desk.customer, "chief")
    ticket = desk.open(9_010)
    desk.lead(ticket, "answer", 9_020)
    assert queued(session) == [("chief", "ticket.any")]
    correct_time(session, CLERK, ticket.id, "responded_at", instant(9_015), "录入有误")
    assert len(queued(session)) == 1


def test_in_the_readers_language_and_zone(desk: Desk) -> None:
    session = desk.session
    enter(session, desk.customer, "chief", language="en", timezone="America/New_York")
    enter(session, desk.customer, "zweite")
    ticket = desk.open(9_010)
    desk.lead(ticket, "answer", 9_020)
    [english], [chinese] = mails(session, "chief"), mails(session, "zweite")
    # 7 October 2026, 06:20 in Shanghai is the evening before in New York.
    assert "Answered, 2026-10-06 18:20 (America/New_York)." in english.text
    assert "已受理，2026-10-07 06:20 (Asia/Shanghai)。" in chinese.text
    assert english.title.startswith("Example Port: Ticket T-")
    assert (english.text.count("America/New_York"), chinese.text.count("Asia/Shanghai")) == (1, 1)


def test_somebodys_words_do_nothing(desk: Desk) -> None:
    session = desk.session
    enter(session, desk.customer, "chief")
    ticket = desk.open(9_010, title="断电\r\nBcc: all@example.com\x1b[31m")
    desk.lead(ticket, "answer", 9_020, "第一行\r\n-- \r\n\x07第二行")
    [mail] = mails(session, "chief")
    assert "\n" not in mail.title
    assert "\r" not in mail.title
    assert "\x1b" not in mail.title + mail.text
    assert "\x07" not in mail.text
    assert "> 第一行\n> --\n" in mail.text


def test_a_long_text_is_cut_before_the_address(desk: Desk) -> None:
    session = desk.session
    enter(session, desk.customer, "chief")
    ticket = desk.open(9_010)
    desk.lead(ticket, "answer", 9_020, "很长" * 1_990)
    [mail] = mails(session, "chief")
    assert len(mail.text) <= 4_000
    assert f"https://portal.example.com/portal/tickets/{ticket.id}\n" in mail.text
    assert "…" in mail.text


def test_without_a_mail_server_nothing_is_queued(session: ScopedSession) -> None:
    desk = Desk(session)
    enter(session, desk.customer, "chief")
    ticket = desk.open(9_010)
    desk.lead(ticket, "answer", 9_020)
    assert queued(session) == []


def test_with_the_deed_or_not_at_all(sessions: SessionFactory) -> None:
    """Taken back with the transaction of what it tells of."""
    with transaction(sessions, Scope.system("test")) as session:
        desk = Desk(session)
        opener = enter(session, desk.customer, "opener", administrator=False)
        own = scope_of_person(opener)
        enter(session, desk.customer, "chief")
        ticket_id = open_own(desk, own)
        advance_ticket(session, CLERK, ticket_id, "answer")
    # As the portal does it: under the customer's own scope, which can't write the outbox itself.
    for commits, expected in ((False, 0), (True, 1)):
        with sessions() as session:
            session.info["sender"] = SENDER
            session.use_scope(own)
            advance_ticket(session, own, ticket_id, "close")
            assert session.info["scope"] == own
            if commits:
                session.commit()
        with transaction(sessions, Scope.system("test")) as session:
            assert len(queued(session)) == expected
