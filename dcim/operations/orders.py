"""Orders that suspend a customer, restore it or move it out, with a checklist of what it has."""

import datetime as dt
from collections.abc import Callable, Iterator

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.customers.calendar import today_in
from dcim.customers.models import Contract, Customer
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from dcim.inventory.models import Allocation, Device
from dcim.inventory.space.ending import end_contract
from dcim.operations.belongings import Belongings, find_belongings, find_standing
from dcim.operations.models import OPEN_ORDER_STATES, ORDER_KINDS, OrderStep, ServiceOrder
from dcim.operations.relocation import take_out
from dcim.operations.vacating import free_space
from dcim.records.fields import mark

# Months of a contract (by id) that are over and have no statement; statements stand above us.
FindMissing = Callable[[Session, int], list[str]]
# Steps the system takes itself, by the same services that staff use.
AUTOMATIC = ("equipment_out", "space_free", "items_end", "final_statement")
# In these states of the customer an order of the kind makes sense.
_FROM = {
    "suspend": ("active", "leaving"),
    "restore": ("suspended",),
    "move_out": ("active", "suspended"),
}
_WRONG_STATE = {
    "suspend": mark("Customer %(customer)s isn't served now, so it can't be suspended."),
    "restore": mark("Customer %(customer)s isn't suspended."),
    "move_out": mark("Customer %(customer)s isn't served now, or is leaving already."),
}
_MIRRORED = {"ports_off": "ports_on", "power_off": "power_on", "access_revoked": "access_restored"}
_Step = tuple[str, str, str, int | None]


def request_order(
    session: Session,
    scope: Scope,
    customer_id: int,
    kind: str,
    *,
    effective_on: dt.date,
    reason: str,
    contract_id: int | None = None,
    now: dt.datetime | None = None,
) -> ServiceOrder:
    """Ask for it; the checklist is what the customer has today. It waits for approval.

    Raises NotFoundError, ConflictError when the customer's state or an order under way forbids it,
    InvalidError, ForbiddenError.
    """
    _require_staff(scope)
    customer = _find_customer(session, scope, customer_id)
    if kind not in ORDER_KINDS:
        raise InvalidError("No such kind of order.", {"kind": ["unknown"]})
    if not reason.strip():
        raise InvalidError("Say why.", {"reason": ["missing"]})
    if contract_id is not None:
        contract = session.get(Contract, contract_id)
        if contract is None or contract.customer_id != customer_id:
            raise NotFoundError("No such contract.")
        if contract.state != "signed":
            raise ConflictError("Contract %(number)s is not in force.", number=contract.number)
    if customer.state not in _FROM[kind]:
        raise ConflictError(_WRONG_STATE[kind], customer=customer.code)
    standing = session.scalars(
        select(ServiceOrder).where(
            ServiceOrder.customer_id == customer_id, ServiceOrder.state.in_(OPEN_ORDER_STATES)
        )
    )
    for other in standing:
        if other.kind == kind and (contract_id is None or other.contract_id in (None, contract_id)):
            raise ConflictError("Order %(number)s is under way already.", number=other.number)
    order = ServiceOrder(
        number=_next_number(session, today_in(customer.timezone, now).year),
        customer_id=customer_id,
        contract_id=contract_id,
        kind=kind,
        reason=reason.strip()[:255],
        state="requested",
        effective_on=effective_on,
        requested_by=scope.actor[:255],
        requested_at=now or utc_now(),
    )
    session.add(order)
    session.flush()
    _add_steps(session, scope, order)
    _record(session, scope, order, "order.request", reason=order.reason, kind=kind)
    return order


def approve_order(
    session: Session, scope: Scope, order: ServiceOrder, now: dt.datetime | None = None
) -> None:
    """Let it be carried out; what the customer got since it was asked for joins the checklist.

    A move-out of all that a customer has makes it "leaving". Raises ConflictError.
    """
    _require_staff(scope)
    if order.state != "requested":
        raise ConflictError("Order %(number)s was decided already.", number=order.number)
    _add_steps(session, scope, order)
    order.state, order.approved_by = "approved", scope.actor[:255]
    order.approved_at = now or utc_now()
    customer = session.get_one(Customer, order.customer_id)
    if order.kind == "move_out" and _leaves_nothing(session, order):
        customer.state = "leaving"
    session.flush()
    _record(session, scope, order, "order.approve")


