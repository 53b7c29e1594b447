"""The demo written to a real database, through the services, once."""

import dataclasses
import ipaddress

import pytest
from sqlalchemy import func, select

from dcim.accounts.audit import verify_chain
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.config import Settings
from dcim.customers.models import ContractTerms, Customer
from dcim.db import ScopedSession
from dcim.demo.instance import DemoInstance
from dcim.demo.load import is_demo, load_demo
from dcim.demo.network_plan import plan_trunks
from dcim.demo.optics import plan_modules
from dcim.demo.series_plan import plan_series
from dcim.errors import ConflictError, ForbiddenError
from dcim.inventory.models import Allocation, Cabinet, Device, Hold, Installation, Site
from dcim.metering.models import Series
from dcim.power.models import Outlet, PowerNode
from dcim.sla.lags import read_lags
from dcim.sla.links import Wish, read_link_map
from dcim.sla.rules.language.loading import load_terms
from dcim.snmp.agents.models import SnmpAgent, Transceiver

ANCHOR_MS = 1_795_415_400_000  # 2026-11-23


@pytest.fixture
def demo() -> DemoInstance:
    return DemoInstance(
        seed=7,
        anchor_ms=ANCHOR_MS,
        base_port=21_000,
        community="a-community-of-this-test",
        v3_user="tester",
        v3_auth_password="auth-of-this-test",
        v3_priv_password="priv-of-this-test",
    )


@pytest.fixture
def demo_settings(settings: Settings) -> Settings:
    return dataclasses.replace(settings, snmp_allowed=(ipaddress.ip_network("127.0.0.0/8"),))


def test_the_demo_is_written_once(
    session: ScopedSession, demo_settings: Settings, demo: DemoInstance
) -> None:
    lines: list[str] = []
    report = load_demo(session, demo_settings, demo, lines.append)
    assert report.loaded
    assert lines

    def count(model: type) -> int:
        return session.scalar(select(func.count()).select_from(model)) or 0

    plan = demo.plan()
    assert count(Customer) == len(plan.customers) >= 14
    assert count(Cabinet) == len(plan.cabinets) >= 48
    assert count(PowerNode) == len(plan.nodes)
    assert count(SnmpAgent) == len(plan.agents)
    assert count(Installation) == sum(1 for device in plan.devices if device.rack)
    assert count(Allocation) == sum(
        1 for contract in plan.contracts for item in contract.items if item.rack
    )
    assert count(Hold) == len(plan.holds)
    bound = [
        series.port_id or series.power_node_id or series.room_id
        for series in session.scalars(select(Series).where(Series.family != "optics"))
    ]
    assert len(bound) == len(list(plan_series(plan)))
    assert all(bound)
    # Light is found by the port's name on its device, not bound to it.
    lanes = {lane for one in session.scalars(select(Transceiver)) for lane in one.lanes}
    optics = select(Series.id).where(Series.family == "optics", Series.port_id.is_(None))
    assert lanes == set(session.scalars(optics))
    assert len(lanes) == sum(module.lanes for module in plan_modules(plan))
    links = read_link_map(session, Scope.system("test"), Wish(), utc_now()).links
    assert len(links) == len(plan_trunks())
    lags = {
        one.port.device_name: one for one in read_lags(session, Scope.system("test"), utc_now())
    }
    assert lags.keys() == {"acc-a", "acc-b", "acc-c", "core-1", "core-2"}
    assert all(len(one.members) == 2 and one.full_speed_bps == 20 * 10**9 for one in lags.values())
    for terms in session.scalars(select(ContractTerms)):
        assert load_terms(terms.document).sha256 == terms.sha256
    assert is_demo(session)
    before = {model: count(model) for model in (Customer, Device, Outlet, Series, Installation)}
    again = load_demo(session, demo_settings, demo)
    assert not again.loaded
    assert {model: count(model) for model in before} == before
    assert verify_chain(session).intact


def test_an_instance_with_a_site_is_left_alone(
    session: ScopedSession, demo_settings: Settings, demo: DemoInstance
) -> None:
    session.add(Site(code="REAL", name="真机房", name_en="Real"))
    session.flush()
    with pytest.raises(ConflictError, match="holds a site already"):
        load_demo(session, demo_settings, demo)


def test_loopback_must_be_allowed(
    session: ScopedSession, settings: Settings, demo: DemoInstance
) -> None:
    with pytest.raises(ForbiddenError, match="DCIM_SNMP_ALLOWED"):
        load_demo(session, settings, demo)
