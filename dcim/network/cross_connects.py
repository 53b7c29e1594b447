"""Ordering a cross-connect and leading the order through its life. All its rules meet here."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.customers.models import ContractItem, Customer
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from dcim.inventory.models import Allocation, AllocationSlot, Device, Installation
from dcim.network.cables import (
    CableNotes,
    connect_ports,
    find_places,
    lock_ports,
    read_joints,
    remove_cables,
)
from dcim.network.cross_connect_rules import (
    ACTIONS,
    HOLDING,
    Action,
    Letter,
    judge_letters,
    needs_letter,
)
from dcim.network.models import Port
from dcim.network.order_models import (
    CrossConnect,
    CrossConnectEnd,
    CrossConnectFile,
    CrossConnectStep,
    StoredFile,
)
from dcim.network.tracing import NoPathError, plan_cables

MEDIA = ("smf", "mmf", "utp", "coax")
CONNECTORS = ("lc", "sc", "fc", "mpo", "rj45", "bnc")


@dataclass(frozen=True, slots=True)
class NewOrder:
    """What is asked for. Customers say their ends in words; staff may choose ports at once."""

    customer_id: int
    media: str
    connector: str = "lc"
    contract_item_id: int | None = None
    a_port_id: int | None = None
    z_port_id: int | None = None
    z_party: str = ""
    a_wish: str = ""
    z_wish: str = ""
    note: str = ""


def request_cross_connect(
    session: Session, scope: Scope, new: NewOrder, *, at: dt.datetime | None = None
) -> CrossConnect:
    """Enter an order; from now on its ports are nobody else's.

    Raises InvalidError for what is missing, ConflictError naming the order that has a port.
    """
    now = at or utc_now()
    _check_new(session, scope, new)
    customer = session.get_one(Customer, new.customer_id)
    # The number carries the id, so that it needs no counter of its own.
    order_id = session.scalar(select(func.nextval("cross_connect_id_seq")))
    year = now.astimezone(ZoneInfo(customer.timezone)).year
    order = CrossConnect(
        id=order_id,
        number=f"X-{year}-{order_id:06d}",
        customer_id=new.customer_id,
        contract_item_id=new.contract_item_id,
        z_party=new.z_party,
        a_wish=new.a_wish,
        z_wish=new.z_wish,
        media=new.media,
        connector=new.connector,
        state="requested",
        requested_by=scope.actor,
        requested_at=now,
        note=new.note,
    )
    session.add(order)
    session.flush()
    _hold_ports(session, order, {"a": new.a_port_id, "z": new.z_port_id})
    _write_step(session, scope, order, "request", now, new.note, {})
    return order


def choose_ends(
    session: Session,
    scope: Scope,
    order_id: int,
    *,
    a_port_id: int | None,
    z_port_id: int | None,
    z_party: str = "",
) -> CrossConnect:
    """Choose the ports of an order that isn't patched yet; the ones it had are free again."""
    if not scope.is_staff:
        raise ForbiddenError("Only staff choose ports.")
    order = lock_order(session, scope, order_id)
    if order.state not in ("requested", "approved"):
        raise ConflictError("%(number)s is patched or ended; its ports stay.", number=order.number)
    order.ends.clear()
    session.flush()
    _hold_ports(session, order, {"a": a_port_id, "z": z_port_id})
    order.z_party = z_party
    _write_step(session, scope, order, "choose_ends", utc_now(), "", name_ends(session, order))
    return order


