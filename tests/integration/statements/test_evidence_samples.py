"""The samples that show an incident: as measured, at both edges, for staff alone."""

import pytest
from sqlalchemy import select

from dcim.config import Settings
from dcim.db import ScopedSession
from dcim.errors import ForbiddenError
from dcim.metering.models import Series
from dcim.sla.evidence_samples import read_edges
from dcim.sla.queries import find_incident
from tests.integration.statements.incident_desk import MINUTE, NOON, IncidentDesk


def test_the_samples_at_both_edges(session: ScopedSession, settings: Settings) -> None:
    desk = IncidentDesk(session, settings)
    series = session.scalars(select(Series.id).where(Series.slot == "ge3-state")).one()
    desk.incident.evidence = [{"series": series, "name": "sw-1/ge3-state"}]
    session.flush()
    samples = read_edges(session, desk.ann, find_incident(session, desk.ann, desk.incident.id))
    # Polled each minute; a sample holds 90 seconds.
    start = [one.at for one in samples if one.edge == "start"]
    assert start == [NOON - MINUTE, NOON, NOON + MINUTE]
    end = [one.at for one in samples if one.edge == "end"]
    assert end == [NOON + 49 * MINUTE, NOON + 50 * MINUTE, NOON + 51 * MINUTE]
    assert {(one.series, one.reading) for one in samples} == {("sw-1/ge3-state", "up")}


def test_one_that_lasts_or_that_no_meter_saw(session: ScopedSession, settings: Settings) -> None:
    desk = IncidentDesk(session, settings)
    row = desk.measured(NOON, None, key="lasting")
    assert read_edges(session, desk.ann, find_incident(session, desk.ann, row.id)) == []
    series = session.scalars(select(Series.id).where(Series.slot == "ge3-state")).one()
    row.evidence = [{"series": series, "name": "x"}, {"series": 10**6, "name": "gone"}]
    session.flush()
    samples = read_edges(session, desk.ann, find_incident(session, desk.ann, row.id))
    assert {(one.edge, one.series) for one in samples} == {("start", "x")}
    own = find_incident(session, desk.own, row.id)
    with pytest.raises(ForbiddenError):
        read_edges(session, desk.own, own)
