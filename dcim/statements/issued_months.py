"""The contract's earlier statements as the trend of the next one tells them."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, load_only

from dcim.accounts.scope import Scope
from dcim.customers.models import Contract
from dcim.statements.models import Statement
from dcim.statements.past_periods import months_before
from dcim.statements.trend import MONTHS, describe_month


def add_issued_months(
    session: Session, scope: Scope, contract: Contract, inputs: dict[str, Any]
) -> dict[str, Any]:
    """The inputs with what was issued of the twelve months before, the newest revision of each;
    the same inputs where nothing was.

    Only whoever composes the whole statement needs it: no result follows from it.
    """
    period = inputs["period"]
    statements = session.scalars(
        scope.apply(
            select(Statement)
            .where(
                Statement.contract_id == contract.id,
                Statement.period < period,
                Statement.period >= months_before(period, MONTHS),
            )
            .order_by(Statement.period, Statement.revision.desc())
            .ext(distinct_on(Statement.period))
            # Without the packed inputs, which are far larger.
            .options(load_only(Statement.document, Statement.document_sha256)),
            Statement.customer_id,
        )
    )
    months = [describe_month(one.document, one.document_sha256) for one in statements]
    return inputs | {"months": months} if months else inputs
