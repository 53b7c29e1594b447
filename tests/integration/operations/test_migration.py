"""An instance with windows and notices comes through the migration with all it had."""

from alembic import command
from sqlalchemy import text

from dcim import schema
from dcim.db import make_engine
from dcim.postgres import APP, EmbeddedServer
from tests.integration.customers.test_migration import STAFF
from tests.servers import fresh_database

ROWS = """
INSERT INTO customer (code, name, name_en, language, timezone, active, created_at, kind,
 legal_name, identity_kind, legal_person, icp_licence, icp_record, isp_licence, business, address,
 security_contact, security_phone, security_email, tier, industry, state, pinyin,
 account_manager, note)
 VALUES ('C1', '甲', 'A', 'zh', 'Asia/Shanghai', true, now(), 'enterprise', '', 'credit_code', '',
 '', '', '', '', '', '', '', '', 'standard', '', 'active', '', '', '');
INSERT INTO maintenance (code, title, title_en, starts_at, ends_at, announced_at, approved_by)
 VALUES
 ('M-1', '旧', 'Old', '2026-01-10 00:00Z', '2026-01-10 02:00Z', '2026-01-01 00:00Z', '值班长'),
 ('M-2', '新', 'New', '2999-01-10 00:00Z', '2999-01-10 02:00Z', '2026-01-01 00:00Z', '');
INSERT INTO maintenance_notice (maintenance_id, customer_id, sent_at, channel, recipient) VALUES
 (1, 1, '2026-01-01 00:02Z', 'mail', 'a@a.example'), (2, 1, '2026-01-01 00:02Z', 'sms', '139');
"""


def test_windows_and_notices_of_an_installed_instance_are_kept(server: EmbeddedServer) -> None:
    with fresh_database(server, "maintenance_before") as own:
        owner = make_engine(own.owner_url, pool_size=1)
        with owner.begin() as connection:
            command.upgrade(schema.alembic_config(connection), "0021")
        with owner.begin() as connection:
            connection.execute(text(STAFF))
            connection.exec_driver_sql(ROWS)
        assert schema.upgrade(owner, APP) >= "0026"
        with owner.begin() as connection:
            connection.execute(text(STAFF))

            def read(sql: str) -> list[tuple[object, ...]]:
                return [tuple(row) for row in connection.execute(text(sql))]

            assert read("SELECT code, state, kind, approved_by FROM maintenance ORDER BY id") == [
                ("M-1", "done", "maintenance", "值班长"),
                ("M-2", "announced", "maintenance", ""),
            ]
            # A notice told of its window as it was; its words were never on record.
            assert read(
                "SELECT n.channel, n.starts_at = m.starts_at, n.ends_at = m.ends_at,"
                " n.recorded_at = n.sent_at, n.text, n.sha256 FROM maintenance_notice n"
                " JOIN maintenance m ON m.id = n.maintenance_id ORDER BY n.id"
            ) == [("email", True, True, True, "", ""), ("letter", True, True, True, "", "")]
        owner.dispose()
