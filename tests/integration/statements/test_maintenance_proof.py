"""Planned work in a statement: what its notices prove is left out, the rest counts."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from sqlalchemy import select

import dcim.statements
from dcim.accounts.scope import Scope
from dcim.config import Settings
from dcim.customers.models import Contact
from dcim.db import ScopedSession
from dcim.network.models import Port
from dcim.operations.consents import decide_consent
from dcim.operations.maintenance import (
    Plan,
    Targets,
    approve_maintenance,
    begin_maintenance,
    cancel_maintenance,
    change_maintenance,
    finish_maintenance,
    plan_maintenance,
)
from dcim.operations.models import Maintenance, MaintenanceNotice, MaintenanceTarget
from dcim.sla.announcing import announce
from dcim.sla.rules.evaluation import MetricResult
from dcim.statements.attachments import attachments_of, read_inputs
from dcim.statements.composition import compose, evaluate_inputs
from dcim.statements.files import produce_file, read_file
from dcim.statements.models import Statement
from dcim.statements.verifying import verify_file
from tests.integration.statements.test_past_periods import OCTOBER, STANDARD, Office
from tests.integration.statements.town import SYSTEM

PLANNER = Scope.staff("planner@example.com")
CHIEF = Scope.staff("chief@example.com")
# The port is down on 5 October from 12:00 to 12:50 in Shanghai.
NOON = dt.datetime(2026, 10, 5, 4, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)
HOUR = dt.timedelta(hours=1)
START, END = NOON - 10 * MINUTE, NOON + HOUR
EARLY, LATE = START - 100 * HOUR, START - 24 * HOUR
SCHEMA = Path(dcim.statements.__path__[0]) / "statement.schema.json"
CONSENT = STANDARD.replace(
    "{class: maintenance, notice: 72 h,", "{class: maintenance, notice: 72 h, approved: required,"
)


class Works(Office):
    def __init__(self, session: ScopedSession, settings: Settings) -> None:
        super().__init__(session, settings)
        self.own = Scope.customer("own@example.com", self.contract.customer_id)
        session.add(
            Contact(
                customer_id=self.contract.customer_id, name="tech", email="tech@c3.example",
                may_ticket=True,
            )
        )  # fmt: skip
        session.flush()

    def plan(self, told: dt.datetime, **given: Any) -> Maintenance:
        """Planned, approved and, unless cancelled since, announced at `told`."""
        port = self.session.scalars(select(Port).where(Port.name == "ge3")).one()
        wanted: dict[str, Any] = {
            "title": "升级", "title_en": "Upgrade", "starts_at": START, "ends_at": END,
            "targets": Targets(ports=frozenset([port.id])),
        }  # fmt: skip
        work = plan_maintenance(self.session, PLANNER, Plan(**(wanted | given)), told - HOUR)
        approve_maintenance(self.session, CHIEF, work.id, told - HOUR)
        announce(self.session, PLANNER, work.id, "email", now=told)
        return work

    def do(self, work: Maintenance) -> None:
        begin_maintenance(self.session, PLANNER, work.id, work.starts_at)
        finish_maintenance(self.session, PLANNER, work.id, work.ends_at)

    def decide(self, work: Maintenance, decision: str, now: dt.datetime, reason: str = "") -> None:
        """The customer, of the times the window has."""
        seen = work.starts_at, work.ends_at
        decide_consent(self.session, self.own, work.id, decision, reason, now, seen=seen)

    def move(self, work: Maintenance, by: dt.timedelta, at: dt.datetime) -> None:
        moved = {"starts_at": work.starts_at + by, "ends_at": work.ends_at + by}
        change_maintenance(self.session, PLANNER, work.id, moved, at)
        approve_maintenance(self.session, CHIEF, work.id, at)

    def judged(self, terms: str = STANDARD) -> tuple[MetricResult, dict[str, Any]]:
        inputs = self.gather("2026-10", terms, OCTOBER)
        results = {one.metric.id: one for one in evaluate_inputs(inputs).results}
        (entry,) = inputs["maintenance"] or [{}]
        return results["network"], entry

    def minutes(self, terms: str = STANDARD) -> int:
        return self.judged(terms)[0].outcome.downtime_ms // 60_000


@pytest.fixture
def works(session: ScopedSession, settings: Settings) -> Works:
    return Works(session, settings)


def test_without_any_work_all_of_it_counts(works: Works) -> None:
    assert works.minutes() == 50


def test_announced_in_time_it_is_left_out(works: Works) -> None:
    work = works.plan(EARLY)
    works.do(work)
    result, entry = works.judged()
    assert result.outcome.downtime_ms == 0
    assert (entry["class"], entry["announced_at"], entry["recipients"]) == (
        "maintenance", "2026-09-30T23:50:00Z", ["tech@c3.example"],
    )  # fmt: skip
    (notice,) = entry["notices"]
    assert (notice["start"], notice["end"], notice["channel"], len(notice["sha256"])) == (
        "2026-10-05T03:50:00Z", "2026-10-05T05:00:00Z", "email", 64,
    )  # fmt: skip


def test_announced_too_late_it_counts(works: Works) -> None:
    works.do(works.plan(LATE))
    assert works.minutes() == 50


def test_moved_after_the_notice_only_what_was_announced_is_left_out(works: Works) -> None:
    """Told of 11:50-13:00, done 12:20-13:30: of the outage 12:00-12:50 only 12:20-12:50 is in the
    window, and all of that was told; moved the other way, 11:20-12:30, 12:00-12:30 is."""
    work = works.plan(EARLY)
    works.move(work, 30 * MINUTE, EARLY + HOUR)
    works.do(work)
    assert works.minutes() == 20
    work.starts_at, work.ends_at = START - 30 * MINUTE, END - 30 * MINUTE
    works.session.flush()
    assert works.minutes() == 20


def test_told_of_an_earlier_hour_the_rest_counts(works: Works) -> None:
    """Told of 11:20-12:30; it takes place 11:50-13:00. The outage's 12:00-12:30 was announced, its
    last 20 minutes weren't: the window alone would have excused all 50."""
    work = works.plan(EARLY, starts_at=START - 30 * MINUTE, ends_at=END - 30 * MINUTE)
    works.move(work, 30 * MINUTE, EARLY + HOUR)
    works.do(work)
    result, _ = works.judged()
    assert result.outcome.downtime_ms == 20 * 60_000
    (section,) = compose(works.gather("2026-10", STANDARD, OCTOBER)).data["maintenance"]
    assert section["effect"]["en"].startswith("its times changed after the notice")
    # Told again in time: all of it is announced.
    works.session.get_one(Maintenance, work.id).state = "announced"
    announce(works.session, PLANNER, work.id, "email", now=EARLY + 2 * HOUR)
    assert works.minutes() == 0


