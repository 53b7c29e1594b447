"""Alarms and their rules by pages and command line: what is shown, done, refused, at what cost."""

import datetime as dt
import html
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, select, update

from dcim.accounts.models import AuditEntry
from dcim.alarms.defaults import ensure_rules
from dcim.alarms.models import Alarm, AlarmRound, AlarmRule, AlarmTrial
from dcim.alarms.rounds import run_round
from dcim.alarms.trying import carry_out_trial
from dcim.columns import utc_now
from dcim.config import Settings
from dcim.customers.models import Contract, ContractItem
from dcim.db import ScopedSession, SessionFactory
from dcim.metering.models import Series
from dcim.sla import burn_progress
from dcim.sla.burn_models import BurnedStretch, BurnProgress
from dcim.sla.models import Incident
from tests.integration.web.boards import HOSTILE, Counter, House, Tenant
from tests.integration.web.conftest import Login, sign_in

MakeLogin = Callable[..., Login]


@pytest.fixture
def tenant(session: ScopedSession, settings: Settings) -> Tenant:
    """A customer's port, down for ten minutes; its switch has a hostile name."""
    house = House(session)
    # A test on history ends with the last whole second.
    house.now -= dt.timedelta(seconds=5)
    house.switch.name = f"SW {HOSTILE}"
    made = house.add_tenant("A", ports=1)
    ensure_rules(session)
    down(session, house, made)
    run_round(session, settings, house.now)
    session.commit()
    return made


def down(session: ScopedSession, house: House, tenant: Tenant) -> None:
    ids = session.scalars(
        select(Series.id).where(Series.port_id.in_(tenant.ports), Series.family == "state")
    )
    now = round(house.now.timestamp() * 1000) + 1
    house.store.append(session, "state", [(one, now, 0, 0, 2) for one in ids])
    session.commit()


@pytest.fixture
def noc(app: Flask, make_login: MakeLogin) -> FlaskClient:
    return client_of(app, make_login, "noc")


def client_of(app: Flask, make_login: MakeLogin, role: str) -> FlaskClient:
    client = app.test_client()
    assert sign_in(client, make_login(role)) == 302
    page = client.get("/noc/alarms").text
    token = page.split('csrf-token" content="', 1)[1].split('"', 1)[0]
    client.environ_base["HTTP_X_CSRFTOKEN"] = token
    return client


def text_of(client: FlaskClient, path: str, status: int = 200, **options: Any) -> str:
    answer = client.get(path, **options)
    assert answer.status_code == status, answer.text[:500]
    return answer.text


def test_the_list_shows_what_where_since_when_and_whom(noc: FlaskClient, tenant: Tenant) -> None:
    page = text_of(noc, "/noc/alarms")
    assert "Customer port down" in page
    assert "CANARY-A-name" in page
    assert "<script>alert" not in page
    assert "SW &lt;script&gt;" in page
    assert "Acknowledge" in page
    assert "No alarm fits" in text_of(noc, "/noc/alarms?severity=critical")
    assert "Customer port down" in text_of(noc, "/noc/alarms?q=customer+port&sort=-what")
    assert "Customer port down" not in text_of(noc, "/noc/alarms?show=over")
    # Mistyped filters show the list.
    for query in ("show=x&severity=y&kind=z", "sort=%00", "page=999999", "site=abc&rule=-1"):
        text_of(noc, f"/noc/alarms?{query}")


