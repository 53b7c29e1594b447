"""The remembered board never shows less than what is committed, and never what isn't."""

import datetime as dt
from collections.abc import Callable
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, event, select, text
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.capacity import snapshot
from dcim.capacity.models import CapacityChange
from dcim.capacity.search import Answer, search_capacity
from dcim.capacity.wish import Wish
from dcim.columns import utc_now
from dcim.customers.models import ContractItem
from dcim.db import ScopedSession, SessionFactory, transaction
from dcim.errors import ForbiddenError
from dcim.inventory.models import (
    BarredSpace,
    Device,
    DeviceType,
    Hold,
    InstallationSlot,
    Rack,
    Room,
    Row,
)
from dcim.inventory.space.allocating import allocate_space
from dcim.inventory.space.holding import hold_space, release_hold
from dcim.inventory.space.placement import install_device, remove_device
from dcim.network.models import BandwidthService, Port, ServiceMembership
from dcim.power.models import PowerNode
from tests.integration.capacity.hall import NOW, TEN_GIG, TODAY, Hall, build_hall

SCOPE = Scope.system("test")
ZONE = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def hall(sessions: SessionFactory) -> Hall:
    with transaction(sessions, SCOPE) as session:
        return build_hall(session)


def look(session: ScopedSession, wish: Wish) -> Answer:
    return search_capacity(session, SCOPE, wish, zone=ZONE)


def look_anew(sessions: SessionFactory, wish: Wish) -> set[str]:
    """What a fresh transaction finds, by whatever this process remembers."""
    with transaction(sessions, SCOPE) as session:
        return fitting(look(session, wish))


def fitting(answer: Answer) -> set[str]:
    return {
        rack.code
        for rack, fits in zip(answer.judged.board.racks, answer.judged.fits, strict=True)
        if fits
    }


def rack_of(session: Session, code: str) -> Rack:
    return session.scalars(select(Rack).where(Rack.code == code)).one()


def add_device(session: Session, name: str, **rest: object) -> Device:
    kind = session.scalars(select(DeviceType).where(DeviceType.model == "2U")).one()
    device = Device(name=name, device_type_id=kind.id, role="app", **rest)
    session.add(device)
    session.flush()
    return device


def _allocate(session: ScopedSession) -> None:
    item = session.scalars(select(ContractItem).where(ContractItem.code == "Reed-1")).one()
    allocate_space(
        session, SCOPE, item, rack_of(session, "A-02").id, u_low=0, height=40,
        starts_on=utc_now().date() - dt.timedelta(days=2),
    )  # fmt: skip


def _hold(session: ScopedSession) -> None:
    hold_space(
        session, SCOPE, rack_of(session, "A-02").id, prospect="Fern", u_low=0, height=40,
        expires_at=utc_now() + dt.timedelta(days=9),
    )  # fmt: skip


def _install(session: ScopedSession) -> None:
    install_device(
        session, SCOPE, add_device(session, "one"), rack_of(session, "A-02").id, u_low=18
    )


def _bar(session: ScopedSession) -> None:
    rack = rack_of(session, "A-02")
    barred = BarredSpace(rack_id=rack.id, u_low=18, height=2, reason="a beam")
    barred.slots = [
        InstallationSlot(u=u, face=face, side=side)
        for u in (18, 19)
        for face in ("front", "rear")
        for side in ("left", "right")
    ]
    session.add(barred)


def _block(session: ScopedSession) -> None:
    rack_of(session, "A-02").cabinet.state = "blocked"


def _shrink(session: ScopedSession) -> None:
    rack_of(session, "A-02").u_count = 5


def _weaken_pdu(session: ScopedSession) -> None:
    node = session.scalars(select(PowerNode).where(PowerNode.code == "A-02-B")).one()
    node.rated_a = 1


def _sell_power(session: ScopedSession) -> None:
    """The item's watts grow, though no rack is touched."""
    item = session.scalars(select(ContractItem).where(ContractItem.code == "Moss-1")).one()
    item.contracted_w = 2900


