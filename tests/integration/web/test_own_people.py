"""A customer's administrator and its people: nobody else's, never without an administrator."""

import re
import threading
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts import own_people
from dcim.accounts.models import AuditEntry, User
from dcim.accounts.own_people import change_role, list_own_people, set_active
from dcim.accounts.scope import Scope
from dcim.customers.models import Customer
from dcim.db import SessionFactory, transaction
from dcim.errors import ConflictError, ForbiddenError
from tests.integration.statements.town import SYSTEM
from tests.integration.web.boards import Counter
from tests.integration.web.conftest import Login, sign_in
from tests.integration.web.test_staff_forms import Person

MakeLogin = Callable[..., Login]
ONCE = re.compile(r'<pre id="(?:one-time-password|new-token)">([^<]+)</pre>')
PATHS = ("/portal/people", "/portal/people/new")


@pytest.fixture
def customers(sessions: SessionFactory) -> tuple[int, int]:
    with transaction(sessions, SYSTEM) as session:
        made = [Customer(code=f"C-{tag}", name=tag, name_en=tag) for tag in "AB"]
        session.add_all(made)
        session.flush()
        return made[0].id, made[1].id


@pytest.fixture
def chief(app: Flask, make_login: MakeLogin, customers: tuple[int, int]) -> Person:
    return Person(app, make_login("customer_administrator", customer_id=customers[0]))


def shown_once(text: str) -> str:
    found = ONCE.search(text)
    assert found
    return found.group(1)


def invite(chief: Person, email: str = "new@a.example", role: str = "customer_viewer") -> str:
    """The one-time password."""
    answer = chief.client.post(
        "/portal/people/new",
        data={"csrf_token": chief.token, "name": "新人", "email": email, "role": role,
              "language": "zh"},
    )  # fmt: skip
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    return shown_once(answer.get_data(as_text=True))


def id_of(sessions: SessionFactory, email: str) -> int:
    with transaction(sessions, SYSTEM) as session:
        return session.scalars(select(User.id).where(User.email == email)).one()


def test_invited_people_sign_in_once_and_choose_a_password(
    app: Flask, chief: Person, sessions: SessionFactory, customers: tuple[int, int]
) -> None:
    password = invite(chief, " New@A.example ")
    page = chief.client.get("/portal/people").get_data(as_text=True)
    assert "new@a.example" in page
    assert password not in page
    user_id = id_of(sessions, "new@a.example")
    client = app.test_client()
    assert sign_in(client, Login("new@a.example", password, user_id)) in {302, 303}
    # Nothing is shown before the password is one's own.
    assert "/change" in client.get("/portal/").headers["Location"]
    with transaction(sessions, SYSTEM) as session:
        made = session.get_one(User, user_id)
        assert made.customer_id == customers[0]
        assert [role.name for role in made.roles] == ["customer_viewer"]
        entry = session.scalars(
            select(AuditEntry).where(AuditEntry.action == "person.create").order_by(AuditEntry.id)
        ).all()[-1]
        assert entry.actor == f"customer_administrator-{customers[0]}@example.com"
        assert entry.customer_id == customers[0]
        assert password not in repr(entry.detail)


def test_what_cant_be_invited(
    chief: Person, make_login: MakeLogin, customers: tuple[int, int]
) -> None:
    foreign = make_login("customer_viewer", customer_id=customers[1])
    staff = make_login("staff")
    invite(chief)
    refusals = {}
    for email, role in (
        (foreign.email, "customer_viewer"), (staff.email, "customer_viewer"),
        ("new@a.example", "customer_viewer"), ("x@a.example", "staff"),
        ("no-address", "customer_viewer"),
    ):  # fmt: skip
        answer = chief.client.post(
            "/portal/people/new",
            data={"csrf_token": chief.token, "name": "n", "email": email, "role": role,
                  "language": "en"},
        )  # fmt: skip
        page = answer.get_data(as_text=True)
        assert answer.status_code in {409, 422}, email
        # What was typed stays.
        assert email in page
        refusals[email] = re.sub(r"\s+", " ", page).replace(email, "IT")
    assert "already has an account" in refusals["new@a.example"]
    assert "use" in refusals[foreign.email]
    for words in ("already has an account", "C-B"):
        assert words not in refusals[foreign.email]
    # Another customer's person and one of staff are the same nobody.
    strip = re.compile(r'(csrf[-_]token" (?:content|value)=)"[^"]*"')
    assert strip.sub("", refusals[foreign.email]) == strip.sub("", refusals[staff.email])


