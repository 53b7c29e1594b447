"""Suspending, restoring and moving out: checklists of what is really there, gates that hold."""

import datetime as dt
from dataclasses import dataclass

import pytest
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import Range

from dcim.accounts.scope import Scope
from dcim.customers.contracts import find_contract_row
from dcim.customers.models import Contact, Contract, ContractItem, Customer
from dcim.db import ScopedSession
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from dcim.inventory.models import (
    Allocation,
    Cabinet,
    Device,
    DeviceType,
    Rack,
    Room,
    Row,
    Site,
)
from dcim.inventory.space.allocating import allocate_space
from dcim.inventory.space.areas import allocate_area
from dcim.inventory.space.ending import end_contract, end_item
from dcim.inventory.space.placement import install_device, remove_device
from dcim.network.address_models import AddressAssignment
from dcim.network.models import BandwidthService, Port, ServiceMembership
from dcim.network.order_models import CrossConnect
from dcim.operations.models import OrderStep, ServiceOrder
from dcim.operations.orders import (
    AUTOMATIC,
    approve_order,
    cancel_order,
    do_step,
    find_order_row,
    finish_order,
    reopen_step,
    request_order,
    tick_step,
)
from dcim.power.models import Outlet, PowerNode
from dcim.statements.completeness import list_missing
from dcim.statements.models import Statement
from tests.integration.customers.office import (
    BEGAN,
    CLERK,
    NEXT,
    NOW,
    TODAY,
    make_item,
    make_signed,
)

LATER = dt.datetime(2026, 12, 2, 4, tzinfo=dt.UTC)


@dataclass
class House:
    """A customer with a rack, a server on two outlets, a port, a cross-connect, people."""

    customer: Customer
    contract: Contract
    item: ContractItem
    rack: Rack
    server: Device
    allocation: Allocation


@pytest.fixture
def house(session: ScopedSession) -> House:
    contract, item = make_signed(session)
    customer = session.get_one(Customer, contract.customer_id)
    line = make_item(session, contract, "BW", kind="bandwidth", starts_on=dt.date(2026, 11, 1))
    cross = make_item(session, contract, "XC", kind="cross_connect", starts_on=dt.date(2026, 11, 1))
    session.add_all(
        [
            Contact(customer_id=customer.id, name="沈知夏", email="a@a.example", may_enter=True),
            Contact(customer_id=customer.id, name="乔远舟", email="", gets_statements=False),
        ]
    )
    site = Site(code="S", name="S", name_en="S")
    room = Room(site=site, code="R", name="R", name_en="R")
    cabinet = Cabinet(row=Row(room=room, code="A", position=1), code="A-01", position=1)
    rack = Rack(cabinet=cabinet, code="A-01", u_count=42)
    kind = DeviceType(manufacturer="M", model="M", height=4)
    session.add_all([rack, kind])
    session.flush()
    server = Device(
        device_type_id=kind.id, customer_id=customer.id, name="db-1", role="db", state="in_stock"
    )
    switch = Device(device_type_id=kind.id, name="sw-1", role="switch", state="in_stock")
    session.add_all([server, switch])
    session.flush()
    allocation = allocate_space(
        session, CLERK, item, rack.id, u_low=0, height=84, starts_on=BEGAN, now=NOW
    )
    install_device(session, CLERK, server, rack.id, u_low=0, at=NOW)
    port = Port(device_id=switch.id, name="ge1", speed_bps=10**9)
    service = BandwidthService(
        customer_id=customer.id, contract_item_id=line.id, code="IPT-1", carrier="BGP",
        commit_bps=1, ceiling_bps=1,
    )  # fmt: skip
    session.add_all([port, service])
    session.flush()
    session.add(
        ServiceMembership(
            service_id=service.id, customer_id=customer.id, port_id=port.id, starts_at=NOW
        )
    )
    for number, state in (("X-1", "billing"), ("X-2", "disconnected")):
        session.add(
            CrossConnect(
                number=number, customer_id=customer.id, contract_item_id=cross.id, media="smf",
                state=state, requested_by="x", requested_at=NOW, z_party="电信",
            )
        )  # fmt: skip
    for network, until in (("192.0.2.7/32", None), ("192.0.2.8/32", NOW - dt.timedelta(days=9))):
        session.add(
            AddressAssignment(
                network=network, customer_id=customer.id, hostname="db",
                period=Range(dt.datetime(2026, 1, 1, tzinfo=dt.UTC), until),
            )
        )  # fmt: skip
    for feed in "AB":
        pdu = PowerNode(
            site_id=site.id, kind="pdu", code=f"PDU-{feed}", feed=feed, rated_a=32, rack_id=rack.id
        )
        session.add(pdu)
        session.flush()
        session.add(Outlet(pdu_id=pdu.id, number=5, device_id=server.id))
    session.flush()
    return House(customer, contract, item, rack, server, allocation)


