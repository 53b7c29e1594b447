"""Shifts handed over: what is frozen, who may take it, what never changes, what is carried on."""

import datetime as dt
import threading
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError, ProgrammingError

from dcim.accounts.models import AuditEntry, User
from dcim.accounts.scope import Scope
from dcim.alarms.defaults import ensure_rules
from dcim.alarms.handling import acknowledge, add_note
from dcim.alarms.models import Alarm, AlarmRule
from dcim.columns import utc_now
from dcim.db import ScopedSession, SessionFactory, transaction
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from dcim.handovers.freezing import freeze_open
from dcim.handovers.handing_over import add_handover_note, hand_over, take_over, tick_off
from dcim.handovers.models import HandoverItem, HandoverNote, ShiftHandover
from dcim.handovers.queries import (
    HandoverFilter,
    find_handover,
    find_item,
    list_handovers,
    list_items,
    list_notes,
)
from dcim.operations.models import Maintenance
from dcim.sla.models import Incident
from tests.integration.waiting import wait_for_blocked
from tests.integration.web.boards import HOSTILE, Counter, House
from tests.integration.web.conftest import Login, sign_in
from tests.integration.web.test_alarm_pages import client_of, text_of

MakeLogin = Callable[..., Login]
LI = Scope.staff("li@example.com")
NOW = utc_now().replace(microsecond=0)


@pytest.fixture
def people(session: ScopedSession) -> list[User]:
    made = [
        User(email=f"{name}@example.com", name=name, password="x", fs_uniquifier=name)
        for name in ("li", "wang", "zhao")
    ]
    session.add_all(made)
    session.commit()
    return made


@pytest.fixture
def alarm(session: ScopedSession) -> Alarm:
    ensure_rules(session)
    rule = session.scalars(select(AlarmRule).where(AlarmRule.code == "port-down")).one()
    made = Alarm(
        rule_id=rule.id, subject_kind="port", subject_id=7, label=f"sw {HOSTILE}",
        severity="major", began_at=NOW, raised_at=NOW, seen_at=NOW, value=1, limit=1,
    )  # fmt: skip
    session.add(made)
    session.commit()
    return made


def open_things(session: ScopedSession) -> None:
    """Incidents, one of them over; work under way, soon, later, and given up."""
    for number, ended in enumerate((None, NOW)):
        session.add(
            Incident(
                key=f"i{number}", kind="network", what=f"中断{number}", what_en=f"Outage {number}",
                started_at=NOW - dt.timedelta(hours=2), ended_at=ended,
            )
        )  # fmt: skip
    for number, (hours, state) in enumerate(
        ((-1, "under_way"), (23, "announced"), (25, "announced"), (1, "cancelled"))
    ):
        begin = NOW + dt.timedelta(hours=hours)
        session.add(
            Maintenance(
                code=f"MW-{number}", title="更换", title_en="Optics", starts_at=begin,
                ends_at=begin + dt.timedelta(hours=3), state=state, planned_by="a",
                approved_by="b", cancel_reason="x" if state == "cancelled" else "",
            )
        )  # fmt: skip
    session.commit()


def test_what_is_open_is_frozen_and_stays(
    session: ScopedSession, people: list[User], alarm: Alarm
) -> None:
    li, wang, _zhao = people
    open_things(session)
    acknowledge(session, LI, alarm.id, "看一下", NOW)
    add_note(session, LI, alarm.id, "等备件", NOW + dt.timedelta(minutes=1))
    row = hand_over(session, LI, li, wang.email, "夜里安静", ["换光模块", " ", "回电话"], NOW)
    frozen = row.items
    assert [one["label"] for one in frozen["alarms"]["rows"]] == [f"sw {HOSTILE}"]
    [told] = frozen["alarms"]["rows"]
    assert told["acknowledged_by"] == "li@example.com"
    assert [note["text"] for note in told["notes"]] == ["看一下", "等备件"]
    assert [one["what"]["en"] for one in frozen["incidents"]["rows"]] == ["Outage 0"]
    assert [one["code"] for one in frozen["maintenance"]["rows"]] == ["MW-0", "MW-1"]
    assert frozen["tickets"]["total"] == 0
    alarm.cleared_at, alarm.ending = NOW, "cleared"
    session.commit()
    session.expire_all()
    assert session.get_one(ShiftHandover, row.id).items == frozen
    # The control: now it would be otherwise.
    assert freeze_open(session, LI, NOW)["alarms"]["total"] == 0
    assert [one.text for one in list_items(session, LI, row.id)] == ["换光模块", "回电话"]


