"""The back-filled past: outages are found in it, and live polling goes on where it ends."""

import asyncio
import dataclasses
import datetime as dt
import ipaddress
import time
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.config import Settings
from dcim.db import SessionFactory, transaction
from dcim.demo.agents import DemoAgents
from dcim.demo.backfill import backfill, catch_up
from dcim.demo.events import to_ms
from dcim.demo.instance import DemoInstance, find_free_ports
from dcim.demo.load import load_demo
from dcim.errors import ConflictError
from dcim.inventory.models import Device
from dcim.metering.families import FLAG_LOADED
from dcim.metering.frame_store import read_memories
from dcim.metering.models import Series
from dcim.metering.store import PostgresSampleStore, read_counter_memory
from dcim.sla.models import Incident
from dcim.snmp.agents.models import SnmpAgent
from dcim.snmp.counting.port_table import Item
from dcim.snmp.polling.room import PollingRoom
from dcim.snmp.polling.shards import poll_shard

SCOPE = Scope.system("test")
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
ANCHOR_MS = 1_795_415_400_000  # 2026-11-23


def make_demo(anchor_ms: int, base_port: int = 21_000) -> DemoInstance:
    return DemoInstance(
        seed=7,
        anchor_ms=anchor_ms,
        base_port=base_port,
        community="a-community-of-this-test",
        v3_user="tester",
        v3_auth_password="auth-of-this-test",
        v3_priv_password="priv-of-this-test",
    )


@pytest.fixture
def demo_settings(settings: Settings) -> Settings:
    return dataclasses.replace(settings, snmp_allowed=(ipaddress.ip_network("127.0.0.0/8"),))


def load(sessions: SessionFactory, settings: Settings, demo: DemoInstance) -> None:
    with transaction(sessions, SCOPE) as session:
        load_demo(session, settings, demo)


def test_the_outages_of_the_script_are_found_in_the_past(
    sessions: SessionFactory, demo_settings: Settings
) -> None:
    anchor = dt.datetime(2026, 11, 23, 6, 30, tzinfo=dt.UTC)
    demo = make_demo(to_ms(anchor))
    with pytest.raises(ConflictError, match="Load the demo"):
        backfill(sessions, demo)
    load(sessions, demo_settings, demo)
    start = to_ms(dt.datetime(2026, 10, 12, 5, 30, tzinfo=dt.UTC))  # 13:30 at the site
    report = backfill(sessions, demo, start_ms=start, now_ms=start + 2 * HOUR_MS)
    assert report.done
    assert report.samples > 100 * report.series
    assert not backfill(sessions, demo).done
    with transaction(sessions, SCOPE) as session:
        outages = session.scalars(
            select(Incident).where(Incident.kind == "power").order_by(Incident.place)
        ).all()
        assert len(outages) == 2
        for outage, rack in zip(outages, ("B-05", "B-06"), strict=True):
            assert rack in outage.place
            assert outage.ended_at is not None
            assert 36 <= (outage.ended_at - outage.started_at).total_seconds() / 60 <= 38
            assert "RPP-B1" in outage.cause_en
            assert {impact.severity for impact in outage.impacts} == {"down"}
        feeds = session.scalars(select(Incident).where(Incident.kind == "power_feed")).all()
        assert len(feeds) > 2
        assert all("measured" not in incident.cause_en for incident in feeds)


