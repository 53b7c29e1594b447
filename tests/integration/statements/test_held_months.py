"""Months held back until two people have seen them: what holds, who frees, what is then issued."""

import datetime as dt
import json
import threading
import time
from decimal import Decimal
from typing import Any, cast

import jsonschema
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from dcim.accounts.models import AuditEntry
from dcim.accounts.scope import Scope
from dcim.config import Settings
from dcim.customers.models import Contract
from dcim.db import ScopedSession, SessionFactory, transaction
from dcim.errors import ConflictError, ForbiddenError, InvalidError, JifangError, NotFoundError
from dcim.statements import issuing
from dcim.statements.approval_models import ApprovalRule, HeldMonth, IssueProposal
from dcim.statements.approving import (
    decide_issue,
    preview_held,
    propose_issue,
    release_month,
    withdraw_issue,
)
from dcim.statements.composition import compose
from dcim.statements.drafts import compose_draft
from dcim.statements.files import unpack_inputs
from dcim.statements.held_months import Finding, HeldError, keep_held
from dcim.statements.held_queries import (
    HeldMonthFilter,
    count_held,
    find_held_month,
    find_issue_proposal,
    list_held,
    list_issue_proposals,
)
from dcim.statements.issuing import freeze_statement, issue_statement
from dcim.statements.models import Statement
from dcim.statements.sample_files import samples_path
from tests.integration.statements.holding_desk import (
    HoldingDesk,
    open_town,
    run,
    run_alone,
    set_rule,
)
from tests.integration.statements.revising_desk import bring_samples
from tests.integration.statements.test_review_decisions import RESULT, DecisionDesk
from tests.integration.statements.town import PERIOD, SYSTEM, build_town
from tests.integration.web.boards import Counter
from tests.statements.test_composition import SCHEMA

BOB = "= (SELECT id FROM app_user WHERE email LIKE 'bob@%')"
NUMBER = "SLA-202610-HT-3-01"


@pytest.fixture
def contract_id(sessions: SessionFactory, settings: Settings) -> int:
    return open_town(sessions, settings)


def desk_of(session: ScopedSession, settings: Settings, contract_id: int) -> HoldingDesk:
    return HoldingDesk.reopen(session, settings, contract_id)


def numbers(sessions: SessionFactory) -> list[str]:
    with transaction(sessions, SYSTEM) as session:
        return list(session.scalars(select(Statement.number).order_by(Statement.number)))


def deeds(session: ScopedSession, *prefixes: str) -> list[str]:
    rows = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id))
    return [deed for deed in rows if deed.startswith(prefixes)]


def test_without_a_rule_all_is_issued(sessions: SessionFactory, settings: Settings) -> None:
    with transaction(sessions, SYSTEM) as session:
        DecisionDesk(session, settings)
    found = run(sessions, settings)
    assert (len(found.issued), found.held, found.failed) == (3, [], [])
    assert "needs_review" in {one.verdict for one in found.issued}


def test_the_run_holds_one_and_issues_the_others(
    sessions: SessionFactory, settings: Settings, contract_id: int
) -> None:
    told: list[Any] = []
    found = run(sessions, settings, progress=lambda *one: told.append(one))
    assert [one.number for one in found.issued] == ["SLA-202610-HT-1-01", "SLA-202610-HT-2-01"]
    (held,) = found.held
    assert (held.contract, held.why) == ("HT-3", "Results left open: 1.")
    assert found.failed == []
    assert [(done, of) for _one, done, of in told] == [(1, 3), (2, 3), (3, 3)]
    assert NUMBER not in numbers(sessions)
    # Nothing of it lies about.
    assert not samples_path(settings, NUMBER).exists()
    with transaction(sessions, SYSTEM) as session:
        (row,) = list_held(session, SYSTEM).items
        assert (row.contract_number, row.period) == ("HT-3", PERIOD)
        assert row.verdict == "needs_review"
        assert (row.credits, row.state, row.statement_id) == (Decimal(0), "held", None)
        (result,) = cast(list[dict[str, str]], row.reasons["results"])
        assert (result["id"], result["at_most"]) == (RESULT, "300.00")
        assert count_held(session, SYSTEM, PERIOD) == 1
        assert count_held(session, SYSTEM, "2026-09") == 0
    # The next run finds it held: nothing is doubled, nothing told anew.
    again = run(sessions, settings)
    assert [one.new for one in again.issued] == [False, False]
    assert again.held == found.held
    with transaction(sessions, SYSTEM) as session:
        assert session.scalars(select(func.count()).select_from(HeldMonth)).one() == 1
        assert deeds(session, "held_month") == ["held_month.hold"]