def test_two_people_and_once(session: ScopedSession, people: list[User]) -> None:
    li, wang, zhao = people
    for nobody in (li.email, "x@example.com", ""):
        with pytest.raises(InvalidError):
            hand_over(session, LI, li, nobody)
    row = hand_over(session, LI, li, wang.email, now=NOW)
    with pytest.raises(ConflictError, match="wang"):
        hand_over(session, LI, li, zhao.email)
    with pytest.raises(ForbiddenError):
        take_over(session, LI, li, row.id)
    # Whoever it was meant for is ill.
    take_over(session, Scope.staff(zhao.email), zhao, row.id, NOW + dt.timedelta(minutes=5))
    assert (row.taken_by, row.meant_for) == ("zhao@example.com", "wang@example.com")
    with pytest.raises(ConflictError, match="zhao"):
        take_over(session, Scope.staff(wang.email), wang, row.id)
    with pytest.raises(NotFoundError):
        take_over(session, LI, wang, 999)
    hand_over(session, LI, li, wang.email)
    deeds = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert deeds == ["handover.give", "handover.take", "handover.give"]


def test_a_second_click_waits_for_the_first_and_is_told(
    session: ScopedSession, sessions: SessionFactory, people: list[User]
) -> None:
    """Without the giver's lock the index of those that wait would refuse it, not we in words."""
    li, wang, _zhao = people
    refusals: list[Exception] = []

    def click() -> None:
        try:
            with transaction(sessions, LI) as other:
                hand_over(other, LI, other.get_one(User, li.id), "zhao@example.com")
        except Exception as error:
            refusals.append(error)

    second = threading.Thread(target=click)
    hand_over(session, LI, li, wang.email)
    second.start()
    wait_for_blocked(session)
    session.commit()
    second.join(30)
    assert [type(one) for one in refusals] == [ConflictError]


@pytest.mark.parametrize(
    ("change", "is_refused"),
    [
        ({"notes": "otherwise"}, True),
        ({"items": {}}, True),
        ({"given_at": NOW - dt.timedelta(days=1)}, True),
        ({"taken_at": NOW, "taken_by": "x", "taker": "giver"}, True),
        # The control: this alone may be written, once.
        ({"taken_at": NOW, "taken_by": "x", "taker": "other"}, False),
    ],
)
def test_the_database_keeps_what_was_given(
    session: ScopedSession, people: list[User], change: dict[str, object], is_refused: bool
) -> None:
    li, wang, _zhao = people
    row = hand_over(session, LI, li, wang.email, "so", now=NOW)
    session.commit()
    values = dict(change)
    if taker := values.pop("taker", None):
        values["taker_id"] = li.id if taker == "giver" else wang.id
    statement = update(ShiftHandover).where(ShiftHandover.id == row.id).values(**values)
    if not is_refused:
        session.execute(statement)
        session.commit()
        statement = update(ShiftHandover).values(taken_by="later")
    with pytest.raises(IntegrityError):
        session.execute(statement)
    session.rollback()
    for model in (ShiftHandover, HandoverItem, HandoverNote):
        with pytest.raises(ProgrammingError, match="permission denied"):
            session.execute(delete(model))
        session.rollback()


