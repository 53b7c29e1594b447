"""Alarms and their rules over the API: the same services, strict bodies, clear refusals."""

import pytest
from sqlalchemy import select

from dcim.alarms.defaults import ensure_rules
from dcim.alarms.models import Alarm, AlarmRule
from dcim.columns import utc_now
from dcim.db import ScopedSession
from tests.integration.api.conftest import MakeClient
from tests.integration.web.boards import House

RULES, ALARMS = "/api/v1/alarm-rules", "/api/v1/alarms"
NEW = {
    "code": "warm-rack", "name": "机柜偏热", "name_en": "Warm rack", "kind": "threshold",
    "quantity": "temperature", "raise_at": 25, "clear_at": 24, "severity": "warning",
}  # fmt: skip


@pytest.fixture
def alarm(session: ScopedSession) -> Alarm:
    ensure_rules(session)
    rule = session.scalars(select(AlarmRule).where(AlarmRule.code == "port-down")).one()
    now = utc_now()
    made = Alarm(
        rule_id=rule.id, subject_kind="port", subject_id=7, label="sw 7", severity="major",
        began_at=now, raised_at=now, seen_at=now, value=1, limit=1, detail={"lane": 2},
    )  # fmt: skip
    session.add(made)
    session.commit()
    return made


def test_an_alarm_is_listed_and_worked_on(api: MakeClient, alarm: Alarm) -> None:
    noc = api("noc")
    listed = noc.get(ALARMS).get_json()
    assert [(one["id"], one["rule_code"]) for one in listed["items"]] == [(alarm.id, "port-down")]
    assert [one["detail"] for one in listed["items"]] == [{"lane": 2}]
    assert noc.get(f"{ALARMS}?severity=critical").get_json()["total"] == 0
    assert noc.get(f"{ALARMS}?severity=mild").status_code == 422
    one = f"{ALARMS}/{alarm.id}"
    taken = noc.post(f"{one}/acknowledge", json={"note": "看一下"})
    assert (taken.status_code, taken.get_json()["acknowledged_by"]) == (200, "noc-0@example.com")
    again = noc.post(f"{one}/acknowledge", json={})
    assert again.status_code == 409
    assert "noc-0@example.com" in again.get_json()["detail"]
    assert noc.put(f"{one}/snooze", json={"until": "2001-01-01T00:00:00Z"}).status_code == 422
    assert noc.delete(f"{one}/snooze").status_code == 409
    assert noc.post(f"{one}/notes", json={"text": "a\nb"}).status_code == 200
    assert noc.put(f"{one}/assignee", json={"person": "x@example.com"}).status_code == 422
    kinds = [event["kind"] for event in noc.get(f"{one}/events").get_json()]
    assert kinds == ["noted", "acknowledged"]
    assert noc.get(f"{ALARMS}/999").status_code == 404


def test_an_alarm_is_made_an_incident(
    api: MakeClient, alarm: Alarm, session: ScopedSession
) -> None:
    tenant = House(session).add_tenant("A")
    alarm.subject_id = tenant.ports[0]
    session.commit()
    noc, one = api("noc"), f"{ALARMS}/{alarm.id}/incident"
    for wrong in ({}, {"reason": " "}, {"reason": "x", "kind": "network"}, {"reason": 1}):
        assert noc.post(one, json=wrong).status_code == 422, wrong
    assert api("auditor").post(one, json={"reason": "x"}).status_code == 403
    made = noc.post(one, json={"reason": "客户来电"})
    assert made.status_code == 201
    incident = made.get_json()
    assert (incident["subject"], incident["kind"]) == (f"port/{tenant.ports[0]}", "network")
    assert (incident["cause_en"], incident["ended_at"]) == ("Customer port down", None)
    again = noc.post(one, json={"reason": "x"})
    assert again.status_code == 409
    assert f"INC-{incident['id']}" in again.get_json()["detail"]
    listed = noc.get(f"{ALARMS}?incident_id={incident['id']}").get_json()["items"]
    assert [(row["id"], row["incident_id"]) for row in listed] == [(alarm.id, incident["id"])]


def test_who_may_only_look_changes_nothing(api: MakeClient, alarm: Alarm) -> None:
    auditor = api("auditor")
    assert auditor.get(f"{ALARMS}/{alarm.id}").status_code == 200
    assert auditor.post(f"{ALARMS}/{alarm.id}/acknowledge", json={}).status_code == 403
    assert auditor.post(RULES, json=NEW).status_code == 403


