"""Nobody has an address twice at a time; who had it when is found again."""

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import IntegrityError

from dcim.accounts.models import AuditEntry
from dcim.accounts.scope import Scope
from dcim.db import ScopedSession, SessionFactory, make_engine, make_sessions, transaction
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from dcim.network.address_models import AddressAssignment, Prefix
from dcim.network.addresses import (
    Holder,
    assign_address,
    assign_next_free,
    lookup_address,
    release_address,
    suggest_free,
)
from tests.integration.network.plant import NOW, STAFF, Plant
from tests.servers import Database

DAY = dt.timedelta(days=1)


def test_an_address_is_given_once_and_the_refusal_names_who_has_it(
    session: ScopedSession, plant: Plant
) -> None:
    made = assign_address(session, STAFF, "10.0.1.7", Holder(plant.a), starts_at=NOW)
    assert made.network == "10.0.1.7/32"
    with pytest.raises(ConflictError, match=r"客户 A has 10\.0\.1\.7 since 2026-11-25"):
        assign_address(session, STAFF, "10.0.1.7", Holder(plant.b), starts_at=NOW + DAY)
    with pytest.raises(ConflictError, match="客户 A"):
        assign_address(session, STAFF, "10.0.1.0/29", Holder(plant.b), starts_at=NOW + DAY)
    release_address(session, STAFF, made.id, at=NOW + 2 * DAY)
    with pytest.raises(ConflictError, match="until 2026-11-27 04:00 UTC"):
        assign_address(session, STAFF, "10.0.1.7", Holder(plant.b), starts_at=NOW + DAY)
    # Half-open: the next one begins where the last one ends.
    assign_address(session, STAFF, "10.0.1.7", Holder(plant.b), starts_at=NOW + 2 * DAY)


def test_the_database_refuses_what_slips_past_the_service(
    session: ScopedSession, plant: Plant
) -> None:
    """The control of the guard itself: rows written without the service."""

    def write(network: str) -> None:
        with session.begin_nested():
            session.add(
                AddressAssignment(network=network, period=Range(NOW, None), customer_id=plant.a)
            )
            session.flush()

    write("10.0.1.9/32")
    with pytest.raises(IntegrityError, match="ex_address_assignment_once_at_a_time"):
        write("10.0.1.8/29")


@pytest.mark.parametrize(
    ("network", "customer", "words"),
    [
        ("192.0.2.1", "a", "no prefix of ours"),
        ("10.9.0.1", "a", "is a container"),
        ("10.0.2.5", "a", "own devices"),
        ("10.0.1.0", "a", "reserved"),
        ("10.0.1.255", "a", "reserved"),
        ("10.0.1.7/24", "a", "Write an address"),
        ("nonsense", "a", "Write an address"),
        ("10.0.0.0/8", "a", "container"),
    ],
)
def test_what_can_not_be_given(
    session: ScopedSession, plant: Plant, network: str, customer: str, words: str
) -> None:
    with pytest.raises(InvalidError, match=words):
        assign_address(session, STAFF, network, Holder(getattr(plant, customer)))


def test_a_prefix_set_aside_is_for_that_customer_alone(
    session: ScopedSession, plant: Plant
) -> None:
    session.add(Prefix(network="10.0.1.64/28", role="assignable", customer_id=plant.b))
    session.flush()
    with pytest.raises(ConflictError, match="set aside for 客户 B"):
        assign_address(session, STAFF, "10.0.1.66", Holder(plant.a))
    assign_address(session, STAFF, "10.0.1.66", Holder(plant.b))
    with pytest.raises(ConflictError, match="divided already"):
        assign_address(session, STAFF, "10.0.1.64/27", Holder(plant.a))


def test_anothers_item_and_device_are_refused(session: ScopedSession, plant: Plant) -> None:
    for holder in (
        Holder(plant.b, contract_item_id=plant.a_item),
        Holder(contract_item_id=plant.a_item),
        Holder(plant.b, device_id=plant.devices["srv-a"]),
        Holder(plant.a, device_id=plant.devices["srv-a"], port_id=plant.ports["far"]),
        Holder(987654),
    ):
        with pytest.raises(InvalidError):
            assign_address(session, STAFF, "10.0.1.7", holder)


def test_next_free_skips_what_is_taken_or_divided(session: ScopedSession, plant: Plant) -> None:
    session.add(Prefix(network="10.0.1.0/30", role="infrastructure"))
    session.flush()
    sold = plant.prefixes["sold"]
    assert suggest_free(session, STAFF, sold) == "10.0.1.4"
    first = assign_next_free(session, STAFF, sold, Holder(plant.a), starts_at=NOW)
    assert first.network == "10.0.1.4/32"
    block = assign_next_free(session, STAFF, sold, Holder(plant.a), length=29, starts_at=NOW)
    assert block.network == "10.0.1.8/29"
    # Also what is given later counts, for as long as it overlaps.
    assign_address(session, STAFF, "10.0.1.5", Holder(plant.b), starts_at=NOW + 9 * DAY)
    brief = assign_next_free(
        session, STAFF, sold, Holder(plant.a), starts_at=NOW, ends_at=NOW + DAY
    )
    assert brief.network == "10.0.1.5/32"
    assert (
        assign_next_free(session, STAFF, sold, Holder(plant.a), starts_at=NOW).network
        == "10.0.1.6/32"
    )
    v6 = assign_next_free(session, STAFF, plant.prefixes["v6"], Holder(plant.a), length=64)
    assert v6.network == "2001:db8:1::/64"
    with pytest.raises(InvalidError, match="No block of this size"):
        assign_next_free(session, STAFF, sold, Holder(plant.a), length=8)