def test_which_lane_and_which_members_stand_beside_the_value(
    noc: FlaskClient,
    tenant: Tenant,
    session: ScopedSession,
    use_test_database: Callable[[object], None],
) -> None:
    from click.testing import CliRunner

    import dcim.commands.alarms as commands

    details: dict[str, dict[str, Any]] = {
        "customer-light": {
            "lane": 2, "way": "rx", "mdbm": -13_000, "limit_mdbm": -12_400, "is_low": True,
        },
        "customer-lag": {"members": 2, "lost": 1, "names": [f"xe1 {HOSTILE}"]},
    }  # fmt: skip
    now, made = utc_now(), {}
    for code, detail in details.items():
        rule = session.scalars(select(AlarmRule).where(AlarmRule.code == code)).one()
        made[code] = Alarm(
            rule=rule, subject_kind="port", subject_id=tenant.ports[0], label="sw", detail=detail,
            severity="warning", began_at=now, raised_at=now, seen_at=now, value=1, limit=0,
        )  # fmt: skip
        session.add(made[code])
    session.commit()
    pages = ["/noc/alarms", *(f"/noc/alarms/{one.id}" for one in made.values())]
    for path, light, lag in zip(pages, (True, True, False), (True, False, True), strict=True):
        page = text_of(noc, path)
        chinese = text_of(noc, f"{path}?lang=zh")
        assert ("lane 2: RX −13.00 dBm, low threshold −12.40 dBm" in page) == light
        assert ("通道 2 收光 −13.00 dBm，低门限 −12.40 dBm" in chinese) == light
        assert ("1 of 2 members lost: xe1 &lt;script&gt;" in page) == lag
        assert ("2 个成员口缺 1 个：xe1 &lt;script&gt;" in chinese) == lag
        assert "<script>alert" not in page + chinese
        noc.get("/noc/alarms?lang=en")
    rules = " ".join(re.sub("<[^>]+>", " ", text_of(noc, "/noc/alarm-rules")).split())
    assert "uplink-light on Major alarm below 0 dB for 10 min 0.5 dB for 15 min" in rules
    # Where a rule is made of it, in words.
    form = text_of(noc, "/noc/alarm-rules/new")
    for word in ("Light, from the nearest", "Members that a LAG", "Capacity that a LAG"):
        assert word in form
    use_test_database(commands)
    listed = CliRunner().invoke(commands.alarms, ["list", "--show", "open"])
    assert "lane 2: RX" in listed.output
    told = CliRunner().invoke(commands.alarms, ["list", "--show", "open", "--json"])
    said = {one["rule_code"]: one["detail"] for one in json.loads(told.stdout)}
    assert said == {"port-down": None, **details}


def test_a_wall_tells_what_is_raised_and_whether_anybody_evaluates(
    noc: FlaskClient, tenant: Tenant, session: ScopedSession
) -> None:
    wall = text_of(noc, "/noc/wall")
    assert "Nothing is wrong" not in wall
    # In the list, and in the band before an incident that interrupts nobody.
    assert wall.count("Customer port down") == 2
    assert "One feed lost" in wall
    assert "Nobody yet" in wall
    assert "<script>alert" not in wall
    # A mere warning doesn't stand before ports that are down, but before that all is well.
    session.execute(update(Alarm).values(severity="warning"))
    session.commit()
    assert "1 ports down" in text_of(noc, "/noc/wall")
    session.execute(delete(Series).where(Series.port_id.in_(tenant.ports)))
    session.commit()
    assert text_of(noc, "/noc/wall").count("Customer port down") == 1
    session.execute(update(Incident).values(ended_at=dt.datetime.now(dt.UTC)))
    session.commit()
    assert text_of(noc, "/noc/wall").count("Customer port down") == 2
    # Nothing raised says something only while rounds go on.
    session.execute(update(Alarm).values(cleared_at=Alarm.raised_at, ending="cleared"))
    session.commit()
    assert "Nobody evaluates" not in text_of(noc, "/noc/wall")
    session.execute(update(AlarmRound).values(at=dt.datetime.now(dt.UTC) - dt.timedelta(minutes=3)))
    session.commit()
    assert "Nobody evaluates" in text_of(noc, "/noc/wall")