def tick_step(
    session: Session,
    scope: Scope,
    step: OrderStep,
    *,
    note: str = "",
    skip: bool = False,
    now: dt.datetime | None = None,
) -> None:
    """A person says it is done, or (with the reason as note) that it needn't be.

    What the system does itself isn't ticked. Raises ConflictError, InvalidError.
    """
    order = _open(session, scope, step)
    if step.kind in AUTOMATIC and not (skip and step.kind != "final_statement"):
        raise ConflictError("The system does this step; let it.")
    if skip and not note.strip():
        raise InvalidError("Say why it is left out.", {"note": ["missing"]})
    _close(session, scope, order, step, "skipped" if skip else "done", note, now)


def reopen_step(session: Session, scope: Scope, step: OrderStep) -> None:
    """What was ticked by mistake is open again. What the system did stays done."""
    order = session.get_one(ServiceOrder, step.order_id)
    _require_staff(scope)
    if order.state != "running" or step.state == "open":
        raise ConflictError("This step isn't to be opened again.")
    if step.kind in AUTOMATIC and step.state == "done":
        raise ConflictError("The system has done this; it can't be undone here.")
    step.state, step.done_by, step.done_at = "open", "", None
    session.flush()
    _record(session, scope, order, "order.reopen", step=step.kind, subject_text=step.subject)


def do_step(
    session: Session,
    scope: Scope,
    step: OrderStep,
    find_missing: FindMissing,
    now: dt.datetime | None = None,
) -> None:
    """Let the system take the step: device out, space or contract ended, statement looked for.

    Raises ConflictError for what stands in the way.
    """
    order = _open(session, scope, step)
    if step.kind not in AUTOMATIC or step.subject_id is None:
        raise ConflictError("A person does this step and ticks it.")
    customer = session.get_one(Customer, order.customer_id)
    day = max(order.effective_on, today_in(customer.timezone, now))
    if step.kind == "equipment_out":
        device = session.get(Device, step.subject_id)
        if device is not None and device.installation is not None:
            take_out(session, scope, device)
    elif step.kind == "space_free":
        allocation = session.get(Allocation, step.subject_id)
        if allocation is not None and (allocation.ends_on is None or allocation.ends_on > day):
            free_space(session, scope, allocation, day, now)
    elif step.kind == "items_end":
        contract = session.get_one(Contract, step.subject_id)
        if contract.state == "signed" and (contract.ends_on is None or contract.ends_on > day):
            end_contract(session, scope, contract, day, now)
    else:
        _refuse_missing(session, step, find_missing)
    _close(session, scope, order, step, "done", "", now)


def finish_order(
    session: Session,
    scope: Scope,
    order: ServiceOrder,
    find_missing: FindMissing,
    now: dt.datetime | None = None,
) -> None:
    """All is done; the customer's state follows.

    A move-out isn't done while equipment stands there or a statement is missing, whatever was
    ticked. Raises ConflictError naming what is left.
    """
    _require_staff(scope)
    if order.state not in ("approved", "running"):
        raise ConflictError("Order %(number)s isn't under way.", number=order.number)
    customer = session.get_one(Customer, order.customer_id)
    if order.effective_on > today_in(customer.timezone, now):
        raise ConflictError("It is to be done on %(day)s; finish it then.", day=order.effective_on)
    _add_steps(session, scope, order)
    left = [step for step in order.steps if step.state == "open"]
    if left:
        raise ConflictError(
            "%(count)s steps are open, first: %(step)s.",
            count=len(left),
            step=left[0].subject or left[0].kind,
        )
    if order.kind == "move_out":
        for device, rack in find_standing(session, scope, customer.id, order.contract_id):
            raise ConflictError(
                "%(device)s still stands in %(rack)s; take it out first.",
                device=device.name,
                rack=rack,
            )
        for step in order.steps:
            if step.kind == "final_statement":
                _refuse_missing(session, step, find_missing)
    order.state, order.done_at = "done", now or utc_now()
    session.flush()
    customer.state = _state_after(session, customer, order)
    session.flush()
    _record(session, scope, order, "order.done", customer_state=customer.state)