def test_what_two_people_saw_is_issued(
    sessions: SessionFactory, settings: Settings, contract_id: int
) -> None:
    run(sessions, settings)
    with transaction(sessions, SYSTEM) as session:
        desk = desk_of(session, settings, contract_id)
        seen = desk.preview()
        assert not seen.differs
        assert seen.reasons["open"] == 1
        draft = compose_draft(session, desk.ann, settings, contract_id, PERIOD).data
        assert "approval" not in draft
        proposal = desk.propose_issue()
        # Proposing issues nothing, nor does a run meanwhile.
        assert session.scalars(select(Statement.id).where(Statement.number == NUMBER)).all() == []
    run(sessions, settings)
    assert NUMBER not in numbers(sessions)
    with transaction(sessions, SYSTEM) as session:
        desk = desk_of(session, settings, contract_id)
        made = desk.approve(session.get_one(IssueProposal, proposal.id))
        assert (made.number, made.revision, made.verdict) == (NUMBER, 1, "needs_review")
        document = made.document
        jsonschema.validate(document, json.loads(SCHEMA.read_text("utf-8")))
        told = document["approval"]
        assert (told["proposed_by"], told["approved_by"]) == ("ann@example.com", "bob@example.com")
        assert (told["text"], told["proposed_at"] <= told["approved_at"]) == ("同意出账", True)
        # All else is what was looked at.
        for key in ("metrics", "ledger", "totals", "verdict", "incidents", "usage", "days"):
            assert document[key] == draft[key], key
        # Whoever has longer to wait has as long to object.
        assert document["dispute"]["deadline"] >= draft["dispute"]["deadline"]
        # Whoever holds it computes it again.
        assert compose(unpack_inputs(made)).data == document
        row = desk.held()
        assert (row.state, row.statement_id) == ("approved", made.id)
        assert samples_path(settings, NUMBER).exists()
        (entry,) = session.scalars(
            select(AuditEntry).where(AuditEntry.action == "issue_proposal.accepted")
        )
        assert (entry.actor, entry.detail["proposed_by"], entry.detail["reason"]) == (
            "bob@example.com", "ann@example.com", "同意出账",
        )  # fmt: skip
        assert entry.detail["issued"] == made.id
        with pytest.raises(ConflictError, match="issued already as SLA-202610-HT-3-01"):
            desk.preview()
    # The run goes on from there: it makes the PDF.
    again = run(sessions, settings)
    assert (again.held, len(again.issued)) == ([], 3)


def test_nobody_issues_alone(
    sessions: SessionFactory, settings: Settings, contract_id: int
) -> None:
    run_alone(sessions, settings)
    with transaction(sessions, SYSTEM) as session:
        desk = desk_of(session, settings, contract_id)
        proposal = desk.propose_issue()
        for state in ("accepted", "refused"):
            with pytest.raises(ForbiddenError, match="someone else decides"):
                decide_issue(session, desk.ann, settings, proposal.id, state, "我说的")
        with pytest.raises(ForbiddenError, match="Only whoever proposed"):
            withdraw_issue(session, desk.bob, proposal.id, "算了")
        for scope in (SYSTEM, desk.own):
            with pytest.raises(ForbiddenError, match="person of staff"):
                decide_issue(session, scope, settings, proposal.id, "accepted", "好")
            with pytest.raises(ForbiddenError, match="person of staff"):
                propose_issue(session, scope, settings, desk.held().id, "x", "好")
        with pytest.raises(ForbiddenError, match="Only staff"):
            preview_held(session, desk.own, settings, desk.held().id)
        with pytest.raises(ConflictError, match=r"ann@.* has proposed to issue it already"):
            desk.propose_issue(desk.bob)
        with pytest.raises(InvalidError, match="Say why"):
            decide_issue(session, desk.bob, settings, proposal.id, "accepted", " ")
        with pytest.raises(InvalidError, match="accepted or refused"):
            decide_issue(session, desk.bob, settings, proposal.id, "lapsed", "x")
        with pytest.raises(NotFoundError):
            decide_issue(session, desk.bob, settings, 10**9, "accepted", "x")
        decide_issue(session, desk.bob, settings, proposal.id, "refused", "先补测量")
        # Refused, it goes on waiting, and is proposed anew.
        assert desk.held().state == "held"
        withdraw_issue(session, desk.ann, desk.propose_issue().id, "看错了")
        desk.approve(desk.propose_issue(desk.bob), desk.ann)
        assert deeds(session, "issue_proposal") == [
            "issue_proposal.propose", "issue_proposal.refused", "issue_proposal.propose",
            "issue_proposal.withdrawn", "issue_proposal.propose", "issue_proposal.accepted",
        ]  # fmt: skip