def _make_heavy(session: ScopedSession) -> None:
    kind = session.scalars(select(DeviceType).where(DeviceType.model == "2U")).one()
    kind.weight_g = 790_000


def _use_port(session: ScopedSession) -> None:
    for port in session.scalars(select(Port)):
        port.role = "uplink"


def _drop_room(session: ScopedSession) -> None:
    row = session.scalars(select(Row).where(Row.code == "B")).one()
    room = Room(code="M2", name="二", name_en="Two", site=row.room.site)
    row.room = room


def _lose_rack(session: ScopedSession) -> None:
    rack = rack_of(session, "A-02")
    session.execute(delete(PowerNode).where(PowerNode.rack_id == rack.id))
    session.delete(rack)


WIDE = Wish(units=18, watts=500)
CHANGES: list[tuple[Callable[[ScopedSession], None], Wish, set[str]]] = [
    (_allocate, WIDE, {"A-02"}),
    (_hold, WIDE, {"A-02"}),
    (_install, WIDE, {"A-02"}),
    (_bar, WIDE, {"A-02"}),
    (_block, WIDE, {"A-02"}),
    (_shrink, WIDE, {"A-02"}),
    (_weaken_pdu, WIDE, {"A-02"}),
    (_lose_rack, WIDE, {"A-02"}),
    (_sell_power, Wish(units=1, watts=1000), {"B-01"}),
    (_make_heavy, Wish(units=1, weight_kg=50), {"B-01"}),
    (_use_port, Wish(units=1, ports=4, port_bps=TEN_GIG), {"A-01", "A-02", "A-03"}),
    (
        _drop_room,
        Wish(units=1, ports=4, port_bps=TEN_GIG, port_scope="room"),
        {"B-01", "B-02", "B-03"},
    ),
]


def prepare(sessions: SessionFactory) -> None:
    """B-01 carries Moss's 1000 W and a device."""
    with transaction(sessions, SCOPE) as session:
        item = session.scalars(select(ContractItem).where(ContractItem.code == "Moss-1")).one()
        rack = rack_of(session, "B-01")
        allocate_space(session, SCOPE, item, rack.id, u_low=0, height=10, starts_on=TODAY, now=NOW)
        device = add_device(session, "moss", customer_id=item.customer_id)
        install_device(session, SCOPE, device, rack.id, u_low=0, at=NOW)


@pytest.mark.parametrize(("change", "wish", "lost"), CHANGES)
def test_what_is_committed_shows_at_once(
    sessions: SessionFactory,
    hall: Hall,
    change: Callable[[ScopedSession], None],
    wish: Wish,
    lost: set[str],
) -> None:
    prepare(sessions)
    before = look_anew(sessions, wish)
    assert lost <= before
    with transaction(sessions, SCOPE) as session:
        change(session)
    assert look_anew(sessions, wish) == before - lost


@pytest.mark.parametrize(("change", "wish", "lost"), CHANGES)
def test_without_the_notes_it_would_be_stale(
    sessions: SessionFactory,
    hall: Hall,
    change: Callable[[ScopedSession], None],
    wish: Wish,
    lost: set[str],
) -> None:
    """Control: each change is seen by its note, and by nothing else."""
    prepare(sessions)
    before = look_anew(sessions, wish)
    with transaction(sessions, SCOPE) as session:
        change(session)
        session.flush()
        session.execute(delete(CapacityChange))
    assert look_anew(sessions, wish) == before


def test_what_is_given_back_shows_too(sessions: SessionFactory, hall: Hall) -> None:
    with transaction(sessions, SCOPE) as session:
        _hold(session)
        _install_elsewhere(session)
    assert look_anew(sessions, WIDE) == {"A-01", "B-01", "B-02", "B-03"}
    with transaction(sessions, SCOPE) as session:
        release_hold(session, SCOPE, session.scalars(select(Hold)).one())
        remove_device(
            session, SCOPE, session.scalars(select(Device).where(Device.name == "two")).one()
        )
    assert look_anew(sessions, WIDE) == {"A-01", "A-02", "A-03", "B-01", "B-02", "B-03"}