def test_told_again_too_late_the_new_part_counts(works: Works) -> None:
    work = works.plan(EARLY, starts_at=START - 30 * MINUTE, ends_at=END - 30 * MINUTE)
    works.move(work, 30 * MINUTE, LATE)
    announce(works.session, PLANNER, work.id, "email", now=LATE + HOUR)
    works.do(work)
    assert works.minutes() == 20


def test_what_nobody_approved_or_was_given_up_is_no_window(works: Works) -> None:
    work = works.plan(EARLY)
    change_maintenance(works.session, PLANNER, work.id, {"ends_at": END + MINUTE}, EARLY + HOUR)
    assert works.judged()[1] == {}
    cancel_maintenance(works.session, PLANNER, work.id, "改期", EARLY + HOUR)
    assert works.judged()[1] == {}
    assert works.minutes() == 50


def test_of_another_class_the_terms_leave_nothing_out(works: Works) -> None:
    work = works.plan(EARLY, kind="emergency", evidence="报告 7")
    works.do(work)
    result, entry = works.judged()
    assert result.outcome.downtime_ms == 50 * 60_000
    assert (entry["class"], entry["evidence"]) == ("emergency", "报告 7")


def test_where_the_terms_ask_the_customer_approves(works: Works) -> None:
    work = works.plan(EARLY)
    assert works.minutes(CONSENT) == 50
    works.decide(work, "objected", EARLY + HOUR, "促销期")
    result, entry = works.judged(CONSENT)
    assert (result.outcome.downtime_ms, entry["approved"]) == (50 * 60_000, False)
    works.decide(work, "approved", EARLY + 2 * HOUR)
    result, entry = works.judged(CONSENT)
    assert (result.outcome.downtime_ms, entry["approved"]) == (0, True)
    assert entry["approval"]["by"] == "own@example.com"
    # Approved for other times it is approved no more.
    works.move(work, MINUTE, EARLY + 3 * HOUR)
    result, entry = works.judged(CONSENT)
    assert "approved" not in entry
    assert result.outcome.downtime_ms == 50 * 60_000


