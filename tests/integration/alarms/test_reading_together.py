"""What many contracts are about is read together: the same as each for itself, and no one's damage
is another's."""

from collections.abc import Iterator, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.customers.models import Contract, ContractTerms
from dcim.db import SessionFactory
from dcim.inventory.models import Allocation
from dcim.metering.batch import Columns
from dcim.metering.codec import DamagedBlockError
from dcim.metering.models import Series
from dcim.metering.store import PostgresSampleStore
from dcim.network.models import Port
from dcim.power.models import PowerNode
from dcim.sla.meters import Expected, Meters, find_expected
from dcim.sla.observations import gather_inputs, open_meters
from dcim.sla.rules.periods import month_period
from tests.integration.alarms.conftest import STAFF, Watch
from tests.integration.alarms.test_burns import Burn
from tests.integration.web.boards import LONG_AGO


@pytest.fixture
def burn(watch: Watch, sessions: SessionFactory) -> Burn:
    return Burn(watch, sessions)


def month_of(watch: Watch, contract: Contract) -> str:
    return f"{watch.at(9).astimezone(ZoneInfo(contract.timezone)):%Y-%m}"


def test_what_is_expected_is_read_together_and_says_the_same(burn: Burn, watch: Watch) -> None:
    session = burn.session
    burn.down = range(4, 8)
    other = watch.house.add_tenant("B")
    burn.poll(*range(1, 20))
    [contract] = session.scalars(select(Contract).where(Contract.id == burn.contract_id))
    month = month_of(watch, contract)

    def gather(meters: Meters) -> dict[str, Any]:
        return gather_inputs(
            session, STAFF, contract, month, document={}, operator={}, meters=meters, usage=False
        )

    whole = month_period(month, contract.timezone)
    expected = find_expected(session, [contract.id])
    rack = session.scalars(
        select(Allocation.rack_id).where(Allocation.customer_id == contract.customer_id)
    ).one()
    assert expected == Expected(frozenset({rack}), frozenset(watch.tenant.ports))
    # At one instant: what isn't known reaches up to it.
    with time_machine.travel(watch.at(25), tick=False):
        alone = gather(open_meters(session, whole))
        reader = open_meters(session, whole, expected=expected)
        told = gather(reader)
    assert told == alone
    assert any(state[2] == "down" for one in told["resources"] for state in one["states"])
    # Nothing else is looked for; what is asked for all the same is found.
    assert not set(other.ports) & reader._sought
    assert len(reader.of_port(other.ports[0], "state")) == 1


def test_another_contracts_damaged_samples_stop_only_that_one(burn: Burn, watch: Watch) -> None:
    """Read together, PDUs and ports are told apart again where some can't be opened."""
    session = burn.session
    watch.house.add_tenant("B")
    contracts = list(session.scalars(select(Contract).order_by(Contract.id)))
    terms = session.scalars(select(ContractTerms)).one()
    document, sha256 = terms.document, terms.sha256
    session.add(
        ContractTerms(
            contract_id=contracts[1].id, customer_id=contracts[1].customer_id, version=1,
            effective_from=LONG_AGO, document=document, sha256=sha256,
        )
    )  # fmt: skip
    session.flush()
    whole = month_period(month_of(watch, contracts[0]), contracts[0].timezone)
    ids = [one.id for one in contracts]
    reader = open_meters(session, whole, expected=find_expected(session, ids))
    [bad_port] = session.scalars(
        select(Series.id).join(Port, Port.id == Series.port_id)
        .where(Port.name.like("B/%"), Series.family == "state")
    )  # fmt: skip
    bad_feed = session.scalars(
        select(Series.id).join(PowerNode, PowerNode.id == Series.power_node_id)
        .where(PowerNode.code.like("%-B-A"))
    ).one()  # fmt: skip

    class Damaged(PostgresSampleStore):
        def read(
            self, session: Session, family: str, series_ids: Sequence[int], t0: int, t1: int
        ) -> Iterator[tuple[int, Columns]]:
            if {bad_port, bad_feed} & set(series_ids):
                raise DamagedBlockError("it doesn't fit its SHA-256")
            yield from super().read(session, family, series_ids, t0, t1)

    reader.store = Damaged()

    def gather(contract: Contract) -> list[dict[str, Any]]:
        found = gather_inputs(
            session, STAFF, contract, month_of(watch, contract), document={}, operator={},
            meters=reader, usage=False,
        )  # fmt: skip
        resources: list[dict[str, Any]] = found["resources"]
        return resources

    assert len(gather(contracts[0])) == 4
    with pytest.raises(DamagedBlockError):
        gather(contracts[1])