def test_the_database_refuses_one_person_alone(
    sessions: SessionFactory, settings: Settings, contract_id: int
) -> None:
    """The service taken away: the constraints hold, and it is they that refuse."""
    run(sessions, settings)
    with transaction(sessions, SYSTEM) as session:
        desk_of(session, settings, contract_id).propose_issue()
        alone = (
            "UPDATE issue_proposal SET state = 'accepted', decision = 'x',"
            " issued_id = (SELECT min(id) FROM statement), decided_at = proposed_at,"
            " decided_by = 'x', decider_id = proposer_id"
        )
        two = alone.replace("= proposer_id", BOB)
        unissued = two.replace(" issued_id = (SELECT min(id) FROM statement),", "")
        for deed, name in ((alone, "four_eyes"), (unissued, "issued")):
            with pytest.raises(IntegrityError, match=name), session.begin_nested():
                session.execute(text(deed))
        session.execute(text(two))
        for deed in (
            "UPDATE issue_proposal SET reason = 'x'",
            "DELETE FROM issue_proposal",
            "UPDATE held_month SET period = '2026-09'",
            "DELETE FROM held_month",
        ):
            with (
                pytest.raises(DBAPIError, match=r"decided once|permission denied"),
                session.begin_nested(),
            ):
                session.execute(text(deed))


def test_the_document_refuses_one_person_alone(
    sessions: SessionFactory, settings: Settings, contract_id: int
) -> None:
    """Whoever verifies needs no database to see that two were asked."""
    run_alone(sessions, settings)
    with transaction(sessions, SYSTEM) as session:
        desk = desk_of(session, settings, contract_id)
        inputs = unpack_inputs(desk.approve(desk.propose_issue()))
    inputs["document"]["approval"]["approved_by"] = "ann@example.com"
    with pytest.raises(ValueError, match="alone; it takes two"):
        compose(inputs)


def test_what_changes_is_held_anew_and_proposed_anew(
    sessions: SessionFactory, settings: Settings, contract_id: int
) -> None:
    run_alone(sessions, settings)
    with transaction(sessions, SYSTEM) as session:
        desk = desk_of(session, settings, contract_id)
        before, proposal = desk.held().sha256, desk.propose_issue()
        # A limit that what is decided next goes beyond.
        session.scalars(select(ApprovalRule)).one().credits_above = Decimal(100)
        desk.decide("down")
        with pytest.raises(ConflictError, match="isn't what was proposed any more"):
            desk.approve(proposal)
        seen = desk.preview()
        assert (seen.differs, seen.credits) == (True, Decimal(-300))
        assert (seen.reasons["credits"], seen.reasons["above"]) == ("300.00", "100.00")
        assert "open" not in seen.reasons
        with pytest.raises(ConflictError, match="isn't what you saw any more"):
            desk.propose_issue(seen=before)
    assert not samples_path(settings, NUMBER).exists()
    with transaction(sessions, SYSTEM) as session:
        month_id = desk_of(session, settings, contract_id).held().id
    (held,) = run_alone(sessions, settings).held
    assert held.why == "Credits of 300.00 CNY are more than 100.00."
    with transaction(sessions, SYSTEM) as session:
        desk = desk_of(session, settings, contract_id)
        row = desk.held()
        assert row.id == month_id
        assert row.sha256 != before
        assert row.held_at < row.seen_at
        (lapsed,) = list_issue_proposals(session, SYSTEM).items
        assert (lapsed.state, lapsed.sha256) == ("lapsed", before)
        with pytest.raises(ConflictError, match="has changed since it was proposed"):
            decide_issue(session, desk.bob, settings, lapsed.id, "accepted", "x")
        with pytest.raises(ConflictError, match="has changed since it was proposed"):
            withdraw_issue(session, desk.ann, lapsed.id, "x")
        assert deeds(session, "held_month", "issue_proposal") == [
            "held_month.hold", "issue_proposal.propose", "issue_proposal.lapsed",
            "held_month.renew",
        ]  # fmt: skip
        made = desk.approve(desk.propose_issue())
        assert (made.verdict, made.credits) == ("breached", Decimal(-300))


