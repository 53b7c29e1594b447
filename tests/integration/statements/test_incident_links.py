"""Attached, merged and split incidents: what is told, what is one event, and undoing it."""

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from dcim.config import Settings
from dcim.db import ScopedSession
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from dcim.operations.models import Maintenance
from dcim.sla.incident_links import LinkFilter, NewLink, link_incident, list_links, undo_link
from dcim.sla.models import Incident
from dcim.sla.ruling_models import IncidentLink
from dcim.statements.attachments import read_inputs
from dcim.statements.composition import compose
from dcim.statements.inputs import InputsRefusedError
from tests.integration.statements.incident_desk import MINUTE, NOON, IncidentDesk
from tests.integration.statements.test_past_periods import STANDARD

# Two outages of ten minutes, hours apart, as the office measures them at noon of two days.
TWO = ((5, 10), (6, 10))
# Events of at least fifteen minutes count.
LONG = STANDARD.replace("qualify: at_least 60 s", "qualify: at_least 15 min").replace(
    "event_rounding: up to 1 min", "event_rounding: none"
)


@pytest.fixture
def desk(session: ScopedSession, settings: Settings) -> IncidentDesk:
    desk = IncidentDesk(session, settings)
    desk.incident.ended_at = NOON + 10 * MINUTE
    return desk


@pytest.fixture
def later(desk: IncidentDesk) -> Incident:
    start = NOON + dt.timedelta(days=1)
    return desk.measured(start, start + 10 * MINUTE)


def link(desk: IncidentDesk, kind: str, **given: Any) -> IncidentLink:
    wanted: dict[str, Any] = {"incident_id": desk.incident.id, "kind": kind, "reason": "同一故障"}
    wanted |= given
    return link_incident(desk.session, desk.ann, NewLink(**wanted))


