"""Traps and syslog for Prometheus: what is received, what isn't, what waits; for staff."""

from collections import Counter
from dataclasses import replace

import pytest
from flask import Flask

from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.db import ScopedSession, SessionFactory, transaction
from dcim.intake.spool import Spool
from dcim.snmp.agents.received import record_drops
from dcim.syslog.entries import Spooled, make_entry
from dcim.syslog.message import parse as parse_message
from dcim.syslog.models import SyslogDrop
from dcim.syslog.receiver import SPOOL, SUFFIX
from dcim.syslog.recording import record
from tests.integration.api.conftest import MakeClient
from tests.integration.api.test_metrics import METRICS, parse
from tests.integration.web.boards import House

SYSTEM = Scope.system("test")
INTAKE = f"{METRICS}?part=intake"


def test_what_comes_unasked_is_told_where_it_is_received(
    app: Flask, api: MakeClient, sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(app.config["JIFANG"], trap_listen=None)
    monkeypatch.setitem(app.config, "JIFANG", settings)
    now = utc_now()
    entry = make_entry(
        "u", int(now.timestamp() * 1000), "192.0.2.1", None, None, parse_message(b"<13>x")
    )
    entry.count = 600
    with transaction(sessions, SYSTEM) as session:
        record(session, Spooled([entry], []), ())
        record_drops(session, SyslogDrop, Counter({(None, "too_long"): 7}), now)
    Spool(settings.spool_folder / SPOOL, 1_000_000, SUFFIX).put(b"{}")
    noc = api("noc")
    assert parse(noc.get(INTAKE).get_data(as_text=True))["jifang_intake_dropped"] == []
    monkeypatch.setitem(
        app.config, "JIFANG", replace(settings, syslog_in_listen=("127.0.0.1", 514))
    )
    found = parse(noc.get(INTAKE).get_data(as_text=True))
    kind = {"kind": "syslog"}
    assert found["jifang_intake_received_per_second"] == [(kind, 2.0)]
    assert found["jifang_intake_dropped"] == [(kind | {"reason": "too_long"}, 7.0)]
    assert found["jifang_intake_spool_bytes"] == [(kind, 4_096.0)]
    [(labels, last_s)] = found["jifang_intake_last_timestamp_seconds"]
    assert labels == kind
    assert last_s == pytest.approx(now.timestamp(), abs=0.01)
    assert "jifang_intake" in noc.get(METRICS).get_data(as_text=True)


def test_a_customer_is_told_nothing_of_it(api: MakeClient, session: ScopedSession) -> None:
    own = House(session).add_tenant("A")
    customer = api("customer_viewer", customer_id=own.customer_id)
    for path in (METRICS, INTAKE):
        answer = customer.get(path)
        assert answer.status_code == 200
        assert "jifang_intake" not in answer.get_data(as_text=True)
