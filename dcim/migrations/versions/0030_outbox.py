"""what is to be told to somebody outside, and where webhooks go"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

_TABLE = "outbox_message"
_OWN = "customer_id = NULLIF(current_setting('jifang.customer', true), '')::bigint"
_STAFF = "current_setting('jifang.staff', true) = 'yes'"
# What an attempt may write; all else stays as it was written.
_FATE = "{state,attempts,next_at,fault,detail,sent_at}"


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False)


def _word(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length), nullable=False)


def _when(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _ref(column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{_TABLE}_{column}"))


def _check(name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{_TABLE}_{name}"))


def upgrade() -> None:
    op.create_table(
        "webhook_endpoint",
        _id(),
        _word("name", 255),
        _word("url", 2000),
        sa.Column("events", postgresql.JSONB(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        _when("created_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_endpoint")),
        sa.UniqueConstraint("name", name=op.f("uq_webhook_endpoint_name")),
    )
    op.create_table(
        _TABLE,
        _id(),
        _word("key", 512),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("statement_id", sa.BigInteger(), nullable=True),
        sa.Column("endpoint_id", sa.BigInteger(), nullable=True),
        _word("channel", 64),
        _word("event", 64),
        _word("recipient", 255),
        _word("title", 255),
        _word("text", 4000),
        sa.Column("attach", sa.Boolean(), nullable=False),
        sa.Column("payload", postgresql.JSONB(), nullable=True),
        _word("delivery_id", 64),
        _word("state", 64),
        sa.Column("attempts", sa.Integer(), nullable=False),
        _when("next_at"),
        _word("fault", 64),
        _word("detail", 255),
        _when("created_at"),
        _when("sent_at", nullable=True),
        _check("channel", "channel IN ('mail', 'webhook')"),
        _check("state", "state IN ('queued', 'sending', 'sent', 'failed')"),
        _check("sent", "(state = 'sent') = (sent_at IS NOT NULL)"),
        _check("endpoint", "(channel = 'webhook') = (endpoint_id IS NOT NULL)"),
        _check("attach", "NOT attach OR statement_id IS NOT NULL"),
        _ref("customer_id", "customer"),
        _ref("statement_id", "statement"),
        _ref("endpoint_id", "webhook_endpoint"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{_TABLE}")),
        sa.UniqueConstraint("key", name=op.f(f"uq_{_TABLE}_key")),
        sa.UniqueConstraint("delivery_id", name=op.f(f"uq_{_TABLE}_delivery_id")),
    )
    for column in ("customer_id", "statement_id", "endpoint_id"):
        op.create_index(op.f(f"ix_{_TABLE}_{column}"), _TABLE, [column])
    op.create_index(
        "ix_outbox_message_due",
        _TABLE,
        ["next_at"],
        postgresql_where=sa.text("state IN ('queued', 'sending')"),
    )
    op.execute(f"ALTER TABLE {_TABLE} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {_TABLE} FORCE ROW LEVEL SECURITY")
    # A customer's are the mails to its own people; staff alone write.
    sees = f"{_STAFF} OR ({_OWN} AND channel = 'mail')"
    op.execute(f"CREATE POLICY tenant ON {_TABLE} USING ({sees}) WITH CHECK ({_STAFF})")
    # What was sent stays sent: nothing has it sent again.
    op.execute(
        f"CREATE TRIGGER {_TABLE}_kept BEFORE UPDATE OR DELETE ON {_TABLE} FOR EACH ROW"
        f" EXECUTE FUNCTION keep_incident_decision('{_FATE}', 'sent_at')"
    )


def downgrade() -> None:
    op.drop_table(_TABLE)
    op.drop_table("webhook_endpoint")