def test_without_the_comparison_something_else_is_issued(
    sessions: SessionFactory, settings: Settings, contract_id: int, monkeypatch: Any
) -> None:
    """The control of `approval is for exactly what was seen`."""
    run_alone(sessions, settings)
    with transaction(sessions, SYSTEM) as session:
        desk = desk_of(session, settings, contract_id)
        proposal = desk.propose_issue()
        desk.decide("down")
        monkeypatch.setattr(issuing, "hash_content", lambda _document: proposal.sha256)
        assert desk.approve(proposal).verdict == "breached"


def test_a_proposal_made_before_a_run_renews_what_is_held(
    sessions: SessionFactory, settings: Settings, contract_id: int
) -> None:
    run_alone(sessions, settings)
    with transaction(sessions, SYSTEM) as session:
        desk = desk_of(session, settings, contract_id)
        first = desk.propose_issue()
        session.scalars(select(ApprovalRule)).one().credits_above = Decimal(0)
        desk.decide("down")
        second = desk.propose_issue(desk.bob)
        assert (first.state, second.sha256) == ("lapsed", desk.held().sha256)
        assert desk.approve(second, desk.ann).credits == Decimal(-300)


def test_what_nothing_holds_any_more_is_issued(
    sessions: SessionFactory, settings: Settings, contract_id: int
) -> None:
    """Samples that came late settle it: no person is needed, and the proposal lapses."""
    run_alone(sessions, settings)
    with transaction(sessions, SYSTEM) as session:
        desk = desk_of(session, settings, contract_id)
        with pytest.raises(HeldError):
            release_month(session, desk.ann, settings, desk.held().id)
        proposal = desk.propose_issue()
        bring_samples(session)
        seen = desk.preview()
        assert (seen.reasons, seen.differs) == ({}, True)
        with pytest.raises(ConflictError, match="Nothing holds this month any more"):
            desk.propose_issue(desk.bob)
        with pytest.raises(ForbiddenError, match="person of staff"):
            release_month(session, SYSTEM, settings, desk.held().id)
        made = release_month(session, desk.ann, settings, desk.held().id)
        assert (made.verdict, "approval" in made.document) == ("met", False)
        assert (desk.held().state, desk.held().statement_id) == ("freed", made.id)
        assert proposal.state == "lapsed"
    again = run_alone(sessions, settings)
    assert (again.held, len(again.issued)) == ([], 1)


def test_terms_that_make_no_statement_are_a_refusal_that_says_so(
    sessions: SessionFactory, settings: Settings, contract_id: int
) -> None:
    run_alone(sessions, settings)
    with transaction(sessions, SYSTEM) as session:
        desk = desk_of(session, settings, contract_id)
        month, proposal = desk.held().id, desk.propose_issue().id
        desk.contract.terms[0].document = "terms: broken"
        session.flush()
        said = "No statement can be made of HT-3 for 2026-10"
        with pytest.raises(ConflictError, match=said):
            desk.preview()
        with pytest.raises(ConflictError, match=said):
            release_month(session, desk.ann, settings, month)
        with pytest.raises(ConflictError, match=said):
            decide_issue(session, desk.bob, settings, proposal, "accepted", "好")
        assert desk.held().state == "held"


def test_a_looser_rule_frees_nothing_that_is_held(
    sessions: SessionFactory, settings: Settings, contract_id: int
) -> None:
    """One person who raises the limit doesn't stand for the second."""
    run_alone(sessions, settings)
    with transaction(sessions, SYSTEM) as session:
        session.delete(session.scalars(select(ApprovalRule)).one())
    assert len(run_alone(sessions, settings).held) == 1
    with transaction(sessions, SYSTEM) as session:
        session.get_one(Contract, contract_id).approve_open = "never"
    assert len(run_alone(sessions, settings).held) == 1


