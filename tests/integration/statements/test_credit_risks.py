"""Rounds of credits at risk: each contract judged and kept; one that fails stops no other."""

import datetime as dt
import time
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from dcim import due, jobs
from dcim.accounts.scope import Scope
from dcim.customers.models import Contract, ContractItem, ContractTerms, Customer
from dcim.db import ScopedSession, SessionFactory, transaction
from dcim.inventory.models import Allocation, Cabinet, Rack, Room, Row, Site
from dcim.sla.observations import gather_inputs, open_meters
from dcim.sla.rules.futures import DAY_MS
from dcim.statements import risk_rounds
from dcim.statements.credit_risk import judge_month
from dcim.statements.error_budgets import MonthToDate, open_case
from dcim.statements.issuing import freeze_statement
from dcim.statements.month_to_date import LAG_MS, tell_month
from dcim.statements.reviews import list_reviews
from dcim.statements.risk_models import CreditRisk
from dcim.statements.risk_queries import (
    RiskFilter,
    list_risks,
    read_lines,
    read_rounds,
    sum_risks,
    sum_risks_by_site,
)
from dcim.statements.risk_rounds import measure_risks, plan_round
from tests.integration.statements.town import PERIOD, SYSTEM, build_town, moment

# Ten days into the month; the third customer's port has been down for half an hour.
NOON = 10 * 1440
DOWN = range(NOON - 30, NOON + 30)
NOW = moment(NOON) + dt.timedelta(milliseconds=LAG_MS)


@pytest.fixture
def contracts(sessions: SessionFactory) -> list[int]:
    with transaction(sessions, SYSTEM) as session:
        return build_town(session, down=DOWN, silent=range(NOON - 2000, NOON - 1920))


def rows(sessions: SessionFactory, **wanted: Any) -> list[Any]:
    with transaction(sessions, SYSTEM) as session:
        return list_risks(session, SYSTEM, RiskFilter(**wanted)).items


def test_each_contract_has_its_row_and_what_is_open_comes_first(
    sessions: SessionFactory, contracts: list[int]
) -> None:
    report = measure_risks(sessions, contracts, NOW)
    # September, closed and unissued, was judged too; nothing was measured of it.
    assert (report.failed, report.left) == (0, 0)
    found = [row for row in rows(sessions) if row.period == PERIOD]
    assert {row.contract_id for row in found} == set(contracts)
    first = found[0]
    assert first.contract_id == contracts[2]
    assert first.open_since == moment(NOON - 30)
    assert first.as_of == moment(NOON)
    assert first.owed == 0
    # 99.9 % of 31 days leave 44.64 minutes; each outage counts in whole minutes.
    assert first.step_s is not None
    assert 14 * 60 <= first.step_s <= 15 * 60
    assert first.step_amount == Decimal("300.00")
    assert first.step_at == moment(NOON) + dt.timedelta(seconds=first.step_s)
    # Three weeks to go: less than 95 % of the month.
    assert first.if_open == first.at_risk == Decimal("3000.00")
    assert first.at_rate == Decimal("300.00")
    assert (first.owed_least, first.owed_most) == (0, Decimal("300.00"))
    assert all(row.open_since is None and row.if_open is None for row in found[1:])


def test_the_row_agrees_with_the_month_the_customer_sees(
    sessions: SessionFactory, contracts: list[int]
) -> None:
    measure_risks(sessions, contracts, NOW)
    with sessions() as session:
        session.use_scope(SYSTEM)
        told: MonthToDate = tell_month(session, SYSTEM, contracts[2], NOW)
        [row] = [r for r in rows(sessions, contract_id=contracts[2]) if r.period == PERIOD]
        [line] = read_lines(session, SYSTEM, row.id)
    assert [line.id] == [one.id for one in told.lines]
    [promise] = told.lines
    assert (line.used_s * 1000, line.used_most_s * 1000) == (promise.used_ms, promise.used_max_ms)
    assert promise.allowed_ms is not None
    assert line.allowed_s == promise.allowed_ms / 1000
    assert line.state == promise.state
    assert promise.used_ms == 30 * 60_000


