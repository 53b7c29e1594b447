"""Correcting an issued statement: two people, what both saw is issued, the sums stay right."""

import json
import threading
from decimal import Decimal
from typing import Any

import jsonschema
import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from dcim.accounts.models import AuditEntry
from dcim.commands.administration import find_unbalanced
from dcim.config import Settings
from dcim.db import ScopedSession, SessionFactory, transaction
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from dcim.statements import revising
from dcim.statements.composition import compose
from dcim.statements.differences import hash_json
from dcim.statements.files import unpack_inputs
from dcim.statements.issuing import freeze_statement
from dcim.statements.models import LedgerEntry, Statement
from dcim.statements.progress import list_months
from dcim.statements.queries import StatementFilter, find_statement, list_statements
from dcim.statements.revising import (
    decide_revision,
    preview_revision,
    propose_revision,
    withdraw_revision,
)
from dcim.statements.revision_models import RevisionProposal
from dcim.statements.revision_queries import (
    RevisionProposalFilter,
    find_revision_proposal,
    list_revision_proposals,
)
from tests.integration.statements.revising_desk import REASON, RevisionDesk
from tests.integration.statements.test_review_decisions import RESULT
from tests.integration.statements.town import PERIOD, SYSTEM
from tests.integration.waiting import wait_for_blocked
from tests.statements.test_composition import SCHEMA


@pytest.fixture
def desk(session: ScopedSession, settings: Settings) -> RevisionDesk:
    return RevisionDesk(session, settings)


def test_nothing_new_makes_no_revision(desk: RevisionDesk) -> None:
    seen = desk.preview()
    assert not seen.changes
    assert seen.differences["parts"] == []
    assert (seen.revision, seen.total) == (2, desk.issued.total)
    with pytest.raises(ConflictError, match="Nothing differs from SLA-202610-HT-3-01"):
        desk.propose_correction()


def test_a_decision_made_later_is_the_next_revision(desk: RevisionDesk) -> None:
    before = dict(desk.issued.document)
    assert desk.issued.verdict == "needs_review"
    desk.decide("down")
    seen = desk.preview()
    (result,) = seen.differences["results"]
    assert (result["id"], result["change"]) == (RESULT, "changed")
    assert (result["before"]["result"], result["after"]["result"]) == ("needs_review", "breached")
    assert (result["before"]["credit"], result["after"]["credit"]) == ("0.00", "300.00")
    (line,) = seen.differences["lines"]
    assert (line["key"], line["change"]) == (f"credit:{RESULT}", "added")
    assert (line["before"], line["after"], line["difference"]) == (None, "-300.00", "-300.00")
    assert seen.total == desk.issued.total - 300
    # Looking writes nothing, proposing issues nothing.
    proposal = desk.propose_correction()
    assert desk.session.scalars(select(Statement)).all() == [desk.issued]
    made = desk.accept(proposal)
    assert (made.number, made.revision, made.reason) == ("SLA-202610-HT-3-02", 2, REASON)
    assert (made.verdict, made.total, made.credits) == ("breached", seen.total, Decimal(-300))
    told = made.document
    jsonschema.validate(told, json.loads(SCHEMA.read_text("utf-8")))
    assert (told["supersedes"], told["reason"]["zh"]) == (desk.issued.number, REASON)
    replaces = told["replaces"]
    assert replaces["differences"] == seen.differences
    assert hash_json(replaces["differences"]) == seen.sha256
    assert (replaces["sha256"], replaces["revision"]) == (desk.issued.document_sha256, 1)
    assert replaces["sha256"] == hash_json(before)
    assert replaces["file_sha256"] == f"{desk.issued.id:064x}"
    assert (replaces["approval"]["proposed_by"], replaces["approval"]["approved_by"]) == (
        "ann@example.com", "bob@example.com",
    )  # fmt: skip
    # Whoever holds the revision computes it again, the table too.
    assert compose(unpack_inputs(made)).data == told
    # The first stays as it was issued.
    desk.session.refresh(desk.issued)
    assert desk.issued.document == before


