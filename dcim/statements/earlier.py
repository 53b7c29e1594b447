"""What a contract's issued statements leave to the one that is made now, from the ledger."""

from collections import defaultdict
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.customers.models import Contract
from dcim.sla.rules.terms import Terms
from dcim.statements.carrying import KIND
from dcim.statements.models import LedgerEntry, Statement


def find_earlier(
    session: Session, scope: Scope, contract: Contract, terms: Terms, period: str
) -> list[dict[str, Any]] | None:
    """Each earlier month of which credits are still to be given or taken back, as inputs carry it;
    None where the terms say nothing of settlement or tax and nothing is left.

    Of every month the newest revision counts, and this month's own not at all. Whoever issues
    holds the contract's lock (`issuing.wait_for_turn`): what is left is then taken once.
    """
    newest = session.execute(
        scope.apply(
            select(
                Statement.id, Statement.period, Statement.number, Statement.revision,
                Statement.document_sha256,
            )
            .where(Statement.contract_id == contract.id, Statement.period != period)
            .order_by(Statement.period, Statement.revision.desc())
            .ext(distinct_on(Statement.period)),
            Statement.customer_id,
        )
    ).all()  # fmt: skip
    statements = {row.id: row for row in newest}
    left, used = _read_lines(session, scope, contract, statements)
    found = []
    for row in newest:
        taken = {one: amount for one, amount in used[row.period].items() if amount}
        if row.period > period or left[row.period] == sum(taken.values()):
            continue
        others = [_name(statements[one]) | {"amount": str(amount)} for one, amount in taken.items()]
        found.append(
            _name(row)
            | {
                "left": str(left[row.period]),
                "used": sorted(others, key=lambda one: str(one["period"])),
            }
        )
    if not found and terms.settle is None and terms.tax is None:
        return None
    return found


def _name(row: Any) -> dict[str, Any]:
    return {
        "period": row.period,
        "number": row.number,
        "revision": row.revision,
        "sha256": row.document_sha256,
    }


def _read_lines(
    session: Session, scope: Scope, contract: Contract, statements: dict[int, Any]
) -> tuple[dict[str, Decimal], dict[str, dict[int, Decimal]]]:
    """By month: what its own statement leaves; and what each other statement took of it, less what
    that one left on."""
    left: dict[str, Decimal] = defaultdict(Decimal)
    used: dict[str, dict[int, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    rows = session.execute(
        scope.apply(
            select(LedgerEntry.statement_id, LedgerEntry.key, LedgerEntry.amount).where(
                LedgerEntry.contract_id == contract.id, LedgerEntry.kind == KIND
            ),
            LedgerEntry.customer_id,
        )
    )
    for statement_id, key, amount in rows:
        what, month = key.rsplit("/", 1)[1].split(":")
        if statement_id not in statements or what not in ("left", "carried"):
            continue
        if statements[statement_id].period == month:
            left[month] += amount
        else:
            used[month][statement_id] -= amount
    return left, used
