"""Time nobody measured, decided by two people: what counts, who may, and what a statement tells."""

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from argon2 import PasswordHasher
from click.testing import CliRunner
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from dcim.accounts.models import AuditEntry
from dcim.accounts.people import create_person, ensure_roles
from dcim.accounts.scope import Scope
from dcim.cli import main
from dcim.config import Settings
from dcim.customers.models import Contract
from dcim.db import ScopedSession, SessionFactory, transaction
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from dcim.sla.decision_models import ReviewDecision
from dcim.sla.observations import gather_inputs
from dcim.sla.rules.results import MetricResult
from dcim.statements import risk_rounds
from dcim.statements.attachments import read_inputs
from dcim.statements.composition import compose, evaluate_inputs
from dcim.statements.files import read_file, unpack_inputs
from dcim.statements.inputs import InputsRefusedError
from dcim.statements.issuing import (
    describe_document,
    describe_operator,
    freeze_statement,
    issue_statement,
)
from dcim.statements.models import Statement
from dcim.statements.review_decisions import (
    NewDecision,
    ReviewDecisionFilter,
    decide_proposal,
    find_decision,
    list_decisions,
    propose_decision,
    withdraw_proposal,
)
from dcim.statements.reviews import list_reviews
from dcim.statements.risk_rounds import measure_risks
from reports.unpacking import embedded_files
from tests.integration.statements.town import PERIOD, SYSTEM, build_town
from tests.statements.test_composition import SCHEMA

NOON = 10 * 1440
# 99.9 % of 31 days leave 44 minutes: 30 are met, the 80 that nobody measured decide.
DOWN, SILENT = range(NOON, NOON + 30), range(NOON + 2000, NOON + 2080)
RESULT = "network.HT-3-01"
AFTER = dt.datetime(2026, 11, 1, 1, tzinfo=dt.UTC)


class DecisionDesk:
    """October of the third customer is left open; `ann` and `bob` are staff, `own` is it."""

    def __init__(self, session: ScopedSession, settings: Settings) -> None:
        self.session, self.settings = session, settings
        self.contracts = build_town(session, down=DOWN, silent=SILENT)
        self.contract = session.get_one(Contract, self.contracts[2])
        self.own = Scope.customer("c3@example.com", self.contract.customer_id)
        self.other = Scope.customer("c2@example.com", self.contract.customer_id - 1)
        ensure_roles(session)
        self.ann, self.bob = (self.person(name) for name in ("ann", "bob"))

    def person(self, name: str) -> Scope:
        email = f"{name}@example.com"
        create_person(
            self.session, SYSTEM, email=email, name=name, role="administrator",
            hash_password=PasswordHasher(time_cost=1, memory_cost=8, parallelism=1),
        )  # fmt: skip
        return Scope.staff(email)

    def propose(self, treat_unknown: str = "up", **given: Any) -> ReviewDecision:
        wanted: dict[str, Any] = {
            "contract_id": self.contract.id, "period": PERIOD, "result": RESULT,
            "reason": "上联口全程正常",
        }  # fmt: skip
        wanted |= given
        now = wanted.pop("now", None)
        return propose_decision(
            self.session, self.ann, NewDecision(treat_unknown=treat_unknown, **wanted), now
        )

    def decide(self, treat_unknown: str, **given: Any) -> ReviewDecision:
        row = self.propose(treat_unknown, **given)
        return decide_proposal(self.session, self.bob, row.id, "accepted", "与上游日志相符")

    def inputs(self) -> dict[str, Any]:
        return gather_inputs(
            self.session, SYSTEM, self.contract, PERIOD,
            document=describe_document(self.settings, self.contract, PERIOD, "SLA-1"),
            operator=describe_operator(self.settings),
        )  # fmt: skip

    def judge(self) -> MetricResult:
        (result,) = evaluate_inputs(self.inputs()).results
        return result


@pytest.fixture
def desk(session: ScopedSession, settings: Settings) -> DecisionDesk:
    return DecisionDesk(session, settings)


def verdict(desk: DecisionDesk) -> tuple[str, str]:
    judged = desk.judge()
    return judged.result, str(judged.credit.amount)