def test_live_polling_goes_on_where_the_past_ends(
    sessions: SessionFactory, demo_settings: Settings
) -> None:
    now = time.time_ns() // 1_000_000
    demo = make_demo(now)
    demo = dataclasses.replace(demo, base_port=find_free_ports(len(demo.plan().agents)))
    load(sessions, demo_settings, demo)
    backfill(sessions, demo, start_ms=now - 5 * MINUTE_MS, now_ms=now)
    keys = {("traffic", "acc-a"), ("traffic", "acc-d"), ("traffic", "core-1"), ("power", "bcm-b-a")}
    with transaction(sessions, SCOPE) as session:
        before_names = _series(session)
        memory = read_counter_memory(session, list(before_names))

    async def poll() -> int:
        async with DemoAgents(demo):
            room = PollingRoom(demo_settings, sessions)
            try:
                return await poll_shard(room, 0)
            finally:
                await room.close()

    answered = asyncio.run(poll())
    with transaction(sessions, SCOPE) as session:
        agents = session.scalars(select(SnmpAgent)).all()
        unanswered = [agent.udp_port - demo.base_port for agent in agents if agent.last_error]
        assert answered == len(agents), unanswered
        after = read_counter_memory(session, list(before_names))
        after.update(_counters_of_ports(session))
        store = PostgresSampleStore()
        checked = 0
        for series_id, (family, device, slot) in before_names.items():
            if family == "optics":
                continue  # at their own pace, within five minutes
            newest = store.latest(session, family, [series_id])[series_id]
            assert newest.ts > now - MINUTE_MS, (device, slot)
            assert not newest.flags & FLAG_LOADED, (device, slot)
            if (family, device) not in keys:
                continue
            old, new = memory[series_id], after[series_id]
            if family == "traffic":
                wrapped = (new["in_octets"] - old["in_octets"]) % (1 << new["bits"])
                assert newest.values["in_octets"] == wrapped
                assert newest.span_ms == new["ts_ms"] - old["ts_ms"]
            else:
                assert newest.values["wh"] == new["wh"] - old["wh"] >= 0
            checked += 1
        assert checked > 20


def _counters_of_ports(session: Session) -> dict[int, dict[str, Any]]:
    """What live polls keep of ports, by series, as a back-fill writes it."""
    devices = list(session.scalars(select(SnmpAgent.device_id)))
    return {
        int(series_id): {
            "ts_ms": int(counters[Item.TS_MS, column]),
            "bits": int(counters[Item.BITS, column]),
            "in_octets": int(counters[Item.IN_OCTETS].view(np.uint64)[column]),
        }
        for memory in read_memories(session, devices, len(Item)).values()
        for counters in (memory.open_counters(len(Item)),)
        for column, series_id in enumerate(memory.layout.traffic_ids)
    }


def _series(session: Session) -> dict[int, tuple[str, str, str]]:
    rows = session.execute(
        select(Series.id, Series.family, Device.name, Series.slot).join(
            Device, Device.id == Series.device_id
        )
    )
    return {key: (family, device, slot) for key, family, device, slot in rows}


def test_catching_up_is_as_if_the_past_had_been_written_later(
    sessions: SessionFactory, demo_settings: Settings
) -> None:
    demo = make_demo(ANCHOR_MS)
    load(sessions, demo_settings, demo)
    start = ANCHOR_MS - HOUR_MS
    middle, end = start + 20 * MINUTE_MS, start + 35 * MINUTE_MS

    def read() -> dict[int, tuple[list[int], list[list[int]]]]:
        with transaction(sessions, SCOPE) as session:
            found = {}
            for family in ("traffic", "power", "climate", "state"):
                ids = session.scalars(select(Series.id).where(Series.family == family)).all()
                for key, columns in PostgresSampleStore().read(session, family, ids, start, end):
                    values = [column.tolist() for column in columns.values.values()]
                    found[key] = (columns.ts.tolist(), values)
            return found

    def memory() -> list[tuple[object, ...]]:
        with transaction(sessions, SCOPE) as session:
            statement = text("SELECT series_id, state FROM counter_memory ORDER BY series_id")
            return [tuple(row) for row in session.execute(statement)]

    backfill(sessions, demo, start_ms=start, now_ms=middle)
    short = read()
    assert catch_up(sessions, demo, now_ms=end) > 0
    in_two, remembered = read(), memory()
    assert in_two != short
    with transaction(sessions, SCOPE) as session:
        session.execute(text("DELETE FROM job_run WHERE key = 'backfill'"))
        for family in ("traffic", "power", "climate", "state"):
            session.execute(text(f"DELETE FROM {family}_hot"))  # noqa: S608
        session.execute(text("DELETE FROM sample_block"))
    backfill(sessions, demo, start_ms=start, now_ms=end)
    assert read() == in_two
    assert memory() == remembered
    # Once an agent was polled, a gap is a gap.
    with transaction(sessions, SCOPE) as session:
        session.execute(text("UPDATE snmp_agent SET last_poll_at = now() WHERE id = 1"))
    assert catch_up(sessions, demo, now_ms=end + HOUR_MS) == 0