def test_the_sums_over_all_revisions_are_right(desk: RevisionDesk) -> None:
    desk.decide("down")
    second = desk.correct()
    assert desk.ledger(contract=True) == second.total
    # Of a revision the ledger holds the difference.
    assert desk.ledger(second) == second.total - desk.issued.total
    desk.give_file(second)
    desk.decide("up")
    third = desk.correct(second)
    assert (third.number, third.total) == ("SLA-202610-HT-3-03", desk.issued.total)
    assert desk.ledger(contract=True) == third.total
    back = desk.session.scalars(
        select(LedgerEntry)
        .where(LedgerEntry.statement_id == third.id, LedgerEntry.kind == "correction")
        .order_by(LedgerEntry.id)
    ).all()
    assert -sum(line.amount for line in back) == second.total
    assert f"HT-3/{PERIOD}/3/correction:credit:{RESULT}" in {line.key for line in back}
    # By item too.
    items = {line.contract_item_id for line in back}
    assert items == {desk.contract.items[0].id}
    assert desk.session.scalars(find_unbalanced()).all() == []
    # Sums of a month take the newest alone.
    (month,) = list_months(desk.session, SYSTEM)
    assert (month.statements, month.total) == (1, third.total)


def test_without_taking_back_the_check_of_the_ledger_fails(
    desk: RevisionDesk, monkeypatch: Any
) -> None:
    """The control of what a restore checks."""
    monkeypatch.setattr("dcim.statements.issuing._take_back", lambda *given: [])
    desk.decide("down")
    second = desk.correct()
    assert desk.ledger(contract=True) != second.total
    assert desk.session.scalars(find_unbalanced()).all() == [second.number]


def test_samples_that_came_late_count(desk: RevisionDesk) -> None:
    desk.measure_late()
    seen = desk.preview()
    (result,) = seen.differences["results"]
    assert result["after"]["result"] == "met"
    assert "measured" in seen.differences["parts"]
    made = desk.correct()
    assert (made.verdict, made.total) == ("met", desk.issued.total)
    assert made.document["replaces"]["differences"]["lines"] == []


def test_nobody_corrects_alone(desk: RevisionDesk) -> None:
    desk.decide("down")
    proposal = desk.propose_correction()
    for state in ("accepted", "refused"):
        with pytest.raises(ForbiddenError, match="someone else decides"):
            decide_revision(desk.session, desk.ann, desk.settings, proposal.id, state, "我说的")
    with pytest.raises(ForbiddenError, match="Only whoever proposed"):
        withdraw_revision(desk.session, desk.bob, proposal.id, "算了")
    for scope in (SYSTEM, desk.own):
        with pytest.raises(ForbiddenError, match="person of staff"):
            decide_revision(desk.session, scope, desk.settings, proposal.id, "accepted", "好")
        with pytest.raises(ForbiddenError, match="person of staff"):
            propose_revision(desk.session, scope, desk.settings, desk.issued.id, "x", "好")
    with pytest.raises(ForbiddenError, match="Only staff"):
        preview_revision(desk.session, desk.own, desk.settings, desk.issued.id)
    assert proposal.state == "open"
    withdraw_revision(desk.session, desk.ann, proposal.id, "看错了")
    assert desk.session.scalars(select(Statement)).all() == [desk.issued]
    deeds = desk.session.scalars(
        select(AuditEntry.action)
        .where(AuditEntry.action.startswith("revision_proposal"))
        .order_by(AuditEntry.id)
    ).all()
    assert deeds == ["revision_proposal.propose", "revision_proposal.withdrawn"]


