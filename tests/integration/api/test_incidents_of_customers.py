"""A shared incident tells a customer nothing of the others it hit."""

import pytest
from sqlalchemy import update

import dcim.sla.queries
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.customers.models import Customer
from dcim.db import SessionFactory, transaction
from dcim.sla.models import Incident, IncidentImpact
from dcim.sla.queries import list_incidents

SYSTEM = Scope.system("test")
SHARED = "RPP-B1 with cabinets B-05 and B-06"


def tell(sessions: SessionFactory) -> tuple[str, str]:
    """What staff and what one of two hit customers read of an incident."""
    with transaction(sessions, SYSTEM) as session:
        customers = [Customer(code=c, name=c, name_en=c) for c in ("A", "B")]
        session.add_all(customers)
        session.flush()
        incident = Incident(
            key="k", kind="power", started_at=utc_now(), what=SHARED, what_en=SHARED,
            cause=SHARED, cause_en=SHARED, place=SHARED, evidence=[{"name": SHARED}],
        )  # fmt: skip
        incident.impacts = [
            IncidentImpact(customer_id=one.id, severity="down") for one in customers
        ]
        session.add(incident)
        first = customers[0].id
    with transaction(sessions, SYSTEM) as session:
        staff = repr(list_incidents(session, SYSTEM).items)
    scope = Scope.customer("a@example.com", first)
    with transaction(sessions, scope) as session:
        own = repr(list_incidents(session, scope).items)
    return staff, own


def test_shared_words_are_for_staff(sessions: SessionFactory) -> None:
    staff, own = tell(sessions)
    assert SHARED in staff
    assert "Power lost" in own
    assert "RPP" not in own
    assert "customer_code='B'" not in own


def test_without_hiding_they_show(
    sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control."""
    monkeypatch.setattr(dcim.sla.queries, "hide_shared", lambda incident: incident)
    assert SHARED in tell(sessions)[1]


def test_every_kind_has_words(sessions: SessionFactory) -> None:
    kinds = set(dcim.sla.queries.KIND_WORDS)
    with transaction(sessions, SYSTEM) as session:
        for kind in kinds:
            session.add(Incident(key=kind, kind=kind, started_at=utc_now(), what="", what_en=""))
        session.flush()
        session.execute(update(Incident).values(place="x"))