def test_a_correction_is_a_note_and_never_changes(
    session: ScopedSession, people: list[User]
) -> None:
    li, wang, _zhao = people
    row = hand_over(session, LI, li, wang.email, now=NOW)
    add_handover_note(session, LI, row.id, "其实是 B 路", NOW)
    with pytest.raises(InvalidError):
        add_handover_note(session, LI, row.id, " ")
    session.commit()
    with pytest.raises(ProgrammingError, match="permission denied"):
        session.execute(update(HandoverNote).values(text="x"))
    session.rollback()


def test_items_are_carried_on_until_ticked_off(session: ScopedSession, people: list[User]) -> None:
    li, wang, _zhao = people
    first = hand_over(session, LI, li, wang.email, items=["a", "b"], now=NOW)
    take_over(session, Scope.staff(wang.email), wang, first.id)
    item = list_items(session, LI)[0]
    tick_off(session, Scope.staff(wang.email), item.id, "换好了")
    with pytest.raises(ConflictError, match="wang"):
        tick_off(session, LI, item.id)
    with pytest.raises(NotFoundError):
        tick_off(session, LI, 999)
    second = hand_over(session, Scope.staff(wang.email), wang, li.email, items=["c"])
    assert [one["text"] for one in second.items["carried"]["rows"]] == ["b"]
    assert [one.text for one in list_items(session, LI)] == ["b", "c"]


def test_no_customer_reads_or_writes_them(session: ScopedSession, people: list[User]) -> None:
    """No row security stands behind these tables."""
    li, wang, _zhao = people
    outsider = Scope.customer("c@example.com", 1)
    row = hand_over(session, LI, li, wang.email, items=["a"])
    [item] = list_items(session, LI)
    for call in (
        lambda: hand_over(session, outsider, wang, li.email),
        lambda: take_over(session, outsider, wang, row.id),
        lambda: add_handover_note(session, outsider, row.id, "x"),
        lambda: tick_off(session, outsider, item.id),
        lambda: list_handovers(session, outsider),
        lambda: find_handover(session, outsider, row.id),
        lambda: list_items(session, outsider),
        lambda: find_item(session, outsider, item.id),
        lambda: list_notes(session, outsider, row.id),
    ):
        with pytest.raises(ForbiddenError):
            call()


def test_it_is_found_by_day_and_words(session: ScopedSession, people: list[User]) -> None:
    li, wang, zhao = people
    days = [NOW - dt.timedelta(days=number) for number in (3, 2, 1)]
    for giver, day, words in zip(people, days, ("安静", "UPS", "100%"), strict=True):
        taker = wang if giver is li else li
        hand_over(session, LI, giver, taker.email, words, [f"item {words}"], day)

    def find(**wanted: object) -> list[str]:
        rows = list_handovers(session, LI, HandoverFilter(**wanted)).items  # type: ignore[arg-type]
        return [one.notes for one in rows]

    assert find() == ["100%", "UPS", "安静"]
    assert find(since=days[1], until=days[2]) == ["UPS"]
    assert find(text="item UPS") == ["UPS"]
    assert find(text="%") == ["100%"]
    assert find(text="zhao") == ["100%"]
    assert find(waiting=True, text="nothing") == []
    assert zhao.email


def test_freezing_costs_the_same_for_any_number(
    session: ScopedSession, people: list[User], alarm: Alarm
) -> None:
    engine = session.connection().engine
    open_things(session)
    hand_over(session, LI, people[0], people[1].email, items=["a"])

    def count() -> int:
        session.commit()
        session.expunge_all()
        with Counter(engine) as counter:
            freeze_open(session, LI, utc_now())
        return counter.count

    few = count()
    for number in range(20):
        one = Alarm(
            rule_id=alarm.rule_id, subject_kind="port", subject_id=100 + number, label=str(number),
            severity="major", began_at=NOW, raised_at=NOW, seen_at=NOW, value=1, limit=1,
        )  # fmt: skip
        session.add(one)
        session.flush()
        add_note(session, LI, one.id, "x")
    assert count() == few