def ask(
    session: ScopedSession, house: House, kind: str, day: dt.date = TODAY, **given: object
) -> ServiceOrder:
    return request_order(
        session, CLERK, house.customer.id, kind, effective_on=day, reason="欠费", now=NOW,
        **given,  # type: ignore[arg-type]
    )  # fmt: skip


def steps_of(order: ServiceOrder) -> list[tuple[str, str]]:
    return [(step.kind, step.subject) for step in order.steps]


def work_through(session: ScopedSession, order: ServiceOrder, now: dt.datetime = NOW) -> None:
    for step in order.steps:
        if step.state == "open" and step.kind in AUTOMATIC:
            do_step(session, CLERK, step, list_missing, now)
        elif step.state == "open":
            tick_step(session, CLERK, step, now=now)


def suspend(session: ScopedSession, house: House) -> ServiceOrder:
    order = ask(session, house, "suspend")
    approve_order(session, CLERK, order, NOW)
    work_through(session, order)
    finish_order(session, CLERK, order, list_missing, NOW)
    return order


def test_a_suspension_lists_what_is_there_and_restoring_mirrors_it(
    session: ScopedSession, house: House
) -> None:
    order = ask(session, house, "suspend")
    assert order.number == "O-2026-000001"
    assert steps_of(order) == [
        ("notify", "沈知夏"),
        ("ports_off", "sw-1 ge1 · IPT-1"),
        ("power_off", "db-1 · PDU-A/5, PDU-B/5"),
        ("access_revoked", "沈知夏"),
    ]
    with pytest.raises(ConflictError, match="isn't under way"):
        tick_step(session, CLERK, order.steps[0], now=NOW)
    approve_order(session, CLERK, order, NOW)
    with pytest.raises(ConflictError, match="4 steps are open, first: 沈知夏"):
        finish_order(session, CLERK, order, list_missing, NOW)
    notify, ports, power, access = order.steps
    tick_step(session, CLERK, notify, note="电话告知", now=NOW)
    assert (order.state, notify.state, notify.done_by) == ("running", "done", CLERK.actor)
    with pytest.raises(ConflictError, match="closed already"):
        tick_step(session, CLERK, notify, now=NOW)
    with pytest.raises(InvalidError, match="left out"):
        tick_step(session, CLERK, power, skip=True, now=NOW)
    tick_step(session, CLERK, power, skip=True, note="只断网", now=NOW)
    reopen_step(session, CLERK, power)
    tick_step(session, CLERK, power, skip=True, note="只断网", now=NOW)
    tick_step(session, CLERK, ports, now=NOW)
    tick_step(session, CLERK, access, now=NOW)
    finish_order(session, CLERK, order, list_missing, NOW)
    assert (order.state, house.customer.state, house.customer.active) == ("done", "suspended", True)

    restore = ask(session, house, "restore")
    # Power was never cut, so it isn't switched on again.
    assert steps_of(restore) == [
        ("notify", "沈知夏"),
        ("ports_on", "sw-1 ge1 · IPT-1"),
        ("access_restored", "沈知夏"),
    ]
    approve_order(session, CLERK, restore, NOW)
    work_through(session, restore)
    finish_order(session, CLERK, restore, list_missing, NOW)
    assert (restore.number, house.customer.state) == ("O-2026-000002", "active")


def test_orders_need_a_state_and_come_one_at_a_time(session: ScopedSession, house: House) -> None:
    with pytest.raises(ConflictError, match="isn't suspended"):
        ask(session, house, "restore")
    order = ask(session, house, "suspend")
    with pytest.raises(ConflictError, match=order.number):
        ask(session, house, "suspend")
    cancel_order(session, CLERK, order, "已付款", NOW)
    assert (order.state, house.customer.state) == ("cancelled", "active")
    with pytest.raises(ConflictError, match="isn't under way"):
        cancel_order(session, CLERK, order, "x", NOW)
    with pytest.raises(ConflictError, match="decided already"):
        approve_order(session, CLERK, order, NOW)
    for wrong, error in (
        ({"kind": "sell"}, InvalidError),
        ({"contract_id": 10**9}, NotFoundError),
    ):
        with pytest.raises(error):
            ask(session, house, wrong.pop("kind", "suspend"), **wrong)  # type: ignore[arg-type]
    outsider = Scope.customer("x@c.example", house.customer.id)
    with pytest.raises(ForbiddenError):
        request_order(
            session, outsider, house.customer.id, "suspend", effective_on=TODAY, reason="x"
        )
    with pytest.raises(NotFoundError):
        find_order_row(session, Scope.customer("x", house.customer.id + 1), order.id)