def test_a_role_counts_at_once_and_a_disabled_person_is_out(
    app: Flask, chief: Person, make_login: MakeLogin, sessions: SessionFactory,
    customers: tuple[int, int],
) -> None:  # fmt: skip
    viewer = make_login("customer_viewer", customer_id=customers[0])
    theirs = Person(app, viewer)
    made = theirs.client.post(
        "/portal/tokens/new",
        data={"csrf_token": theirs.token, "name": "meter", "days": "30", "purpose": "all"},
    )
    bearer = {"Authorization": f"Bearer {shown_once(made.get_data(as_text=True))}"}
    assert app.test_client().get("/api/v1/me", headers=bearer).status_code == 200
    assert theirs.client.get("/portal/people").status_code == 404
    role = f"/portal/people/{viewer.user_id}/role"
    assert "HX-Redirect" in chief.post(role, role="customer_administrator").headers
    assert theirs.client.get("/portal/people").status_code == 200
    assert "HX-Redirect" in chief.post(role, role="customer_viewer").headers
    assert theirs.client.get("/portal/people").status_code == 404
    assert chief.post(role, role="administrator").status_code == 422
    assert "HX-Redirect" in chief.post(f"/portal/people/{viewer.user_id}/disable").headers
    assert theirs.client.get("/portal/").status_code == 303
    assert app.test_client().get("/api/v1/me", headers=bearer).status_code == 401
    assert sign_in(app.test_client(), viewer) == 200
    assert "HX-Redirect" in chief.post(f"/portal/people/{viewer.user_id}/enable").headers
    assert sign_in(app.test_client(), viewer) in {302, 303}
    with transaction(sessions, SYSTEM) as session:
        deeds = session.scalars(
            select(AuditEntry.action).where(AuditEntry.subject == f"user/{viewer.user_id}")
        ).all()
        assert {"person.role", "person.disable", "person.enable"} <= set(deeds)


def test_somebody_stays_administrator(
    chief: Person, make_login: MakeLogin, customers: tuple[int, int], sessions: SessionFactory
) -> None:
    make_login("customer_viewer", customer_id=customers[0])
    with transaction(sessions, SYSTEM) as session:
        own = session.scalars(
            select(User.id).where(
                User.email == f"customer_administrator-{customers[0]}@example.com"
            )
        ).one()
    for path, data in (("role", {"role": "customer_viewer"}), ("disable", {})):
        answer = chief.post(f"/portal/people/{own}/{path}", **data)
        assert answer.status_code == 409
        assert "Somebody must stay administrator" in answer.get_data(as_text=True)
    invite(chief, "second@a.example", "customer_administrator")
    assert "HX-Redirect" in chief.post(f"/portal/people/{own}/disable").headers
    assert chief.client.get("/portal/").status_code == 303