def advance_cross_connect(
    session: Session,
    scope: Scope,
    order_id: int,
    action: str,
    given: Mapping[str, Any] | None = None,
    *,
    at: dt.datetime | None = None,
) -> CrossConnect:
    """Lead an order one step on: approve, refuse, cancel, patch, test, bill or disconnect.

    `given` holds what the action needs and takes (see `cross_connect_rules.ACTIONS`). A customer
    may cancel its own request and nothing else. Raises NotFoundError, InvalidError for what is
    missing, ConflictError when the order is elsewhere by now or something stands in the way.
    """
    now = at or utc_now()
    order = lock_order(session, scope, order_id)
    step = ACTIONS.get(action)
    if step is None:
        raise InvalidError("There is no such step.", {"action": ["unknown"]})
    if not scope.is_staff and (action != "cancel" or order.state != "requested"):
        raise ForbiddenError("Ask us to do this; you can cancel a request that isn't approved yet.")
    if order.state not in step.origins:
        raise ConflictError(
            "%(number)s has moved on; this step isn't possible any more.", number=order.number
        )
    values = _check_given(step, given or {})
    note = str(values.pop("note", "") or "")
    detail = _DEEDS[action](session, scope, order, values, now)
    order.state = step.state
    session.flush()
    _write_step(session, scope, order, action, now, note, detail)
    return order


def lock_order(session: Session, scope: Scope, order_id: int) -> CrossConnect:
    order = session.scalar(
        scope.apply(
            select(CrossConnect).where(CrossConnect.id == order_id), CrossConnect.customer_id
        ).with_for_update(of=CrossConnect)
    )
    if order is None:
        raise NotFoundError("No such cross-connect.")
    session.refresh(order)
    return order


def is_own_end(session: Session, order: CrossConnect, side: str = "z") -> bool:
    """Whether this end's port is the customer's: its device, or a device in space sold to it."""
    port_id = next((end.port_id for end in order.ends if end.side == side), None)
    if port_id is None:
        return False
    row = session.execute(
        select(Device.customer_id, Installation.rack_id, Installation.u_low)
        .join(Port, Port.device_id == Device.id)
        .outerjoin(Installation, Installation.device_id == Device.id)
        .where(Port.id == port_id)
    ).one()
    if row.customer_id == order.customer_id:
        return True
    if row.rack_id is None or row.customer_id is not None:
        return False
    return (
        session.scalar(
            select(AllocationSlot.u)
            .join(Allocation, Allocation.id == AllocationSlot.allocation_id)
            .where(
                AllocationSlot.rack_id == row.rack_id,
                AllocationSlot.u == row.u_low,
                AllocationSlot.turn == "current",
                Allocation.customer_id == order.customer_id,
            )
        )
        is not None
    )


def judge_letter_of(session: Session, order: CrossConnect, now: dt.datetime) -> str:
    """ "own" where nobody else's side is touched, else "valid", "expired" or "missing"."""
    if not needs_letter(z_is_own=is_own_end(session, order)):
        return "own"
    rows = session.execute(
        select(StoredFile.kind, StoredFile.expires_on)
        .join(CrossConnectFile, CrossConnectFile.stored_file_id == StoredFile.id)
        .where(CrossConnectFile.cross_connect_id == order.id)
    )
    zone = ZoneInfo(order.customer.timezone)
    letters = [Letter(kind, expires_on) for kind, expires_on in rows]
    return judge_letters(letters, now.astimezone(zone).date())


def name_ends(session: Session, order: CrossConnect) -> dict[str, str]:
    """Side to port in words; without what row security hides from a customer's session."""
    places = find_places(session, [end.port_id for end in order.ends])
    return {end.side: places[end.port_id].label for end in order.ends if end.port_id in places}


def _check_new(session: Session, scope: Scope, new: NewOrder) -> None:
    if not scope.allows(new.customer_id):
        raise NotFoundError("No such customer.")
    if session.get(Customer, new.customer_id) is None:
        raise InvalidError("There is no such customer.", {"customer_id": ["unknown"]})
    wrong: dict[str, list[str]] = {}
    if new.media not in MEDIA:
        wrong["media"] = ["unknown"]
    if new.connector not in CONNECTORS:
        wrong["connector"] = ["unknown"]
    if not scope.is_staff and (new.a_port_id is not None or new.z_port_id is not None):
        raise ForbiddenError("Only staff choose ports.")
    if new.a_port_id is None and not new.a_wish.strip():
        wrong["a_wish"] = ["required"]
    if new.z_port_id is None and not (new.z_wish.strip() or new.z_party.strip()):
        wrong["z_wish"] = ["required"]
    if new.a_port_id is not None and new.a_port_id == new.z_port_id:
        wrong["z_port_id"] = ["same"]
    if wrong:
        raise InvalidError("Say what is to be joined, and how.", wrong)
    if new.contract_item_id is not None:
        _check_item(session, new.customer_id, new.contract_item_id, order_id=0)


