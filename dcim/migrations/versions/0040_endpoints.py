"""robots and syslog servers beside webhooks: one table of endpoints, with a kind"""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

_KINDS = "'webhook', 'dingtalk', 'wecom', 'feishu', 'syslog'"


def upgrade() -> None:
    op.rename_table("webhook_endpoint", "endpoint")
    op.execute("ALTER SEQUENCE webhook_endpoint_id_seq RENAME TO endpoint_id_seq")
    op.execute("ALTER TABLE endpoint RENAME CONSTRAINT pk_webhook_endpoint TO pk_endpoint")
    op.drop_constraint(op.f("uq_webhook_endpoint_name"), "endpoint", type_="unique")
    # What was there before are webhooks.
    for name, usual in (("kind", "webhook"), ("language", "zh")):
        op.add_column(
            "endpoint", sa.Column(name, sa.String(64), nullable=False, server_default=usual)
        )
        op.alter_column("endpoint", name, server_default=None)
    for name in ("ready_at", "deleted_at"):
        op.add_column("endpoint", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    for name, rule in (
        ("kind", f"kind IN ({_KINDS})"),
        ("language", "language IN ('zh', 'en')"),
        ("deleted", "deleted_at IS NULL OR NOT enabled"),
    ):
        op.create_check_constraint(op.f(f"ck_endpoint_{name}"), "endpoint", rule)
    # A deleted one's name is free again.
    op.create_index(
        "uq_endpoint_name",
        "endpoint",
        ["name"],
        unique=True,
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    _rule(f"channel IN ('mail', {_KINDS})", "(channel = 'mail') = (endpoint_id IS NULL)")
    # With the id: the last message to each is one step.
    op.drop_index(op.f("ix_outbox_message_endpoint_id"), "outbox_message")
    op.create_index("ix_outbox_message_endpoint_id", "outbox_message", ["endpoint_id", "id"])


def _rule(channel: str, endpoint: str) -> None:
    for name, rule in (("channel", channel), ("endpoint", endpoint)):
        constraint = op.f(f"ck_outbox_message_{name}")
        op.drop_constraint(constraint, "outbox_message", type_="check")
        op.create_check_constraint(constraint, "outbox_message", rule)


def downgrade() -> None:
    """Refused by the constraints where a robot or a syslog server was written to."""
    _rule("channel IN ('mail', 'webhook')", "(channel = 'webhook') = (endpoint_id IS NOT NULL)")
    op.drop_index("ix_outbox_message_endpoint_id", "outbox_message")
    op.create_index(op.f("ix_outbox_message_endpoint_id"), "outbox_message", ["endpoint_id"])
    op.drop_index("uq_endpoint_name", "endpoint")
    for name in ("kind", "language", "deleted"):
        op.drop_constraint(op.f(f"ck_endpoint_{name}"), "endpoint", type_="check")
    for name in ("kind", "language", "ready_at", "deleted_at"):
        op.drop_column("endpoint", name)
    op.create_unique_constraint(op.f("uq_webhook_endpoint_name"), "endpoint", ["name"])
    op.execute("ALTER TABLE endpoint RENAME CONSTRAINT pk_endpoint TO pk_webhook_endpoint")
    op.execute("ALTER SEQUENCE endpoint_id_seq RENAME TO webhook_endpoint_id_seq")
    op.rename_table("endpoint", "webhook_endpoint")
