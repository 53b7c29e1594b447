"""A cross-connect from request to disconnect: what each step needs, who has a port, letters."""

import datetime as dt
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from dcim.accounts.models import AuditEntry
from dcim.db import ScopedSession, SessionFactory, make_engine, make_sessions, transaction
from dcim.errors import ConflictError, ForbiddenError, InvalidError, JifangError, NotFoundError
from dcim.network import cross_connects
from dcim.network.cables import (
    CableNotes,
    connect_ports,
    disconnect_cable,
    find_port_by_words,
    suggest_ports,
    trace_port,
)
from dcim.network.cross_connects import (
    NewOrder,
    advance_cross_connect,
    choose_ends,
    request_cross_connect,
)
from dcim.network.files import LARGEST, attach_file, clean_name, list_files, read_file
from dcim.network.models import Cable, CableEnd
from dcim.network.order_models import CrossConnect, CrossConnectEnd, CrossConnectStep
from dcim.network.tracing import REAR, Plug
from tests.integration.network.plant import NOW, STAFF, Plant
from tests.servers import Database

PDF = b"%PDF-1.7 letter"
TODAY = NOW.date()


def order_from(
    session: ScopedSession, plant: Plant, a: str = "cab", z: str = "far"
) -> CrossConnect:
    new = NewOrder(
        plant.a, "smf", a_port_id=plant.ports[a], z_port_id=plant.ports[z], z_party="中国电信"
    )
    return request_cross_connect(session, STAFF, new, at=NOW)


def lead(session: ScopedSession, order: CrossConnect, *actions: str, item: int = 0) -> None:
    given: dict[str, dict[str, Any]] = {
        "test": {"loss_db": Decimal("0.35"), "light_dbm": Decimal("-4.2")},
        "bill": {"billed_from": TODAY, "contract_item_id": item},
        "disconnect": {"note": "moved out"},
        "cancel": {"note": "not needed"},
        "refuse": {"note": "no room"},
    }
    for action in actions:
        advance_cross_connect(session, STAFF, order.id, action, given.get(action), at=NOW)


def give_letter(session: ScopedSession, order: CrossConnect, until: dt.date | None = None) -> None:
    attach_file(session, STAFF, order.id, name="loa.pdf", content=PDF, expires_on=until, at=NOW)


def test_from_request_to_disconnect(session: ScopedSession, plant: Plant) -> None:
    order = order_from(session, plant)
    assert order.number == f"X-2026-{order.id:06d}"
    lead(session, order, "approve")
    give_letter(session, order, TODAY + dt.timedelta(days=1))
    lead(session, order, "patch")
    # Joined at the far ends of the trunk, not at the cabinet's own panel.
    trace = trace_port(session, STAFF, plant.ports["cab"])
    assert [hop.port.label for hop in trace.hops] == ["odf-cab 1", "odf-mmr 1", "odf-far 1"]
    assert trace.hops[1].cable is not None
    assert trace.hops[1].cable.cross_connect_id == order.id
    lead(session, order, "test", "bill", item=plant.a_item)
    assert (order.state, order.loss_db, order.billed_from) == ("billing", Decimal("0.35"), TODAY)
    lead(session, order, "disconnect")
    assert order.state == "disconnected"
    assert session.scalar(select(func.count()).select_from(CrossConnectEnd)) == 0
    assert session.scalars(select(Cable.code)).all() == ["TRUNK-1"]
    steps = session.scalars(select(CrossConnectStep).order_by(CrossConnectStep.id)).all()
    assert [step.action for step in steps] == [
        "request", "approve", "patch", "test", "bill", "disconnect",
    ]  # fmt: skip
    assert steps[-1].detail["removed"] == ["odf-mmr 1 (front) – odf-far 1 (front)"]
    # The ports are free: the same can be ordered again.
    lead(session, order_from(session, plant), "approve")
    deeds = session.scalars(
        select(AuditEntry.action).where(AuditEntry.subject == f"cross-connect/{order.id}")
    ).all()
    assert len(deeds) == len(steps) + 1