def issue(session: ScopedSession, contract: Contract, period: str) -> None:
    session.add(
        Statement(
            customer_id=contract.customer_id, contract_id=contract.id, number=f"S-{period}",
            period=period, currency="CNY", total=0, credits=0, verdict="met", document={},
            document_sha256="0" * 64, inputs=b"", inputs_sha256="0" * 64,
        )
    )  # fmt: skip
    session.flush()


def test_a_move_out_from_notice_to_the_last_statement(session: ScopedSession, house: House) -> None:
    order = ask(session, house, "move_out", NEXT)
    assert [kind for kind, _ in steps_of(order)] == [
        "notify", "ports_off", "cross_connect", "address", "power_off", "equipment_out",
        "space_free", "items_end", "access_revoked", "final_statement",
    ]  # fmt: skip
    # Not the one that is parted, nor the address that was given back.
    assert {("cross_connect", "X-1 · 电信"), ("address", "192.0.2.7 · db")} <= set(steps_of(order))
    approve_order(session, CLERK, order, NOW)
    assert house.customer.state == "leaving"
    by_kind = {step.kind: step for step in order.steps}
    # What the system does isn't ticked by hand, and what a person does isn't done by it.
    with pytest.raises(ConflictError, match="let it"):
        tick_step(session, CLERK, by_kind["equipment_out"], now=LATER)
    with pytest.raises(ConflictError, match="A person"):
        do_step(session, CLERK, by_kind["power_off"], list_missing, LATER)
    # Space that still is theirs keeps the contract from ending; equipment keeps the space.
    with pytest.raises(ConflictError, match="A-01 U1–42 is allocated by item HT-C1-01"):
        do_step(session, CLERK, by_kind["items_end"], list_missing, LATER)
    with pytest.raises(ConflictError, match="db-1 still stands in A-01"):
        do_step(session, CLERK, by_kind["space_free"], list_missing, LATER)
    do_step(session, CLERK, by_kind["equipment_out"], list_missing, LATER)
    assert house.server.installation is None
    with pytest.raises(ConflictError, match="no end yet"):
        do_step(session, CLERK, by_kind["final_statement"], list_missing, LATER)
    do_step(session, CLERK, by_kind["space_free"], list_missing, LATER)
    do_step(session, CLERK, by_kind["items_end"], list_missing, LATER)
    # The order says the 1st, the work was done on the 2nd: until then it is paid for.
    assert (house.allocation.ends_on, house.contract.ends_on) == (
        dt.date(2026, 12, 2), dt.date(2026, 12, 2),
    )  # fmt: skip
    assert house.allocation.slots == []
    assert house.contract.state == "ended"
    issue(session, house.contract, "2026-10")
    with pytest.raises(ConflictError, match="2026-11, 2026-12"):
        do_step(session, CLERK, by_kind["final_statement"], list_missing, LATER)
    issue(session, house.contract, "2026-11")
    issue(session, house.contract, "2026-12")
    work_through(session, order, LATER)
    finish_order(session, CLERK, order, list_missing, LATER)
    assert (house.customer.state, house.customer.active) == ("left", False)


def test_a_move_out_isnt_done_while_equipment_stands(session: ScopedSession, house: House) -> None:
    """The gate looks at the racks, not at the ticks; the control is the same without the device."""
    order = ask(session, house, "move_out", TODAY)
    approve_order(session, CLERK, order, NOW)
    out = next(step for step in order.steps if step.kind == "equipment_out")
    tick_step(session, CLERK, out, skip=True, note="客户自行处理", now=NOW)
    house.allocation.slots.clear()
    house.allocation.ends_on = TODAY
    session.flush()
    issue(session, house.contract, "2026-11")
    work_through(session, order)
    with pytest.raises(ConflictError, match="db-1 still stands in A-01"):
        finish_order(session, CLERK, order, list_missing, NOW)
    session.delete(house.server.installation)
    session.flush()
    finish_order(session, CLERK, order, list_missing, NOW)
    assert order.state == "done"


