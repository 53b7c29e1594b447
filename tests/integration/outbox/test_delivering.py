"""Delivery: at least once, each message by itself, with no more doubles than a crash can make."""

import datetime as dt
import threading
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine, create_engine, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError

from dcim.accounts.models import AuditEntry
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.db import SessionFactory, transaction
from dcim.errors import ConflictError, InvalidError, NotFoundError
from dcim.outbox import delivering
from dcim.outbox.backoff import MOST_ATTEMPTS, WAITS_S
from dcim.outbox.channels import Outgoing, UndeliveredError
from dcim.outbox.delivering import DeliveryReport, deliver_due, has_due, settle, take_due
from dcim.outbox.models import OutboxMessage
from dcim.outbox.queueing import NewMessage, hold_restored, queue_messages, retry_messages
from tests.servers import Database

STAFF = Scope.staff("wang")


@pytest.fixture
def admin(clean_database: Database) -> Iterator[Engine]:
    engine = create_engine(clean_database.admin_url)
    yield engine
    engine.dispose()


class Post:
    """A channel that delivers; `faults` raises for a recipient, `on_delivery` looks on."""

    def __init__(self) -> None:
        self.delivered: list[Outgoing] = []
        self.faults: dict[str, Exception] = {}
        self.on_delivery: Callable[[Outgoing], None] = lambda message: None

    def deliver(self, message: Outgoing) -> None:
        self.on_delivery(message)
        if fault := self.faults.get(message.recipient):
            raise fault
        self.delivered.append(message)


def write(recipient: str = "a@example.com", about: str = "deed/1") -> NewMessage:
    return NewMessage(
        about=about, channel="mail", event="test", recipient=recipient, title="t", text="x\n"
    )


def queue(sessions: SessionFactory, *messages: NewMessage) -> list[int]:
    with transaction(sessions, STAFF) as session:
        return queue_messages(session, messages or [write()])


def read(sessions: SessionFactory, message_id: int) -> OutboxMessage:
    with transaction(sessions, STAFF) as session:
        return session.get_one(OutboxMessage, message_id)


def send(sessions: SessionFactory, post: Post) -> DeliveryReport:
    return deliver_due(sessions, {"mail": post})


def make_due(sessions: SessionFactory) -> None:
    """As if its time had come."""
    with transaction(sessions, STAFF) as session:
        session.execute(
            update(OutboxMessage)
            .where(OutboxMessage.state != "sent")
            .values(next_at=utc_now() - dt.timedelta(seconds=1))
        )


def test_a_deed_told_twice_is_one_message(sessions: SessionFactory) -> None:
    first = queue(sessions, write(), write("b@example.com"))
    assert len(first) == 2
    # Told again, with one recipient more; the address's case makes it no other.
    again = queue(sessions, write("A@example.com"), write(), write("c@example.com"))
    assert len(again) == 1
    post = Post()
    assert send(sessions, post) == DeliveryReport(sent=3)
    assert send(sessions, post) == DeliveryReport()
    assert sorted(one.recipient for one in post.delivered) == [
        "a@example.com", "b@example.com", "c@example.com",
    ]  # fmt: skip


def test_without_the_key_a_deed_told_twice_is_sent_twice(
    sessions: SessionFactory, admin: Engine
) -> None:
    """The control of the one before."""
    with admin.begin() as connection:
        connection.execute(text("ALTER TABLE outbox_message DROP CONSTRAINT uq_outbox_message_key"))
    try:
        for _ in range(2):
            with transaction(sessions, STAFF) as session:
                session.execute(
                    OutboxMessage.__table__.insert(),  # type: ignore[attr-defined]
                    {
                        "key": write().key, "channel": "mail", "event": "test",
                        "recipient": "a@example.com", "next_at": utc_now(),
                        "created_at": utc_now(), "delivery_id": f"{_}",
                    },
                )  # fmt: skip
        post = Post()
        assert send(sessions, post).sent == 2
        assert [one.recipient for one in post.delivered] == ["a@example.com"] * 2
    finally:
        with admin.begin() as connection:
            connection.execute(text("SET session_replication_role = replica"))
            connection.execute(text("DELETE FROM outbox_message"))
            connection.execute(
                text("ALTER TABLE outbox_message ADD CONSTRAINT uq_outbox_message_key UNIQUE (key)")
            )


