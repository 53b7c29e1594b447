"""Write a large estate straight into an empty instance: services would take hours for it.

What it writes satisfies what the services hold: constraints do the most, and a test asks the
services' own readers about the rest.
"""

import datetime as dt
from collections.abc import Callable, Iterator

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.models import JobRun
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.demo.estate import plan
from dcim.demo.estate.write_customers import write_customers, write_service
from dcim.demo.estate.write_racks import RackWriter, write_types
from dcim.demo.estate.writing import Writer
from dcim.demo.load import DEMO_JOB, LOAD_KEY
from dcim.errors import ConflictError, InvalidError
from dcim.inventory.models import Site

MOST_RACKS = 100_000
# Racks between two lines of progress.
STEP = 1_000

Say = Callable[[str], None]


def load_estate(
    session: Session,
    racks: int,
    seed: int,
    say: Say = lambda line: None,
    *,
    scope: Scope | None = None,
    anchor: dt.date | None = None,
) -> dict[str, int]:
    """Write `racks` racks and what belongs to them, ten devices each; returns the counts.

    `anchor` is the day everything is dated from (today). In the caller's transaction. Raises
    ConflictError for an instance that isn't empty, InvalidError for a size that can't be.
    """
    if not 1 <= racks <= MOST_RACKS:
        raise InvalidError("Between 1 and %(most)s racks.", {"racks": ["size"]}, most=MOST_RACKS)
    if session.scalar(select(func.count()).select_from(Site)):
        raise ConflictError("This instance holds a site already; the demo wants an empty one.")
    actor = scope or Scope.system("demo-load")
    day = anchor or utc_now().date()
    writer = Writer(session)
    customers = write_customers(writer, plan.count_customers(racks), day)
    say(f"{len(customers)} customers with contracts")
    types = write_types(writer)
    halls = RackWriter(writer, types, customers, day)
    for number, one in enumerate(plan.plan_racks(racks, seed), 1):
        halls.write(one)
        if number % STEP == 0 or number == racks:
            writer.flush()
            say(f"{number} of {racks} racks, {halls.devices} devices")
    halls.fill_stock(racks * plan.DEVICES_PER_RACK)
    for customer, port in zip(customers, _spread(halls.customer_ports), strict=False):
        write_service(writer, customer, port, day)
    writer.flush()
    counts = {"racks": racks, "devices": halls.devices, "customers": len(customers)}
    now = utc_now()
    session.add(
        JobRun(
            job=DEMO_JOB, key=LOAD_KEY, started_at=now, finished_at=now,
            outcome={"seed": seed, "estate": counts},
        )
    )  # fmt: skip
    record(session, actor, "demo.load", "demo/estate", seed=seed, **counts)
    return counts


def _spread(ports: list[int]) -> Iterator[int]:
    """Every second port, so that some of each switch stay free."""
    return iter(ports[::2])
