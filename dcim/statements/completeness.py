"""Whether a contract has all its statements."""

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.customers.models import Contract
from dcim.statements.models import Statement


def list_missing(session: Session, contract_id: int) -> list[str]:
    """Months like "2026-10" without a statement, from the first issued to the contract's last.

    A contract billed elsewhere before it came here begins with the first month issued here; one
    without any is asked for its last month alone. Nothing is missing of one without an end.
    """
    contract = session.get_one(Contract, contract_id)
    if contract.ends_on is None:
        return []
    issued = set(
        session.scalars(select(Statement.period).where(Statement.contract_id == contract_id))
    )
    last = contract.ends_on - dt.timedelta(days=1)
    final = f"{last:%Y-%m}"
    month = min(issued | {final})
    missing = []
    while month <= final:
        if month not in issued:
            missing.append(month)
        year, number = int(month[:4]), int(month[5:])
        month = f"{year + number // 12:04d}-{number % 12 + 1:02d}"
    return missing