def test_what_is_put_off_stands_on_the_wall_below_what_people_are_told(
    noc: FlaskClient, tenant: Tenant, session: ScopedSession
) -> None:
    session.execute(delete(Series).where(Series.port_id.in_(tenant.ports)))
    later = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    session.execute(update(Alarm).values(snoozed_until=later, severity="critical"))
    session.commit()
    # In the list alone: the band tells the feed that is lost.
    assert text_of(noc, "/noc/wall").count("Customer port down") == 1
    session.execute(update(Incident).values(ended_at=dt.datetime.now(dt.UTC)))
    session.commit()
    wall = text_of(noc, "/noc/wall")
    assert wall.count("Customer port down") == 2
    assert "Nothing is wrong" not in wall


def test_a_cause_shows_what_follows_from_it_and_whom_all_of_it_hits(
    noc: FlaskClient, tenant: Tenant, session: ScopedSession
) -> None:
    root = session.scalars(select(Alarm)).one()
    rule = session.scalars(select(AlarmRule).where(AlarmRule.code == "agent-silent")).one()
    below = Alarm(
        rule=rule, subject_kind="agent", subject_id=1, label=f"BEHIND {HOSTILE}", severity="major",
        began_at=root.began_at, raised_at=root.raised_at, seen_at=root.seen_at, value=200,
        limit=180, root_id=root.id,
    )  # fmt: skip
    session.add(below)
    session.commit()
    listed = text_of(noc, "/noc/alarms")
    assert "consequences: 1" in listed
    assert "BEHIND" not in listed
    assert "BEHIND" in text_of(noc, "/noc/alarms?show=open")
    page = text_of(noc, f"/noc/alarms/{root.id}")
    assert "What follows from it" in page
    assert "BEHIND &lt;script&gt;" in page
    assert "<script>alert" not in page
    assert "by this and all that follows from it, 1 in all" in page
    assert "CANARY-A-name" in page
    assert f"/noc/alarms/{root.id}" in text_of(noc, f"/noc/alarms/{below.id}")


def test_a_budget_that_burns_shows_what_counted_and_what_counts_no_more(
    noc: FlaskClient, tenant: Tenant, session: ScopedSession
) -> None:
    item = session.scalars(select(ContractItem).where(ContractItem.code.like("%ip0"))).one()
    rule = session.scalars(select(AlarmRule).where(AlarmRule.code == "sla-burning-fast")).one()
    at = utc_now().replace(microsecond=0) - dt.timedelta(minutes=20)
    alarm = Alarm(
        rule_id=rule.id, subject_kind="item", subject_id=item.id, label=HOSTILE, severity="major",
        began_at=at, raised_at=at, seen_at=at + dt.timedelta(seconds=131), value=16.7, limit=14.4,
    )  # fmt: skip
    stretches = [(-4, 2, 0.001, None), (-9, -5, 0.00001, 3), (-70, -65, 0.001, None)]
    session.add(alarm)
    session.add_all(
        BurnedStretch(
            customer_id=item.customer_id, contract_item_id=item.id, metric=f"network{start}",
            left_share=left, started_at=at + dt.timedelta(minutes=start),
            ended_at=at + dt.timedelta(minutes=end), known_at=at,
            undone_at=None if undone is None else at + dt.timedelta(minutes=undone),
        )
        for start, end, left, undone in stretches
    )  # fmt: skip
    session.commit()
    page = text_of(noc, f"/noc/alarms/{alarm.id}")
    assert "16.7 ×" in page
    assert "limit 14.4 ×" in page
    assert "known 131 s later" in page
    assert "network-4" in page
    assert "leaves 0.1 %" in page
    assert "leaves nothing" in page
    assert page.count("counts no more") == 1
    # What was over before the hour in which it was raised isn't told.
    assert "network-70" not in page
    assert "<script>alert" not in page
    assert f"/staff/contract-items/{item.id}" in page
    assert noc.get(f"/staff/contract-items/{item.id}", follow_redirects=True).status_code == 200
    suggested = fields_of(text_of(noc, f"/noc/alarms/{alarm.id}/incident"))
    assert suggested["subject"] == item.code