@pytest.mark.parametrize(
    ("rule", "contract", "held"),
    [
        # The credits are 300.00: more than, not as much as.
        ({"when_open": False, "above": "299.99"}, {}, True),
        ({"when_open": False, "above": "300.00"}, {}, False),
        ({"when_open": True, "above": None}, {}, False),
        ({"when_open": False, "above": "0"}, {"approve_above": Decimal(300)}, False),
        ({"when_open": False, "above": "500"}, {"approve_above": Decimal(0)}, True),
        (None, {"approve_above": Decimal("299.99")}, True),
    ],
)
def test_the_contract_says_otherwise_for_itself(
    session: ScopedSession,
    settings: Settings,
    rule: dict[str, Any] | None,
    contract: dict[str, Any],
    held: bool,
) -> None:
    desk = DecisionDesk(session, settings)
    desk.decide("down")
    if rule is not None:
        set_rule(session, **rule)
    for name, value in contract.items():
        setattr(desk.contract, name, value)
    session.flush()
    assert is_held(desk) is held


@pytest.mark.parametrize(
    ("when_open", "own", "held"),
    [(True, "", True), (False, "", False), (True, "never", False), (False, "always", True)],
)
def test_open_results_are_held_as_rule_and_contract_say(
    session: ScopedSession, settings: Settings, when_open: bool, own: str, held: bool
) -> None:
    desk = DecisionDesk(session, settings)
    set_rule(session, when_open=when_open)
    desk.contract.approve_open = own
    session.flush()
    assert is_held(desk) is held


def test_a_rule_is_about_its_currency(session: ScopedSession, settings: Settings) -> None:
    desk = DecisionDesk(session, settings)
    set_rule(session).currency = "USD"
    session.flush()
    assert not is_held(desk)


def is_held(desk: DecisionDesk) -> bool:
    try:
        freeze_statement(desk.session, SYSTEM, desk.settings, desk.contract.id, PERIOD)
    except HeldError:
        return True
    return False


def test_one_contract_alone_is_held_too(
    sessions: SessionFactory, settings: Settings, contract_id: int
) -> None:
    for _ in range(2):
        with pytest.raises(HeldError, match=r"HT-3, 2026-10, waits .* left open: 1"):
            issue_statement(sessions, SYSTEM, settings, contract_id, PERIOD)
    with transaction(sessions, SYSTEM) as session:
        assert [row.period for row in list_held(session, SYSTEM).items] == [PERIOD]


def test_whoever_gets_it_late_has_as_long_to_object(
    sessions: SessionFactory, settings: Settings, monkeypatch: Any
) -> None:
    """Also where nothing holds it any more, so that nobody approved it."""
    told = {}
    with transaction(sessions, SYSTEM) as session:
        for contract, day in zip(build_town(session)[:2], (1, 25), strict=True):
            moment = dt.datetime(2026, 11, day, 2, tzinfo=dt.UTC)
            monkeypatch.setattr(issuing, "utc_now", lambda moment=moment: moment)
            statement, _new = freeze_statement(session, SYSTEM, settings, contract, PERIOD)
            told[day] = statement.document["dispute"]["deadline"]
    assert told == {1: "2026-12-01", 25: "2026-12-25"}


def test_without_the_guard_it_is_issued(
    sessions: SessionFactory, settings: Settings, contract_id: int, monkeypatch: Any
) -> None:
    """The control."""
    monkeypatch.setattr(issuing, "check_held", lambda *given: None)
    assert run_alone(sessions, settings).held == []
    assert NUMBER in numbers(sessions)


def test_of_two_who_approve_at_once_one_issues(
    sessions: SessionFactory, settings: Settings, contract_id: int
) -> None:
    run_alone(sessions, settings)
    with transaction(sessions, SYSTEM) as session:
        desk = desk_of(session, settings, contract_id)
        proposal = desk.propose_issue().id
        desk.person("eve")
    told = race(
        [
            lambda who=who: approve_as(sessions, settings, who, proposal)
            for who in ("bob", "eve", "bob")
        ]
    )
    assert sorted(one is None for one in told) == [False, False, True]
    for error in filter(None, told):
        assert "has decided this already" in str(error)
    assert numbers(sessions).count(NUMBER) == 1
    with transaction(sessions, SYSTEM) as session:
        assert deeds(session, "issue_proposal.accepted") == ["issue_proposal.accepted"]


