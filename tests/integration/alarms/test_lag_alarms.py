"""A LAG that loses members is one alarm, live and on history the same."""

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from dcim.alarms.governing import rule_of
from dcim.alarms.models import Alarm
from dcim.alarms.rule_keeping import OverrideTarget, add_recipient, set_override
from dcim.alarms.rules.limits import Change
from dcim.alarms.trying import try_rule
from dcim.metering.models import Series
from dcim.network.models import Port
from dcim.outbox.models import OutboxMessage
from dcim.snmp.agents.models import LagMember
from tests.integration.alarms.conftest import STAFF, Watch

UP, DOWN = 1, 2
LONG = dt.timedelta(days=9)


class Bundle:
    """Of the two first ports one LAG, "A/L", a customer's port like them."""

    def __init__(self, watch: Watch) -> None:
        self.watch, house = watch, watch.house
        lag = house._add(
            Port(device_id=house.switch.id, name="A/L", speed_bps=2 * 10**9, role="customer")
        )
        house.measure_port(lag.id)
        self.ports = {"L": lag.id, "0": watch.tenant.ports[0], "1": watch.tenant.ports[1]}
        self.members = {
            name: house._add(
                LagMember(
                    device_id=house.switch.id, lag_name="A/L", port_name=f"A/{name}",
                    starts_at=watch.at(0) - LONG,
                )
            )
            for name in ("0", "1")
        }  # fmt: skip
        watch.session.commit()
        own = select(Series.port_id, Series.id).where(Series.family == "state")
        self.series = dict(watch.session.execute(own).all())

    def tell(self, minute: float, **states: int) -> None:
        """`p0`, `p1`, `L`: up unless said otherwise; seen by a round soon after."""
        ts = round(self.watch.at(minute).timestamp() * 1000)
        rows = [
            (self.series[port_id], ts, 0, 0, states.get(name if name == "L" else f"p{name}", UP))
            for name, port_id in self.ports.items()
        ]
        self.watch.house.store.append(self.watch.session, "state", rows)
        self.watch.session.commit()
        self.watch.round(minute + 0.1)

    def roots(self) -> list[Alarm]:
        return [one for one in self.watch.alarms() if not one.root_id and not one.cleared_at]

    def tried(self, minutes: float) -> list[tuple[int, int | None, dict[str, Any] | None]]:
        rule = rule_of(self.watch.rule("customer-lag"))
        start, end = (round(self.watch.at(one).timestamp() * 1000) for one in (0.5, minutes))
        found = try_rule(self.watch.session, STAFF, rule, start, end)
        assert found.subjects == 1
        return [(one.raised_ms, one.cleared_ms, one.detail) for one in found.firings]


@pytest.fixture
def bundle(watch: Watch) -> Bundle:
    return Bundle(watch)


def test_a_member_that_is_lost_is_one_alarm_with_the_lags_under_it(bundle: Bundle) -> None:
    watch = bundle.watch
    add_recipient(watch.session, STAFF, "duty@example.com", "warning", "en")
    bundle.tell(1)
    for minute in (2, 3, 4):
        bundle.tell(minute, p1=DOWN)
    [root] = bundle.roots()
    assert (root.subject_id, root.rule.code) == (bundle.ports["1"], "port-down")
    [lag] = watch.alarms("customer-lag")
    assert (lag.subject_id, lag.root_id, lag.value) == (bundle.ports["L"], root.id, 1)
    assert (lag.began_at, lag.raised_at) == (watch.at(2), watch.at(3))
    assert lag.detail == {"members": 2, "lost": 1, "names": ["A/1"]}
    for minute in range(5, 12):
        bundle.tell(minute)
    assert bundle.roots() == []
    assert lag.cleared_at == watch.at(10)
    told = watch.session.scalars(select(OutboxMessage.event).order_by(OutboxMessage.id)).all()
    assert told == ["alarm.raised", "alarm.cleared"]
    raised, cleared = (round(one.timestamp() * 1000) for one in (lag.raised_at, lag.cleared_at))
    assert bundle.tried(15) == [(raised, cleared, lag.detail)]


def test_a_lag_that_is_down_is_one_alarm_however_long_ago_the_first_member_went(
    bundle: Bundle,
) -> None:
    for minute in range(1, 12):
        bundle.tell(minute, p0=DOWN)
    [first] = bundle.roots()
    assert first.subject_id == bundle.ports["0"]
    for minute in (12, 13):
        bundle.tell(minute, p0=DOWN, p1=DOWN, L=DOWN)
    [root] = bundle.roots()
    assert (root.subject_id, root.rule.code) == (bundle.ports["L"], "port-down")
    # The LAG is up again on one member: the other's is told as before.
    for minute in (14, 15, 16):
        bundle.tell(minute, p0=DOWN)
    [left] = bundle.roots()
    assert left == first


def test_members_count_while_they_are_members(bundle: Bundle) -> None:
    session, watch = bundle.watch.session, bundle.watch
    # In the LAG from the tenth minute on, and shut before.
    bundle.members["1"].starts_at = watch.at(9.5)
    session.commit()
    for minute in range(1, 10):
        bundle.tell(minute, p1=DOWN)
    assert watch.alarms("customer-lag") == []
    for minute in (10, 11):
        bundle.tell(minute, p1=DOWN)
    [alarm] = watch.alarms("customer-lag")
    assert alarm.began_at == watch.at(10)
    # It is taken out of the LAG: nothing is missing any more.
    bundle.members["1"].ends_at = watch.at(11.5)
    session.commit()
    for minute in range(12, 19):
        bundle.tell(minute, p1=DOWN)
    assert alarm.cleared_at == watch.at(17)
    raised, cleared = (round(one.timestamp() * 1000) for one in (alarm.raised_at, alarm.cleared_at))
    assert bundle.tried(20) == [(raised, cleared, alarm.detail)]


def test_a_member_that_lacp_left_out_is_lost_though_its_link_is_up(bundle: Bundle) -> None:
    watch = bundle.watch
    bundle.tell(1)
    bundle.members["0"].detached_at = watch.at(1.5)
    watch.session.commit()
    for minute in (2, 3):
        bundle.tell(minute)
    [alarm] = bundle.roots()
    assert (alarm.rule.code, alarm.detail) == (
        "customer-lag",
        {"members": 2, "lost": 1, "names": ["A/0"]},
    )
    raised = round(alarm.raised_at.timestamp() * 1000)
    assert bundle.tried(5) == [(raised, None, alarm.detail)]


def test_an_exception_may_allow_a_lag_a_lost_member(bundle: Bundle) -> None:
    watch = bundle.watch
    target = OverrideTarget("subject", bundle.ports["L"])
    rule = watch.rule("customer-lag")
    set_override(watch.session, STAFF, rule.id, target, Change(raise_at=2, clear_at=1))
    for minute in (1, 2, 3):
        bundle.tell(minute, p1=DOWN)
    assert watch.alarms("customer-lag") == []
    for minute in (4, 5):
        bundle.tell(minute, p0=DOWN, p1=DOWN)
    [alarm] = watch.alarms("customer-lag")
    assert (alarm.value, alarm.limit) == (2, 2)
