"""Going back to versions that lack rules or columns works with rows of them."""

import datetime as dt

from alembic import command
from sqlalchemy import func, select, text

from dcim import schema
from dcim.accounts.scope import Scope
from dcim.alarms.defaults import ensure_rules
from dcim.alarms.governing import rule_of
from dcim.alarms.models import Alarm, AlarmEvent, AlarmRule
from dcim.alarms.trying import ask_trial
from dcim.columns import utc_now
from dcim.db import make_engine, make_sessions, transaction
from dcim.inventory.models import Device, DeviceType
from dcim.metering.families import NO_LIGHT, NO_OPTICS
from dcim.metering.models import Series
from dcim.metering.store import PostgresSampleStore
from dcim.postgres import EmbeddedServer
from dcim.snmp.agents.models import Transceiver
from tests.integration.conftest import TEMPLATE
from tests.integration.customers.test_migration import STAFF
from tests.servers import fresh_database

SYSTEM = Scope.system("test")
DAY = dt.timedelta(days=1)


def test_alarms_and_what_became_of_them_go_with_what_the_version_before_lacks(
    server: EmbeddedServer,
) -> None:
    """0054 takes rules on light and LAGs along, 0045 forecasts and incidents of alarms."""
    with fresh_database(server, "alarms_back", template=TEMPLATE) as own:
        owner, now = make_engine(own.owner_url, pool_size=1), utc_now()
        with transaction(make_sessions(owner), SYSTEM) as session:
            ensure_rules(session)
            rules = {one.code: one for one in session.scalars(select(AlarmRule))}
            made = {}
            for code in ("port-down", "uplink-light", "uplink-lag", "node-load-ahead"):
                made[code] = Alarm(
                    rule=rules[code], subject_kind="port", subject_id=1, label="x",
                    severity="major", began_at=now, raised_at=now, seen_at=now, value=2, limit=1,
                    detail={"lane": 1},
                )  # fmt: skip
                for kind in ("raised", "incident", "customers_told"):
                    session.add(AlarmEvent(alarm=made[code], at=now, kind=kind))
                ask_trial(session, SYSTEM, rule_of(rules[code]), now - DAY, now,
                          rule_id=rules[code].id)  # fmt: skip
            session.flush()
            made["port-down"].root_id = made["uplink-lag"].id
            made["uplink-light"].root_id = made["port-down"].id

        def go(version: str) -> dict[str, int]:
            with owner.begin() as connection:
                connection.execute(text(STAFF))
                command.downgrade(schema.alembic_config(connection), version)
            with owner.connect() as connection:
                left = {
                    table: connection.scalar(text(f"SELECT count(*) FROM {table}"))  # noqa: S608
                    for table in ("alarm", "alarm_event", "alarm_trial")
                }
                guarded = text("SELECT bool_and(tgenabled <> 'D') FROM pg_trigger"
                               " WHERE NOT tgisinternal")  # fmt: skip
                assert connection.scalar(guarded)
            return left

        assert go("0052") == {"alarm": 2, "alarm_event": 6, "alarm_trial": 2}
        assert go("0044") == {"alarm": 1, "alarm_event": 1, "alarm_trial": 1}
        with owner.connect() as connection:
            # A version that knows no horizon can't read one.
            assert connection.scalar(text("SELECT count(*) FROM alarm_trial"
                                          " WHERE rule ? 'horizon_s'")) == 0  # fmt: skip
        with owner.begin() as connection:
            command.upgrade(schema.alembic_config(connection), "head")
        owner.dispose()


def test_lanes_that_have_had_light_are_known_after_the_upgrade(server: EmbeddedServer) -> None:
    with fresh_database(server, "lights_come", template=TEMPLATE) as own:
        owner, now = make_engine(own.owner_url, pool_size=1), utc_now()
        sessions = make_sessions(owner)
        with transaction(sessions, SYSTEM) as session:
            kind = DeviceType(manufacturer="M", model="T", height=2)
            session.add(kind)
            session.flush()
            device = Device(device_type_id=kind.id, name="sw", role="access")
            session.add(device)
            session.flush()
            lanes = [
                Series(family="optics", device_id=device.id, slot=f"lane {n} p", step_s=300)
                for n in (1, 2)
            ]
            session.add_all(lanes)
            session.flush()
            session.add(
                Transceiver(
                    device_id=device.id, port_name="p", limits={}, since=now, read_at=now,
                    lanes=[one.id for one in lanes], rx_lit_ms=[None, None], tx_lit_ms=[None, None],
                )
            )  # fmt: skip
            at = round(now.timestamp() * 1000)
            fine, dark = ({**NO_OPTICS, "rx_mdbm": rx} for rx in (-3000, NO_LIGHT))
            PostgresSampleStore().append(
                session,
                "optics",
                [
                    (one.id, at + place, 0, 0, *values.values())
                    for one, several in zip(lanes, ((dark, fine, fine), (dark, dark)), strict=True)
                    for place, values in enumerate(several)
                ],
            )
        for version in ("0052", "head"):
            with owner.begin() as connection:
                connection.execute(text(STAFF))
                config = schema.alembic_config(connection)
                if version == "head":
                    command.upgrade(config, version)
                else:
                    command.downgrade(config, version)
        with transaction(sessions, SYSTEM) as session:
            [module] = session.scalars(select(Transceiver))
            assert module.rx_lit_ms == [at + 1, None]
            assert module.tx_lit_ms == [None, None]
            assert session.scalar(select(func.count()).select_from(Series)) == 2
        owner.dispose()