def test_a_contract_that_cant_be_judged_is_told_with_its_reason_on_list_and_alarm(
    noc: FlaskClient, tenant: Tenant, session: ScopedSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = session.scalars(select(ContractItem).where(ContractItem.code.like("%ip0"))).one()
    rule = session.scalars(select(AlarmRule).where(AlarmRule.code == "sla-burning-fast")).one()
    at = utc_now().replace(microsecond=0) - dt.timedelta(minutes=3)
    alarm = Alarm(
        rule_id=rule.id, subject_kind="item", subject_id=item.id, label="x", severity="major",
        began_at=at, raised_at=at, seen_at=at, value=16.7, limit=14.4,
    )  # fmt: skip
    behind = BurnProgress(
        contract_id=item.contract_id, customer_id=item.customer_id, until=at,
        problem=f"2026-11: {HOSTILE}",
    )  # fmt: skip
    session.add_all([alarm, behind])
    session.commit()
    # While no rule asks what burns nobody is bothered.
    assert "contract isn" not in text_of(noc, "/noc/alarms")
    rule.enabled = True
    session.commit()
    page = text_of(noc, "/noc/alarms")
    assert "What burns of 1 contract isn't known" in page
    assert f'href="/noc/credits/{item.contract_id}"' in page
    assert "2026-11: &lt;script&gt;" in page
    assert "<script>alert" not in page
    shown = text_of(noc, f"/noc/alarms/{alarm.id}")
    assert "Its contract can't be judged" in shown
    assert "2026-11: &lt;script&gt;" in shown
    behind.problem = ""
    session.commit()
    # It only waits, and not for long yet.
    assert "isn't known" not in text_of(noc, "/noc/alarms")
    behind.until = at - dt.timedelta(minutes=10)
    session.commit()
    assert "waits for its turn" in text_of(noc, "/noc/alarms")
    assert "Its contract isn't judged yet" in text_of(noc, f"/noc/alarms/{alarm.id}")
    # All are counted, however many are listed.
    other = Contract(
        customer_id=item.customer_id, number="K-2", starts_on=at.date(), state="signed"
    )
    session.add(other)
    session.flush()
    session.add(
        BurnProgress(
            contract_id=other.id, customer_id=other.customer_id, until=at, problem="no terms"
        )
    )
    session.commit()
    monkeypatch.setattr(burn_progress, "LISTED", 1)
    page = text_of(noc, "/noc/alarms")
    assert "What burns of 2 contracts" in page
    assert "no terms" not in page
    alarm.cleared_at, alarm.ending = at, "cleared"
    session.commit()
    assert "isn't judged yet" not in text_of(noc, f"/noc/alarms/{alarm.id}")


def test_an_alarm_is_made_an_incident_by_one_click(
    noc: FlaskClient, app: Flask, make_login: MakeLogin, tenant: Tenant
) -> None:
    assert "Open an incident" in text_of(noc, "/noc/alarms/1")
    page = text_of(noc, "/noc/alarms/1/incident")
    assert "CANARY-A-name" in page
    assert 'value="SW &lt;script&gt;' in page
    for given in ('value="Customer port down"', 'value="客户端口 down"', 'value="Alarm 1: '):
        assert given in page
    assert "<script>alert" not in page
    typed = fields_of(page)
    wrong = noc.post("/noc/alarms/1/incident", data=typed | {"reason": "", "cause": "mine"})
    assert wrong.status_code == 422
    assert 'value="mine"' in wrong.text
    assert noc.post("/noc/alarms/1/incident", data=typed).status_code == 303
    page = text_of(noc, "/noc/alarms/1")
    incident = page.split("/incidents/", 1)[1].split('"', 1)[0]
    assert f"INC-{incident} is recorded" in page
    assert "Open an incident" not in page
    assert "/noc/alarms/1" in text_of(noc, f"/staff/incidents/{incident}")
    again = noc.post("/noc/alarms/1/incident", data=typed | {"cause": "mine"})
    assert again.status_code == 409
    assert f"INC-{incident} is this alarm&#39;s incident already" in again.text
    assert 'value="mine"' in again.text
    # Likewise the second of two clicks that link what is there, where nothing is typed.
    linked = noc.post("/noc/alarms/1/incident")
    assert linked.status_code == 409
    assert f"INC-{incident} is this alarm&#39;s incident already" in linked.text
    assert "INC-" in text_of(noc, "/noc/alarms/1/incident", 409)
    reader = client_of(app, make_login, "auditor")
    text_of(reader, "/noc/alarms/1/incident", 403)


def fields_of(page: str) -> dict[str, str]:
    """What the form of a deed would send as it stands."""
    form = page.split('id="act-form"', 1)[1].partition("</form>")[0]
    found = {}
    for tag in re.findall(r"<input[^>]*>", form):
        name, value = re.search(r'name="(\w+)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and value:
            found[name[1]] = html.unescape(value[1])
    for name, inside in re.findall(r'<select[^>]*name="(\w+)"(.*?)</select>', form, re.DOTALL):
        found[name] = re.findall(r'<option selected value="(\w+)"', inside)[0]
    return found


def test_the_list_refreshes_by_its_tag(noc: FlaskClient, tenant: Tenant) -> None:
    htmx = {"HX-Request": "true"}
    first = noc.get("/noc/alarms", headers=htmx)
    again = noc.get("/noc/alarms", headers=htmx | {"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    noc.post("/noc/alarms/1/acknowledge", data={"note": ""})
    changed = noc.get("/noc/alarms", headers=htmx | {"If-None-Match": first.headers["ETag"]})
    assert changed.status_code == 200
    assert "<html" not in changed.text


def test_an_alarm_is_taken_and_written_to(
    noc: FlaskClient, tenant: Tenant, session: ScopedSession
) -> None:
    assert "Put off" in text_of(noc, "/noc/alarms/1")
    assert noc.post("/noc/alarms/1/acknowledge", data={"note": HOSTILE}).status_code == 303
    refused = noc.post("/noc/alarms/1/acknowledge", data={"note": "mine"})
    assert refused.status_code == 409
    assert "noc-0@example.com has acknowledged it already" in refused.text
    assert 'value="mine"' in refused.text
    assert noc.post("/noc/alarms/1/note", data={"text": ""}).status_code == 422
    assert noc.post("/noc/alarms/1/note", data={"text": "optics"}).status_code == 303
    assert noc.post("/noc/alarms/1/assign", data={"person": "x@example.com"}).status_code == 422
    assert noc.post("/noc/alarms/1/assign", data={"person": ""}).status_code == 303
    late = noc.post("/noc/alarms/1/snooze", data={"until": "2001-01-01T00:00"})
    assert late.status_code == 422
    assert noc.post("/noc/alarms/1/unsnooze").status_code == 409
    page = text_of(noc, "/noc/alarms/1")
    assert "<script>" not in page.split("<main")[1].split("</main>")[0]
    assert "optics" in page
    deeds = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert [one for one in deeds if one.startswith("alarm.")] == [
        "alarm.acknowledged", "alarm.noted", "alarm.assigned",
    ]  # fmt: skip
    text_of(noc, "/noc/alarms/999", 404)


def test_who_only_looks_sees_no_buttons(app: Flask, make_login: MakeLogin, tenant: Tenant) -> None:
    auditor = client_of(app, make_login, "auditor")
    assert "Acknowledge<" not in text_of(auditor, "/noc/alarms/1")
    assert "Switch off" not in text_of(auditor, "/noc/alarm-rules/2")
    assert auditor.post("/noc/alarms/1/acknowledge").status_code == 403


def test_a_rule_is_tried_then_switched_on(
    noc: FlaskClient, tenant: Tenant, session: ScopedSession, sessions: SessionFactory
) -> None:
    rule = session.scalars(select(AlarmRule).where(AlarmRule.code == "port-down")).one()
    assert noc.post(f"/noc/alarm-rules/{rule.id}/switch", data={"enabled": "no"}).status_code == 303
    assert "It is off" in text_of(noc, f"/noc/alarm-rules/{rule.id}")
    typed = {
        "name": "端口", "name_en": "Port", "severity": "critical", "way": "above", "raise_at": "1",
        "raise_for_s": "0", "clear_at": "0", "clear_for_s": "60", "window_s": "0",
        "flap_changes": "6", "flap_within_s": "600", "subject_class": "customer", "site_id": "0",
        "days": "2",
    }  # fmt: skip
    path = f"/noc/alarm-rules/{rule.id}/test"
    text_of(noc, path)
    broken = noc.post(path, data=typed | {"clear_at": "5"})
    assert broken.status_code == 422
    assert "It must end on the better side" in broken.text
    asked = noc.post(path, data=typed)
    assert asked.status_code == 303
    trial = session.scalars(select(AlarmTrial)).one()
    assert "Waits for a worker" in text_of(noc, asked.location)
    session.commit()
    assert carry_out_trial(sessions, trial.id) == "done"
    page = text_of(noc, asked.location)
    assert "Would have fired 1 time in 2 days" in page
    assert "<html" not in text_of(noc, asked.location, headers={"HX-Request": "true"})
    # Nothing of what was typed is saved.
    session.expire_all()
    assert (rule.severity, rule.name_en) == ("major", "Customer port down")
    deeds = {"incident_after_min": "5", "tell_after_min": ""}
    wrong = noc.post(f"/noc/alarm-rules/{rule.id}/edit", data=typed | {"tell_after_min": "1441"})
    assert wrong.status_code == 422
    assert noc.post(f"/noc/alarm-rules/{rule.id}/edit", data=typed | deeds).status_code == 303
    shown = text_of(noc, f"/noc/alarm-rules/{rule.id}")
    assert "opens an incident after 5 min" in shown
    assert "tells customers" not in shown
    assert (
        noc.post(f"/noc/alarm-rules/{rule.id}/switch", data={"enabled": "yes"}).status_code == 303
    )
    session.expire_all()
    assert (rule.severity, rule.enabled) == ("critical", True)


def test_rules_exceptions_and_recipients_are_entered_and_removed(
    noc: FlaskClient, tenant: Tenant, session: ScopedSession
) -> None:
    new = {
        "code": "hot-rise", "quantity": "temperature", "kind": "rate", "name": "升温",
        "name_en": HOSTILE, "severity": "major", "way": "above", "raise_at": "10",
        "raise_for_s": "0", "clear_at": "5", "clear_for_s": "0", "window_s": "900",
        "flap_changes": "0", "flap_within_s": "0", "subject_class": "", "site_id": "0",
    }  # fmt: skip
    text_of(noc, "/noc/alarm-rules/new")
    assert noc.post("/noc/alarm-rules/new", data=new | {"raise_at": "nan"}).status_code == 422
    made = noc.post("/noc/alarm-rules/new", data=new)
    assert made.status_code == 303
    assert noc.post("/noc/alarm-rules/new", data=new).status_code == 409
    ahead = {
        "code": "load-ahead", "quantity": "node_load", "kind": "forecast", "raise_at": "100",
        "clear_at": "95", "window_s": "604800", "horizon_s": "86400",
    }  # fmt: skip
    for wrong in ({"horizon_s": "0"}, {"window_s": "900"}, {"incident_after_min": "5"}):
        assert noc.post("/noc/alarm-rules/new", data=new | ahead | wrong).status_code == 422
    foreseen = noc.post("/noc/alarm-rules/new", data=new | ahead)
    assert "looking ahead" in text_of(noc, foreseen.location)
    edit = text_of(noc, f"{foreseen.location}/edit")
    assert 'value="86400"' in edit
    assert "incident_after_min" not in edit
    assert "incident_after_min" not in text_of(noc, f"{foreseen.location}/test")
    tried = noc.post(f"{foreseen.location}/test", data=new | ahead | {"days": "2"})
    assert tried.status_code == 303
    burning = {
        "code": "burning", "quantity": "item_burn", "kind": "burn", "raise_at": "14.4",
        "clear_at": "14.4", "window_s": "3600", "flap_changes": "0", "flap_within_s": "0",
    }  # fmt: skip
    for wrong in ({"window_s": "900"}, {"raise_at": "0", "clear_at": "0"}, {"way": "below"}):
        assert noc.post("/noc/alarm-rules/new", data=new | burning | wrong).status_code == 422
    burns = noc.post("/noc/alarm-rules/new", data=new | burning)
    assert "14.4 ×" in text_of(noc, burns.location)
    edit = text_of(noc, f"{burns.location}/edit")
    assert 'type="hidden" name="window_s"' not in edit
    assert 'type="hidden" name="horizon_s"' in edit
    assert noc.post(f"{burns.location}/edit", data=new | burning).status_code == 303
    page = text_of(noc, made.location)
    assert "<script>alert" not in page
    given = {"scope": "site", "target": "1", "enabled": "no", "severity": ""}
    path = f"{made.location}/exceptions/new"
    text_of(noc, path)
    assert noc.post(path, data=given | {"target": "99"}).status_code == 422
    assert noc.post(path, data=given | {"target": "x"}).status_code == 422
    assert noc.post(path, data=given).status_code == 303
    assert "A site" in text_of(noc, made.location)
    assert noc.post(f"{made.location}/exceptions/1/remove").status_code == 303
    assert noc.post(f"{made.location}/exceptions/1/remove").status_code == 404
    told = {"address": "a@example.com", "severity": "major", "language": "zh", "site_id": "0"}
    text_of(noc, "/noc/alarm-recipients/new")
    assert noc.post("/noc/alarm-recipients/new", data=told).status_code == 303
    assert noc.post("/noc/alarm-recipients/new", data=told).status_code == 409
    assert noc.post("/noc/alarm-recipients/new", data=told | {"address": "a"}).status_code == 422
    assert "a@example.com" in text_of(noc, "/noc/alarm-rules")
    assert noc.post("/noc/alarm-recipients/1/remove").status_code == 303
    assert noc.post(f"{made.location}/delete").status_code == 303
    built_in = session.scalars(select(AlarmRule.id).where(AlarmRule.built_in)).first()
    assert noc.post(f"/noc/alarm-rules/{built_in}/delete").status_code == 409


def test_the_list_costs_the_same_for_one_alarm_and_for_many(
    noc: FlaskClient, tenant: Tenant, session: ScopedSession, sessions: SessionFactory
) -> None:
    engine = sessions.kw["bind"]

    def cost(path: str) -> int:
        with Counter(engine) as counter:
            text_of(noc, path)
        return counter.count

    before = cost("/noc/alarms"), cost("/noc/alarm-rules")
    for number in range(2, 30):
        one = session.get_one(Alarm, 1)
        session.add(
            Alarm(
                rule_id=one.rule_id, subject_kind="port", subject_id=1000 + number, label="x",
                severity="major", began_at=one.began_at, raised_at=one.raised_at,
                seen_at=one.seen_at, value=1, limit=1,
            )
        )  # fmt: skip
    session.commit()
    assert (cost("/noc/alarms"), cost("/noc/alarm-rules")) == before


def test_the_command_line_lists_and_tries(
    tenant: Tenant, use_test_database: Callable[[object], None]
) -> None:
    from click.testing import CliRunner

    import dcim.commands.alarms as commands

    use_test_database(commands)
    listed = CliRunner().invoke(commands.alarms, ["list"])
    assert listed.exit_code == 0, listed.output
    assert "port-down" in listed.output
    found = CliRunner().invoke(
        commands.alarms, ["test", "port-down", "--days", "2", "--json"], catch_exceptions=False
    )
    assert json.loads(found.stdout)["fired"] == 1
    assert (
        "would have fired 1 times"
        in CliRunner().invoke(commands.alarms, ["test", "port-down", "--days", "2"]).output
    )
    assert CliRunner().invoke(commands.alarms, ["test", "nothing"]).exit_code != 0
