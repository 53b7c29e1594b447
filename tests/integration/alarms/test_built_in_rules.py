"""What a new house is watched by, and what an update brings to one that runs."""

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from dcim.alarms.defaults import ensure_rules
from dcim.alarms.models import AlarmRule


def test_a_new_house_is_watched_and_an_update_switches_nothing_on(session: Session) -> None:
    assert ensure_rules(session)
    rule = session.scalars(select(AlarmRule).where(AlarmRule.code == "uplink-lag")).one()
    assert rule.enabled
    # As if it came with a later version; another is as its people made it.
    session.execute(delete(AlarmRule).where(AlarmRule.code == "uplink-lag"))
    changed = session.scalars(select(AlarmRule).where(AlarmRule.code == "customer-lag")).one()
    changed.raise_at = 2
    session.flush()
    assert ensure_rules(session) == 1
    brought = session.scalars(select(AlarmRule).where(AlarmRule.code == "uplink-lag")).one()
    assert not brought.enabled
    assert (changed.enabled, changed.raise_at) == (True, 2)
    assert ensure_rules(session) == 0
