"""The lines of a statement for accounting: JSON and CSV, never a stranger's."""

import csv
import io
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from dcim.customers.models import Contract
from dcim.db import ScopedSession
from dcim.statements.accounting import COLUMNS
from dcim.statements.composition import compose
from dcim.statements.models import Statement
from tests.integration.api.conftest import MakeClient
from tests.integration.web.boards import House
from tests.statements.test_usage_lines import CASES


@pytest.fixture
def issued(session: ScopedSession) -> tuple[dict[str, Any], int, tuple[int, int]]:
    """(document, statement, (its customer, another))."""
    house = House(session)
    mine, other = house.add_tenant("A"), house.add_tenant("B")
    contract = session.scalars(
        select(Contract).where(Contract.customer_id == mine.customer_id)
    ).one()
    document = compose(CASES["unknown"]).data
    row = Statement(
        customer_id=mine.customer_id,
        contract_id=contract.id,
        number="N-1",
        period="2026-10",
        currency="CNY",
        total=Decimal(document["totals"]["total"]),
        credits=Decimal(document["totals"]["credits"]),
        verdict="breached",
        document=document,
        document_sha256="0" * 64,
        inputs=b"",
        inputs_sha256="0" * 64,
    )
    session.add(row)
    session.commit()
    return document, row.id, (mine.customer_id, other.customer_id)


def test_csv_and_json_hold_the_same_lines_and_add_up(
    issued: tuple[dict[str, Any], int, tuple[int, int]], api: MakeClient
) -> None:
    document, number, _ = issued
    client = api()
    lines = client.get(f"/api/v1/statements/{number}/lines").get_json()["lines"]
    answer = client.get(f"/api/v1/statements/{number}/lines?format=csv")
    assert answer.mimetype == "text/csv"
    rows = list(csv.DictReader(io.StringIO(answer.get_data().decode("utf-8-sig"))))
    assert rows == lines
    assert tuple(rows[0]) == COLUMNS
    total = sum(Decimal(row["amount"]) for row in rows if row["amount"])
    assert total == Decimal(document["totals"]["total"])


def test_a_customer_reads_their_own_and_no_other(
    issued: tuple[dict[str, Any], int, tuple[int, int]], api: MakeClient
) -> None:
    _, number, (mine, other) = issued
    path = f"/api/v1/statements/{number}/lines"
    assert api("customer_viewer", customer_id=mine).get(path).status_code == 200
    assert api("customer_viewer", customer_id=other).get(path).status_code == 404
    assert api("noc").get(path).status_code == 403


def test_another_format_is_refused(
    issued: tuple[dict[str, Any], int, tuple[int, int]], api: MakeClient
) -> None:
    answer = api().get(f"/api/v1/statements/{issued[1]}/lines?format=xml")
    assert answer.status_code == 422