def approve_as(sessions: SessionFactory, settings: Settings, who: str, proposal: int) -> None:
    scope = Scope.staff(f"{who}@example.com")
    with transaction(sessions, scope) as session:
        decide_issue(session, scope, settings, proposal, "accepted", "好")


def race(deeds: list[Any]) -> list[JifangError | None]:
    told: list[JifangError | None] = [None] * len(deeds)
    start = threading.Barrier(len(deeds))

    def carry_out(place: int, deed: Any) -> None:
        start.wait()
        try:
            deed()
        except JifangError as error:
            told[place] = error

    threads = [
        threading.Thread(target=carry_out, args=(place, deed)) for place, deed in enumerate(deeds)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return told


def test_two_runs_and_an_approval_at_once_make_one_statement(
    sessions: SessionFactory, settings: Settings, contract_id: int
) -> None:
    run_alone(sessions, settings)
    with transaction(sessions, SYSTEM) as session:
        proposal = desk_of(session, settings, contract_id).propose_issue().id

    def slowly() -> None:
        time.sleep(0.3)
        approve_as(sessions, settings, "bob", proposal)

    assert race([lambda: run_alone(sessions, settings), slowly]) == [None, None]
    assert numbers(sessions).count(NUMBER) == 1
    with transaction(sessions, SYSTEM) as session:
        assert session.scalars(select(HeldMonth.state)).all() == ["approved"]


def test_a_month_issued_between_two_steps_of_a_run_is_no_longer_held(
    sessions: SessionFactory, settings: Settings, contract_id: int
) -> None:
    """Approved after the run found it held and before it wrote so."""
    run_alone(sessions, settings)
    with transaction(sessions, SYSTEM) as session:
        proposal = desk_of(session, settings, contract_id).propose_issue().id
    approve_as(sessions, settings, "bob", proposal)
    with transaction(sessions, SYSTEM) as session:
        row = session.scalars(select(HeldMonth)).one()
        finding = Finding(
            row.customer_id, row.contract_id, row.period, row.currency, row.verdict, row.total,
            row.credits, row.reasons, row.sha256,
        )  # fmt: skip
        assert keep_held(session, SYSTEM, finding) is None
    assert not issuing.hold_back(sessions, SYSTEM, finding)


def test_lists_tell_customers_nothing(
    sessions: SessionFactory, settings: Settings, contract_id: int
) -> None:
    run_alone(sessions, settings)
    with transaction(sessions, SYSTEM) as session:
        desk = desk_of(session, settings, contract_id)
        proposal, month, own = desk.propose_issue().id, desk.held().id, desk.own
    with transaction(sessions, own) as session:
        assert list_held(session, own).total == 0
        assert count_held(session, own) == 0
        assert list_issue_proposals(session, own).total == 0
        with pytest.raises(NotFoundError):
            find_issue_proposal(session, own, proposal)
        with pytest.raises(NotFoundError):
            find_held_month(session, own, month)
        # Row security alone says so too.
        assert session.scalars(text("SELECT count(*) FROM held_month")).one() == 0
        assert session.scalars(text("SELECT count(*) FROM issue_proposal")).one() == 0


def test_the_list_takes_two_queries_whatever_its_length(
    sessions: SessionFactory, settings: Settings, contract_id: int
) -> None:
    run_alone(sessions, settings)
    counts = []
    for more in (0, 12):
        with transaction(sessions, SYSTEM) as session:
            row = session.scalars(select(HeldMonth).limit(1)).one()
            for month in range(1, more + 1):
                session.add(
                    HeldMonth(
                        customer_id=row.customer_id,
                        contract_id=row.contract_id,
                        period=f"2025-{month:02d}",
                        currency="CNY",
                        verdict="met",
                        total=1,
                        credits=0,
                        reasons={},
                        sha256="0" * 64,
                    )
                )
            session.flush()
            with Counter(sessions.kw["bind"]) as counter:
                found = list_held(session, SYSTEM, HeldMonthFilter(state="held"))
            assert found.total == 1 + more
            counts.append(counter.count)
    assert counts == [2, 2]