def test_a_move_out_of_an_area_ends_the_area(session: ScopedSession, house: House) -> None:
    cancelled = house.allocation
    cancelled.slots.clear()
    cancelled.ends_on = BEGAN + dt.timedelta(days=1)
    session.flush()
    claim = allocate_area(
        session, CLERK, house.item, "room", house.rack.cabinet.row.room_id,
        starts_on=dt.date(2026, 2, 1), now=NOW,
    )  # fmt: skip
    spare = Cabinet(row_id=house.rack.cabinet.row_id, code="A-02", position=2)
    ahead = Rack(cabinet=spare, code="A-02", u_count=42)
    session.add(ahead)
    session.flush()
    later = allocate_space(
        session, CLERK, house.item, ahead.id, u_low=0, height=4, starts_on=NEXT, now=NOW
    )
    order = ask(session, house, "move_out", TODAY)
    approve_order(session, CLERK, order, NOW)
    space, unbegun = [step for step in order.steps if step.kind == "space_free"]
    # The area isn't given back while equipment stands in it; the control is the same without.
    with pytest.raises(ConflictError, match="db-1 still stands in A-01"):
        do_step(session, CLERK, space, list_missing, NOW)
    assert claim.turn == "current"
    remove_device(session, CLERK, house.server)
    do_step(session, CLERK, space, list_missing, NOW)
    assert (claim.ends_on, claim.turn) == (TODAY, "over")
    assert {one.ends_on for one in claim.allocations} == {TODAY}
    # What hadn't begun is taken back.
    later_id = later.id
    do_step(session, CLERK, unbegun, list_missing, NOW)
    assert not session.scalar(select(func.count()).where(Allocation.id == later_id))


def test_a_move_out_given_up_leaves_the_customer_as_it_was(
    session: ScopedSession, house: House
) -> None:
    suspend(session, house)
    order = ask(session, house, "move_out", NEXT)
    approve_order(session, CLERK, order, NOW)
    assert house.customer.state == "leaving"
    with pytest.raises(ConflictError, match="2026-12-01"):
        finish_order(session, CLERK, order, list_missing, NOW)
    cancel_order(session, CLERK, order, "续约", NOW)
    assert house.customer.state == "suspended"


def test_moving_out_of_one_contract_of_two(session: ScopedSession, house: House) -> None:
    second = make_signed_second(session, house)
    order = ask(session, house, "move_out", TODAY, contract_id=second.id)
    # Nothing stands in its racks: it has none. The people keep their access.
    assert [kind for kind, _ in steps_of(order)] == ["notify", "items_end", "final_statement"]
    approve_order(session, CLERK, order, NOW)
    assert house.customer.state == "active"
    issue(session, second, "2026-11")
    work_through(session, order)
    finish_order(session, CLERK, order, list_missing, NOW)
    assert (second.state, house.customer.state) == ("ended", "active")


def make_signed_second(session: ScopedSession, house: House) -> Contract:
    contract = Contract(customer_id=house.customer.id, number="HT-X", starts_on=BEGAN)
    session.add(contract)
    session.flush()
    return find_contract_row(session, CLERK, contract.id)


def test_what_came_since_joins_the_list(session: ScopedSession, house: House) -> None:
    order = ask(session, house, "suspend")
    before = len(order.steps)
    session.execute(select(OrderStep.id))
    server = Device(
        device_type_id=house.server.device_type_id, customer_id=house.customer.id, name="db-2",
        role="db", state="in_stock",
    )  # fmt: skip
    session.add(server)
    session.flush()
    install_device(session, CLERK, server, house.rack.id, u_low=10, at=NOW)
    outlet = session.scalars(select(Outlet).order_by(Outlet.id)).first()
    assert outlet is not None
    session.add(Outlet(pdu_id=outlet.pdu_id, number=6, device_id=server.id))
    session.flush()
    approve_order(session, CLERK, order, NOW)
    assert steps_of(order)[before:] == [("power_off", "db-2 · PDU-A/6")]


def test_space_keeps_its_item_from_ending(session: ScopedSession, house: House) -> None:
    with pytest.raises(ConflictError, match="without an end"):
        end_item(session, CLERK, house.item, NEXT, NOW)
    with pytest.raises(ConflictError, match="without an end"):
        end_contract(session, CLERK, house.contract, NEXT, NOW)
    house.allocation.ends_on = dt.date(2026, 12, 2)
    session.flush()
    with pytest.raises(ConflictError, match="until 2026-12-02"):
        end_item(session, CLERK, house.item, NEXT, NOW)
    # The control: a day later nothing is in the way.
    end_item(session, CLERK, house.item, dt.date(2026, 12, 2), NOW)
    assert house.item.ends_on == dt.date(2026, 12, 2)
