"""The month that still runs, judged by the same rules as a statement: provisional, never booked."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from zoneinfo import ZoneInfo

from sqlalchemy import select

from dcim.accounts.scope import Scope
from dcim.customers.models import Contract
from dcim.db import ScopedSession
from dcim.errors import NotFoundError
from dcim.sla.observations import gather_inputs
from dcim.sla.rules.periods import to_ms
from dcim.statements.error_budgets import MonthToDate, evaluate_to_date
from dcim.statements.history import add_history

# The newest poll may be on its way: judged only up to so long ago.
LAG_MS = 120_000


def tell_month(
    session: ScopedSession, scope: Scope, contract_id: int, now: dt.datetime
) -> MonthToDate:
    """The running month of a contract. Seconds of work: keep the answer for a while.

    Raises NotFoundError for a contract out of reach, InvalidError when it has no terms.
    """
    contract = session.scalar(
        scope.apply(select(Contract).where(Contract.id == contract_id), Contract.customer_id)
    )
    if contract is None:
        raise NotFoundError("No such contract.")
    period = f"{now.astimezone(ZoneInfo(contract.timezone)):%Y-%m}"
    with _see_meters(session, scope):
        inputs = gather_inputs(
            session, scope, contract, period, document={"frozen_at": None}, operator={}, usage=False
        )
        inputs = add_history(session, scope, contract, inputs)
    return evaluate_to_date(inputs, to_ms(now) - LAG_MS)


@contextmanager
def _see_meters(session: ScopedSession, scope: Scope) -> Iterator[None]:
    """Row security shows a customer no device of the operator's, and so no meter by its name.

    Inside, the session sees them; what is asked for stays within the caller's scope, and nothing
    of a device leaves but the states and values of the customer's own resources.
    """
    session.use_scope(Scope.system("month-to-date"))
    try:
        yield
    finally:
        session.use_scope(scope)
