"""A person's notices in the portal: chosen, tested, ended by a link; and whose clock pages show."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import select

from dcim.accounts.models import AuditEntry, User
from dcim.app import create_app
from dcim.columns import utc_now
from dcim.config import Settings
from dcim.customers.models import Contact, Customer
from dcim.db import SessionFactory, transaction
from dcim.notices.kinds import KINDS
from dcim.notices.letters import Told
from dcim.notices.models import NoticeChoice
from dcim.notices.telling import MOST_TESTS, tell_people
from dcim.outbox.delivering import deliver_due
from dcim.outbox.models import OutboxMessage
from dcim.outbox.opting_out import sign_opt_out
from dcim.statements.sending import open_channels
from tests.agents.mail_server import MailServer, serve_mail
from tests.integration.notices.people import enter
from tests.integration.statements.town import SYSTEM
from tests.integration.web.boards import Counter
from tests.integration.web.conftest import Login
from tests.integration.web.test_staff_forms import Person

MakeLogin = Callable[..., Login]
CHECKED = re.compile(r'name="wanted" value="([a-z.]+)"[^>]* checked')


@pytest.fixture
def post() -> Iterator[MailServer]:
    with serve_mail(MailServer()) as made:
        yield made


@pytest.fixture
def settings(settings: Settings, post: MailServer) -> Settings:
    return replace(
        settings, smtp_host="127.0.0.1", smtp_port=post.port, smtp_security="none",
        smtp_timeout_s=2, mail_from="noc@idc.example.com", base_url="https://portal.example.com",
    )  # fmt: skip


@pytest.fixture
def app(settings: Settings, sessions: SessionFactory) -> Flask:
    sessions.configure(info={"sender": settings.sender})
    application = create_app(settings, sessions)
    application.testing = True
    return application


@pytest.fixture
def customers(sessions: SessionFactory) -> tuple[int, int]:
    with transaction(sessions, SYSTEM) as session:
        made = [
            Customer(code=f"C-{tag}", name=tag, name_en=tag, timezone="America/New_York")
            for tag in "AB"
        ]
        session.add_all(made)
        session.flush()
        return made[0].id, made[1].id


@pytest.fixture
def chief(make_login: MakeLogin, customers: tuple[int, int]) -> Login:
    return make_login("customer_administrator", customer_id=customers[0])


@pytest.fixture
def viewer(make_login: MakeLogin, customers: tuple[int, int]) -> Login:
    return make_login("customer_viewer", customer_id=customers[0])


@pytest.fixture
def stranger(make_login: MakeLogin, customers: tuple[int, int]) -> Login:
    return make_login("customer_administrator", customer_id=customers[1])


def shown(person: Person, path: str = "/portal/notices") -> set[str]:
    answer = person.client.get(path)
    assert answer.status_code == 200
    return set(CHECKED.findall(answer.get_data(as_text=True)))


def save(person: Person, path: str, wanted: set[str], **given: str) -> int:
    data = {"csrf_token": person.token, "wanted": sorted(wanted), "language": "en", "timezone": ""}
    return int(person.client.post(path, data=data | given).status_code)


def tell(sessions: SessionFactory, customer_id: int, kind: str, about: str) -> None:
    with transaction(sessions, SYSTEM) as session:
        tell_people(session, [customer_id], kind, about, lambda reader: Told("t", ["x"], "/p"))


def messages(sessions: SessionFactory) -> list[OutboxMessage]:
    with transaction(sessions, SYSTEM) as session:
        return list(session.scalars(select(OutboxMessage).order_by(OutboxMessage.id)))


def test_defaults_by_role_and_what_is_chosen(
    app: Flask, sessions: SessionFactory, chief: Login, viewer: Login
) -> None:
    reader = Person(app, viewer)
    assert shown(reader) == {kind.name for kind in KINDS.values() if kind.viewers}
    assert shown(Person(app, chief)) == {
        kind.name for kind in KINDS.values() if kind.administrators
    }
    assert save(reader, "/portal/notices", {"ticket.own", "maintenance.done"}) == 303
    assert shown(reader) == {"ticket.own", "maintenance.done"}
    with transaction(sessions, SYSTEM) as session:
        # What stayed as it was is no choice, and follows the defaults further.
        rows = session.execute(select(NoticeChoice.kind, NoticeChoice.wanted)).all()
        assert dict(rows) == {
            "incident.interruption": False, "maintenance.announced": False,
            "maintenance.cancelled": False, "maintenance.done": True,
        }  # fmt: skip
        [deed] = session.scalars(select(AuditEntry).where(AuditEntry.action == "notices.choose"))
        assert deed.actor == viewer.email
        assert deed.detail["on"] == ["maintenance.done"]


def test_what_cant_be_keeps_what_was_typed(
    app: Flask, sessions: SessionFactory, viewer: Login
) -> None:
    reader = Person(app, viewer)
    answer = reader.client.post(
        "/portal/notices",
        data={"csrf_token": reader.token, "wanted": ["ticket.any"], "language": "en",
              "timezone": "Mars/Olympus"},
    )  # fmt: skip
    assert answer.status_code == 422
    text = answer.get_data(as_text=True)
    assert "There is no time zone called Mars/Olympus" in text
    assert 'value="Mars/Olympus"' in text
    assert set(CHECKED.findall(text)) == {"ticket.any"}
    assert save(reader, "/portal/notices", {"everything"}) == 422
    # The control: nothing of it was kept.
    assert "ticket.any" not in shown(reader)


def test_an_administrator_sets_its_people_and_nobody_elses(
    app: Flask, sessions: SessionFactory, chief: Login, viewer: Login, stranger: Login
) -> None:
    own, path = Person(app, chief), f"/portal/people/{viewer.user_id}/notices"
    assert shown(own, path) == {kind.name for kind in KINDS.values() if kind.viewers}
    assert save(own, path, {"ticket.any"}, language="zh", timezone="Europe/Berlin") == 303
    assert shown(Person(app, viewer)) == {"ticket.any"}
    with transaction(sessions, SYSTEM) as session:
        user = session.get_one(User, viewer.user_id)
        assert (user.language, user.timezone) == ("zh", "Europe/Berlin")
    other = Person(app, stranger)
    assert other.client.get(path).status_code == 404
    assert save(other, path, set()) == 404
    assert (
        Person(app, viewer).client.get(f"/portal/people/{chief.user_id}/notices").status_code == 404
    )
    assert shown(Person(app, viewer)) == {"ticket.any"}


def test_contacts_and_what_the_contract_says(
    app: Flask, sessions: SessionFactory, chief: Login, viewer: Login, customers: tuple[int, int]
) -> None:
    with transaction(sessions, SYSTEM) as session:
        session.add_all(
            Contact(
                customer_id=customers[number], name=name, email=f"{name}@x.example", may_ticket=may
            )
            for number, name, may in ((0, "duty", True), (0, "bills", False), (1, "foreign", True))
        )
    page = Person(app, chief).client.get("/portal/notices").get_data(as_text=True)
    assert page.count("by contract, always") == 1
    assert page.index("duty@x.example") < page.index("by contract, always")
    assert "bills@x.example" in page
    assert "foreign" not in page
    assert "prove that you were told, as the contract asks" in page
    # The control: who keeps no people sees none of it.
    assert "duty@x.example" not in Person(app, viewer).client.get("/portal/notices").get_data(
        as_text=True
    )


def test_a_test_mail_arrives_and_stands_in_ones_own_log(
    app: Flask, settings: Settings, sessions: SessionFactory, post: MailServer, chief: Login,
    viewer: Login,
) -> None:  # fmt: skip
    own = Person(app, chief)
    assert (
        own.client.post("/portal/notices/test", data={"csrf_token": own.token}).status_code == 303
    )
    assert deliver_due(sessions, open_channels(settings, sessions)).sent == 1
    [taken] = post.taken
    assert taken.recipient == chief.email
    assert b"List-Unsubscribe" not in taken.content
    assert "Jifang: Test mail" in own.client.get("/portal/notices").get_data(as_text=True)
    # The control: it is nobody else's.
    colleague = Person(app, viewer).client.get("/portal/notices").get_data(as_text=True)
    assert "Test mail" not in colleague.replace("Send me a test mail", "")
    for _ in range(MOST_TESTS - 1):
        own.client.post("/portal/notices/test", data={"csrf_token": own.token})
    refused = own.client.post("/portal/notices/test", data={"csrf_token": own.token})
    assert refused.status_code == 409
    assert "enough tests" in refused.get_data(as_text=True)
    assert len(messages(sessions)) == MOST_TESTS


def test_one_click_ends_one_kind(
    app: Flask, settings: Settings, sessions: SessionFactory, post: MailServer, viewer: Login,
    customers: tuple[int, int],
) -> None:  # fmt: skip
    tell(sessions, customers[0], "maintenance.announced", "work/1")
    assert deliver_due(sessions, open_channels(settings, sessions)).sent == 1
    found = re.search(
        rb"List-Unsubscribe: <https://portal\.example\.com([^>]+)>\r\n", post.taken[0].content
    )
    assert found
    path = found[1].decode()
    # A program that looks at links ends nothing; neither does a person who only reads.
    client = app.test_client()
    page = client.get(path)
    assert page.status_code == 200
    assert (page.headers["Cache-Control"], page.headers["Referrer-Policy"]) == (
        "no-store",
        "no-referrer",
    )
    assert viewer.email not in page.get_data(as_text=True)
    tell(sessions, customers[0], "maintenance.announced", "work/2")
    assert len(messages(sessions)) == 2
    # RFC 8058: without a cookie, a page or a token of ours.
    for _ in range(2):
        answer = client.post(path, data={"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200
    tell(sessions, customers[0], "maintenance.announced", "work/3")
    assert len(messages(sessions)) == 2
    # Only this kind.
    tell(sessions, customers[0], "maintenance.cancelled", "work/1/cancelled")
    assert len(messages(sessions)) == 3
    with transaction(sessions, SYSTEM) as session:
        deeds = session.scalars(
            select(AuditEntry).where(AuditEntry.action == "notices.choose")
        ).all()
        assert [(one.actor, one.detail["off"]) for one in deeds] == [
            (viewer.email, ["maintenance.announced"])
        ]


@pytest.mark.parametrize("wrong", ["forged", "unknown", "disabled", "staff", "text"])
def test_links_that_end_nothing(
    app: Flask, settings: Settings, sessions: SessionFactory, viewer: Login, make_login: MakeLogin,
    wrong: str,
) -> None:  # fmt: skip
    good = sign_opt_out(settings.secret_key, viewer.user_id, "ticket.own")
    client = app.test_client()
    assert client.get(f"/unsubscribe/{good}").status_code == 200  # the control
    token = {
        "forged": sign_opt_out("another", viewer.user_id, "ticket.own"),
        "unknown": sign_opt_out(settings.secret_key, 987_654, "ticket.own"),
        "disabled": good,
        "staff": sign_opt_out(settings.secret_key, make_login("staff").user_id, "ticket.own"),
        "text": "%3Cscript%3E",
    }[wrong]
    if wrong == "disabled":
        with transaction(sessions, SYSTEM) as session:
            session.get_one(User, viewer.user_id).active = False
    for answer in (client.get(f"/unsubscribe/{token}"), client.post(f"/unsubscribe/{token}")):
        assert answer.status_code == 404
    with transaction(sessions, SYSTEM) as session:
        assert session.scalars(select(NoticeChoice)).all() == []


@pytest.mark.parametrize("loss", ["disabled", "moved", "switched off", "renamed"])
def test_who_lost_the_right_while_it_waited_isnt_mailed(
    app: Flask, settings: Settings, sessions: SessionFactory, post: MailServer, viewer: Login,
    customers: tuple[int, int], loss: str,
) -> None:  # fmt: skip
    channels = open_channels(settings, sessions)
    tell(sessions, customers[0], "maintenance.announced", "work/1")
    assert deliver_due(sessions, channels).sent == 1  # the control
    tell(sessions, customers[0], "maintenance.announced", "work/2")
    with transaction(sessions, SYSTEM) as session:
        user = session.get_one(User, viewer.user_id)
        if loss == "disabled":
            user.active = False
        elif loss == "moved":
            user.customer_id = customers[1]
        elif loss == "renamed":
            user.email = "other@example.com"
        else:
            session.add(
                NoticeChoice(
                    user_id=user.id, kind="maintenance.announced", customer_id=customers[0],
                    wanted=False, chosen_at=utc_now(),
                )
            )  # fmt: skip
    report = deliver_due(sessions, channels)
    assert (report.sent, report.given_up) == (0, 1)
    assert len(post.taken) == 1
    assert [one.fault for one in messages(sessions)] == ["", "withdrawn"]


def test_the_list_of_people_costs_the_same_however_many(
    app: Flask, sessions: SessionFactory, chief: Login, customers: tuple[int, int]
) -> None:
    own, engine = Person(app, chief), sessions.kw["bind"]
    counts = []
    for number in (1, 9):
        with transaction(sessions, SYSTEM) as session:
            for each in range(number):
                enter(session, customers[0], f"p{number}-{each}", administrator=False)
        with Counter(engine) as counter:
            assert own.client.get("/portal/notices").status_code == 200
        counts.append(counter.count)
    assert counts[0] == counts[1]
