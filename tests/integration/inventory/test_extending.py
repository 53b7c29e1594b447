"""Space that ends with its contract or item goes on with it, or the renewal says who is next."""

import datetime as dt

import pytest
from sqlalchemy.orm import Session

from dcim.customers.contracts import renew_contract
from dcim.customers.models import Contract
from dcim.errors import ConflictError
from dcim.inventory.models import Allocation
from dcim.inventory.space.allocating import allocate_space
from dcim.inventory.space.areas import allocate_area
from dcim.inventory.space.ending import end_contract, end_item
from dcim.inventory.space.extending import renew
from dcim.inventory.space.holding import hold_space
from tests.integration.inventory.house import NOW, SCOPE, TODAY, WEEK, House

END = dt.date(2027, 1, 1)
LATER = dt.date(2027, 2, 1)


@pytest.fixture
def contract(session: Session, house: House) -> Contract:
    found = session.get_one(Contract, house.items["Reed"].contract_id)
    found.ends_on = END
    session.flush()
    return found


def sell(
    session: Session, house: House, name: str = "Reed", u_low: int = 0,
    starts_on: dt.date = TODAY, ends_on: dt.date | None = END,
) -> Allocation:  # fmt: skip
    return allocate_space(
        session, SCOPE, house.items[name], house.rack.id, u_low=u_low, height=4,
        starts_on=starts_on, ends_on=ends_on, now=NOW,
    )  # fmt: skip


def test_a_renewal_takes_along_what_ended_with_the_contract(
    session: Session, house: House, contract: Contract
) -> None:
    sold, early = sell(session, house), sell(session, house, u_low=4, ends_on=TODAY + WEEK)
    area = allocate_area(
        session, SCOPE, house.items["Reed"], "rack", house.other_rack.id, starts_on=TODAY,
        ends_on=END, now=NOW,
    )  # fmt: skip
    renew(session, SCOPE, contract, 1, NOW)
    assert contract.ends_on == LATER
    assert (sold.ends_on, early.ends_on, area.ends_on) == (LATER, TODAY + WEEK, LATER)
    assert [one.ends_on for one in area.allocations] == [LATER]


def test_the_control_without_following_the_space_ends_before_its_item(
    session: Session, house: House, contract: Contract
) -> None:
    sold = sell(session, house)
    renew_contract(session, SCOPE, contract, 1, NOW)
    assert (contract.ends_on, sold.ends_on) == (LATER, END)


@pytest.mark.parametrize("follower", ["sale", "hold", "area"])
def test_who_has_the_space_from_then_on_is_named_and_nothing_written(
    session: Session, house: House, contract: Contract, follower: str
) -> None:
    free, sold = sell(session, house, u_low=8), sell(session, house)
    if follower == "sale":
        sell(session, house, "Moss", starts_on=END, ends_on=None)
        words = "allocated to Moss from 2027-01-01"
    elif follower == "area":
        allocate_area(
            session, SCOPE, house.items["Moss"], "rack", house.rack.id, starts_on=END, now=NOW
        )
        words = "allocated to Moss from 2027-01-01"
    else:
        hold_space(
            session, SCOPE, house.rack.id, prospect="Fern", u_low=0, height=4,
            starts_at=dt.datetime(2027, 1, 10, tzinfo=dt.UTC),
            expires_at=dt.datetime(2027, 3, 1, tzinfo=dt.UTC), now=NOW,
        )  # fmt: skip
        words = "held for Fern"
    with pytest.raises(ConflictError, match=words):
        renew(session, SCOPE, contract, 1, NOW)
    assert (contract.ends_on, free.ends_on, sold.ends_on) == (END, END, END)


def test_an_item_put_off_takes_its_space_along_up_to_the_contracts_end(
    session: Session, house: House, contract: Contract
) -> None:
    item = house.items["Reed"]
    soon = dt.date(2026, 12, 15)
    end_item(session, SCOPE, item, soon, NOW)
    sold = sell(session, house, ends_on=soon)
    end_item(session, SCOPE, item, dt.date(2026, 12, 20), NOW)
    assert sold.ends_on == dt.date(2026, 12, 20)
    end_item(session, SCOPE, item, None, NOW)
    assert sold.ends_on == END
    end_contract(session, SCOPE, contract, LATER, NOW)
    assert sold.ends_on == LATER
    # An earlier end gives no space back by itself.
    with pytest.raises(ConflictError, match="end that first"):
        end_contract(session, SCOPE, contract, END, NOW)