def test_what_is_rolled_back_was_never_told(sessions: SessionFactory) -> None:
    class ChangedMindError(Exception):
        pass

    def change_mind() -> None:
        with transaction(sessions, STAFF) as session:
            queue_messages(session, [write()])
            raise ChangedMindError

    with pytest.raises(ChangedMindError):
        change_mind()
    post = Post()
    assert send(sessions, post) == DeliveryReport()
    # The control: committed, it is.
    queue(sessions)
    assert send(sessions, post).sent == 1


@pytest.mark.parametrize(
    "address",
    [
        "a@example.com\r\nBcc: b@example.com", "a@example.com\n", "a@example.com, b@example.com",
        "a b@example.com", "<a@example.com>", "a@example", "@example.com", "张@example.com",
        f"{'a' * 65}@example.com", "a@example.com\0", "",
    ],
)  # fmt: skip
def test_no_address_is_refused(sessions: SessionFactory, address: str) -> None:
    with pytest.raises(InvalidError, match="not a mail address"):
        queue(sessions, write(), write(address))
    # All or nothing.
    assert not take_due(sessions)


def test_one_that_fails_stops_no_other(sessions: SessionFactory) -> None:
    bad, stumbling, good = queue(
        sessions, write("bad@example.com"), write("odd@example.com"), write("good@example.com")
    )
    post = Post()
    post.faults["bad@example.com"] = UndeliveredError("put_off", "450 later\r\nplease")
    post.faults["odd@example.com"] = KeyError("x")
    assert send(sessions, post) == DeliveryReport(sent=1, put_off=2)
    assert read(sessions, good).state == "sent"
    row = read(sessions, bad)
    assert (row.state, row.attempts, row.fault, row.detail) == (
        "queued", 1, "put_off", "450 later please",
    )  # fmt: skip
    assert dt.timedelta(seconds=20) < row.next_at - utc_now() <= dt.timedelta(seconds=WAITS_S[0])
    assert (read(sessions, stumbling).fault, read(sessions, stumbling).detail) == (
        "crashed", "KeyError",
    )  # fmt: skip
    # It isn't tried before its time.
    assert send(sessions, post) == DeliveryReport()
    post.faults.clear()
    make_due(sessions)
    assert send(sessions, post).sent == 2
    assert read(sessions, bad).fault == ""


def test_a_slow_one_keeps_no_other_waiting(sessions: SessionFactory) -> None:
    queue(sessions, write("slow@example.com"), *(write(f"{n}@example.com") for n in range(9)))
    post, others_done = Post(), threading.Event()

    def look(message: Outgoing) -> None:
        if message.recipient == "slow@example.com":
            assert others_done.wait(20)
        elif len(post.delivered) == 8:
            others_done.set()

    post.on_delivery = look
    assert send(sessions, post).sent == 10
    # The control: in one lane it does.
    queue(sessions, write("slow@example.com", "deed/2"), write("b@example.com", "deed/2"))
    order: list[str] = []
    post.on_delivery = lambda message: order.append(message.recipient)
    deliver_due(sessions, {"mail": post}, lanes=1)
    assert order == ["slow@example.com", "b@example.com"]


def test_what_comes_while_one_is_slow_does_not_wait_for_it(
    sessions: SessionFactory,
) -> None:
    queue(sessions, write("slow@example.com"))
    post, late_done = Post(), threading.Event()

    def look(message: Outgoing) -> None:
        if message.recipient == "slow@example.com":
            queue(sessions, write("late@example.com"))
            assert late_done.wait(20)
        else:
            late_done.set()

    post.on_delivery = look
    assert send(sessions, post).sent == 2
    assert [one.recipient for one in post.delivered] == ["late@example.com", "slow@example.com"]