def test_pages_and_api(
    app: Flask, make_login: MakeLogin, session: ScopedSession, alarm: Alarm
) -> None:
    noc = client_of(app, make_login, "noc")
    other = client_of(app, make_login, "administrator")
    assert "No handover" in text_of(noc, "/noc/handovers")
    form = {"meant_for": "administrator-0@example.com", "notes": HOSTILE, "items": f"{HOSTILE}\nb"}
    preview = text_of(noc, "/noc/handovers/new")
    assert "sw &lt;script&gt;" in preview
    refused = noc.post("/noc/handovers/new", data=form | {"meant_for": "x@example.com"})
    assert refused.status_code == 422
    assert "Nobody of the staff signs in as x@example.com." in refused.text
    assert "&lt;script&gt;" in refused.text
    hostile = noc.post("/noc/handovers/new", data=form | {"meant_for": "x\0", "notes": "typed"})
    assert hostile.status_code == 422
    assert "typed" in hostile.text
    answer = noc.post("/noc/handovers/new", data=form)
    assert answer.status_code == 303, answer.text
    page = answer.headers["Location"]
    assert noc.post("/noc/handovers/new", data=form).status_code == 409
    assert "Take over<" not in text_of(noc, page)
    assert noc.post(f"{page}/take").status_code == 403
    assert "Waits to be taken over" in text_of(other, "/noc/handovers")
    assert "Take over<" in text_of(other, page)
    assert other.post(f"{page}/take").status_code == 303
    assert other.post(f"{page}/take").status_code == 409
    assert noc.post(f"{page}/note", data={"text": "B 路"}).status_code == 303
    assert noc.post(f"{page}/note", data={"text": ""}).status_code == 422
    assert noc.post("/noc/handovers/items/1/tick", data={"outcome": "done"}).status_code == 303
    assert noc.post("/noc/handovers/items/1/tick", data={"outcome": ""}).status_code == 409
    shown = text_of(noc, page)
    for told in ("administrator-0@example.com", "B 路", "done", "sw &lt;script&gt;"):
        assert told in shown
    assert "<script>alert" not in shown
    today = utc_now().date() + dt.timedelta(days=1)
    for query in (f"until={today}&since=2026-01-01", "since=x&until=9999-99-99&q=%00&page=0"):
        assert page in text_of(noc, f"/noc/handovers?{query}")
    assert page not in text_of(noc, "/noc/handovers?until=2026-01-01").split("filters")[-1]
    text_of(noc, "/noc/handovers/999", 404)
    text_of(noc, "/noc/handovers/items/999/tick", 404)
    answered = noc.get("/api/v1/handovers?text=administrator")
    assert answered.status_code == 200, answered.text
    [row] = answered.get_json()["items"]
    assert row["items"]["alarms"]["total"] == 1
    one = f"/api/v1/handovers/{row['id']}"
    assert noc.get(one).get_json()["taken_by"] == "administrator-0@example.com"
    assert [item["ticked_by"] for item in noc.get(f"{one}/items").get_json()] == [
        "noc-0@example.com", "",
    ]  # fmt: skip
    assert [note["text"] for note in noc.get(f"{one}/notes").get_json()] == ["B 路"]
    auditor = client_of(app, make_login, "auditor")
    assert "Hand over<" not in text_of(auditor, "/noc/handovers")
    assert auditor.post("/noc/handovers/new", data=form).status_code == 403
    tenant = House(session).add_tenant("A")
    session.commit()
    customer = app.test_client()
    login = make_login("customer_administrator", customer_id=tenant.customer_id)
    assert sign_in(customer, login) == 302
    for path in ("/noc/handovers", page, one):
        assert customer.get(path).status_code in (403, 404)