def cancel_order(
    session: Session,
    scope: Scope,
    order: ServiceOrder,
    reason: str,
    now: dt.datetime | None = None,
) -> None:
    """Give it up; what was done stays done, and the customer is what it was before."""
    _require_staff(scope)
    if order.state not in OPEN_ORDER_STATES:
        raise ConflictError("Order %(number)s isn't under way.", number=order.number)
    if not reason.strip():
        raise InvalidError("Say why.", {"reason": ["missing"]})
    order.state, order.done_at = "cancelled", now or utc_now()
    session.flush()
    customer = session.get_one(Customer, order.customer_id)
    if order.kind == "move_out" and customer.state == "leaving":
        customer.state = _served_state(session, customer)
    session.flush()
    _record(session, scope, order, "order.cancel", reason=reason.strip())


def find_order_row(session: Session, scope: Scope, order_id: int) -> ServiceOrder:
    """Locked until commit. Raises NotFoundError for absent and foreign alike."""
    order = session.scalar(
        scope.apply(
            select(ServiceOrder)
            .where(ServiceOrder.id == order_id)
            .with_for_update()
            .execution_options(populate_existing=True),
            ServiceOrder.customer_id,
        )
    )
    if order is None:
        raise NotFoundError("No such order.")
    return order


def find_step(session: Session, scope: Scope, order: ServiceOrder, step_id: int) -> OrderStep:
    step = session.scalar(
        select(OrderStep).where(OrderStep.id == step_id, OrderStep.order_id == order.id)
    )
    if step is None:
        raise NotFoundError("No such step.")
    return step


def _find_customer(session: Session, scope: Scope, customer_id: int) -> Customer:
    """Locked: two orders for one customer come one after the other."""
    customer = session.scalar(
        scope.apply(
            select(Customer).where(Customer.id == customer_id).with_for_update(), Customer.id
        )
    )
    if customer is None:
        raise NotFoundError("No such customer.")
    return customer


def _next_number(session: Session, year: int) -> str:
    """ "O-2026-000123": one after the other within the year, without a gap by a rollback."""
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended('service-order-number', 0))")
    )
    start = f"O-{year}-"
    last = session.scalar(
        select(func.max(ServiceOrder.number)).where(ServiceOrder.number.startswith(start))
    )
    return f"{start}{int(last.removeprefix(start)) + 1 if last else 1:06d}"


def _add_steps(session: Session, scope: Scope, order: ServiceOrder) -> None:
    """What isn't on the list yet; a second time adds nothing."""
    present = {(step.kind, step.subject_kind, step.subject_id) for step in order.steps}
    position = max((step.position for step in order.steps), default=0)
    for kind, subject, subject_kind, subject_id in _plan(session, scope, order):
        if (kind, subject_kind, subject_id) in present:
            continue
        position += 1
        order.steps.append(
            OrderStep(
                customer_id=order.customer_id,
                position=position,
                kind=kind,
                subject=subject[:255],
                subject_kind=subject_kind,
                subject_id=subject_id,
            )
        )
    session.flush()


def _plan(session: Session, scope: Scope, order: ServiceOrder) -> Iterator[_Step]:
    found = find_belongings(session, scope, order.customer_id, order.contract_id)
    yield "notify", ", ".join(found.told), "customer", order.customer_id
    if order.kind == "restore":
        yield from _mirror(session, order)
        return
    yield from (("ports_off", port.text, "port", port.id) for port in found.ports)
    if order.kind == "move_out":
        yield from _plan_ends(found)
    yield from (("power_off", one.text, "device", one.id) for one in found.powered)
    if order.kind == "move_out":
        yield from (("equipment_out", one.text, "device", one.id) for one in found.standing)
        yield from (("space_free", one.text, "allocation", one.id) for one in found.space)
        yield from (("items_end", one.text, "contract", one.id) for one in found.contracts)
    if found.entering and (order.kind == "suspend" or order.contract_id is None):
        names = ", ".join(found.entering)
        yield "access_revoked", names, "customer", order.customer_id
    if order.kind == "move_out":
        yield from (("final_statement", one.text, "contract", one.id) for one in found.contracts)


