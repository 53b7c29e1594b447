"""Ports of a bandwidth service: one service a port at a time, with its history."""

import datetime as dt

import pytest

from dcim.customers.models import ContractItem
from dcim.db import ScopedSession
from dcim.errors import ConflictError, ForbiddenError, InvalidError
from dcim.network.assignment import assign_port, release_port
from dcim.network.models import BandwidthService
from tests.integration.network.plant import NOW, STAFF, Plant

DAY = dt.timedelta(days=1)


def sell(session: ScopedSession, plant: Plant, code: str, customer_id: int, item_id: int) -> None:
    assert session.get_one(ContractItem, item_id).customer_id == customer_id
    session.add(
        BandwidthService(
            customer_id=customer_id, contract_item_id=item_id, code=code, carrier="BGP",
            commit_bps=10**7, ceiling_bps=10**8,
        )
    )  # fmt: skip
    session.flush()


def test_a_port_goes_from_one_service_to_the_next(session: ScopedSession, plant: Plant) -> None:
    sell(session, plant, "bw-a", plant.a, plant.a_item)
    sell(session, plant, "bw-b", plant.b, plant.b_item)

    def take(code: str, starts_at: dt.datetime) -> int:
        made = assign_port(
            session, STAFF, service_code=code, device_name="srv-a", port_name="eth0",
            starts_at=starts_at,
        )  # fmt: skip
        return made.id

    first = take("bw-a", NOW)
    with pytest.raises(ConflictError, match="carries bw-a already"):
        take("bw-b", NOW + DAY)
    with pytest.raises(InvalidError, match="end after"):
        release_port(session, STAFF, first, ends_at=NOW)
    release_port(session, STAFF, first, ends_at=NOW + 2 * DAY)
    with pytest.raises(ConflictError, match="bw-a until 2026-11-27 04:00 UTC"):
        take("bw-b", NOW + DAY)
    take("bw-b", NOW + 2 * DAY)
    with pytest.raises(ConflictError, match="ended on"):
        release_port(session, STAFF, first)
    with pytest.raises(ForbiddenError):
        release_port(session, plant.scope_of(plant.a), first)
