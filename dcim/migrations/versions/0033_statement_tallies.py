"""what statements say of promises and causes, in rows that can be added up"""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import sqlalchemy as sa
from alembic import op

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


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def upgrade() -> None:
    _create(
        "statement_result",
        _word("result", 255),
        _word("kind", 64),
        _text("title"),
        _text("title_en"),
        _word("item", 255),
        _text("name"),
        _text("name_en"),
        _word("site", 255),
        _word("verdict", 64),
        _count("downtime_ms"),
        _count("denominator_ms"),
        sa.Column("credit", MONEY, nullable=False),
    )
    _create(
        "statement_cause",
        _word("incident", 255),
        _text("cause"),
        _text("cause_en"),
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
    """Of the statements that are there. By the rules below, which are those of `tallies` as it was
    then: whatever becomes of that module, the tables of this revision are filled as they were."""
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
            rows["statement_result"] += [whose | one for one in _results(row.document)]
            rows["statement_cause"] += [whose | one for one in _causes(row.document)]
        for table, found in rows.items():
            if found:
                columns = [sa.column(name) for name in found[0]]
                op.bulk_insert(sa.table(table, *columns), found)  # type: ignore[arg-type]


def _results(document: dict[str, Any]) -> list[dict[str, Any]]:
    places = {item["id"]: item["place"].partition(" / ") for item in document["items"]}
    sites = {item: site if standing else "" for item, (site, standing, _rest) in places.items()}
    return [
        {
            "result": metric["id"],
            "kind": metric["kind"],
            "title": metric["label"]["zh"],
            "title_en": metric["label"]["en"],
            "item": metric["item"],
            "name": metric["subject"]["zh"],
            "name_en": metric["subject"]["en"],
            "site": sites.get(metric["item"], ""),
            "verdict": metric["result"],
            "downtime_ms": _ms(metric["downtime_s"]),
            "denominator_ms": 0
            if metric["availability_pct"] is None
            else _ms(metric["denominator_s"]),
            "credit": Decimal(metric["credit"]["amount"]),
        }
        for metric in document["metrics"]
    ]


def _causes(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for result in _results(document):
        credit, where = result["credit"], {"kind": result["kind"], "site": result["site"]}
        causes = [one for one in document["incidents"] if result["result"] in one["metrics"]]
        if credit and not causes:
            yield where | {"incident": "", "cause": "", "cause_en": "", "credit": credit}
        parts = _share_out(credit, [_ms(one["counted_s"]) for one in causes])
        for one, share in zip(causes, parts, strict=True):
            if share:
                said = {"cause": one["cause"]["zh"], "cause_en": one["cause"]["en"]}
                yield where | said | {"incident": one["id"], "credit": share}


def _share_out(amount: Decimal, weights: list[int]) -> list[Decimal]:
    """Parts in the amount's own decimals that add up to it; evenly where nothing weighs."""
    if not sum(weights):
        weights = [1] * len(weights)
    unit = Decimal(1).scaleb(amount.as_tuple().exponent)  # type: ignore[arg-type]
    parts, before, weighed = [], 0, 0
    for weight in weights:
        weighed += weight
        upto = int(Fraction(int(amount / unit) * weighed, sum(weights)))
        parts.append((upto - before) * unit)
        before = upto
    return parts


def _ms(seconds: int | float) -> int:
    return round(Fraction(str(seconds)) * 1000)


def _by(count: int, ids: Any) -> Iterator[Any]:
    for start in range(0, len(ids), count):
        yield ids[start : start + count]


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