def test_the_database_refuses_one_person_alone(desk: RevisionDesk) -> None:
    """The service taken away: the constraints hold, and it is they that refuse."""
    desk.decide("down")
    desk.propose_correction()
    alone = (
        "UPDATE revision_proposal SET state = 'accepted', decision = 'x', issued_id ="
        " statement_id, decided_at = proposed_at, decided_by = 'x', decider_id = proposer_id"
    )
    two = alone.replace("= proposer_id", "= (SELECT id FROM app_user WHERE email LIKE 'bob@%')")
    unissued = two.replace("issued_id = statement_id, ", "")
    for deed, name in ((alone, "four_eyes"), (unissued, "issued")):
        with pytest.raises(IntegrityError, match=name), desk.session.begin_nested():
            desk.session.execute(text(deed))
    desk.session.execute(text(two))
    for deed in (
        "UPDATE revision_proposal SET decision = 'y'",
        "UPDATE revision_proposal SET differences = '{}'",
    ):
        with pytest.raises(DBAPIError, match="decided once"), desk.session.begin_nested():
            desk.session.execute(text(deed))
    with pytest.raises(DBAPIError, match="permission denied"), desk.session.begin_nested():
        desk.session.execute(text("DELETE FROM revision_proposal"))


def test_what_was_not_seen_is_not_issued(desk: RevisionDesk) -> None:
    seen = desk.preview().sha256
    desk.decide("down")
    with pytest.raises(ConflictError, match="isn't what you saw"):
        desk.propose_correction(seen=seen)
    proposal = desk.propose_correction()
    # Between the two people the facts change: what the first saw isn't what would be issued.
    desk.decide("up")
    with pytest.raises(ConflictError, match="isn't what was proposed any more"):
        desk.accept(proposal)
    assert proposal.state == "open"
    decide_revision(desk.session, desk.bob, desk.settings, proposal.id, "refused", "数据已变")
    assert desk.correct().verdict == "met"