def test_what_was_accepted_counts_and_nothing_else_does(desk: DecisionDesk) -> None:
    before = desk.inputs()
    assert before["decisions"] == []
    assert verdict(desk) == ("needs_review", "0.00")
    proposed = desk.propose("down")
    # A proposal changes nothing, not one byte of the inputs.
    assert {**desk.inputs(), "document": 0} == {**before, "document": 0}
    decide_proposal(desk.session, desk.bob, proposed.id, "refused", "无依据")
    assert {**desk.inputs(), "document": 0} == {**before, "document": 0}
    desk.decide("down", evidence="工单 4711")
    assert verdict(desk) == ("breached", "300.00")
    (told,) = desk.inputs()["decisions"]
    assert (told["metric"], told["treat_unknown"]) == (RESULT, "down")
    assert (told["decided_by"], told["approved_by"]) == ("ann@example.com", "bob@example.com")
    assert told["reason"] == {"zh": "上联口全程正常", "en": "上联口全程正常"}
    assert (told["approval"], told["evidence"]) == ("与上游日志相符", "工单 4711")
    assert told["proposed_at"] <= told["decided_at"]
    # What was measured stays as it was.
    assert desk.inputs()["resources"] == before["resources"]
    # The last accepted one counts.
    desk.decide("up")
    assert verdict(desk) == ("met", "0.00")
    desk.decide("left_out")
    assert verdict(desk) == ("met", "0.00")
    (told,) = desk.inputs()["decisions"]
    assert told["treat_unknown"] == "left_out"
    deeds = desk.session.scalars(
        select(AuditEntry.action)
        .where(AuditEntry.action.startswith("review_decision"))
        .order_by(AuditEntry.id)
    ).all()
    assert deeds[:4] == [
        "review_decision.propose", "review_decision.refused",
        "review_decision.propose", "review_decision.accepted",
    ]  # fmt: skip


def test_nobody_decides_alone(desk: DecisionDesk) -> None:
    proposed = desk.propose()
    for state in ("accepted", "refused"):
        with pytest.raises(ForbiddenError, match="someone else decides"):
            decide_proposal(desk.session, desk.ann, proposed.id, state, "我说的")
    with pytest.raises(ForbiddenError, match="Only whoever proposed"):
        withdraw_proposal(desk.session, desk.bob, proposed.id, "算了")
    for scope in (SYSTEM, desk.own, Scope.staff("nobody@example.com")):
        with pytest.raises(ForbiddenError, match="person of staff"):
            decide_proposal(desk.session, scope, proposed.id, "accepted", "好")
    assert proposed.state == "open"
    withdraw_proposal(desk.session, desk.ann, proposed.id, "看错了")
    assert desk.judge().result == "needs_review"


def test_the_database_refuses_one_person_alone(desk: DecisionDesk) -> None:
    """The service taken away: the constraint holds, and it is that which refuses."""
    proposed = desk.propose()
    alone = (
        "UPDATE review_decision SET state = 'accepted', decision = 'x', decided_at = proposed_at,"
        " decided_by = 'x', decider_id = proposer_id"
    )
    with pytest.raises(IntegrityError, match="four_eyes"), desk.session.begin_nested():
        desk.session.execute(text(alone))
    two = alone.replace("= proposer_id", "= (SELECT id FROM app_user WHERE email LIKE 'bob@%')")
    desk.session.execute(text(two))
    desk.session.refresh(proposed)
    assert proposed.state == "accepted"


def test_a_decision_stands(desk: DecisionDesk) -> None:
    row = desk.decide("up")
    with pytest.raises(ConflictError, match=r"bob@.* has decided"):
        decide_proposal(desk.session, desk.bob, row.id, "refused", "反悔")
    for deed in (
        "UPDATE review_decision SET reason = 'x'",
        "UPDATE review_decision SET state = 'refused'",
        "DELETE FROM review_decision",
    ):
        with (
            pytest.raises(DBAPIError, match=r"decided once|permission denied"),
            desk.session.begin_nested(),
        ):
            desk.session.execute(text(deed))


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({"reason": " "}, InvalidError, "Say why"),
        ({"treat_unknown": "maybe"}, InvalidError, "as up, as down"),
        ({"result": "network.HT-9-01"}, InvalidError, "promise no network.HT-9-01"),
        ({"result": "HT-3-01"}, InvalidError, "promise no"),
        ({"result": "power.HT-3-01"}, InvalidError, "promise no"),
        ({"period": "2026-13"}, InvalidError, "is no month"),
        ({"period": "2025-12"}, InvalidError, "has no terms"),
        ({"contract_id": 10**9}, NotFoundError, "No such contract"),
        ({"now": dt.datetime(2026, 10, 31, 15, 59, tzinfo=dt.UTC)}, ConflictError, "still runs"),
    ],
)
def test_what_cannot_be_is_refused(
    desk: DecisionDesk, given: dict[str, Any], error: type[Exception], said: str
) -> None:
    wanted = {"treat_unknown": "up", **given}
    with pytest.raises(error, match=said):
        desk.propose(**wanted)
    assert list_decisions(desk.session, SYSTEM).total == 0


