"""One plan and its world for all tests of the demo: making them anew costs time, not truth."""

import pytest

from dcim.demo.instance import DemoInstance
from dcim.demo.physics import World
from dcim.demo.plan_parts import DemoPlan, EventPlan

ANCHOR_MS = 1_795_415_400_000  # 2026-11-23T06:30Z


@pytest.fixture(scope="session")
def demo() -> DemoInstance:
    return DemoInstance(
        seed=20_250_815,
        anchor_ms=ANCHOR_MS,
        base_port=0,
        community="unit-test-community",
        v3_user="unit",
        v3_auth_password="unit-test-auth",
        v3_priv_password="unit-test-priv",
    )


@pytest.fixture(scope="session")
def plan(demo: DemoInstance) -> DemoPlan:
    return demo.plan()


@pytest.fixture(scope="session")
def world(plan: DemoPlan) -> World:
    return World(plan)


def find_event(plan: DemoPlan, kind: str, target: str) -> EventPlan:
    """The first event of this kind that hits the target."""
    return next(event for event in plan.events if event.kind == kind and target in event.targets)