def test_tried_less_and_less_often_then_given_up(sessions: SessionFactory) -> None:
    [message_id] = queue(sessions)
    post = Post()
    post.faults["a@example.com"] = UndeliveredError("unreachable", "refused")
    waits = []
    for _ in range(MOST_ATTEMPTS - 1):
        assert send(sessions, post) == DeliveryReport(put_off=1)
        waits.append(round((read(sessions, message_id).next_at - utc_now()).total_seconds(), -1))
        make_due(sessions)
    assert waits == sorted(waits)
    assert waits[-1] > 40_000
    assert send(sessions, post) == DeliveryReport(given_up=1)
    row = read(sessions, message_id)
    assert (row.state, row.attempts) == ("failed", MOST_ATTEMPTS)
    with transaction(sessions, STAFF) as session:
        assert not has_due(session)
    # A person has it tried again, from the start.
    post.faults.clear()
    with transaction(sessions, STAFF) as session:
        assert retry_messages(session, STAFF, [message_id]) == 1
        assert has_due(session)
    assert send(sessions, post).sent == 1
    with transaction(sessions, STAFF) as session:
        [deed] = session.scalars(select(AuditEntry).where(AuditEntry.action == "message.retry"))
        assert (deed.actor, deed.detail) == ("wang", {"to": "a@example.com"})


def test_a_refusal_for_good_is_given_up_at_once(sessions: SessionFactory) -> None:
    [message_id] = queue(sessions)
    post = Post()
    post.faults["a@example.com"] = UndeliveredError("refused", "550 nobody", final=True)
    assert send(sessions, post) == DeliveryReport(given_up=1)
    assert (read(sessions, message_id).state, read(sessions, message_id).attempts) == ("failed", 1)


def test_what_was_sent_is_never_sent_again(sessions: SessionFactory) -> None:
    [message_id] = queue(sessions)
    post = Post()
    send(sessions, post)
    with (
        transaction(sessions, STAFF) as session,
        pytest.raises(ConflictError, match="sent already"),
    ):
        retry_messages(session, STAFF, [message_id])
    # Not by hand either, nor taken away.
    for statement in (
        "UPDATE outbox_message SET state = 'queued', sent_at = NULL",
        "UPDATE outbox_message SET recipient = 'b@example.com'",
    ):
        with pytest.raises(IntegrityError), transaction(sessions, STAFF) as session:
            session.execute(text(statement))
    with pytest.raises(ProgrammingError), transaction(sessions, STAFF) as session:
        session.execute(text("DELETE FROM outbox_message"))
    assert len(post.delivered) == 1


def test_only_its_fate_changes(sessions: SessionFactory) -> None:
    [message_id] = queue(sessions)
    with pytest.raises(IntegrityError), transaction(sessions, STAFF) as session:
        session.get_one(OutboxMessage, message_id).recipient = "b@example.com"


def test_a_sender_that_dies_before_sending_loses_nothing(sessions: SessionFactory) -> None:
    queue(sessions)
    taken = take_due(sessions)
    assert taken is not None
    post = Post()
    # While it may still live, nobody else takes it.
    assert send(sessions, post) == DeliveryReport()
    make_due(sessions)
    assert send(sessions, post).sent == 1
    assert post.delivered[0].attempt == 2


