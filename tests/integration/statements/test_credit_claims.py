"""Claims of credits: made in time or late, decided, kept, and what a statement makes of them."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from dcim.accounts.models import AuditEntry
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.config import Settings
from dcim.customers.models import ContractTerms
from dcim.db import ScopedSession, SessionFactory, transaction
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from dcim.sla.rules.evaluation import MetricResult
from dcim.sla.rules.language.loading import load_terms
from dcim.statements.composition import evaluate_inputs
from dcim.statements.credit_claims import (
    OPERATOR,
    ClaimFilter,
    NewClaim,
    decide_claim,
    find_claim,
    list_claims,
    make_claim,
)
from dcim.statements.inputs import InputsRefusedError
from dcim.statements.issuing import freeze_statement
from dcim.statements.month_to_date import tell_month
from tests.integration.statements.test_past_periods import OCTOBER, STANDARD, Office, words
from tests.integration.statements.town import SYSTEM

CLERK = Scope.staff("clerk@example.com")
CLAIMED = words("\nsettle: {when: on_claim, claim: {within: 10 d, from: period_end}}\n")
# October ends in Shanghai: ten days later is the deadline.
END = dt.datetime(2026, 10, 31, 16, tzinfo=dt.UTC)
IN_TIME = END + dt.timedelta(days=10)
TOO_LATE = IN_TIME + dt.timedelta(milliseconds=1)


class Desk(Office):
    """The office, its contract agreed by terms that give credits on claim."""

    def __init__(self, session: ScopedSession, settings: Settings) -> None:
        super().__init__(session, settings)
        self.agree(CLAIMED)
        self.own = Scope.customer("c3@example.com", self.contract.customer_id)
        (self.item,) = self.contract.items
        self.result = f"network.{self.item.code}"

    def agree(self, document: str) -> None:
        (agreed,) = self.session.query(ContractTerms).filter_by(contract_id=self.contract.id)
        agreed.document, agreed.sha256 = document, load_terms(document).sha256
        self.session.flush()

    def wish(self, made_at: dt.datetime | None = None, **given: Any) -> NewClaim:
        return NewClaim(self.contract.id, **({"period": "2026-10", "made_at": made_at} | given))

    def outcome(self) -> MetricResult:
        """50 minutes of October down: 10 % of 3000.00, if it is claimed."""
        (result,) = evaluate_inputs(self.gather("2026-10", CLAIMED, OCTOBER)).results
        return result


@pytest.fixture
def desk(session: ScopedSession, settings: Settings) -> Desk:
    return Desk(session, settings)


def settled(result: MetricResult) -> tuple[str, Decimal]:
    assert result.settlement is not None
    return result.settlement.state, result.credit.amount


def test_a_claim_in_time_gives_the_credit(desk: Desk, session: ScopedSession) -> None:
    assert settled(desk.outcome()) == ("not_claimed", Decimal("0.00"))
    make_claim(session, CLERK, desk.wish(TOO_LATE))
    assert settled(desk.outcome()) == ("late", Decimal("0.00"))
    # To the millisecond: the last one of the deadline.
    make_claim(session, CLERK, desk.wish(IN_TIME))
    assert settled(desk.outcome()) == ("given", Decimal("300.00"))


def test_a_claim_for_another_result_gives_nothing(desk: Desk, session: ScopedSession) -> None:
    other = words("\nsettle: {when: on_claim, claim: {within: 10 d, from: period_end}}\n").replace(
        "  network:\n", "  second:\n", 1
    )
    two = CLAIMED.replace(
        "  network:\n", other[other.index("  second:\n") : other.index("  temperature:\n")]
        + "  network:\n", 1,
    )  # fmt: skip
    desk.agree(two)
    make_claim(session, CLERK, desk.wish(IN_TIME, results=(f"second.{desk.item.code}",)))
    results = evaluate_inputs(desk.gather("2026-10", two, OCTOBER)).results
    assert {one.metric.id: settled(one)[0] for one in results} == {
        "second": "given",
        "network": "not_claimed",
    }


def test_a_refused_claim_does_not_count(desk: Desk, session: ScopedSession) -> None:
    claim = make_claim(session, CLERK, desk.wish(IN_TIME))
    decide_claim(session, CLERK, claim.id, "refused", "资料不全")
    refused = desk.outcome()
    assert settled(refused) == ("refused", Decimal("0.00"))
    assert refused.notes[-1] == {
        "zh": "2026-11-11 00:00 的申请未获接受：资料不全",
        "en": "the claim of 2026-11-11 00:00 was refused: 资料不全",
    }
    # Decided otherwise: it counts from when it was made, not from when it was decided.
    decide_claim(session, CLERK, claim.id, "accepted", "已补齐资料")
    assert settled(desk.outcome()) == ("given", Decimal("300.00"))
    row = find_claim(session, CLERK, claim.id)
    assert (row.state, row.reason, row.decided_by, row.entered_by) == (
        "accepted", "已补齐资料", "clerk@example.com", "clerk@example.com",
    )  # fmt: skip
    # The customer reads what was decided, not which person of the operator did it.
    row = find_claim(session, desk.own, claim.id)
    assert (row.state, row.decided_by, row.entered_by) == ("accepted", OPERATOR, OPERATOR)
    own = make_claim(session, desk.own, desk.wish())
    row = find_claim(session, desk.own, own.id)
    assert (row.decided_by, row.entered_by) == ("", desk.own.actor)
    deeds = session.scalars(
        select(AuditEntry)
        .where(AuditEntry.subject == f"credit-claim/{claim.id}")
        .order_by(AuditEntry.id)
    ).all()
    assert [deed.action for deed in deeds] == [
        "credit-claim.make", "credit-claim.decide", "credit-claim.decide",
    ]  # fmt: skip
    assert deeds[1].detail["reason"] == "资料不全"


def test_a_customer_claims_for_itself_now(desk: Desk, session: ScopedSession) -> None:
    before = utc_now()
    claim = make_claim(session, desk.own, desk.wish(results=(desk.result,), text="断网 50 分钟"))
    assert before <= claim.made_at <= utc_now()
    assert claim.customer_id == desk.contract.customer_id
    with pytest.raises(ForbiddenError, match="Only staff"):
        make_claim(session, desk.own, desk.wish(IN_TIME))
    with pytest.raises(ForbiddenError):
        decide_claim(session, desk.own, claim.id, "accepted", "因为")
    other = Scope.customer("other@example.com", desk.contract.customer_id - 1)
    assert list_claims(session, desk.own).total == 1
    assert list_claims(session, other).total == 0
    with pytest.raises(NotFoundError):
        find_claim(session, other, claim.id)
    with pytest.raises(NotFoundError):
        make_claim(session, other, desk.wish())


def test_what_is_wrong_with_a_claim_is_told(desk: Desk, session: ScopedSession) -> None:
    with pytest.raises(InvalidError, match=r"no power\.A05 to claim for; there are network"):
        make_claim(session, CLERK, desk.wish(IN_TIME, results=("power.A05",)))
    for at in (dt.datetime(2026, 9, 30, 15, 59, tzinfo=dt.UTC), utc_now() + dt.timedelta(hours=1)):
        with pytest.raises(InvalidError, match="not in the future"):
            make_claim(session, CLERK, desk.wish(at))
    with pytest.raises(InvalidError, match="is no month"):
        make_claim(session, CLERK, desk.wish(period="2026-13"))
    claim = make_claim(session, CLERK, desk.wish(IN_TIME))
    with pytest.raises(InvalidError, match="Say why"):
        decide_claim(session, CLERK, claim.id, "refused", " ")
    with pytest.raises(InvalidError, match="accepted or refused"):
        decide_claim(session, CLERK, claim.id, "open", "x")
    desk.agree(STANDARD)
    with pytest.raises(InvalidError, match="without a claim"):
        make_claim(session, CLERK, desk.wish(IN_TIME))
    desk.contract.state = "draft"
    with pytest.raises(ConflictError, match="is a draft"):
        make_claim(session, CLERK, desk.wish(IN_TIME))
    open_ones = list_claims(session, CLERK, ClaimFilter(state="open", period="2026-10"))
    assert [one.id for one in open_ones.items] == [claim.id]


def test_inputs_carry_claims_where_the_terms_ask_and_else_not(
    desk: Desk, session: ScopedSession, settings: Settings
) -> None:
    assert desk.gather("2026-10", CLAIMED, OCTOBER)["claims"] == []
    assert "claims" not in desk.gather("2026-10", STANDARD, OCTOBER)
    claim = make_claim(session, CLERK, desk.wish(IN_TIME, results=(desk.result,)))
    make_claim(session, CLERK, desk.wish(IN_TIME, period="2026-09"))
    assert desk.gather("2026-10", CLAIMED, OCTOBER)["claims"] == [
        {"id": str(claim.id), "made_at": "2026-11-10T16:00:00Z", "results": [desk.result]}
    ]
    # Whoever judges a month hands them on: issuing, and the month that runs.
    statement, _ = freeze_statement(session, SYSTEM, settings, desk.contract.id, "2026-10")
    assert statement.document["period"]["label"] == "2026-10"
    assert tell_month(session, desk.own, desk.contract.id, utc_now()).lines


def test_without_the_claims_nothing_is_judged_not_claimed(desk: Desk) -> None:
    inputs = desk.gather("2026-10", CLAIMED, OCTOBER)
    del inputs["claims"]
    with pytest.raises(InputsRefusedError, match="settle on claim"):
        evaluate_inputs(inputs)


def test_the_database_keeps_a_claim_as_it_was_made(
    sessions: SessionFactory, settings: Settings
) -> None:
    with transaction(sessions, SYSTEM) as session:
        desk = Desk(session, settings)
        claim = make_claim(session, CLERK, desk.wish(IN_TIME)).id
    for deed in (
        "UPDATE credit_claim SET made_at = made_at - interval '1 day'",
        "UPDATE credit_claim SET results = '[\"x\"]'",
        "UPDATE credit_claim SET state = 'refused'",
        "DELETE FROM credit_claim",
    ):
        with pytest.raises((IntegrityError, DBAPIError)), transaction(sessions, SYSTEM) as session:
            session.execute(text(deed))
    # The control: a decision, whole, goes through.
    with transaction(sessions, SYSTEM) as session:
        decide_claim(session, CLERK, claim, "refused", "逾期")
