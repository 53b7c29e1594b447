"""Issued months added up: the newest revisions alone, by month, kind, cause, site, customer."""

import datetime as dt
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from fractions import Fraction

import pytest
from click.testing import CliRunner
from sqlalchemy import event, select, text
from sqlalchemy.exc import DatabaseError

from dcim.accounts.scope import Scope
from dcim.cli import main
from dcim.commands import statements as commands
from dcim.config import Settings
from dcim.db import ScopedSession, SessionFactory, transaction
from dcim.errors import InvalidError
from dcim.statements.models import Statement
from dcim.statements.summaries import (
    SHOWN,
    last_months,
    list_years,
    read_span,
    summarise,
    summarise_year,
    year_of,
)
from dcim.statements.tally_models import StatementCause, StatementResult
from tests.integration.statements.test_past_periods import STANDARD, Office
from tests.integration.statements.town import SYSTEM

SPAN = read_span("2026-09", "2026-10")


@pytest.fixture
def office(session: ScopedSession, settings: Settings) -> Office:
    """September: one outage of 50 minutes; October: none at first, one of 100 in revision 2."""
    office = Office(session, settings)
    office.issue("2026-09", STANDARD, ((5, 50),))
    office.issue("2026-10", STANDARD, ())
    office.issue("2026-10", STANDARD, ((5, 100),), revision=2)
    return office


def test_months_count_the_newest_revision_once(office: Office, session: ScopedSession) -> None:
    found = summarise(session, SYSTEM, SPAN)
    statements = session.scalars(select(Statement).order_by(Statement.id)).all()
    september, old, october = statements
    assert [(line.period, line.statements, line.missed) for line in found.months] == [
        ("2026-09", 1, 1), ("2026-10", 1, 1),
    ]  # fmt: skip
    assert [line.credits for line in found.months] == [-september.credits, -october.credits]
    assert [line.total for line in found.months] == [september.total, october.total]
    assert old.credits == 0  # the control: its revision would say so
    (network,) = {line.kind for line in found.kinds}
    by_month = {line.period: line for line in found.kinds}
    assert network == "network"
    assert by_month["2026-09"].downtime_ms == 50 * 60_000
    assert by_month["2026-09"].availability == 1 - Fraction(50 * 60, 30 * 86400)
    assert sum(line.credit for line in found.by_cause) == sum(
        line.credits + line.caps for line in found.months
    )


def test_a_year_is_told_promise_by_promise(office: Office, session: ScopedSession) -> None:
    months, promises = summarise_year(session, SYSTEM, year_of(2026))
    (promise,) = promises
    assert promise.result == f"network.{office.contract.items[0].code}"
    assert (promise.months, promise.missed, promise.open) == (2, ("2026-09", "2026-10"), ())
    assert promise.downtime_ms == 150 * 60_000
    # 150 minutes of 61 days
    assert promise.availability is not None
    assert round(float(promise.availability) * 100, 6) == round(100 - 150 / (61 * 14.4), 6)
    assert promise.credit == sum((line.credits for line in months), Decimal(0))
    assert list_years(session, SYSTEM) == [2026]


def test_parts_of_a_month_that_changed_its_terms_are_one_promise(
    session: ScopedSession, settings: Settings
) -> None:
    office = Office(session, settings)
    office.issue("2026-10", STANDARD, ((5, 50),))
    row = session.scalars(select(StatementResult)).one()
    twin = {
        c.name: getattr(row, c.name) for c in StatementResult.__table__.columns if c.name != "id"
    }
    metric, item = row.result.split(".")
    session.add(StatementResult(**twin | {"result": f"{metric}@2026-10-15.{item}"}))
    session.flush()
    _months, promises = summarise_year(session, SYSTEM, year_of(2026))
    assert [(one.result, one.months) for one in promises] == [(row.result, 1)]


def test_a_promise_whose_terms_changed_within_the_year_is_told_in_order(
    session: ScopedSession, settings: Settings
) -> None:
    office = Office(session, settings)
    for period in ("2026-09", "2026-10"):
        office.issue(period, STANDARD, ((5, 50),))
    first = session.scalars(select(StatementResult).order_by(StatementResult.id)).first()
    assert first is not None
    metric, item = first.result.split(".")
    columns = [column.name for column in StatementResult.__table__.columns]
    twin = {name: getattr(first, name) for name in columns if name != "id"}
    again = {"result": f"{metric}@2026-09-15.{item}", "title_en": "As it was"}
    session.add(StatementResult(**twin | again))
    session.flush()
    _months, (promise,) = summarise_year(session, SYSTEM, year_of(2026))
    assert promise.missed == ("2026-09", "2026-10")
    # Named as in the last month, though its part of September is sorted behind it.
    assert promise.title_en == first.title_en