def _check_item(session: Session, customer_id: int, item_id: int, order_id: int) -> None:
    """The item is this customer's, and pays for no other order that runs."""
    owner = session.scalar(select(ContractItem.customer_id).where(ContractItem.id == item_id))
    if owner != customer_id:
        raise InvalidError(
            "This customer has no such contract item.", {"contract_item_id": ["unknown"]}
        )
    other = session.scalar(
        select(CrossConnect.number).where(
            CrossConnect.contract_item_id == item_id,
            CrossConnect.id != order_id,
            CrossConnect.state.in_(HOLDING),
        )
    )
    if other is not None:
        raise ConflictError("This item pays for %(number)s already.", number=other)


def _hold_ports(session: Session, order: CrossConnect, wanted: Mapping[str, int | None]) -> None:
    """Take these ports for the order. Raises ConflictError naming who has one."""
    chosen = {side: port_id for side, port_id in wanted.items() if port_id is not None}
    if len(set(chosen.values())) != len(chosen):
        raise InvalidError("A cross-connect has two different ends.", {"z_port_id": ["same"]})
    if not chosen:
        return
    lock_ports(session, chosen.values())
    taken = session.execute(
        select(CrossConnectEnd.port_id, CrossConnect.number, Customer.name)
        .join(CrossConnect, CrossConnect.id == CrossConnectEnd.cross_connect_id)
        .join(Customer, Customer.id == CrossConnect.customer_id)
        .where(CrossConnectEnd.port_id.in_(chosen.values()))
        .limit(1)
    ).one_or_none()
    if taken is not None:
        port_id, number, customer = taken
        raise ConflictError(
            "%(port)s belongs to cross-connect %(number)s of %(customer)s until that is ended.",
            port=find_places(session, [port_id])[port_id].label,
            number=number,
            customer=customer,
        )
    for side, port_id in chosen.items():
        order.ends.append(
            CrossConnectEnd(side=side, port_id=port_id, customer_id=order.customer_id)
        )
    session.flush()


def _check_given(step: Action, given: Mapping[str, Any]) -> dict[str, Any]:
    values = {
        name: given.get(name)
        for name in (*step.needs, *step.takes)
        if given.get(name) not in (None, "", [])
    }
    if missing := [name for name in step.needs if name not in values]:
        raise InvalidError(
            "Something is missing for this step.", {name: ["required"] for name in missing}
        )
    return values


def _write_step(
    session: Session,
    scope: Scope,
    order: CrossConnect,
    action: str,
    at: dt.datetime,
    note: str,
    detail: Mapping[str, Any],
) -> None:
    session.add(
        CrossConnectStep(
            cross_connect_id=order.id,
            customer_id=order.customer_id,
            action=action,
            state=order.state,
            at=at,
            actor=scope.actor,
            note=note[:255],
            detail=dict(detail),
        )
    )
    session.flush()
    record(
        session,
        scope,
        f"cross_connect.{action}",
        f"cross-connect/{order.id}",
        customer_id=order.customer_id,
        number=order.number,
        state=order.state,
        note=note,
        **detail,
    )


def _approve(
    session: Session, scope: Scope, order: CrossConnect, values: dict[str, Any], now: dt.datetime
) -> dict[str, Any]:
    if not any(end.side == "a" for end in order.ends):
        raise ConflictError(
            "Choose the port of the A end of %(number)s first.", number=order.number
        )
    order.approved_at = now
    return name_ends(session, order)


