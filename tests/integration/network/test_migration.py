"""An installed instance's ports and services get what is new, and lose nothing."""

from alembic import command
from sqlalchemy import text

from dcim import schema
from dcim.db import make_engine
from dcim.postgres import APP, EmbeddedServer
from tests.servers import fresh_database

# As the release before wrote them; only what the tables refuse to be without.
ROWS = """
INSERT INTO customer (code, name, name_en, language, timezone, active, created_at)
  VALUES ('A', 'A', 'A', 'zh', 'Asia/Shanghai', true, now());
INSERT INTO contract (customer_id, number, currency, timezone, starts_on)
  VALUES (1, 'C', 'CNY', 'Asia/Shanghai', '2025-01-01');
INSERT INTO contract_item
  (contract_id, customer_id, code, kind, label, label_en, monthly_fee, starts_on)
  SELECT 1, 1, 'I' || n, 'bandwidth', '', '', 1, '2025-01-01' FROM generate_series(1, 3) n;
INSERT INTO device_type
  (manufacturer, model, height, full_depth, half_width, weight_g, rated_w)
  VALUES ('M', 'X', 2, true, false, 0, 0);
INSERT INTO device (device_type_id, name, role, state, created_at)
  VALUES (1, 'sw', 'switch', 'in_service', now());
INSERT INTO port (device_id, name, speed_bps, alias, role) VALUES (1, 'p1', 1, '', 'customer');
INSERT INTO bandwidth_service
  (customer_id, contract_item_id, code, carrier, commit_bps, ceiling_bps)
  VALUES (1, 1, 'S1', 'BGP', 1, 2), (1, 2, 'S2', 'unicom', 1, 2), (1, 3, 'S3', 'Local', 1, 2);
"""


def test_services_get_the_carriers_they_name(server: EmbeddedServer) -> None:
    with fresh_database(server, "network_migration") as database:
        owner = make_engine(database.owner_url, pool_size=1)
        admin = make_engine(database.admin_url, pool_size=1)
        with owner.begin() as connection:
            command.upgrade(schema.alembic_config(connection), "0002")
        with admin.begin() as connection:
            connection.exec_driver_sql(ROWS)
        schema.upgrade(owner, APP)
        with admin.connect() as connection:
            services = connection.execute(
                text(
                    "SELECT s.code, s.carrier, c.code, c.kind, s.direction, s.charging_mode"
                    " FROM bandwidth_service s LEFT JOIN carrier c ON c.id = s.carrier_id"
                    " ORDER BY s.code"
                )
            ).all()
            ports = connection.execute(text("SELECT kind, media, enabled, mac FROM port")).all()
        owner.dispose()
        admin.dispose()
    assert [tuple(row) for row in services] == [
        ("S1", "BGP", "bgp", "bgp", "max", "p95"),
        ("S2", "unicom", "unicom", "unicom", "max", "p95"),
        ("S3", "Local", None, None, "max", "p95"),
    ]
    assert [tuple(row) for row in ports] == [("switch", "", True, None)]
