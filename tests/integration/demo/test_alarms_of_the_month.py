"""The built-in rules on the demo's closed month: what happened is found, nothing is invented."""

import dataclasses
import datetime as dt
import ipaddress
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from dcim.alarms.defaults import ensure_rules
from dcim.alarms.governing import changes_of, rule_of
from dcim.alarms.models import AlarmRule
from dcim.alarms.trying import Firing, try_rule
from dcim.config import Settings
from dcim.db import SessionFactory, transaction
from dcim.demo.backfill import backfill
from dcim.demo.events import to_ms
from tests.integration.demo.test_past import SCOPE, load, make_demo

ZONE = ZoneInfo("Asia/Shanghai")


def on(day: int, clock: str) -> int:
    hour, minute = map(int, clock.split(":"))
    return to_ms(dt.datetime(2026, 10, day, hour, minute, tzinfo=ZONE))


# The script of `dcim.demo.events`: when, how long at least, and on how many of which names.
FEED_LOST = (on(4, "02:14"), on(4, "02:56"))
WORK_PANEL = (on(9, "01:20"), on(9, "02:36"))
BREAKERS = (on(12, "14:05"), on(12, "15:11"))
DOUBLE = (on(12, "14:21"), on(12, "14:59"))
UPGRADE = (on(16, "02:31"), on(16, "02:54"))
OPTICS = (on(18, "21:31"), on(18, "21:57"))
REBOOT = (on(21, "04:10"), on(21, "04:15"))
BLIND = (on(23, "03:10"), on(23, "03:23"))
HOT = (on(26, "14:10"), on(26, "15:30"))


@pytest.mark.slow
def test_the_events_of_the_closed_month_are_found_and_none_is_invented(
    sessions: SessionFactory, settings: Settings
) -> None:
    allowed = dataclasses.replace(settings, snmp_allowed=(ipaddress.ip_network("127.0.0.0/8"),))
    demo = make_demo(to_ms(dt.datetime(2026, 11, 23, 6, 30, tzinfo=dt.UTC)))
    load(sessions, allowed, demo)
    start, end = on(1, "00:00"), to_ms(dt.datetime(2026, 11, 1, tzinfo=ZONE))
    backfill(sessions, demo, start_ms=start, now_ms=end)
    found: dict[str, list[Firing]] = {}
    with transaction(sessions, SCOPE) as session:
        ensure_rules(session)
        rows = session.scalars(select(AlarmRule).where(AlarmRule.enabled)).all()
        for row in rows:
            result = try_rule(
                session, SCOPE, rule_of(row), start, end, changes=changes_of(row.overrides)
            )
            assert result.open == 0
            assert result.flapping == 0
            found[row.code] = list(result.firings)
    assert {code for code, firings in found.items() if not firings} == {
        "port-busy", "port-errors", "temperature-hot", "humidity-high", "customer-light",
        "internal-light", "customer-lag", "internal-lag",
    }  # fmt: skip

    # A reading a minute: what is raised lies in its event, or within two minutes after it.
    expected = {
        "uplink-down": (UPGRADE,),
        "port-down": (UPGRADE, OPTICS),
        # Both uplinks of the switch that is upgraded, and the LAG that they are.
        "uplink-light": (UPGRADE,),
        "uplink-lag": (UPGRADE,),
        "node-dead": (FEED_LOST, WORK_PANEL, BREAKERS, DOUBLE),
        "node-overloaded": (FEED_LOST,),
        "node-load": (FEED_LOST,),
        "temperature-high": (HOT,),
        "agent-silent": (FEED_LOST, WORK_PANEL, BREAKERS, DOUBLE, REBOOT, BLIND),
    }
    for code, windows in expected.items():
        raised = [one.raised_ms for one in found[code]]
        assert all(any(a <= at <= b for a, b in windows) for at in raised), code
        missing = [a for a, b in windows if not any(a <= at <= b for at in raised)]
        assert not missing or (code, missing) == ("agent-silent", [REBOOT[0]]), (code, missing)
    assert [one.label for one in found["port-down"]][-1] == "acc-a xge1/0/2"
    dark = {(one.label, (one.detail or {})["mdbm"]) for one in found["uplink-light"]}
    assert dark == {("acc-a xge1/0/49", None), ("acc-a xge1/0/50", None)}
    assert [(one.label, one.value) for one in found["uplink-lag"]] == [("acc-a Eth-Trunk1", 2)]
    assert {one.label.split("/")[0] for one in found["node-dead"]} == {
        "RPP-A1", "RPP-C2", "RPP-B1", "RPP-B2",
    }  # fmt: skip
    assert {one.label for one in found["temperature-high"]} == {
        "M2 env-m2-1/ambient", "M2 env-m2-2/ambient",
    }  # fmt: skip