def _install_elsewhere(session: ScopedSession) -> None:
    install_device(
        session, SCOPE, add_device(session, "two"), rack_of(session, "A-03").id, u_low=18
    )


def test_own_uncommitted_changes_show_but_are_not_remembered(
    sessions: SessionFactory, hall: Hall
) -> None:
    before = look_anew(sessions, WIDE)
    with sessions() as session:
        session.use_scope(SCOPE)
        _hold(session)
        assert fitting(look(session, WIDE)) == before - {"A-02"}
        session.rollback()
    assert look_anew(sessions, WIDE) == before


def test_a_transaction_that_began_early_and_commits_late_is_not_missed(
    sessions: SessionFactory, hall: Hall
) -> None:
    """A counter of changes would have been read between the write and its commit."""
    before = look_anew(sessions, WIDE)
    with transaction(sessions, SCOPE) as slow:
        _hold(slow)
        slow.flush()
        with transaction(sessions, SCOPE) as other:
            device = session_device(other)
            device.customer_id = None
        assert look_anew(sessions, WIDE) == before
    assert look_anew(sessions, WIDE) == before - {"A-02"}


def session_device(session: Session) -> Device:
    return session.scalars(select(Device).limit(1)).one()


def test_a_hold_that_expires_frees_its_place_without_any_change(
    sessions: SessionFactory, hall: Hall
) -> None:
    with transaction(sessions, SCOPE) as session:
        _hold(session)
    later = utc_now() + dt.timedelta(days=10)
    with transaction(sessions, SCOPE) as session:
        now = fitting(look(session, WIDE))
        then = search_capacity(session, SCOPE, WIDE, zone=ZONE, now=later)
        from_then = look(
            session, Wish(units=18, watts=500, starts_on=later.date() + dt.timedelta(days=1))
        )
    assert "A-02" not in now
    assert "A-02" in fitting(then)
    assert "A-02" in fitting(from_then)


def test_the_search_costs_one_statement_when_nothing_changed(
    sessions: SessionFactory, hall: Hall
) -> None:
    look_anew(sessions, WIDE)
    with transaction(sessions, SCOPE) as session:
        session.execute(text("SELECT 1"))
        statements: list[str] = []
        event.listen(
            session.connection(),
            "before_cursor_execute",
            lambda *call: statements.append(call[2]),
        )
        look(session, WIDE)
        assert len(statements) == 1
        snapshot.forget(session)
        look(session, WIDE)
        assert len(statements) == 1 + 11


def test_old_notes_are_pruned_and_new_ones_kept(sessions: SessionFactory, hall: Hall) -> None:
    with transaction(sessions, SCOPE) as session:
        count = len(session.scalars(select(CapacityChange)).all())
        assert count
        assert snapshot.prune_changes(session) == 0
        later = utc_now() + snapshot.KEPT + dt.timedelta(minutes=1)
        assert snapshot.prune_changes(session, later) == count


def test_a_customer_may_not_search(sessions: SessionFactory, hall: Hall) -> None:
    scope = Scope.customer("reed", hall.items["Reed"].customer_id)
    with transaction(sessions, scope) as session, pytest.raises(ForbiddenError):
        search_capacity(session, scope, WIDE, zone=ZONE)


def test_a_service_on_a_port_takes_it(sessions: SessionFactory, hall: Hall) -> None:
    wish = Wish(units=1, ports=4, port_bps=TEN_GIG)
    assert look_anew(sessions, wish) == {"A-01", "A-02", "A-03"}
    with transaction(sessions, SCOPE) as session:
        item = session.scalars(select(ContractItem).limit(1)).one()
        service = BandwidthService(
            customer_id=item.customer_id, contract_item_id=item.id, code="S1", carrier="CT",
            commit_bps=0, ceiling_bps=0,
        )  # fmt: skip
        session.add(service)
        session.flush()
        port = session.scalars(select(Port).limit(1)).one()
        session.add(
            ServiceMembership(
                service_id=service.id, customer_id=item.customer_id, port_id=port.id, starts_at=NOW
            )
        )
    assert look_anew(sessions, wish) == set()
