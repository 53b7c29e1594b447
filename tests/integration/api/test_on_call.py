"""On-call calendars and escalation policies over the API: strict bodies, clear refusals."""

import datetime as dt
from typing import Any

from dcim.columns import utc_now
from tests.integration.api.conftest import MakeClient

CALENDARS, POLICIES = "/api/v1/on-call-calendars", "/api/v1/escalation-policies"
NEW: dict[str, Any] = {
    "name": "网络值班", "timezone": "Asia/Shanghai", "handover": "09:00", "first_day": "2026-01-01",
    "people": ["noc-0@example.com"],
}  # fmt: skip


def test_a_calendar_and_a_policy_live_and_die(api: MakeClient) -> None:
    noc = api("noc")
    made = noc.post(CALENDARS, json=NEW)
    assert made.status_code == 201, made.text
    row = made.get_json()
    assert (row["now"]["person"], row["handover"]) == ("noc-0@example.com", "09:00")
    one = f"{CALENDARS}/{row['id']}"
    again = noc.post(CALENDARS, json=NEW)
    assert again.status_code == 409
    assert "网络值班" in again.get_json()["detail"]
    changed = noc.put(one, json=NEW | {"ends_on": "2026-01-08"}).get_json()
    assert (changed["now"]["by"], len(changed["gaps"])) == ("gap", 1)
    starts, ends = (utc_now() + dt.timedelta(days=days) for days in (30, 31))
    times = {"starts_at": starts.isoformat(), "ends_at": ends.isoformat()}
    stood = noc.post(f"{one}/stand-ins", json={"person": "noc-0@example.com", **times})
    assert stood.status_code == 201, stood.text
    [standing] = stood.get_json()["stand_ins"]
    steps = [
        {"after_min": 5, "kind": "calendar", "target_id": row["id"]},
        {"after_min": 9, "kind": "person", "target_id": 1},
    ]
    policy = noc.post(POLICIES, json={"name": "夜间", "severity": "major", "steps": steps})
    assert policy.status_code == 201, policy.text
    told = [step["whom"] for step in policy.get_json()["steps"]]
    assert told == ["网络值班", "noc-0@example.com"]
    path = f"{POLICIES}/{policy.get_json()['id']}"
    assert noc.delete(one).status_code == 409
    assert noc.get(f"{POLICIES}/alarms/999/plans").status_code == 404
    off = noc.put(path, json={"name": "夜", "severity": "major", "steps": steps, "enabled": False})
    assert off.get_json()["enabled"] is False
    assert noc.delete(path).status_code == 204
    assert noc.delete(f"{one}/stand-ins/{standing['id']}").status_code == 204
    assert noc.delete(one).status_code == 204
    assert noc.get(CALENDARS).get_json() == []
    assert noc.get(one).status_code == 404


def test_what_cannot_be_is_refused(api: MakeClient) -> None:
    noc = api("noc")
    cases: list[dict[str, Any]] = [
        {"people": []}, {"people": ["x@example.com"]}, {"handover": "9 o'clock"}, {"days": 0},
        {"timezone": "Mars"}, {"first_day": "soon"}, {"colour": "red"},
        {"holidays": [{"day": "2026-10-01", "person": "x@example.com"}]},
        # Of two who are named for a day one would be lost.
        {"holidays": [{"day": "2026-10-01", "person": "noc-0@example.com"}] * 2},
    ]  # fmt: skip
    for change in cases:
        assert noc.post(CALENDARS, json=NEW | change).status_code == 422, change
    # The control.
    assert noc.post(CALENDARS, json=NEW).status_code == 201


def test_who_may_only_look_changes_nothing(api: MakeClient) -> None:
    auditor = api("auditor")
    assert auditor.get(CALENDARS).status_code == 200
    assert auditor.get(POLICIES).status_code == 200
    assert auditor.post(CALENDARS, json=NEW).status_code == 403
