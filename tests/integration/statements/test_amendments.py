"""An amendment leaves every month before it as it was: by the inputs, and by what was issued."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from dcim.accounts.scope import Scope
from dcim.config import Settings
from dcim.customers.amendments import Change, amend_contract
from dcim.customers.models import Contract, ContractItem
from dcim.customers.turning import turn_day
from dcim.db import ScopedSession, SessionFactory, transaction
from dcim.errors import ConflictError
from dcim.sla.observations import gather_inputs
from dcim.statements.differences import hash_json
from dcim.statements.issuing import freeze_statement
from dcim.statements.models import Statement
from dcim.statements.monthly_run import issue_month
from tests.integration.statements.town import PERIOD, SYSTEM, build_town

CLERK = Scope.staff("clerk@example.com")
# While October is the open month: an amendment from 1 November, which has begun since.
THEN = dt.datetime(2026, 10, 20, tzinfo=dt.UTC)
NOVEMBER = dt.date(2026, 11, 1)


def read_month(session: ScopedSession, contract: Contract, period: str) -> dict[str, Any]:
    return gather_inputs(session, SYSTEM, contract, period, document={}, operator={})


def raise_fee(session: ScopedSession, contract: Contract) -> ContractItem:
    (item,) = contract.items
    change = Change(item.id, monthly_fee=Decimal("3600.00"), contracted_w=1000)
    amend_contract(session, CLERK, contract, NOVEMBER, [change], now=THEN)
    turn_day(session, SYSTEM, dt.datetime(2026, 11, 2, tzinfo=dt.UTC))
    return item


def test_last_month_reads_last_months_price(session: ScopedSession) -> None:
    contract = session.get_one(Contract, build_town(session)[0])
    october = read_month(session, contract, PERIOD)
    before = hash_json(october)
    item = raise_fee(session, contract)
    # The control: the item's own row has the new fee, and it is not what October reads.
    assert item.monthly_fee == Decimal("3600.00")
    assert hash_json(read_month(session, contract, PERIOD)) == before
    assert read_month(session, contract, "2026-11")["items"][0]["mrc"] == "3600.00"
    assert october["items"][0]["mrc"] == "3000.00"


def test_an_item_without_versions_reads_its_row(session: ScopedSession) -> None:
    """As every row did before versions were written."""
    contract = session.get_one(Contract, build_town(session)[0])
    (item,) = contract.items
    assert item.versions == []
    item.monthly_fee = Decimal("1234.00")
    session.flush()
    assert read_month(session, contract, PERIOD)["items"][0]["mrc"] == "1234.00"


def test_what_was_issued_stays_and_a_draft_is_not_billed(
    sessions: SessionFactory, settings: Settings
) -> None:
    with transaction(sessions, SYSTEM) as session:
        contracts = build_town(session, 2)
        session.get_one(Contract, contracts[1]).state = "draft"
    (issued,) = issue_month(sessions, SYSTEM, settings, PERIOD).issued
    assert issued.customer == "客户1"
    with transaction(sessions, SYSTEM) as session:
        raise_fee(session, session.get_one(Contract, contracts[0]))
    with transaction(sessions, SYSTEM) as session:
        statement = session.scalars(select(Statement)).one()
        assert statement.total == issued.total
        again = read_month(session, session.get_one(Contract, contracts[0]), PERIOD)
        assert again["items"][0]["mrc"] == statement.document["items"][0]["mrc"] == "3000.00"
        with pytest.raises(ConflictError, match="is a draft"):
            freeze_statement(session, SYSTEM, settings, contracts[1], PERIOD)
        # One that has ended still gets its last month.
        session.get_one(Contract, contracts[1]).state = "ended"
        _, new = freeze_statement(session, SYSTEM, settings, contracts[1], PERIOD)
        assert new