@pytest.mark.parametrize(
    ("before", "action"),
    [
        ((), "patch"),
        ((), "test"),
        ((), "bill"),
        ((), "disconnect"),
        (("approve",), "approve"),
        (("approve",), "refuse"),
        (("approve", "patch"), "cancel"),
        (("approve", "patch", "disconnect"), "disconnect"),
        (("refuse",), "approve"),
        (("cancel",), "approve"),
    ],
)
def test_steps_come_in_order(
    session: ScopedSession, plant: Plant, before: tuple[str, ...], action: str
) -> None:
    order = order_from(session, plant)
    give_letter(session, order)
    lead(session, order, *before)
    with pytest.raises(ConflictError, match="has moved on"):
        lead(session, order, action, item=plant.a_item)


@pytest.mark.parametrize("action", ["refuse", "cancel"])
def test_a_step_without_what_it_needs_is_refused(
    session: ScopedSession, plant: Plant, action: str
) -> None:
    order = order_from(session, plant)
    with pytest.raises(InvalidError) as told:
        advance_cross_connect(session, STAFF, order.id, action, {"note": ""})
    assert told.value.fields == {"note": ["required"]}
    with pytest.raises(InvalidError, match="no such step"):
        advance_cross_connect(session, STAFF, order.id, "jump")


def test_no_patching_without_a_valid_letter(session: ScopedSession, plant: Plant) -> None:
    order = order_from(session, plant)
    lead(session, order, "approve")
    with pytest.raises(ConflictError, match="letter of authorisation is needed"):
        lead(session, order, "patch")
    attach_file(session, STAFF, order.id, name="x.pdf", content=PDF, kind="other")
    with pytest.raises(ConflictError, match="letter of authorisation is needed"):
        lead(session, order, "patch")
    give_letter(session, order, TODAY)
    with pytest.raises(ConflictError, match="has expired"):
        lead(session, order, "patch")
    give_letter(session, order, TODAY + dt.timedelta(days=1))
    lead(session, order, "patch")


