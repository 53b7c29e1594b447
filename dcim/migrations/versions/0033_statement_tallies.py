"""what statements say of promises and causes, in rows that can be added up"""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from alembic import op

from dcim.statements.tallies import tally_causes, tally_results

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

MONEY = sa.Numeric(precision=14, scale=2)
TABLES = ("statement_result", "statement_cause")
SEES = (
    "current_setting('jifang.staff', true) = 'yes' OR "
    "customer_id = NULLIF(current_setting('jifang.customer', true), '')::bigint"
)
A_FEW = 50


def _word(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length), nullable=False)


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def upgrade() -> None:
    _create(
        "statement_result",
        _word("result", 255),
        _word("kind", 64),
        *(_word(name, 255) for name in ("title", "title_en", "item", "name", "name_en", "site")),
        _word("verdict", 64),
        _count("downtime_ms"),
        _count("denominator_ms"),
        sa.Column("credit", MONEY, nullable=False),
    )
    _create(
        "statement_cause",
        _word("incident", 255),
        _word("cause", 4000),
        _word("cause_en", 4000),
        _word("kind", 64),
        _word("site", 255),
        sa.Column("credit", MONEY, nullable=False),
    )
    _fill()
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant ON {table} USING ({SEES}) WITH CHECK ({SEES})")
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def _create(table: str, *columns: sa.Column[Any]) -> None:
    op.create_table(
        table,
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        _count("statement_id"),
        _count("customer_id"),
        *columns,
        *(
            sa.ForeignKeyConstraint(
                [f"{other}_id"], [f"{other}.id"], name=op.f(f"fk_{table}_{other}_id")
            )
            for other in ("statement", "customer")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    for column in ("statement_id", "customer_id"):
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])


def _fill() -> None:
    """Of the statements that are there; their documents are frozen in the form it reads."""
    connection = op.get_bind()
    connection.execute(sa.text("SELECT set_config('jifang.staff', 'yes', true)"))
    statement = sa.table(
        "statement", sa.column("id"), sa.column("customer_id"), sa.column("document", sa.JSON())
    )
    ids = connection.execute(sa.select(statement.c.id).order_by(statement.c.id)).scalars().all()
    for few in _by(A_FEW, ids):
        rows: dict[str, list[dict[str, Any]]] = {table: [] for table in TABLES}
        for row in connection.execute(sa.select(statement).where(statement.c.id.in_(few))):
            whose = {"statement_id": row.id, "customer_id": row.customer_id}
            rows["statement_result"] += [whose | asdict(one) for one in tally_results(row.document)]
            rows["statement_cause"] += [whose | asdict(one) for one in tally_causes(row.document)]
        for table, found in rows.items():
            if found:
                columns = [sa.column(name) for name in found[0]]
                op.bulk_insert(sa.table(table, *columns), found)  # type: ignore[arg-type]


def _by(count: int, ids: Any) -> Iterator[Any]:
    for start in range(0, len(ids), count):
        yield ids[start : start + count]


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
