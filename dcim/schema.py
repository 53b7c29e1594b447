"""The database's schema: brought up to date by the owner, never run against a newer one."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Engine, text
from sqlalchemy.engine import Connection

from dcim.errors import SettingsError

MIGRATIONS = Path(__file__).parent / "migrations"
# Any number that no other program's advisory lock uses: two starts at once migrate in turn.
MIGRATION_LOCK = 7_410_001

# Tenant tables and the column that says whose a row is. Row security holds on each.
TENANT_TABLES = {
    "customer": "id",
    "contact": "customer_id",
    "contract": "customer_id",
    "contract_terms": "customer_id",
    "contract_item": "customer_id",
    "device": "customer_id",
    "allocation": "customer_id",
    "bandwidth_service": "customer_id",
    "service_membership": "customer_id",
    "incident_impact": "customer_id",
    "maintenance_notice": "customer_id",
    "maintenance_consent": "customer_id",
    "ticket": "customer_id",
    "statement": "customer_id",
    "statement_file": "customer_id",
    "ledger_entry": "customer_id",
    "area_claim": "customer_id",
    "device_transition": "customer_id",
    "equipment_pass": "customer_id",
    "equipment_pass_line": "customer_id",
    "dedicated_line": "customer_id",
    "cross_connect": "customer_id",
    "cross_connect_end": "customer_id",
    "cross_connect_step": "customer_id",
    "cross_connect_file": "customer_id",
    "stored_file": "customer_id",
    "vlan": "customer_id",
    "asn": "customer_id",
    "prefix": "customer_id",
    "address_assignment": "customer_id",
    "contract_amendment": "customer_id",
    "item_version": "customer_id",
    "service_order": "customer_id",
    "order_step": "customer_id",
    "probe_target": "customer_id",
    "credit_claim": "customer_id",
    "incident_contest": "customer_id",
    "incident_overrule": "customer_id",
    "meter": "customer_id",
    "meter_reading": "customer_id",
    "credit_risk": "customer_id",
    "ticket_subject": "customer_id",
    "ticket_event": "customer_id",
    "review_decision": "customer_id",
    "statement_result": "customer_id",
    "statement_cause": "customer_id",
    "outbox_message": "customer_id",
    "marked_copy": "customer_id",
    "revision_proposal": "customer_id",
    "notice_choice": "customer_id",
    "told_incident": "customer_id",
    "held_month": "customer_id",
    "issue_proposal": "customer_id",
    "usage_month": "customer_id",
    "traffic_day": "customer_id",
    "burned_stretch": "customer_id",
    "burn_progress": "customer_id",
}
# Written once: the app role may insert and read, and triggers stop the owner too.
APPEND_ONLY_TABLES = (
    "audit_entry", "statement", "statement_file", "ledger_entry", "ticket_event",
    "ticket_subject", "statement_result", "statement_cause", "marked_copy", "alarm_event",
    "handover_note",
)  # fmt: skip
# Changed in part, never deleted; a trigger stops the owner too.
KEPT_TABLES = (
    "credit_claim",
    "incident_contest",
    "incident_overrule",
    "incident_link",
    "meter_reading",
    "ticket",
    "maintenance_notice",
    "maintenance_consent",
    "review_decision",
    "outbox_message",
    "revision_proposal",
    "held_month",
    "issue_proposal",
    "shift_handover",
    "handover_item",
)
# Kept by triggers and read by one function that answers staff alone (migration 0011).
CLOSED_TABLES = ("search_text",)


def alembic_config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    if connection is not None:
        config.attributes["connection"] = connection
    return config


def newest_revision() -> str:
    head = ScriptDirectory.from_config(alembic_config()).get_current_head()
    if head is None:
        raise RuntimeError("no migrations are shipped")
    return head


def find_revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def check_revision(connection: Connection) -> None:
    """Raise SettingsError unless the database has exactly the schema this program was built for."""
    current, newest = find_revision(connection), newest_revision()
    if current == newest:
        return
    known = {script.revision for script in _history()}
    if current is not None and current not in known:
        raise SettingsError(
            "database schema",
            f"revision {current} is newer than this program ({newest})",
            "start the program version that made it, or restore a backup from before",
        )
    raise SettingsError(
        "database schema",
        f"revision {current or 'none'} is older than this program ({newest})",
        "run: dcim db upgrade",
    )


def upgrade(owner: Engine, app_role: str) -> str:
    """Bring the schema up to date and give the app role its rights. Returns the revision.

    Refuses (SettingsError) a database that a newer program has migrated.
    """
    with owner.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
        connection.commit()
        try:
            current = find_revision(connection)
            connection.commit()
            if current is not None and current not in {s.revision for s in _history()}:
                check_revision(connection)
            with connection.begin():
                command.upgrade(alembic_config(connection), "head")
            with connection.begin():
                grant_rights(connection, app_role)
        finally:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": MIGRATION_LOCK})
            connection.commit()
    return newest_revision()


def grant_rights(connection: Connection, app_role: str) -> None:
    """Let the app role work on rows but own nothing; repeated after each upgrade."""
    role = connection.dialect.identifier_preparer.quote(app_role)
    # A database that was taken back to an older program hasn't the newest of them.
    append_only = [name for name in APPEND_ONLY_TABLES if _is_there(connection, name)]
    kept = [name for name in KEPT_TABLES if _is_there(connection, name)]
    for statement in (
        f"GRANT USAGE ON SCHEMA public TO {role}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
        f"REVOKE UPDATE, DELETE, TRUNCATE ON {', '.join(append_only)} FROM {role}",
        *(f"REVOKE DELETE, TRUNCATE ON {name} FROM {role}" for name in kept),
        f"REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {role}",
        f"REVOKE ALL ON {', '.join(CLOSED_TABLES)} FROM {role}",
        f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}",
        f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO {role}",
    ):
        connection.exec_driver_sql(statement)


def _is_there(connection: Connection, table: str) -> bool:
    found = connection.execute(text("SELECT to_regclass(:name)"), {"name": table})
    return found.scalar() is not None


def _history() -> list[Script]:
    return list(ScriptDirectory.from_config(alembic_config()).walk_revisions())