def test_the_month_is_over_at_the_contracts_midnight(desk: DecisionDesk) -> None:
    """The control of "still runs": a minute later it is taken."""
    assert desk.propose(now=dt.datetime(2026, 10, 31, 16, tzinfo=dt.UTC)).state == "open"


def test_a_draft_decides_nothing(desk: DecisionDesk) -> None:
    desk.contract.state = "draft"
    desk.session.flush()
    with pytest.raises(ConflictError, match="is a draft"):
        desk.propose()


def test_one_waits_at_a_time(desk: DecisionDesk) -> None:
    row = desk.propose("up")
    with pytest.raises(ConflictError, match=r"ann@.* has proposed to decide it already"):
        desk.propose("down")
    again = (
        "INSERT INTO review_decision (customer_id, contract_id, period, result, treat_unknown,"
        " reason, evidence, proposed_at, proposed_by, proposer_id, state, decision, decided_by)"
        " SELECT customer_id, contract_id, period, result, treat_unknown, reason, evidence,"
        " proposed_at, proposed_by, proposer_id, state, decision, decided_by FROM review_decision"
    )
    with pytest.raises(IntegrityError, match="decision_open"), desk.session.begin_nested():
        desk.session.execute(text(again))
    decide_proposal(desk.session, desk.bob, row.id, "refused", "无依据")
    assert desk.propose("down").state == "open"


def test_a_clock_that_went_backwards_is_said(desk: DecisionDesk) -> None:
    row = desk.propose()
    with pytest.raises(ConflictError, match="gone backwards"):
        decide_proposal(
            desk.session, desk.bob, row.id, "accepted", "好",
            now=row.proposed_at - dt.timedelta(minutes=1),
        )  # fmt: skip
    for state, reason, said in (("accepted", " ", "Say why"), ("maybe", "好", "accepted or")):
        with pytest.raises(InvalidError, match=said):
            decide_proposal(desk.session, desk.bob, row.id, state, reason)


def test_a_decision_about_an_issued_month_leaves_it_as_it_is(desk: DecisionDesk) -> None:
    """It counts in the next revision (test_revisions.py)."""
    waiting = desk.propose("down")
    statement, _ = freeze_statement(desk.session, SYSTEM, desk.settings, desk.contract.id, PERIOD)
    document = dict(statement.document)
    assert (statement.verdict, document["decisions"]) == ("needs_review", [])
    decide_proposal(desk.session, desk.bob, waiting.id, "accepted", "好")
    assert verdict(desk) == ("breached", "300.00")
    desk.decide("up")
    assert verdict(desk) == ("met", "0.00")
    desk.session.refresh(statement)
    assert statement.document == document


def test_what_the_terms_no_longer_promise_is_not_told(desk: DecisionDesk) -> None:
    """The item's kind changed since: the month is judged all the same, without the decision."""
    waiting = desk.propose("down")
    desk.contract.items[0].kind = "cabinet"
    desk.session.flush()
    with pytest.raises(ConflictError, match="any more; refuse it"):
        decide_proposal(desk.session, desk.bob, waiting.id, "accepted", "好")
    desk.contract.items[0].kind = "bandwidth"
    desk.session.flush()
    decide_proposal(desk.session, desk.bob, waiting.id, "accepted", "好")
    assert len(desk.inputs()["decisions"]) == 1
    desk.contract.items[0].kind = "cabinet"
    desk.session.flush()
    assert desk.inputs()["decisions"] == []


def test_the_customer_sees_what_was_accepted_alone(desk: DecisionDesk) -> None:
    row = desk.propose("down")
    assert list_decisions(desk.session, desk.own).total == 0
    with pytest.raises(NotFoundError):
        find_decision(desk.session, desk.own, row.id)
    decide_proposal(desk.session, desk.bob, row.id, "accepted", "好")
    wanted = ReviewDecisionFilter(contract_id=desk.contract.id, period=PERIOD, state="accepted")
    assert [one.id for one in list_decisions(desk.session, desk.own, wanted).items] == [row.id]
    assert list_decisions(desk.session, desk.other).total == 0


def test_row_security_shows_each_its_own(sessions: SessionFactory, settings: Settings) -> None:
    with transaction(sessions, SYSTEM) as session:
        desk = DecisionDesk(session, settings)
        accepted = desk.decide("up").id
        desk.propose("down")
        own, other, contract = desk.own, desk.other, desk.contract.id

    def seen(scope: Scope) -> list[int]:
        with transaction(sessions, scope) as session:
            return list(session.scalars(text("SELECT id FROM review_decision ORDER BY id")))

    assert seen(own) == [accepted]
    assert seen(other) == []
    assert len(seen(SYSTEM)) == 2
    with pytest.raises(DBAPIError, match="row-level security"), transaction(sessions, own) as one:
        one.add(
            ReviewDecision(
                customer_id=own.customer_id, contract_id=contract, period=PERIOD, result="a.b",
                treat_unknown="down", reason="x", proposed_by="x", proposer_id=1,
            )
        )  # fmt: skip


