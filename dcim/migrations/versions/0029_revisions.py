"""revisions of issued statements, proposed by one person and accepted by another"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_TABLE = "revision_proposal"
_OWN = "customer_id = NULLIF(current_setting('jifang.customer', true), '')::bigint"
_STAFF = "current_setting('jifang.staff', true) = 'yes'"


def _word(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length), nullable=False)


def _number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _ref(column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{_TABLE}_{column}"))


def _check(name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{_TABLE}_{name}"))


def upgrade() -> None:
    op.create_table(
        _TABLE,
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        _number("customer_id"),
        _number("contract_id"),
        _number("statement_id"),
        _number("issued_id", nullable=True),
        sa.Column("differences", postgresql.JSONB(), nullable=False),
        _word("reason", 4000),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        _word("proposed_by", 255),
        _number("proposer_id"),
        _word("state", 64),
        _word("decision", 4000),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        _word("decided_by", 255),
        _number("decider_id", nullable=True),
        _check("state", "state IN ('open', 'accepted', 'refused', 'withdrawn')"),
        _check("reason", "reason <> ''"),
        _check(
            "decided",
            "(state = 'open') = (decided_at IS NULL) AND (state = 'open') = (decision = '')"
            " AND (state = 'open') = (decider_id IS NULL) AND decided_at >= proposed_at",
        ),
        _check("issued", "(state = 'accepted') = (issued_id IS NOT NULL)"),
        _check(
            "four_eyes", "decider_id IS NULL OR (state = 'withdrawn') = (decider_id = proposer_id)"
        ),
        _ref("customer_id", "customer"),
        _ref("contract_id", "contract"),
        _ref("statement_id", "statement"),
        _ref("issued_id", "statement"),
        _ref("proposer_id", "app_user"),
        _ref("decider_id", "app_user"),
        sa.ForeignKeyConstraint(
            ["contract_id", "customer_id"],
            ["contract.id", "contract.customer_id"],
            name="fk_revision_proposal_contract_of_customer",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{_TABLE}")),
        sa.UniqueConstraint("issued_id", name=op.f(f"uq_{_TABLE}_issued_id")),
    )
    for column in ("customer_id", "contract_id", "statement_id"):
        op.create_index(op.f(f"ix_{_TABLE}_{column}"), _TABLE, [column])
    op.create_index(
        "uq_revision_proposal_open",
        _TABLE,
        ["statement_id"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.execute(f"ALTER TABLE {_TABLE} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {_TABLE} FORCE ROW LEVEL SECURITY")
    # A customer reads what was accepted about its own statements; staff alone write.
    sees = f"{_STAFF} OR ({_OWN} AND state = 'accepted')"
    op.execute(f"CREATE POLICY tenant ON {_TABLE} USING ({sees}) WITH CHECK ({_STAFF})")
    op.execute(
        f"CREATE TRIGGER {_TABLE}_kept BEFORE UPDATE OR DELETE ON {_TABLE} FOR EACH ROW"
        " EXECUTE FUNCTION keep_incident_decision("
        "'{state,decision,decided_at,decided_by,decider_id,issued_id}', 'decided_at')"
    )


def downgrade() -> None:
    op.drop_table(_TABLE)
