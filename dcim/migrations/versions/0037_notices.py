"""notices that people choose, what was told of incidents, a person's time zone"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

_OWN = "customer_id = NULLIF(current_setting('jifang.customer', true), '')::bigint"
_STAFF = "current_setting('jifang.staff', true) = 'yes'"


def _wall(table: str, writes: str) -> None:
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    sees = f"{_STAFF} OR {_OWN}"
    op.execute(f"CREATE POLICY tenant ON {table} USING ({sees}) WITH CHECK ({writes})")


def upgrade() -> None:
    op.add_column(
        "app_user", sa.Column("timezone", sa.String(length=64), nullable=False, server_default="")
    )
    op.alter_column("app_user", "timezone", server_default=None)
    op.create_table(
        "notice_choice",
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("wanted", sa.Boolean(), nullable=False),
        sa.Column("chosen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["app_user.id"], name=op.f("fk_notice_choice_user_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_notice_choice_customer_id")
        ),
        sa.PrimaryKeyConstraint("user_id", "kind", name=op.f("pk_notice_choice")),
    )
    op.create_index(op.f("ix_notice_choice_customer_id"), "notice_choice", ["customer_id"])
    _wall("notice_choice", f"{_STAFF} OR {_OWN}")
    op.create_table(
        "told_incident",
        sa.Column("incident_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("customer_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("event", sa.String(length=64), nullable=False),
        sa.Column("items", postgresql.JSONB(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("times", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"],
            ["incident.id"],
            name=op.f("fk_told_incident_incident_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_told_incident_customer_id")
        ),
        sa.PrimaryKeyConstraint("incident_id", "customer_id", name=op.f("pk_told_incident")),
    )
    op.create_index(op.f("ix_told_incident_customer_id"), "told_incident", ["customer_id"])
    _wall("told_incident", _STAFF)
    op.add_column("outbox_message", sa.Column("user_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("fk_outbox_message_user_id"), "outbox_message", "app_user", ["user_id"], ["id"]
    )
    op.create_check_constraint(
        op.f("ck_outbox_message_person"),
        "outbox_message",
        "user_id IS NULL OR (customer_id IS NOT NULL AND channel = 'mail')",
    )
    op.create_index(op.f("ix_outbox_message_user_id"), "outbox_message", ["user_id"])


def downgrade() -> None:
    op.drop_index(op.f("ix_outbox_message_user_id"), "outbox_message")
    op.drop_constraint(op.f("ck_outbox_message_person"), "outbox_message")
    op.drop_column("outbox_message", "user_id")
    op.drop_table("told_incident")
    op.drop_table("notice_choice")
    op.drop_column("app_user", "timezone")