def test_a_full_prefix_says_so(session: ScopedSession, plant: Plant) -> None:
    small = Prefix(network="10.0.3.0/30", role="assignable")
    session.add(small)
    session.flush()
    for _ in range(2):
        assign_next_free(session, STAFF, small.id, Holder(plant.a))
    with pytest.raises(ConflictError, match="Nothing of this size is free"):
        assign_next_free(session, STAFF, small.id, Holder(plant.a))


def race(sessions: SessionFactory, plant: Plant, threads: int, *, explicit: str = "") -> list[str]:
    """What each thread got; "" for a refusal."""
    gate = threading.Barrier(threads)

    def ask(number: int) -> str:
        gate.wait()
        try:
            with transaction(sessions, STAFF) as session:
                holder = Holder(plant.a if number % 2 else plant.b)
                made = (
                    assign_address(session, STAFF, explicit, holder)
                    if explicit
                    else assign_next_free(session, STAFF, plant.prefixes["sold"], holder)
                )
                return made.network
        except ConflictError:
            return ""

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(ask, range(threads)))


@pytest.fixture
def many_sessions(clean_database: Database) -> SessionFactory:
    engine = make_engine(clean_database.app_url, pool_size=16)
    return make_sessions(engine)


def test_32_who_ask_for_the_next_free_get_32(
    kept_plant: Plant, many_sessions: SessionFactory
) -> None:
    got = race(many_sessions, kept_plant, 32)
    assert len(set(got)) == 32
    assert set(got) == {f"10.0.1.{n}/32" for n in range(1, 33)}
    many_sessions.kw["bind"].dispose()


def test_of_32_who_want_one_address_one_gets_it(
    kept_plant: Plant, many_sessions: SessionFactory
) -> None:
    got = race(many_sessions, kept_plant, 32, explicit="10.0.1.200")
    assert sorted(got) == [""] * 31 + ["10.0.1.200/32"]
    many_sessions.kw["bind"].dispose()


def test_without_the_lock_next_free_collides(
    kept_plant: Plant, many_sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: the lock is what makes them wait in turn; the constraint still holds."""
    monkeypatch.setattr(
        "dcim.network.addresses._lock_around", lambda session, net: [], raising=True
    )

    def race_often() -> None:
        for _ in range(5):
            race(many_sessions, kept_plant, 16)

    with pytest.raises(IntegrityError, match="ex_address_assignment_once_at_a_time"):
        race_often()
    many_sessions.kw["bind"].dispose()


def test_who_had_it_when(session: ScopedSession, plant: Plant, statements: list[str]) -> None:
    first = assign_address(session, STAFF, "10.0.1.7", Holder(plant.a), starts_at=NOW)
    release_address(session, STAFF, first.id, at=NOW + DAY)
    assign_address(session, STAFF, "10.0.1.0/28", Holder(plant.b), starts_at=NOW + 2 * DAY)
    statements.clear()
    assert [row.customer_code for row in lookup_address(session, STAFF, "10.0.1.7")] == ["B", "A"]
    # One to look, the rest to write the audit entry.
    assert len(statements) == 4
    for at, who in (
        (NOW - DAY, []),
        (NOW, ["A"]),
        (NOW + DAY, []),
        (NOW + 2 * DAY, ["B"]),
    ):
        found = lookup_address(session, STAFF, "10.0.1.7", at, reason="order 7 of the bureau")
        assert [row.customer_code for row in found] == who
    entries = session.scalars(
        select(AuditEntry).where(AuditEntry.action == "address.lookup").order_by(AuditEntry.id)
    ).all()
    assert len(entries) == 5
    assert entries[1].subject == "address/10.0.1.7"
    assert entries[1].detail["reason"] == "order 7 of the bureau"
    with pytest.raises(InvalidError, match="Write an address"):
        lookup_address(session, STAFF, "10.0.1.0/24")


def test_releasing_twice_and_before_it_began(session: ScopedSession, plant: Plant) -> None:
    later = assign_address(session, STAFF, "10.0.1.7", Holder(plant.a), starts_at=NOW + DAY)
    assert release_address(session, STAFF, later.id, at=NOW) is None
    assert session.scalar(select(func.count()).select_from(AddressAssignment)) == 0
    again = assign_address(session, STAFF, "10.0.1.7", Holder(plant.a), starts_at=NOW)
    release_address(session, STAFF, again.id, at=NOW + DAY)
    with pytest.raises(ConflictError, match="given back"):
        release_address(session, STAFF, again.id, at=NOW + 2 * DAY)
    with pytest.raises(NotFoundError):
        release_address(session, STAFF, 987654)


def test_a_customer_gives_and_looks_up_nothing(session: ScopedSession, plant: Plant) -> None:
    scope = plant.scope_of(plant.a)
    with pytest.raises(ForbiddenError):
        assign_address(session, scope, "10.0.1.7", Holder(plant.a))
    with pytest.raises(ForbiddenError):
        lookup_address(session, scope, "10.0.1.7")


def test_a_customer_sees_its_own_addresses_alone(session: ScopedSession, plant: Plant) -> None:
    for number, holder in ((7, Holder(plant.a)), (8, Holder(plant.b)), (9, Holder())):
        assign_address(session, STAFF, f"10.0.1.{number}", holder)
    seen = text("SELECT host(network) FROM address_assignment ORDER BY network")
    for customer_id, own in ((plant.a, ["10.0.1.7"]), (plant.b, ["10.0.1.8"])):
        with session.within(Scope.customer("x", customer_id)):
            assert session.scalars(seen).all() == own