def test_a_crash_between_yes_and_commit_is_the_one_way_to_a_double(
    sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is sent again after its lease, under the same id, by which receivers know it."""

    class KilledError(BaseException):
        pass

    def die(*args: object, **options: object) -> None:
        raise KilledError

    [message_id] = queue(sessions)
    post = Post()
    with monkeypatch.context() as patch:
        patch.setattr(delivering, "settle", die)
        with pytest.raises(KilledError):
            send(sessions, post)
    row = read(sessions, message_id)
    assert row.state == "sending"
    assert row.next_at - utc_now() > delivering.LEASE - dt.timedelta(minutes=1)
    assert send(sessions, post) == DeliveryReport()
    make_due(sessions)
    assert send(sessions, post).sent == 1
    assert len(post.delivered) == 2
    assert len({one.delivery_id for one in post.delivered}) == 1


def test_one_that_kills_its_senders_is_given_up(sessions: SessionFactory) -> None:
    [message_id] = queue(sessions)
    for _ in range(MOST_ATTEMPTS):
        assert take_due(sessions) is not None
        make_due(sessions)
    post = Post()
    assert send(sessions, post) == DeliveryReport(given_up=1)
    assert not post.delivered
    assert read(sessions, message_id).fault == "crashed"


def test_who_outlived_its_lease_undoes_nothing(sessions: SessionFactory) -> None:
    [message_id] = queue(sessions)
    first = take_due(sessions)
    make_due(sessions)
    second = take_due(sessions)
    assert first is not None
    assert second is not None
    report = DeliveryReport()
    settle(sessions, first, UndeliveredError("slow"), report)
    assert read(sessions, message_id).state == "sending"
    # What it did send is there, whoever has it now; the other's failure doesn't take it back.
    settle(sessions, first, None, report)
    settle(sessions, second, UndeliveredError("slow"), report)
    assert read(sessions, message_id).state == "sent"
    assert report == DeliveryReport(sent=1)


def test_what_waited_in_a_backup_is_held(sessions: SessionFactory) -> None:
    sent, waiting, sending = queue(sessions, write("a@x.de"), write("b@x.de"), write("c@x.de"))
    post = Post()
    post.faults = {one: UndeliveredError("slow") for one in ("b@x.de", "c@x.de")}
    send(sessions, post)
    make_due(sessions)
    assert take_due(sessions) is not None
    with transaction(sessions, STAFF) as session:
        assert hold_restored(session, STAFF) == 2
    make_due(sessions)
    assert send(sessions, post) == DeliveryReport()
    assert read(sessions, sent).state == "sent"
    assert {read(sessions, one).fault for one in (waiting, sending)} == {"restored"}
    with transaction(sessions, STAFF) as session:
        retry_messages(session, STAFF, [waiting, sending])
        assert hold_restored(session, STAFF) == 2
        assert hold_restored(session, STAFF) == 0


def test_many_senders_send_each_once(sessions: SessionFactory) -> None:
    queue(sessions, *(write(f"{number}@example.com") for number in range(40)))
    post = Post()
    threads = [threading.Thread(target=send, args=(sessions, post)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(post.delivered) == len({one.recipient for one in post.delivered}) == 40


def test_the_database_gone_leaves_the_rest_queued(
    sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(*args: object, **options: object) -> None:
        raise DBAPIError("x", {}, Exception("gone"))

    queue(sessions, *(write(f"{number}@example.com") for number in range(8)))
    post = Post()
    with monkeypatch.context() as patch:
        patch.setattr(delivering, "settle", lose)
        with pytest.raises(DBAPIError):
            send(sessions, post)
    assert len(post.delivered) == delivering.LANES
    send(sessions, post)
    assert len({one.recipient for one in post.delivered}) == 8


def test_told_to_stop_it_takes_no_more(sessions: SessionFactory) -> None:
    queue(sessions, *(write(f"{number}@example.com") for number in range(8)))
    post = Post()
    report = deliver_due(sessions, {"mail": post}, lanes=1, stop=lambda: len(post.delivered) >= 3)
    assert report.sent == 3


def test_customers_have_no_hand_in_it(sessions: SessionFactory) -> None:
    from dcim.customers.models import Customer
    from dcim.errors import ForbiddenError

    with transaction(sessions, STAFF) as session:
        a, b = (Customer(code=tag, name=tag, name_en=tag) for tag in "AB")
        session.add_all([a, b])
        session.flush()
        own = NewMessage(
            about="x", channel="mail", event="test", recipient="a@example.com", customer_id=a.id
        )
        [message_id] = queue_messages(session, [own])
        ids = a.id, b.id
    for customer_id, seen in zip(ids, ([message_id], []), strict=True):
        scope = Scope.customer("x", customer_id)
        with transaction(sessions, scope) as session:
            assert list(session.scalars(text("SELECT id FROM outbox_message"))) == seen
            with pytest.raises(ForbiddenError):
                retry_messages(session, scope, [message_id])
        with pytest.raises(ProgrammingError), transaction(sessions, scope) as session:
            queue_messages(session, [write(about="y")])
    with transaction(sessions, STAFF) as session, pytest.raises(NotFoundError):
        retry_messages(session, STAFF, [987_654])