def test_a_rule_is_entered_tried_and_switched(api: MakeClient, alarm: Alarm) -> None:
    noc = api("noc")
    made = noc.post(RULES, json=NEW)
    assert (made.status_code, made.get_json()["enabled"]) == (201, False)
    assert noc.post(RULES, json=NEW).status_code == 409
    for wrong in (
        {"raise_at": "25"}, {"raise_at": True}, {"raise_at": 10**12}, {"clear_at": 26},
        {"kind": "state"}, {"quantity": "colour"}, {"raise_for_s": -1}, {"raise_for_s": 10**9},
        {"flap_changes": 2}, {"code": "A B"}, {"site_id": 999},
    ):  # fmt: skip
        refused = noc.post(RULES, json=NEW | {"code": "other"} | wrong)
        assert refused.status_code == 422, wrong
    ahead = NEW | {"kind": "forecast", "window_s": 604_800, "horizon_s": 86_400}
    for wrong in ({"horizon_s": 0}, {"horizon_s": 10**9}, {"tell_after_min": 5}):
        assert noc.post(RULES, json=ahead | {"code": "other"} | wrong).status_code == 422, wrong
    assert noc.post(RULES, json=ahead | {"code": "ahead"}).get_json()["horizon_s"] == 86_400
    burn = NEW | {
        "kind": "burn", "quantity": "item_burn", "way": "above", "raise_at": 14.4,
        "clear_at": 14.4, "window_s": 3600,
    }  # fmt: skip
    for wrong in (
        {"way": "below"}, {"window_s": 900}, {"window_s": 4 * 86_400}, {"clear_at": -1},
        {"raise_at": 0, "clear_at": 0}, {"quantity": "node_load"}, {"kind": "threshold"},
        {"horizon_s": 3600}, {"tell_after_min": 5}, {"subject_class": "uplink"},
    ):  # fmt: skip
        assert noc.post(RULES, json=burn | {"code": "other"} | wrong).status_code == 422, wrong
    assert noc.post(RULES, json=burn | {"code": "burning"}).get_json()["window_s"] == 3600
    down = f"{RULES}/{alarm.rule_id}"
    deeds = {"incident_after_min": 5, "tell_after_min": 10}
    assert noc.patch(down, json=deeds).get_json().items() >= deeds.items()
    assert noc.patch(down, json={"tell_after_min": None}).get_json()["tell_after_min"] is None
    assert noc.patch(down, json={"tell_after_min": 1441}).status_code == 422
    one = f"{RULES}/{made.get_json()['id']}"
    on = noc.patch(one, json={"enabled": True, "raise_at": 26})
    assert (on.get_json()["enabled"], on.get_json()["raise_at"]) == (True, 26)
    asked = noc.post(f"{one}/tests", json={"days": 3, "limits": {"raise_at": 30}})
    assert (asked.status_code, asked.get_json()["state"]) == (202, "waiting")
    assert asked.get_json()["rule"]["raise_at"] == 30
    assert noc.get(f"{RULES}/tests/{asked.get_json()['id']}").status_code == 200
    assert noc.post(f"{one}/tests", json={"days": 93}).status_code == 422
    assert noc.get(one).get_json()["raise_at"] == 26
    assert (
        noc.post(f"{one}/overrides", json={"scope": "subject", "target_id": 1}).status_code == 422
    )
    assert noc.delete(one).status_code == 204
    used = noc.delete(f"{RULES}/{alarm.rule_id}")
    assert used.status_code == 409
    assert "switch it off" in used.get_json()["detail"]


def test_recipients_are_for_those_who_keep_alarms(api: MakeClient, alarm: Alarm) -> None:
    noc = api("noc")
    path = "/api/v1/alarm-recipients"
    told = {"address": "noc@example.com", "severity": "major"}
    assert noc.post(path, json=told).status_code == 201
    assert noc.post(path, json=told).status_code == 409
    assert noc.post(path, json=told | {"address": "nobody"}).status_code == 422
    [row] = noc.get(path).get_json()
    assert noc.delete(f"{path}/{row['id']}").status_code == 204
    assert api("auditor").get(path).status_code == 403
