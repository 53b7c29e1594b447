"""Contests and overrules: two people, reasons, the original beside, and what a statement tells."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner
from sqlalchemy import text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from dcim.accounts.models import User
from dcim.accounts.scope import Scope
from dcim.cli import main
from dcim.config import Settings
from dcim.db import ScopedSession, SessionFactory, transaction
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from dcim.sla.contests import contest_incident, find_contest, list_contests, refuse_contest
from dcim.sla.overrules import (
    OverruleFilter,
    decide_overrule,
    find_overrule,
    list_overrules,
    withdraw_overrule,
)
from dcim.sla.ruling_models import IncidentOverrule
from dcim.statements.attachments import read_inputs
from dcim.statements.composition import compose
from dcim.statements.files import read_file, unpack_inputs
from dcim.statements.inputs import InputsRefusedError
from dcim.statements.issuing import freeze_statement, issue_statement
from dcim.statements.models import Statement
from reports.unpacking import embedded_files
from tests.integration.statements.incident_desk import MINUTE, NAME, NOON, IncidentDesk
from tests.integration.statements.town import SYSTEM
from tests.statements.test_composition import SCHEMA


@pytest.fixture
def desk(session: ScopedSession, settings: Settings) -> IncidentDesk:
    return IncidentDesk(session, settings)


def test_what_was_accepted_counts_and_nothing_else_does(desk: IncidentDesk) -> None:
    before = desk.inputs()
    assert "overrules" not in before
    assert desk.downtime() == 50
    proposed = desk.propose("did_not_happen")
    # A proposal changes nothing, not one byte of the inputs.
    assert {**desk.inputs(), "document": 0} == {**before, "document": 0}
    decide_overrule(desk.session, desk.bob, proposed.id, "refused", "无依据")
    assert "overrules" not in desk.inputs()
    desk.overrule("did_not_happen")
    result = desk.judge()
    assert (result.outcome.downtime_ms, str(result.credit.amount)) == (0, "0.00")
    # The original stays: as measured in the states, and whole beside the ruling.
    inputs = desk.inputs()
    (port,) = (one for one in inputs["resources"] if one["kind"] == "port")
    assert [state for _, _, state in port["states"]] == ["up", "down", "up"]
    (told,) = inputs["overrules"]
    assert told["measured"] == {"start": "2026-10-05T04:00:00Z", "end": "2026-10-05T04:50:00Z"}
    assert (told["proposed_by"], told["accepted_by"]) == ("ann@example.com", "bob@example.com")
    assert (told["reason"], told["decision"]) == ("核对工单", "核实无误")
    assert desk.incident.started_at == NOON
    assert desk.deeds(desk.incident) == [
        "incident.overrule.propose", "incident.overrule.refused",
        "incident.overrule.propose", "incident.overrule.accepted",
    ]  # fmt: skip


def test_other_times_count_in_place_of_the_measured(desk: IncidentDesk) -> None:
    desk.overrule("times", starts_at=NOON - 10 * MINUTE, ends_at=NOON + 20 * MINUTE)
    assert desk.downtime() == 30
    # Taken back by two people again: as measured.
    desk.overrule("as_measured")
    assert desk.downtime() == 50
    with pytest.raises(InvalidError, match="as measured already"):
        desk.propose("as_measured")


def test_an_incident_may_be_moved_into_the_month(desk: IncidentDesk) -> None:
    september = dt.datetime(2026, 9, 30, 15, tzinfo=dt.UTC)  # 23:00 in Shanghai
    row = desk.measured(september, september + 30 * MINUTE)
    assert desk.downtime() == 50
    desk.overrule("times", incident_id=row.id, starts_at=september, ends_at=september + 90 * MINUTE)
    assert desk.downtime() == 80


def test_another_cause_is_left_out_where_the_terms_say_so(desk: IncidentDesk) -> None:
    desk.overrule("cause", cause="客户误拔光纤", cause_class="customer_caused")
    result = desk.judge()
    assert result.outcome.downtime_ms == 0
    assert result.outcome.excluded_ms == 50 * 60_000
    (line,) = (one for one in result.measurement.trace if one.kind == "excluded")
    assert line.reason["en"].startswith("OVR-")


def test_a_class_the_terms_do_not_name_has_no_effect(desk: IncidentDesk) -> None:
    desk.overrule("cause", cause="地震", cause_class="force_majeure")
    assert desk.downtime() == 50


def test_nobody_decides_alone(desk: IncidentDesk) -> None:
    proposed = desk.propose("did_not_happen")
    for state in ("accepted", "refused"):
        with pytest.raises(ForbiddenError, match="someone else decides"):
            decide_overrule(desk.session, desk.ann, proposed.id, state, "我说的")
    with pytest.raises(ForbiddenError, match="Only whoever proposed"):
        withdraw_overrule(desk.session, desk.bob, proposed.id, "算了")
    assert proposed.state == "open"
    # Whatever the person is called by now: it is the same person.
    desk.session.execute(
        update(User).where(User.email == "ann@example.com").values(email="anna@example.com")
    )
    with pytest.raises(ForbiddenError, match="someone else decides"):
        decide_overrule(
            desk.session, Scope.staff("anna@example.com"), proposed.id, "accepted", "我说的"
        )
    withdraw_overrule(desk.session, Scope.staff("anna@example.com"), proposed.id, "看错了")
    assert desk.downtime() == 50


def test_no_job_and_no_customer_takes_part(desk: IncidentDesk) -> None:
    proposed = desk.propose("did_not_happen")
    for scope in (SYSTEM, desk.own, Scope.staff("nobody@example.com")):
        with pytest.raises(ForbiddenError, match="person of staff"):
            decide_overrule(desk.session, scope, proposed.id, "accepted", "好")


def test_the_database_refuses_one_person_alone(desk: IncidentDesk) -> None:
    """The service taken away: the constraint holds, and it is that which refuses."""
    proposed = desk.propose("did_not_happen")
    alone = (
        "UPDATE incident_overrule SET state = 'accepted', decision = 'x', decided_at = now(),"
        " decided_by = 'x', decider_id = proposer_id"
    )
    with pytest.raises(IntegrityError, match="four_eyes"), desk.session.begin_nested():
        desk.session.execute(text(alone))
    two = alone.replace("= proposer_id", "= (SELECT id FROM app_user WHERE email LIKE 'bob@%')")
    desk.session.execute(text(two))
    desk.session.refresh(proposed)
    assert proposed.state == "accepted"


def test_a_decision_stands(desk: IncidentDesk) -> None:
    row = desk.overrule("did_not_happen")
    with pytest.raises(ConflictError, match=r"bob@.* has decided"):
        decide_overrule(desk.session, desk.bob, row.id, "refused", "反悔")
    for deed in (
        "UPDATE incident_overrule SET reason = 'x'",
        "UPDATE incident_overrule SET state = 'refused'",
        "DELETE FROM incident_overrule",
    ):
        with pytest.raises(DBAPIError), desk.session.begin_nested():
            desk.session.execute(text(deed))


@pytest.mark.parametrize(
    ("ruling", "given", "said"),
    [
        ("did_not_happen", {"reason": " "}, "Say why"),
        ("times", {}, "both times"),
        ("times", {"starts_at": NOON, "ends_at": NOON}, "ends before it begins"),
        ("times", {"starts_at": NOON, "ends_at": NOON + dt.timedelta(days=9999)}, "future"),
        ("did_not_happen", {"starts_at": NOON}, "times alone"),
        ("cause", {}, "which cause"),
        ("did_not_happen", {"cause": "x"}, "cause alone"),
        ("guess", {}, "No such ruling"),
    ],
)
def test_what_cannot_be_is_refused(
    desk: IncidentDesk, ruling: str, given: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidError, match=said):
        desk.propose(ruling, **given)
    assert list_overrules(desk.session, desk.ann).total == 0


def test_what_lasts_or_changed_or_waits_is_a_conflict(desk: IncidentDesk) -> None:
    lasting = desk.measured(NOON + dt.timedelta(days=1), None)
    with pytest.raises(ConflictError, match="still lasts"):
        desk.propose("did_not_happen", incident_id=lasting.id)
    proposed = desk.propose("did_not_happen")
    with pytest.raises(ConflictError, match=r"ann@.* has proposed"):
        desk.propose("did_not_happen")
    with pytest.raises(ConflictError, match="clock has gone backwards"):
        decide_overrule(
            desk.session, desk.bob, proposed.id, "accepted", "好",
            now=proposed.proposed_at - MINUTE,
        )  # fmt: skip
    desk.incident.ended_at = NOON + 51 * MINUTE
    with pytest.raises(ConflictError, match="measured anew"):
        decide_overrule(desk.session, desk.bob, proposed.id, "accepted", "好")
    decide_overrule(desk.session, desk.bob, proposed.id, "refused", "重新提出")


def test_a_temperature_is_struck_out_but_not_made_up(desk: IncidentDesk) -> None:
    hot = desk.measured(NOON, NOON + 50 * MINUTE, kind="temperature", key="t")
    with pytest.raises(InvalidError, match="not made up"):
        desk.propose("times", incident_id=hot.id, starts_at=NOON - MINUTE, ends_at=NOON + MINUTE)
    desk.propose("times", incident_id=hot.id, starts_at=NOON, ends_at=NOON + MINUTE)


def test_a_contest_is_answered_by_a_ruling_or_a_refusal(desk: IncidentDesk) -> None:
    with pytest.raises(NotFoundError):
        contest_incident(desk.session, desk.other, desk.incident.id, "不是我")
    with pytest.raises(InvalidError):
        contest_incident(desk.session, desk.own, desk.incident.id, "  ")
    first = contest_incident(desk.session, desk.own, desk.incident.id, "实际断了两小时")
    with pytest.raises(ConflictError, match="answer is still to come"):
        contest_incident(desk.session, desk.own, desk.incident.id, "快点")
    refuse_contest(desk.session, desk.ann, first.id, "以采集为准")
    assert find_contest(desk.session, desk.own, first.id).answer == "以采集为准"
    with pytest.raises(ConflictError, match="answered this contest already"):
        refuse_contest(desk.session, desk.ann, first.id, "再说一遍")
    second = contest_incident(desk.session, desk.own, desk.incident.id, "附交换机日志")
    desk.overrule("times", starts_at=NOON, ends_at=NOON + 120 * MINUTE)
    row = find_contest(desk.session, SYSTEM, second.id)
    assert (row.state, row.answer, row.answered_by) == ("upheld", "核实无误", "bob@example.com")
    # The customer reads the answer, not which person of the operator gave it.
    told = find_contest(desk.session, desk.own, second.id)
    assert (told.state, told.answer, told.answered_by) == ("upheld", "核实无误", "")
    assert desk.downtime() == 120
    assert list_contests(desk.session, desk.other).total == 0
    with pytest.raises(NotFoundError):
        find_contest(desk.session, desk.other, second.id)


def test_an_overrule_for_one_customer_leaves_the_others(desk: IncidentDesk) -> None:
    with pytest.raises(InvalidError, match="didn't hit this customer"):
        desk.propose("did_not_happen", customer_id=desk.other.customer_id)
    desk.overrule("did_not_happen", customer_id=desk.own.customer_id)
    assert desk.downtime() == 0
    assert list_overrules(desk.session, desk.own).total == 1
    assert list_overrules(desk.session, desk.other).total == 0


def test_row_security_shows_each_its_own(sessions: SessionFactory, settings: Settings) -> None:
    with transaction(sessions, SYSTEM) as session:
        desk = IncidentDesk(session, settings)
        contest_incident(session, desk.own, desk.incident.id, "错了")
        shared = desk.overrule("did_not_happen").id
        alone = desk.overrule("as_measured", customer_id=desk.own.customer_id).id
        own, other = desk.own, desk.other

    def seen(scope: Scope) -> tuple[list[int], int]:
        with transaction(sessions, scope) as session:
            ids = session.scalars(text("SELECT id FROM incident_overrule ORDER BY id")).all()
            return list(ids), session.scalars(text("SELECT count(*) FROM incident_contest")).one()

    assert seen(own) == ([shared, alone], 1)
    assert seen(other) == ([], 0)
    with pytest.raises(DBAPIError), transaction(sessions, own) as session:
        session.add(
            IncidentOverrule(
                incident_id=1, customer_id=own.customer_id, ruling="did_not_happen",
                measured_from=NOON, measured_to=NOON + MINUTE, resources=[], reason="x",
                proposed_by="x", proposer_id=1,
            )
        )  # fmt: skip


def test_the_customer_sees_what_was_accepted_alone(desk: IncidentDesk) -> None:
    proposed = desk.propose("did_not_happen")
    assert list_overrules(desk.session, desk.own).total == 0
    with pytest.raises(NotFoundError):
        find_overrule(desk.session, desk.own, proposed.id)
    decide_overrule(desk.session, desk.bob, proposed.id, "accepted", "好")
    found = list_overrules(desk.session, desk.own, OverruleFilter(incident_id=desk.incident.id))
    assert [row.id for row in found.items] == [proposed.id]
    assert list_overrules(desk.session, desk.other).total == 0


def test_a_statement_tells_both_and_is_composed_again_from_its_files(desk: IncidentDesk) -> None:
    desk.overrule("times", starts_at=NOON, ends_at=NOON + 20 * MINUTE)
    statement = compose(desk.inputs())
    assert compose(read_inputs(statement.attachments)).data == statement.data
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    found = jsonschema.Draft202012Validator(schema).iter_errors(statement.data)
    assert [error.message for error in found] == []
    (told,) = statement.data["incidents"]
    assert (told["end"], told["counted_s"]) == ("2026-10-05T04:20:00Z", 1200)
    assert told["overruled"]["measured"]["end"] == "2026-10-05T04:50:00Z"
    assert told["reason"]["en"].startswith(
        "measured 2026-10-05 12:00:00 – 2026-10-05 12:50:00, overruled to 2026-10-05 12:00:00 – "
        "2026-10-05 12:20:00 by ann@example.com and bob@example.com, because: 核对工单; counted in"
    )
    assert "改判为" in told["reason"]["zh"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"accepted_by": "ann@example.com"}, "alone; it takes two"),
        ({"accepted_at": "2026-01-01T00:00:00Z"}, "accepted before it was proposed"),
        ({"incident": "INC-0"}, "there is no incident INC-0"),
        ({"ruling": "x"}, "is no ruling"),
        ({"reason": ""}, "has no reason"),
        ({"measured": {"start": "2026-10-05T04:00:00Z", "end": "2026-10-05T04:00:00Z"}},
         "ends before it begins"),
    ],
)  # fmt: skip
def test_rulings_that_cannot_be_are_refused_when_judged(
    desk: IncidentDesk, change: dict[str, Any], said: str
) -> None:
    desk.overrule("did_not_happen")
    inputs = desk.inputs()
    inputs["overrules"][0] |= change
    with pytest.raises(InputsRefusedError, match=said):
        compose(inputs)


def test_what_is_issued_stays_and_its_file_proves_the_ruling(
    sessions: SessionFactory, settings: Settings, tmp_path: Path
) -> None:
    with transaction(sessions, SYSTEM) as session:
        desk = IncidentDesk(session, settings)
        desk.overrule("times", starts_at=NOON, ends_at=NOON + 120 * MINUTE)
        contract = desk.contract.id
    issued = issue_statement(sessions, SYSTEM, settings, contract, "2026-10")
    with transaction(sessions, SYSTEM) as session:
        statement = session.get_one(Statement, issued.statement_id)
        # Nothing was measured down that month: two hours are down by the ruling alone.
        assert (statement.verdict, str(statement.credits)) == ("breached", "-300.00")
        document = dict(statement.document)
        assert compose(unpack_inputs(statement)).data == document
        pdf = read_file(session, SYSTEM, settings, statement.id)
    assert compose(read_inputs(embedded_files(pdf))).data == document
    path = tmp_path / "statement.pdf"
    path.write_bytes(pdf)
    found = CliRunner().invoke(main, ["statement", "verify", str(path), "--json"])
    # Sound and every number recomputed; nobody said whom to trust.
    assert json.loads(found.output)["outcome"] == "signer_unknown"
    with transaction(sessions, SYSTEM) as session:
        desk.session = session
        desk.overrule("as_measured")
        again, new = freeze_statement(session, SYSTEM, settings, contract, "2026-10")
        assert (new, again.document) == (False, document)


def test_the_names_in_evidence_stay_the_contracts_own(desk: IncidentDesk) -> None:
    desk.incident.evidence = [{"resource": NAME}, {"resource": "feed/PDU-OTHER"}]
    desk.overrule("did_not_happen")
    assert desk.inputs()["overrules"][0]["resources"] == [NAME]
