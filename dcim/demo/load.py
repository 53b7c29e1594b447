"""Write the demo into an empty instance, once, through the services that staff use."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.models import JobRun
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.config import Settings
from dcim.demo.instance import DemoInstance
from dcim.demo.load_customers import (
    load_customers,
    load_occupancy,
    load_operations,
    load_services,
)
from dcim.demo.load_equipment import load_equipment
from dcim.demo.load_metering import load_agents, load_series
from dcim.demo.load_network import load_network
from dcim.demo.load_sales import load_changes, load_orders
from dcim.demo.load_space import install_devices, load_devices, load_power, load_space
from dcim.demo.records import Records
from dcim.errors import ConflictError
from dcim.inventory.models import Site
from dcim.snmp.agents.registration import check_address

# The row in job_run that marks an instance as a demo.
DEMO_JOB, LOAD_KEY = "demo", "load"

Say = Callable[[str], None]


@dataclass(frozen=True)
class LoadReport:
    """`loaded` is False when the demo was there already and nothing was changed."""

    loaded: bool
    customers: int
    cabinets: int
    devices: int
    agents: int


def is_demo(session: Session) -> bool:
    """Whether this instance holds the demo."""
    return session.get(JobRun, (DEMO_JOB, LOAD_KEY)) is not None


def load_demo(
    session: Session,
    settings: Settings,
    demo: DemoInstance,
    say: Say = lambda line: None,
    *,
    scope: Scope | None = None,
) -> LoadReport:
    """Write the demo's plan in the caller's transaction; a second time changes nothing.

    Raises ConflictError when the instance holds something else already, ForbiddenError when its
    settings don't allow polling on loopback.
    """
    actor = scope or Scope.system("demo-load")
    plan = demo.plan()
    report = LoadReport(
        True, len(plan.customers), len(plan.cabinets), len(plan.devices), len(plan.agents)
    )
    if is_demo(session):
        say("The demo is here already; nothing was changed.")
        return LoadReport(False, report.customers, report.cabinets, report.devices, report.agents)
    if session.scalar(select(func.count()).select_from(Site)):
        raise ConflictError("This instance holds a site already; the demo wants an empty one.")
    check_address(settings, demo.host)
    records = Records()
    say(f"{len(plan.cabinets)} cabinets in {len(plan.rooms)} rooms")
    load_space(session, plan, records)
    say(f"{len(plan.customers)} customers with contracts")
    load_customers(session, plan, records)
    load_devices(session, plan, records)
    say(f"{len(plan.nodes)} power nodes on feeds A and B")
    load_power(session, plan, records)
    load_occupancy(session, actor, plan, records)
    say(f"{len(plan.devices)} devices")
    install_devices(session, actor, plan, records)
    load_equipment(session, actor, plan, records)
    load_services(session, plan, records)
    say("carriers, panels, cross-connects and addresses")
    load_network(session, actor, plan, records)
    load_operations(session, plan, records)
    load_changes(session, actor, plan, records)
    load_orders(session, actor, plan, records)
    say(f"{len(plan.agents)} SNMP agents")
    load_agents(session, actor, settings, demo, plan, records)
    load_series(session, plan, records)
    now = utc_now()
    outcome = {"seed": plan.seed, "anchor_ms": plan.anchor_ms}
    session.add(
        JobRun(job=DEMO_JOB, key=LOAD_KEY, started_at=now, finished_at=now, outcome=outcome)
    )
    record(session, actor, "demo.load", f"site/{records.site_id}", **outcome)
    return report
