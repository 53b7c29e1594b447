"""months held back from being issued until two people have seen them"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

_STAFF = "current_setting('jifang.staff', true) = 'yes'"
# What of a row may still change, until the column named beside it is written.
_OPEN = {
    "held_month": (
        "{currency,verdict,total,credits,reasons,sha256,seen_at,state,ended_at,statement_id}",
        "ended_at",
    ),
    "issue_proposal": (
        "{state,decision,decided_at,decided_by,decider_id,issued_id}",
        "decided_at",
    ),
}


def _word(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length), nullable=False)


def _number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _money(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Numeric(precision=14, scale=2), nullable=nullable)


def _instant(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _ref(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}"))


def _check(table: str, name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}"))


def upgrade() -> None:
    op.add_column(
        "contract",
        sa.Column("approve_open", sa.String(length=64), nullable=False, server_default=""),
    )
    op.alter_column("contract", "approve_open", server_default=None)
    op.add_column("contract", _money("approve_above", nullable=True))
    op.create_check_constraint(
        op.f("ck_contract_approve_open"), "contract", "approve_open IN ('', 'always', 'never')"
    )
    op.create_check_constraint(op.f("ck_contract_approve_above"), "contract", "approve_above >= 0")
    op.create_table(
        "approval_rule",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        _word("currency", 3),
        sa.Column("when_open", sa.Boolean(), nullable=False),
        _money("credits_above", nullable=True),
        _instant("created_at"),
        _check("approval_rule", "credits", "credits_above >= 0"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approval_rule")),
        sa.UniqueConstraint("currency", name=op.f("uq_approval_rule_currency")),
    )
    _create_held()
    _create_proposals()
    for table, (columns, end) in _OPEN.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        # Of a month that waits a customer sees nothing but that it isn't issued.
        op.execute(f"CREATE POLICY tenant ON {table} USING ({_STAFF}) WITH CHECK ({_STAFF})")
        op.execute(
            f"CREATE TRIGGER {table}_kept BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW"
            f" EXECUTE FUNCTION keep_incident_decision('{columns}', '{end}')"
        )


def _create_held() -> None:
    table = "held_month"
    op.create_table(
        table,
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        _number("customer_id"),
        _number("contract_id"),
        _word("period", 7),
        _word("currency", 3),
        _word("verdict", 64),
        _money("total"),
        _money("credits"),
        sa.Column("reasons", postgresql.JSONB(), nullable=False),
        _word("sha256", 64),
        _instant("held_at"),
        _instant("seen_at"),
        _word("state", 64),
        _instant("ended_at", nullable=True),
        _number("statement_id", nullable=True),
        _check(table, "state", "state IN ('held', 'approved', 'freed')"),
        _check(
            table,
            "ended",
            "(state = 'held') = (ended_at IS NULL) AND (state = 'held') = (statement_id IS NULL)",
        ),
        _ref(table, "customer_id", "customer"),
        _ref(table, "contract_id", "contract"),
        _ref(table, "statement_id", "statement"),
        sa.ForeignKeyConstraint(
            ["contract_id", "customer_id"],
            ["contract.id", "contract.customer_id"],
            name="fk_held_month_contract_of_customer",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("contract_id", "period", name=op.f(f"uq_{table}_contract_id_period")),
        sa.UniqueConstraint("statement_id", name=op.f(f"uq_{table}_statement_id")),
    )
    op.create_index(op.f(f"ix_{table}_customer_id"), table, ["customer_id"])


def _create_proposals() -> None:
    table = "issue_proposal"
    op.create_table(
        table,
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        _number("customer_id"),
        _number("held_month_id"),
        _number("issued_id", nullable=True),
        _word("verdict", 64),
        _money("total"),
        _money("credits"),
        _word("sha256", 64),
        _word("reason", 4000),
        _instant("proposed_at"),
        _word("proposed_by", 255),
        _number("proposer_id"),
        _word("state", 64),
        _word("decision", 4000),
        _instant("decided_at", nullable=True),
        _word("decided_by", 255),
        _number("decider_id", nullable=True),
        _check(table, "state", "state IN ('open', 'accepted', 'refused', 'withdrawn', 'lapsed')"),
        _check(table, "reason", "reason <> ''"),
        _check(
            table,
            "decided",
            "(state = 'open') = (decided_at IS NULL) AND (state = 'open') = (decision = '')"
            " AND (state IN ('open', 'lapsed')) = (decider_id IS NULL)"
            " AND decided_at >= proposed_at",
        ),
        _check(table, "issued", "(state = 'accepted') = (issued_id IS NOT NULL)"),
        _check(
            table,
            "four_eyes",
            "decider_id IS NULL OR (state = 'withdrawn') = (decider_id = proposer_id)",
        ),
        _ref(table, "customer_id", "customer"),
        _ref(table, "held_month_id", "held_month"),
        _ref(table, "issued_id", "statement"),
        _ref(table, "proposer_id", "app_user"),
        _ref(table, "decider_id", "app_user"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("issued_id", name=op.f(f"uq_{table}_issued_id")),
    )
    for column in ("customer_id", "held_month_id"):
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])
    op.create_index(
        "uq_issue_proposal_open",
        table,
        ["held_month_id"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )


def downgrade() -> None:
    op.drop_table("issue_proposal")
    op.drop_table("held_month")
    op.drop_table("approval_rule")
    op.drop_constraint(op.f("ck_contract_approve_above"), "contract")
    op.drop_constraint(op.f("ck_contract_approve_open"), "contract")
    op.drop_column("contract", "approve_above")
    op.drop_column("contract", "approve_open")