def test_a_statement_tells_both_and_is_composed_again_from_its_files(desk: DecisionDesk) -> None:
    desk.decide("down", evidence="工单 4711")
    statement = compose(desk.inputs())
    assert compose(read_inputs(statement.attachments)).data == statement.data
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    found = jsonschema.Draft202012Validator(schema).iter_errors(statement.data)
    assert [error.message for error in found] == []
    (told,) = statement.data["decisions"]
    assert told["metric"] == RESULT


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"approved_by": "ann@example.com"}, "alone; it takes two"),
        ({"decided_at": "2026-01-01T00:00:00Z"}, "approved before it was proposed"),
        ({"treat_unknown": "leave_out"}, "is no treatment"),
        ({"reason": {"zh": "", "en": ""}}, "has no reason"),
        ({"decided_at": "gestern"}, "decision about"),
    ],
)
def test_decisions_that_cannot_be_are_refused_when_judged(
    desk: DecisionDesk, change: dict[str, Any], said: str
) -> None:
    desk.decide("up")
    inputs = desk.inputs()
    compose(inputs)
    with pytest.raises(InputsRefusedError, match=said):
        compose({**inputs, "decisions": [inputs["decisions"][0] | change]})
    with pytest.raises(InputsRefusedError, match="stands twice"):
        compose({**inputs, "decisions": inputs["decisions"] * 2})


def test_what_is_issued_proves_the_decision(
    sessions: SessionFactory, settings: Settings, tmp_path: Path
) -> None:
    with transaction(sessions, SYSTEM) as session:
        desk = DecisionDesk(session, settings)
        desk.decide("down", evidence="工单 4711")
        contract = desk.contract.id
    issued = issue_statement(sessions, SYSTEM, settings, contract, PERIOD)
    with transaction(sessions, SYSTEM) as session:
        statement = session.get_one(Statement, issued.statement_id)
        assert (statement.verdict, str(statement.credits)) == ("breached", "-300.00")
        document = dict(statement.document)
        assert [one["metric"] for one in document["decisions"]] == [RESULT]
        assert compose(unpack_inputs(statement)).data == document
        pdf = read_file(session, SYSTEM, settings, statement.id)
    assert compose(read_inputs(embedded_files(pdf))).data == document
    path = tmp_path / "statement.pdf"
    path.write_bytes(pdf)
    found = CliRunner().invoke(main, ["statement", "verify", str(path), "--json"])
    # Sound and every number recomputed; nobody said whom to trust.
    assert json.loads(found.output)["outcome"] == "signer_unknown"


def test_the_queue_says_what_each_decision_means_and_empties_with_the_next_round(
    sessions: SessionFactory, settings: Settings
) -> None:
    with transaction(sessions, SYSTEM) as session:
        desk = DecisionDesk(session, settings)
        ids, contract = desk.contracts, desk.contract.id
    measure_risks(sessions, ids, AFTER)

    def queue() -> list[Any]:
        with transaction(sessions, SYSTEM) as session:
            found = list_reviews(session, SYSTEM, AFTER, contract_id=contract)
            return [one for one in found if one.period == PERIOD]

    (row,) = queue()
    assert (row.result, row.state, row.least, row.most) == (
        "needs_review", "closed", Decimal(0), Decimal(300),
    )  # fmt: skip
    assert [(one.treat_unknown, one.result, one.amount) for one in row.meanings] == [
        ("up", "met", Decimal(0)), ("down", "breached", Decimal(300)),
        ("left_out", "met", Decimal(0)),
    ]  # fmt: skip
    soon = AFTER + dt.timedelta(minutes=15)
    # A closed month isn't judged again so soon, unless someone decided.
    assert measure_risks(sessions, [contract], soon).judged == 1
    with transaction(sessions, SYSTEM) as session:
        desk.session = session
        proposed = propose_decision(
            session, desk.ann, NewDecision(contract, PERIOD, RESULT, "down", "上联口中断"), soon
        )
        decide_proposal(session, desk.bob, proposed.id, "accepted", "属实", soon)
    assert dt.timedelta(minutes=30) < risk_rounds.CLOSED_AGAIN
    assert measure_risks(sessions, [contract], soon + dt.timedelta(minutes=15)).judged == 2
    assert queue() == []
