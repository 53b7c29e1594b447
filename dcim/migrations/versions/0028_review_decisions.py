"""decisions by two people about time nobody measured"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_TABLE = "review_decision"
_OWN = "customer_id = NULLIF(current_setting('jifang.customer', true), '')::bigint"
_STAFF = "current_setting('jifang.staff', true) = 'yes'"


def _word(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length), nullable=False)


def _ref(column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{_TABLE}_{column}"))


def _check(name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{_TABLE}_{name}"))


def upgrade() -> None:
    op.create_table(
        _TABLE,
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("contract_id", sa.BigInteger(), nullable=False),
        _word("period", 7),
        _word("result", 255),
        _word("treat_unknown", 64),
        _word("reason", 4000),
        _word("evidence", 4000),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        _word("proposed_by", 255),
        sa.Column("proposer_id", sa.BigInteger(), nullable=False),
        _word("state", 64),
        _word("decision", 4000),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        _word("decided_by", 255),
        sa.Column("decider_id", sa.BigInteger(), nullable=True),
        _check("treat_unknown", "treat_unknown IN ('up', 'down', 'left_out')"),
        _check("state", "state IN ('open', 'accepted', 'refused', 'withdrawn')"),
        _check("reason", "reason <> ''"),
        _check(
            "decided",
            "(state = 'open') = (decided_at IS NULL) AND (state = 'open') = (decision = '')"
            " AND (state = 'open') = (decider_id IS NULL) AND decided_at >= proposed_at",
        ),
        _check(
            "four_eyes", "decider_id IS NULL OR (state = 'withdrawn') = (decider_id = proposer_id)"
        ),
        _ref("customer_id", "customer"),
        _ref("contract_id", "contract"),
        _ref("proposer_id", "app_user"),
        _ref("decider_id", "app_user"),
        sa.ForeignKeyConstraint(
            ["contract_id", "customer_id"],
            ["contract.id", "contract.customer_id"],
            name="fk_review_decision_contract_of_customer",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{_TABLE}")),
    )
    for column in ("customer_id", "contract_id"):
        op.create_index(op.f(f"ix_{_TABLE}_{column}"), _TABLE, [column])
    op.create_index(
        "uq_review_decision_open",
        _TABLE,
        ["contract_id", "period", "result"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.execute(f"ALTER TABLE {_TABLE} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {_TABLE} FORCE ROW LEVEL SECURITY")
    # A customer reads what was accepted about its own months; staff alone write.
    sees = f"{_STAFF} OR ({_OWN} AND state = 'accepted')"
    op.execute(f"CREATE POLICY tenant ON {_TABLE} USING ({sees}) WITH CHECK ({_STAFF})")
    op.execute(
        f"CREATE TRIGGER {_TABLE}_kept BEFORE UPDATE OR DELETE ON {_TABLE} FOR EACH ROW"
        " EXECUTE FUNCTION keep_incident_decision("
        "'{state,decision,decided_at,decided_by,decider_id}', 'decided_at')"
    )


def downgrade() -> None:
    op.drop_table(_TABLE)