def lengths(desk: IncidentDesk, terms: str) -> list[int]:
    """Minutes of each event that counts."""
    return [event.counted_ms // 60_000 for event in desk.judge(terms, outages=TWO).outcome.events]


def test_merging_counts_the_same_but_for_rules_of_an_event(
    desk: IncidentDesk, later: Incident
) -> None:
    assert (desk.downtime(outages=TWO), lengths(desk, LONG)) == (20, [])
    merged = link(desk, "merge", other_id=later.id)
    # Ten minutes each: together long enough. The time that counts by other terms is the same.
    assert (desk.downtime(outages=TWO), lengths(desk, LONG)) == (20, [20])
    statement = compose(desk.inputs(TWO, LONG))
    assert compose(read_inputs(statement.attachments)).data == statement.data
    told = {one["id"]: one for one in statement.data["incidents"]}
    for one, other in ((desk.incident, later), (later, desk.incident)):
        (said,) = told[f"INC-{one.id}"]["links"]
        assert (said["kind"], said["to"]) == ("merge", f"INC-{other.id}")
        assert f"one event together with INC-{other.id}" in told[f"INC-{one.id}"]["reason"]["en"]
    undo_link(desk.session, desk.bob, merged.id, "查明是两次")
    assert lengths(desk, LONG) == []
    assert "links" not in desk.inputs(TWO)
    (row,) = list_links(desk.session, desk.ann, LinkFilter(incident_id=later.id)).items
    assert (row.made_by, row.undone_by) == ("ann@example.com", "bob@example.com")
    # Undone, it may be decided anew.
    link(desk, "merge", other_id=later.id)
    assert desk.deeds(desk.incident) == ["incident.link", "incident.unlink", "incident.link"]


def test_splitting_makes_two_events_of_one(desk: IncidentDesk) -> None:
    twenty = ((5, 20),)
    desk.incident.ended_at = NOON + 20 * MINUTE
    events = desk.judge(LONG, outages=twenty).outcome.events
    assert [event.counted_ms for event in events] == [20 * 60_000]
    link(desk, "split", split_at=NOON + 4 * MINUTE)
    events = desk.judge(LONG, outages=twenty).outcome.events
    assert [event.counted_ms for event in events] == [16 * 60_000]
    assert desk.downtime(outages=twenty) == 20
    (told,) = compose(desk.inputs(twenty, LONG)).data["incidents"]
    assert told["counted_s"] == 960
    assert "another event from 2026-10-05 12:04:00 on" in told["reason"]["en"]


def test_a_split_outside_of_overruled_times_splits_nothing(desk: IncidentDesk) -> None:
    twenty = ((5, 20),)
    desk.incident.ended_at = NOON + 20 * MINUTE
    link(desk, "split", split_at=NOON + 18 * MINUTE)
    desk.overrule("times", starts_at=NOON, ends_at=NOON + 16 * MINUTE)
    events = desk.judge(LONG, outages=twenty).outcome.events
    assert [event.counted_ms for event in events] == [16 * 60_000]
    statement = compose(desk.inputs(twenty, LONG))
    assert compose(read_inputs(statement.attachments)).data == statement.data
    (told,) = statement.data["incidents"]
    assert "links" not in told
    assert "another event" not in told["reason"]["en"]
    # It splits again once it lies within them.
    desk.overrule("times", starts_at=NOON, ends_at=NOON + 19 * MINUTE)
    events = desk.judge(LONG, outages=twenty).outcome.events
    assert [event.counted_ms for event in events] == [18 * 60_000]


def test_attaching_tells_and_counts_nothing_otherwise(desk: IncidentDesk, later: Incident) -> None:
    """One person alone doesn't excuse an outage: that takes an overrule."""
    window = Maintenance(
        code="CHG-1", title="割接", title_en="Work", starts_at=NOON - MINUTE,
        ends_at=NOON + 60 * MINUTE, announced_at=NOON - dt.timedelta(days=9),
    )  # fmt: skip
    desk.session.add(window)
    desk.session.flush()
    before = desk.judge(outages=TWO)
    link(desk, "during_maintenance", maintenance_id=window.id)
    link(desk, "consequence", incident_id=later.id, other_id=desk.incident.id)
    assert desk.judge(outages=TWO) == before
    told = {one["id"]: one for one in compose(desk.inputs(TWO)).data["incidents"]}
    assert told[f"INC-{desk.incident.id}"]["links"][0]["to"] == "CHG-1"
    cause = f"a consequence of INC-{desk.incident.id}"
    assert cause in told[f"INC-{later.id}"]["reason"]["en"]
    with pytest.raises(InvalidError, match="CHG-1 ran at another time"):
        link(desk, "during_maintenance", incident_id=later.id, maintenance_id=window.id)


def test_whose_incident_it_also_was_stays_with_staff(desk: IncidentDesk, later: Incident) -> None:
    later.impacts.clear()
    link(desk, "merge", other_id=later.id)
    assert "links" not in desk.inputs(TWO)


def test_what_cannot_hang_together_is_refused(desk: IncidentDesk, later: Incident) -> None:
    elsewhere = desk.measured(NOON, NOON + MINUTE, key="x")
    elsewhere.evidence = [{"resource": "port/sw-9/ge9"}]
    desk.session.flush()
    for kind, given, said in (
        ("merge", {"other_id": elsewhere.id}, "nothing in common"),
        ("merge", {"other_id": desk.incident.id}, "another incident"),
        ("merge", {}, "another incident"),
        ("merge", {"other_id": 10**9}, "another incident"),
        ("consequence", {"other_id": later.id}, "began later"),
        ("split", {}, "when the second event begins"),
        ("split", {"split_at": NOON}, "not while it lasted"),
        ("split", {"split_at": NOON + 10 * MINUTE}, "not while it lasted"),
        ("during_maintenance", {}, "Choose the maintenance"),
        ("guess", {}, "No such link"),
        ("split", {"split_at": NOON + MINUTE, "reason": ""}, "Say why"),
    ):
        with pytest.raises(InvalidError, match=said):
            link(desk, kind, **given)
    with pytest.raises(NotFoundError):
        link(desk, "merge", incident_id=10**9, other_id=later.id)
    with pytest.raises(NotFoundError):
        link(desk, "during_maintenance", maintenance_id=10**9)
    for scope in (desk.own, desk.other):
        with pytest.raises(ForbiddenError):
            link_incident(
                desk.session, scope, NewLink(desk.incident.id, "merge", "x", other_id=later.id)
            )
        with pytest.raises(ForbiddenError):
            list_links(desk.session, scope)


def test_links_that_stand_are_not_contradicted(desk: IncidentDesk, later: Incident) -> None:
    link(desk, "consequence", incident_id=later.id, other_id=desk.incident.id)
    same = desk.measured(NOON, NOON + MINUTE, key="same")
    link(desk, "consequence", incident_id=same.id, other_id=desk.incident.id)
    with pytest.raises(InvalidError, match="is a consequence of this one"):
        link(desk, "consequence", other_id=same.id)
    merged = link(desk, "merge", other_id=later.id)
    for one, other in ((desk.incident.id, later.id), (later.id, desk.incident.id)):
        with pytest.raises(ConflictError, match="linked them so already"):
            link(desk, "merge", incident_id=one, other_id=other)
    with pytest.raises(ConflictError, match="merged already"):
        link(desk, "split", split_at=NOON + MINUTE)
    undo_link(desk.session, desk.ann, merged.id, "改为拆分")
    with pytest.raises(ConflictError, match="undone this already"):
        undo_link(desk.session, desk.ann, merged.id, "再来")
    link(desk, "split", split_at=NOON + MINUTE)
    with pytest.raises(ConflictError, match="split already"):
        link(desk, "merge", other_id=later.id)
    for deed in (
        "UPDATE incident_link SET reason = 'x'",
        "UPDATE incident_link SET undone_at = NULL WHERE undone_at IS NOT NULL",
        "DELETE FROM incident_link",
    ):
        with pytest.raises(DBAPIError), desk.session.begin_nested():
            desk.session.execute(text(deed))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "x"}, "is no link"),
        ({"other": "INC-0"}, "there is no incident INC-0"),
        ({"kind": "split"}, "lacks what it is to"),
        (
            {"kind": "split", "at": "2026-10-05T04:05:00Z", "incident": "INC-0"},
            "there is no incident INC-0",
        ),
    ],
)
def test_links_that_cannot_be_are_refused_when_judged(
    desk: IncidentDesk, later: Incident, change: dict[str, Any], said: str
) -> None:
    link(desk, "merge", other_id=later.id)
    inputs = desk.inputs(TWO)
    inputs["links"][0] |= change
    with pytest.raises(InputsRefusedError, match=said):
        compose(inputs)