def _end(
    session: Session, scope: Scope, order: CrossConnect, values: dict[str, Any], now: dt.datetime
) -> dict[str, Any]:
    """Refused, cancelled or disconnected: cables out, ports free."""
    detail: dict[str, Any] = dict(name_ends(session, order))
    if order.cables:
        cables = list(order.cables)
        detail["removed"] = remove_cables(session, scope, cables, order.customer_id)
        session.refresh(order)
    order.ends.clear()
    order.ended_at = now
    session.flush()
    return detail


def _patch(
    session: Session, scope: Scope, order: CrossConnect, values: dict[str, Any], now: dt.datetime
) -> dict[str, Any]:
    """Lay the cables that are missing between the ends, by the panels named in `via`."""
    ends = {end.side: end.port_id for end in order.ends}
    if set(ends) != {"a", "z"}:
        raise ConflictError(
            "Choose the ports of both ends of %(number)s first.", number=order.number
        )
    letter = judge_letter_of(session, order, now)
    if letter == "missing":
        raise ConflictError(
            "The Z side is another party's: a letter of authorisation is needed before patching."
        )
    if letter == "expired":
        raise ConflictError("The letter of authorisation has expired; a valid one is needed.")
    via: Sequence[int] = values.get("via", ())
    lock_ports(session, (*ends.values(), *via))
    joints, panels = read_joints(session, (*ends.values(), *via))
    if bad := [port_id for port_id in via if port_id not in panels]:
        label = find_places(session, bad)[bad[0]].label
        raise InvalidError(
            "%(port)s isn't a patch panel's port.", {"via": ["not a panel"]}, port=label
        )
    try:
        planned = plan_cables(ends["a"], ends["z"], via, joints, panels)
    except NoPathError as error:
        label = "?"
        if error.port_id is not None:
            label = find_places(session, [error.port_id])[error.port_id].label
        raise ConflictError(
            "The ends can't be joined: the way is taken up to %(port)s.", port=label
        ) from error
    notes = CableNotes(
        media=order.media,
        colour=str(values.get("colour", "")),
        length_m=values.get("length_m"),
        note=order.number,
    )
    for here, there in planned:
        connect_ports(session, scope, here, there, notes, at=now, order=order)
    order.patched_at = now
    places = find_places(session, {plug.port_id for pair in planned for plug in pair})
    return {
        **name_ends(session, order),
        "cables": [
            f"{places[here.port_id].label} ({here.face}) – {places[there.port_id].label}"
            f" ({there.face})"
            for here, there in planned
        ],
    }


def _test(
    session: Session, scope: Scope, order: CrossConnect, values: dict[str, Any], now: dt.datetime
) -> dict[str, Any]:
    loss, light = values["loss_db"], values.get("light_dbm")
    wrong = {
        name: ["range"]
        for name, value, low, high in (("loss_db", loss, 0, 60), ("light_dbm", light, -60, 30))
        if value is not None and not low <= Decimal(value) <= high
    }
    if wrong:
        raise InvalidError("A loss is 0 to 60 dB, light −60 to 30 dBm.", wrong)
    order.loss_db, order.light_dbm, order.tested_at = Decimal(loss), light, now
    return {"loss_db": str(loss), "light_dbm": None if light is None else str(light)}


def _bill(
    session: Session, scope: Scope, order: CrossConnect, values: dict[str, Any], now: dt.datetime
) -> dict[str, Any]:
    _check_item(session, order.customer_id, values["contract_item_id"], order.id)
    order.contract_item_id = values["contract_item_id"]
    order.billed_from = values["billed_from"]
    return {"billed_from": values["billed_from"].isoformat()}


_DEEDS = {
    "approve": _approve,
    "refuse": _end,
    "cancel": _end,
    "patch": _patch,
    "test": _test,
    "bill": _bill,
    "disconnect": _end,
}