def test_terms_may_say_as_much_as_they_like(session: ScopedSession, settings: Settings) -> None:
    """A long title, which the terms language takes, keeps no month from being issued."""
    said = "Availability of the network, " * 40 + "and nothing else"
    office = Office(session, settings)
    terms = re.sub(r"(title: \{zh: [^,]+, en: )[^}]+\}", rf'\1"{said}"}}', STANDARD)
    office.issue("2026-10", terms, ((5, 50),))
    assert session.scalars(select(StatementResult.title_en)).one() == said


def test_a_customer_sees_its_own_alone(office: Office, session: ScopedSession) -> None:
    customer = office.contract.customer_id
    assert summarise(session, Scope.customer("own", customer), SPAN).months
    other = summarise(session, Scope.customer("other", customer + 1), SPAN)
    assert (other.months, other.kinds, other.by_cause, other.by_site) == ((), (), (), ())
    assert summarise_year(session, Scope.customer("other", customer + 1), year_of(2026)) == ((), ())
    assert list_years(session, Scope.customer("other", customer + 1)) == []


def test_the_number_of_queries_is_constant(office: Office, session: ScopedSession) -> None:
    def count() -> int:
        found = []

        def note(*arguments: object) -> None:
            found.append(arguments)

        engine = session.get_bind()
        event.listen(engine, "before_cursor_execute", note)
        try:
            summarise(session, SYSTEM, SPAN)
            summarise_year(session, SYSTEM, year_of(2026))
        finally:
            event.remove(engine, "before_cursor_execute", note)
        return len(found)

    first = count()
    for revision in range(3, 8):
        office.issue("2026-10", STANDARD, ((5, 100), (7, 90)), revision=revision)
    assert count() == first == 9


def test_beyond_so_many_the_rest_is_one_line(office: Office, session: ScopedSession) -> None:
    statement = session.scalars(select(Statement).where(Statement.period == "2026-09")).one()
    for number in range(SHOWN + 5):
        session.add(
            StatementCause(
                statement_id=statement.id, customer_id=statement.customer_id, kind="power",
                incident=f"INC-{number}", cause=f"原因 {number}", cause_en=f"Cause {number}",
                site="S2", credit=Decimal(number + 1),
            )
        )  # fmt: skip
    session.flush()
    found = summarise(session, SYSTEM, SPAN).by_cause
    assert len(found) == SHOWN + 1
    assert found[-1].rest > 1
    everything = session.scalars(select(StatementCause.credit).join(Statement).where(
        Statement.id != session.scalars(select(Statement.id).where(Statement.revision == 1,
        Statement.period == "2026-10")).one()
    )).all()  # fmt: skip
    assert sum(line.credit for line in found) == sum(everything)


def test_tallies_are_written_once(office: Office, session: ScopedSession) -> None:
    for table in ("statement_result", "statement_cause"):
        with pytest.raises(DatabaseError), session.begin_nested():
            session.execute(text(f"UPDATE {table} SET credit = 0"))  # noqa: S608


def test_spans_that_make_no_sense_are_refused() -> None:
    for first, last, why in (
        ("2026-13", "2026-12", "no month"),
        ("2026-10", "2026-09", "before the first"),
        ("2020-01", "2026-12", "At most 36"),
    ):
        with pytest.raises(InvalidError, match=why):
            read_span(first, last)
    assert last_months(dt.date(2026, 3, 2)) == read_span("2025-03", "2026-02")


def test_the_command_tells_the_same(
    sessions: SessionFactory, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction(sessions, SYSTEM) as session:
        Office(session, settings).issue("2026-10", STANDARD, ((5, 50),))

    @contextmanager
    def here(ctx: object, command: str) -> Iterator[tuple[None, ScopedSession, Scope]]:
        scope = Scope.system(command)
        with transaction(sessions, scope) as session:
            yield None, session, scope

    monkeypatch.setattr(commands, "session_of", here)
    span = ("--first", "2026-10", "--last", "2026-10")

    def call(*words: str) -> str:
        return CliRunner().invoke(main, ["statement", "summary", *span, *words]).output

    told = json.loads(call())
    assert told["months"][0]["missed"] == 1
    assert Decimal(told["months"][0]["credits"]) > 0
    assert json.loads(call("--customer", "C1"))["months"] == []
    assert "No customer has the code" in call("--customer", "NOBODY")