def test_each_month_is_measured_once_and_what_they_share_once_for_all(
    sessions: SessionFactory, contracts: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    gathered: list[tuple[int, str]] = []
    opened: list[int] = []

    def noted(session: Any, scope: Any, contract: Any, period: str, **more: Any) -> Any:
        gathered.append((contract.id, period))
        return gather_inputs(session, scope, contract, period, **more)

    def opening(session: Any, period: Any, **more: Any) -> Any:
        opened.append(period.start)
        return open_meters(session, period, **more)

    monkeypatch.setattr(risk_rounds, "gather_inputs", noted)
    monkeypatch.setattr(risk_rounds, "open_meters", opening)
    measure_risks(sessions, contracts, NOW)
    assert sorted(gathered) == [(one, month) for one in contracts for month in ("2026-09", PERIOD)]
    assert len(opened) == 2


def test_without_usage_the_credits_are_the_same(
    sessions: SessionFactory, contracts: list[int]
) -> None:
    with transaction(sessions, SYSTEM) as session:
        contract = session.get_one(Contract, contracts[2])
        judged = []
        for usage in (True, False):
            inputs = gather_inputs(
                session, SYSTEM, contract, PERIOD, document={"frozen_at": None}, operator={},
                usage=usage,
            )  # fmt: skip
            assert bool(inputs["bandwidth"]) == bool(inputs["series"]) == usage
            case = open_case(inputs)
            judged.append(judge_month(case, case.period.end - DAY_MS))
    assert judged[0] == judged[1]
    assert judged[0].told.owed.likely


def test_a_contract_that_fails_says_why_and_stops_no_other(
    sessions: SessionFactory, contracts: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    measure_risks(sessions, contracts, NOW)
    judge = risk_rounds._judge

    def fail(*arguments: Any) -> Any:
        if arguments[2].id == contracts[0]:
            raise RuntimeError("no such luck")
        return judge(*arguments)

    monkeypatch.setattr(risk_rounds, "_judge", fail)
    later = NOW + dt.timedelta(minutes=15)
    report = measure_risks(sessions, contracts, later)
    assert report.failed == 1
    by_contract = {row.contract_id: row for row in rows(sessions) if row.period == PERIOD}
    failed, well = by_contract[contracts[0]], by_contract[contracts[1]]
    assert failed.problem == "RuntimeError"
    assert failed.as_of == moment(NOON)  # the figures are the older ones, and say so
    assert failed.tried_at == well.tried_at == later
    assert well.problem == ""
    assert well.as_of == moment(NOON + 15)
    with transaction(sessions, SYSTEM) as session:
        state = read_rounds(session, SYSTEM, later)
        assert (state.failed, state.stale) == (1, 0)
        assert read_rounds(session, SYSTEM, later + dt.timedelta(minutes=31)).stale == 3
    monkeypatch.undo()
    measure_risks(sessions, contracts, later + dt.timedelta(minutes=15))
    assert not any(row.problem for row in rows(sessions))


def test_terms_that_cannot_be_read_are_said_as_such(
    sessions: SessionFactory, contracts: list[int]
) -> None:
    with transaction(sessions, SYSTEM) as session:
        session.execute(
            update(ContractTerms)
            .where(ContractTerms.contract_id == contracts[0])
            .values(document="terms: [")
        )
    measure_risks(sessions, contracts, NOW)
    broken = [row for row in rows(sessions) if row.contract_id == contracts[0]]
    assert broken
    assert all(row.problem and row.as_of is None for row in broken)
    assert all(not row.problem for row in rows(sessions) if row.contract_id != contracts[0])


def test_out_of_time_the_rest_is_first_in_the_next_round(
    sessions: SessionFactory, contracts: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []
    elapsed = [0.0]
    measure = risk_rounds.measure_contract

    def noted(sessions: SessionFactory, scope: Scope, contract_id: int, *rest: Any) -> None:
        tried.append(contract_id)
        measure(sessions, scope, contract_id, *rest)
        elapsed[0] += 40

    monkeypatch.setattr(risk_rounds, "measure_contract", noted)
    monkeypatch.setattr(time, "monotonic", lambda: elapsed[0])
    report = measure_risks(sessions, contracts, NOW, budget_s=50)
    assert tried == contracts[:2]
    assert report.left == 1
    tried.clear()
    elapsed[0] = 0
    measure_risks(sessions, contracts, NOW + dt.timedelta(minutes=15), budget_s=1000)
    assert tried == [contracts[2], *contracts[:2]]


def test_a_closed_month_waits_until_it_is_issued(
    sessions: SessionFactory, contracts: list[int], settings: Any
) -> None:
    after = dt.datetime(2026, 11, 1, 1, tzinfo=dt.UTC)
    measure_risks(sessions, contracts, after)
    third = rows(sessions, contract_id=contracts[2])
    assert {(row.period, row.is_closed) for row in third} == {
        ("2026-11", False), (PERIOD, True),
    }  # fmt: skip
    [closed] = [row for row in third if row.is_closed]
    assert closed.at_rate is None
    assert closed.step_s is None
    with transaction(sessions, SYSTEM) as session:
        statement, _ = freeze_statement(session, SYSTEM, settings, contracts[2], PERIOD)
        assert -statement.credits == closed.owed == Decimal("300.00")
    measure_risks(sessions, contracts, after + dt.timedelta(minutes=15))
    assert [row.period for row in rows(sessions, contract_id=contracts[2])] == ["2026-11"]


def test_a_closed_month_is_judged_again_only_after_hours(
    sessions: SessionFactory, contracts: list[int]
) -> None:
    after = dt.datetime(2026, 11, 1, 1, tzinfo=dt.UTC)
    assert measure_risks(sessions, contracts, after).judged == 6
    assert measure_risks(sessions, contracts, after + dt.timedelta(minutes=15)).judged == 3
    assert measure_risks(sessions, contracts, after + risk_rounds.CLOSED_AGAIN).judged == 6


def test_reviews_name_the_gap_its_device_and_its_worth(
    sessions: SessionFactory, contracts: list[int]
) -> None:
    measure_risks(sessions, contracts, NOW)
    with transaction(sessions, SYSTEM) as session:
        found = list_reviews(session, SYSTEM, NOW, contract_id=contracts[2])
    [row] = [one for one in found if one.period == PERIOD]
    assert (row.state, row.statement_id) == ("running", None)
    assert (row.least, row.most) == (Decimal(0), Decimal(300))
    [gap] = row.gaps
    assert abs(gap.starts_at - moment(NOON - 2000)) <= dt.timedelta(seconds=90)
    # Nothing polls this town's switch.
    assert [(one.device, one.reason) for one in gap.causes] == [("sw-1", "unpolled")]


def test_issued_reviews_are_listed_too(
    sessions: SessionFactory, contracts: list[int], settings: Any
) -> None:
    """The first customer has no port in the second half of October, and nobody measured it."""
    measure_risks(sessions, contracts, dt.datetime(2026, 11, 1, 1, tzinfo=dt.UTC))
    with transaction(sessions, SYSTEM) as session:
        for contract_id in contracts:
            freeze_statement(session, SYSTEM, settings, contract_id, PERIOD)
        after = dt.datetime(2026, 11, 2, tzinfo=dt.UTC)
        found = [one for one in list_reviews(session, SYSTEM, after) if one.period == PERIOD]
        assert {row.state for row in found} == {"issued"}
        assert all(row.statement_id for row in found)
        assert {row.result for row in found} <= {"needs_review", "unpriced"}
        assert found[0].notes
        # What a round still says of such a month isn't told a second time.
        twice = [(one.contract_id, one.period, one.id) for one in found]
        assert len(twice) == len(set(twice))


def test_currencies_are_never_added(sessions: SessionFactory, contracts: list[int]) -> None:
    measure_risks(sessions, contracts, NOW)
    with transaction(sessions, SYSTEM) as session:
        session.execute(
            update(CreditRisk).where(CreditRisk.contract_id == contracts[2]).values(currency="USD")
        )
        totals = {one.currency: one for one in sum_risks(session, SYSTEM, RiskFilter())}
    assert totals["USD"].at_risk >= Decimal("3000.00")
    assert totals["USD"].open == 1
    assert totals["CNY"].open == 0


def add_rack(session: ScopedSession, code: str) -> Rack:
    """The only rack of a site of its own."""
    site = Site(code=code, name=code, name_en=code, timezone="Asia/Shanghai")
    room = Room(site=site, code="R", name="R", name_en="R")
    cabinet = Cabinet(row=Row(room=room, code="A", position=1), code=f"{code}-01", position=1)
    rack = Rack(cabinet=cabinet, code=f"{code}-01", u_count=42)
    session.add(rack)
    session.flush()
    return rack


def sites_of(sessions: SessionFactory, contract_id: int) -> set[int | None]:
    """Where the board counts this contract's running month."""
    with transaction(sessions, SYSTEM) as session:
        session.execute(delete(CreditRisk).where(CreditRisk.contract_id != contract_id))
        found = {one.site_id for one in sum_risks_by_site(session, SYSTEM, NOW)}
        session.rollback()
        return found


def test_filters_by_manager_and_site(sessions: SessionFactory, contracts: list[int]) -> None:
    measure_risks(sessions, contracts, NOW)
    with transaction(sessions, SYSTEM) as session:
        session.execute(
            update(Customer).where(Customer.code == "C3").values(account_manager="李四")
        )
    assert {row.contract_id for row in rows(sessions, account_manager="李四")} == {contracts[2]}
    with transaction(sessions, SYSTEM) as session:
        here, there = (add_rack(session, code).cabinet.row.room.site_id for code in "AB")
        rack = session.query(Rack).filter_by(code="A-01").one()
        item = session.query(ContractItem).filter_by(contract_id=contracts[1]).one()
        session.add(
            Allocation(
                rack_id=rack.id, customer_id=item.customer_id, contract_item_id=item.id,
                u_low=0, height=84, starts_on=item.starts_on,
            )
        )  # fmt: skip
    assert {row.contract_id for row in rows(sessions, site_id=here)} == {contracts[1]}
    assert rows(sessions, site_id=there) == []
    assert sites_of(sessions, contracts[1]) == {here}
    # The months that it is over before, or begins after, are elsewhere's.
    month = dt.date.fromisoformat(f"{PERIOD}-01")
    for starts_on, ends_on, is_there in (
        (dt.date(2020, 1, 1), month, False),
        (dt.date(2020, 1, 1), month + dt.timedelta(days=1), True),
        (month + dt.timedelta(days=30), None, True),
        (month + dt.timedelta(days=31), None, False),
    ):
        with transaction(sessions, SYSTEM) as session:
            session.execute(update(Allocation).values(starts_on=starts_on, ends_on=ends_on))
        periods = {row.period for row in rows(sessions, site_id=here)}
        assert (PERIOD in periods) is is_there, (starts_on, ends_on)
        assert sites_of(sessions, contracts[1]) == ({here} if is_there else {None})
    assert {row.contract_id for row in rows(sessions, open_only=True)} == {contracts[2]}


def test_a_customer_reads_its_own_alone(sessions: SessionFactory, contracts: list[int]) -> None:
    measure_risks(sessions, contracts, NOW)
    with transaction(sessions, SYSTEM) as session:
        mine = session.get_one(Contract, contracts[0]).customer_id
    own = Scope.customer("them", mine)
    with transaction(sessions, own) as session:
        assert set(session.scalars(select(CreditRisk.customer_id))) == {mine}
        assert {row.customer_id for row in list_risks(session, own).items} == {mine}


def test_rounds_are_planned_in_shards_that_stay(
    sessions: SessionFactory, contracts: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    measure_risks(sessions, contracts, NOW)
    monkeypatch.setattr(risk_rounds, "SHARD", 2)
    with transaction(sessions, SYSTEM) as session:
        shards = plan_round(session, NOW)
        assert sorted(one for shard in shards for one in shard) == sorted(contracts)
        assert len(shards) == len({one // 2 for one in contracts})
        # A draft binds nobody; what was said of it is forgotten.
        session.execute(update(Contract).where(Contract.id == contracts[0]).values(state="draft"))
        assert [one for shard in plan_round(session, NOW) for one in shard] == contracts[1:]
        assert not session.scalars(
            select(CreditRisk.id).where(CreditRisk.contract_id == contracts[0])
        ).all()
        session.execute(delete(ContractTerms).where(ContractTerms.contract_id == contracts[1]))
        assert [one for shard in plan_round(session, NOW) for one in shard] == contracts[2:]


def test_the_clock_queues_a_job_for_each_shard_once(
    sessions: SessionFactory, contracts: list[int]
) -> None:
    with transaction(sessions, SYSTEM) as session:
        assert due.defer_risks(session, NOW) == 1
        assert due.defer_risks(session, NOW) == 0
    assert "measure_risks" in jobs.make_app("postgresql://x/y").tasks