def test_the_hash_is_what_holds_them_together(
    desk: RevisionDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: without comparing, what nobody saw is issued."""
    desk.decide("down")
    proposal = desk.propose_correction()
    desk.decide("up")
    monkeypatch.setattr(revising, "hash_json", lambda value: "same")
    made = desk.accept(proposal)
    assert made.document["replaces"]["differences"] != proposal.differences


def test_reasons_are_kept_and_asked_for(desk: RevisionDesk) -> None:
    desk.decide("down")
    for reason, said in ((" ", "Say why"), ("长" * 256, "at most 255")):
        with pytest.raises(InvalidError, match=said):
            desk.propose_correction(reason=reason)
    proposal = desk.propose_correction(reason="长" * 255)
    with pytest.raises(InvalidError, match="Say why"):
        decide_revision(desk.session, desk.bob, desk.settings, proposal.id, "accepted", " ")
    with pytest.raises(InvalidError, match="accepted or refused"):
        decide_revision(desk.session, desk.bob, desk.settings, proposal.id, "maybe", "好")
    made = desk.accept(proposal)
    assert made.reason == "长" * 255
    row = find_revision_proposal(desk.session, desk.ann, proposal.id)
    assert (row.state, row.decision, row.decided_by) == (
        "accepted",
        "与日志相符",
        "bob@example.com",
    )
    assert (row.number, row.issued_id) == (desk.issued.number, made.id)


def test_only_the_newest_is_corrected_and_one_proposal_waits(desk: RevisionDesk) -> None:
    desk.decide("down")
    proposal = desk.propose_correction()
    with pytest.raises(ConflictError, match=r"ann@example\.com has proposed to correct it"):
        desk.propose_correction(scope=desk.bob)
    second = desk.accept(proposal)
    with pytest.raises(ConflictError, match=f"replaced already; correct {second.number}"):
        desk.preview()
    with pytest.raises(ConflictError, match="isn't made yet"):
        desk.preview(second)
    with pytest.raises(ConflictError, match=r"bob@example.com has decided this"):
        desk.accept(proposal)
    with pytest.raises(NotFoundError):
        preview_revision(desk.session, desk.ann, desk.settings, 10**9)


def test_the_month_issued_again_stays_with_the_revision(desk: RevisionDesk) -> None:
    desk.decide("down")
    second = desk.correct()
    found, new = freeze_statement(desk.session, SYSTEM, desk.settings, desk.contract.id, PERIOD)
    assert (found.id, new) == (second.id, False)


def test_a_preview_names_the_later_months(desk: RevisionDesk) -> None:
    before, _ = freeze_statement(desk.session, SYSTEM, desk.settings, desk.contract.id, "2026-09")
    desk.give_file(before)
    assert desk.preview(before).later == [desk.issued.number]
    assert desk.preview().later == []
    desk.decide("down")
    second = desk.correct()
    assert desk.preview(before).later == [second.number]


def test_lists_say_what_is_replaced(desk: RevisionDesk) -> None:
    desk.decide("down")
    second = desk.correct()
    for scope in (desk.ann, desk.own):
        old = find_statement(desk.session, scope, desk.issued.id)
        new = find_statement(desk.session, scope, second.id)
        assert (old.is_replaced, old.newest_id, old.newest_revision) == (True, second.id, 2)
        assert (new.is_replaced, new.newest_id) == (False, second.id)
        listed = list_statements(desk.session, scope, StatementFilter(contract_id=desk.contract.id))
        assert {one.id for one in listed.items} == {desk.issued.id, second.id}


def test_the_customer_sees_what_was_accepted_alone(desk: RevisionDesk) -> None:
    desk.decide("down")
    proposal = desk.propose_correction()
    assert list_revision_proposals(desk.session, desk.own).total == 0
    with pytest.raises(NotFoundError):
        find_revision_proposal(desk.session, desk.own, proposal.id)
    desk.accept(proposal)
    wanted = RevisionProposalFilter(statement_id=desk.issued.id, state="accepted", period=PERIOD)
    (row,) = list_revision_proposals(desk.session, desk.own, wanted).items
    assert row.reason == REASON
    assert list_revision_proposals(desk.session, desk.other).total == 0


def test_two_who_accept_at_once_issue_one(sessions: SessionFactory, settings: Settings) -> None:
    with transaction(sessions, SYSTEM) as session:
        desk = RevisionDesk(session, settings)
        deciders = [desk.bob, desk.person("cat")]
        desk.decide("down")
        proposal_id, contract_id = desk.propose_correction().id, desk.contract.id
    start, outcomes = threading.Barrier(2), []

    def accept(scope: Any) -> None:
        start.wait()
        try:
            with transaction(sessions, scope) as session:
                decide_revision(session, scope, settings, proposal_id, "accepted", "属实")
                outcomes.append("issued")
        except ConflictError as error:
            outcomes.append(str(error))

    threads = [threading.Thread(target=accept, args=(scope,)) for scope in deciders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcome == "issued" for outcome in outcomes) == [False, True]
    assert any("has decided this already" in outcome for outcome in outcomes)
    with transaction(sessions, SYSTEM) as session:
        numbers = session.scalars(
            select(Statement.number)
            .where(Statement.contract_id == contract_id)
            .order_by(Statement.revision)
        ).all()
        assert numbers == ["SLA-202610-HT-3-01", "SLA-202610-HT-3-02"]
        assert session.scalars(find_unbalanced()).all() == []
        assert session.get_one(RevisionProposal, proposal_id).state == "accepted"


def test_what_is_replaced_while_a_proposal_waits_its_turn_is_not_proposed(
    sessions: SessionFactory, settings: Settings
) -> None:
    with transaction(sessions, SYSTEM) as session:
        desk = RevisionDesk(session, settings)
        desk.decide("down")
        seen, statement_id = desk.preview().sha256, desk.issued.id
        proposal_id = desk.propose_correction().id
    outcomes = []

    def propose() -> None:
        try:
            with transaction(sessions, desk.bob) as session:
                propose_revision(session, desk.bob, settings, statement_id, seen, REASON)
                outcomes.append("proposed")
        except ConflictError as error:
            outcomes.append(str(error))

    late = threading.Thread(target=propose)
    with transaction(sessions, desk.bob) as session:
        decide_revision(session, desk.bob, settings, proposal_id, "accepted", "属实")
        late.start()
        wait_for_blocked(session)
    late.join()
    assert outcomes == ["SLA-202610-HT-3-01 is replaced already; correct SLA-202610-HT-3-02."]