def test_two_who_take_each_others_rights_come_in_turn(
    sessions: SessionFactory,
    make_login: MakeLogin,
    customers: tuple[int, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = make_login("customer_administrator", customer_id=customers[0])
    scope = Scope.customer(first.email, customers[0])
    with transaction(sessions, scope) as session:
        second = own_people.invite_person(
            session, scope, email="second@a.example", name="s", role="customer_administrator"
        ).user.id
    outcomes = take_rights(sessions, scope, first.user_id, second)
    assert sorted(outcomes) == ["done", "refused"]
    with transaction(sessions, scope) as session:
        roles = [one.role for one in list_own_people(session, scope)]
        assert sorted(roles) == ["customer_administrator", "customer_viewer"]
        fallen = next(one.id for one in list_own_people(session, scope) if "view" in one.role)
        change_role(session, scope, fallen, "customer_administrator")
    # The control: without the lock both have looked before either has done it.
    both = threading.Barrier(2)

    def unlocked(session: Session, scope: Scope) -> list[User]:
        found = list(session.scalars(select(User).where(User.customer_id == scope.customer_id)))
        both.wait()
        return found

    monkeypatch.setattr(own_people, "_lock", unlocked)
    assert take_rights(sessions, scope, first.user_id, second) == ["done", "done"]


def take_rights(sessions: SessionFactory, scope: Scope, *user_ids: int) -> list[str]:
    """What became of each who at once makes another a viewer."""
    outcomes: list[str] = []
    start = threading.Barrier(len(user_ids))

    def take(user_id: int) -> None:
        start.wait()
        try:
            with transaction(sessions, scope) as session:
                change_role(session, scope, user_id, "customer_viewer")
            outcomes.append("done")
        except ConflictError:
            outcomes.append("refused")

    threads = [threading.Thread(target=take, args=(one,)) for one in user_ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def test_anyone_elses_person_is_nobody(
    chief: Person, make_login: MakeLogin, customers: tuple[int, int], sessions: SessionFactory
) -> None:
    foreign = make_login("customer_viewer", customer_id=customers[1])
    staff = make_login("administrator")
    with transaction(sessions, SYSTEM) as session:
        before = [vars(one) for one in session.scalars(select(User).order_by(User.id))]
        before_text = repr([(one["id"], one["active"], one["password"]) for one in before])
    for user_id in (foreign.user_id, staff.user_id, 999_999):
        for path, data in (
            ("role", {"role": "customer_administrator"}), ("disable", {}), ("enable", {}),
            ("password", {}),
        ):  # fmt: skip
            assert chief.post(f"/portal/people/{user_id}/{path}", **data).status_code == 404
    page = chief.client.get("/portal/people").get_data(as_text=True)
    assert foreign.email not in page
    assert staff.email not in page
    with transaction(sessions, SYSTEM) as session:
        after = [vars(one) for one in session.scalars(select(User).order_by(User.id))]
        assert repr([(one["id"], one["active"], one["password"]) for one in after]) == before_text
    with transaction(sessions, SYSTEM) as session, pytest.raises(ForbiddenError):
        set_active(session, SYSTEM, foreign.user_id, active=False)


def test_another_one_time_password(
    app: Flask, chief: Person, make_login: MakeLogin, customers: tuple[int, int]
) -> None:
    viewer = make_login("customer_viewer", customer_id=customers[0])
    theirs = Person(app, viewer)
    answer = chief.client.post(
        f"/portal/people/{viewer.user_id}/password", data={"csrf_token": chief.token}
    )
    password = shown_once(answer.get_data(as_text=True))
    assert theirs.client.get("/portal/").status_code == 303
    assert sign_in(app.test_client(), viewer) == 200
    assert sign_in(app.test_client(), viewer, password) in {302, 303}
    # Opened instead of sent, it renews nothing.
    assert chief.client.get(f"/portal/people/{viewer.user_id}/password").status_code == 303
    assert sign_in(app.test_client(), viewer, password) in {302, 303}


def test_only_administrators_and_only_with_the_forms_token(
    app: Flask, chief: Person, make_login: MakeLogin, customers: tuple[int, int]
) -> None:
    viewer = Person(app, make_login("customer_viewer", customer_id=customers[0]))
    for path in PATHS:
        assert viewer.client.get(path).status_code == 404
        assert chief.client.get(path).status_code == 200
    # The control of the token: without it nothing is done.
    assert chief.client.post("/portal/people/new", data={"name": "x"}).status_code == 400


def test_own_tokens(
    app: Flask, chief: Person, make_login: MakeLogin, customers: tuple[int, int]
) -> None:
    for name, days in (("", "30"), ("x", "0"), ("x", "366"), ("x", "never")):
        answer = chief.client.post(
            "/portal/tokens/new",
            data={"csrf_token": chief.token, "name": name, "days": days, "purpose": "all"},
        )
        assert answer.status_code == 422
    answer = chief.client.post(
        "/portal/tokens/new",
        data={"csrf_token": chief.token, "name": "billing", "days": "30", "purpose": "all"},
    )
    token = shown_once(answer.get_data(as_text=True))
    page = chief.client.get("/portal/tokens").get_data(as_text=True)
    assert "billing" in page
    assert token not in page
    bearer = {"Authorization": f"Bearer {token}"}
    me = app.test_client().get("/api/v1/me", headers=bearer).get_json()
    assert me["customer_id"] == customers[0]
    limited = chief.client.post(
        "/portal/tokens/new",
        data={"csrf_token": chief.token, "name": "graphs", "days": "30", "purpose": "readings"},
    )
    graphs = {"Authorization": f"Bearer {shown_once(limited.get_data(as_text=True))}"}
    assert app.test_client().get("/api/v1/metrics", headers=graphs).status_code == 200
    assert app.test_client().get("/api/v1/me", headers=graphs).status_code == 403
    found = re.search(r"/portal/tokens/(\d+)/revoke", page)
    assert found
    other = Person(app, make_login("customer_viewer", customer_id=customers[0]))
    assert other.post(found.group()).status_code == 404
    assert "billing" not in other.client.get("/portal/tokens").get_data(as_text=True)
    assert "HX-Redirect" in chief.post(found.group()).headers
    assert app.test_client().get("/api/v1/me", headers=bearer).status_code == 401
    assert "revoked" in chief.client.get("/portal/tokens").get_data(as_text=True)


@pytest.mark.parametrize("path", ["/portal/people", "/portal/tokens"])
def test_statements_do_not_grow(
    app: Flask, chief: Person, sessions: SessionFactory, path: str
) -> None:
    engine = app.extensions["jifang_sessions"].session_factory.kw["bind"]
    chief.client.get(path)
    with Counter(engine) as few:
        chief.client.get(path)
    for number in range(5):
        invite(chief, f"p{number}@a.example")
        chief.client.post(
            "/portal/tokens/new",
            data={"csrf_token": chief.token, "name": "t", "days": "1", "purpose": "all"},
        )
    with Counter(engine) as many:
        chief.client.get(path)
    assert few.count >= 3
    assert many.count == few.count