def test_the_letter_is_what_stands_in_the_way(
    session: ScopedSession, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control."""
    order = order_from(session, plant)
    lead(session, order, "approve")
    monkeypatch.setattr(cross_connects, "judge_letter_of", lambda *_: "valid")
    lead(session, order, "patch")


def test_own_ports_on_both_sides_need_no_letter(session: ScopedSession, plant: Plant) -> None:
    # The panel in A's cabinet is the operator's, but it stands in A's space.
    order = order_from(session, plant, a="spare", z="cab2")
    lead(session, order, "approve", "patch")
    order = order_from(session, plant, a="other", z="own")
    lead(session, order, "approve", "patch")


def test_a_port_is_held_by_one_order(session: ScopedSession, plant: Plant) -> None:
    first = order_from(session, plant)
    with pytest.raises(ConflictError, match=rf"odf-far 1 belongs to .*{first.number} of 客户 A"):
        order_from(session, plant, a="spare")
    lead(session, first, "cancel")
    second = order_from(session, plant, a="spare")
    choose_ends(
        session, STAFF, second.id, a_port_id=plant.ports["spare"], z_port_id=plant.ports["other"]
    )
    order_from(session, plant)
    assert {end.side: end.port_id for end in second.ends} == {
        "a": plant.ports["spare"],
        "z": plant.ports["other"],
    }


def race(
    sessions: SessionFactory, plant: Plant, do: Callable[[ScopedSession], object]
) -> list[str]:
    gate = threading.Barrier(16)

    def ask(_number: int) -> str:
        gate.wait()
        try:
            with transaction(sessions, STAFF) as session:
                do(session)
                return "got it"
        except JifangError as error:
            return type(error).__name__

    with ThreadPoolExecutor(16) as pool:
        return sorted(pool.map(ask, range(16)))


@pytest.fixture
def many_sessions(clean_database: Database) -> SessionFactory:
    return make_sessions(make_engine(clean_database.app_url, pool_size=8))


def test_of_16_who_want_a_port_one_gets_it(
    kept_plant: Plant, many_sessions: SessionFactory
) -> None:
    got = race(many_sessions, kept_plant, lambda session: order_from(session, kept_plant))
    assert got == ["ConflictError"] * 15 + ["got it"]
    many_sessions.kw["bind"].dispose()


def test_of_16_who_plug_in_one_does(kept_plant: Plant, many_sessions: SessionFactory) -> None:
    a, z = Plug(kept_plant.ports["spare"]), Plug(kept_plant.ports["other"], REAR)
    got = race(
        many_sessions,
        kept_plant,
        # Half of them from the other side: nobody waits in a ring.
        lambda session: connect_ports(session, STAFF, *((a, z)), CableNotes("utp")),
    )
    assert got == ["ConflictError"] * 15 + ["got it"]
    many_sessions.kw["bind"].dispose()


def test_the_key_refuses_what_slips_past_the_service(session: ScopedSession, plant: Plant) -> None:
    def plug_in() -> None:
        cable = Cable(media="smf")
        cable.ends = [CableEnd(side="a", port_id=plant.ports["cab"], face=REAR)]
        with session.begin_nested():
            session.add(cable)
            session.flush()

    with pytest.raises(IntegrityError, match="uq_cable_end_port_id_face"):
        plug_in()


def test_a_taken_plug_names_the_cable_and_where_it_goes(
    session: ScopedSession, plant: Plant
) -> None:
    with pytest.raises(ConflictError, match="taken by cable TRUNK-1 from odf-mmr 1"):
        connect_ports(
            session, STAFF, Plug(plant.ports["cab"], REAR), Plug(plant.ports["own"]),
            CableNotes("smf"),
        )  # fmt: skip
    with pytest.raises(InvalidError, match="rear"):
        connect_ports(
            session, STAFF, Plug(plant.ports["own"], REAR), Plug(plant.ports["far"]),
            CableNotes("smf"),
        )  # fmt: skip
    order = order_from(session, plant)
    with pytest.raises(ConflictError, match=f"kept for cross-connect {order.number}"):
        connect_ports(
            session, STAFF, Plug(plant.ports["own"]), Plug(plant.ports["far"]), CableNotes("smf")
        )


def test_an_orders_cable_is_not_unplugged(session: ScopedSession, plant: Plant) -> None:
    order = order_from(session, plant, a="spare", z="cab2")
    lead(session, order, "approve", "patch")
    (cable,) = order.cables
    with pytest.raises(ConflictError, match=order.number):
        disconnect_cable(session, STAFF, cable.id)
    trunk = session.scalars(select(Cable.id).where(Cable.code == "TRUNK-1")).one()
    disconnect_cable(session, STAFF, trunk)
    assert session.get(Cable, trunk) is None


def test_the_way_may_be_taken(session: ScopedSession, plant: Plant) -> None:
    connect_ports(
        session, STAFF, Plug(plant.ports["mmr"]), Plug(plant.ports["own"]), CableNotes("smf")
    )
    order = order_from(session, plant)
    give_letter(session, order)
    lead(session, order, "approve")
    with pytest.raises(ConflictError, match="taken up to srv-a eth0"):
        lead(session, order, "patch")


def test_a_patch_by_a_panel_between(session: ScopedSession, plant: Plant) -> None:
    order = order_from(session, plant)
    give_letter(session, order)
    lead(session, order, "approve")
    via = {"via": [plant.ports["spare"]], "colour": "yellow"}
    advance_cross_connect(session, STAFF, order.id, "patch", via, at=NOW)
    trace = trace_port(session, STAFF, plant.ports["far"])
    assert {hop.port.label for hop in trace.hops} == {
        "odf-cab 1", "odf-mmr 1", "odf-mmr 2", "odf-far 1",
    }  # fmt: skip
    assert len(order.cables) == 2


def test_a_customer_asks_in_words_and_sees_its_own(session: ScopedSession, plant: Plant) -> None:
    scope = plant.scope_of(plant.a)
    with session.within(scope):
        with pytest.raises(ForbiddenError):
            request_cross_connect(
                session,
                scope,
                NewOrder(plant.a, "smf", a_port_id=plant.ports["cab"], z_wish="the carrier"),
            )
        with pytest.raises(NotFoundError):
            request_cross_connect(
                session, scope, NewOrder(plant.b, "smf", a_wish="A-01", z_wish="the carrier")
            )
        with pytest.raises(InvalidError) as told:
            request_cross_connect(session, scope, NewOrder(plant.a, "smf"))
        assert set(told.value.fields) == {"a_wish", "z_wish"}
        order = request_cross_connect(
            session, scope, NewOrder(plant.a, "smf", a_wish="A-01 U1", z_wish="the carrier")
        )
        attach_file(session, scope, order.id, name="loa.pdf", content=PDF)
        with pytest.raises(ForbiddenError, match="Ask us"):
            advance_cross_connect(session, scope, order.id, "approve")
    other = plant.scope_of(plant.b)
    with session.within(other):
        assert session.scalar(select(func.count()).select_from(CrossConnect)) == 0
        for refused in (
            lambda: advance_cross_connect(session, other, order.id, "cancel", {"note": "x"}),
            lambda: attach_file(session, other, order.id, name="x", content=PDF),
            lambda: read_file(session, other, 1),
        ):
            with pytest.raises(NotFoundError):
                refused()
        assert list_files(session, other, order.id) == []
    with session.within(scope):
        advance_cross_connect(session, scope, order.id, "cancel", {"note": "not needed"})
    assert order.state == "cancelled"


def test_an_item_pays_for_one_order(session: ScopedSession, plant: Plant) -> None:
    first = order_from(session, plant, a="spare", z="cab2")
    lead(session, first, "approve", "patch", "test", "bill", item=plant.a_item)
    second = order_from(session, plant, a="other", z="own")
    lead(session, second, "approve", "patch", "test")
    with pytest.raises(ConflictError, match=f"pays for {first.number}"):
        lead(session, second, "bill", item=plant.a_item)
    with pytest.raises(InvalidError, match="no such contract item"):
        lead(session, second, "bill", item=plant.b_item)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"MZ\x90\x00", "Only PDF"),
        (b"<script>alert(1)</script>", "Only PDF"),
        (b" %PDF-1.7", "Only PDF"),
        (PDF + b"\0" * LARGEST, "at most 10 MB"),
    ],
)
def test_hostile_files_are_refused(
    session: ScopedSession, plant: Plant, content: bytes, words: str
) -> None:
    order = order_from(session, plant)
    with pytest.raises(InvalidError, match=words):
        attach_file(session, STAFF, order.id, name="letter.pdf", content=content)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "passwd.pdf"),
        ("C:\\Users\\x\\loa.PDF", "loa.pdf"),
        ("授权书 2026.pdf", "授权书 2026.pdf"),
        ('a"b\r\nX: y.pdf', "abX y.pdf"),
        ("..", "file.pdf"),
        ("x.html", "x.html.pdf"),
        ("\u202efdp.exe", "fdp.exe.pdf"),
        ("n" * 300, "n" * 200 + ".pdf"),
    ],
)
def test_a_name_is_only_a_name(name: str, kept: str) -> None:
    assert clean_name(name, ".pdf") == kept


def test_tracing_costs_the_same_however_long_the_line(
    session: ScopedSession, plant: Plant, statements: list[str]
) -> None:
    statements.clear()
    trace_port(session, STAFF, plant.ports["own"])
    short = len(statements)
    order = order_from(session, plant)
    give_letter(session, order)
    lead(session, order, "approve", "patch")
    statements.clear()
    assert len(trace_port(session, STAFF, plant.ports["cab"]).hops) == 3
    assert short <= len(statements) <= 5


def test_ports_are_found_by_words(session: ScopedSession, plant: Plant) -> None:
    assert find_port_by_words(session, "odf-mmr 1").id == plant.ports["mmr"]
    with pytest.raises(InvalidError, match="No port is called"):
        find_port_by_words(session, "odf-mmr 9")
    found = suggest_ports(session, STAFF, "odf 1")
    assert [one.label for one in found] == ["odf-cab 1", "odf-far 1", "odf-mmr 1"]
    assert found[0].place == "R1 · A-01 · U3"
