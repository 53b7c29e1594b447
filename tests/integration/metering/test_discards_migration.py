"""Discards come without a lost sample of traffic, and go without one."""

import numpy as np
from alembic import command
from sqlalchemy import func, select, text

from dcim import schema
from dcim.accounts.scope import Scope
from dcim.alarms.defaults import ensure_rules
from dcim.alarms.models import Alarm, AlarmEvent, AlarmRule
from dcim.columns import utc_now
from dcim.db import make_engine, make_sessions, transaction
from dcim.metering import narrow
from dcim.metering.frame_store import Newest
from dcim.metering.frames import Place
from dcim.postgres import EmbeddedServer
from tests.integration.conftest import TEMPLATE
from tests.integration.customers.test_migration import STAFF
from tests.servers import fresh_database

DAY_MS = 86_400_000


def test_frames_and_memories_survive_both_ways(server: EmbeddedServer) -> None:
    random = np.random.default_rng(7)
    frame = random.integers(0, 2**40, (len(Place), 3))
    newest = random.integers(0, 2**40, (len(Newest), 3))
    narrow_rows = {1: 9}, {1: 10}
    with fresh_database(server, "discards_before") as own:
        owner = make_engine(own.owner_url, pool_size=1)

        def bodies() -> list[tuple[bytes, bytes]]:
            with owner.connect() as connection:
                found = connection.execute(
                    text(
                        "SELECT f.body, m.newest FROM port_frame f"
                        " JOIN port_memory m USING (layout_id) ORDER BY f.ts"
                    )
                )
                return [(bytes(body), bytes(kept)) for body, kept in found]

        with owner.begin() as connection:
            command.upgrade(schema.alembic_config(connection), "0047")
        with owner.begin() as connection:
            connection.execute(text(STAFF))
            device = connection.scalar(text(
                "WITH kind AS (INSERT INTO device_type (manufacturer, model, height, full_depth,"
                " half_width, weight_g, rated_w, slug, part_number, category, airflow, source,"
                " curated) VALUES ('m', 'm', 1, true, false, 0, 0, '', '', 'other', '', '', false)"
                " RETURNING id) INSERT INTO device (device_type_id, name, role, state, created_at,"
                " provider_owned, note) SELECT id, 'sw', 'switch', 'in_stock', now(), true, ''"
                " FROM kind RETURNING id"
            ))  # fmt: skip
            layout = connection.scalar(
                text(
                    "INSERT INTO frame_layout (device_id, digest, names, traffic_ids, state_ids)"
                    " VALUES (:device, 'd', '{a,b,c}', '{1,2,3}', '{4,5,6}') RETURNING id"
                ),
                {"device": device},
            )
            keys = {"device": device, "layout": layout, "ts": DAY_MS}
            connection.execute(
                text("INSERT INTO port_frame VALUES (:device, :ts, :layout, :body)"),
                keys | {"body": narrow.pack(frame[:9])},
            )
            connection.execute(
                text(
                    "INSERT INTO port_memory (device_id, ts, layout_id, clock, counters, newest)"
                    " VALUES (:device, :ts, :layout, 'c', 'c', :newest)"
                ),
                keys | {"newest": narrow.pack(newest[:10])},
            )
        before = bodies()
        with owner.begin() as connection:
            command.upgrade(schema.alembic_config(connection), "0049")
        assert bodies() == before
        with owner.begin() as connection:
            connection.execute(text(STAFF))
            assert connection.scalar(text("SELECT discard_ids FROM frame_layout")) == [0, 0, 0]
            connection.execute(
                text("INSERT INTO port_frame VALUES (:device, :ts, :layout, :body)"),
                keys | {"ts": DAY_MS + 1, "body": narrow.pack(frame, 2)},
            )
            connection.execute(
                text("UPDATE port_memory SET newest = :newest"), {"newest": narrow.pack(newest, 2)}
            )
            connection.execute(
                text(
                    "INSERT INTO series (family, device_id, slot, step_s)"
                    " VALUES ('discards', :device, 'a', 60)"
                ),
                keys,
            )
        with owner.begin() as connection:
            command.downgrade(schema.alembic_config(connection), "0047")
        [first, second] = bodies()
        assert first == before[0]
        assert second == before[0]
        for body, rows, table in zip(second, narrow_rows, (frame, newest), strict=True):
            assert np.array_equal(narrow.unpack(body, rows, 3), table[: rows[1]])
        with owner.connect() as connection:
            assert connection.scalar(text("SELECT count(*) FROM series")) == 0
        owner.dispose()


def test_alarms_of_rules_that_the_version_before_lacks_go_with_them(server: EmbeddedServer) -> None:
    """Also what happened to them, though nobody else may ever delete that."""
    with fresh_database(server, "discards_alarms", template=TEMPLATE) as own:
        owner = make_engine(own.owner_url, pool_size=1)
        now = utc_now()
        with transaction(make_sessions(owner), Scope.system("test")) as session:
            ensure_rules(session)
            for rule in session.scalars(
                select(AlarmRule).where(AlarmRule.quantity.in_(("port_discards", "item_burn")))
            ):
                kind = "item" if rule.kind == "burn" else "port"
                alarm = Alarm(
                    rule=rule, subject_kind=kind, subject_id=1, label="x", severity="major",
                    began_at=now, raised_at=now, seen_at=now, value=2, limit=1,
                )  # fmt: skip
                session.add(AlarmEvent(alarm=alarm, at=now, kind="raised"))
            session.flush()
            assert session.scalar(select(func.count()).select_from(AlarmEvent)) == 3
        with owner.begin() as connection:
            connection.execute(text(STAFF))
            command.downgrade(schema.alembic_config(connection), "0047")
            for table in ("alarm", "alarm_event"):
                assert connection.scalar(text(f"SELECT count(*) FROM {table}")) == 0  # noqa: S608
            guarded = connection.scalar(
                text("SELECT bool_and(tgenabled <> 'D') FROM pg_trigger WHERE NOT tgisinternal")
            )
            assert guarded
        owner.dispose()
