"""row security, append-only tables, the job queue"""

from alembic import op
from procrastinate.schema import SchemaManager

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

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
    "ticket": "customer_id",
    "statement": "customer_id",
    "statement_file": "customer_id",
    "ledger_entry": "customer_id",
}
APPEND_ONLY_TABLES = ("audit_entry", "statement", "statement_file", "ledger_entry")


def upgrade() -> None:
    for table, column in TENANT_TABLES.items():
        op.execute(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')
        # FORCE: not even the owner of the table is above the rule.
        op.execute(f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY')
        rule = (
            "current_setting('jifang.staff', true) = 'yes' OR "
            f"{column} = NULLIF(current_setting('jifang.customer', true), '')::bigint"
        )
        op.execute(f'CREATE POLICY tenant ON "{table}" USING ({rule}) WITH CHECK ({rule})')
    op.execute(
        """
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '% is append-only: write a new row instead', TG_TABLE_NAME
                USING ERRCODE = 'integrity_constraint_violation',
                      CONSTRAINT = 'append_only';
        END $$
        """
    )
    for table in APPEND_ONLY_TABLES:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    # exec_driver_sql without parameters: procrastinate's SQL holds % and : of its own.
    op.get_bind().exec_driver_sql(SchemaManager.get_schema().replace("%", "%%"))


def downgrade() -> None:
    raise RuntimeError("the walls are never taken down: restore a backup from before instead")
