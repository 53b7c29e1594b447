"""Mappings come in by a sheet, and the same sheet again changes nothing."""

from sqlalchemy import select

from dcim.db import ScopedSession
from dcim.syslog.models import SyslogMapping
from tests.integration.records.test_import import told
from tests.integration.records.test_import_of_kinds import run_import

SHEET = """event,contains,alarm_class,severity,meaning
LINK-UPDOWN,,network,warning,
LINK-UPDOWN,state to down,network,critical,端口中断
%%01IFNET/2/linkDown_active,,network,critical,端口中断
sshd,Accepted,access,info,
"""


def test_a_sheet_of_mappings_comes_in_once(session: ScopedSession) -> None:
    run = run_import(session, "syslog_mapping", SHEET)
    assert told(run) == []
    kept = select(SyslogMapping.event, SyslogMapping.contains, SyslogMapping.severity)
    rows = sorted(tuple(row) for row in session.execute(kept))
    assert rows == [
        ("IFNET/linkDown_active", "", "critical"), ("LINK-UPDOWN", "", "warning"),
        ("LINK-UPDOWN", "state to down", "critical"), ("sshd", "Accepted", "info"),
    ]  # fmt: skip
    again = SHEET.replace("%%01IFNET/2/", "IFNET/").replace("LINK-UPDOWN,,", "%LINK-3-UPDOWN,,")
    assert told(run_import(session, "syslog_mapping", again)) == []
    assert sorted(tuple(row) for row in session.execute(kept)) == rows
    twice = f"{SHEET}%LINK-3-UPDOWN,,network,info,\n"
    assert [row for row, *_ in told(run_import(session, "syslog_mapping", twice))] == [6]
    nameless = "event,alarm_class,severity\n,network,info\n:,network,info\n"
    assert [row for row, *_ in told(run_import(session, "syslog_mapping", nameless))] == [2, 3]
