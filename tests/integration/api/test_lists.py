"""Lists cost the same number of statements however long they are, and say how long they are."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest
from sqlalchemy import event

from dcim.accounts.scope import Scope
from dcim.config import Settings
from dcim.customers.queries import list_contracts, list_customers
from dcim.db import ScopedSession
from dcim.inventory.queries import list_cabinets, list_rooms, list_sites
from dcim.network.queries import PortFilter, PortSort, list_ports, list_services
from dcim.operations.queries import list_maintenance
from dcim.operations.ticket_queries import list_tickets
from dcim.paging import Paging
from dcim.power.queries import list_power_nodes
from dcim.sla.queries import list_incidents
from dcim.sla.samples import list_series
from dcim.snmp.agents.queries import list_agents, list_credentials
from dcim.statements.queries import list_ledger, list_statements
from tests.integration.matrix.world import seed_tenant

LISTS: tuple[Callable[..., Any], ...] = (
    list_customers, list_contracts, list_sites, list_rooms, list_cabinets, list_series,
    list_ports, list_services, list_maintenance, list_power_nodes,
    list_incidents, list_ledger, list_statements, list_tickets,
)  # fmt: skip
STAFF_LISTS: tuple[Callable[..., Any], ...] = (list_agents, list_credentials)


@contextmanager
def counting(session: ScopedSession) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        seen.append(statement)

    engine = session.get_bind()
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


@pytest.fixture
def grow(session: ScopedSession, settings: Settings) -> Any:
    """Seed tenants until there are so many, each with one of everything."""
    roomy = replace(settings, snmp_allowed=(ip_network("127.0.0.0/8"),))
    made: list[Any] = []

    def to(count: int) -> list[Any]:
        while len(made) < count:
            tag = f"T{len(made):02}"
            made.append(seed_tenant(session, roomy, tag, place=len(made) + 1))
        session.flush()
        session.expire_all()
        return made

    return to


def test_lists_cost_the_same_for_3_and_30(session: ScopedSession, grow: Any) -> None:
    staff = Scope.staff("test")
    costs: dict[int, dict[str, int]] = {}
    for count in (3, 30):
        grow(count)
        costs[count] = {}
        for function in (*LISTS, *STAFF_LISTS):
            scope = (staff,) if function in LISTS else ()
            with counting(session) as seen:
                page = function(session, *scope, paging=Paging(1, 200))
            assert page.total >= count, function.__name__
            assert len(page.items) == page.total
            costs[count][function.__name__] = len(seen)
    assert costs[3] == costs[30]
    assert max(costs[30].values()) <= 6


def test_lists_cost_a_customer_the_same(session: ScopedSession, grow: Any) -> None:
    tenants = grow(4)
    own = tenants[0].ids["customer_id"]
    scope = Scope.customer("x", own)
    session.use_scope(scope)
    for function in LISTS:
        with counting(session) as seen:
            page = function(session, scope, paging=Paging(1, 100))
        assert len(seen) <= 7, function.__name__
        assert page.total == (3 if function is list_series else page.total)
        # A series' names are the operator's; its own three ids are all that is told.
        assert function is list_series or "CANARY-T00" in repr(page), function.__name__
        assert not any(f"CANARY-T0{other}" in repr(page) for other in (1, 2, 3)), function.__name__


def test_pages_follow_one_another(session: ScopedSession, grow: Any) -> None:
    grow(7)
    scope = Scope.staff("test")
    whole = [one.id for one in list_customers(session, scope, paging=Paging(1, 100)).items]
    parts = [
        one.id
        for page in (1, 2, 3, 4)
        for one in list_customers(session, scope, paging=Paging(page, 2)).items
    ]
    assert parts == whole
    assert list_customers(session, scope, paging=Paging(9, 2)).items == []
    assert list_customers(session, scope, paging=Paging(9, 2)).total == 7


def test_ports_by_use(session: ScopedSession, grow: Any) -> None:
    grow(3)
    found = list_ports(
        session, Scope.staff("x"), PortFilter(), Paging(1, 2), sort=PortSort.USED, descending=True
    )
    assert found.total == 6
    shares = [port.used_pct or 0 for port in found.items]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 0
