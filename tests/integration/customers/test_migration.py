"""An instance with customers and contracts comes through the migration with all it had."""

import datetime as dt

from alembic import command
from sqlalchemy import text

from dcim import schema
from dcim.db import make_engine
from dcim.postgres import APP, EmbeddedServer
from tests.servers import fresh_database

STAFF = "SELECT set_config('jifang.staff', 'yes', true)"
ROWS = """
INSERT INTO customer (code, name, name_en, language, timezone, active, created_at) VALUES
 ('C1', '甲', 'A', 'zh', 'Asia/Shanghai', true, now()),
 ('C2', '乙', 'B', 'zh', 'Asia/Shanghai', false, now());
INSERT INTO contact (customer_id, name, email, phone, may_order, may_enter, gets_statements) VALUES
 (1, '甲一', 'a@a.example', '', true, false, true),
 (1, '甲二', 'b@a.example', '', false, false, false);
INSERT INTO contract (customer_id, number, currency, timezone, starts_on, ends_on) VALUES
 (1, 'HT-1', 'CNY', 'Asia/Shanghai', '2024-01-01', NULL),
 (2, 'HT-2', 'CNY', 'Asia/Shanghai', '2024-01-01', '2025-01-01');
INSERT INTO contract_item (contract_id, customer_id, code, kind, label, label_en, monthly_fee,
 contracted_w, starts_on) VALUES (1, 1, 'HT-1-01', 'cabinet', '柜', 'Cabinet', 6800.00, 5500,
 '2024-02-15');
"""


def test_customers_and_contracts_of_an_installed_instance_are_kept(server: EmbeddedServer) -> None:
    with fresh_database(server, "customers_before") as own:
        owner = make_engine(own.owner_url, pool_size=1)
        with owner.begin() as connection:
            command.upgrade(schema.alembic_config(connection), "0007")
        with owner.begin() as connection:
            connection.execute(text(STAFF))
            connection.exec_driver_sql(ROWS)
        assert schema.upgrade(owner, APP) >= "0008"
        with owner.begin() as connection:
            connection.execute(text(STAFF))

            def read(sql: str) -> list[tuple[object, ...]]:
                return [tuple(row) for row in connection.execute(text(sql))]

            assert read("SELECT code, active, state FROM customer ORDER BY id") == [
                ("C1", True, "active"),
                ("C2", False, "left"),
            ]
            assert read("SELECT may_ticket, may_see_bills FROM contact ORDER BY id") == [
                (True, True),
                (False, False),
            ]
            assert read("SELECT number, state FROM contract ORDER BY id") == [
                ("HT-1", "signed"),
                ("HT-2", "ended"),
            ]
            assert read("SELECT effective_from, monthly_fee, contracted_w FROM item_version") == [
                (dt.date(2024, 2, 15), 6800, 5500)
            ]
        owner.dispose()