def test_what_only_the_fact_is_on_record_of_is_told_as_ever(works: Works) -> None:
    """A window and a notice as they were entered before notices were kept in words."""
    port = works.session.scalars(select(Port).where(Port.name == "ge3")).one()
    work = Maintenance(
        code="M-1", title="升级", title_en="Upgrade", starts_at=START, ends_at=END, state="done",
        announced_at=EARLY, targets=[MaintenanceTarget(port_id=port.id)],
        notices=[
            MaintenanceNotice(
                customer_id=works.contract.customer_id, sent_at=EARLY, channel="email",
                recipient="x@c3.example", starts_at=START, ends_at=END,
            )
        ],
    )  # fmt: skip
    works.session.add(work)
    works.session.flush()
    result, entry = works.judged()
    assert set(entry) == {
        "id", "class", "title", "start", "end", "announced_at", "recipients", "resources",
    }  # fmt: skip
    assert result.outcome.downtime_ms == 0
    (section,) = compose(works.gather("2026-10", STANDARD, OCTOBER)).data["maintenance"]
    assert not {"notices", "approval", "approved", "class", "evidence"} & set(section)


def moved_late(works: Works) -> None:
    work = works.plan(EARLY, starts_at=START - 30 * MINUTE, ends_at=END - 30 * MINUTE)
    works.decide(work, "approved", EARLY + HOUR)
    works.move(work, 30 * MINUTE, EARLY + 2 * HOUR)
    works.do(work)


def test_the_statement_is_composed_again_from_its_files(works: Works) -> None:
    moved_late(works)
    inputs = works.gather("2026-10", STANDARD, OCTOBER)
    composed = compose(inputs)
    again = compose(read_inputs(composed.attachments))
    assert again.data == composed.data
    assert again.attachments == composed.attachments == attachments_of(inputs)
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text("utf-8"))).validate(composed.data)
    (section,) = composed.data["maintenance"]
    assert [one["start"] for one in section["notices"]] == ["2026-10-05T03:20:00Z"]
    (effect,) = section["effects"]
    assert (effect["valid"], effect["excluded_s"]) == (True, 40 * 60)
    # The control: another time told, and the numbers are others.
    files = {file.name: file.content for file in composed.attachments}
    facts = json.loads(files["facts.json"])
    facts["maintenance"][0]["notices"][0]["end"] = "2026-10-05T05:00:00Z"
    forged = compose(read_inputs(files | {"facts.json": json.dumps(facts).encode()}))
    assert forged.data["metrics"] != composed.data["metrics"]


def test_the_signed_statement_verifies(
    works: Works, session: ScopedSession, settings: Settings
) -> None:
    moved_late(works)
    works.issue("2026-10", STANDARD, OCTOBER)
    statement = session.query(Statement).one()
    produce_file(session, SYSTEM, settings, statement)
    verdict = verify_file(read_file(session, SYSTEM, settings, statement.id))
    assert verdict.exit_code == 3, verdict.words("en")