def _plan_ends(found: Belongings) -> Iterator[_Step]:
    for one in found.cross_connects:
        yield "cross_connect", one.text, "cross_connect", one.id
    for one in found.addresses:
        yield "address", one.text, "address_assignment", one.id


def _mirror(session: Session, order: ServiceOrder) -> Iterator[_Step]:
    """What the last suspension really switched off is switched on again."""
    last = session.scalars(
        select(ServiceOrder)
        .where(
            ServiceOrder.customer_id == order.customer_id,
            ServiceOrder.kind == "suspend",
            ServiceOrder.state == "done",
        )
        .order_by(ServiceOrder.done_at.desc())
        .limit(1)
    ).first()
    for step in last.steps if last else ():
        if step.state == "done" and step.kind in _MIRRORED:
            yield _MIRRORED[step.kind], step.subject, step.subject_kind, step.subject_id


def _open(session: Session, scope: Scope, step: OrderStep) -> ServiceOrder:
    _require_staff(scope)
    order = session.get_one(ServiceOrder, step.order_id)
    if order.state not in ("approved", "running"):
        raise ConflictError("Order %(number)s isn't under way.", number=order.number)
    if step.state != "open":
        raise ConflictError("This step is closed already.")
    return order


def _close(
    session: Session,
    scope: Scope,
    order: ServiceOrder,
    step: OrderStep,
    state: str,
    note: str,
    now: dt.datetime | None,
) -> None:
    step.state, step.note = state, note.strip()[:4000]
    step.done_by, step.done_at = scope.actor[:255], now or utc_now()
    order.state = "running"
    session.flush()
    _record(
        session, scope, order, "order.step",
        step=step.kind, subject_text=step.subject, state=state, note=step.note,
    )  # fmt: skip


def _refuse_missing(session: Session, step: OrderStep, find_missing: FindMissing) -> None:
    if step.subject_id is None:
        return
    contract = session.get_one(Contract, step.subject_id)
    if contract.ends_on is None:
        raise ConflictError("Contract %(number)s has no end yet.", number=contract.number)
    missing = find_missing(session, contract.id)
    if missing:
        raise ConflictError(
            "Contract %(number)s lacks its statements of: %(months)s.",
            number=contract.number,
            months=", ".join(missing),
        )


def _leaves_nothing(session: Session, order: ServiceOrder) -> bool:
    """Whether no contract in force is left beside those that the order ends."""
    others = select(func.count()).where(
        Contract.customer_id == order.customer_id, Contract.state == "signed"
    )
    if order.contract_id is None:
        return True
    return not session.scalar(others.where(Contract.id != order.contract_id))


def _state_after(session: Session, customer: Customer, order: ServiceOrder) -> str:
    if order.kind == "suspend":
        return "suspended"
    leaving = session.scalar(
        select(func.count()).where(
            ServiceOrder.customer_id == customer.id,
            ServiceOrder.kind == "move_out",
            ServiceOrder.state.in_(("approved", "running")),
        )
    )
    if order.kind == "restore":
        return "leaving" if leaving else "active"
    running = session.scalar(
        select(func.count()).where(
            Contract.customer_id == customer.id,
            Contract.state == "signed",
        )
    )
    return _served_state(session, customer) if running else "left"


def _served_state(session: Session, customer: Customer) -> str:
    """Suspended or active, by the last of the orders that decide it."""
    last = session.scalar(
        select(ServiceOrder.kind)
        .where(
            ServiceOrder.customer_id == customer.id,
            ServiceOrder.kind.in_(("suspend", "restore")),
            ServiceOrder.state == "done",
        )
        .order_by(ServiceOrder.done_at.desc())
        .limit(1)
    )
    return "suspended" if last == "suspend" else "active"


def _record(
    session: Session, scope: Scope, order: ServiceOrder, action: str, **detail: object
) -> None:
    record(
        session,
        scope,
        action,
        f"service-order/{order.id}",
        customer_id=order.customer_id,
        number=order.number,
        **detail,
    )


def _require_staff(scope: Scope) -> None:
    if not scope.is_staff:
        raise ForbiddenError("Only staff carry out orders.")
