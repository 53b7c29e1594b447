"""Whole-server rental: whose machine, whose use, what refuses it, what each sees."""

import datetime as dt

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from dcim.accounts.models import AuditEntry
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from dcim.inventory.devices.transitions import change_state, list_transitions
from dcim.inventory.models import Device
from dcim.inventory.queries import find_device
from dcim.inventory.rental import end_rental, list_rental_items, rent_device
from dcim.inventory.space.allocating import allocate_space
from dcim.inventory.space.placement import install_device
from tests.integration.devices.yard import NOW, SCOPE, TODAY, Yard, add_device


def test_let_and_taken_back(session: Session, yard: Yard) -> None:
    device = add_device(session, yard, "r1")
    install_device(session, SCOPE, device, yard.rack.id, u_low=0, at=NOW)
    item = yard.items["Reed-server"]
    reed, moss = yard.scope("Reed"), yard.scope("Moss")
    with pytest.raises(NotFoundError):
        find_device(session, reed, device.id)
    rent_device(session, SCOPE, device.id, item.id, now=NOW)
    assert (device.customer_id, device.rental_item_id) == (item.customer_id, item.id)
    assert find_device(session, reed, device.id).provider_owned
    with pytest.raises(NotFoundError):
        find_device(session, moss, device.id)
    with pytest.raises(ConflictError, match="in use by Reed Ltd"):
        rent_device(session, SCOPE, device.id, yard.items["Moss-server"].id, now=NOW)
    with pytest.raises(InvalidError, match="data was erased"):
        end_rental(session, SCOPE, device.id, wiped=" ")
    end_rental(session, SCOPE, device.id, wiped="blkdiscard", now=NOW)
    assert (device.customer_id, device.rental_item_id, device.state) == (None, None, "installed")
    # The customer keeps what happened while it was theirs, and nothing later.
    kept = [one.detail["rental"] for one in list_transitions(session, reed, device.id).items]
    assert kept == ["ends", "begins"]
    with pytest.raises(ConflictError, match="not let to anybody"):
        end_rental(session, SCOPE, device.id, wiped="blkdiscard")
    rent_device(session, SCOPE, device.id, yard.items["Moss-server"].id, now=NOW)
    assert device.state == "in_service"
    assert list_transitions(session, moss, device.id).total == 1
    actions = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert actions == ["device.install", "device.rent", "device.rental_end", "device.rent"]


def test_what_cant_be_let(session: Session, yard: Yard) -> None:
    item = yard.items["Reed-server"]
    theirs = add_device(session, yard, "theirs", "Reed")
    with pytest.raises(ConflictError, match="not the operator's"):
        rent_device(session, SCOPE, theirs.id, item.id, now=NOW)
    broken = add_device(session, yard, "broken", state="in_repair")
    with pytest.raises(ConflictError, match="in stock or in its rack"):
        rent_device(session, SCOPE, broken.id, item.id, now=NOW)
    good = add_device(session, yard, "good")
    with pytest.raises(InvalidError, match="server rental"):
        rent_device(session, SCOPE, good.id, yard.items["Reed-cabinet"].id, now=NOW)
    with pytest.raises(InvalidError, match="on the day it begins"):
        rent_device(
            session, SCOPE, good.id, item.id, starts_on=TODAY + dt.timedelta(days=1), now=NOW
        )
    item.ends_on = TODAY
    session.flush()
    with pytest.raises(InvalidError, match="not in force"):
        rent_device(session, SCOPE, good.id, item.id, now=NOW)
    with pytest.raises(ForbiddenError):
        rent_device(session, yard.scope("Reed"), good.id, item.id, now=NOW)
    assert good.customer_id is None


def test_not_in_a_third_customers_space(session: Session, yard: Yard) -> None:
    device = add_device(session, yard, "r1")
    install_device(session, SCOPE, device, yard.rack.id, u_low=0, at=NOW)
    session.execute(update(Device).where(Device.id == device.id).values(
        customer_id=yard.customers["Moss"].id))  # fmt: skip
    session.refresh(device)
    allocate_space(
        session, SCOPE, yard.items["Moss-cabinet"], yard.rack.id, u_low=0, height=4,
        starts_on=TODAY, now=NOW,
    )  # fmt: skip
    session.execute(update(Device).where(Device.id == device.id).values(customer_id=None))
    session.refresh(device)
    with pytest.raises(ConflictError, match="in space of Moss Ltd"):
        rent_device(session, SCOPE, device.id, yard.items["Reed-server"].id, now=NOW)
    rent_device(session, SCOPE, device.id, yard.items["Moss-server"].id, now=NOW)


def test_what_is_let_is_not_given_away(session: Session, yard: Yard) -> None:
    device = add_device(session, yard, "r1")
    rent_device(session, SCOPE, device.id, yard.items["Reed-server"].id, now=NOW)
    with pytest.raises(ConflictError, match="is let"):
        change_state(session, SCOPE, device.id, "returned", {"receiver": "Wang"})


def test_the_form_offers_server_items_in_force(session: Session, yard: Yard) -> None:
    yard.items["Moss-server"].ends_on = TODAY
    session.flush()
    assert [one.code for one in list_rental_items(session, SCOPE, TODAY)] == ["Reed-server"]


@pytest.mark.parametrize("change", ["provider_owned = false", "customer_id = NULL", "other"])
def test_the_database_holds_the_rule_too(session: Session, yard: Yard, change: str) -> None:
    """The control: without the service, the constraints refuse what can't be let like this."""
    device = add_device(session, yard, "r1")
    rent_device(session, SCOPE, device.id, yard.items["Reed-server"].id, now=NOW)
    values: dict[str, object] = {
        "provider_owned = false": {"provider_owned": False},
        "customer_id = NULL": {"customer_id": None},
        "other": {"customer_id": yard.customers["Moss"].id},
    }[change]  # type: ignore[assignment]
    with pytest.raises(IntegrityError):
        session.execute(update(Device).where(Device.id == device.id).values(**values))
