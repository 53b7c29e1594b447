"""From disk to the database: `dcim.intake.writer` for syslog.

What means something (a link that is down, say) has its device polled; the rest doesn't: devices log
every login.
"""

import datetime as dt
from collections.abc import Iterable

from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.db import SessionFactory
from dcim.intake.decoder import Drops
from dcim.intake.spool import Spool
from dcim.intake.writer import DeferPolls, Writer
from dcim.snmp.agents.received import record_drops
from dcim.syslog.entries import Spooled, decode_entries, join, take_apart
from dcim.syslog.mappings import read_mappings
from dcim.syslog.models import SyslogDrop
from dcim.syslog.recording import record
from dcim.syslog.rules import shipped_rules

SYSTEM = Scope.system("syslog")


class SyslogWriter(Writer[Spooled]):
    """Records messages with what they mean."""

    def __init__(self, sessions: SessionFactory, spool: Spool, defer: DeferPolls) -> None:
        super().__init__(sessions, SYSTEM, spool, defer)

    def _decode(self, content: bytes) -> Spooled:
        return decode_entries(content)

    def _record(self, session: Session, spooled: Spooled) -> Iterable[str]:
        return record(session, spooled, (read_mappings(session), shipped_rules()))

    def _take_apart(self, spooled: Spooled) -> list[Spooled]:
        return take_apart(spooled)

    def _join(self, parts: list[Spooled]) -> bytes:
        return join(parts)

    def _count_drops(self, session: Session, drops: Drops) -> None:
        record_drops(session, SyslogDrop, drops, dt.datetime.now(dt.UTC))
